"""Detectors that others published, for comparison: each sees one series once, causally.

A peer is scored by the same alert logic as our own detectors. Those that need a package import it
when they run, so that the harness works without it.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.ew import ExponentiallyWeighted
from anomaly.score import MAD_TO_DEVIATION
from evaluation.detectors.peer_forests import half_space_trees, isolation_forest
from evaluation.detectors.peer_kmeans import netdata_kmeans

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.int64], Floats], tuple[Floats, int]]
"""(moments in µs, values) -> (scores, NaN = unknown; bytes of state that the next reading needs)."""

MEMORY_S: Final = ExponentiallyWeighted().tau_s
"""Memory of peers that are told one: that of our own detector."""
DAY_S: Final = 86400.0
HOURS_S: Final = 4 * 3600.0
"""Memories of the peers that show what a shorter one is worth."""
SPEAKS_FOR_S: Final = ExponentiallyWeighted().longest_weight_s
"""A reading speaks for at most so long, as in ours."""
WARM: Final = 20
"""Readings before `ew_z` judges."""
RESULT_DIGITS: Final = 12
"""NAB's result files were written by Python 2, which prints 12 digits: a score closer to 1 is 1."""


class Peer(NamedTuple):
    """A published detector."""

    score: Score
    source: str
    needs: str = ""
    """Package of the optional part `eduops[evaluate]` without which it cannot run."""


def windowed_gaussian(time_us: NDArray[np.int64], value: Floats) -> tuple[Floats, int]:
    """Return one minus the Gaussian tail probability in a window of 6,400 readings that moves by 100.

    With every reading above the threshold as an alarm it has the published NAB scores 39.65, 20.87
    and 47.41, which is how our NAB score is known to be right.

    Source: NAB 1.1, "Windowed Gaussian"; window and step as tuned there.
    """
    window, step = 6400, 100
    score, known = np.full(len(value), np.nan), value[~np.isnan(value)]
    found = np.zeros(len(known))
    start, end, mean, deviation = 0, 0, 0.0, 1.0
    for i, x in enumerate(known):
        if i:
            found[i] = 1.0 - 0.5 * math.erfc(abs(x - mean) / deviation / math.sqrt(2.0))
        if i < window or i + 1 - end == step:
            start, end = max(0, i + 1 - window), i + 1
            seen = known[start:end]
            mean, deviation = float(seen.mean()), float(seen.std()) or 1e-6
    score[~np.isnan(value)] = np.round(found, RESULT_DIGITS)
    return score, (window + step) * 8


def ew_z(time_us: NDArray[np.int64], value: Floats, memory_s: float = MEMORY_S) -> tuple[Floats, int]:
    """Return |z| against an exponentially weighted mean and variance, with the memory that ours has.

    Two weeks by time, each reading for a quarter of an hour at most: so what is compared is how they
    judge, not how long they remember; shorter ones are peers of their own. Unknown for 20 readings.

    Source: S. W. Roberts, Technometrics 1(3), 1959; T. Finch, "Incremental calculation of weighted
    mean and variance", University of Cambridge, 2009, equations 124 and 143, with the weights of 66.
    """
    score = np.full(len(value), np.nan)
    mean, variance, weight_s, seen, before_us = 0.0, 0.0, 0.0, 0, 0
    for i, (x, at_us) in enumerate(zip(value.tolist(), time_us.tolist(), strict=True)):
        if math.isnan(x):
            continue
        difference = x - mean if seen else 0.0
        if seen >= WARM:
            score[i] = abs(difference) / math.sqrt(variance) if variance else math.inf * (difference != 0)
        dt_s = max(0, at_us - before_us) * 1e-6 if seen else SPEAKS_FOR_S
        own_s = min(dt_s, SPEAKS_FOR_S)
        weight_s = weight_s * math.exp(-dt_s / memory_s) + own_s
        part = own_s / weight_s
        mean = mean + part * difference if seen else x
        variance = (1.0 - part) * (variance + part * difference * difference)
        seen, before_us = seen + 1, max(before_us, at_us)
    return np.nan_to_num(score, nan=np.nan, posinf=1e9), 40


def seasonal_mad(time_us: NDArray[np.int64], value: Floats) -> tuple[Floats, int]:
    """Return |x - median| / MAD among the last 64 readings of the same hour of day.

    Unknown until the hour holds 12 readings. The deviation is at least 1 % of the median's size.

    Source: F. R. Hampel, "The influence curve and its role in robust estimation", J. Amer. Stat.
    Assoc. 69, 1974 (median absolute deviation, factor 1.4826).
    """
    keep, least, hours = 64, 12, 24
    score = np.full(len(value), np.nan)
    hour = (time_us // 3_600_000_000) % hours
    for h in range(hours):
        at = np.flatnonzero((hour == h) & ~np.isnan(value))
        if len(at) <= least:
            continue
        padded = np.concatenate((np.full(keep, np.nan), value[at]))
        past = np.lib.stride_tricks.sliding_window_view(padded, keep)[least : len(at)]
        median = np.nanmedian(past, axis=1)
        spread = MAD_TO_DEVIATION * np.nanmedian(np.abs(past - median[:, None]), axis=1)
        spread = np.maximum(spread, np.maximum(0.01 * np.abs(median), 1e-9))
        score[at[least:]] = np.abs(value[at[least:]] - median) / spread
    return score, hours * keep * 8


def difference(time_us: NDArray[np.int64], value: Floats) -> tuple[Floats, int]:
    """Return the absolute difference from the reading before, over the mean of all such before it.

    Unknown for the first 20 readings.

    Source: the Shewhart chart of moving ranges of two, W. A. Shewhart, "Economic control of quality of
    manufactured product", 1931; D. C. Montgomery, "Introduction to statistical quality control", 6.4.
    """
    score, known = np.full(len(value), np.nan), np.flatnonzero(~np.isnan(value))
    moved = np.abs(np.diff(value[known]))
    before = np.cumsum(moved)[WARM - 1 : -1] / np.arange(WARM, len(moved))
    score[known[WARM + 1 :]] = moved[WARM:] / np.maximum(before, 1e-9)
    return score, 24


def record_range(time_us: NDArray[np.int64], value: Floats) -> tuple[Floats, int]:
    """Return how far a value lies beyond all before it, in units of their range; 0 within.

    Source: K. N. Chandler, "The distribution and frequency of record values", J. Roy. Stat. Soc. B
    14(2), 1952; on its own the simplest detector there is.
    """
    score, known = np.full(len(value), np.nan), ~np.isnan(value)
    seen = value[known]
    if len(seen) < 2:
        return score, 16
    high, low = np.maximum.accumulate(seen)[:-1], np.minimum.accumulate(seen)[:-1]
    beyond = np.maximum(0.0, np.maximum(seen[1:] - high, low - seen[1:]))
    width = np.maximum(high - low, np.maximum(1e-3 * np.abs(high), 1e-9))
    found = np.concatenate(([np.nan], beyond / width))
    score[known] = found
    return score, 16


PEERS: Final[Mapping[str, Peer]] = {
    "peer-ew-z": Peer(ew_z, "Roberts 1959; Finch 2009"),
    "peer-ew-z-day": Peer(partial(ew_z, memory_s=DAY_S), "the same, with a memory of a day"),
    "peer-ew-z-hours": Peer(partial(ew_z, memory_s=HOURS_S), "the same, with a memory of four hours"),
    "peer-difference": Peer(difference, "Shewhart 1931, moving ranges"),
    "peer-seasonal-mad": Peer(seasonal_mad, "Hampel 1974, by hour of day"),
    "peer-record-range": Peer(record_range, "Chandler 1952"),
    "peer-windowed-gaussian": Peer(windowed_gaussian, "Numenta Anomaly Benchmark 1.1"),
    "peer-netdata-kmeans": Peer(netdata_kmeans, "Netdata agent; Lloyd 1982"),
    "peer-half-space-trees": Peer(half_space_trees, "Tan, Ting & Liu 2011, river", needs="river"),
    "peer-isolation-forest": Peer(isolation_forest, "Liu, Ting & Zhou 2008, scikit-learn"),
}
"""Every peer by name."""
