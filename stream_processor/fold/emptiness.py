"""How much emptier schools are in a session than their registers say: looked at by the ticks of `joint`.

One reading of traffic is too noisy to contradict a register: half of it is two of its deviations. The mean
of all looks of a session is not. At each look of a lesson traffic and e-learning of a school are added up;
the logarithm of their mean is compared with what it usually is **in that part of the day**, for where some
grades come in the morning and others in the afternoon the two differ by more than a day does from the next.
The same is done with the register, and what the register says is taken off: what is left says how much
emptier a school is than the pupils who are told as there.

*Whose is it.* What the schools of a level share (median, drawn to that of all schools where the level has
few) is nobody's. What is left is told in the robust deviation of all schools, at least `LEAST_DEVIATION`. A
usual level that is known from n days is itself wrong by the root of 1 / n of a day's deviation, so each
school is judged in deviations that are wider by the root of 1 + 1 / n.

*Traffic and e-learning.* That of the two counts which lies less low, for a line that is slow empties the
traffic alone and a platform that fails the other. Where few are online at a time their number is chance: a
school with four users has two or six. So e-learning may be as low as its counting error allows; the error is
that of one look, for who is online now is mostly who was there ten minutes ago.

*Learning.* When a session ends, the usual level of its part of the day learns what was left by then, at most
`MOST_LEARNT` of it, as a mean of up to `MOST_DAYS` sessions. A session in which no register came, or of which
there were fewer than `LEAST_LOOKS` looks, teaches nothing. Where an anomaly alert has become a new level, the
days begin anew. A register that is fuller than usual counts as one that is by a tenth at most: it says little
of how many more are online, and a school that was first known from a bad day has such registers for days.

Source:
    Median polish: J. W. Tukey, "Exploratory Data Analysis", 1977, ch. 10-11. Prediction error of a mean of n:
    R. A. Fisher, "Statistical Methods for Research Workers", 1925. Sizes: docs/decisions/0077.
"""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.score import MAD_TO_DEVIATION
from contract.calendar import MINUTE_US, Context
from contract.fleet import LEVELS
from contract.special_days.history import PARTS
from stream_processor.fold.constants import Fold
from stream_processor.fold.newcomers import LEAST_KIN, group_medians
from stream_processor.fold.state import NEVER_US, State

Floats = NDArray[np.float64]

LOOK_US: Final = 600_000_000
"""Registers come every ten minutes: between them nothing new can be said."""
LESSONS: Final = (Context.SESSION, Context.EXAM)
USES: Final = 2
"""Rows of `Fold.joint_slots` that say how much a school is online; the register follows."""
COUNTED: Final = np.array([[0.0], [1.0]])
"""Which of them count people."""
LEAST_LOOKS: Final = 6
"""Looks of a session before it is judged: an hour of lessons; chosen."""
LEAST_DAYS: Final = 2
"""Sessions that a usual level is known from before a school is judged by it: of one nobody knows whether it
was like others; chosen."""
LEAST_DEVIATION: Final = 0.15
"""Of a session's mean as a logarithm: day to day traffic moves by as much in recorded networks
(`evaluation.city`), so schools that happen to be alike are not judged by less; chosen."""
FARTHEST: Final = float(np.log(20.0))
"""A session counts as at most twenty times as empty, or as full, as usual; chosen."""
FULLER: Final = 0.1
"""Logarithm by which a register counts as fuller than usual at most; chosen."""
MOST_LEARNT: Final = 0.6
"""Of a session, as a logarithm, once one is known: four deviations of a day; chosen."""
MOST_DAYS: Final = 16
"""Sessions that a usual level holds: three weeks of school days, as a slot of `anomaly.profile`."""
SHRINK: Final = 4.0
"""Schools of a level that weigh as much as all the others; as clusters in `shared`."""


def end_sessions(fold: Fold, state: State, before_us: int, at_us: int) -> None:
    """Let what was added up in a session that is over be learnt, and begin anew; write to `state`.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    slots, look_us = fold.joint_slots, (before_us // LOOK_US * LOOK_US, at_us // LOOK_US * LOOK_US)
    for level in range(len(LEVELS)):
        before = _lesson(fold, level, look_us[0]) if before_us != NEVER_US else None
        if before is not None and before == _lesson(fold, level, look_us[1]):
            continue
        mine = slots[:, fold.layout.level[slots[0]] == level]
        if before is not None:
            _learn(state, mine, before[1])
        state.part_sum[mine], state.looks[mine], state.left[mine] = 0.0, 0, np.nan


def _lesson(fold: Fold, level: int, at_us: int) -> tuple[date, int] | None:
    """Return the local day and the part of it whose lessons a level has at a moment, None if it has none."""
    if fold.calendar.context_at(level, at_us // MINUTE_US) not in LESSONS:
        return None
    day = fold.calendar.local_day(at_us)
    for part, session in enumerate(fold.calendar.sessions(level, day)[:PARTS]):
        if session.start_us <= at_us < session.end_us:
            return day, part
    return None


def _learn(state: State, slots: NDArray[np.intp], part: int) -> None:
    """Take what was left of a session of some schools, shape (3, m), into what is usual."""
    slot = slots[:, ~np.isnan(state.left[slots]).any(axis=0)].ravel()
    days, left = state.usual_days[part, slot], state.left[slot]
    tame = np.where(days > 0, np.clip(left, -MOST_LEARNT, MOST_LEARNT), left)
    state.usual_days[part, slot] = np.minimum(days + 1, MOST_DAYS)
    state.usual_log[part, slot] += tame / state.usual_days[part, slot]


def forget_usual(state: State, slot: NDArray[np.intp]) -> None:
    """Let nothing be known of how much is usual at some slots, as on their first day; twice is as once."""
    state.days[slot] = 0
    known = slot[(state.usual_days[:, slot] > 0).any(axis=0)]
    state.usual_days[:, known], state.usual_log[:, known], state.left[known] = 0, 0.0, np.nan


def emptiness(
    fold: Fold, state: State, slots: NDArray[np.intp], is_fresh: NDArray[np.bool_], at_us: int
) -> Floats:
    """Add a look at schools in lesson to their session; return by how many deviations it is too empty, (n,).

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        slots: of the schools' series in the order of `JOINT_METRICS`, shape (3, n).
        is_fresh: where the newest reading counts for this look, shape (3, n).
        at_us: log time of the look.

    Returns:
        Positive where a school is emptier than its register says; NaN where it is not known.
    """
    level = fold.layout.level[slots[0]].astype(np.intp)
    parts = [lesson[1] if (lesson := _lesson(fold, i, at_us)) else -1 for i in range(len(LEVELS))]
    part = np.array(parts)[level]
    seen = is_fresh[:USES].all(axis=0) & (part >= 0)
    uses = slots[:USES]
    state.part_sum[uses[:, seen]] += state.value[uses[:, seen]].astype(np.float32)
    state.looks[uses[:, seen]] = np.minimum(state.looks[uses[:, seen]], 254) + 1
    days = state.usual_days[part, slots]
    usual = np.where(days > 0, state.usual_log[part, slots], 0.0)
    left = _logarithms(state, slots, seen & is_fresh[USES]) - usual
    known = (days > 0).all(axis=0)
    left[:, known] = left[:, known].clip(-FARTHEST, FARTHEST)
    left[~np.isfinite(left)] = np.nan
    compared = np.where(known, left, np.nan)
    shared = np.nan_to_num([_shared(row, level) for row in compared])
    state.left[slots] = np.where(np.isnan(left), state.left[slots], left - shared)
    compared[:, (days < LEAST_DAYS).any(axis=0)] = np.nan
    apart = compared[:USES] - np.minimum(compared[USES], FULLER)
    apart -= [_shared(row, level) for row in apart]
    wider = np.sqrt(1.0 + 1.0 / np.maximum(days[:USES], 1))
    low = -apart + COUNTED * np.exp(-usual[:USES] / 2.0)
    found: Floats = (low / wider / _spreads(apart / wider)).min(axis=0)
    return found


def _logarithms(state: State, slots: NDArray[np.intp], judged: NDArray[np.bool_]) -> Floats:
    """Return the logarithms of the session's means so far and of the register, shape (3, n).

    NaN before `LEAST_LOOKS` and where not `judged`, shape (n,).
    """
    judged = judged & (state.looks[slots[0]] >= LEAST_LOOKS)
    amount = np.full(slots.shape, np.nan)
    uses, register = slots[:USES, judged], slots[USES, judged]
    amount[:USES, judged] = state.part_sum[uses] / state.looks[uses]
    amount[USES, judged] = state.value[register]
    with np.errstate(divide="ignore"):
        found: Floats = np.log(amount)
    return found


def _shared(value: Floats, level: NDArray[np.intp]) -> Floats:
    """Return what a level's schools share of values, NaN for all where too few are known, shape (n,)."""
    known = np.flatnonzero(~np.isnan(value))
    if len(known) < LEAST_KIN:
        return np.full(len(value), np.nan)
    middle = float(np.median(value[known]))
    of_level = np.nan_to_num(group_medians(level[known], value[known], len(LEVELS)) - middle)
    count = np.bincount(level[known], minlength=len(LEVELS))
    found: Floats = (middle + of_level * count / (count + SHRINK))[level]
    return found


def _spreads(apart: Floats) -> Floats:
    """Return the robust deviation of each row over all schools, NaN where nothing is known, shape (k, 1)."""
    spread = [np.median(np.abs(row[~np.isnan(row)])) if not np.isnan(row).all() else np.nan for row in apart]
    found: Floats = np.maximum(MAD_TO_DEVIATION * np.array(spread), LEAST_DEVIATION)[:, None]
    return found
