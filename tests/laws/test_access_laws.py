"""An area narrows everything: whatever may be done in it may be done in every wider one."""

from hypothesis import given
from hypothesis import strategies as st

from contract.access.area import CITY, Area, narrow_fleet, parse_area, write_area
from contract.access.decision import Principal, may
from contract.access.permission import Permission, Role, TokenScope
from device_simulator.world.fleet import generate_fleet

FLEET = generate_fleet(schools=30)
GRADES = st.sampled_from([*Role, *TokenScope])


def some(codes: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(codes), max_size=3).map(lambda found: tuple(sorted(found)))


PLACES = st.builds(
    Area,
    clusters=some([c.code for c in FLEET.clusters]),
    wards=some([w.code for w in FLEET.wards]),
    schools=some([s.code for s in FLEET.schools]),
)
AREAS = PLACES | st.sampled_from(sorted({s.isp for s in FLEET.schools})).map(lambda isp: Area(isp=isp))


@given(AREAS)
def test_an_area_is_what_it_says(area: Area) -> None:
    assert parse_area(write_area(area)) == area


@given(GRADES, AREAS, st.sampled_from(Permission), st.booleans())
def test_an_area_allows_nothing_that_the_city_does_not(
    grade: Role | TokenScope, area: Area, what: Permission, within: bool
) -> None:
    here, anywhere = Principal("a", grade, area), Principal("a", grade, CITY)
    if may(here, what, within=within) is None:
        assert may(anywhere, what) is None


@given(PLACES, PLACES)
def test_more_names_are_more_schools(one: Area, other: Area) -> None:
    both = Area(
        tuple({*one.clusters, *other.clusters}),
        tuple({*one.wards, *other.wards}),
        tuple({*one.schools, *other.schools}),
    )
    codes = [{s.code for s in narrow_fleet(FLEET, area).schools} for area in (one, other)]
    if CITY not in (one, other):
        assert {s.code for s in narrow_fleet(FLEET, both).schools} == codes[0] | codes[1]


@given(AREAS)
def test_narrowing_twice_is_narrowing_once(area: Area) -> None:
    once = narrow_fleet(FLEET, area)
    assert narrow_fleet(once, area).version == once.version
