"""Recorded series without labels, with faults planted into them, so that detectors can be told apart.

Planted faults are no real ones; what they are planted into is. They are sized by the whole series' robust
deviation, so no detector has a part in their size, and what a series has of its own unlabelled faults counts
as false for everybody alike.
"""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly.score import MAD_TO_DEVIATION
from contract.errors import ConfigurationError
from evaluation.attendance.recorded import Registers
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.series_file import moment_us

Floats = NDArray[np.float64]

FLOWS: Final = "abilene_week/od_flows.parquet"
LINES: Final = "chicago_netrics/netrics.csv.gz"
LARGEST: Final = 100
"""Flows that are looked at; smaller ones are mostly of single transfers."""
SLOT_US: Final = 300_000_000
LEAST_READINGS: Final = 500
LONGEST: Final = 12
"""Readings of a planted fault, at most."""
SIZES: Final = (4.0, 12.0)
"""Of what is added or taken, in robust deviations of the series."""
KINDS: Final = 5
QUIET_RATIO: Final = 0.15
"""Nothing is planted at the start: NAB's probation."""


def flows(folder: Path, seed: int) -> list[Labelled]:
    """Return a week of a backbone's largest flows, every five minutes, three faults in each.

    Raises:
        ConfigurationError: the file is not there.
    """
    table = pq.read_table(_there(folder, FLOWS))
    columns = [table[name].to_numpy().astype(float) for name in table.schema.names[1:]]
    largest = sorted(range(len(columns)), key=lambda k: float(np.median(columns[k])))[-LARGEST:]
    time_us = np.arange(len(columns[0]), dtype=np.int64) * SLOT_US
    rng = np.random.default_rng([seed, 1])
    return [plant(f"flow {k}", time_us, columns[k], 3, rng) for k in largest]


def lines(folder: Path, seed: int) -> list[Labelled]:
    """Return two months of the lines of two homes: round trips, names, speeds; a fault or two a week.

    Raises:
        ConfigurationError: the file is not there.
    """
    with gzip.open(_there(folder, LINES), "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng([seed, 2])
    found = []
    for home in sorted({row["install"] for row in rows}):
        own = [row for row in rows if row["install"] == home]
        for name in (name for name in rows[0] if name not in ("time", "install")):
            told = sorted((moment_us(row["time"]), float(row[name])) for row in own if row[name])
            if len(told) >= LEAST_READINGS:
                time_us, value = np.array([t for t, _ in told], np.int64), np.array([v for _, v in told])
                faults = round((time_us[-1] - time_us[0]) / (7 * 86400e6) * 1.5)
                found.append(plant(f"{home}: {name}", time_us, value, faults, rng))
    return found


def registers_of(registers: Registers, every: int) -> list[Labelled]:
    """Return registers of each `every`-th school less what the city shares on a day, the lowered labelled."""
    usual = np.nanmedian(registers.lowered, axis=0)
    shared = np.minimum(np.nanmedian(registers.lowered - usual, axis=1), 0.0)
    time_us = registers.day.astype("datetime64[us]").astype(np.int64)
    found = []
    for school in range(0, registers.ratio.shape[1], every):
        sent = np.isfinite(registers.ratio[:, school])
        low = np.flatnonzero(registers.kind[sent, school])
        value = (registers.lowered[:, school] - shared)[sent]
        found.append(Labelled(f"school {school}", time_us[sent], value, np.stack([low, low], axis=1)))
    return found


def plant(
    name: str, time_us: NDArray[np.int64], value: Floats, faults: int, rng: np.random.Generator
) -> Labelled:
    """Return a series with faults of 1 to `LONGEST` readings: higher, lower, a ramp, a share, a multiple.

    Args:
        name: of the series.
        time_us: moments of the readings, shape (n,).
        value: without NaN, shape (n,).
        faults: how many, as far as there is room.
        rng: draws them.
    """
    value, n = value.copy(), len(value)
    deviation = MAD_TO_DEVIATION * float(np.median(np.abs(value - np.median(value))))
    windows: list[tuple[int, int]] = []
    for first, last in _places(n, faults, rng):
        size = rng.uniform(*SIZES) * deviation
        within = slice(first, last + 1)
        ramp = np.linspace(1.0 / (last - first + 1), 1.0, last - first + 1)
        value[within] = (
            value[within] + size,
            np.maximum(value[within] - size, 0.0),
            value[within] + size * ramp,
            value[within] * rng.uniform(0.0, 0.4),
            value[within] * rng.uniform(1.6, 4.0),
        )[rng.integers(KINDS)]
        windows.append((first, last))
    return Labelled(name, time_us, value, np.array(sorted(windows), np.intp).reshape(-1, 2))


def _places(n: int, faults: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield the first and last reading of each fault, well apart from each other."""
    taken = np.zeros(n, np.bool_)
    left = faults
    for first in rng.permutation(np.arange(int(n * QUIET_RATIO) + 1, n - 2 * LONGEST)).tolist():
        if not left:
            return
        around = slice(max(0, first - 2 * LONGEST), first + 3 * LONGEST)
        if not taken[around].any():
            last = first + int(rng.integers(LONGEST))
            taken[first : last + 1] = True
            left -= 1
            yield first, last


def _there(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        raise ConfigurationError(f"{folder} holds no {name}")
    return path
