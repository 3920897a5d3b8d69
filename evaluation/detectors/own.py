"""Our own detectors over recorded series, side by side: one cell a series, as the fold uses them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Detector
from anomaly.moments import Moments, phase_of_hour
from evaluation.detectors.labelled import Labelled


class CorpusScores(NamedTuple):
    """The scores of a corpus and what remembering it took."""

    scores: list[NDArray[np.float64]]
    """One array a series, of the series' length; NaN = unknown."""
    state_bytes: int
    """Memory of the detector after the last reading, of all series together."""


def run_detector(detector: Detector, corpus: Sequence[Labelled]) -> CorpusScores:
    """Judge and then learn every reading once, in rounds of distinct series.

    A clock that stepped back is held at its latest moment: in the fold the sieve for late readings
    stands before the detector.

    Args:
        detector: one of `anomaly.detector.DETECTORS`.
        corpus: n series.

    Returns:
        |z| of each reading.
    """
    longest = max((len(series.value) for series in corpus), default=0)
    value = np.full((longest, len(corpus)), np.nan)
    time_us = np.zeros((longest, len(corpus)), np.int64)
    for s, series in enumerate(corpus):
        value[: len(series.value), s] = series.value
        time_us[: len(series.value), s] = np.maximum.accumulate(series.time_us)
    score, state_bytes = run_rounds(detector, time_us, value)
    return CorpusScores([score[: len(series.value), s] for s, series in enumerate(corpus)], state_bytes)


def run_rounds(
    detector: Detector, time_us: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Judge and then learn rounds of readings, each round one reading of every cell.

    Args:
        detector: of any kind.
        time_us: moments, not falling in a cell, shape (rounds, cells).
        value: NaN = no reading, shape (rounds, cells).

    Returns:
        |z|, shape (rounds, cells), and the bytes of memory after the last round.
    """
    memory = detector.empty(value.shape[1])
    score = np.full(value.shape, np.nan)
    for row in range(len(value)):
        cell = np.flatnonzero(~np.isnan(value[row]))
        at = Moments(cell, time_us[row, cell], phase_of_hour(time_us[row, cell]))
        judgement = detector.judge(memory, at, value[row, cell])
        score[row, cell] = np.abs(judgement.z)
        detector.learn(memory, at, value[row, cell], np.ones(len(cell)))
    return score, sum(column.nbytes for column in memory.values())
