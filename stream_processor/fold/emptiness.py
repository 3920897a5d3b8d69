"""How much emptier a school was today than its register says: a register copied from another day.

One reading of traffic is too noisy to contradict a register: half of it is two of its deviations. What is
seen at all looks of a day is not. At each look of a lesson the logarithms of traffic and of e-learning over
what their series expect are added up (`State.emptier`); from `LEAST_LOOKS` on their means, less the logarithm
of the newest register over its own expected value, are compared with those of the level's schools: less
their median, in their robust deviations, which are at least `LEAST_DEVIATION`. That of the two counts which
lies less low, for a line that is slow empties the traffic alone and a platform that fails the e-learning.

A register that is fuller than usual says nothing of how many pupils are online, so it counts as the usual.
A day ends at local midnight. Fewer than `LEAST_KIN` schools of a level say nothing.

It crosses series, so it happens at ticks, and only what was measured lately counts, by the time of measuring
and not of arrival, so that redelivery changes nothing; the schools are those of one partition, as with kin.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.moments import NO_PHASE, Moments
from anomaly.score import MAD_TO_DEVIATION
from contract.fleet import LEVELS
from stream_processor.fold.constants import Fold
from stream_processor.fold.newcomers import LEAST_KIN, group_medians
from stream_processor.fold.state import NEVER_US, State

Floats = NDArray[np.float64]

USES: Final = 2
"""Rows of `Fold.joint_slots` that say how much a school is online; the register follows."""
LEAST_LOOKS: Final = 6
"""Looks of a day before it is judged: an hour of lessons; chosen."""
LEAST_DEVIATION: Final = 0.15
"""Of a day's mean as a logarithm: day to day traffic moves by as much in recorded networks
(`evaluation.city`), so schools that happen to be alike are not judged by less; chosen."""
FARTHEST: Final = 20.0
"""Times of what is expected that one look counts at most, and at least one in so many; chosen."""


def forget_yesterday(fold: Fold, state: State, before_us: int, at_us: int) -> None:
    """Begin the day's sums anew if a local day began since the last look; write to `state`."""
    local_day = fold.calendar.local_day
    if before_us == NEVER_US or local_day(before_us) != local_day(at_us):
        state.emptier[:] = 0.0
        state.looks[:] = 0


def emptiness(
    fold: Fold, state: State, slots: NDArray[np.intp], is_fresh: NDArray[np.bool_], at_us: int
) -> Floats:
    """Add a look at schools in lesson to their day; return by how many deviations each is too empty, (n,).

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        slots: of the schools' series in the order of `JOINT_METRICS`, shape (3, n).
        is_fresh: where the newest reading counts for this look, shape (3, n).
        at_us: log time of the look.

    Returns:
        Positive where a school is emptier than its register says; NaN where it is not known.
    """
    cell, shape = slots.ravel() + len(fold.layout), slots.shape
    at = Moments(cell, np.full(cell.size, at_us), np.full(cell.size, NO_PHASE, np.int16))
    value = state.value[slots]
    expected = fold.detector.judge(state.detector, at, value.ravel()).expected.reshape(shape)
    times = np.full(shape, np.nan)
    np.divide(value, expected, out=times, where=is_fresh & (expected > 0.0))
    less = np.log(times.clip(1.0 / FARTHEST, FARTHEST))
    seen, uses = ~np.isnan(less[:USES]).any(axis=0), slots[:USES]
    state.emptier[uses[:, seen]] += less[:USES, seen].astype(np.float32)
    state.looks[uses[:, seen]] = np.minimum(state.looks[uses[:, seen]], 254) + 1
    count = state.looks[uses]
    mean = np.full(uses.shape, np.nan)
    np.divide(state.emptier[uses], count, out=mean, where=(count >= LEAST_LOOKS) & seen)
    level = fold.layout.level[slots[0]].astype(np.intp)
    left = mean - np.minimum(less[USES], 0.0)
    found: Floats = -np.max([_among_schools(row, level) for row in left], axis=0)
    return found


def _among_schools(left: Floats, level: NDArray[np.intp]) -> Floats:
    """Return values in deviations from the median of their level, NaN where too few are known, shape (n,)."""
    known = np.flatnonzero(np.isfinite(left))
    group = level[known]
    middle = group_medians(group, left[known], len(LEVELS))
    middle[np.bincount(group, minlength=len(LEVELS)) < LEAST_KIN] = np.nan
    apart = left - middle[level]
    spread = MAD_TO_DEVIATION * group_medians(group, np.abs(apart[known]), len(LEVELS))
    found: Floats = apart / np.maximum(spread, LEAST_DEVIATION)[level]
    return found
