"""Stories of incidents: how one grows, is absorbed, ends and comes back."""

import random
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from alerting.incidents.state import REOPEN_US, SETTLE_US
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import (
    SECOND_US,
    Cause,
    CauseKind,
    Exercise,
    Incident,
    IncidentEventKind,
    IncidentState,
    lost_pupil_minutes,
)
from tests.incident_log import (
    MINUTE_US,
    PUPILS,
    Desk,
    LogEntry,
    acknowledged,
    folded,
    opened,
    resolved,
    schools_of,
)

T0 = 1_795_399_200_000_000
"""A whole second."""


def down(desk: Desk, schools: Iterable[int], at_us: int, rule: str = "wan_down") -> list[LogEntry]:
    """Let schools fail within three seconds, and their last second pass."""
    entries = [opened(s, at_us + n % 3 * SECOND_US, rule) for n, s in enumerate(schools)]
    desk.take(sorted(entries, key=lambda entry: entry.at_us))
    desk.tick(at_us + 4 * SECOND_US)
    return entries


def up(desk: Desk, entries: Iterable[LogEntry], at_us: int) -> None:
    """Let what failed be well again."""
    desk.take([resolved(entry, at_us) for entry in entries])
    desk.tick(at_us + SECOND_US)


def only(desk: Desk) -> Incident:
    """Return the one incident that is open."""
    (incident,) = desk.open()
    return incident


def test_an_outage_grows_from_a_ward_to_the_whole_provider_and_shrinks() -> None:
    desk = Desk()
    first = down(desk, schools_of("FPT", 0), T0)
    street = only(desk)
    assert (street.cause, street.schools) == (Cause(CauseKind.ISP_WARD, "FPT", "c0", "w0"), 5)

    rest = down(desk, [s for s in schools_of("FPT") if s not in schools_of("FPT", 0)], T0 + MINUTE_US)
    whole = only(desk)
    assert whole.incident_id == street.incident_id
    assert (whole.cause, whole.schools, whole.alerts) == (Cause(CauseKind.ISP, "FPT"), 40, 40)
    assert whole.pupils == sum(PUPILS[s] for s in schools_of("FPT"))
    assert IncidentEventKind.CAUSE_CHANGED in desk.kinds(whole.incident_id)

    up(desk, rest, T0 + 30 * MINUTE_US)
    less = only(desk)
    assert (less.incident_id, less.schools, less.most_schools) == (whole.incident_id, 5, 40)
    assert less.cause == whole.cause, "what is known to be the provider's stays so"
    assert (less.pupils, less.most_pupils) == (street.pupils, whole.pupils)

    up(desk, first, T0 + 31 * MINUTE_US)
    assert only(desk).quiet_at_us == T0 + 31 * MINUTE_US + SECOND_US
    desk.tick(T0 + 40 * MINUTE_US)
    assert desk.open() == []
    ended = desk.incidents[whole.incident_id]
    assert ended.state is IncidentState.RESOLVED
    assert ended.ended_at_us == T0 + 31 * MINUTE_US + SECOND_US + SETTLE_US
    ward_s = sum((30 * 60 + 60 - n % 3) * PUPILS[s] for n, s in enumerate(schools_of("FPT", 0)))
    others = [s for s in schools_of("FPT") if s not in schools_of("FPT", 0)]
    rest_s = sum((29 * 60 - n % 3) * PUPILS[s] for n, s in enumerate(others))
    assert ended.lost_pupil_s == ward_s + rest_s
    assert lost_pupil_minutes(ended, T0 + 50 * MINUTE_US) == (ward_s + rest_s) // 60


def test_what_takes_nothing_from_pupils_loses_no_minute() -> None:
    """A device's clock may be wrong all day while the line is well."""
    desk, school = Desk(), schools_of("FPT")[0]
    clock = opened(school, T0, "clock_wrong", priority=3)
    desk.take([clock])
    desk.tick(T0 + SECOND_US)
    wrong = only(desk)
    assert (wrong.pupils, wrong.affected_pupils) == (PUPILS[school], 0)
    assert lost_pupil_minutes(wrong, T0 + 60 * MINUTE_US) == 0

    line = down(desk, [school], T0 + 60 * MINUTE_US)
    both = only(desk)
    assert (both.alerts, both.affected_pupils) == (2, PUPILS[school])
    up(desk, line, T0 + 70 * MINUTE_US)
    assert only(desk).affected_pupils == 0
    assert lost_pupil_minutes(only(desk), T0 + 90 * MINUTE_US) == 10 * PUPILS[school]


def test_our_own_line_down_is_known_although_schools_fail_over_a_minute() -> None:
    desk = Desk()
    for n, school in enumerate(PUPILS):
        desk.take([opened(school, T0 + n * SECOND_US // 2)])
    desk.tick(T0 + 2 * MINUTE_US)
    whole = only(desk)
    assert (whole.cause, whole.schools) == (Cause(CauseKind.FLEET), len(PUPILS))


def test_the_first_schools_of_a_provider_are_not_taken_for_the_city() -> None:
    desk = Desk()
    for n, school in enumerate(schools_of("FPT")[::-1]):
        desk.take([opened(school, T0 + n * SECOND_US)])
    desk.tick(T0 + MINUTE_US)
    assert (only(desk).cause, only(desk).schools) == (Cause(CauseKind.ISP, "FPT"), 40)


def test_schools_that_fail_one_after_the_other_become_one_incident_and_old_links_lead_to_it() -> None:
    desk = Desk()
    schools = schools_of("FPT", 0)
    for n, school in enumerate(schools):
        down(desk, [school], T0 + n * 10 * SECOND_US)
    one = only(desk)
    assert one.incident_id == desk.timeline[0].incident_id, "the oldest survives"
    assert (one.schools, one.all_alerts) == (5, 5)
    merged = [i for i in desk.incidents.values() if i.state is IncidentState.MERGED]
    assert merged
    assert {i.merged_into for i in merged} == {one.incident_id}
    assert desk.kinds(one.incident_id).count(IncidentEventKind.ABSORBED) == len(merged)


def test_two_outages_that_share_a_ward_stay_two() -> None:
    desk = Desk()
    ward = schools_of(ward=0)
    down(desk, [s for s in ward if s not in schools_of("FPT", 0)], T0)
    power = only(desk)
    assert power.cause == Cause(CauseKind.WARD, "", "c0", "w0")
    down(desk, [s for s in schools_of("FPT") if s not in ward], T0 + 2 * MINUTE_US)
    assert {i.cause.kind for i in desk.open()} == {CauseKind.WARD, CauseKind.ISP}
    down(desk, schools_of("FPT", 0), T0 + 3 * MINUTE_US)
    assert len(desk.open()) == 2
    assert sum(i.alerts for i in desk.open()) == len({*ward, *schools_of("FPT")})


def test_a_school_of_its_own_in_the_middle_of_an_outage_is_its_own() -> None:
    desk = Desk()
    down(desk, schools_of("FPT"), T0)
    other = schools_of("Viettel", 3)[0]
    down(desk, [other], T0 + 2 * MINUTE_US)
    outage, single = sorted(desk.open(), key=lambda i: i.began_at_us)
    assert (outage.cause.kind, outage.schools) == (CauseKind.ISP, 40)
    assert (single.cause, single.schools) == (Cause(CauseKind.SCHOOL, school_id=other), 1)


def test_what_other_rules_say_of_its_schools_joins_an_outage() -> None:
    desk = Desk()
    down(desk, schools_of("FPT"), T0)
    down(desk, schools_of("FPT")[:30], T0 + MINUTE_US, "gateway_silent")
    down(desk, schools_of("FPT")[5:6], T0 + 2 * MINUTE_US, "attendance_low")
    outage = only(desk)
    assert outage.rules == ("attendance_low", "gateway_silent", "wan_down")
    assert (outage.rule, outage.schools, outage.alerts) == ("wan_down", 40, 71)


def test_pupils_who_stay_away_bring_no_line_and_no_platform_down() -> None:
    desk = Desk()
    down(desk, PUPILS, T0, "attendance_low")
    away = only(desk)
    down(desk, [schools_of("FPT")[0]], T0 + 20 * MINUTE_US)
    assert len(desk.open()) == 2, "a cut line of a school with few pupils has a cause of its own"
    down(desk, schools_of(), T0 + 40 * MINUTE_US, "lms_failing")
    platform = [i for i in desk.open() if i.cause.kind is CauseKind.PLATFORM]
    assert [i.alerts for i in platform] == [len(PUPILS)]
    assert desk.incidents[away.incident_id].alerts == len(PUPILS)


def test_a_line_that_is_down_brings_registers_and_platform_with_it() -> None:
    desk = Desk()
    down(desk, schools_of("FPT"), T0)
    for minutes, rule in ((5, "register_missing"), (6, "elearning_silent")):
        down(desk, schools_of("FPT"), T0 + minutes * MINUTE_US, rule)
    assert (only(desk).cause, only(desk).alerts) == (Cause(CauseKind.ISP, "FPT"), 120)


def test_days_after_an_outage_a_school_that_fails_is_not_its_consequence() -> None:
    desk = Desk()
    entries = down(desk, schools_of("FPT"), T0)
    up(desk, entries[1:], T0 + 30 * MINUTE_US)
    down(desk, schools_of("FPT")[7:8], T0 + 2 * 24 * 60 * MINUTE_US)
    assert [i.cause.kind for i in desk.open()] == [CauseKind.ISP, CauseKind.SCHOOL]


def test_it_settles_before_it_resolves() -> None:
    desk = Desk()
    (entry,) = down(desk, [1], T0)
    up(desk, [entry], T0 + MINUTE_US)
    down(desk, [1], T0 + MINUTE_US + SETTLE_US - 5 * SECOND_US)
    incident = only(desk)
    assert (incident.all_alerts, incident.quiet_at_us) == (2, None)
    assert IncidentEventKind.RESOLVED not in desk.kinds(incident.incident_id)


def test_what_comes_back_soon_opens_it_again_and_later_is_another_one() -> None:
    desk = Desk()
    (entry,) = down(desk, [1], T0)
    up(desk, [entry], T0 + MINUTE_US)
    ended_us = T0 + MINUTE_US + SECOND_US + SETTLE_US
    desk.tick(ended_us)
    assert desk.open() == []
    (again,) = down(desk, [1], ended_us + REOPEN_US - 5 * SECOND_US)
    incident = only(desk)
    assert desk.kinds(incident.incident_id)[-3:] == [
        IncidentEventKind.RESOLVED,
        IncidentEventKind.REOPENED,
        IncidentEventKind.JOINED,
    ]
    up(desk, [again], ended_us + REOPEN_US + MINUTE_US)
    down(desk, [1], ended_us + 3 * REOPEN_US)
    assert only(desk).incident_id != incident.incident_id


def test_an_outage_that_comes_back_is_the_same_one() -> None:
    desk = Desk()
    entries = down(desk, schools_of("FPT"), T0)
    outage = only(desk)
    up(desk, entries, T0 + 5 * MINUTE_US)
    desk.tick(T0 + 7 * MINUTE_US)
    assert desk.open() == []
    down(desk, schools_of("FPT")[::-1], T0 + 9 * MINUTE_US)
    assert only(desk).incident_id == outage.incident_id


def test_it_is_taken_when_all_of_its_open_alerts_are() -> None:
    desk = Desk()
    first, second = opened(1, T0), opened(1, T0, "gateway_silent")
    desk.take([first, second, LogEntry(T0 + SECOND_US)])
    desk.take([acknowledged(first, T0 + 5 * SECOND_US, "Lan")])
    assert (only(desk).state, only(desk).unacknowledged) == (IncidentState.OPEN, 1)
    desk.take([acknowledged(second, T0 + 9 * SECOND_US, "Minh")])
    taken = only(desk)
    assert (taken.state, taken.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Minh")
    assert taken.acknowledged_at_us == T0 + 9 * SECOND_US
    down(desk, [1], T0 + MINUTE_US, "attendance_low")
    assert (only(desk).state, only(desk).unacknowledged) == (IncidentState.OPEN, 1)


def test_it_is_taken_when_what_nobody_took_is_over() -> None:
    desk = Desk()
    first, second = opened(1, T0), opened(1, T0, "gateway_silent")
    desk.take([first, second, acknowledged(first, T0 + 5 * SECOND_US)])
    up(desk, [second], T0 + MINUTE_US)
    assert (only(desk).state, only(desk).acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Lan")


def test_what_concerns_the_center_is_one_incident_a_rule() -> None:
    desk = Desk()
    down(desk, [SYSTEM_SCHOOL_ID], T0, "feed_down")
    down(desk, [SYSTEM_SCHOOL_ID], T0 + MINUTE_US, "feed_down")
    down(desk, [SYSTEM_SCHOOL_ID], T0 + 2 * MINUTE_US, "log_gap")
    assert {(i.rule, i.alerts, i.schools, i.cause.kind) for i in desk.open()} == {
        ("feed_down", 2, 0, CauseKind.SYSTEM),
        ("log_gap", 1, 0, CauseKind.SYSTEM),
    }


def test_an_alert_that_ends_within_its_second_is_no_incident() -> None:
    desk = Desk()
    entry = opened(1, T0)
    desk.take([entry, resolved(entry, T0 + 1), LogEntry(T0 + SECOND_US)])
    assert desk.incidents == {}


def test_an_alert_of_a_school_that_left_the_fleet_has_an_incident_too() -> None:
    desk = Desk()
    down(desk, [999], T0)
    assert only(desk).cause == Cause(CauseKind.SCHOOL, school_id=999)


def test_a_line_that_flaps_is_one_incident() -> None:
    """As `wan_down` tells 30 changes within 8 s: two short alerts, and one that flaps until it is steady."""
    desk = Desk()
    for n in (0, 2):
        short = opened(1, T0 + n * SECOND_US // 4)
        desk.take([short, resolved(short, short.at_us + SECOND_US // 4)])
    flapping = opened(1, T0 + SECOND_US)
    desk.take([flapping])
    desk.tick(T0 + 9 * SECOND_US)
    incident = only(desk)
    up(desk, [flapping], T0 + 5 * MINUTE_US)
    desk.tick(T0 + 7 * MINUTE_US)
    assert list(desk.incidents) == [incident.incident_id]
    assert desk.kinds(incident.incident_id) == ["opened", "left", "resolved"]


def test_two_providers_that_fail_within_a_minute_are_two_incidents() -> None:
    """Two of three schools are theirs: a quarter of the city fails before anybody can tell whose it is."""
    desk = Desk()
    failing = random.Random(1).sample([*schools_of("FPT"), *schools_of("VNPT")], 80)
    for n, school in enumerate(failing):
        desk.take([opened(school, T0 + n * 700_000)])
    desk.tick(T0 + MINUTE_US)
    found = {incident.cause: incident.schools for incident in desk.open()}
    assert found == {Cause(CauseKind.ISP, "FPT"): 40, Cause(CauseKind.ISP, "VNPT"): 40}
    told = [i for i in desk.incidents.values() if i.cause.kind is CauseKind.CITY]
    assert told == [], "it never was the city's"


def test_the_incident_of_a_chronic_line_takes_no_other_alert_and_stays_while_they_come_and_go() -> None:
    desk = Desk()
    school = schools_of("FPT")[0]
    down(desk, [school], T0, "chronic_line")
    (chronic,) = desk.open()
    for n in range(2):
        at_us = T0 + (n + 1) * 60 * MINUTE_US
        entries = down(desk, [school], at_us)
        assert {(i.rule, i.alerts) for i in desk.open()} == {("chronic_line", 1), ("wan_down", 1)}
        up(desk, entries, at_us + MINUTE_US)
        desk.tick(at_us + 5 * MINUTE_US)
    assert [i.incident_id for i in desk.open()] == [chronic.incident_id]
    assert len(desk.incidents) == 3


def test_the_chronic_line_of_a_school_is_not_drawn_into_an_outage_of_its_provider() -> None:
    desk = Desk()
    down(desk, schools_of("FPT")[:1], T0, "chronic_line")
    down(desk, schools_of("FPT"), T0 + MINUTE_US)
    assert {(i.rule, i.alerts) for i in desk.open()} == {("chronic_line", 1), ("wan_down", 40)}


@pytest.mark.parametrize(
    ("school", "began_s", "noticed_s", "is_of_it"),
    [
        (2, 5, 5, True),
        (3, 5, 5, False),  # another school
        (2, -45, 5, True),  # silent since a reading before the fault
        (2, -45, -1, False),  # noticed before anybody practised
        (2, -6 * 3600, 5, False),  # what a device kept through a night and tells now
        (2, 60, 400, True),  # noticed late
        (2, 300 + 119, 300 + 119, True),  # a device that is on its way back
        (2, 300 + 121, 300 + 121, False),  # whoever fails now really fails
    ],
)
def test_what_is_of_an_exercise(school: int, began_s: int, noticed_s: int, is_of_it: bool) -> None:
    """One of five minutes at two schools; times in seconds from its beginning."""
    exercise = Exercise("e1", "An", "", (1, 2), T0, T0 + 300 * SECOND_US, T0)
    desk = folded([[opened(school, T0 + began_s * SECOND_US)]])
    (alert,) = desk.alerts.values()
    assert exercise.has(replace(alert, detected_at_us=T0 + noticed_s * SECOND_US)) is is_of_it
