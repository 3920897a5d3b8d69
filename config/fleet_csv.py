"""The fleet as a spreadsheet: areas and schools in CSV, every bad row told by its line.

`config/areas.csv` names the wards and their clusters; a fleet file names the schools. Both are
CSV with a header line that any spreadsheet program can edit: see `config.spreadsheet`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.fleet_places import PLACE_COLUMNS, Placed, far_places, read_place, write_place
from config.spreadsheet import BadRow, BadValueError, read_table, words_of, write_table
from contract.errors import ConfigurationError
from contract.fleet import Cluster, Coordinates, DeviceKind, Fleet, Level, School, Ward
from contract.ward_map.places import Outlines

AREA_COLUMNS: Final = (
    "ward_code",
    "ward_name",
    "short_name",
    "cluster_code",
    "cluster_name",
    "inhabitants",
)
"""Columns of areas.csv; `inhabitants` weighs the wards when a fleet is generated."""
FORMER_CODES: Final = "former_codes"
"""A column that it may have: codes that files may still use for the ward, separated by blanks."""

FLEET_COLUMNS: Final = (
    "school_code",
    "school_name",
    "level",
    "ward_code",
    "pupils",
    "isp",
    "contracted_down_mbps",
    "contracted_up_mbps",
    "devices",
)
"""Columns of a fleet file.

`school_code`: letters, digits, `_` and `-`, at most 48, unique whatever their case. `level`: preschool,
primary, lower_secondary or upper_secondary, or their names in Vietnamese. `ward_code`: one of areas.csv, also
a former one. `pupils`: 1 to 20,000, digits only. `contracted_…_mbps`: Mbit/s, above 0 up to 100,000.
`devices`: `code:kind` pairs separated by blanks, kind gateway, attendance or elearning; empty means
`gw-1:gateway att-1:attendance lms-1:elearning`. A file may have `PLACE_COLUMNS` too: see
`config.fleet_places`.
"""

NO_OUTLINES: Final[Outlines] = {}
STANDARD_DEVICES: Final[tuple[tuple[str, DeviceKind], ...]] = (
    ("gw-1", DeviceKind.GATEWAY),
    ("att-1", DeviceKind.ATTENDANCE),
    ("lms-1", DeviceKind.ELEARNING),
)
"""Devices of a school for which the file names none."""

MAX_PUPILS: Final = 20_000
"""Most pupils of one school; the same bound as the metric `enrolled`."""
MAX_MBPS: Final = 100_000.0
"""Fastest contract that is believed: the bound of the metric `down_bps`, 100 Gbit/s."""
MAX_NAME: Final = 200
"""Longest name that a page shows."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,48}")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}([.,][0-9]{1,6})?")
"""Digits as everybody types them, with a decimal point or comma."""
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{2}0")
"""Elsewhere a point or a comma parts the thousands; no program writes the zero at the end of a decimal."""
_GARBLED: Final = re.compile(
    "\N{REPLACEMENT CHARACTER}|[ÃÄÅÆ][\u00a1-\u00bf\u2018]|á[º»]|[^\\W\\d_]\\?+[^\\W\\d_]"
)
"""Letters that another program lost, `Tr??ng`, or read as windows-1252 when they were UTF-8, `LÃª`."""
_COLUMN_NAMES: Final[Mapping[str, str]] = {
    "mã trường": "school_code",
    "tên trường": "school_name",
    "cấp": "level",
    "cấp học": "level",
    "mã phường": "ward_code",
    "mã xã": "ward_code",
    "mã phường/xã": "ward_code",
    "số học sinh": "pupils",
    "học sinh": "pupils",
    "nhà mạng": "isp",
    "tải xuống (mbit/s)": "contracted_down_mbps",
    "tải xuống theo hợp đồng (mbit/s)": "contracted_down_mbps",
    "tải lên (mbit/s)": "contracted_up_mbps",
    "tải lên theo hợp đồng (mbit/s)": "contracted_up_mbps",
    "thiết bị": "devices",
    "vĩ độ": "lat",
    "kinh độ": "lon",
}
"""Headers in Vietnamese."""
LEVEL_NAMES: Final[Mapping[str, Level]] = {
    **{level.value.replace("_", " "): level for level in Level},
    "mầm non": Level.PRESCHOOL,
    "mẫu giáo": Level.PRESCHOOL,
    "mn": Level.PRESCHOOL,
    "tiểu học": Level.PRIMARY,
    "th": Level.PRIMARY,
    "trung học cơ sở": Level.LOWER_SECONDARY,
    "thcs": Level.LOWER_SECONDARY,
    "trung học phổ thông": Level.UPPER_SECONDARY,
    "thpt": Level.UPPER_SECONDARY,
}
"""Levels as files write them, in lower case with single blanks."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The province's clusters and wards."""

    clusters: tuple[Cluster, ...]
    wards: tuple[Ward, ...]
    inhabitants: Mapping[str, int]
    """By ward code; a weight, not a census."""
    former: Mapping[str, str]
    """A ward's code by each one that it had before."""


@dataclass(frozen=True, slots=True)
class ListedSchool:
    """A school as a file names it; it has no number yet."""

    code: str
    name: str
    level: Level
    ward_code: str
    pupils: int
    isp: str
    contracted_down_bps: float
    contracted_up_bps: float
    devices: tuple[tuple[str, DeviceKind], ...]
    """Code and kind of each device, in the order of the file."""
    place: Coordinates | None = None
    has_place_columns: bool = False
    """Whether the file says where schools stand; one that does not leaves each where it is."""


def parse_areas(text: str) -> Areas:
    """Return the wards and clusters written in the CSV `text` with `AREA_COLUMNS`, and `FORMER_CODES` or not.

    Raises:
        ConfigurationError: a column is missing, a ward comes twice, or a cluster has two names.
    """
    clusters: dict[str, Cluster] = {}
    wards: dict[str, Ward] = {}
    inhabitants: dict[str, int] = {}
    former: dict[str, str] = {}
    table = read_table(text, (*AREA_COLUMNS, FORMER_CODES), {}, AREA_COLUMNS)
    for bad in table.bad:
        raise ConfigurationError(f"areas.csv, line {bad.line}: {bad.message}")
    for line, row in table.rows:
        code, cluster = row["ward_code"], Cluster(row["cluster_code"], row["cluster_name"])
        if not (code and row["ward_name"] and row["short_name"] and cluster.code and cluster.name):
            raise ConfigurationError(f"areas.csv, line {line}: every name and code is needed")
        if code in wards:
            raise ConfigurationError(f"areas.csv, line {line}: ward {code!r} comes twice")
        if clusters.setdefault(cluster.code, cluster) != cluster:
            raise ConfigurationError(f"areas.csv, line {line}: cluster {cluster.code!r} has two names")
        if not (row["inhabitants"].isascii() and row["inhabitants"].isdigit()):
            raise ConfigurationError(
                f"areas.csv, line {line}: inhabitants {row['inhabitants']!r} is not a number"
            )
        wards[code] = Ward(code, row["ward_name"], row["short_name"], cluster.code)
        inhabitants[code] = int(row["inhabitants"])
        former |= dict.fromkeys(row.get(FORMER_CODES, "").split(), code)
    if not wards:
        raise ConfigurationError("areas.csv names no ward")
    if twice := sorted(former.keys() & wards.keys()):
        raise ConfigurationError(f"areas.csv: the former code {twice[0]!r} is another ward's code")
    return Areas(tuple(clusters[c] for c in sorted(clusters)), tuple(wards.values()), inhabitants, former)


def parse_fleet_csv(
    text: str, areas: Areas, outlines: Outlines = NO_OUTLINES
) -> tuple[tuple[ListedSchool, ...], list[BadRow], list[str]]:
    """Return the schools written in the CSV `text` with `FLEET_COLUMNS`, and every row that is wrong.

    Rows may come in any order: `config.fleet_plan` gives each school and device its number by its code.

    Args:
        text: the file.
        areas: wards and clusters that it may name.
        outlines: boundaries of wards, as far as there are any; places are held against them.

    Returns:
        The schools, bad rows in line order, and sentences on what had to be guessed.
    """
    columns = (*FLEET_COLUMNS, *PLACE_COLUMNS)
    table = read_table(text, columns, _COLUMN_NAMES, FLEET_COLUMNS[:-1], PLACE_COLUMNS)
    known = {w.code: w.code for w in areas.wards} | dict(areas.former)
    schools: list[ListedSchool] = []
    bad = list(table.bad)
    taken: dict[str, int] = {}
    placed: list[Placed] = []
    for row in table.rows:
        try:
            school = _school(row.cells, known, has_places=PLACE_COLUMNS[0] in table.found)
        except BadValueError as error:
            bad.append(BadRow(row.line, str(error)))
            continue
        first = taken.setdefault(school.code.casefold(), row.line)
        if first != row.line:
            bad.append(BadRow(row.line, f"School code {school.code!r} is already used in line {first}."))
            continue
        schools.append(school)
        if school.place is not None:
            placed.append(Placed(row.line, school.code, school.ward_code, school.place))
    bad += far_places(placed, outlines)
    if not schools and not bad:
        bad.append(BadRow(1, "The file names no school."))
    return tuple(schools), sorted(bad), list(table.notes)


def write_fleet_csv(fleet: Fleet) -> str:
    """Return the fleet as CSV with `FLEET_COLUMNS`; `parse_fleet_csv` reads it back.

    It has `PLACE_COLUMNS` too once a school has a place.
    """
    devices: dict[int, list[str]] = {}
    for device in fleet.devices:
        devices.setdefault(device.school_id, []).append(f"{device.code}:{device.kind.value}")
    rows = [(*_row(s, " ".join(devices.get(s.id, ()))), *write_place(s.place)) for s in fleet.schools]
    columns: tuple[str, ...] = (*FLEET_COLUMNS, *PLACE_COLUMNS)
    if all(s.place is None for s in fleet.schools):
        columns = FLEET_COLUMNS
    return write_table(columns, [row[: len(columns)] for row in rows])


def _row(s: School, devices: str) -> tuple[object, ...]:
    speeds = (write_mbps(s.contracted_down_bps), write_mbps(s.contracted_up_bps))
    return (s.code, s.name, s.level.value, s.ward_code, s.pupils, s.isp, *speeds, devices)


def write_mbps(bps: float) -> str:
    """Return a rate in Mbit/s as files have it, to the bit a second and without a zero at its end."""
    return f"{bps / 1e6:.6f}".rstrip("0").rstrip(".")


def _school(row: Mapping[str, str], wards: Mapping[str, str], *, has_places: bool) -> ListedSchool:
    code, ward = row["school_code"], wards.get(row["ward_code"])
    if not _TOKEN.fullmatch(code):
        raise BadValueError(
            f"School code {code!r} must be 1 to 48 letters, digits, '_' or '-': it is part of topics."
        )
    for name in ("school_name", "isp"):
        if len(row[name]) > MAX_NAME:
            raise BadValueError(f"A name has {len(row[name])} characters; at most {MAX_NAME} are shown.")
        if lost := _GARBLED.search(row[name]):
            raise BadValueError(
                f"Letters of {row[name]!r} were lost before ({lost[0]!r}): open the original file and save "
                "it as CSV UTF-8."
            )
    if not row["school_name"]:
        raise BadValueError(f"School {code!r} has no name.")
    level = LEVEL_NAMES.get(words_of(row["level"]))
    if level is None:
        raise BadValueError(f"Level {row['level']!r} is not one of {', '.join(Level)}.")
    if ward is None:
        raise BadValueError(f"Ward code {row['ward_code']!r} is not in areas.csv.")
    if not row["isp"]:
        raise BadValueError(f"School {code!r} names no internet provider; write the contract's.")
    pupils = _number(row["pupils"], "Pupils", _WHOLE, 1, MAX_PUPILS)
    down = _number(row["contracted_down_mbps"], "Contracted download (Mbit/s)", _DECIMAL, 0.001, MAX_MBPS)
    up = _number(row["contracted_up_mbps"], "Contracted upload (Mbit/s)", _DECIMAL, 0.001, MAX_MBPS)
    devices = _devices(row["devices"])
    place = read_place(row["lat"], row["lon"])
    return ListedSchool(
        code, row["school_name"], level, ward, int(pupils), row["isp"], down * 1e6, up * 1e6, devices,
        place, has_places,
    )  # fmt: skip


def _number(text: str, name: str, form: re.Pattern[str], low: float, high: float) -> float:
    if not form.fullmatch(text):
        raise BadValueError(f"{name} {text!r} is not a number; write digits 0 to 9 without separators.")
    value = float(text.replace(",", "."))
    if _THOUSANDS.fullmatch(text):
        thousands = re.sub("[.,]", "", text)
        raise BadValueError(f"{name} {text!r} may be {value:g} or {thousands}: write one of the two.")
    if not low <= value <= high:
        raise BadValueError(f"{name} {text} is not within {low:g} to {high:g}.")
    return value


def _devices(text: str) -> tuple[tuple[str, DeviceKind], ...]:
    pairs = STANDARD_DEVICES if not text else tuple(_device(word) for word in text.split())
    codes = [code.casefold() for code, _ in pairs]
    if len(set(codes)) != len(codes):
        raise BadValueError(f"Devices {text!r} name one code twice.")
    return pairs


def _device(word: str) -> tuple[str, DeviceKind]:
    code, _, kind = word.partition(":")
    if not _TOKEN.fullmatch(code) or kind not in list(DeviceKind):
        raise BadValueError(f"Device {word!r} is not code:kind with kind {', '.join(DeviceKind)}.")
    return code, DeviceKind(kind)
