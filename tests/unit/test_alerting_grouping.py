"""Open alerts as lines: shared fate collapses, the most urgent comes first."""

from dataclasses import replace

import msgspec
import pytest

from alerting.grouping import FLEET_SHARE, Fate, group_alerts
from contract.alert import Alert
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.fleet import Fleet
from device_simulator.fleet import generate_fleet
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


def own_alert(partition: int, rule: str = "feed_down", **other: object) -> Alert:
    """Return an open alert about the center itself, as one partition raises it."""
    return alert(
        SYSTEM_SCHOOL_ID,
        rule,
        **{"alert_id": f"{rule}-p{partition}", "series": system_series(partition), "pupils": 0, **other},
    )


@pytest.mark.parametrize("partitions", [1, 4, 64])
def test_what_the_partitions_say_of_the_center_is_one_line(partitions: int) -> None:
    alerts = [own_alert(p, opened_at_us=100 + p) for p in range(partitions)]
    (line,) = group_alerts([*alerts, own_alert(0, resolved_at_us=7)], two_isps())
    assert (line.fate, line.count, line.isp, line.school_ids) == (Fate.SYSTEM, partitions, None, ())
    assert (line.isps, line.ward_codes, line.pupils) == ((), (), 0)
    assert (line.oldest_us, line.newest_us) == (100, 99 + partitions)


def test_each_rule_about_the_center_has_its_line() -> None:
    alerts = [own_alert(p, rule) for p in range(4) for rule in ("log_gap", "feed_down")]
    assert {line.rule: line.count for line in group_alerts(alerts, two_isps())} == {
        "log_gap": 4,
        "feed_down": 4,
    }


def test_the_center_stands_before_every_other_line_of_its_priority() -> None:
    alerts = [
        own_alert(0, opened_at_us=1, priority=2),
        alert(2, "loss_high", opened_at_us=900, priority=1),
        *(alert(s, opened_at_us=500) for s in (1, 3, 5, 7, 9)),
        alert(2, "latency_high", opened_at_us=999),
    ]
    fates = [line.fate for line in group_alerts(alerts, two_isps())]
    assert fates == [Fate.SINGLE, Fate.SYSTEM, Fate.PROVIDER, Fate.SINGLE]


def test_nearly_all_schools_of_several_providers_are_one_line() -> None:
    fleet = two_isps()
    everybody = [alert(s.id) for s in fleet.schools]
    (line,) = group_alerts(everybody, fleet)
    assert (line.fate, line.count, line.isps, line.isp) == (Fate.FLEET, 12, ("even", "odd"), None)
    (line,) = group_alerts(everybody[:10], fleet)
    assert line.fate is Fate.FLEET  # 10 of 12 are above four fifths
    fewer = group_alerts(everybody[:9], fleet)
    assert [(line.fate, line.count) for line in fewer[:1]] == [(Fate.PROVIDER, 5)]
    assert all(line.fate is Fate.SINGLE for line in fewer[1:])


def test_a_fleet_of_one_provider_blames_the_provider() -> None:
    fleet = small_fleet(12)
    (line,) = group_alerts([alert(s.id) for s in fleet.schools], fleet)
    assert line.fate is Fate.PROVIDER
    assert line.isp == fleet.schools[0].isp


def test_a_handful_of_schools_is_no_fleet() -> None:
    fleet = two_isps()
    tiny = Fleet(fleet.province, fleet.clusters, fleet.wards, fleet.schools[:4], fleet.devices[:4])
    assert [line.fate for line in group_alerts([alert(s.id) for s in tiny.schools], tiny)] == [
        Fate.SINGLE
    ] * 4


@pytest.fixture(scope="module")
def reference_city() -> Fleet:
    return generate_fleet()


def test_our_own_line_down_is_one_line_for_the_whole_city(reference_city: Fleet) -> None:
    alerts = [alert(s.id) for s in reference_city.schools]
    (line,) = group_alerts(alerts, reference_city)
    assert (line.fate, line.count) == (Fate.FLEET, len(reference_city.schools))
    assert set(line.alert_ids) == {a.alert_id for a in alerts}


def test_a_thousand_schools_at_once_are_at_most_ten_lines_and_none_is_forgotten(
    reference_city: Fleet,
) -> None:
    alerts = [alert(s.id) for s in reference_city.schools[::3][:1000]]
    lines = group_alerts(alerts, reference_city)
    assert len(alerts) == 1000
    assert len(lines) <= 10
    assert sorted(i for line in lines for i in line.alert_ids) == sorted(a.alert_id for a in alerts)


def test_no_provider_of_the_reference_city_can_pass_for_the_fleet(reference_city: Fleet) -> None:
    schools = [s.isp for s in reference_city.schools]
    assert max(schools.count(isp) for isp in set(schools)) < FLEET_SHARE * len(schools)
