"""When the schools of a level begin, against the calendar: known of all of them before one is judged.

On a morning on which the bells ring half an hour later, or on which nobody comes, the registers of all
schools are late, and no reader is broken. So a level's session **begins** when half of its schools have sent
a register. Until then none of them is missed (`habits`): what they wait for is shared; and no rule that asks
for a session (`only_in_session`) is asked, for no lesson takes place whose traffic could be missed. How long
after the calendar's bell that usually is, is learnt for each level and part of the day; only a school that
sent a register within two months counts, and none whose line or gateway is known to be dead.

*Moved.* A session that begins at least a quarter of an hour earlier or later than is usual has moved. From
then on, and in the same part of the next days, registers are due by so much earlier or later, until a session
begins as it used to. The wait of that first session is nobody's habit.

*Said once.* That a level has not begun half an hour after it usually has, or has moved, is one alert about
the center, for it is the center's calendar that is wrong: it stays open until every level begins as the
calendar says. Whether bells have moved, and by how much, or schools were closed, history says
(`anomaly.moved_bells`, `anomaly.special_days`). Nothing is said, and nothing learnt, of a day that the
calendar knows as an event, nor while the center itself hears nothing.

*Learning.* What is usual forgets over some forty sessions, and takes a moved one at a quarter of the weight:
a calendar that nobody mends is the usual one after half a year. Only school days count for who has sent of
late, so on the first morning after a summer the schools of before it are waited for as on any other.

It crosses series, so it happens at ticks; the schools are those of one partition, as with kin.

Source:
    The moment at which half have arrived is the sample median, with a breakdown point of one half:
    P. J. Huber, "Robust Statistics", 1981, 3.2. Sizes: docs/detection.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Transition, TransitionKind
from contract.calendar import MINUTE_US, Context, Session
from contract.special_days.history import PARTS
from stream_processor.fold.constants import Fold
from stream_processor.fold.feed import system_transition
from stream_processor.fold.newcomers import LEAST_KIN
from stream_processor.fold.state import MOVED, NEVER_US, NOT_DUE, SEEN, USUAL, State

OFF_CALENDAR: Final = "off_calendar"
"""Rule of schools that do not keep to the calendar; without it in rules.toml each school is judged alone."""
EARLIEST_US: Final = 120 * MINUTE_US
"""So long before the bell a register may be the session's, but for those of the session before: bells move by
less; chosen."""
LATEST_US: Final = 180 * MINUTE_US
"""So long after the bell nothing more is waited for; chosen, a session lasts four hours."""
SENDS_US: Final = 60 * 24 * 60 * MINUTE_US
"""A school that sent none for so long before the last session that began sends none; chosen."""
LEAST_MOVED_S: Final = 900.0
"""From which on bells have moved; chosen, the smallest step that timetables use."""
NOT_BEGUN_S: Final = 1800.0
"""So much later than usual, a session that has not begun is news; chosen."""
LEAST_SESSIONS: Final = 3.0
"""Sessions after which it is known when a level begins; chosen."""
REMEMBERED: Final = 40.0
"""Sessions after which one weighs 1/e; chosen, two months of one part of the day."""
LEAK: Final = 0.25
"""Weight of a session that has moved."""


def follow_bells(fold: Fold, state: State, at_us: int) -> list[Transition]:
    """Look at a tick which levels have begun; return what is told of the calendar.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        at_us: log time of the tick.
    """
    day = fold.calendar.local_day(at_us)
    for level, slot in enumerate(fold.bell_slots):
        if len(slot) < LEAST_KIN:
            # A fleet or rules that changed leave nothing behind that nobody would look at again.
            state.waited_for[level] = state.not_begun[level] = False
            state.bells[MOVED, level] = 0.0
            continue
        ended_us = NEVER_US
        for part, session in enumerate(fold.calendar.sessions(level, day)[:PARTS]):
            # A morning's last registers begin no afternoon.
            first_us = max(session.start_us - EARLIEST_US, ended_us)
            ended_us = session.end_us
            is_near = first_us <= at_us <= session.start_us + LATEST_US
            # By the calendar of now, whose bell may ring later than the one by which it began this morning.
            if is_near and state.begun_us[level] < first_us:
                _look(fold, state, (level, part), session, first_us, at_us)
    return _tell(fold, state, at_us)


def moved_us(state: State, level: int, part: int) -> int:
    """Return by how much later a level's sessions of a part of the day begin than the calendar says, µs."""
    return int(state.bells[MOVED, level, part] * 1e6) if part < PARTS else 0


def _look(
    fold: Fold, state: State, which: tuple[int, int], session: Session, first_us: int, at_us: int
) -> None:
    """Write down whether a level has begun, is waited for, or should have begun.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        which: level and part of the day.
        session: that of the calendar.
        first_us: log time from which on a register may be the session's.
        at_us: log time of the tick.
    """
    level, part = which
    slot = fold.bell_slots[level]
    plan = fold.day_plan(fold.calendar.local_day(at_us))
    last_us = session.start_us if state.begun_us[level] == NEVER_US else state.begun_us[level]
    sends = state.event_us[slot] >= last_us - SENDS_US
    counts = sends & ~plan.shut(at_us)[fold.layout.school[slot]] & ~is_dark(fold, state, slot)
    among = int(counts.sum())
    state.waited_for[level] = False
    if among < LEAST_KIN:
        return
    came = int((counts & (state.event_us[slot] >= first_us)).sum())
    is_event = fold.calendar.context_at(level, session.start_us // MINUTE_US) is Context.EVENT
    if 2 * came < among:
        # Where the center heard nothing for a while, nobody knows whether they began.
        heard_s = (at_us - max(session.start_us, state.silence_from_us)) / 1e6
        # What nobody is told of all is not held back of one.
        state.waited_for[level] = at_us >= session.start_us and OFF_CALENDAR in fold.rulebook.system
        state.not_begun[level] |= not is_event and heard_s >= _usual_s(fold, state, which) + NOT_BEGUN_S
        return
    state.begun_us[level] = session.start_us
    state.not_begun[level] = False
    if state.silence_from_us <= session.start_us and not is_event:
        _learn(state, which, (at_us - session.start_us) / 1e6)
    if state.bells[MOVED, level, part]:
        state.waited_us[slot], state.longest[slot] = 0, NOT_DUE


def _usual_s(fold: Fold, state: State, which: tuple[int, int]) -> float:
    """Return how long after the bell half have usually sent a register; from when they are due if unknown."""
    if state.bells[(SEEN, *which)] >= LEAST_SESSIONS:
        return float(state.bells[(USUAL, *which)])
    metric = fold.layout.metric_id[fold.bell_slots[which[0]][0]]
    return float(fold.rulebook.channels[Channel.SILENCE].session_from_us[metric]) / 1e6


def _learn(state: State, which: tuple[int, int], late_s: float) -> None:
    usual_s, seen, _ = state.bells[(slice(None), *which)].tolist()
    off_s = late_s - usual_s if seen else 0.0
    has_moved = seen >= LEAST_SESSIONS and abs(off_s) >= LEAST_MOVED_S
    share = (LEAK if has_moved else 1.0) / min(seen + 1.0, REMEMBERED)
    learnt_s = usual_s + share * off_s if seen else late_s
    state.bells[(slice(None), *which)] = learnt_s, min(seen + 1.0, REMEMBERED), off_s if has_moved else 0.0


def _tell(fold: Fold, state: State, at_us: int) -> list[Transition]:
    """Open the alert about the calendar once anything is off, and resolve it once nothing is."""
    rule = fold.rulebook.system.get(OFF_CALENDAR)
    moved_s = state.bells[MOVED]
    is_off = bool(state.not_begun.any() or moved_s.any())
    if rule is None or is_off == (state.off_calendar_us != NEVER_US):
        return []
    if is_off:
        state.off_calendar_us = at_us
        value = float(moved_s.flat[np.abs(moved_s).argmax()]) or None
        return [system_transition(fold, rule, TransitionKind.OPENED, at_us, at_us, value)]
    opened_us, state.off_calendar_us = state.off_calendar_us, NEVER_US
    return [system_transition(fold, rule, TransitionKind.RESOLVED, opened_us, at_us)]


def is_dark(fold: Fold, state: State, slot: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where nothing can come from a school: its line is down, or its gateway silent."""
    school = fold.layout.school[slot]
    parent = fold.rulebook.channels[Channel.SILENCE].parent[fold.layout.metric_id[slot]]
    heartbeat = fold.layout.heartbeat_slot[school]
    dark: NDArray[np.bool_] = (
        (heartbeat >= 0) & (heartbeat != slot) & state.is_open[Channel.SILENCE, heartbeat]
    )
    if len(state.parent_open):
        dark |= (parent >= 0) & state.parent_open[parent, school]
    return dark
