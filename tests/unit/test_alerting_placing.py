"""Alerts of one second, placed together: what shares a cause is one incident."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.incidents.causes import FLEET_SHARE
from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from contract.alert import Alert
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.fleet import Fleet
from contract.incident import CauseKind, Incident
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.view.lines import wall_incidents
from tests.fold_world import small_fleet


def alert(school: int, rule: str = "wan_down", **other: object) -> Alert:
    """Return an open alert."""
    made = Alert(f"{rule}-{school}", rule, 1, school, 2, 100 + school, 0, None, None, None, None, 10)
    return msgspec.structs.replace(made, **other)


PROVIDERS = 12
SAME = (1, 13, 25, 37, 49)
"""Schools of one provider."""


def with_providers(count: int, providers: int) -> Fleet:
    """Return a fleet whose schools have providers in turn; all lie in one ward."""
    fleet = small_fleet(count)
    schools = tuple(replace(s, isp=f"isp-{s.id % providers}") for s in fleet.schools)
    return Fleet(fleet.province, fleet.clusters, fleet.wards, schools, fleet.devices)


FLEET = with_providers(120, PROVIDERS)
TWO_ISPS = with_providers(12, 2)


@dataclass(frozen=True)
class Placed:
    """An incident with the ids of its alerts and schools, rising."""

    incident: Incident
    alert_ids: tuple[str, ...]
    school_ids: tuple[int, ...]

    @property
    def kind(self) -> CauseKind:
        """The kind of its cause."""
        return self.incident.cause.kind


def placed(alerts: Sequence[Alert], fleet: Fleet = FLEET) -> list[Placed]:
    """Return the incidents of alerts that open within one second, as a wall shows them."""
    state = Incidents()
    advance(Groups(fleet), state, [Moment(1, tuple(alerts)), Moment(1_000_000)])
    incidents = wall_incidents((kept.incident for kept in state.kept.values()), fleet)
    members = [state.kept[incident.incident_id].members for incident in incidents]
    return [
        Placed(i, tuple(sorted(of)), tuple(sorted({a.school_id for a in of.values()} - {SYSTEM_SCHOOL_ID})))
        for i, of in zip(incidents, members, strict=True)
    ]


def test_five_of_one_provider_are_one_line() -> None:
    shared, single = placed([alert(s) for s in (*SAME, 2)])
    assert (shared.kind, shared.incident.cause.isp, shared.incident.alerts) == (CauseKind.ISP, "isp-1", 5)
    assert (shared.school_ids, shared.incident.rules) == (SAME, ("wan_down",))
    assert (shared.incident.opened_at_us, shared.incident.last_opened_at_us, shared.incident.pupils) == (
        101,
        149,
        len(SAME) * 10,
    )
    assert (single.kind, single.incident.alerts) == (CauseKind.SCHOOL, 1)


def test_two_of_a_provider_stay_two_and_rules_do_not_make_a_group() -> None:
    lines = placed([alert(1), alert(13), alert(25, "loss_high"), alert(37, "loss_high")])
    assert [line.incident.alerts for line in lines] == [1, 1, 1, 1]


def test_what_opens_hours_apart_shares_nothing() -> None:
    hour_us = 3_600_000_000
    lines = placed([alert(s, opened_at_us=n * hour_us) for n, s in enumerate(SAME)])
    assert [line.kind for line in lines] == [CauseKind.SCHOOL] * len(SAME)


def test_what_other_rules_say_of_the_same_schools_is_the_same_line() -> None:
    cut = [alert(s, priority=1) for s in SAME]
    silent = [alert(s, "gateway_silent", opened_at_us=500) for s in SAME[:4]]
    (line,) = placed([*cut, *silent, alert(25, "attendance_low", opened_at_us=900)])
    assert (line.incident.rule, line.incident.alerts, line.school_ids) == ("wan_down", 10, SAME)
    assert line.incident.rules == ("attendance_low", "gateway_silent", "wan_down")


def test_an_older_or_more_urgent_alert_of_such_a_school_keeps_its_own_line() -> None:
    cut = [alert(s, opened_at_us=10**12) for s in SAME]
    older = alert(13, "traffic_stuck", priority=3, opened_at_us=0)
    worse = alert(25, "attendance_low", priority=1, opened_at_us=10**12)
    lines = placed([*cut, older, worse])
    assert [(line.incident.rule, line.incident.alerts) for line in lines] == [
        ("attendance_low", 1),
        ("wan_down", 5),
        ("traffic_stuck", 1),
    ]


def test_a_school_has_one_line_named_after_its_worst_alert() -> None:
    alerts = [
        alert(2, "latency_unusual", priority=3, opened_at_us=1),
        alert(2, "loss_high", opened_at_us=3),
        alert(2, "latency_high", opened_at_us=2),
    ]
    (line,) = placed(alerts)
    assert (line.incident.rule, line.incident.priority, line.incident.alerts) == ("latency_high", 2, 3)


def test_a_line_is_as_bad_as_its_worst_and_counts_who_nobody_looked_at() -> None:
    alerts = [
        alert(s, priority=1 if s == 25 else 3, acknowledged_at_us=None if s > 13 else 9) for s in (*SAME, 61)
    ]
    (line,) = placed(alerts)
    assert (line.incident.priority, line.incident.alerts, line.incident.unacknowledged) == (1, 6, 4)


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
    (line,) = placed(alerts)
    assert (line.kind, line.incident.alerts, line.school_ids) == (CauseKind.SYSTEM, partitions, ())
    assert line.incident.pupils == 0
    assert (line.incident.opened_at_us, line.incident.last_opened_at_us) == (100, 99 + partitions)


def test_each_rule_about_the_center_has_its_line() -> None:
    alerts = [own_alert(p, rule) for p in range(4) for rule in ("log_gap", "feed_down")]
    assert {line.incident.rule: line.incident.alerts for line in placed(alerts)} == {
        "log_gap": 4,
        "feed_down": 4,
    }


def test_nearly_all_schools_of_several_providers_are_one_line() -> None:
    everybody = [alert(s.id) for s in TWO_ISPS.schools]
    (line,) = placed(everybody, TWO_ISPS)
    assert (line.kind, line.incident.alerts) == (CauseKind.FLEET, 12)
    (line,) = placed(everybody[:10], TWO_ISPS)
    assert line.kind is CauseKind.FLEET  # 10 of 12 are above four fifths
    (line,) = placed(everybody[:9], TWO_ISPS)
    assert (line.kind, line.incident.alerts) == (CauseKind.CITY, 9)  # no provider more than the other


def test_a_fleet_of_one_provider_blames_the_provider() -> None:
    fleet = small_fleet(12)
    (line,) = placed([alert(s.id) for s in fleet.schools], fleet)
    assert (line.kind, line.incident.cause.isp) == (CauseKind.ISP, fleet.schools[0].isp)


def test_a_handful_of_schools_is_no_fleet() -> None:
    tiny = Fleet(FLEET.province, FLEET.clusters, FLEET.wards, TWO_ISPS.schools[:4], TWO_ISPS.devices[:4])
    lines = placed([alert(s.id) for s in tiny.schools], tiny)
    assert [line.kind for line in lines] == [CauseKind.SCHOOL] * 4


RULES = ("wan_down", "gateway_silent", "attendance_low")


@given(
    st.lists(
        st.tuples(st.integers(1, 120), st.sampled_from(RULES), st.integers(0, 10**11), st.integers(1, 3)),
        max_size=150,
        unique_by=lambda one: one[:2],
    )
)
def test_every_open_alert_is_on_one_line_whatever_the_order(drawn: list[tuple[int, str, int, int]]) -> None:
    alerts = [alert(school, rule, opened_at_us=at, priority=p) for school, rule, at, p in drawn]
    lines = placed(alerts)
    assert sorted(i for line in lines for i in line.alert_ids) == sorted(a.alert_id for a in alerts)
    assert placed(alerts[::-1]) == lines


@pytest.fixture(scope="module")
def reference_city() -> Fleet:
    return generate_fleet()


def test_our_own_line_down_is_one_line_for_the_whole_city(reference_city: Fleet) -> None:
    alerts = [alert(s.id) for s in reference_city.schools]
    (line,) = placed(alerts, reference_city)
    assert (line.kind, line.incident.alerts) == (CauseKind.FLEET, len(reference_city.schools))
    assert set(line.alert_ids) == {a.alert_id for a in alerts}


def test_a_thousand_schools_at_once_are_at_most_ten_lines_and_none_is_forgotten(
    reference_city: Fleet,
) -> None:
    alerts = [alert(s.id) for s in reference_city.schools[::3][:1000]]
    lines = placed(alerts, reference_city)
    assert len(alerts) == 1000
    assert len(lines) <= 10
    assert sorted(i for line in lines for i in line.alert_ids) == sorted(a.alert_id for a in alerts)


def test_no_provider_of_the_reference_city_can_pass_for_the_fleet(reference_city: Fleet) -> None:
    schools = [s.isp for s in reference_city.schools]
    assert max(schools.count(isp) for isp in set(schools)) < FLEET_SHARE * len(schools)
