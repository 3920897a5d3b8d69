"""Why an alert is there: what was found, what it shares, absent or offline, and the words for it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerting.explanation.evidence import (
    DISMISSALS_SHOWN,
    MOST_DEVIATIONS,
    Explanation,
    Known,
    PeerKind,
    explain,
    nearby_ids,
    similar_schools,
)
from alerting.explanation.sentences import sentences
from alerting.explanation.verdict import Verdict, absent_or_offline, heartbeats, stands_beside
from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from contract.alert import Alert, Because, Dismissal
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.catalogue import Catalogue
from contract.fleet import DeviceKind
from contract.incident import Cause, CauseKind, Incident
from contract.rule import MetricRule, Rule
from contract.series import series_of
from contract.texts import Language, Texts, parse_texts
from device_simulator.world.fleet import generate_fleet

FLEET = generate_fleet(schools=120)
GROUPS = Groups(FLEET)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW_US = 1_795_400_000_000_000
BOTH = frozenset({DeviceKind.GATEWAY, DeviceKind.ATTENDANCE})


@pytest.fixture(scope="module")
def texts() -> Texts:
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))


@pytest.fixture
def by_name(rules: tuple[Rule, ...]) -> dict[str, Rule]:
    return {rule.name: rule for rule in rules}


def placed(alerts: Iterable[Alert]) -> Incidents:
    """Return the incidents of alerts that opened together."""
    state = Incidents()
    advance(GROUPS, state, [Moment(NOW_US, tuple(alerts)), Moment(NOW_US + 1_000_000)])
    return state


def is_shared(state: Incidents, incident_id: str) -> bool:
    """Return whether an incident has a cause that schools may share."""
    return state.kept[incident_id].incident.cause.kind not in (CauseKind.SCHOOL, CauseKind.SYSTEM)


def with_cause(known: Known, cause: Cause) -> Incident:
    """Return the alert's incident as if it had another cause."""
    assert known.incident is not None
    return msgspec.structs.replace(known.incident, cause=cause)


class Desk:
    """Makes alerts and what is known around them."""

    def __init__(self, rules: dict[str, Rule], catalogue: Catalogue, texts: Texts) -> None:
        self.rules = rules
        self.catalogue = catalogue
        self.texts = texts

    def alert(self, rule: str, position: int = 0, **other: object) -> Alert:
        """Return an open alert of the school at a position of the fleet."""
        decided = self.rules[rule]
        assert isinstance(decided, MetricRule)
        school, metric = FLEET.schools[position], self.catalogue.named(decided.metric)
        kind = {"attendance": DeviceKind.ATTENDANCE, "elearning": DeviceKind.ELEARNING}.get(
            metric.stream.value, DeviceKind.GATEWAY
        )
        device = next(d for d in FLEET.devices if d.school_id == school.id and d.kind is kind)
        made = Alert(
            f"{rule}-{position}", rule, series_of(device.id, metric.id), school.id, 2, NOW_US, NOW_US,
            None, None, None, None, school.pupils,
        )  # fmt: skip
        return msgspec.structs.replace(made, **other)

    def known(self, *open_alerts: Alert, **other: object) -> Known:
        """Return what is known with these alerts open; all of the first one's school stand beside it."""
        given = {a.alert_id: a for a in open_alerts}
        first, state = open_alerts[0], placed(open_alerts)
        own = state.place.get(first.alert_id, "")
        usual: dict[str, object] = {
            "open_alerts": given,
            "of_school": [a for a in open_alerts if a.school_id == first.school_id],
            "incident": state.kept[own].incident if own else None,
            "elsewhere": frozenset(a for a, i in state.place.items() if i != own and is_shared(state, i)),
            "states": "n" * len(FLEET.schools),
        }
        return Known(GROUPS, self.catalogue, self.rules, **{**usual, **other})  # type: ignore[arg-type]

    def say(self, why: Explanation, rule: str, language: Language = Language.EN) -> dict[str, list[str]]:
        """Return the sentences by kind."""
        found: dict[str, list[str]] = {}
        for line in sentences(why, self.rules.get(rule), self.texts, language, ZONE):
            found.setdefault(line.kind, []).append(line.text)
        return found


@pytest.fixture
def desk(by_name: dict[str, Rule], catalogue: Catalogue, texts: Texts) -> Desk:
    return Desk(by_name, catalogue, texts)


@pytest.mark.parametrize(
    ("beside", "heard", "verdict"),
    [
        (["wan_down"], BOTH, Verdict.LINK),
        (["gateway_silent"], frozenset(), Verdict.LINK),
        (["wan_down", "register_missing"], BOTH, Verdict.LINK),
        (["register_missing"], BOTH, Verdict.READER),
        (["register_missing"], frozenset(), Verdict.READER),
        ([], BOTH, Verdict.ATTENDANCE),
        (["latency_high", "loss_high", "lms_failing", "traffic_stuck"], BOTH, Verdict.ATTENDANCE),
        ([], frozenset(), Verdict.UNKNOWN),
        ([], {DeviceKind.GATEWAY}, Verdict.UNKNOWN),
        ([], {DeviceKind.ATTENDANCE}, Verdict.UNKNOWN),
        (["elearning_silent"], {DeviceKind.ELEARNING}, Verdict.UNKNOWN),
    ],
)
def test_absent_or_offline(
    by_name: dict[str, Rule],
    catalogue: Catalogue,
    beside: Sequence[str],
    heard: frozenset[DeviceKind],
    verdict: Verdict,
) -> None:
    rules = [by_name[name] for name in ("attendance_low", *beside)]
    assert absent_or_offline(rules, heard, catalogue) is verdict


def test_a_missing_register_is_a_device_incident_and_the_line_goes_before_it(
    by_name: dict[str, Rule], catalogue: Catalogue
) -> None:
    own = by_name["register_missing"]
    assert absent_or_offline([own], BOTH, catalogue) is Verdict.READER
    assert absent_or_offline([own, by_name["wan_down"]], BOTH, catalogue) is Verdict.LINK
    assert absent_or_offline([None], frozenset(), catalogue) is Verdict.UNKNOWN


def test_a_stuck_reader_is_a_device_incident(by_name: dict[str, Rule], catalogue: Catalogue) -> None:
    stuck = msgspec.structs.replace(by_name["traffic_stuck"], metric="attendance_ratio")
    assert absent_or_offline([by_name["attendance_low"], stuck], BOTH, catalogue) is Verdict.READER


def test_only_what_is_open_stands_beside_an_open_alert(desk: Desk) -> None:
    low = desk.alert("attendance_low")
    over = desk.alert("wan_down", opened_at_us=NOW_US - 100, resolved_at_us=NOW_US + 100)
    assert not stands_beside(over, low)
    assert stands_beside(over, msgspec.structs.replace(low, resolved_at_us=NOW_US + 500))
    earlier = msgspec.structs.replace(over, resolved_at_us=NOW_US - 50)
    assert not stands_beside(earlier, msgspec.structs.replace(low, resolved_at_us=NOW_US + 500))


def test_readings_of_now_say_nothing_of_an_alert_that_is_over(desk: Desk) -> None:
    low = desk.alert("attendance_low", resolved_at_us=NOW_US + 500)
    assert explain(low, desk.known(low, open_alerts={}, heard=BOTH)).verdict is Verdict.UNKNOWN
    down = desk.alert("wan_down", opened_at_us=NOW_US - 9, resolved_at_us=NOW_US + 9)
    beside = desk.known(low, open_alerts={}, of_school=[low, down], heard=BOTH)
    assert explain(low, beside).verdict is Verdict.LINK


def test_heartbeats_are_those_of_line_and_reader(catalogue: Catalogue) -> None:
    devices = [d for d in FLEET.devices if d.school_id == FLEET.schools[0].id]
    kind_of = {d.id: d.kind for d in devices}
    found = {kind_of[s >> 8]: NOW_US - after for s, after in heartbeats(devices, NOW_US, catalogue).items()}
    assert found == {DeviceKind.GATEWAY: 60_000_000, DeviceKind.ATTENDANCE: 1_800_000_000}


def test_the_verdict_comes_first_and_the_advice_fits_it(desk: Desk) -> None:
    low = desk.alert("attendance_low", value=0.5, expected_low=0.9, expected_high=0.95)
    for beside, first, advice in (
        ([desk.alert("wan_down")], "A device incident, not absence", "call the school's provider"),
        ([desk.alert("register_missing")], "A device incident, not absence", "Check the school's reader"),
    ):
        why = explain(low, desk.known(low, *beside))
        said = sentences(why, desk.rules["attendance_low"], desk.texts, Language.EN, ZONE)
        assert (said[0].kind, said[-1].kind) == ("verdict", "advice")
        assert said[0].text.startswith(first)
        assert advice in said[-1].text
    real = desk.say(explain(low, desk.known(low, heard=BOTH)), "attendance_low")
    assert "Call the school" in real["advice"][0]
    unknown = desk.say(explain(low, desk.known(low)), "attendance_low")
    assert "is not known" in unknown["verdict"][0]
    assert unknown["advice"] == [desk.rules["attendance_low"].advice_en]


def test_what_is_not_about_attendance_has_no_verdict(desk: Desk) -> None:
    slow = desk.alert("latency_high", value=412.0, expected_high=150.0)
    why = explain(slow, desk.known(slow))
    assert why.verdict is None
    said = desk.say(why, "latency_high")
    assert "verdict" not in said
    assert said["advice"] == [desk.rules["latency_high"].advice_en]


@pytest.mark.parametrize(
    ("rule", "values", "vietnamese", "english"),
    [
        (
            "latency_high",
            {"value": 412.0, "expected_high": 150.0},
            "Đo được 412 ms; giới hạn ≤ 150 ms.",
            "Measured 412 ms; the limit is ≤ 150 ms.",
        ),
        (
            "lms_failing",
            {"value": 0.875, "expected_low": 0.9},
            "Đo được 87,5 %; giới hạn ≥ 90,0 %.",
            "Measured 87.5 %; the limit is ≥ 90.0 %.",
        ),
        (
            "latency_unusual",
            {"value": 60.0, "expected_low": 20.0, "expected_high": 40.0, "score": 0.75},
            "Đo được 60 ms; thường lệ 20 ms – 40 ms. Lệch gấp 12,0 lần mức dao động thường ngày.",
            "Measured 60 ms; usually 20 ms – 40 ms. That is 12.0 times its usual deviation.",
        ),
        (
            "wan_down",
            {"value": 0.0, "expected_low": 0.5},
            "Cổng kết nối của trường báo ngoại tuyến.",
            "The school's gateway is reported offline.",
        ),
        (
            "line_errors",
            {"value": 2.5, "expected_high": 1.0},
            "Mỗi giây thay đổi 2,50; giới hạn ≤ 1,00.",
            "It changes by 2.50 a second; the limit is ≤ 1.00.",
        ),
        ("gateway_silent", {}, "Không có số liệu từ 09:13 23/11/2026.", "No data since 09:13 23 Nov 2026."),
        (
            "traffic_stuck",
            {"value": 12.3e6, "expected_low": 12.3e6, "expected_high": 12.3e6},
            "Lặp lại đúng 12,3 Mbit/s, dù số đo này thường thay đổi.",
            "Exactly 12.3 Mbit/s again and again, although it usually changes.",
        ),
        (
            "clock_wrong",
            {"value": -25_201.0},
            "Đồng hồ của thiết bị lệch -25.201 s so với giờ nhận (âm: chậm, dương: nhanh); số liệu được lưu"
            " theo giờ thiết bị ghi, cảnh báo tính theo giờ nhận. Lệch tròn -7 giờ: có lẽ thiết bị gửi giờ"
            " địa phương như giờ UTC (sai múi giờ).",
            "The device's clock is off by -25,201 s against arrival (below 0: behind); readings are stored as"
            " stamped, alerts go by arrival. Off by a whole number of hours (-7): most likely local time is"
            " sent as UTC (a wrong time zone).",
        ),
        (
            "clock_wrong",
            {"value": 900.0},
            "Đồng hồ của thiết bị lệch 900 s so với giờ nhận (âm: chậm, dương: nhanh); số liệu được lưu theo"
            " giờ thiết bị ghi, cảnh báo tính theo giờ nhận.",
            "The device's clock is off by 900 s against arrival (below 0: behind); readings are stored as"
            " stamped, alerts go by arrival.",
        ),
    ],
)
def test_what_was_found_is_said_by_the_channel_that_decided(
    desk: Desk, rule: str, values: dict[str, float], vietnamese: str, english: str
) -> None:
    one = msgspec.structs.replace(desk.alert(rule), **values)
    why = explain(one, desk.known(one))
    assert desk.say(why, rule, Language.VI)["found"] == [vietnamese]
    assert desk.say(why, rule)["found"] == [english]
    assert ("since" in desk.say(why, rule)) == (why.channel != "silence")


@pytest.mark.parametrize("channel", ["rate", "joint", "system", "no_such_channel", ""])
def test_every_channel_has_words(desk: Desk, channel: str) -> None:
    one = desk.alert("latency_high", value=412.0)
    why = msgspec.structs.replace(explain(one, desk.known(one)), channel=channel)
    for language in Language:
        assert all("{" not in text for (text, *_) in desk.say(why, "latency_high", language).values())


def test_a_rule_that_is_gone_leaves_what_is_known(desk: Desk) -> None:
    gone = msgspec.structs.replace(desk.alert("latency_high", value=412.0, score=0.9), rule="of_last_year")
    why = explain(gone, desk.known(gone))
    assert (why.channel, why.deviations, why.verdict, why.value) == ("", None, None, 412.0)
    assert "advice" not in desk.say(why, "of_last_year")


@pytest.mark.parametrize(
    ("score", "deviations"), [(None, None), (0.0, 0.0), (0.5, 6.0), (0.75, 12.0), (1.0, MOST_DEVIATIONS)]
)
def test_deviations_come_from_the_score(desk: Desk, score: float | None, deviations: float | None) -> None:
    one = desk.alert("latency_unusual", score=score)
    assert explain(one, desk.known(one)).deviations == deviations


def test_only_this_one_tells_a_schools_own_fault(desk: Desk) -> None:
    slow = desk.alert("latency_high", value=412.0)
    why = explain(slow, desk.known(slow, desk.alert("loss_high", 1)))
    school = FLEET.schools[0]
    provider = [s for s in FLEET.schools if s.isp == school.isp]
    assert why.peers[0].kind == PeerKind.ISP
    assert (why.peers[0].failing, why.peers[0].of) == (1, len(provider))
    assert why.cause is None
    said = desk.say(why, "latency_high")["peers"][0]
    assert said == f"Same provider, {school.isp}: only this one of {len(provider)} schools."


def test_what_all_of_a_provider_have_is_the_providers(desk: Desk) -> None:
    isp = FLEET.schools[0].isp
    same = [i for i, s in enumerate(FLEET.schools) if s.isp == isp]
    down = [desk.alert("wan_down", i, value=0.0) for i in same[:-2]]
    states = "".join("u" if i == same[-1] else "n" for i in range(len(FLEET.schools)))
    why = explain(down[0], desk.known(*down, states=states))
    assert why.cause is not None
    assert (why.cause.kind, why.cause.isp, why.cause.schools, why.cause.of) == (
        "isp",
        isp,
        len(same) - 2,
        len(same),
    )
    assert (why.peers[0].failing, why.peers[0].unknown, why.peers[0].of) == (len(same) - 2, 1, len(same))
    said = desk.say(why, "wan_down", Language.VI)
    assert said["cause"] == [f"Cùng nguyên nhân: nhà mạng {isp}, {len(same) - 2}/{len(same)} trường."]
    assert said["peers"][0].endswith(f"{len(same) - 2}/{len(same)} trường cùng cảnh báo. Không rõ 1 trường.")


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ("wan_down", [PeerKind.ISP, PeerKind.WARD]),
        ("attendance_low", [PeerKind.WARD, PeerKind.LEVEL]),
        ("lms_failing", [PeerKind.LEVEL, PeerKind.ISP]),
    ],
)
def test_who_is_similar_depends_on_the_device(desk: Desk, rule: str, kinds: list[PeerKind]) -> None:
    one = desk.alert(rule)
    groups = similar_schools(one, FLEET)
    assert [group.kind for group in groups] == kinds
    assert all(one.school_id in group.school_ids for group in groups)
    nearby = nearby_ids(one, FLEET)
    assert nearby == sorted({*groups[0].school_ids, *groups[1].school_ids} - {one.school_id})


def test_a_center_that_is_not_in_step_compares_with_none(desk: Desk) -> None:
    slow = desk.alert("latency_high", value=412.0)
    assert explain(slow, desk.known(slow, open_alerts={})).peers == ()


def test_the_center_itself_has_no_peers_and_no_shared_cause(desk: Desk) -> None:
    own = Alert(
        "x", "log_gap", system_series(0), SYSTEM_SCHOOL_ID, 2, NOW_US, NOW_US, 95.0, None, None, None, 0
    )
    why = explain(own, desk.known(own))
    assert (why.peers, why.cause, why.metric, why.channel) == ((), None, "", "system")
    assert "no school is at fault" in desk.say(why, "log_gap")["found"][0]


def test_what_was_said_before_is_told_with_who_and_why(desk: Desk) -> None:
    past = [
        Dismissal(NOW_US, "Lan", Because.PLANNED_WORK, "tủ mạng tầng 2"),
        Dismissal(NOW_US, "Minh", "a_reason_of_next_year", ""),
        *[Dismissal(NOW_US, "An", Because.OTHER, "")] * 3,
    ]
    slow = desk.alert("latency_high", value=412.0)
    why = explain(slow, desk.known(slow, dismissals=past, dismissed_nearby=4))
    said = desk.say(why, "latency_high", Language.VI)
    assert len(said["dismissed"]) == DISMISSALS_SHOWN
    assert (
        said["dismissed"][0]
        == "Lần trước không phải sự cố: Bảo trì có kế hoạch (Lan, 23/11/2026). tủ mạng tầng 2"
    )
    assert "Lý do khác (Minh" in said["dismissed"][1]
    assert said["nearby"] == ["Ở các trường tương tự: 4 lần không phải sự cố trong 90 ngày qua."]


def test_every_group_of_a_cause_has_its_size_and_words(desk: Desk) -> None:
    slow = desk.alert("latency_high", value=412.0)
    known = desk.known(slow)
    assert known.incident is not None
    for part in GROUPS.by_kind.values():
        group = int(part.group[0])
        why = explain(slow, replace(known, incident=with_cause(known, part.causes[group])))
        assert why.cause is not None
        assert (why.cause.kind, why.cause.of) == (part.kind.value, part.size[group])
        said = desk.say(why, "latency_high")["cause"][0]
        assert why.cause.isp in said
        assert why.cause.place in said
        assert f"1 of {why.cause.of} schools" in said
    for kind in (CauseKind.CITY, CauseKind.FLEET):
        why = explain(slow, replace(known, incident=with_cause(known, Cause(kind))))
        assert why.cause is not None
        assert why.cause.of == len(FLEET.schools)


def test_what_has_another_cause_is_not_counted_among_those_like_it(desk: Desk) -> None:
    """A school's own cut line, and hours later its provider's outage elsewhere."""
    of_isp = [i for i, school in enumerate(FLEET.schools) if school.isp == FLEET.schools[0].isp]
    hours_us = 3 * 3_600_000_000
    own = desk.alert("wan_down", of_isp[0], opened_at_us=NOW_US - hours_us)
    outage = [desk.alert("wan_down", position) for position in of_isp[1:]]
    why = explain(own, desk.known(own, *outage))
    assert why.cause is None
    (peers,) = [one for one in why.peers if one.kind == PeerKind.ISP]
    assert (peers.failing, peers.elsewhere, peers.of) == (1, len(outage), 1)
    said = desk.say(why, "wan_down")["peers"]
    assert f"{len(outage)} more have another shared cause" in said[0]
    hit = explain(outage[0], desk.known(outage[0], own, *outage[1:]))
    assert hit.cause is not None
    assert hit.cause.schools == len(outage)
    assert next(one for one in hit.peers if one.kind == PeerKind.ISP).failing == len(of_isp)


def test_a_failing_platform_is_the_cause_wherever_its_schools_are(desk: Desk) -> None:
    positions = range(3, len(FLEET.schools), 10)
    failing = [
        desk.alert("lms_failing", position, opened_at_us=NOW_US + n * 15_000_000)
        for n, position in enumerate(positions)
    ]
    why = explain(failing[0], desk.known(*failing))
    assert why.cause is not None
    on_platform = len({d.school_id for d in FLEET.devices if d.kind is DeviceKind.ELEARNING})
    assert (why.cause.kind, why.cause.schools, why.cause.of) == ("platform", len(failing), on_platform)
    (said,) = desk.say(why, "lms_failing")["cause"]
    assert "e-learning platform" in said
    lines = [desk.alert("latency_high", position) for position in positions]
    assert explain(lines[0], desk.known(*lines)).cause != why.cause


def test_the_platform_is_not_blamed_for_our_own_line(desk: Desk) -> None:
    """What is silent everywhere is silent for one reason."""
    everywhere = range(len(FLEET.schools))
    silent = [desk.alert(rule, i) for rule in ("wan_down", "lms_failing") for i in everywhere]
    (line,) = placed(silent).kept.values()
    assert line.incident.cause.kind is CauseKind.FLEET
    (platform,) = placed(a for a in silent if a.rule == "lms_failing").kept.values()
    assert platform.incident.cause.kind is CauseKind.PLATFORM
