"""Search: without diacritics, words in any order, the likeliest first, nothing of beyond an area."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.access.area import Area, narrow_fleet
from contract.fleet import Fleet, Level
from contract.naming.plain import plain_name
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.view.desk.finding import MOST_FOUND, HitKind, find, fleet_things


@pytest.fixture(scope="module")
def whole() -> Fleet:
    return generate_fleet()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Lê Đình Chinh", "le dinh chinh"),
        (unicodedata.normalize("NFD", "Lê Đình Chinh"), "le dinh chinh"),
        ("  Bà Rịa-Vũng   Tàu ", "ba ria vung tau"),
        ("Hoà", "hoa"),
        ("Hòa", "hoa"),
        ("gw-1", "gw 1"),
        ("ĐƯỜNG", "duong"),
    ],
)
def test_a_name_as_it_is_typed_in_haste(written: str, plain: str) -> None:
    assert plain_name(written) == plain


@given(st.text())
def test_plain_stays_plain_and_composition_does_not_matter(text: str) -> None:
    once = plain_name(text)
    assert plain_name(once) == once
    assert plain_name(unicodedata.normalize("NFD", text)) == plain_name(unicodedata.normalize("NFC", text))


def test_the_likeliest_comes_first(whole: Fleet) -> None:
    things, school = fleet_things(whole), whole.schools[1234]
    code = find(school.code, things)
    assert (code[0].kind, code[0].address) == (HitKind.SCHOOL, f"/school/{school.code}")
    assert {one.kind for one in code[1:]} == {HitKind.DEVICE}
    name = plain_name(school.name)
    assert find(name, things)[0].name == find(" ".join(reversed(name.split())), things)[0].name
    cluster = find("thu duc", things)
    assert cluster[0].kind is HitKind.CLUSTER
    assert HitKind.SCHOOL in {one.kind for one in cluster}
    assert find("FPT", things)[0].kind is HitKind.PROVIDER
    device = whole.devices[-1]
    path = f"{whole.school_by_id[device.school_id].code}/{device.code}"
    assert (find(path, things)[0].kind, find(path, things)[0].name) == (HitKind.DEVICE, device.code)


@pytest.mark.parametrize("said", ["trường tiểu học", "tieu hoc", "TH"])
def test_a_level_is_found_by_its_words_and_by_its_letters(whole: Fleet, said: str) -> None:
    school = next(s for s in whole.schools if s.level is Level.PRIMARY and s.name.startswith("Trường TH "))
    things = fleet_things(whole)
    assert find(f"{said} {school.name.removeprefix('Trường TH ')}", things)[0].name == school.name


def test_a_query_says_what_it_means_or_finds_nothing(whole: Fleet) -> None:
    things = fleet_things(whole)
    for nothing in ("", "  ", "·/-", "zzzz", "thu duc zzzz"):
        assert find(nothing, things) == []
    assert len(find("truong", things)) == MOST_FOUND
    assert HitKind.DEVICE not in {one.kind for one in find("le dinh chinh", things)}


def test_an_area_knows_no_name_beyond_it(whole: Fleet) -> None:
    ward = whole.wards[3]
    own = fleet_things(narrow_fleet(whole, Area(wards=(ward.code,))))
    foreign = next(s for s in whole.schools if s.ward_code != ward.code)
    isp = next(
        iter({s.isp for s in whole.schools} - {s.isp for s in whole.schools if s.ward_code == ward.code}), ""
    )
    for query in (foreign.code, f"{foreign.code} gw-1", *filter(None, (isp,))):
        assert find(query, own) == []
    assert find(ward.name, own)[0].kind is HitKind.WARD
