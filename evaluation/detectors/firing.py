"""The alert logic that every detector gets: when a score becomes an alarm.

A score that stays high is one alarm and not one a reading. An alarm is fired where the score
crosses the threshold from below (its onset), and none within the refractory period after the last
one fired. Comparing raw scores instead measures mostly how often a detector repeats itself.

Source:
    Onset and refractory period: A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection
    algorithms - the Numenta Anomaly Benchmark", ICMLA 2015, section II (detections after the first
    in a window are ignored, those outside each cost); IEC 62682 / ISA-18.2 "re-alarming".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Logic(NamedTuple):
    """How scores become alarms."""

    only_onset: bool = True
    """False: every reading at or above the threshold is an alarm, as NAB's own detectors are scored."""
    refractory_us: int = 0
    """No alarm so soon after the last one, in µs."""


def fire(
    score: NDArray[np.floating], time_us: NDArray[np.int64], threshold: float, refractory_us: int = 0
) -> NDArray[np.intp]:
    """Return the readings at which an alarm is fired: onsets, none within the refractory period.

    A NaN says nothing: it neither ends an alarm nor starts one.

    Args:
        score: the higher the stranger, NaN = unknown, shape (n,).
        time_us: moments, shape (n,).
        threshold: a score at or above it is out of bounds.
        refractory_us: no second alarm so soon after one, in µs.

    Returns:
        Indices of the readings, ascending, shape (a,).
    """
    known = np.flatnonzero(~np.isnan(score))
    out = score[known] >= threshold
    starts = out.copy()
    starts[1:] &= ~out[:-1]
    return _apart(known[starts], time_us, refractory_us)


def alarms(
    score: NDArray[np.floating], time_us: NDArray[np.int64], threshold: float, logic: Logic
) -> NDArray[np.intp]:
    """Return the readings at which `logic` fires an alarm, shape (a,)."""
    if logic.only_onset:
        return fire(score, time_us, threshold, logic.refractory_us)
    return _apart(np.flatnonzero(score >= threshold), time_us, logic.refractory_us)


def _apart(index: NDArray[np.intp], time_us: NDArray[np.int64], refractory_us: int) -> NDArray[np.intp]:
    if refractory_us <= 0 or len(index) < 2:
        return index
    moment = np.maximum.accumulate(time_us[index])
    kept, k = [], 0
    while k < len(index):
        kept.append(k)
        k = max(k + 1, int(np.searchsorted(moment, moment[k] + refractory_us, side="left")))
    return index[kept]


def candidate_thresholds(scores: Sequence[NDArray[np.floating]], most: int = 400) -> NDArray[np.float64]:
    """Return thresholds worth trying, descending: infinity (never), all of the top, ever sparser below.

    Not the lowest score: at it everything is one alarm, even of a series that never moves.

    They are pooled order statistics, so no label has a part in them, and any strictly increasing
    change of the score leaves the alarms that they cause the same.

    Args:
        scores: one array a series; NaN = unknown.
        most: how many at most.
    """
    pooled = np.concatenate([score[~np.isnan(score)] for score in scores] or [np.zeros(0)])
    if not len(pooled):
        return np.array([np.inf])
    ranks = np.unique(np.geomspace(1, len(pooled), most).astype(np.intp)) - 1
    tried = np.sort(pooled)[::-1][ranks].astype(np.float64)
    return np.unique(np.append(tried[tried > pooled.min()], np.inf))[::-1]


def threshold_for_budget(
    scores: Sequence[NDArray[np.floating]],
    times_us: Sequence[NDArray[np.int64]],
    thresholds: NDArray[np.float64],
    budget: float,
    logic: Logic,
) -> float:
    """Return the lowest threshold up to which all series together stay within `budget` alarms.

    The number of onsets does not fall steadily with the threshold, so the search goes down from
    the highest and stops before the first that exceeds the budget: a threshold so low that
    everything is one endless alarm does not count as quiet.

    Args:
        scores: one array a series.
        times_us: one array a series.
        thresholds: candidates, descending, shape (c,).
        budget: alarms of all series together; alarms a series and week times series times weeks, or
            alarms an operator and hour times hours.
        logic: how scores become alarms.

    Returns:
        The threshold; infinity if even the highest candidate is too much.
    """
    chosen = float("inf")
    known = [np.flatnonzero(~np.isnan(score)) for score in scores]
    told = [(s[k], t[k]) for s, t, k in zip(scores, times_us, known, strict=True) if len(k)]
    highest = [float(score.max()) for score, _ in told]
    for threshold in thresholds:
        loud = (one for one, most in zip(told, highest, strict=True) if most >= threshold)
        fired = sum(len(alarms(score, time_us, threshold, logic)) for score, time_us in loud)
        if fired > budget:
            break
        chosen = float(threshold)
    return chosen
