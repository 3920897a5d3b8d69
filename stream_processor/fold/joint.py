"""Disagreement within schools: looked at by ticks alone, once in ten minutes of log time.

A look compares the newest deviations of `JOINT_METRICS` of the schools in session, level by level: an
exam surge of one level is no disagreement of its schools. Only what
was measured lately counts, by the time of measuring and not of arrival, so that redelivery changes
nothing; a register counts for its session. Whoever lacks one of the three is unknown, and its run
stands still. When a school's session ends, so does what was said of it.

The look covers the schools of one partition, so what is usual is learnt from them: unlike every other
result this one depends on how many partitions there are. Fewer than thirty schools of a level say nothing.

*Whole days.* One reading of traffic is too noisy to contradict a register: half of it is two of its
deviations. What is seen at all looks of a day is not, so a rule with `z_day` also asks how much emptier a
school was today than its register says. At each look of a lesson the logarithms of traffic and of
e-learning over what their series expect are added up (`State.emptier`); from `LEAST_LOOKS` on their means,
less the logarithm of the newest register over its own expected value, are compared with those of the
level's schools: less their median, in their robust deviations, which are at least `LEAST_DEVIATION`. That
of the two counts which lies less low, for a line that is slow empties the traffic alone and a platform that
fails the e-learning. A register that is fuller than usual says nothing of how many pupils are online, so it
counts as the usual. A day ends at local midnight; fewer than `LEAST_KIN` schools of a level say nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.joint import Disagreement
from anomaly.moments import NO_PHASE, Moments
from anomaly.score import MAD_TO_DEVIATION, score_of
from contract.alert import Channel, Transition
from contract.calendar import Context
from contract.fleet import LEVELS
from contract.rule import JointRule
from stream_processor.fold.channels import Batch, Evidence, judge_at_tick
from stream_processor.fold.constants import Fold
from stream_processor.fold.newcomers import LEAST_KIN, group_medians
from stream_processor.fold.state import NEVER_US, State

Floats = NDArray[np.float64]

DETECTOR: Final = Disagreement()
LOOK_US: Final = 600_000_000
"""Registers come every ten minutes: between them nothing new can be said."""
USES: Final = 2
"""Rows of `Fold.joint_slots` that say how much a school is online; the register follows."""
LEAST_LOOKS: Final = 6
"""Looks of a day before it is judged: an hour of lessons; chosen."""
LEAST_DEVIATION: Final = 0.15
"""Of a day's mean as a logarithm: day to day traffic moves by as much in recorded networks
(`evaluation.city`), so schools that happen to be alike are not judged by less; chosen."""
FARTHEST: Final = 20.0
"""Times of what is expected that one look counts at most, and at least one in so many; chosen."""


def hear_disagreement(fold: Fold, state: State, before_us: int, at_us: int) -> list[Transition]:
    """Look at the schools if a new ten minutes began since the last tick; write to `state`.

    Args:
        fold: rules, calendar and slots.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    rules = fold.rulebook.channels[Channel.JOINT]
    if not rules.by_metric or at_us // LOOK_US == before_us // LOOK_US:
        return []
    told: list[Transition] = []
    _forget_yesterday(fold, state, before_us, at_us)
    context = fold.contexts(fold.joint_slots[0], np.full(fold.joint_slots.shape[1], at_us))
    is_lesson = (context == Context.SESSION) | (context == Context.EXAM)
    slots = fold.joint_slots[:, is_lesson]
    is_fresh = _measured_lately(fold, state, slots, at_us)
    newest, day = _disagreement(fold, state, slots, is_fresh), _emptiness(fold, state, slots, is_fresh, at_us)
    for metric_id, rule in rules.by_metric.items():
        carrier = fold.joint_slots[fold.layout.metric_id[fold.joint_slots] == metric_id]
        z, bound = np.full(len(carrier), np.nan), rules.bound[fold.layout.metric_id[carrier]]
        z[is_lesson] = newest
        if isinstance(rule, JointRule) and rule.z_day:
            # Told as the disagreement that is as far from the rule's other bound.
            z[is_lesson] = np.fmax(newest, day.clip(0.0) / rule.z_day * bound[is_lesson])
        ended = ~np.isin(context, (Context.SESSION, Context.EXAM, Context.EDGE))
        judged, out = ~np.isnan(z) | ended, z >= bound
        batch = batch_of_look(fold, state, carrier, context, score_of(z, bound), at_us)
        nowhere = np.full(len(carrier), np.inf)
        evidence = Evidence(np.arange(len(carrier)), out, judged & ~out, -nowhere, nowhere, judged)
        told += judge_at_tick(fold, state, batch, evidence, Channel.JOINT)
    return told


def _measured_lately(fold: Fold, state: State, slots: NDArray[np.intp], at_us: int) -> NDArray[np.bool_]:
    oldest_us = np.where(
        fold.layout.sessional[slots],
        state.session_from_us[fold.layout.level[slots]],
        at_us - fold.stale_us[slots],
    )
    lately: NDArray[np.bool_] = state.event_us[slots] >= oldest_us
    return lately


def _disagreement(
    fold: Fold, state: State, slots: NDArray[np.intp], is_fresh: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the disagreement of some schools, given by the slots of their series, shape (schools,)."""
    z = np.where(is_fresh, state.z[slots], np.nan)
    level = fold.layout.level[slots[0]]
    found = np.full(slots.shape[1], np.nan)
    for one in np.unique(level):
        found[level == one] = DETECTOR.judge(z[:, level == one].T)
    return found


def _forget_yesterday(fold: Fold, state: State, before_us: int, at_us: int) -> None:
    """Begin the day's sums anew if a local day began since the last look; write to `state`."""
    local_day = fold.calendar.local_day
    # Where zones are a quarter of an hour apart, midnight lies between two looks and not at one.
    last_us = before_us // LOOK_US * LOOK_US
    if before_us == NEVER_US or local_day(last_us) != local_day(at_us):
        state.emptier[:] = 0.0
        state.looks[:] = 0


def _emptiness(
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


def batch_of_look(
    fold: Fold,
    state: State,
    slot: NDArray[np.intp],
    context: NDArray[np.int8],
    score: NDArray[np.float32],
    at_us: int,
) -> Batch:
    """Return a look at a tick as if each slot, no two the same, had its newest value sent again."""
    time_us = np.full(len(slot), at_us)
    return Batch(
        place=np.zeros(len(slot), np.intp),
        slot=slot,
        metric_id=fold.layout.metric_id[slot],
        time_us=time_us,
        mark_us=time_us,
        value=state.value[slot],
        arrival_us=time_us,
        context=context,
        phase=fold.phases(context, time_us),
        score=score,
    )
