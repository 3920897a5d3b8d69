"""Open alerts as lines: shared fate collapses, the most urgent comes first."""

from dataclasses import replace

import msgspec

from alerting.grouping import group_alerts
from contract.alert import Alert
from contract.fleet import Fleet
from tests.fold_world import small_fleet


def alert(school: int, rule: str = "wan_down", **other: object) -> Alert:
    """Return an open alert."""
    made = Alert(f"{rule}-{school}", rule, 1, school, 2, 100 + school, 0, None, None, None, None, 10)
    return msgspec.structs.replace(made, **other)


def two_isps() -> Fleet:
    """Twelve schools; the odd ones have another provider."""
    fleet = small_fleet(12)
    schools = tuple(replace(s, isp="odd" if s.id % 2 else "even") for s in fleet.schools)
    return Fleet(fleet.province, fleet.clusters, fleet.wards, schools, fleet.devices)


def test_five_of_one_provider_are_one_line() -> None:
    lines = group_alerts([alert(s) for s in (1, 3, 5, 7, 9, 2)], two_isps())
    assert [(line.isp, line.count) for line in lines] == [("odd", 5), (None, 1)]
    shared = next(line for line in lines if line.isp == "odd")
    assert shared.school_ids == (1, 3, 5, 7, 9)
    assert (shared.oldest_us, shared.newest_us, shared.pupils) == (101, 109, 2500)
    assert shared.cluster_codes == ("c1",)


def test_four_stay_four_and_rules_do_not_mix() -> None:
    lines = group_alerts([alert(1), alert(3), alert(5, "loss_high"), alert(7, "loss_high")], two_isps())
    assert [line.count for line in lines] == [1, 1, 1, 1]


def test_the_unacknowledged_come_first_then_priority_then_the_newest() -> None:
    alerts = [
        alert(1, priority=1, acknowledged_at_us=5),
        alert(2, priority=3),
        alert(3, priority=2),
        alert(4, priority=2),
    ]
    assert [line.school_ids[0] for line in group_alerts(alerts, two_isps())] == [4, 3, 2, 1]


def test_a_line_is_as_bad_as_its_worst_and_counts_who_nobody_looked_at() -> None:
    alerts = [
        alert(s, priority=1 if s == 5 else 3, acknowledged_at_us=None if s > 3 else 9)
        for s in range(1, 12, 2)
    ]
    (line,) = group_alerts(alerts, two_isps())
    assert (line.priority, line.count, line.unacknowledged) == (1, 6, 4)


def test_resolved_alerts_and_schools_that_left_are_passed_over() -> None:
    assert group_alerts([alert(1, resolved_at_us=3), alert(999)], two_isps()) == []
