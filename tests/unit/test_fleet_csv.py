"""Fleet files: what is written is read back, and every bad row is told by its line."""

import re
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.fleet_csv import (
    AREA_COLUMNS,
    FLEET_COLUMNS,
    ListedSchool,
    parse_areas,
    parse_fleet_csv,
    write_fleet_csv,
)
from config.fleet_plan import plan_import
from config.spreadsheet import BadRow, as_written, decode_table, inert_text
from contract.errors import ConfigurationError
from contract.fleet import DeviceKind, Fleet, Level
from device_simulator.areas import load_areas

HEADER = ",".join(FLEET_COLUMNS)
GOOD = "79010001,Trường TH Lê Lợi,primary,26740,800,VNPT,200,100,"


def read(*rows: str, header: str = HEADER) -> tuple[tuple[ListedSchool, ...], list[BadRow]]:
    schools, bad, _ = parse_fleet_csv("\n".join((header, *rows)) + "\n", load_areas())
    return schools, bad


def test_a_fleet_is_read_back_as_it_was_written(city: Fleet) -> None:
    listed, bad, notes = parse_fleet_csv(write_fleet_csv(city), load_areas())
    assert (bad, notes) == ([], [])
    plan = plan_import(city, listed, load_areas(), 0)
    assert plan.is_empty
    assert plan.fleet.version == city.version


def test_a_row_without_devices_gets_the_three_usual_ones() -> None:
    (school,), bad = read(GOOD)
    assert bad == []
    assert [code for code, _ in school.devices] == ["gw-1", "att-1", "lms-1"]
    assert school.contracted_down_bps == 200e6


def test_devices_may_be_named() -> None:
    (school,), _ = read(GOOD + "gw-1:gateway gw-2:gateway")
    assert school.devices == (("gw-1", DeviceKind.GATEWAY), ("gw-2", DeviceKind.GATEWAY))


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
        (",200,", ",nan,", "Contracted download (Mbit/s) 'nan'"),
        (",800,", ",1_050,", "write digits 0 to 9"),
        (",800,", ",１０５０,", "write digits 0 to 9"),
        (",800,", ",1.050,", "write digits 0 to 9"),
        (",200,", ",1.000,", "'1.000' may be 1 or 1000"),
        (",200,", ',"2,500",', "'2,500' may be 2.5 or 2500"),
        ("Trường", "Tr??ng", "Letters of 'Tr??ng TH Lê Lợi' were lost before ('r??n')"),
        ("Trường", "Tr\N{REPLACEMENT CHARACTER}ng", "were lost before"),
        ("Lê Lợi", "LÃª Lá»£i", "were lost before"),
        ("Lê Lợi", "TrÆ°ng Ä‘á»\xa0n", "were lost before"),
        ("VNPT", "Viá»…n thÃ´ng", "were lost before"),
        ("79010001", "7.901E+07", "School code '7.901E+07'"),
        ("Trường TH Lê Lợi", "Trường\x00TH", "U+0000"),
        ("Trường TH Lê Lợi", "Trường\u202eTH", "U+202E"),
        ("Trường TH Lê Lợi", "T" * 3000, "A cell has 3,000 characters"),
        ("Trường TH Lê Lợi", "T" * 140_000, "A cell has 140,000 characters"),
        ("Trường TH Lê Lợi", "T" * 999, "A name has 999 characters"),
        ("Trường TH Lê Lợi", '"Trường', "A quotation mark is opened"),
    ],
)
def test_a_bad_value_is_told_with_its_line(old: str, new: str, said: str) -> None:
    _, bad = read(GOOD.replace(old, new))
    assert [row.line for row in bad] == [2]
    assert said in bad[0].message


def test_all_bad_rows_are_told_at_once() -> None:
    _, bad = read(GOOD, GOOD, GOOD.replace("primary", "x"), GOOD + "cam:camera")
    assert [row.line for row in bad] == [3, 4, 5]
    assert bad[0].message == "School code '79010001' is already used in line 2."


def test_a_file_without_schools_or_columns_says_so() -> None:
    assert read() == ((), [BadRow(1, "The file names no school.")])
    _, bad, _ = parse_fleet_csv("school_code\n1\n", load_areas())
    assert "school_name" in bad[0].message


@pytest.mark.parametrize(
    ("separator", "named"),
    [(";", "semicolons"), ("\t", "tabs"), ("|", "'|'"), ("đ", r"'\u0111'"), ("\x01", "'")],
)
def test_a_separator_that_the_first_line_names_wrongly_is_told(separator: str, named: str) -> None:
    _, bad, _ = parse_fleet_csv(f"sep={separator}\n{HEADER}\n{GOOD}\n", load_areas())
    assert bad[0].line == 2
    assert f"columns are separated by {named}" in bad[0].message
    piped = f"sep=|\n{HEADER}\n{GOOD}\n".replace(",", "|")
    assert [school.code for school in parse_fleet_csv(piped, load_areas())[0]] == ["79010001"]


def test_the_shipped_areas_are_the_citys_wards() -> None:
    areas = load_areas()
    assert len(areas.wards) == 168
    assert len(areas.clusters) == 16
    assert all(len(c.name) <= 12 for c in areas.clusters)
    assert all("  " not in w.name and len(w.short_name) <= 15 for w in areas.wards)


def test_a_ward_is_found_by_the_code_that_it_had_before() -> None:
    heading, areas = ",".join(FLEET_COLUMNS), load_areas()
    now, before = (
        parse_fleet_csv(f"{heading}\nS1,Trường A,primary,{code},500,VNPT,100,100,", areas)
        for code in ("27154", "27160")
    )
    assert [school.ward_code for school in now[0]] == ["27154"]
    assert now == before
    rows = (f"{','.join(AREA_COLUMNS)},former_codes", "1,A,A,01,X,5,", "2,B,B,01,X,5,7 1")
    with pytest.raises(ConfigurationError, match="the former code '1' is another ward's code"):
        parse_areas("\n".join(rows))


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


VIETNAMESE = (
    "Mã trường;TÊN TRƯỜNG ; Cấp học;Mã phường/xã;Số học sinh;Nhà mạng;Tải xuống (Mbit/s);Tải lên (Mbit/s)"
)
ROW = "79010001;Trường TH Lê Lợi;Tiểu học;26740;800;VNPT;200,5;100"


@pytest.mark.parametrize(
    "content",
    [
        f"{VIETNAMESE}\n{ROW}\n".encode(),
        f"\ufeff{VIETNAMESE}\r\n{ROW}\r\n;;;;;;;\r\n;;;;;;;\r\n".encode(),
        f"sep=;\r\n{VIETNAMESE}\r\n{ROW}\r\n".encode(),
        f"{VIETNAMESE}\r\n{ROW}\r\n".replace(";", "\t").encode("utf-16"),
        f"{VIETNAMESE}\r\n{ROW}\r\n".replace(";", "\t").encode("utf-16-le"),
        unicodedata.normalize("NFD", f"{VIETNAMESE}\n{ROW}\n").encode(),
    ],
    ids=["semicolons", "excel", "sep", "utf-16", "utf-16 without mark", "decomposed"],
)
def test_files_are_read_as_spreadsheet_programs_write_them(content: bytes) -> None:
    text, _ = decode_table(content)
    (school,), bad, _ = parse_fleet_csv(text, load_areas())
    assert bad == []
    assert (school.name, school.level, school.pupils) == ("Trường TH Lê Lợi", Level.PRIMARY, 800)
    assert school.contracted_down_bps == 200.5e6
    assert len(school.devices) == 3


def test_an_old_encoding_is_read_and_said() -> None:
    """windows-1258 writes tones as letters of their own; the name comes out composed."""
    old = unicodedata.normalize("NFD", f"{HEADER}\n{GOOD}\n")
    for composed in "ăâêôơưđĂÂÊÔƠƯĐ":
        old = old.replace(unicodedata.normalize("NFD", composed), composed)
    text, said = decode_table(old.encode("cp1258"))
    (school,), bad, _ = parse_fleet_csv(text, load_areas())
    assert bad == []
    assert school.name == "Trường TH Lê Lợi"
    assert "windows-1258" in said
    assert "line 2" in said


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\x00" * 3000, "a workbook of Excel or LibreOffice"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 3000, "a workbook of an older Excel"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x1f\x8b\x08\x00", "a compressed file"),
        (b"<html><table><tr><td>school_code</td></tr></table></html>", "a web page or XML"),
    ],
    ids=["xlsx", "xls", "pdf", "gzip", "html"],
)
def test_what_only_bears_the_name_of_a_csv_file_is_called_what_it_is(start: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the file is {said}, no CSV: .* save it as CSV UTF-8"):
        decode_table(start)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TH Lê", "TH\xa0Lê"),
        ("TH Lê", "TH   Lê"),
        ("79010001", "\xa079010001 "),
        ("primary", "TH"),
        ("800", "800 "),
    ],
)
def test_blanks_that_nobody_sees_and_short_words_mean_nothing(old: str, new: str) -> None:
    assert read(GOOD.replace(old, new)) == read(GOOD)


@given(st.decimals("0.001", 100_000, places=6), st.integers(1, 20_000))
def test_a_contract_comes_back_to_the_bit(mbps: Decimal, pupils: int) -> None:
    wrote = f"{mbps:f}".rstrip("0").rstrip(".")
    (first,), bad = read(
        GOOD.replace(",800,200,", f",{pupils},{wrote},").replace("VNPT,200", f"VNPT,{wrote}")
    )
    assert bad == []
    fleet = plan_import(Fleet("79", (), (), (), ()), [first], load_areas(), 0).fleet
    (again,), bad, _ = parse_fleet_csv(write_fleet_csv(fleet), load_areas())
    assert (again, bad) == (first, [])


@pytest.mark.parametrize(
    "header", [HEADER.upper(), HEADER.replace("_", " "), HEADER.replace(",", " , "), f"\ufeff{HEADER}"]
)
def test_a_header_is_known_whatever_its_case_and_blanks(header: str) -> None:
    (school,), bad = read(GOOD, header=header)
    assert (bad, school.code) == ([], "79010001")


def test_codes_that_differ_by_case_are_one() -> None:
    _, bad = read(GOOD.replace("79010001", "abc"), GOOD.replace("79010001", "ABC"))
    assert bad == [BadRow(3, "School code 'ABC' is already used in line 2.")]


def test_an_open_quotation_mark_is_told_at_its_line_in_a_long_file() -> None:
    rows = [GOOD.replace("79010001", f"{n}") for n in range(9000)]
    rows[4000] = rows[4000].replace("Trường TH", '"Trường TH')
    _, bad = read(*rows)
    assert [row.line for row in bad] == [4002]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1+1)", "+1", "-2", "'=1", "'", "Trường 'A'"])
def test_names_are_inert_in_a_spreadsheet_and_come_back_the_same(city: Fleet, name: str) -> None:
    school = replace(city.schools[0], name=name)
    one = Fleet(city.province, city.clusters, city.wards, (school,), ())
    written = write_fleet_csv(one)
    assert not re.search(r'(^|[,"\n])[=+@-]', written.replace(",-", ""))
    (listed,), bad, _ = parse_fleet_csv(written, load_areas())
    assert (bad, listed.name) == ([], name)


@given(st.text(alphabet="=+-@';,\t\r\n a", max_size=12))
def test_no_part_of_a_cell_is_a_formula_whatever_parts_the_line(text: str) -> None:
    written = inert_text(text)
    assert not any(part.startswith(("=", "+", "-", "@")) for part in re.split("[,;\t\r\n]", written))
    assert as_written(written) == text


def as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


PIECES = st.sampled_from([HEADER, GOOD, *",;|\t\"'=\n\r\x00\ufeff-é🏫", "sep=", "sep=;", "sep=\\", "1.000"])


@given(st.one_of(st.binary(), st.lists(st.one_of(PIECES, st.text(max_size=5))).map("".join).map(as_bytes)))
def test_whatever_a_file_holds_it_ends_in_schools_or_in_sentences(content: bytes) -> None:
    try:
        text, _ = decode_table(content)
    except ConfigurationError:
        return
    schools, bad, _ = parse_fleet_csv(text, load_areas())
    assert schools or bad
    assert all(row.line >= 1 and row.message.endswith(".") for row in bad)
