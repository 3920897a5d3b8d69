"""The registers of New York's schools, and what is done to some of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.attendance.register_file import read_register_rows

FILE: Final = "nyc_attendance/attendance.parquet"
FIRST, LAST = np.datetime64("2013-03-01"), np.datetime64("2015-07-01")
"""Days of New York's file that are looked at; another city's are looked at as far as they reach."""
HALF: Final = np.datetime64("2014-07-01")
"""From here on New York's figures are told; before it thresholds were chosen."""
LEAST_SCHOOLS: Final = 0.5
"""Registers on a day, of the most that a day has; on others hardly any school was open."""
LEAST_DAYS, LEAST_OF_DAYS = 150, 0.4
"""Registers of a school, and of a short file the share of its days."""
LEAST_SCHOOL_DAYS: Final = 20
"""Schools that a file must have, and days: fewer have no day that they share, or nothing before it."""
STORMS: Final = tuple(np.datetime64(day) for day in ("2014-01-07", "2014-01-22", "2014-02-05"))
"""Days on which the whole city is known to have stayed away. Source: the folder's README."""
CHANGED: Final = 0.01
"""Share of the registers that are lowered, half of them much and half a little; chosen."""
SIZES: Final = ((0.25, 0.5), (0.12, 0.22))
"""Shares of those present who are taken away: `real` and `mild` drops of a scenario."""


@dataclass(frozen=True)
class Registers:
    """Registers of n schools on d days, and which of them were lowered by us."""

    day: NDArray[np.datetime64]
    """Shape (d,)."""
    district: NDArray[np.intp]
    """Of each school, shape (n,)."""
    ratio: NDArray[np.float64]
    """Attended over enrolled, as recorded, NaN where not submitted, shape (d, n)."""
    kind: NDArray[np.int8]
    """1 or 2 where lowered much or a little (`SIZES`), else 0, shape (d, n)."""
    lowered: NDArray[np.float64]
    """The registers as they are sent, shape (d, n)."""
    codes: tuple[str, ...] = ()
    """Of the schools, n."""
    half: np.datetime64 = HALF
    """From here on figures are told."""


def read_registers(path: Path, seed: int) -> Registers:
    """Return the registers of a folder of recorded data, or of a file, lowered as a seed draws it.

    Args:
        path: folder that holds `FILE`, or a file such as `read_register_rows` reads.
        seed: chooses the registers that are lowered.

    Raises:
        ConfigurationError: the file is not there, or holds too little.
    """
    file = path if path.is_file() else path / FILE
    if not file.exists():
        raise ConfigurationError(f"{path} holds no {FILE}")
    rows = read_register_rows(file)
    within = (rows.day >= FIRST) & (rows.day < LAST)
    if not within.any():
        within[:] = True
    days, row = np.unique(rows.day[within], return_inverse=True)
    codes, first, school = np.unique(rows.school[within], return_index=True, return_inverse=True)
    ratio = np.full((len(days), len(codes)), np.nan)
    ratio[row, school] = rows.ratio[within]
    ratio[ratio <= 0.0] = np.nan
    known = np.isfinite(ratio)
    of_day, of_school = known.sum(axis=1), known.sum(axis=0)
    full = of_day >= max(1.0, LEAST_SCHOOLS * of_day.max())
    often = of_school >= min(LEAST_DAYS, LEAST_OF_DAYS * full.sum())
    if min(full.sum(), often.sum()) < LEAST_SCHOOL_DAYS:
        raise ConfigurationError(
            f"{file}: {often.sum()} schools have registers often enough, and {full.sum()} days those of most;"
            f" {LEAST_SCHOOL_DAYS} of both are the least that can be judged"
        )
    _, district = np.unique(rows.district[within][first][often], return_inverse=True)
    drawn = lower(days[full], district.astype(np.intp), ratio[full][:, often], seed)
    half = HALF if FIRST <= days[0] < LAST else drawn.day[len(drawn.day) // 2]
    return replace(drawn, codes=tuple(codes[often].tolist()), half=half)


def lower(
    day: NDArray[np.datetime64], district: NDArray[np.intp], ratio: NDArray[np.float64], seed: int
) -> Registers:
    """Return registers of which `CHANGED` are lowered."""
    rng = np.random.default_rng([seed, 18])
    drawn = rng.random(ratio.shape)
    kind = np.where(drawn < CHANGED / 2, 1, np.where(drawn < CHANGED, 2, 0)).astype(np.int8)
    kind[np.isnan(ratio)] = 0
    lowered = ratio.copy()
    for number, (least, most) in enumerate(SIZES, start=1):
        lowered[kind == number] *= 1.0 - rng.uniform(least, most, int((kind == number).sum()))
    return Registers(day, district, ratio, kind, lowered)
