"""What people are told, whole messages in both languages: one name, few words, no small number."""

import re
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.messages.story import Office, Story, StoryWords
from alerting.messages.webhook import webhook_body
from alerting.messages.wording import SMS_CHARACTERS, MessageForm, NoticeText, write_notice, write_test
from config.files import load_configuration
from contract.alert import Alert
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.privacy import K
from contract.routing.notice import Notice, NoticeReason
from contract.routing.provider_card import parse_providers
from contract.texts import Language
from notifier.config import NotifierConfig
from notifier.shell import make_office
from tests.outbox import MINUTE_US, NOW_US, incident_of, notice_of, resolved, wan_down

OF_ONE_INCIDENT = [r for r in NoticeReason if r is not NoticeReason.DIGEST and not r.is_of_report]


@pytest.fixture(scope="module")
def office(city: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Office:
    own, folder = load_configuration(None), tmp_path_factory.mktemp("office")
    config = NotifierConfig("", "http://wall.example/", folder, folder)
    return make_office(config, city, own.catalogue, own.calendar, own.rules)


@pytest.fixture(scope="module")
def alert(city: Fleet, catalogue: Catalogue) -> Alert:
    return wan_down(city, 0, catalogue.named("online").id)


def shared(city: Fleet, **more: object) -> Incident:
    """Return an outage of a provider in the first school's cluster."""
    code = city.ward_by_code[city.schools[0].ward_code].cluster_code
    return incident_of(1, Cause(CauseKind.ISP_CLUSTER, isp=city.schools[0].isp, cluster_code=code), **more)


def alone(city: Fleet, pupils: int) -> Incident:
    cause = Cause(CauseKind.SCHOOL, school_id=city.schools[0].id)
    return incident_of(
        2, cause, schools=1, most_schools=1, alerts=1, all_alerts=1, pupils=pupils, most_pupils=pupils
    )


def said(
    office: Office,
    story: Story,
    form: MessageForm = MessageForm.CHAT,
    language: Language = Language.EN,
    reason: NoticeReason = NoticeReason.OPENED,
    older: Sequence[Notice] = (),
) -> NoticeText:
    return write_notice(notice_of(story.incident, "An", reason), older, [story], office, form, language)


def test_a_chat_message_of_an_outage(office: Office, city: Fleet, alert: Alert) -> None:
    incident = shared(city)
    of = office.groups.size(incident.cause)
    assert said(office, Story(incident, [alert])).whole.splitlines() == [
        "P1 New incident: Viettel · Sài Gòn · 12 schools · WAN down",
        "Since 09:12",
        "12 schools, 7,300 pupils",
        f"Why: Shared cause: provider Viettel in cluster Sài Gòn, 12 of {of} schools.",
        "Next step: Call Viettel: 12 schools at once; ask for the cause and when it will be mended. "
        "No need to visit schools yet.",
        "Nobody has it yet",
        "http://wall.example/incidents/0000000000000001",
    ]


def test_a_letter_in_vietnamese(office: Office, city: Fleet, alert: Alert) -> None:
    incident = shared(city)
    of = office.groups.size(incident.cause)
    text = said(office, Story(incident, [alert]), MessageForm.MAIL, Language.VI, NoticeReason.WORSE)
    assert text.title == "P1 Nghiêm trọng hơn: Viettel · Sài Gòn · 12 trường · Mất kết nối WAN"
    assert text.body.splitlines() == [
        "Viettel · Sài Gòn",
        "12 trường · Mất kết nối WAN",
        "",
        "Từ 09:12",
        "Phạm vi: 12 trường, 7.300 học sinh",
        f"Vì sao: Cùng nguyên nhân: nhà mạng Viettel tại cụm Sài Gòn, 12/{of} trường.",
        "Nên làm: Gọi Viettel, báo 12 trường cùng lúc; hỏi nguyên nhân và giờ khắc phục. "
        "Chưa cần đến từng trường.",
        "Chưa ai nhận xử lý",
        "",
        "Chi tiết: http://wall.example/incidents/0000000000000001",
        "",
        "Tuyến báo: everything",
        "Bước: 1",
    ]


@pytest.fixture(scope="module")
def called(office: Office, city: Fleet) -> Office:
    """Return an office that knows whom to call at the first school's provider."""
    text = (
        f'[[provider]]\nname = "{city.schools[0].isp.lower()}"\nphone = "1800 8098"\n'
        'contact = "NOC, 24/7"\ncontract = "12/HĐ: 4 h"\n'
    )
    return replace(office, providers=parse_providers(text))


@pytest.mark.parametrize("cause", ["a provider", "a school"])
def test_whom_to_call_stands_in_the_message(called: Office, city: Fleet, alert: Alert, cause: str) -> None:
    story = Story(shared(city) if cause == "a provider" else alone(city, 782), [alert])
    lines = said(called, story).body.splitlines()
    assert lines[-5:-1] == [
        "Provider: viettel, 1800 8098",
        "Who answers: NOC, 24/7",
        "Contract: 12/HĐ: 4 h",
        "Nobody has it yet",
    ]
    assert "Provider: viettel, 1800 8098." in said(called, story, MessageForm.SMS).body
    over = Story(resolved(story.incident), [alert])
    assert "1800" not in said(called, over).whole
    register = Story(alone(city, 782), [msgspec.structs.replace(alert, rule="attendance_low")])
    assert "1800" not in said(called, register).whole, "nothing that a provider can mend"


@pytest.mark.parametrize(
    ("rule", "cause", "begins"),
    [
        ("wan_down", Cause(CauseKind.ISP, isp="VNPT"), "Call VNPT: 12 schools"),
        ("latency_high", Cause(CauseKind.ISP, isp="VNPT"), "Call VNPT: 12 schools"),
        ("wan_down", Cause(CauseKind.WARD, "", "", "w0"), "Ask the power company about w0 first"),
        ("latency_high", Cause(CauseKind.WARD, "", "", "w0"), "Compare with schools of the same provider"),
        ("wan_down", Cause(CauseKind.CITY), "Check the center's MQTT broker"),
        ("lms_failing", Cause(CauseKind.PLATFORM), "Tell the operator of the e-learning platform: 12"),
        ("attendance_low", Cause(CauseKind.ISP, isp="VNPT"), "Check the reader and the line first"),
        ("clock_wrong", Cause(CauseKind.ISP, isp="VNPT"), "The device's clock is off"),
        ("nobody_knows", Cause(CauseKind.WARD, "", "", "w0"), ""),
    ],
)
def test_the_next_step_is_what_the_cause_calls_for(
    office: Office, rule: str, cause: Cause, begins: str
) -> None:
    todo = StoryWords(office, Language.EN, NOW_US).todo(incident_of(4, cause, rule=rule))
    assert todo.startswith(begins)
    assert bool(todo) is bool(begins)


def test_an_sms_of_one_school(office: Office, city: Fleet, alert: Alert) -> None:
    text = said(office, Story(alone(city, 782), [alert]), MessageForm.SMS)
    name = city.schools[0].name.removeprefix("Trường ")
    ward = city.ward_by_code[city.schools[0].ward_code].short_name
    assert text.title == ""
    begin = f"P1 New incident: {name} · WAN down · {ward}. Since 09:12, 782 pupils. Provider: Viettel. "
    assert text.body.startswith(begin)
    assert text.body.endswith(" http://wall.example/incidents/0000000000000002")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("form", MessageForm)
@pytest.mark.parametrize("pupils", [2, K - 1])
def test_a_small_school_is_not_counted(
    office: Office, city: Fleet, alert: Alert, language: Language, form: MessageForm, pupils: int
) -> None:
    text = said(office, Story(alone(city, pupils), [alert]), form, language).whole
    few = {Language.VI: "dưới 10 học sinh", Language.EN: "fewer than 10 pupils"}[language]
    assert few in text
    assert not re.search(rf"\b{pupils} (học sinh|pupils)", text)


def test_nothing_is_said_of_pupils_whose_number_nobody_knows(
    office: Office, city: Fleet, alert: Alert
) -> None:
    assert "pupils" not in said(office, Story(alone(city, 1), [alert])).whole


def test_who_has_it(office: Office, city: Fleet, alert: Alert) -> None:
    taken = shared(city, state=IncidentState.ACKNOWLEDGED, acknowledged_by="Bình")
    assert "Bình has it" in said(office, Story(taken, [alert])).body
    named = shared(city, assignee="Chi")
    assert "Assigned to Chi, not taken yet" in said(office, Story(named, [alert])).body


@pytest.mark.parametrize("reason", [NoticeReason.RESOLVED, NoticeReason.OPENED])
def test_what_is_over_is_said_once_with_both_times(
    office: Office, city: Fleet, alert: Alert, reason: NoticeReason
) -> None:
    story = Story(resolved(shared(city)), [alert])
    late = [notice_of(story.incident, "An")] if reason is NoticeReason.RESOLVED else []
    assert said(office, story, reason=reason, older=late).whole.splitlines() == [
        "P1 Resolved: Viettel · Sài Gòn · 12 schools · WAN down",
        "Opened 09:12, resolved 09:32 (20 min)",
        "12 schools, 7,300 pupils",
        *["Earlier messages about it could not be sent."] * len(late),
        "http://wall.example/incidents/0000000000000001",
    ]


def test_a_time_of_another_day_has_its_date(office: Office, city: Fleet, alert: Alert) -> None:
    story = Story(shared(city, opened_at_us=NOW_US - 24 * 60 * MINUTE_US), [alert])
    assert "Since 09:13 22 Nov 2026" in said(office, story).body


def test_a_digest_counts_first_and_lists_by_cluster(office: Office, city: Fleet, alert: Alert) -> None:
    everywhere = incident_of(3, Cause(CauseKind.CITY), worst_priority=2)
    stories = [
        Story(shared(city), [alert]),
        Story(everywhere, []),
        Story(resolved(alone(city, 782)), [alert]),
    ]
    notice = notice_of(1, "An", NoticeReason.DIGEST, incidents=("a", "b", "c"))
    text = write_notice(notice, [], stories, office, MessageForm.CHAT, Language.EN)
    name = city.schools[0].name.removeprefix("Trường ")
    ward = city.ward_by_code[city.schools[0].ward_code].short_name
    assert text.whole.splitlines() == [
        "Incidents in short: 3 (1 P1, 1 P2, 1 resolved)",
        "In one message because too many came at once.",
        "Sài Gòn (2)",
        "- P1 Viettel · Sài Gòn · 12 schools · WAN down · Since 09:12",
        f"- P1 {name} · WAN down · {ward} · Opened 09:12, resolved 09:32 (20 min)",
        "Several clusters (1)",
        "- P2 All over the city · 12 schools · WAN down · Since 09:12",
        "http://wall.example/incidents",
    ]
    many = write_notice(notice, [], stories * 30, office, MessageForm.CHAT, Language.VI)
    assert many.body.splitlines()[-2] == "+70 khác"
    morning = msgspec.structs.replace(notice, priority=3)
    assert "too many" not in write_notice(morning, [], stories, office, MessageForm.CHAT, Language.EN).whole
    short = write_notice(notice, [], stories, office, MessageForm.SMS, Language.VI)
    assert short.body == "Tổng hợp sự cố: 3 (1 P1, 1 P2, 1 đã hết). http://wall.example/incidents"


names = st.text("ảb c", min_size=1, max_size=900).map(str.strip).filter(bool)


@given(isp=names, who=names, rule=names, language=st.sampled_from(Language))
def test_an_sms_is_short_in_whole_words_and_has_its_link(
    office: Office, city: Fleet, alert: Alert, isp: str, who: str, rule: str, language: Language
) -> None:
    cause = Cause(CauseKind.ISP, isp=isp)
    incident = incident_of(7, cause, rule=rule, state=IncidentState.ACKNOWLEDGED, acknowledged_by=who)
    for reason in OF_ONE_INCIDENT:
        text = said(office, Story(incident, [alert]), MessageForm.SMS, language, reason).body
        whole, link = text.rsplit(" ", 1)
        assert len(text) <= SMS_CHARACTERS
        assert "\n" not in text
        assert link == "http://wall.example/incidents/0000000000000007"
        if whole.endswith("…"):
            kept = whole[:-1].split(": ", 1)[1]
            assert f"{isp} · ".startswith(kept) or kept.startswith(f"{isp} · ")


@pytest.mark.parametrize("length", [180, 240, 270, 300, 1000])
def test_an_sms_comes_to_an_end_however_long_the_address_of_the_center(
    office: Office, city: Fleet, alert: Alert, length: int
) -> None:
    far = replace(office, public_url="https://" + "a" * (length - 8))
    text = said(far, Story(shared(city), [alert]), MessageForm.SMS).body
    assert len(text) <= SMS_CHARACTERS
    assert city.schools[0].isp in text or "Viettel" in text
    assert len(write_test(far, "An", MessageForm.SMS, Language.VI).body) <= SMS_CHARACTERS


def test_every_reason_has_its_own_lead(office: Office, city: Fleet, alert: Alert) -> None:
    for language in Language:
        story = Story(shared(city), [alert])
        titles = {said(office, story, language=language, reason=r).title for r in OF_ONE_INCIDENT}
        assert len(titles) == len(OF_ONE_INCIDENT)


def test_a_webhook_reads_labels_and_both_times(office: Office, city: Fleet, alert: Alert) -> None:
    story = Story(resolved(alone(city, 782)), [alert])
    notice = notice_of(story.incident, "ops")
    text = write_notice(notice, [], [story], office, MessageForm.CHAT, Language.EN)
    body = msgspec.to_builtins(webhook_body(notice, [story], office, text, Language.EN))
    assert (body["version"], body["status"], body["groupKey"]) == (
        "4",
        "resolved",
        '{}:{incident="0000000000000002"}',
    )
    (one,) = body["alerts"]
    school = city.schools[0]
    assert one["labels"]["alertname"] == "wan_down"
    assert (one["labels"]["school"], one["labels"]["isp"]) == (school.code, school.isp)
    assert (one["startsAt"], one["endsAt"]) == ("2026-11-23T02:12:20.000Z", "2026-11-23T02:32:20.000Z")
    assert one["generatorURL"] == "http://wall.example/incidents/0000000000000002"
    assert body["commonLabels"] == one["labels"]


@pytest.mark.parametrize("form", MessageForm)
def test_a_trial_message_says_that_nothing_is_wrong(office: Office, form: MessageForm) -> None:
    text = write_test(office, "An", form, Language.VI)
    assert "không có sự cố nào" in text.whole
    assert text.whole.endswith("http://wall.example/")
