"""Our own detectors over recorded series, side by side: one cell a series, as the fold uses them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Detector
from anomaly.evaluation.labelled import Labelled


class Scored(NamedTuple):
    """The scores of a corpus and what remembering it took."""

    scores: list[NDArray[np.float64]]
    """One array a series, of the series' length; NaN = unknown."""
    state_bytes: int
    """Memory of the detector after the last reading, of all series together."""


def run_detector(detector: Detector, corpus: Sequence[Labelled]) -> Scored:
    """Judge and then learn every reading once, in rounds of distinct series.

    A clock that stepped back is held at its latest moment: in the fold the sieve for late readings
    stands before the detector.

    Args:
        detector: one of `anomaly.detector.DETECTORS`.
        corpus: n series.

    Returns:
        |z| of each reading.
    """
    memory = detector.empty(len(corpus))
    longest = max((len(series.value) for series in corpus), default=0)
    value = np.full((longest, len(corpus)), np.nan)
    time_us = np.zeros((longest, len(corpus)), np.int64)
    for s, series in enumerate(corpus):
        value[: len(series.value), s] = series.value
        time_us[: len(series.value), s] = np.maximum.accumulate(series.time_us)
    score = np.full(value.shape, np.nan)
    for row in range(longest):
        cell = np.flatnonzero(~np.isnan(value[row]))
        judgement = detector.judge(memory, cell, value[row, cell])
        score[row, cell] = np.abs(judgement.z)
        detector.learn(memory, cell, time_us[row, cell], value[row, cell], np.ones(len(cell)))
    scores = [score[: len(series.value), s] for s, series in enumerate(corpus)]
    return Scored(scores, sum(column.nbytes for column in memory.values()))
