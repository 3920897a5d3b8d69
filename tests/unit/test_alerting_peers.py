"""Why an alert is there: what it shares with other schools, and what was said before."""

from dataclasses import replace

import pytest

from alerting.explanation.evidence import (
    DISMISSALS_SHOWN,
    PeerKind,
    explain,
    nearby_ids,
    similar_schools,
)
from contract.alert import Alert, Because, Dismissal
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.fleet import DeviceKind
from contract.incident import Cause, CauseKind
from contract.texts import Language
from tests.explanation_desk import FLEET, GROUPS, NOW_US, Desk, by_name, desk, placed, texts, with_cause

__all__ = ["by_name", "desk", "texts"]


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
