"""F1 of readings, windows found whole if they are found soon: how labelled operations figures are scored.

Method. Every reading at or above the threshold is positive: no onset, no refractory period. A window is
found if its first reading is positive or one of the `within` after it, as far as the window reaches. All
readings of a window that is found are true positives, all of one that is not are false negatives, whatever
comes later in it; positives outside of windows are false, one by one. Readings of all series are pooled.

The threshold is the one that is best on the series that thresholds are chosen on, by their labels. Readings
whose score is not known, those of NAB's probation, and windows that begin in it count for nothing.

A long window weighs as much as it has readings: that is the literature's measure, and not an operator's.

Source:
    AIOps Challenge 2018, KPI anomaly detection (within 7); H. Xu et al., "Unsupervised anomaly detection via
    variational auto-encoder for seasonal KPIs in web applications", WWW 2018 (windows found whole); H. Ren
    et al., "Time-series anomaly detection service at Microsoft", KDD 2019 (7 by the minute, 3 by the hour).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.detectors.labelled import Labelled
from evaluation.detectors.nab import probation

Floats = NDArray[np.float64]

WITHIN: Final = 7
"""Readings after the first that a window may be found by."""


class ReadingCounts(NamedTuple):
    """Readings of each judged series, shape (s,)."""

    true: NDArray[np.int64]
    """Of windows that are found."""
    missed: NDArray[np.int64]
    false: NDArray[np.int64]


class _Seen(NamedTuple):
    """What thresholds meet in one series."""

    peak: Floats
    """Highest score among the first readings of each window, -inf if none is known, shape (w,)."""
    length: NDArray[np.int64]
    """Readings of each window, shape (w,)."""
    outside: Floats
    """Known scores outside of windows, ascending, shape (n,)."""


def reading_counts(corpus: Sequence[Labelled], scores: Sequence[Floats], within: int) -> ReadingCounts:
    """Return the counts of series of odd number at the threshold that is best on those of even number.

    Args:
        corpus: series with labels.
        scores: one array a series; NaN = unknown.
        within: readings after a window's first that may find it.
    """
    seen = [_seen(series, score, within) for series, score in zip(corpus, scores, strict=True)]
    threshold = _best_threshold(seen[::2])
    rows = [_counts(one, threshold) for one in seen[1::2]]
    return ReadingCounts(*np.array(rows, np.int64).reshape(-1, 3).T)


def f1_of_readings(counts: ReadingCounts, drawn: NDArray[np.int64]) -> Floats:
    """Return the F1 of each draw of series, shape (draws,)."""
    true, missed, false = (column[drawn].sum(axis=1) for column in counts)
    f1: Floats = 2.0 * true / np.maximum(1, 2 * true + missed + false)
    return f1


def _seen(series: Labelled, score: Floats, within: int) -> _Seen:
    known = ~np.isnan(score)
    known[: probation(len(score))] = False
    outside = known.copy()
    peak, length = [], []
    for left, right in series.windows.tolist():
        outside[left : right + 1] = False
        if left >= probation(len(score)):
            soon = score[left : min(right, left + within) + 1]
            peak.append(np.max(soon[~np.isnan(soon)], initial=-np.inf))
            length.append(right - left + 1)
    return _Seen(np.array(peak, np.float64), np.array(length, np.int64), np.sort(score[outside]))


def _best_threshold(seen: Sequence[_Seen]) -> float:
    """Return the best threshold, in the middle of those that are equally good; infinite without windows.

    With the same windows found none has fewer false than the lowest peak among them, so only peaks are tried.
    """
    peaks = np.concatenate([one.peak for one in seen])
    peaks = np.unique(peaks[np.isfinite(peaks)])
    if not len(peaks):
        return float("inf")
    counts = np.array([[_counts(one, peak) for one in seen] for peak in peaks.tolist()]).sum(axis=1)
    f1 = 2.0 * counts[:, 0] / np.maximum(1, 2 * counts[:, 0] + counts[:, 1] + counts[:, 2])
    best = int(np.argmax(f1))
    outside = np.concatenate([one.outside for one in seen])
    below = np.max(outside[outside < peaks[best]], initial=peaks[best - 1] if best else -np.inf)
    return float(peaks[best] + below) / 2.0 if np.isfinite(below) else float(peaks[best])


def _counts(seen: _Seen, threshold: float) -> tuple[int, int, int]:
    found = seen.peak >= threshold
    false = len(seen.outside) - int(np.searchsorted(seen.outside, threshold))
    return int(seen.length[found].sum()), int(seen.length[~found].sum()), false
