"""The tail of a cell: how far its readings usually lie beyond two deviations, on each side.

Method. Noise of real lines is not normal: six deviations are one in a billion for one line and a burst of
every day for the next, and one bound for both spends all alarms on the second. So each cell keeps, for each
side, the share p of readings beyond two deviations, and the mean e of what readings lie beyond it; both
forget as the cell's mean does. The mean excess b = e / p is the scale of an exponential tail (the
generalised Pareto tail of shape 0): beyond two deviations the chance of y more falls as exp(-y / b). What
lies beyond is told as the deviations at which normal noise would be as far into its own tail:

    z' = 2 + (z - 2) b0 / b,  b0 = 0.373

so that a bound means the same for every line. A tail lighter than the normal one counts as normal, for
bounds are no promise about it, and so z' is never more than z. Until a cell knows better its tail is the
normal one, which weighs as much as three days of readings: a register a day is hardly judged by tails that
a dozen of days have shown. An excess is learnt as at most ten of the mean ones: the first outlier of its
size is no habit yet. Readings beyond that follow each other on one side count for half an hour at most, as
runs are declustered: an outage of a day was one, and is no habit either. They are learnt when the run is
over, so that no fault hides itself: a line whose traffic halves for good is judged by what was usual before.

Source:
    J. Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3(1), 119-131,
    1975; A. Siffer, P.-A. Fouque, A. Termier, C. Largouet, "Anomaly detection in streams with extreme value
    theory", KDD 2017 (peaks over threshold in a stream; with shape 0 two running means suffice).
    R. L. Smith, I. Weissman, "Estimating the extremal index", J. Royal Stat. Soc. B 56(3), 1994 (runs).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FROM_Z: Final = 2.0
"""Deviations from which a reading is of the tail: chosen, two readings of a hundred on each side."""
USUAL_SHARE: Final = 0.0228
"""Of normal noise, beyond `FROM_Z` on one side."""
USUAL_EXCESS: Final = 0.373
"""Mean excess of normal noise beyond `FROM_Z`, in deviations: the least that counts."""
USUAL_WEIGHT_S: Final = 300 * 900.0
"""The normal tail weighs as much as so many seconds of readings. Chosen on half of the recorded series."""
LONGEST_RUN_S: Final = 1800.0
"""A run of readings beyond counts for at most so long. Chosen: two of a quarter of an hour."""
MOST_EXCESS: Final = 10.0
"""An excess is learnt as at most so many of the cell's mean ones: the first of its size is no habit yet."""
TAIL: Final = "tail"
"""Column: share of readings above and below, and what they lie beyond, above and below; shape (4, cells)."""
RUN: Final = "run_s"
"""Column: seconds that the present run of readings beyond counts for, negative if below, 0 outside of one,
and these times its excess; shape (2, cells)."""


def empty_tail(cells: int) -> dict[str, NDArray[Any]]:
    """Return what is known of the tails of cells that have seen nothing: 24 bytes a cell."""
    return {TAIL: np.zeros((4, cells), np.float32), RUN: np.zeros((2, cells), np.float32)}


def by_tail(columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], z: Floats) -> Floats:
    """Return the deviations at which normal noise is as far in its tail as the cell is at `z`, shape (n,).

    Args:
        columns: of `empty_tail`, and `weight_s`, the seconds that a cell's readings weigh.
        cell: of each reading, shape (n,).
        z: signed deviations, shape (n,); NaN stays NaN.
    """
    told, beyond = z.copy(), np.flatnonzero(np.abs(z) > FROM_Z)
    far = z[beyond]
    scale = np.maximum(_mean_excess(columns, cell[beyond], far < 0) / USUAL_EXCESS, 1.0)
    told[beyond] = np.copysign(FROM_Z + (np.abs(far) - FROM_Z) / scale, far)
    return told


def learn_tail(
    columns: dict[str, NDArray[Any]], cell: NDArray[np.intp], z: Floats, own_s: Floats, part: Floats
) -> None:
    """Take deviations into the tails of their cells; NaN is no news of them.

    Args:
        columns: of `empty_tail`, and `weight_s`; those of the tail are written to.
        cell: of each reading, none twice, shape (n,).
        z: signed deviations from what was expected before the reading was learnt, shape (n,).
        own_s: seconds that each reading speaks for, shape (n,).
        part: weight of each reading in its cell's, in [0, 1], shape (n,).
    """
    tail, run = columns[TAIL], columns[RUN]
    kept = (1.0 - part).astype(np.float32)
    for one in tail:  # row by row: an index of both axes takes twice as long
        one[cell] *= kept
    is_beyond = np.abs(z) > FROM_Z
    over = np.flatnonzero(run[0][cell])
    side = np.where(is_beyond[over], np.sign(z[over]), 0.0)
    over = over[(np.sign(run[0][cell[over]]) != side) & (own_s[over] > 0.0)]
    ended, share = cell[over], part[over] / own_s[over]
    row = (run[0, ended] < 0).astype(np.intp)
    tail[row, ended] += share * np.abs(run[0, ended])
    tail[2 + row, ended] += share * run[1, ended]
    run[:, ended] = 0.0
    beyond = np.flatnonzero(is_beyond)
    far, sign = cell[beyond], np.sign(z[beyond])
    counted_s = np.clip(LONGEST_RUN_S - np.abs(run[0, far]), 0.0, own_s[beyond])
    most = MOST_EXCESS * _mean_excess(columns, far, sign < 0)
    run[1, far] += counted_s * np.minimum(np.abs(z[beyond]) - FROM_Z, most)
    run[0, far] += sign * counted_s


def _mean_excess(columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], side: NDArray[Any]) -> Floats:
    """Return the mean excess of cells, as far as they know it and else the normal one, shape (n,)."""
    side = side.astype(np.intp)
    weight_s = columns["weight_s"][cell].astype(np.float64)
    usual_s = USUAL_WEIGHT_S * USUAL_SHARE
    excess_s = weight_s * columns[TAIL][2 + side, cell] + usual_s * USUAL_EXCESS
    mean: Floats = excess_s / (weight_s * columns[TAIL][side, cell] + usual_s)
    return mean
