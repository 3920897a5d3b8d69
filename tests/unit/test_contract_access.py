"""Who may do what: the table row by row, areas as they are written, names that can be seen."""

import itertools

import msgspec
import pytest

from contract.access.area import CITY, Area, check_area, narrow_fleet, parse_area, write_area
from contract.access.decision import OPEN, NotAllowed, Principal, may
from contract.access.permission import CHANGING, GRANTS, Permission, Role, TokenScope
from contract.access.user import LIMITS, check_name, check_role
from contract.errors import ConfigurationError
from contract.fleet import Fleet

LEADS = (Role.LEADER, Role.OPERATOR, Role.ENGINEER, Role.ADMINISTRATOR)


def somebody(grade: Role | TokenScope, area: Area = CITY) -> Principal:
    return Principal("Lan", grade, area)


def test_every_permission_has_a_row() -> None:
    assert set(GRANTS) == set(Permission)


@pytest.mark.parametrize(("less", "more"), list(itertools.pairwise(LEADS)))
def test_each_role_may_all_that_the_one_before_may(less: Role, more: Role) -> None:
    assert {p for p in Permission if less in GRANTS[p].roles} <= {
        p for p in Permission if more in GRANTS[p].roles
    }


@pytest.mark.parametrize(
    ("role", "what"),
    [
        (Role.SCREEN, Permission.SEE_ALERTS),
        (Role.SCREEN, Permission.OWN_SESSIONS),
        (Role.SCHOOL, Permission.HANDLE_ALERTS),
        (Role.LEADER, Permission.HANDLE_INCIDENTS),
        (Role.OPERATOR, Permission.SILENCE),
        (Role.OPERATOR, Permission.SWAP_DUTY),
        (Role.ENGINEER, Permission.MANAGE_USERS),
        (TokenScope.READ, Permission.HANDLE_ALERTS),
        (TokenScope.OPERATE, Permission.SEE_AUDIT),
        (TokenScope.ADMIN, Permission.MANAGE_TOKENS),
        (TokenScope.ALERTS_IN, Permission.SEE_WALL),
        (TokenScope.INGEST, Permission.SEE_ALERTS),
    ],
)
def test_what_a_role_or_a_token_may_not(role: Role | TokenScope, what: Permission) -> None:
    assert may(somebody(role), what) is NotAllowed.ROLE


def test_those_who_look_change_nothing() -> None:
    for grade in (Role.SCREEN, Role.SCHOOL, Role.LEADER, TokenScope.WALL, TokenScope.READ):
        assert all(may(somebody(grade), what) for what in CHANGING), grade


def test_a_stranger_may_sign_in_and_nothing_else() -> None:
    assert {what for what in Permission if may(None, what) is None} == OPEN == {Permission.ENTER}


def test_what_cannot_be_narrowed_is_for_the_whole_city() -> None:
    here = somebody(Role.ENGINEER, Area(wards=("26740",)))
    assert may(here, Permission.SILENCE) is NotAllowed.AREA
    assert may(here, Permission.SWAP_DUTY) is NotAllowed.AREA
    assert may(here, Permission.SEE_ALERTS) is None
    assert may(here, Permission.SEE_ALERTS, within=False) is NotAllowed.AREA


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("city", CITY),
        ("isp:FPT Telecom", Area(isp="FPT Telecom")),
        (
            "ward:2, ward:1,cluster:c,school:s",
            Area(clusters=("c",), wards=("1", "2"), schools=("s",)),
        ),
    ],
)
def test_an_area_is_read_as_it_is_written(text: str, area: Area) -> None:
    assert parse_area(text) == area
    assert parse_area(write_area(area)) == area


@pytest.mark.parametrize(
    "text", ["", ",", "town", "ward:", "isp:a,isp:b", "isp:a,ward:1", "city,ward:1", "country:VN"]
)
def test_what_is_no_area_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no area"):
        parse_area(text)


def test_an_area_that_the_fleet_does_not_have_is_refused(city: Fleet) -> None:
    check_area(Area(schools=(city.schools[0].code,)), city)
    with pytest.raises(ConfigurationError, match="no c-99, w-99"):
        check_area(Area(clusters=("c-99",), wards=("w-99",)), city)
    with pytest.raises(ConfigurationError, match="no Nobody"):
        check_area(Area(isp="Nobody"), city)


def test_a_narrowed_fleet_has_the_schools_of_the_area_alone(city: Fleet) -> None:
    school = city.schools[7]
    cluster = city.ward_by_code[school.ward_code].cluster_code
    for area in (
        Area(isp=school.isp),
        Area(clusters=(cluster,)),
        Area(wards=(school.ward_code,)),
        Area(schools=(school.code,)),
    ):
        own = narrow_fleet(city, area)
        assert school in own.schools
        assert [s for s in city.schools if area.covers(s, city)] == list(own.schools)
        assert {d.school_id for d in own.devices} == {s.id for s in own.schools}
        assert {s.ward_code for s in own.schools} == {w.code for w in own.wards}
        assert {w.cluster_code for w in own.wards} == {c.code for c in own.clusters}
        assert own.version != city.version
    assert narrow_fleet(city, CITY) is city


@pytest.mark.parametrize("name", ["", " ", "a" * 81, "Lan\u202e", "L\u200ban", "a\x00", "\ue000", "a\u2028b"])
def test_a_name_that_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a name has"):
        check_name(name)


def test_a_name_has_one_form() -> None:
    assert check_name(" Nguye\u0302\u0303n Lan ") == "Nguy\u1ec5n Lan"


def test_roles_and_areas_that_go_together() -> None:
    check_role(Role.SCHOOL, Area(schools=("s",)))
    for role, area in (
        (Role.SCHOOL, CITY),
        (Role.SCHOOL, Area(schools=("s",), wards=("w",))),
        (Role.ADMINISTRATOR, Area(isp="FPT")),
    ):
        with pytest.raises(ConfigurationError):
            check_role(role, area)


def test_whoever_changes_something_signs_in_once_a_day() -> None:
    assert set(LIMITS) == set(Role)
    for role, limits in LIMITS.items():
        assert limits.idle_s <= limits.whole_s
        if any(may(somebody(role), what) is None for what in CHANGING):
            assert limits.whole_s <= 86_400


def test_a_principal_says_nothing_secret() -> None:
    assert "secret" not in msgspec.to_builtins(somebody(Role.LEADER))
