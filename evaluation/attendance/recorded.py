"""The registers of New York's schools, and what is done to some of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract.errors import ConfigurationError

FILE: Final = "nyc_attendance/attendance.parquet"
FIRST, LAST = np.datetime64("2013-03-01"), np.datetime64("2015-07-01")
HALF: Final = np.datetime64("2014-07-01")
"""From here on figures are told; before it thresholds are chosen."""
LEAST_SCHOOLS: Final = 1000
"""Registers on a day; on others hardly any school was open."""
LEAST_DAYS: Final = 150
"""Registers of a school."""
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


def read_registers(folder: Path, seed: int) -> Registers:
    """Return the registers of a folder of recorded data, lowered here and there as a seed draws it.

    Raises:
        ConfigurationError: the file is not there.
    """
    path = folder / FILE
    if not path.exists():
        raise ConfigurationError(f"{folder} holds no {FILE}")
    table = pq.read_table(path)
    day = table["date"].to_numpy().astype("datetime64[D]")
    within = (day >= FIRST) & (day < LAST)
    days, row = np.unique(day[within], return_inverse=True)
    codes, school = np.unique(np.array(table["dbn"].to_pylist())[within], return_inverse=True)
    ratio = np.full((len(days), len(codes)), np.nan)
    ratio[row, school] = table["attendance_pct"].to_numpy().astype(float)[within] / 100.0
    ratio[ratio <= 0.0] = np.nan
    known = np.isfinite(ratio)
    full, often = known.sum(axis=1) >= LEAST_SCHOOLS, known.sum(axis=0) >= LEAST_DAYS
    ratio = ratio[full][:, often]
    _, district = np.unique([code[:2] for code in codes[often]], return_inverse=True)
    drawn = lower(days[full], district.astype(np.intp), ratio, seed)
    return replace(drawn, codes=tuple(codes[often].tolist()))


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
