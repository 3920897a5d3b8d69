"""Disagreement within schools: looked at by ticks alone, once in ten minutes of log time.

A look compares the newest deviations of `JOINT_METRICS` of the schools in session, level by level: an
exam surge of one level is no disagreement of its schools. Only what
was measured lately counts, by the time of measuring and not of arrival, so that redelivery changes
nothing; a register counts for its session. Whoever lacks one of the three is unknown, and its run
stands still. When a school's session ends, so does what was said of it.

A deviation that is known from one session is chance: a school speaks once its register has come in two.

The look covers the schools of one partition, so what is usual is learnt from them: unlike every other
result this one depends on how many partitions there are. Fewer than thirty schools of a level say nothing.

*Whole sessions.* A rule with `z_day` also asks how much emptier a school is in this session than its register
says: see `emptiness`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.joint import Disagreement
from anomaly.score import score_of
from contract.alert import Channel, Transition
from contract.calendar import Context
from contract.rule import JointRule
from stream_processor.fold.channels import Batch, Evidence, judge_at_tick
from stream_processor.fold.constants import Fold
from stream_processor.fold.emptiness import LEAST_DAYS, LESSONS, LOOK_US, USES, emptiness, end_sessions
from stream_processor.fold.state import State

Floats = NDArray[np.float64]

DETECTOR: Final = Disagreement()


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
    end_sessions(fold, state, before_us, at_us)
    context = fold.contexts(fold.joint_slots[0], np.full(fold.joint_slots.shape[1], at_us))
    is_lesson = np.isin(context, LESSONS)
    slots = fold.joint_slots[:, is_lesson]
    is_fresh = _measured_lately(fold, state, slots, at_us)
    newest, empty = (
        _disagreement(fold, state, slots, is_fresh),
        emptiness(fold, state, slots, is_fresh, at_us),
    )
    for metric_id, rule in rules.by_metric.items():
        carrier = fold.joint_slots[fold.layout.metric_id[fold.joint_slots] == metric_id]
        z, bound = np.full(len(carrier), np.nan), rules.bound[fold.layout.metric_id[carrier]]
        z[is_lesson] = newest
        if isinstance(rule, JointRule) and rule.z_day:
            # Told as the disagreement that is as far from the rule's other bound.
            z[is_lesson] = np.fmax(newest, empty.clip(0.0) / rule.z_day * bound[is_lesson])
        ended = ~np.isin(context, (*LESSONS, Context.EDGE))
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
    sessions = state.usual_days[:, slots[USES]].sum(axis=0)
    z = np.where(is_fresh & (sessions >= LEAST_DAYS), state.z[slots], np.nan)
    level = fold.layout.level[slots[0]]
    found = np.full(slots.shape[1], np.nan)
    for one in np.unique(level):
        found[level == one] = DETECTOR.judge(z[:, level == one].T)
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
