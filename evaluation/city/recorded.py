"""The figures of recorded data, from the folder that holds them."""

import csv
import gzip
import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.city.figures import Days, Grid, attendance, round_trips, school_year, traffic

ATTENDANCE = "nyc_attendance/attendance.parquet"
FLOWS = "abilene_week/od_flows.parquet"
ROUND_TRIPS = "chicago_netrics/netrics.csv.gz"
FIRST, LAST = np.datetime64("2013-09-01"), np.datetime64("2014-07-01")
LEAST_DAYS = 100
"""Registers that a school must have submitted to be counted."""
LARGEST = 60
"""Flows that are looked at: small ones are mostly of single transfers."""
DAYS, SLOTS = 7, 288


def recorded(folder: Path) -> dict[str, float]:
    """Return all figures of the recorded data.

    Raises:
        ConfigurationError: a file is not there.
    """
    missing = [name for name in (ATTENDANCE, FLOWS, ROUND_TRIPS) if not (folder / name).exists()]
    if missing:
        raise ConfigurationError(f"{folder} holds no {', '.join(missing)}: recorded data cannot be read")
    found: dict[str, float] = {}
    # Schools without any register of a day are part of the data, and no news.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        days, ratio = _attendance(folder / ATTENDANCE)
        found |= attendance(ratio) | school_year(days, ratio)
    found |= traffic(_flows(folder / FLOWS), slice(8 * 12, 11 * 12))
    return found | round_trips(_round_trips(folder / ROUND_TRIPS))


def _attendance(path: Path) -> tuple[Days, Grid]:
    table = pq.read_table(path)
    day = table["date"].to_numpy().astype("datetime64[D]")
    year = (day >= FIRST) & (day < LAST)
    _, school = np.unique(np.array(table["dbn"].to_pylist())[year], return_inverse=True)
    days, row = np.unique(day[year], return_inverse=True)
    ratio = np.full((row.max() + 1, school.max() + 1), np.nan)
    ratio[row, school] = table["attendance_pct"].to_numpy().astype(float)[year] / 100.0
    return days, ratio[:, np.isfinite(ratio).sum(axis=0) >= LEAST_DAYS]


def _flows(path: Path) -> NDArray[np.float64]:
    table = pq.read_table(path)
    flows = np.stack([table[c].to_numpy().astype(float) for c in table.schema.names[1:]], axis=1)
    largest = np.argsort(np.median(flows, axis=0))[-LARGEST:]
    logs: NDArray[np.float64] = np.log(np.maximum(flows[:, largest], 1.0)).reshape(DAYS, SLOTS, -1)
    return logs


def _round_trips(path: Path) -> NDArray[np.float64]:
    homes: dict[str, list[float]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["google_rtt_max_ms"]:
                homes.setdefault(row["install"], []).append(float(row["google_rtt_max_ms"]))
    most = max(map(len, homes.values()))
    columns = [np.pad(v, (0, most - len(v)), constant_values=np.nan) for v in map(np.array, homes.values())]
    return np.stack(columns, axis=1)
