"""What counts as found, late, in pieces, and false."""

import pytest

from evaluation.scenarios.matching import (
    Duty,
    IncidentAlert,
    IncidentRecord,
    Truth,
    by_kind,
    match,
    overall,
)

MINUTE_US = 60_000_000
INTERVAL_US = 5 * MINUTE_US
GRACE_US = 30 * MINUTE_US


def truth(
    kind: str, schools: set[int], start: int, end: int, duty: Duty = Duty.FIND, variant: str = ""
) -> Truth:
    """Return a label from one minute to another, of which the rules of this test's incidents speak."""
    rules = frozenset({"wan_down"}) if duty is Duty.FIND else None
    span = start * MINUTE_US, end * MINUTE_US
    return Truth(kind, variant, frozenset(schools), *span, duty, INTERVAL_US, rules)


def incident(number: int, *members: tuple[int, int], rule: str = "wan_down") -> IncidentRecord:
    """Return an incident of (school, minute) alerts."""
    return IncidentRecord(
        number, tuple(IncidentAlert(school, rule, minute * MINUTE_US) for school, minute in members), None
    )


def test_an_alert_in_time_and_place_finds_a_fault() -> None:
    matched = match([truth("link-cut", {1}, 100, 200)], [incident(1, (1, 110))], GRACE_US)
    figures = overall(matched, 1000.0)
    assert (figures.event_recall, figures.false_incidents, figures.incidents_per_outage) == (1.0, 0, 1.0)
    assert figures.median_delay_intervals == 2.0


@pytest.mark.parametrize(("school", "minute"), [(1, 99), (1, 231), (2, 150)])
def test_before_after_or_elsewhere_is_false(school: int, minute: int) -> None:
    matched = match([truth("link-cut", {1}, 100, 200)], [incident(1, (school, minute))], GRACE_US)
    figures = overall(matched, 500.0)
    assert (figures.event_recall, figures.false_incidents_per_1000_school_days) == (0.0, 2.0)
    assert figures.incidents_per_outage is None
    assert figures.median_delay_intervals is None


def test_the_grace_and_the_start_belong_to_the_fault() -> None:
    label = truth("link-cut", {1}, 100, 200)
    for minute in (100, 230):
        assert match([label], [incident(1, (1, minute))], GRACE_US).findings[0].detected_us is not None


def test_half_of_the_schools_find_a_wide_fault_and_the_half_is_the_moment() -> None:
    label = truth("isp-outage", {1, 2, 3, 4}, 100, 200)
    chance = match([label], [incident(1, (1, 101))], GRACE_US)
    assert chance.findings[0].detected_us is None
    assert not chance.false
    found = match([label], [incident(1, (1, 101), (1, 102)), incident(2, (2, 120), (3, 130))], GRACE_US)
    assert found.findings[0].detected_us == 120 * MINUTE_US
    assert overall(found, 1.0).incidents_per_outage == 2.0


def test_one_true_member_does_not_excuse_the_others() -> None:
    label = truth("link-cut", {1}, 100, 200)
    half = match([label], [incident(1, (7, 90), (1, 110))], GRACE_US)
    assert not half.false
    assert [alert.school_id for alert in half.false_alerts] == [7]
    most = match([label], [incident(1, (7, 90), (1, 110), (8, 120))], GRACE_US)
    assert [i.incident_id for i in most.false] == [1]
    assert most.findings[0].detected_us == 110 * MINUTE_US
    figures = overall(most, 500.0)
    assert (figures.false_alerts, figures.false_alerts_per_1000_school_days) == (2, 4.0)


def test_what_is_reported_apart_excuses_no_alert_elsewhere() -> None:
    closure = truth("unannounced-closure", {3}, 0, 100, Duty.APART)
    matched = match([closure], [incident(1, (3, 50), (4, 50), (5, 50))], GRACE_US)
    assert [i.incident_id for i in matched.false] == [1]
    assert sorted(alert.school_id for alert in matched.false_alerts) == [4, 5]


def test_a_rule_that_speaks_of_something_else_finds_nothing_and_is_false() -> None:
    copied = truth("attendance-drop", {1}, 100, 200)._replace(rules=frozenset({"school_disagrees"}))
    matched = match([copied], [incident(1, (1, 110))], GRACE_US)
    assert matched.findings[0].detected_us is None
    assert not matched.findings[0].incidents
    assert [i.incident_id for i in matched.false] == [1]
    found = match([copied], [incident(1, (1, 110), rule="school_disagrees")], GRACE_US)
    assert found.findings[0].detected_us is not None
    assert not found.false_alerts


def test_what_must_stay_quiet_is_false_and_what_is_apart_is_neither() -> None:
    quiet = truth("holiday", {1, 2}, 0, 100, Duty.QUIET)
    apart = truth("unannounced-closure", {3}, 0, 100, Duty.APART)
    matched = match([quiet, apart], [incident(1, (1, 50)), incident(2, (3, 50))], GRACE_US)
    assert [i.incident_id for i in matched.false] == [1]
    kinds = by_kind(matched, {0: 2.0, 1: 1.0}, {}, 100.0)
    assert kinds["holiday"].false_incidents_per_1000_school_days == 500.0
    assert kinds["holiday"].event_recall is None
    assert kinds["unannounced-closure"].false_incidents == 1
    assert overall(matched, 100.0).event_recall is None


def test_kinds_and_their_variants_are_told_apart() -> None:
    labels = [
        truth("attendance-drop", {1}, 0, 10, variant="real"),
        truth("attendance-drop", {2}, 0, 10, variant="reader"),
    ]
    false_of = {"attendance-drop": 3, "attendance-drop/reader": 2}
    kinds = by_kind(match(labels, [incident(1, (1, 5))], 0), {}, false_of, 1000.0)
    assert {name: f.event_recall for name, f in kinds.items()} == {
        "attendance-drop": 0.5,
        "attendance-drop/real": 1.0,
        "attendance-drop/reader": 0.0,
    }
    assert [kinds[name].false_incidents for name in sorted(kinds)] == [3, 2, 0]


def test_an_alert_under_two_labels_belongs_to_both() -> None:
    labels = [truth("link-cut", {1}, 0, 10), truth("lms-outage", {1}, 5, 10)]
    figures = overall(match(labels, [incident(1, (1, 6))], 0), 1.0)
    assert (figures.events, figures.event_recall, figures.incidents_per_outage) == (2, 1.0, 1.0)


def test_a_delay_is_told_in_the_interval_of_what_the_fault_changes() -> None:
    rare = truth("attendance-drop", {1}, 0, 60)._replace(interval_us=2 * INTERVAL_US)
    often = truth("link-cut", {2}, 0, 60)
    figures = overall(match([rare, often], [incident(1, (1, 20), (2, 20))], 0), 1.0)
    assert figures.median_delay_intervals == 3.0


def test_what_lies_beyond_the_earliest_is_told_of_those_that_anybody_could_know_of() -> None:
    known = truth("link-cut", {1}, 3, 60)._replace(earliest_us=5 * MINUTE_US)
    unknowable = truth("attendance-drop", {2}, 0, 60)
    figures = overall(match([known, unknowable], [incident(1, (1, 15), (2, 30))], 0), 1.0)
    assert figures.median_beyond_intervals == 2.0
    assert figures.median_delay_intervals == pytest.approx((12 / 5 + 6) / 2)
