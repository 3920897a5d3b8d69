"""sign_in.toml: who of the city's sign-in is what here, and mistakes told with their line."""

from importlib.resources import files
from typing import Any

import pytest

from contract.access.area import CITY, Area
from contract.access.mapping import Claims, Entitlement, held_values, parse_sign_in
from contract.access.permission import Role
from contract.errors import ConfigurationError

TEXT = """\
contact = "Tổ vận hành"
name_claim = "email"

[[mapping]]
claim = "realm_access.roles"
has = "boss"
role = "administrator"
area = "city"

[[mapping]]
claim = "https://city.example/role"
has = "duty"
role = "operator"
area = "cluster:{office.cluster},ward:{wards}"

[[mapping]]
claim = "school_code"
role = "school"
area = "school:{school_code}"
"""
ROLE = "https://city.example/role"


def test_nobody_is_anything_until_somebody_says_so() -> None:
    packaged = parse_sign_in((files("config") / "sign_in.toml").read_text(encoding="utf-8"))
    assert packaged.entitlement({"sub": "x", "groups": ["administrators"], "role": "administrator"}) is None


@pytest.mark.parametrize(
    ("claims", "entitled"),
    [
        ({"realm_access": {"roles": ["x", "boss"]}}, Entitlement(Role.ADMINISTRATOR, CITY)),
        ({"realm_access": {"roles": "boss"}, "school_code": "s1"}, Entitlement(Role.ADMINISTRATOR, CITY)),
        ({"realm_access": {"roles": ["bosses"]}}, None),
        ({"realm_access": "boss"}, None),
        (
            {ROLE: "duty", "office": {"cluster": "C01"}, "wards": ["w2", "w1"]},
            Entitlement(Role.OPERATOR, Area(clusters=("C01",), wards=("w1", "w2"))),
        ),
        ({ROLE: "duty", "office": {"cluster": "C01"}}, None),
        ({"school_code": "s1"}, Entitlement(Role.SCHOOL, Area(schools=("s1",)))),
        ({"school_code": ["s1", "s2"]}, Entitlement(Role.SCHOOL, Area(schools=("s1", "s2")))),
        ({"school_code": "s1,ward:w1"}, None),
        ({"school_code": ["s1", "s2,city"]}, None),
        ({"school_code": ""}, None),
        ({"school_code": 7}, None),
        ({}, None),
    ],
)
def test_the_first_mapping_that_fits_counts(claims: dict[str, Any], entitled: Entitlement | None) -> None:
    assert parse_sign_in(TEXT).entitlement(claims) == entitled


def test_a_person_is_called_as_a_claim_says() -> None:
    file = parse_sign_in(TEXT)
    assert file.name({"sub": "17", "email": "lan@city.example"}) == "lan@city.example"
    assert file.name({"sub": "17"}) == "17"


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        ({"a.b": "x", "a": {"b": "y"}}, "a.b", ["x"]),
        ({"a": {"b": {"c": ["x", 3, "y", None]}}}, "a.b.c", ["x", "y"]),
        ({"a": None}, "a.b", []),
    ],
)
def test_dots_lead_into_a_claim(claims: Claims, path: str, found: list[str]) -> None:
    assert held_values(claims, path) == found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('contact = "Tổ vận hành"', "contact = 3", "line 1: Expected `str`, got `int`"),
        ('name_claim = "email"', 'nmae = "email"', "line 2: Object contains unknown field `nmae`"),
        ('"boss"\n', '"boss"\nextra = 1\n', "line 7: mapping 1: Object contains unknown field `extra`"),
        ('"operator"', '"boss"', "line 13: mapping 2: Invalid enum value 'boss'"),
        ('"operator"', '"screen"', "line 13: mapping 2: `role` is 'screen'"),
        ('"operator"', '"school"', "line 14: mapping 2: the role school is for named schools alone"),
        ("cluster:{office.cluster}", "town", "line 14: mapping 2: 'town' is no area"),
        ('"school:{school_code}"', '"{school_code}"', "line 19: mapping 3: 'x' is no area"),
        ('claim = "school_code"\n', "", "line 16: mapping 3: Object missing required field `claim`"),
        ("[[mapping]]", "[mapping", "line 4"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, told: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationError) as refused:
        parse_sign_in(TEXT.replace(old, new, 1))
    assert told in str(refused.value)
    assert str(refused.value).startswith("sign_in.toml")
