"""Readers of recorded data: three public sets by their folder, and any long CSV.

Each says in its docstring what its source leaves open and what is assumed instead.
"""

import csv
import math
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract.catalogue import Catalogue, Metric, Published
from contract.errors import ConfigurationError
from contract.fleet import Cluster, Level, Ward
from contract.topic import Stream, Topic, parse_topic
from device_simulator.recorded_calendars import ALWAYS_OPEN, DUBLIN, NEW_YORK
from device_simulator.recording import BadRows, Place, RecordedRows, Recording, build, known_metrics

NYC_SUBMITTED_AT: Final = time(16, 0)
"""The public figures of a day are those submitted by 4 pm. Source: the data set's README."""
ABILENE_FIRST_AT: Final = datetime(2003, 12, 8, tzinfo=UTC)
"""Start of the Abilene week: chosen, a Monday of the years in which such matrices were measured."""
ABILENE_SLOT_US: Final = 300_000_000
"""2,016 slots are seven days of five minutes. Source: the data set's README."""
_BOROUGHS: Final = {"M": "Manhattan", "X": "Bronx", "K": "Brooklyn", "Q": "Queens", "R": "Staten Isl."}
"""Letters in New York's school numbers (DBN: district, borough, number)."""
LONG_COLUMNS: Final = ("time", "school", "metric", "value")
"""Columns of a long CSV: ISO 8601 (without zone: UTC) or seconds since 1970; a topic token; a name of
metrics.toml; a number."""


def read_recording(
    path: Path, catalogue: Catalogue, *, start: datetime | None = None, end: datetime | None = None
) -> Recording:
    """Return the recording in a folder of a known data set or in a long CSV file.

    Args:
        path: A folder with `attendance.parquet`, `hourly.csv` or `od_flows.parquet`, or a CSV file.
        catalogue: Metrics that a CSV may name.
        start: First moment that counts, aware; None for the recording's first.
        end: Last moment that counts, aware; None for the recording's last.

    Raises:
        ConfigurationError: nothing there can be read, or nothing is left between `start` and `end`.
    """
    span = (_us(start) if start else -(1 << 62), _us(end) if end else 1 << 62)
    readers = {
        "attendance.parquet": read_nyc_attendance,
        "hourly.csv": read_moodle,
        "od_flows.parquet": read_abilene,
    }
    for file, reader in readers.items():
        if (path / file).is_file():
            return reader(path, catalogue, span)
    if path.is_file():
        return read_long_csv(path, catalogue, span)
    raise ConfigurationError(
        f"{path} is no CSV file and no folder with {', '.join(readers)}: there is nothing to replay"
    )


def read_nyc_attendance(folder: Path, catalogue: Catalogue, span: tuple[int, int]) -> Recording:
    """Return New York's daily attendance: each DBN a school, each school day one attendance_ratio.

    A missing percentage means that the school did not submit; it is left out and reported.
    """
    metric = catalogue.named("attendance_ratio")
    table = pq.read_table(folder / "attendance.parquet", columns=["date", "dbn", "attendance_pct"])
    dbn = table["dbn"].combine_chunks().dictionary_encode()
    codes: list[str] = dbn.dictionary.to_pylist()
    school = dbn.indices.to_numpy().astype(np.intp)
    value = table["attendance_pct"].to_numpy().astype(np.float64) / 100.0
    days, which = np.unique(table["date"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    zone = ZoneInfo("America/New_York")
    day_us = np.array([_us(datetime.combine(d, NYC_SUBMITTED_AT, zone)) for d in days.tolist()], np.int64)
    time_us = day_us[which]
    inside = (time_us >= span[0]) & (time_us <= span[1])
    bad = BadRows()
    good = inside & (value >= 0.0) & (value <= 1.0)
    for row in np.flatnonzero(inside & ~good).tolist():
        said = "did not submit" if math.isnan(value[row]) else f"sent {value[row] * 100:g} %"
        bad.add(row + 1, f"{codes[school[row]]} {said} on {days[which[row]]}.")
    clusters, wards, places = _nyc_places(folder, codes)
    columns = _columns(time_us[good], school[good], metric, value[good])
    return build(
        "nyc_attendance", clusters, wards, places, [metric], columns, bad, NEW_YORK, province="us-ny"
    )


def read_moodle(folder: Path, catalogue: Catalogue, span: tuple[int, int]) -> Recording:
    """Return the hourly events and distinct users of one university course, as one school.

    The source's hours carry no zone and no summer time shows in them (each occurs once), so they
    are read as UTC. Its year is assumed there as well.
    """
    metrics = [catalogue.named("events"), catalogue.named("active_users")]
    bad = BadRows()
    times: list[int] = []
    values: list[tuple[float, float]] = []
    with (folder / "hourly.csv").open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                time_us = _us(datetime.fromisoformat(row["hour"]).replace(tzinfo=UTC))
                pair = (float(row["events"]), float(row["users"]))
            except (ValueError, KeyError, TypeError):
                bad.add(line, "This is not an hour with two counts.")
                continue
            if span[0] <= time_us <= span[1]:
                times.append(time_us)
                values.append(pair)
    parts = [
        _columns(
            np.array(times, np.int64), np.zeros(len(times), np.intp), m, np.array([v[i] for v in values])
        )
        for i, m in enumerate(metrics)
    ]
    area = (Cluster("01", "Dublin"),), (Ward("dublin", "Dublin", "Dublin", "01"),)
    place = Place("tud-course", "TU Dublin, one course", "dublin", Level.UPPER_SECONDARY)
    return build("moodle_course_hourly", *area, [place], metrics, _joined(parts), bad, DUBLIN, "ie-d")


def read_abilene(folder: Path, catalogue: Catalogue, span: tuple[int, int]) -> Recording:
    """Return a week of Abilene's 121 origin-destination flows, each as a school's down_bps.

    The source gives neither unit nor date. The values are taken as bit/s (their sum, 0.7 Gbit/s,
    fits the network) and the week starts at `ABILENE_FIRST_AT`.
    """
    metric = catalogue.named("down_bps")
    table = pq.read_table(folder / "od_flows.parquet")
    flows = [name for name in table.column_names if name != "slot_5min"]
    slot = table["slot_5min"].to_numpy().astype(np.int64)
    time_us = _us(ABILENE_FIRST_AT) + np.repeat(slot, len(flows)) * ABILENE_SLOT_US
    value = np.column_stack([table[f].to_numpy() for f in flows]).astype(np.float64).reshape(-1)
    school = np.tile(np.arange(len(flows)), len(slot))
    inside = (time_us >= span[0]) & (time_us <= span[1])
    good = inside & np.isfinite(value) & (value >= metric.low) & (value <= metric.high)
    bad = BadRows()
    for row in np.flatnonzero(inside & ~good).tolist():
        bad.add(row // len(flows) + 1, f"Flow {flows[school[row]]} is {value[row]:g}, which is no traffic.")
    origins = sorted({f.split("-")[0] for f in flows})
    clusters = (Cluster("01", "Abilene"),)
    wards = tuple(Ward(o, o, o, "01") for o in origins)
    places = [Place(f, f"Flow {f}", f.split("-")[0], Level.UPPER_SECONDARY) for f in flows]
    columns = _columns(time_us[good], school[good], metric, value[good])
    return build("abilene_week", clusters, wards, places, [metric], columns, bad, ALWAYS_OPEN, "abilene")


def read_long_csv(path: Path, catalogue: Catalogue, span: tuple[int, int]) -> Recording:
    """Return the readings of a CSV file with `LONG_COLUMNS`, one reading a row.

    Rows that cannot be used are left out and reported by line.
    """
    metrics, bad = known_metrics(catalogue), BadRows()
    schools: dict[str, int] = {}
    rows: list[tuple[int, int, int, float]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in LONG_COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ConfigurationError(f"{path}: the header lacks the columns {', '.join(missing)}")
        for row in reader:
            found = _long_row(row, metrics)
            if isinstance(found, str):
                bad.add(reader.line_num, found)
            elif span[0] <= found[0] <= span[1]:
                time_us, code, metric, value = found
                rows.append((time_us, schools.setdefault(code, len(schools)), metric.id, value))
    columns = RecordedRows(
        np.array([r[0] for r in rows], np.int64),
        np.array([r[1] for r in rows], np.intp),
        np.array([r[2] for r in rows], np.int16),
        np.array([r[3] for r in rows], np.float64),
    )
    used = [m for m in metrics.values() if m.id in set(columns.metric.tolist())]
    places = [Place(code, code, "recorded") for code in schools]
    area = (Cluster("01", "Recorded"),), (Ward("recorded", "Recorded", "Recorded", "01"),)
    return build(path.stem, *area, places, used, columns, bad, None, province="recorded")


def _long_row(row: dict[str, str | None], metrics: dict[str, Metric]) -> tuple[int, str, Metric, float] | str:
    """Return (time in µs, school, metric, value) of one row, or a sentence saying what is wrong."""
    when, school, name, number = ((row.get(c) or "").strip() for c in LONG_COLUMNS)
    time_us = _parse_time(when)
    if time_us is None:
        return f"Time {when!r} is neither ISO 8601 nor seconds since 1970."
    if parse_topic(str(Topic("x", school, "x", Stream.STATUS))) is None:
        return f"School {school!r} must be 1 to 48 letters, digits, '_' or '-'."
    metric = metrics.get(name)
    if metric is None:
        return f"Metric {name!r} is not in metrics.toml."
    is_open = metric.published is Published.OPEN
    try:
        value = float(number)
    except ValueError:
        return f"Value {number!r} is not a number." if is_open else f"A value of {name} is not a number."
    if not metric.low <= value <= metric.high:
        said = f"{name} {number}" if is_open else name
        return f"{said} is not within {metric.low:g} to {metric.high:g} {metric.unit}."
    return time_us, school, metric, value


def _parse_time(text: str) -> int | None:
    """Return µs since 1970 of an ISO time (without zone: UTC) or of seconds since 1970, else None."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return _us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return round(seconds * 1e6) if math.isfinite(seconds) and abs(seconds) < 1e11 else None


def _nyc_places(folder: Path, codes: list[str]) -> tuple[tuple[Cluster, ...], tuple[Ward, ...], list[Place]]:
    """Return boroughs as clusters, their school districts as wards, and the schools."""
    with (folder / "schools.csv").open(encoding="utf-8", newline="") as file:
        names = {row["dbn"]: row["name"] for row in csv.DictReader(file)}
    places = [Place(c, names.get(c) or c, f"{_borough(c)}{c[:2]}", _level(names.get(c) or "")) for c in codes]
    wards = tuple(
        Ward(code, f"District {code[1:]}, {_BOROUGHS[code[0]]}", f"{_BOROUGHS[code[0]]} {code[1:]}", code[0])
        for code in sorted({p.ward_code for p in places})
    )
    return tuple(Cluster(letter, name) for letter, name in _BOROUGHS.items()), wards, places


def _borough(dbn: str) -> str:
    letter = dbn[2:3]
    return letter if letter in _BOROUGHS else "M"


def _level(name: str) -> Level:
    """Return the level that a New York school's name speaks of; primary if it does not."""
    upper = name.upper()
    if "HIGH SCHOOL" in upper or "H.S." in upper.replace("J.H.S.", ""):
        return Level.UPPER_SECONDARY
    middle = ("M.S.", "I.S.", "J.H.S.", "MIDDLE", "INTERMEDIATE")
    return Level.LOWER_SECONDARY if any(word in upper for word in middle) else Level.PRIMARY


def _columns(
    time_us: NDArray[np.int64], school: NDArray[np.intp], metric: Metric, value: NDArray[np.float64]
) -> RecordedRows:
    return RecordedRows(time_us, school, np.full(len(time_us), metric.id, np.int16), value)


def _joined(parts: list[RecordedRows]) -> RecordedRows:
    return RecordedRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
