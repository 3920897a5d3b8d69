"""Figures by which simulated and recorded data are compared, and what recorded data say.

Data sets are not part of the project, so what they say stands here, with the bounds within which a
simulated `real` city must lie. Where they are at hand, a test computes them again.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.absence import DEVIATION
from anomaly.score import MAD_TO_DEVIATION
from contract.calendar import RECESS_DAYS

Grid = NDArray[np.float64]
"""Rows of moments or days, columns of schools or lines; NaN where nothing was told."""

Days = NDArray[np.datetime64]

FIRST_DAYS: Final = 5
"""School days that are a year's first."""
LEAST_TOLD: Final = 0.5
"""Share of schools without whose registers a day is none of the year: hardly any school was open."""
AROUND: Final = 25
"""Days before and after an eve within which other days are around it; chosen."""
FAR_BELOW: Final = 0.1
"""Share of pupils by which a day is far below its school's median: ten points."""
TAIL: Final = (5, 7)
"""Deviations of `anomaly.absence` beyond which a day lies in its school's tail."""
ONE_IN: Final = 18_000
"""The greatest of so many round trips: two months of one every five minutes."""
NEW_YORK: Final = "NYC DOE daily attendance, school year 2013-14"
ABILENE: Final = "Abilene backbone, 60 largest flows of one week"
NETRICS: Final = "netrics, round trips of two homes in Chicago, 2021"


class Recorded(NamedTuple):
    """What recorded data say, and how far the simulated city may be from it."""

    value: float
    least: float
    most: float
    source: str


def attendance(ratio: Grid) -> dict[str, float]:
    """Return the figures of attendance.

    Args:
        ratio: attended over possible by school day and school, NaN where no register was submitted.
    """
    ratio = ratio[np.isfinite(ratio).any(axis=1)]
    own = np.nanmedian(ratio, axis=0)
    below = ratio - own
    city = np.nanmedian(below, axis=1, keepdims=True)
    alone = below - city
    root = (1.0 - ratio) ** 0.25
    above = root - np.nanmedian(root, axis=0)
    tail = (above - np.nanmedian(above, axis=1, keepdims=True)) / DEVIATION
    alone_known, below_known = alone[np.isfinite(alone)], below[np.isfinite(below)]
    return {
        "attendance: school's days, standard deviation": float(np.nanmean(np.nanstd(ratio, axis=0))),
        "attendance: school's days, robust": float(np.median(_spread(below))),
        "attendance: school's days less the city's, robust": float(np.median(_spread(alone))),
        "attendance: between schools' means": float(np.nanstd(np.nanmean(ratio, axis=0))),
        "attendance: days far below": float((below_known < -FAR_BELOW).mean()),
        "attendance: days far below less the city's": float((alone_known < -FAR_BELOW).mean()),
        **{f"attendance: days beyond {z} deviations of the root": _beyond(tail, z) for z in TAIL},
        "attendance: city's mean by day": float(np.std(np.nanmean(ratio, axis=1))),
        "attendance: registers not submitted": float(np.isnan(ratio).mean()),
    }


def school_year(day: Days, ratio: Grid) -> dict[str, float]:
    """Return how many times as absent the city is at turns of a school year, by its mean but for winter.

    Args:
        day: school days of one year, rising, shape (d,).
        ratio: attended over possible by school day and school, NaN where no register was submitted.
    """
    is_full = np.isfinite(ratio).mean(axis=1) >= LEAST_TOLD
    day, ratio = day[is_full], ratio[is_full]
    mean = np.log(1.0 - np.nanmean(ratio, axis=1))
    middle = np.log(np.nanmedian(1.0 - ratio, axis=1))
    month = day.astype("datetime64[M]").astype(int) % 12 + 1
    autumn, winter = (month >= 9) & (month <= 11), (month == 12) | (month <= 2)
    autumn[:FIRST_DAYS] = False
    eves = np.flatnonzero(np.diff(day).astype(int) > RECESS_DAYS)
    around = [np.abs((day - day[eve]).astype(int)) <= AROUND for eve in eves]
    eve_times = [float(mean[eve] - np.median(mean[near])) for eve, near in zip(eves, around, strict=True)]
    found = {
        "eve of a recess over the weeks around": np.median(eve_times),
        "winter over autumn, median school": np.median(middle[winter]) - np.median(middle[autumn]),
        "first five days over autumn": mean[:FIRST_DAYS].mean() - np.median(mean[autumn]),
    }
    return {f"school year: {name}": float(np.exp(log)) for name, log in found.items()}


def traffic(log: NDArray[np.float64], morning: slice) -> dict[str, float]:
    """Return the figures of traffic.

    Args:
        log: logarithm by day, slot of the day and line, shape (days, slots, lines).
        morning: slots from 8 to 11 h.
    """
    early = log[:, morning]
    about = early - np.median(early, axis=0)
    by_day = np.log(np.exp(log).mean(axis=1))
    return {
        "traffic 8-11 h: logarithm about its slot": float(np.median(about.std(axis=(0, 1)))),
        "traffic: logarithm of the day's mean": float(np.median(by_day.std(axis=0))),
    }


def round_trips(latency: Grid) -> dict[str, float]:
    """Return the figures of round trips, by moment and line: of each line against its own median."""
    times = latency / np.nanmedian(latency, axis=0)
    times = times[np.isfinite(times)]
    return {
        "round trip: p99.9 over median": float(np.quantile(times, 0.999)),
        "round trip: greatest of 18,000 over median": float(np.quantile(times, 1.0 - 1.0 / ONE_IN)),
    }


def _beyond(rows: Grid, bound: float) -> float:
    return float((rows[np.isfinite(rows)] > bound).mean())


def _spread(rows: Grid) -> NDArray[np.float64]:
    """Return the robust standard deviation of each column about its median."""
    about = np.abs(rows - np.nanmedian(rows, axis=0))
    found: NDArray[np.float64] = MAD_TO_DEVIATION * np.nanmedian(about, axis=0)
    return found[np.isfinite(found)]


RECORDED: Final[Mapping[str, Recorded]] = {
    "attendance: school's days, standard deviation": Recorded(0.0727, 0.045, 0.11, NEW_YORK),
    "attendance: school's days, robust": Recorded(0.0249, 0.018, 0.032, NEW_YORK),
    "attendance: school's days less the city's, robust": Recorded(0.0191, 0.014, 0.026, NEW_YORK),
    "attendance: between schools' means": Recorded(0.0841, 0.055, 0.115, NEW_YORK),
    "attendance: days far below": Recorded(0.0692, 0.03, 0.11, NEW_YORK),
    "attendance: days far below less the city's": Recorded(0.0268, 0.016, 0.045, NEW_YORK),
    "attendance: days beyond 5 deviations of the root": Recorded(0.00328, 0.0016, 0.005, NEW_YORK),
    "attendance: days beyond 7 deviations of the root": Recorded(0.0006, 0.0002, 0.0012, NEW_YORK),
    "attendance: city's mean by day": Recorded(0.0627, 0.03, 0.1, NEW_YORK),
    "attendance: registers not submitted": Recorded(0.0487, 0.03, 0.07, NEW_YORK),
    "school year: eve of a recess over the weeks around": Recorded(1.623, 1.15, 2.4, NEW_YORK),
    "school year: winter over autumn, median school": Recorded(1.198, 1.06, 1.4, NEW_YORK),
    "school year: first five days over autumn": Recorded(1.31, 1.1, 1.7, NEW_YORK),
    "traffic 8-11 h: logarithm about its slot": Recorded(0.2861, 0.2, 0.36, ABILENE),
    "traffic: logarithm of the day's mean": Recorded(0.1518, 0.1, 0.22, ABILENE),
    "round trip: p99.9 over median": Recorded(3.7288, 2.6, 5.2, NETRICS),
    "round trip: greatest of 18,000 over median": Recorded(22.97, 12, 46, NETRICS),
}
"""By figure. Bounds: chosen, within about a third to a half of the value, for the city of a seed has few bad
days and each weighs much; a calm city lies outside of every one."""
