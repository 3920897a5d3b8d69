"""Fleet files: what is written is read back, and every bad row is told by its line."""

import pytest

from config.fleet_csv import (
    AREA_COLUMNS,
    FLEET_COLUMNS,
    BadRow,
    parse_areas,
    parse_fleet_csv,
    write_fleet_csv,
)
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from device_simulator.areas import load_areas

HEADER = ",".join(FLEET_COLUMNS)
GOOD = "79010001,Trường TH Lê Lợi,primary,26740,800,VNPT,200,100,"


def read(*rows: str) -> tuple[Fleet | None, list[BadRow]]:
    return parse_fleet_csv("\n".join((HEADER, *rows)) + "\n", load_areas())


def test_a_fleet_is_read_back_as_it_was_written(city: Fleet) -> None:
    again, bad = parse_fleet_csv(write_fleet_csv(city), load_areas())
    assert bad == []
    assert again is not None
    assert again.version == city.version


def test_a_row_without_devices_gets_the_three_usual_ones() -> None:
    fleet, bad = read(GOOD)
    assert bad == []
    assert fleet is not None
    assert [d.code for d in fleet.devices] == ["gw-1", "att-1", "lms-1"]
    assert fleet.schools[0].contracted_down_bps == 200e6


def test_devices_may_be_named() -> None:
    fleet, _ = read(GOOD + "gw-1:gateway gw-2:gateway")
    assert fleet is not None
    assert [(d.code, d.kind.value) for d in fleet.devices] == [("gw-1", "gateway"), ("gw-2", "gateway")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("79010001", "79 01", "School code '79 01'"),
        ("Trường TH Lê Lợi", " ", "has no name"),
        ("primary", "college", "Level 'college'"),
        ("26740", "1", "Ward code '1' is not in areas.csv"),
        (",800,", ",many,", "Pupils 'many' is not a number"),
        (",800,", ",0,", "Pupils 0 is not within 1 to 20000"),
        ("VNPT", "", "internet provider"),
        (",200,", ",nan,", "Contracted download (Mbit/s) nan"),
    ],
)
def test_a_bad_value_is_told_with_its_line(old: str, new: str, said: str) -> None:
    fleet, bad = read(GOOD.replace(old, new))
    assert fleet is None
    assert [row.line for row in bad] == [2]
    assert said in bad[0].message


def test_all_bad_rows_are_told_at_once() -> None:
    _, bad = read(GOOD, GOOD, GOOD.replace("primary", "x"), GOOD + "cam:camera")
    assert [row.line for row in bad] == [3, 4, 5]
    assert bad[0].message == "School code '79010001' is already used in line 2."


def test_a_file_without_schools_or_columns_says_so() -> None:
    assert read() == (None, [BadRow(1, "The file names no school.")])
    fleet, bad = parse_fleet_csv("school_code\n1\n", load_areas())
    assert fleet is None
    assert "school_name" in bad[0].message


def test_the_shipped_areas_are_the_citys_wards() -> None:
    areas = load_areas()
    assert len(areas.wards) == 168
    assert len(areas.clusters) == 16
    assert all(len(c.name) <= 12 for c in areas.clusters)
    assert all("  " not in w.name and len(w.short_name) <= 15 for w in areas.wards)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "names no ward"),
        (["1,A,A,01,X,5", "1,B,B,01,X,5"], "line 3: ward '1' comes twice"),
        (["1,A,A,01,X,5", "2,B,B,01,Y,5"], "line 3: cluster '01' has two names"),
        (["1,A,,01,X,5"], "line 2: every name and code is needed"),
        (["1,A,A,01,X,many"], "line 2: inhabitants 'many'"),
    ],
)
def test_wrong_areas_are_refused_with_their_line(rows: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_areas("\n".join((",".join(AREA_COLUMNS), *rows)) + "\n")
