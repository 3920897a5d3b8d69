"""The words of an incident's page and line, and what a silence of it matches."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerting.incidents.groups import Groups
from alerting.messages.story import Office
from alerting.silences.cause_matchers import cause_matchers
from alerting.silences.matching import matches
from config.files import shipped_texts
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState, Membership, SchoolSpan
from contract.rule import Rule
from contract.texts import Language, write_clock
from ops_dashboard.view.desk.lists import ListChoice, incident_list
from ops_dashboard.view.desk.sheet import Scribe
from ops_dashboard.view.incidents import (
    IncidentStory,
    incident_story,
    incident_words,
    member_groups,
    member_place,
    similar_incident,
)
from ops_dashboard.view.lines import wall_line
from tests.outbox import MINUTE_US, NOW_US, incident_of, resolved, wan_down
from tests.silence_words import HOUR_US, silence


@pytest.fixture(scope="module")
def office(city: Fleet, catalogue: Catalogue, rules: tuple[Rule, ...]) -> Office:
    by_name, zone = {rule.name: rule for rule in rules}, ZoneInfo("Asia/Ho_Chi_Minh")
    return Office(Groups(city), catalogue, by_name, shipped_texts(), zone, "")


def told(office: Office, incident: Incident, *, silenced: bool = False) -> IncidentStory:
    fleet, online = office.groups.fleet, office.catalogue.named("online").id
    alerts = [wan_down(fleet, i, online) for i in range(3)]
    until_us = NOW_US + HOUR_US if silenced else None
    return incident_story(incident, alerts, office, Language.EN, NOW_US, silenced_us=until_us)


def test_what_an_outage_is_why_and_what_to_do(office: Office) -> None:
    incident = incident_of(1, Cause(CauseKind.ISP, isp="FPT"))
    story, words = told(office, incident), incident_words(incident, office, Language.EN, NOW_US)
    assert story.said == ["12 schools · WAN down. Since 09:12.", "Nobody has it yet."]
    assert "provider FPT" in story.why
    assert story.advice.startswith("Call FPT: 12 schools at once")
    assert words.todo == story.advice
    assert (words.name, words.who, words.pupils, words.isp, words.cluster) == (
        "FPT",
        "Nobody has it yet",
        "7,300",
        "FPT",
        "",
    )


def test_an_exercise_says_so_on_every_page(office: Office) -> None:
    incident = incident_of(1, Cause(CauseKind.ISP, isp="FPT"), exercise="e1")
    words = incident_words(incident, office, Language.EN, NOW_US)
    assert words.what == "EXERCISE · 12 schools · WAN down"
    assert told(office, incident).said[0].startswith("EXERCISE · 12 schools")
    assert similar_incident(resolved(incident), "", office, Language.EN, NOW_US).what == words.what
    fleet = office.groups.fleet
    assert wall_line(incident, fleet, False, NOW_US).exercise
    assert not wall_line(incident_of(2, incident.cause), fleet, False, NOW_US).exercise


def test_reach_at_worst_quiet_dismissal_and_silence_are_sentences(office: Office) -> None:
    cause = Cause(CauseKind.ISP, isp="FPT")
    healing = incident_of(1, cause, most_schools=20, because="planned_work", acknowledged_by="Lan")
    story = told(office, healing, silenced=True)
    until = write_clock(NOW_US + HOUR_US, Language.EN, office.zone)[:5]
    assert story.said[1:] == [
        "12 schools now, 20 at worst.",
        "Not a problem, because: Planned work.",
        "Nobody has it yet.",
        f"It is silenced until {until}: nobody is told of it.",
    ]
    quiet = incident_of(1, cause, alerts=0, schools=0, pupils=0, quiet_at_us=NOW_US + MINUTE_US)
    assert told(office, quiet).said[1:3] == [
        "12 schools at worst.",
        "No alert has been open since 09:14; unless it comes back, the incident ends by itself.",
    ]


def test_what_is_over_has_both_times_and_nothing_to_do(office: Office) -> None:
    story = told(office, resolved(incident_of(1, Cause(CauseKind.CITY))))
    assert story.said[0].endswith("Opened 09:12, resolved 09:32 (20 min).")
    assert (story.why, story.advice) == ("", "")
    assert len(story.said) == 2


@pytest.mark.parametrize(("pupils", "shown"), [(1, "–"), (2, "< 10"), (9, "< 10"), (10, "10")])
def test_few_pupils_are_not_counted(office: Office, city: Fleet, pupils: int, shown: str) -> None:
    cause = Cause(CauseKind.SCHOOL, school_id=city.schools[0].id)
    alone = incident_of(2, cause, schools=1, most_schools=1, pupils=pupils, most_pupils=pupils)
    words = incident_words(alone, office, Language.EN, NOW_US)
    assert (words.pupils, words.most_pupils) == (shown, shown)
    assert words.isp == city.schools[0].isp
    assert words.cluster in {cluster.name for cluster in city.clusters}


def test_a_member_is_at_its_school_and_one_about_the_center_is_nowhere(office: Office, city: Fleet) -> None:
    alert = wan_down(city, 5, office.catalogue.named("online").id)
    place = member_place(Membership("x", alert, NOW_US), city)
    assert place is not None
    assert (place.code, place.name) == (city.schools[5].code, city.schools[5].name)
    own = msgspec.structs.replace(alert, school_id=0)
    assert member_place(Membership("x", own, NOW_US), city) is None


def test_a_silence_of_a_cause_mutes_its_rules_at_its_schools_and_nothing_else(
    office: Office, city: Fleet
) -> None:
    school = city.schools[0]
    ward = city.ward_by_code[school.ward_code]
    causes = [
        Cause(CauseKind.SCHOOL, school_id=school.id),
        Cause(CauseKind.ISP_WARD, isp=school.isp, ward_code=ward.code),
        Cause(CauseKind.CLUSTER, cluster_code=ward.cluster_code),
        Cause(CauseKind.CITY),
    ]
    own = wan_down(city, 0, office.catalogue.named("online").id)
    other = msgspec.structs.replace(own, rule="attendance_low")
    elsewhere = next(
        i
        for i, s in enumerate(city.schools)
        if s.isp != school.isp and city.ward_by_code[s.ward_code].cluster_code != ward.cluster_code
    )
    far = wan_down(city, elsewhere, office.catalogue.named("online").id)
    for cause in causes:
        incident = incident_of(3, cause, rules=("loss_high", "wan_down"))
        made = silence("a", NOW_US, NOW_US + HOUR_US, *cause_matchers(incident, city))
        assert matches(made, own, city), cause
        assert not matches(made, other, city), cause
        assert matches(made, far, city) is (cause.kind is CauseKind.CITY)


def test_a_silence_of_very_many_rules_keeps_those_that_showed_the_cause(city: Fleet) -> None:
    many = tuple(f"rule_with_a_long_name_{n}" for n in range(30))
    incident = incident_of(3, Cause(CauseKind.SYSTEM), rules=many, cause_rules=many[:2])
    rule, place = cause_matchers(incident, city)
    assert rule.value == "|".join(many[:2])
    assert (place.name, place.value) == ("system", "center")


def test_schools_of_an_incident_are_told_by_ward_and_provider(city: Fleet) -> None:
    first, *others = city.schools
    same = next(s for s in others if s.isp == first.isp and s.ward_code != first.ward_code)
    other = next(s for s in others if s.isp != first.isp)
    spans = [SchoolSpan(first.id, 1, None), SchoolSpan(first.id, 1, 2), SchoolSpan(same.id, 1, 2)]
    groups = member_groups([*spans, SchoolSpan(other.id, 1, 2), SchoolSpan(0, 1, None)], city)
    told = {kind: [(one.name, one.schools, one.all_schools) for one in own] for kind, own in groups.items()}
    assert told["isp"] == [(first.isp, 1, 2), (other.isp, 0, 1)]
    ward = city.ward_by_code[first.ward_code]
    assert (groups["ward"][0].name, groups["ward"][0].address) == (ward.short_name, f"/area/{ward.code}")
    assert [sum(column) for column in zip(*(row[1:] for row in told["ward"]), strict=True)] == [1, 3]


def test_the_file_of_the_list_stands_as_the_list_does(office: Office) -> None:
    cause = Cause(CauseKind.ISP, isp="FPT")
    wide = incident_of(1, cause, schools=40, priority=2)
    taken = incident_of(2, cause, state=IncidentState.ACKNOWLEDGED, schools=90)
    chronic = incident_of(3, cause, rule="chronic_line")
    over = [resolved(incident_of(n, cause, most_schools=n), n) for n in (4, 5)]
    narrow = incident_of(6, cause, schools=3)

    def listed(**choice: str) -> list[str]:
        table = incident_list(
            [*over, chronic, taken, wide, narrow], frozenset(), ListChoice(**choice), office, NOW_US,
            Scribe(office.texts, Language.EN),
        )  # fmt: skip
        return [row.cells[0].text[-1] for row in table.rows]

    assert listed() == ["6", "1", "2", "3", "5", "4"]
    assert listed(sort="-reach") == ["1", "6", "2", "3", "5", "4"]
    assert listed(sort="reach") == ["6", "1", "2", "3", "4", "5"]
    assert listed(sort="nothing") == listed()
    assert listed(state="chronic") == ["3"]
