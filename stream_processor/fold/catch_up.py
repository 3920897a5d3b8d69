"""Bringing a state up to what the tables hold, where the log no longer has the entries between."""

from collections.abc import Sequence

import numpy as np

from contract.alert import Beginning, Channel, Transition, TransitionKind
from contract.canary import system_series
from contract.entry import ReadingsEntry
from contract.reading import Readings
from contract.series import MAX_METRIC_ID
from stream_processor.fold.arrival.words import is_said
from stream_processor.fold.constants import Fold
from stream_processor.fold.feed import FEED_DOWN, LOG_GAP
from stream_processor.fold.sessions.bells import OFF_CALENDAR
from stream_processor.fold.state import NEVER_US, State
from stream_processor.fold.step import step
from stream_processor.fold.unrest.chronic import take_up
from stream_processor.fold.unrest.flapping import FLAPS, Unrest, opens_flapping, settles


def catch_up(
    fold: Fold, state: State, readings: Readings, transitions: Sequence[Transition], at_us: int
) -> State:
    """Return the state after readings that are stored already, with the alerts that the tables tell of.

    The readings are folded as at their first time, so marks, baselines and runs are those that led
    to the rows. Their order of arrival is lost, so which alerts are open is taken from the
    transitions, as they were announced.

    Args:
        fold: the fold.
        state: an earlier state.
        readings: all stored readings from the marks of their series on, each series in order of time.
        transitions: all that were decided since the state, oldest first.
        at_us: log time of the last commit.
    """
    slot = fold.layout.slots_of(readings.series)
    # What the state knows is no arrival; at a mark only another word, a correction, is news.
    readings = readings.take(~is_said(state, slot, readings))
    after, _ = step(fold, state, [ReadingsEntry(at_us, readings)] if len(readings) else [])
    after.now_us = max(after.now_us, at_us)
    if after.tick_us != NEVER_US:
        after.tick_us = max(after.tick_us, at_us)  # the log ran until then: what it lacks is no gap in time
    after.since_us = np.where(state.is_open, state.since_us, after.since_us)
    after.priority = np.where(state.is_open, state.priority, after.priority)
    after.is_open = state.is_open.copy()
    after.unrests, after.spells, after.withheld = dict(state.unrests), dict(state.spells), set(state.withheld)
    for transition in transitions:
        if transition.series == system_series(fold.layout.partition):
            _apply_to_feed(after, transition)
        else:
            _apply(fold, after, transition)
    return after


def _apply(fold: Fold, state: State, transition: Transition) -> None:
    slot = int(fold.layout.slots_of(np.array([transition.series], np.int32))[0])
    channel = _channel_of(fold, transition) if slot >= 0 else None
    if channel is None:
        return
    state.is_open[channel, slot] = transition.kind is TransitionKind.OPENED
    state.withheld.discard((int(channel), slot))
    if channel is Channel.CHRONIC:
        take_up(fold, state, slot, transition)
    if transition.kind is TransitionKind.OPENED:
        state.since_us[channel, slot] = transition.opened_at_us
        state.priority[channel, slot] = transition.priority
        steady_us = int(fold.rulebook.channels[channel].steady_us[fold.layout.metric_id[slot]])
        opens_flapping(state.unrests, channel, slot, steady_us, transition.detected_at_us)
        if transition.reason == Beginning.FLAPPING:
            state.unrests[int(channel), slot] = Unrest(FLAPS, transition.detected_at_us)
        return
    settles(state.unrests, channel, slot, transition.detected_at_us, is_fresh=True)
    if channel is Channel.ANOMALY:
        state.closed_us[slot] = transition.at_us


def _channel_of(fold: Fold, transition: Transition) -> Channel | None:
    for channel in Channel:
        rule = fold.rulebook.rule(channel, transition.series & MAX_METRIC_ID)
        if rule is not None and rule.name == transition.rule:
            return channel
    return None


def _apply_to_feed(state: State, transition: Transition) -> None:
    opened = transition.kind is TransitionKind.OPENED
    if transition.rule == LOG_GAP:
        state.gap_since_us = transition.opened_at_us if opened else NEVER_US
        state.gap_until_us = transition.detected_at_us
    elif transition.rule == FEED_DOWN:
        state.deaf_since_us = transition.opened_at_us if opened else NEVER_US
        state.feed_is_down = opened
    elif transition.rule == OFF_CALENDAR:
        state.off_calendar_us = transition.opened_at_us if opened else NEVER_US
    elif opened:
        state.troubles = state.troubles | {
            transition.rule: (transition.opened_at_us, transition.detected_at_us)
        }
    else:
        state.troubles = {k: v for k, v in state.troubles.items() if k != transition.rule}
