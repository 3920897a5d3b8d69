"""The change from the reading before: by the usual change of its cell and the tail of such changes.

Method. A level that knows two weeks does not see a jump within the day's range; the reading before knows
better. Each cell keeps the mean absolute change, winsorised and forgetting as its baseline does, and the tail
of its changes, `anomaly.tail`. A change counts as far as it leads away from what is expected: from the
reading before or from the cell's mean, whichever is nearer, and never towards the mean. So what comes back is
no news, and the reading after an outlier is judged as if there had been none.

The usual change is never less than 1 % of |mean|, as the deviation is. A mature cell that knows no change, of
a snapshot that had none, begins with that of independent noise. What came hours ago is no reading before.

Source:
    W. A. Shewhart, "Economic control of quality of manufactured product", 1931 (moving ranges of two);
    S. W. Roberts, Technometrics 1(3), 1959. Tails: `anomaly.tail`.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import NORMAL_RATIO, Lesson
from anomaly.judgement import Judgement
from anomaly.moments import Moments
from anomaly.score import deviations
from anomaly.tail import RUN, TAIL, by_tail, empty_tail, learn_tail

Floats = NDArray[np.float64]

LONGEST_S: Final = 7200.0
"""A reading that came longer ago is no reading before."""
WINSOR_STEPS: Final = 3.0
"""A change is learnt as at most so many usual ones, as the baseline's values are."""
INDEPENDENT: Final = float(np.sqrt(2.0))
"""Deviation of the change from one independent value to the next, in deviations of the values."""


def empty_change(cells: int) -> dict[str, NDArray[Any]]:
    """Return what is known of the changes of cells that have seen nothing: 36 bytes a cell."""
    tail = {f"step_{name}": column for name, column in empty_tail(cells).items()}
    own: dict[str, NDArray[Any]] = {"last": np.zeros(cells), "step": np.zeros(cells, np.float32)}
    return own | tail


def changed(
    columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats, level: Judgement, least_ratio: float
) -> Floats:
    """Return how many usual changes each value leads away from what is expected, signed, shape (n,).

    0 where the reading before came too long ago.

    Args:
        columns: of `empty_change`, and `weight_s` and `learnt_us` of the baseline.
        at: cells and moments of the values.
        value: in the metric's unit, shape (n,).
        level: what the baseline says of them.
        least_ratio: a usual change is at least this share of |mean|.
    """
    mean, cell = level.expected, at.cell
    away = value - np.clip(columns["last"][cell], np.minimum(mean, value), np.maximum(mean, value))
    away[at.time_us - columns["learnt_us"][cell] > LONGEST_S * 1e6] = 0.0
    usual = _usual(_steps(columns, cell, level.deviation), mean, least_ratio)
    return by_tail(_tails(columns), cell, deviations(away, usual))


def learn_change(
    columns: dict[str, NDArray[Any]],
    cell: NDArray[np.intp],
    value: Floats,
    taken: Lesson,
    least_ratio: float,
) -> None:
    """Take each value's change from the one before into its cell, and the value as the last.

    Args:
        columns: of `empty_change`, written to, and `weight_s` of the baseline.
        cell: of each value, none twice, shape (n,).
        value: in the metric's unit, shape (n,).
        taken: how the values were taken into the baseline.
        least_ratio: a usual change is at least this share of |mean|.
    """
    known = ~taken.first & (taken.since_s <= LONGEST_S)
    change = np.where(known, value - columns["last"][cell], np.nan)
    step = _steps(columns, cell, np.where(taken.mature, taken.deviation, 0.0))
    usual = _usual(step, taken.mean, least_ratio)
    z = np.where(taken.mature, deviations(change, usual), np.nan)
    learn_tail(_tails(columns), cell, z, taken.own_s, taken.part)
    reach = np.where(taken.mature & (usual > 0), WINSOR_STEPS * usual, np.inf)
    more = np.minimum(np.abs(change), reach) - step
    columns["step"][cell] = step + taken.part * np.where(known, more, 0.0)
    columns["last"][cell] = value


def _steps(columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], deviation: Floats) -> Floats:
    step = columns["step"][cell].astype(np.float64)
    return np.where(step > 0, step, INDEPENDENT / NORMAL_RATIO * deviation)


def _usual(step: Floats, mean: Floats, least_ratio: float) -> Floats:
    return np.maximum(NORMAL_RATIO * step, least_ratio * np.abs(mean))


def _tails(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns of the changes' tails under the names that `anomaly.tail` knows."""
    return {TAIL: columns[f"step_{TAIL}"], RUN: columns[f"step_{RUN}"], "weight_s": columns["weight_s"]}
