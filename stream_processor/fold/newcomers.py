"""Cold start: until a series knows itself, it is judged by what similar schools are like.

Schools are similar for a metric if they are of one level and in the same context (in session or
out of it). Once an hour the mature cells of each such *kin* say three things: the level that most of
them expect (median), how far schools differ from each other (median absolute deviation, as a normal
standard deviation), and how far one school's readings usually are from its own level (median). What
grows with the school, a rate or a count, is compared as the logarithm of the amount a pupil.

A newcomer's own level is not known, so every level within `PLAUSIBLE` deviations between schools is
allowed it: the expected value is the plausible level nearest to the reading, and a reading is as
unusual as it is far from that, in deviations within a school. A school that is merely different is
thus no news; one beyond what any school of its kin is like is. One sum of both deviations would be
blind to a line that carries nothing: traffic a pupil differs by a third between schools, so zero
would be three such deviations from the median, and never five.

It crosses series, so it happens at ticks, once an hour of log time; partitions do not speak, so each
compares its own schools. While an alert that was opened so is open, the newcomer learns nothing, and
is therefore judged by its kin until it is well or the deviation counts as a new level.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.judgement import Judgement
from anomaly.moments import HOUR_US, Moments
from anomaly.score import MAD_TO_DEVIATION, deviations
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import State

Floats = NDArray[np.float64]

LEAST_KIN: Final = 8
"""Mature cells before a kin says anything. Chosen: the deviation between eight normal draws comes out at
less than half of the truth in 14 of 100 cases, between five in 29, between sixteen in 4; with eight a well
newcomer's own level lies more than three further deviations beyond the plausible in 1 of 10,000."""
PLAUSIBLE: Final = 2.0
"""Deviations between schools within which a newcomer's own level may lie: 95 % of normal ones."""
LEVEL: Final = 0
"""Row of `State.kin` with the level; the deviations between and within schools follow."""


def compare_schools(fold: Fold, state: State, at_us: int) -> None:
    """Write what every kin is like into `state`, if a new hour of log time began."""
    hour = at_us // HOUR_US
    if hour == state.kin_hour:
        return
    state.kin_hour = hour
    outlook = fold.detector.outlook(state.detector)
    kin, pupils = fold.kin_of_cells, fold.pupils_of_cells
    level, within = _levels(outlook.expected, pupils), outlook.deviation
    # A share of the amount is to the logarithm what a deviation is to the value.
    is_amount = ~np.isnan(pupils) & (outlook.expected > 0)
    within = np.divide(within, outlook.expected, out=within.copy(), where=is_amount)
    known = np.isfinite(level)
    kin, level, within = kin[known], level[known], within[known]
    kins = state.kin.shape[1]
    middle = group_medians(kin, level, kins)
    between = MAD_TO_DEVIATION * group_medians(kin, np.abs(level - middle[kin]), kins)
    told = np.stack([middle, between, group_medians(kin, within, kins)])
    told[:, np.bincount(kin, minlength=kins) < LEAST_KIN] = np.nan
    state.kin[:] = told


def judge_newcomers(
    fold: Fold, state: State, at: Moments, value: Floats, asked: NDArray[np.bool_], own: Judgement
) -> tuple[Judgement, NDArray[np.bool_]]:
    """Return the judgement with what is unknown judged by its kin, and where that is so, shape (n,).

    Args:
        fold: the fold.
        state: read only.
        at: cells and times of the readings, shape (n,).
        value: shape (n,).
        asked: where a kin may be asked, shape (n,).
        own: what each cell's own past says, NaN where unknown.
    """
    new = np.flatnonzero(asked & np.isnan(own.expected))
    new = new[~np.isnan(state.kin[LEVEL, fold.kin_of_cells[at.cell[new]]])]
    by_kin = np.zeros(len(value), np.bool_)
    if not len(new):
        return own, by_kin
    by_kin[new] = True
    cell = at.cell[new]
    level, between, within = state.kin[:, fold.kin_of_cells[cell]]
    pupils = fold.pupils_of_cells[cell]
    low, high = (_amounts(level + sign * PLAUSIBLE * between, pupils) for sign in (-1.0, 1.0))
    expected = np.clip(value[new], low, high)
    deviation = np.where(np.isnan(pupils), within, within * expected)
    judged = Judgement(*(column.copy() for column in own))
    judged.z[new] = judged.plain[new] = deviations(value[new] - expected, deviation)
    judged.expected[new], judged.deviation[new] = expected, deviation
    return judged, by_kin


def group_medians(group: NDArray[np.intp], value: Floats, groups: int) -> Floats:
    """Return the median of the values of each group, NaN for one without any, shape (groups,)."""
    median = np.full(groups, np.nan)
    count = np.bincount(group, minlength=groups)
    filled = np.flatnonzero(count)
    ordered = value[np.lexsort((value, group))]
    first = (np.cumsum(count) - count)[filled]
    count = count[filled]
    median[filled] = (ordered[first + (count - 1) // 2] + ordered[first + count // 2]) / 2.0
    return median


def _levels(value: Floats, pupils: Floats) -> Floats:
    """Return values as they are, amounts as the logarithm of the amount a pupil; not finite for none."""
    is_amount = ~np.isnan(pupils) & (value > 0)
    level = np.where(np.isnan(pupils), value, -np.inf)
    level[is_amount] = np.log(value[is_amount] / pupils[is_amount])
    return level


def _amounts(level: Floats, pupils: Floats) -> Floats:
    """Return what `_levels` was made of."""
    is_amount = ~np.isnan(pupils)
    value = level.copy()
    value[is_amount] = np.exp(level[is_amount]) * pupils[is_amount]
    return value
