"""What of a fleet's summaries, alerts and incidents is seen from an area."""

import pytest
from msgspec.structs import replace

from alerting.incidents.groups import cause_of
from contract.access.area import Area
from contract.alert import Alert
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.live import Kpi, Summary, WardSums
from ops_dashboard.view.areas import WallArea, find_area
from ops_dashboard.view.narrowing import Narrowing

PARTITIONS = 2


def alert(fleet: Fleet, position: int, rule: str = "wan_down", priority: int = 1) -> Alert:
    school = fleet.schools[position]
    return Alert(
        f"{position:016x}",
        rule,
        position,
        school.id,
        priority,
        100 + position,
        100,
        0,
        0,
        0,
        0,
        school.pupils,
    )


def incident(cause: Cause, **more: object) -> Incident:
    whole = Incident(
        "f" * 16, IncidentState.OPEN, cause, "wan_down", ("wan_down",), ("wan_down",), 1, 1, 30, 40, 30,
        25, 26, 9000, 9500, 70, 200, 50, 10, 99,
    )  # fmt: skip
    return replace(whole, **more)


def test_a_summary_has_the_schools_of_the_area_and_no_sums(city: Fleet) -> None:
    school = city.schools[3]
    own = Narrowing(city, Area(wards=(school.ward_code,)), PARTITIONS)
    of_school = city.partition_of_schools(PARTITIONS)
    kpis, wards = {"online": Kpi(20, 20, 20.0)}, {"online": WardSums([1], [1], [1.0], [1])}
    seen: list[str] = []
    for partition in range(PARTITIONS):
        members = [i for i, p in enumerate(of_school) if p == partition]
        states = "".join("1" if i == 3 else "n" for i in members)
        told = own.summary(Summary(partition, 5, 7, states, kpis, None, wards))
        assert (told.kpis, told.wards, told.canary) == ({}, {}, None)
        assert len(told.states) == sum(of_school[i] == partition for i in _positions(city, own))
        seen += told.states
    assert seen.count("1") == 1
    assert len(seen) == len(own.fleet.schools)


def _positions(city: Fleet, own: Narrowing) -> list[int]:
    return [city.school_position[s.id] for s in own.fleet.schools]


def test_an_incident_within_is_as_it_stands(city: Fleet) -> None:
    school = city.schools[0]
    own = Narrowing(city, Area(wards=(school.ward_code,)), PARTITIONS)
    for kind in (CauseKind.WARD, CauseKind.ISP_WARD):
        whole = incident(cause_of(school, kind, city))
        assert own.covers(whole)
        assert own.incident(whole, []) == whole
    single = incident(Cause(CauseKind.SCHOOL, school_id=school.id))
    assert own.incident(single, []) == single


def test_an_incident_that_reaches_further_is_counted_anew(city: Fleet) -> None:
    school = city.schools[0]
    own = Narrowing(city, Area(schools=(school.code,)), PARTITIONS)
    outage = incident(cause_of(school, CauseKind.ISP, city))
    alerts = own.alerts([alert(city, position) for position in range(len(city.schools))])
    assert [a.school_id for a in alerts] == [school.id]
    seen = own.incident(outage, alerts)
    assert seen is not None
    assert (seen.alerts, seen.all_alerts, seen.schools, seen.most_schools) == (1, 1, 1, 1)
    assert (seen.pupils, seen.most_pupils, seen.lost_pupil_s) == (school.pupils, school.pupils, 0)
    assert own.incident(outage, [replace(a, rule="other") for a in alerts]) is None
    assert own.incident(replace(outage, ended_at_us=1), alerts) is None
    assert own.incident(incident(Cause(CauseKind.SYSTEM)), alerts) is None


@pytest.mark.parametrize("kind", ["cluster", "ward"])
def test_a_whole_cluster_or_ward_has_its_figures(city: Fleet, kind: str) -> None:
    school = city.schools[0]
    ward = city.ward_by_code[school.ward_code]
    code = ward.cluster_code if kind == "cluster" else ward.code
    own = Narrowing(city, Area(clusters=(code,)) if kind == "cluster" else Area(wards=(code,)), PARTITIONS)
    found = own.whole_part(None)
    assert isinstance(found, WallArea)
    assert found == find_area(code, city)
    inner = find_area(ward.code, own.fleet)
    assert own.whole_part(inner) == inner


def test_a_part_of_a_ward_has_none(city: Fleet) -> None:
    school = city.schools[0]
    mates = [s for s in city.schools if s.ward_code == school.ward_code]
    for area in (Area(isp=school.isp), Area(schools=(school.code,))):
        own = Narrowing(city, area, PARTITIONS)
        assert own.whole_part(None) is None
        ward = find_area(school.ward_code, own.fleet)
        assert (own.whole_part(ward) is None) == (len(own.fleet.schools) < len(mates) or len(mates) > 1)
