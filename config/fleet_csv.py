"""The fleet as a spreadsheet: areas and schools in CSV, every bad row told by its line.

`config/areas.csv` names the wards and their clusters; a fleet file names the schools. Both are
plain RFC 4180 CSV in UTF-8 with a header line, so that any spreadsheet program can edit them.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from contract.errors import ConfigurationError
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward

AREA_COLUMNS: Final = (
    "ward_code",
    "ward_name",
    "short_name",
    "cluster_code",
    "cluster_name",
    "inhabitants",
)
"""Columns of areas.csv; `inhabitants` weighs the wards when a fleet is generated."""

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

`school_code`: letters, digits, `_` and `-`, at most 48, unique. `level`: preschool, primary,
lower_secondary or upper_secondary. `ward_code`: one of areas.csv. `pupils`: 1 to 20,000.
`contracted_…_mbps`: Mbit/s, above 0 up to 100,000. `devices`: `code:kind` pairs separated by
blanks, kind gateway, attendance or elearning; empty means `gw-1:gateway att-1:attendance
lms-1:elearning`.
"""

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
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,48}")


class BadRow(NamedTuple):
    """One row that cannot be used."""

    line: int
    """Line in the file, 1 for the header."""
    message: str
    """A sentence that names the value and what it should be."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The province's clusters and wards."""

    clusters: tuple[Cluster, ...]
    wards: tuple[Ward, ...]
    inhabitants: Mapping[str, int]
    """By ward code; a weight, not a census."""


class _BadValueError(Exception):
    """A value of the row in hand; its text becomes the row's message."""


def parse_areas(text: str) -> Areas:
    """Return the wards and clusters written in the CSV `text` with `AREA_COLUMNS`.

    Raises:
        ConfigurationError: a column is missing, a ward comes twice, or a cluster has two names.
    """
    clusters: dict[str, Cluster] = {}
    wards: dict[str, Ward] = {}
    inhabitants: dict[str, int] = {}
    rows, missing = _rows(text, AREA_COLUMNS)
    if missing:
        raise ConfigurationError(f"areas.csv lacks the columns {', '.join(missing)}")
    for line, row in rows:
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
    if not wards:
        raise ConfigurationError("areas.csv names no ward")
    return Areas(tuple(clusters[c] for c in sorted(clusters)), tuple(wards.values()), inhabitants)


def parse_fleet_csv(text: str, areas: Areas, province: str = "79") -> tuple[Fleet | None, list[BadRow]]:
    """Return the fleet written in the CSV `text` with `FLEET_COLUMNS`, or every row that is wrong.

    School numbers follow the order of the rows and device numbers the order within them.

    Returns:
        (fleet, []) if every row holds; (None, bad rows in line order) otherwise.
    """
    rows, missing = _rows(text, FLEET_COLUMNS)
    if missing:
        return None, [BadRow(1, f"The header lacks the columns {', '.join(missing)}.")]
    known = frozenset(w.code for w in areas.wards)
    schools: list[School] = []
    devices: list[Device] = []
    bad: list[BadRow] = []
    taken: dict[str, int] = {}
    for line, row in rows:
        try:
            school = _school(row, len(schools) + 1, known)
            found = _devices(row["devices"], school.id, len(devices) + 1)
        except _BadValueError as error:
            bad.append(BadRow(line, str(error)))
            continue
        first = taken.setdefault(school.code, line)
        if first != line:
            bad.append(BadRow(line, f"School code {school.code!r} is already used in line {first}."))
            continue
        schools.append(school)
        devices.extend(found)
    if not schools and not bad:
        bad.append(BadRow(1, "The file names no school."))
    if bad:
        return None, bad
    return Fleet(province, areas.clusters, areas.wards, tuple(schools), tuple(devices)), []


def write_fleet_csv(fleet: Fleet) -> str:
    """Return the fleet as CSV with `FLEET_COLUMNS`; `parse_fleet_csv` reads it back."""
    devices: dict[int, list[str]] = {}
    for device in fleet.devices:
        devices.setdefault(device.school_id, []).append(f"{device.code}:{device.kind.value}")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FLEET_COLUMNS)
    for s in fleet.schools:
        speeds = (f"{s.contracted_down_bps / 1e6:g}", f"{s.contracted_up_bps / 1e6:g}")
        listed = " ".join(devices.get(s.id, ()))
        writer.writerow([s.code, s.name, s.level.value, s.ward_code, s.pupils, s.isp, *speeds, listed])
    return out.getvalue()


def _rows(
    text: str, columns: tuple[str, ...]
) -> tuple[Iterator[tuple[int, dict[str, str]]], tuple[str, ...]]:
    """Return (line, row) pairs with stripped values, and the columns that the header lacks."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = tuple(c for c in columns if c not in (reader.fieldnames or ()))

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for row in reader:
            yield reader.line_num, {c: (row.get(c) or "").strip() for c in columns}

    return rows(), missing


def _school(row: Mapping[str, str], school_id: int, wards: frozenset[str]) -> School:
    code, level, ward = row["school_code"], row["level"], row["ward_code"]
    if not _TOKEN.fullmatch(code):
        raise _BadValueError(
            f"School code {code!r} must be 1 to 48 letters, digits, '_' or '-': it is part of topics."
        )
    if not row["school_name"]:
        raise _BadValueError(f"School {code!r} has no name.")
    if level not in list(Level):
        raise _BadValueError(f"Level {level!r} is not one of {', '.join(Level)}.")
    if ward not in wards:
        raise _BadValueError(f"Ward code {ward!r} is not in areas.csv.")
    if not row["isp"]:
        raise _BadValueError(f"School {code!r} names no internet provider; write the contract's.")
    pupils = _number(row["pupils"], "Pupils", 1, MAX_PUPILS, int)
    down = _number(row["contracted_down_mbps"], "Contracted download (Mbit/s)", 0.001, MAX_MBPS, float)
    up = _number(row["contracted_up_mbps"], "Contracted upload (Mbit/s)", 0.001, MAX_MBPS, float)
    return School(
        school_id, code, row["school_name"], Level(level), ward, int(pupils), row["isp"], down * 1e6, up * 1e6
    )


def _number(text: str, name: str, low: float, high: float, kind: Callable[[str], float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        raise _BadValueError(f"{name} {text!r} is not a number.") from None
    if not low <= value <= high:
        raise _BadValueError(f"{name} {text} is not within {low:g} to {high:g}.")
    return value


def _devices(text: str, school_id: int, first_id: int) -> list[Device]:
    pairs = list(STANDARD_DEVICES) if not text else [_device(word) for word in text.split()]
    codes = [code for code, _ in pairs]
    if len(set(codes)) != len(codes):
        raise _BadValueError(f"Devices {text!r} name one code twice.")
    return [Device(first_id + i, school_id, code, kind) for i, (code, kind) in enumerate(pairs)]


def _device(word: str) -> tuple[str, DeviceKind]:
    code, _, kind = word.partition(":")
    if not _TOKEN.fullmatch(code) or kind not in list(DeviceKind):
        raise _BadValueError(f"Device {word!r} is not code:kind with kind {', '.join(DeviceKind)}.")
    return code, DeviceKind(kind)
