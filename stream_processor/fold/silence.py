"""Silence: heard by ticks alone, so that a replay hears the same silence at the same moment."""

import numpy as np
from numpy.typing import NDArray

from contract.alert import Beginning, Channel, Ending, Transition, TransitionKind
from contract.calendar import MINUTE_US, Context
from contract.entry import TickEntry
from contract.fleet import LEVELS
from stream_processor.fold.arrival.clocks import hear_clocks
from stream_processor.fold.channels import Batch, Event, judge_anomalies, transition_of
from stream_processor.fold.constants import Fold
from stream_processor.fold.contradiction import hear_contradictions
from stream_processor.fold.feed import hear_feed
from stream_processor.fold.habits import follow_waits
from stream_processor.fold.joint import hear_disagreement
from stream_processor.fold.newcomers import compare_schools
from stream_processor.fold.providers import follow_providers
from stream_processor.fold.rulebook import ChannelRules
from stream_processor.fold.sessions.bells import follow_bells, moved_us
from stream_processor.fold.sessions.recess import hear_recess
from stream_processor.fold.shared import follow_shared
from stream_processor.fold.state import NEVER_US, State
from stream_processor.fold.unrest.chronic import hear_chronic, withhold
from stream_processor.fold.unrest.flapping import FLAPS, is_well, opens_flapping, settles


def hear_tick(fold: Fold, state: State, tick: TickEntry) -> list[Transition]:
    """Let time go on to `state.now_us` in the caller's `state`; return what opens and resolves by it.

    What crosses series happens here and nowhere else: parents' alerts are looked at once a tick,
    so that no result depends on how readings between two ticks were batched.
    """
    at_us = state.now_us
    told = hear_feed(fold, state, at_us, hears=tick.hears, troubles=tick.troubles)
    before_us, state.tick_us = state.tick_us, at_us
    compare_schools(fold, state, at_us)
    _follow_sessions(fold, state, at_us)
    follow_providers(fold, state, before_us, at_us)
    told += _judge_waiting(fold, state, follow_shared(fold, state, before_us, at_us), at_us)
    told += _judge_waiting(fold, state, _standing(fold, state, at_us), at_us, learns=False)
    told += hear_contradictions(fold, state, at_us)
    told += _end_flapping(fold, state, at_us)
    told += hear_recess(fold, state, before_us, at_us)
    _look_at_parents(fold, state)
    off = follow_bells(fold, state, at_us)
    opened = _open_silences(fold, state, before_us, at_us)
    if opened:
        _look_at_parents(fold, state)
    told += off + opened + hear_disagreement(fold, state, before_us, at_us)
    told = withhold(fold, state, told + hear_clocks(fold, state, before_us, at_us))
    return told + hear_chronic(fold, state, before_us, at_us)


def drop_what_is_over(
    fold: Fold, state: State, slot: NDArray[np.intp], arrival_us: NDArray[np.int64]
) -> list[tuple[int, Transition]]:
    """Resolve the silence of every slot that something arrived for; return (position, transition).

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        slot: slots of arrivals in log order, none negative, shape (n,).
        arrival_us: log time of each, shape (n,).
    """
    ended: list[tuple[int, Transition]] = []
    for k in np.flatnonzero(state.is_open[Channel.SILENCE, slot]).tolist():
        s = int(slot[k])
        if not state.is_open[Channel.SILENCE, s]:
            continue
        fresh = not state.run[Channel.SILENCE, s]
        if not settles(state.unrests, Channel.SILENCE, s, int(arrival_us[k]), is_fresh=fresh):
            state.run[Channel.SILENCE, s] = 1
        else:
            state.is_open[Channel.SILENCE, s] = False
            ended.append((k, _transition(fold, state, s, TransitionKind.RESOLVED, int(arrival_us[k]))))
    return ended


def _standing(fold: Fold, state: State, at_us: int) -> NDArray[np.intp]:
    """Return the slots whose newest reading speaks for an opening and has stood long enough, shape (k,)."""
    slot = fold.standing_slots
    slot = slot[(state.run[Channel.ANOMALY, slot] > 0) & ~state.is_open[Channel.ANOMALY, slot]]
    begun_us = state.session_from_us[fold.layout.level[slot]]
    stands_us = fold.rulebook.channels[Channel.ANOMALY].stands_us[fold.layout.metric_id[slot]]
    is_of_now = (begun_us != NEVER_US) & (state.event_us[slot] >= begun_us)
    stood: NDArray[np.intp] = slot[is_of_now & (at_us - state.news_us[slot] >= stands_us)]
    return stood


def _judge_waiting(
    fold: Fold, state: State, slot: NDArray[np.intp], at_us: int, *, learns: bool = True
) -> list[Transition]:
    """Judge the newest readings of series that waited; return what opens and resolves.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        slot: of the series, no two the same, shape (k,).
        at_us: log time of the tick that judges them.
        learns: whether they were not learnt before.
    """
    if not len(slot):
        return []
    time_us = state.event_us[slot]
    context = fold.contexts(slot, time_us)
    batch = Batch(
        place=np.arange(len(slot)),
        slot=slot,
        metric_id=fold.layout.metric_id[slot],
        time_us=time_us,
        mark_us=state.mark_us[slot],
        value=state.value[slot],
        arrival_us=np.full(len(slot), at_us),
        context=context,
        phase=fold.phases(context, time_us),
        score=np.full(len(slot), np.nan, np.float32),
    )
    events: list[Event] = []
    judge_anomalies(fold, state, batch, np.arange(len(slot)), events, learns)
    return [transition for _, _, transition in events]


def _end_flapping(fold: Fold, state: State, at_us: int) -> list[Transition]:
    """Resolve what flapped and is steady, and forget what opened long ago."""
    told: list[Transition] = []
    least_us = fold.rulebook.least_steady_us
    for channel, slot in sorted(key for key, u in state.unrests.items() if at_us - u.since_us > least_us):
        unrest = state.unrests[channel, slot]
        rules, metric_id = fold.rulebook.channels[channel], int(fold.layout.metric_id[slot])
        if at_us - unrest.since_us <= rules.steady_us[metric_id]:
            continue
        if state.is_open[channel, slot] and unrest.openings == FLAPS:
            if not is_well(rules, metric_id, int(state.run[channel, slot])):
                continue
            told.append(_steady(fold, state, Channel(channel), slot, at_us))
        del state.unrests[channel, slot]
    return told


def _steady(fold: Fold, state: State, channel: Channel, slot: int, at_us: int) -> Transition:
    state.is_open[channel, slot] = False
    state.run[channel, slot] = 0
    if channel is Channel.ANOMALY:
        state.closed_us[slot] = at_us
    ended_us = max(at_us, int(state.since_us[channel, slot]))
    return transition_of(
        fold, state, channel, slot, TransitionKind.RESOLVED, ended_us, at_us, Ending.STEADY.value
    )


def _follow_sessions(fold: Fold, state: State, at_us: int) -> None:
    for level in range(len(LEVELS)):
        if fold.calendar.context_at(level, at_us // MINUTE_US) < Context.EDGE:  # as `in_session` of arrays
            state.session_from_us[level] = NEVER_US
        elif state.session_from_us[level] == NEVER_US:
            state.session_from_us[level] = at_us


def _look_at_parents(fold: Fold, state: State) -> None:
    for row, (channel, slots) in enumerate(fold.parent_slots):
        open_slots = slots[state.is_open[channel, slots]]
        state.parent_open[row] = False
        state.parent_open[row, fold.layout.school[open_slots]] = True
        if state.withheld:
            open_slots = [s for s in open_slots.tolist() if (int(channel), s) not in state.withheld]
        state.parent_told[row] = False
        state.parent_told[row, fold.layout.school[open_slots]] = True


def _open_silences(fold: Fold, state: State, before_us: int, at_us: int) -> list[Transition]:
    rules, slots = fold.rulebook.channels[Channel.SILENCE], fold.silence_slots
    metric, school = fold.layout.metric_id[slots], fold.layout.school[slots]
    session_from_us = state.session_from_us[fold.layout.level[slots]]
    only = rules.only_in_session[metric]
    since = np.maximum(state.arrival_us[slots], state.silence_from_us)
    since = np.where(only, np.maximum(since, session_from_us), since)
    begins_us, is_due = _due_stretch(fold, state, rules, slots, at_us)
    since = np.maximum(since, begins_us)
    due = is_due & (at_us - since >= rules.silent_us[metric])
    due &= ~follow_waits(fold, state, begins_us, is_due, before_us, at_us)
    is_open = state.is_open[Channel.SILENCE, slots]
    # What flaps and was well is silent again.
    state.run[Channel.SILENCE, slots[due & is_open]] = 0
    due &= ~is_open
    due &= ~(only & (session_from_us == NEVER_US))
    if not due.any():
        return []
    due &= ~fold.day_plan(fold.calendar.local_day(at_us)).shut(at_us)[school]
    parent = rules.parent[metric]
    if len(state.parent_open):
        due &= ~((parent >= 0) & state.parent_open[parent, school])
    opened = slots[due]
    of_session = state.session_from_us[fold.layout.level[opened]] != NEVER_US
    state.is_open[Channel.SILENCE, opened] = True
    state.since_us[Channel.SILENCE, opened] = since[due]
    state.priority[Channel.SILENCE, opened] = np.where(
        of_session, rules.priority_in_session[metric[due]], rules.priority[metric[due]]
    )
    told = []
    for s in opened.tolist():
        steady_us = int(rules.steady_us[fold.layout.metric_id[s]])
        flaps = opens_flapping(state.unrests, Channel.SILENCE, s, steady_us, at_us)
        reason = Beginning.FLAPPING.value if flaps else ""
        told.append(_transition(fold, state, s, TransitionKind.OPENED, at_us, reason))
    return told


def _due_stretch(
    fold: Fold, state: State, rules: ChannelRules, slots: NDArray[np.intp], at_us: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return since when arrivals are due by the sessions of the day, and where they are due now, shape (n,).

    Bells that have moved are those that ring, whatever the calendar says.

    A rule without a stretch of the session is due at any time, since ever.
    """
    metric, level = fold.layout.metric_id[slots], fold.layout.level[slots]
    until_us = rules.session_until_us[metric]
    begins_us, is_due = np.full(len(slots), NEVER_US), until_us == 0
    if is_due.all():
        return begins_us, is_due
    day, longest_us = fold.calendar.local_day(at_us), int(until_us.max())
    for i in range(len(LEVELS)):
        for part, session in enumerate(fold.calendar.sessions(i, day)):
            start_us = session.start_us + moved_us(state, i, part)
            if not start_us <= at_us <= start_us + longest_us:
                continue
            from_us = start_us + rules.session_from_us[metric]
            mine = (level == i) & (until_us > 0) & (from_us <= at_us) & (at_us <= start_us + until_us)
            begins_us[mine] = from_us[mine]
            is_due |= mine
    return begins_us, is_due


def _transition(
    fold: Fold, state: State, slot: int, kind: TransitionKind, at_us: int, reason: str = ""
) -> Transition:
    return transition_of(fold, state, Channel.SILENCE, slot, kind, at_us, at_us, reason)
