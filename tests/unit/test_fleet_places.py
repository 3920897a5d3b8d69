"""Where schools stand: what a fleet file says of it, what it leaves as it is, what is refused."""

from dataclasses import replace

import pytest

from config.fleet_csv import FLEET_COLUMNS, ListedSchool, parse_fleet_csv, write_fleet_csv
from config.fleet_plan import plan_import
from config.spreadsheet import BadRow
from contract.fleet import Coordinates, Fleet, School
from contract.ward_map.places import Outlines
from device_simulator.areas import load_areas
from eduops.verbs.fleet_import import describe

HEADER = ";".join((*FLEET_COLUMNS, "Vĩ độ", "KINH ĐỘ"))
ROW = "7901000{};Trường TH Lê Lợi;primary;{};800;VNPT;200;100;;{}"
WARD, OTHER = (ward.code for ward in load_areas().wards[:2])
SQUARE: Outlines = {WARD: [[(106.7, 10.7), (106.8, 10.7), (106.8, 10.8), (106.7, 10.8), (106.7, 10.7)]]}
PLACE = Coordinates(10.776889, 106.700981)


def read(
    *cells: str, header: str = HEADER, ward: str = WARD, outlines: Outlines | None = None
) -> tuple[tuple[ListedSchool, ...], list[BadRow]]:
    rows = [ROW.format(i, ward, text) for i, text in enumerate(cells)]
    schools, bad, _ = parse_fleet_csv("\n".join((header, *rows)), load_areas(), outlines or {})
    return schools, bad


def with_places(fleet: Fleet, *places: Coordinates | None) -> Fleet:
    moved = [replace(school, place=place) for school, place in zip(fleet.schools, places, strict=False)]
    schools: tuple[School, ...] = (*moved, *fleet.schools[len(moved) :])
    return Fleet(fleet.province, fleet.clusters, fleet.wards, schools, fleet.devices)


@pytest.mark.parametrize(
    "cells",
    ["10.776889;106.700981", "10,776889;106,700981", "10,77688901;106,7009808", "10.776889;106,700981"],
)
def test_degrees_are_read_with_a_point_or_a_comma(cells: str) -> None:
    (school,), bad = read(cells)
    assert (school.place, bad) == (PLACE, [])


def test_an_empty_pair_is_no_place() -> None:
    (school,), bad = read(";")
    assert (school.place, school.has_place_columns, bad) == (None, True, [])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("10.77;", "The row has lat 10.77 but no lon: write both, or neither."),
        (";106.7", "The row has lon 106.7 but no lat: write both, or neither."),
        ("106.7;10.77", "lat 106.7 and lon 10.77 are the wrong way round"),
        ("106.7;200.5", "lat 106.7 is not within -90 to 90 degrees."),
        ("10.77;200.5", "lon 200.5 is not within -180 to 180 degrees."),
        ("10776889;106700981", "lat '10776889' is not in degrees: write it as 10.776889 or 10,776889"),
        ("10.776.889;106.700.981", "lat '10.776.889' is not in degrees"),
        ("10°46'37\"N;106°42'3\"E", "is not in degrees"),
        ("nan;106.7", "lat 'nan' is not in degrees"),
    ],
)
def test_a_place_that_cannot_be_is_told_with_its_line(cells: str, said: str) -> None:
    schools, (bad,) = read("10.77;106.7", cells)
    assert (len(schools), bad.line) == (1, 3)
    assert said in bad.message


@pytest.mark.parametrize(("alone", "lacks"), [("lat", "lon"), ("kinh độ", "lat")])
def test_a_header_with_one_of_the_two_is_refused(alone: str, lacks: str) -> None:
    _, (bad,) = read("10.77", header=";".join((*FLEET_COLUMNS, alone)))
    assert bad.line == 1
    assert bad.message.startswith(f"The header lacks the columns {lacks} (")


def test_a_school_far_outside_its_wards_boundary_is_refused() -> None:
    schools, (bad,) = read("10.75;106.75", "10.97;106.75", "11.75;106.75", outlines=SQUARE)
    assert len(schools) == 3  # the second is 19 km outside: boundaries are simplified
    assert bad.line == 4
    assert bad.message == (
        f"School '79010002' at lat 11.75, lon 106.75 is 106 km outside its ward {WARD} (boundaries.geojson): "
        "correct the degrees or the ward code, or leave both cells empty."
    )


def test_without_a_boundary_a_school_is_held_against_the_others() -> None:
    near = ["10.75;106.75"] * 4
    _, (bad,) = read(*near, "10.75;109.75", ward=OTHER, outlines=SQUARE)
    assert bad.line == 6
    assert "is 328 km from the middle of the file's schools" in bad.message
    assert f"put the boundary of ward {OTHER} into boundaries.geojson" in bad.message
    assert read(*near, "8.69;106.6", ward=OTHER)[1] == []  # Côn Đảo belongs to the city
    assert read("10.75;106.75", "0;0")[1] == []  # two have no middle


def test_what_is_written_is_read_back(city: Fleet) -> None:
    fleet = with_places(city, PLACE, None, Coordinates(-0.5, -0.000001))
    listed, bad, _ = parse_fleet_csv(write_fleet_csv(fleet), load_areas())
    assert bad == []
    assert [each.place for each in listed[:4]] == [PLACE, None, Coordinates(-0.5, -0.000001), None]
    assert plan_import(fleet, listed, load_areas(), 0).is_empty


def test_a_fleet_without_places_is_written_and_named_as_before(city: Fleet) -> None:
    assert write_fleet_csv(city).partition("\n")[0] == ",".join(FLEET_COLUMNS)
    assert with_places(city, None).version == city.version
    assert (
        len({fleet.version for fleet in (city, with_places(city, PLACE), with_places(city, None, PLACE))})
        == 3
    )


def test_a_file_without_the_columns_leaves_schools_where_they_are(city: Fleet) -> None:
    fleet = with_places(city, PLACE)
    listed, _, _ = parse_fleet_csv(write_fleet_csv(city), load_areas())
    plan = plan_import(fleet, listed, load_areas(), 0)
    assert plan.is_empty
    assert plan.fleet.version == fleet.version


def test_the_plan_shows_where_schools_move_and_an_empty_cell_takes_a_place_away(city: Fleet) -> None:
    fleet = with_places(city, PLACE, None, PLACE)
    listed, _, _ = parse_fleet_csv(write_fleet_csv(fleet), load_areas())
    moved = [replace(listed[0], place=None), replace(listed[1], place=PLACE), *listed[2:]]
    plan = plan_import(fleet, moved, load_areas(), 0)
    shown = describe(plan)
    assert f"{fleet.schools[0].code}: place 10.776889 106.700981 → none" in shown
    assert f"{fleet.schools[1].code}: place none → 10.776889 106.700981" in shown
    assert [s.place for s in plan.fleet.schools[:3]] == [None, PLACE, PLACE]
