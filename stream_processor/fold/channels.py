"""New readings against thresholds and against their own past, a round of distinct series at a time.

*A new level.* An anomaly alert that has been open for the rule's `new_level_after_s` speaks of something
that stays. From then on its cells forget: their past weighs no more than what makes a cell mature, and
readings count fully, so that within hours of readings the new level is the expected one. The alert then
resolves as any alert does, with the reason `new_level`. One that ends before has hardly been learnt, and
resolves without a reason. A fault that ends just while it is learnt is called a new level too, and its
true level is learnt again within the same few hours.

*Corrections.* Another word about a series' mark is judged in place of the one before: it takes that one's
turn in a run, so a moment counts once, however often it is corrected. It has no rate, for the reading
before is gone, and it repeats nothing. What was learnt from a moment's first word stays: moments are sums
that cannot be taken apart again, and one reading weighs little in them.

*Cold start.* Where a cell is not mature, its kin judge: `stream_processor.fold.newcomers`.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.judgement import Judgement
from anomaly.moments import Moments
from anomaly.rate import Reading, rate_of
from anomaly.score import score_of
from contract.alert import Beginning, Channel, Ending, Transition, TransitionKind, alert_id_of
from contract.calendar import Context, in_session
from stream_processor.fold.constants import Fold
from stream_processor.fold.emptiness import forget_usual
from stream_processor.fold.newcomers import judge_newcomers
from stream_processor.fold.rulebook import ChannelRules
from stream_processor.fold.shared import parts_taken, told_less
from stream_processor.fold.state import NEVER_US, State
from stream_processor.fold.unrest.flapping import opens_flapping, settling

LEAK: Final = 0.25
"""Weight of learning while an anomaly alert is open and not yet a new level: chosen, an incident of hours
hardly touches the baseline, and one of days that a rule never takes for a new level is learnt in weeks."""
DOUBTED: Final = 1.0 - 1e-6
"""The same a third of the way to the rule's bound, by the level: so what was lately learns nothing of it."""
RUN_LIMIT: Final = 255
SCORED: Final = (Channel.ANOMALY, Channel.JOINT)
"""Channels whose transitions carry the score of the batch."""
STILL_RATE: Final = 0.01
"""Weight of one reading in the share of repetitions: a series that changes is known as such after some
460 readings (0.99 ** 460 = 0.01), an hour and a quarter at ten seconds."""


@dataclass(frozen=True)
class Batch:
    """Columns of the new readings of a step, in log order; all of shape (k,)."""

    place: NDArray[np.intp]
    """Position of each among all readings of the step: the order of what it causes."""
    slot: NDArray[np.intp]
    metric_id: NDArray[np.int32]
    time_us: NDArray[np.int64]
    """Event time: as measured, or the arrival where the device's clock cannot be believed."""
    mark_us: NDArray[np.int64]
    """What the series' high-water mark is after it."""
    value: NDArray[np.float64]
    arrival_us: NDArray[np.int64]
    context: NDArray[np.int8]
    phase: NDArray[np.int16]
    """Slot of the day in the detector's profile; see `Fold.phases`."""
    score: NDArray[np.float32]
    """Filled by the fold; NaN where unknown."""
    corrects: NDArray[np.bool_] | None = None
    """Where another word about the series' mark is corrected; None for nowhere."""


@dataclass(frozen=True)
class Evidence:
    """What one channel says of k readings: for opening, for resolving, or neither; and the bounds."""

    index: NDArray[np.intp]
    """Readings of the batch that the channel's rules watch, shape (k,)."""
    out: NDArray[np.bool_]
    well: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    judged: NDArray[np.bool_]
    """Where the reading says anything; elsewhere the run stands still."""
    value: NDArray[np.float64] | None = None
    """What was judged; None for the readings' own values."""


Event = tuple[int, int, Transition]
"""Place in the step, channel, transition: the order in which transitions leave the fold."""


def judge_round(fold: Fold, state: State, batch: Batch, index: NDArray[np.intp], events: list[Event]) -> None:
    """Fold the readings at `index`, no two of one series, into `state`, which the caller owns."""
    slot = batch.slot[index]
    later_us = state.event_us[slot] + 1
    if batch.corrects is not None:
        later_us -= batch.corrects[index]
    batch.time_us[index] = state.event_us[slot] = np.maximum(batch.time_us[index], later_us)
    repeats = state.value[slot] == batch.value[index]
    moved = _rates(fold, state, batch, index)
    state.mark_us[slot] = batch.mark_us[index]
    state.value[slot] = batch.value[index]
    state.news_us[slot] = batch.arrival_us[index]
    _repetitions(fold, state, batch, index, repeats, events)
    _advance(fold, state, batch, _thresholds(fold, batch, index), Channel.THRESHOLD, events)
    if len(moved.index):
        _advance(fold, state, batch, moved, Channel.RATE, events)
    judge_anomalies(fold, state, batch, index[~fold.catalogue.is_counter[batch.metric_id[index]]], events)


def _repetitions(
    fold: Fold,
    state: State,
    batch: Batch,
    index: NDArray[np.intp],
    repeats: NDArray[np.bool_],
    events: list[Event],
) -> None:
    """Judge values that repeat the one before, and learn how usual that is.

    Zero is an absence, and a full line repeats itself without being stuck.
    """
    rules = fold.rulebook.channels[Channel.STUCK]
    watched = rules.exists[batch.metric_id[index]]
    index, repeats = index[watched], repeats[watched]
    if not len(index):
        return
    slot, metric, value = batch.slot[index], batch.metric_id[index], batch.value[index]
    usual = state.still[slot] > rules.most_still[metric]
    is_full = value >= fold.full_bps[slot]
    out = repeats & ~usual & (value != 0) & ~is_full
    evidence = Evidence(index, out, ~repeats, value, value, np.ones(len(index), np.bool_))
    _advance(fold, state, batch, evidence, Channel.STUCK, events)
    # A run that is not usual is no proof that runs are; one that lasts is, in the end.
    rate = np.where(out | state.is_open[Channel.STUCK, slot], STILL_RATE * LEAK * LEAK, STILL_RATE)
    if batch.corrects is not None:
        rate[batch.corrects[index]] = 0.0
    state.still[slot] += (rate * (repeats - state.still[slot])).astype(np.float32)


def _thresholds(fold: Fold, batch: Batch, index: NDArray[np.intp]) -> Evidence:
    rules = fold.rulebook.channels[Channel.THRESHOLD]
    index = index[rules.exists[batch.metric_id[index]]]
    metric, value = batch.metric_id[index], batch.value[index]
    low, high = rules.below[metric], rules.above[metric]
    out = (value < low) | (value > high)
    well = (value >= rules.clear_low[metric]) & (value <= rules.clear_high[metric])
    return Evidence(index, out, well, low, high, np.ones(len(index), np.bool_))


def _rates(fold: Fold, state: State, batch: Batch, index: NDArray[np.intp]) -> Evidence:
    """Compare each reading with the one before, which the state still holds."""
    rules, catalogue = fold.rulebook.channels[Channel.RATE], fold.catalogue
    index = index[rules.exists[batch.metric_id[index]]]
    slot, metric = batch.slot[index], batch.metric_id[index]
    rate = rate_of(
        Reading(state.value[slot], state.mark_us[slot]),
        Reading(batch.value[index], batch.mark_us[index]),
        catalogue.is_counter[metric],
        catalogue.counter_range[metric],
        fold.stale_us[slot],
    )
    low, high = rules.below[metric], rules.above[metric]
    out = (rate < low) | (rate > high)
    well = (rate >= rules.clear_low[metric]) & (rate <= rules.clear_high[metric])
    return Evidence(index, out, well, low, high, ~np.isnan(rate), rate)


def judge_anomalies(
    fold: Fold, state: State, batch: Batch, index: NDArray[np.intp], events: list[Event], learns: bool = True
) -> None:
    """Judge readings at `index`, no two of one series, by their past, and learn from them if they are new."""
    rules = fold.rulebook.channels[Channel.ANOMALY]
    context = batch.context[index]
    slot, metric, value = batch.slot[index], batch.metric_id[index], batch.value[index]
    lasts = _is_new_level(fold, state, batch, index)
    usual = (context != Context.CLOSED) & (context != Context.EVENT)
    usual &= (context != Context.EDGE) | rules.at_edges[metric]
    part, taken, known, is_news = parts_taken(rules, state, slot, metric)
    at = Moments(slot + len(fold.layout) * in_session(context), batch.time_us[index], batch.phase[index])
    own = fold.detector.judge(state.detector, at, value - part)
    judgement, by_kin = judge_newcomers(fold, state, at, value - part, ~lasts, own)
    state.z[slot] = np.where(usual, judgement.plain, np.nan)
    told = told_less(rules, state, slot, metric, value, judgement, part)
    told.z[~(usual & known)] = np.nan
    batch.score[index] = score_of(told.z, rules.bound[metric])
    watched = np.flatnonzero(rules.exists[metric])
    seen = Judgement(*(column[watched] for column in told))
    evidence = _anomalies(rules, batch, index[watched], seen, is_news[watched])
    _advance(fold, state, batch, evidence, Channel.ANOMALY, events)
    is_doubted = rules.stands[metric] & (state.run[Channel.ANOMALY, slot] > 0)
    is_open = state.is_open[Channel.ANOMALY, slot] | is_doubted
    share = np.where(3.0 * np.abs(told.plain) >= rules.bound[metric], DOUBTED, 1.0)
    share[is_open], share[lasts] = LEAK, 1.0
    if lasts.any():
        fold.detector.forget(state.detector, np.concatenate([slot[lasts], slot[lasts] + len(fold.layout)]))
        forget_usual(state, slot[lasts])
    taught = usual & ~(by_kin & is_open) & known & learns
    if batch.corrects is not None:
        taught &= ~batch.corrects[index]
    fold.detector.learn(state.detector, at.where(taught), (value - taken)[taught], share[taught])


def _anomalies(
    rules: ChannelRules, batch: Batch, index: NDArray[np.intp], seen: Judgement, is_news: NDArray[np.bool_]
) -> Evidence:
    metric = batch.metric_id[index]
    bound, least = rules.bound[metric], rules.least_deviation[metric]
    out = (rules.looks_down[metric] & (seen.z < 0)) | (rules.looks_up[metric] & (seen.z > 0))
    out &= is_news | (np.abs(seen.z) >= bound)
    out &= np.abs(batch.value[index] - seen.expected) >= least
    reach = np.maximum(bound * seen.deviation, least)
    return Evidence(index, out, ~out, seen.expected - reach, seen.expected + reach, ~np.isnan(seen.z))


def _is_new_level(fold: Fold, state: State, batch: Batch, index: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where an anomaly alert has been open long enough to speak of a new level, shape (n,)."""
    lasts: NDArray[np.bool_] = state.is_open[Channel.ANOMALY][batch.slot[index]]
    of_open = index[lasts]
    after_us = fold.rulebook.channels[Channel.ANOMALY].new_level_us[batch.metric_id[of_open]]
    lasts[lasts] = batch.time_us[of_open] - state.since_us[Channel.ANOMALY, batch.slot[of_open]] >= after_us
    return lasts


def _advance(
    fold: Fold, state: State, batch: Batch, evidence: Evidence, channel: Channel, events: list[Event]
) -> None:
    rules = fold.rulebook.channels[channel]
    index = evidence.index
    if not len(index):  # most rounds and ticks say nothing to most channels
        return
    slot, metric, time_us = batch.slot[index], batch.metric_id[index], batch.time_us[index]
    is_open, run = state.is_open[channel, slot], state.run[channel, slot]
    # Out of its hours a rule opens nothing; what is open waits for them, or ends with a day without any.
    context = batch.context[index]
    idle = rules.only_in_session[metric] & (~in_session(context) | state.waited_for[fold.layout.level[slot]])
    judged = np.where(idle, ~is_open | (context == Context.CLOSED), evidence.judged)
    speaks = np.where(is_open, evidence.well | idle, evidence.out & ~idle) & judged
    window = np.where(is_open, rules.close_window[metric], rules.open_window[metric])
    starts = speaks & ~is_open & (np.where(window, run & (window >> 1), run) == 0)
    if batch.corrects is not None:
        # What the corrected word had added is taken back: the newest bit of a window, one of a run.
        without = np.where(window, run >> 1, np.maximum(run, 1) - 1)
        run = np.where(batch.corrects[index] & judged, without, run).astype(run.dtype)
    longer = np.where(speaks, np.minimum(run, RUN_LIMIT - 1) + 1, 0).astype(np.uint8)
    if rules.has_windows:
        longer = np.where(window, (run << 1 | speaks) & window, longer)
    count = _counted(longer, window)
    longer = np.where(judged, longer, run)
    # Openings are identities: a correction may start anew at a moment of which an alert has ended.
    state.since_us[channel, slot[starts]] = np.maximum(
        time_us[starts], state.since_us[channel, slot[starts]] + 1
    )
    opens = ~is_open & speaks & (count >= rules.open_after[metric])
    if opens.any():
        opens &= ~_held_back(fold, state, channel, slot, metric, time_us)
    resolves = is_open & speaks & (count >= rules.close_after[metric])
    if resolves.any():
        fresh = _counted(run, window) < rules.close_after[metric]
        resolves = settling(state.unrests, channel, slot, batch.arrival_us[index], resolves, fresh)
    longer[opens | resolves] = 0
    state.run[channel, slot] = longer
    events += [_opened(fold, state, batch, evidence, channel, int(k)) for k in np.flatnonzero(opens)]
    events += [_resolved(fold, state, batch, evidence, channel, int(k)) for k in np.flatnonzero(resolves)]


def _counted(run: NDArray[np.uint8], window: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how many of a run's readings speak for a change, shape (n,)."""
    return np.where(window, np.bitwise_count(run & window), run) if window.any() else run


def judge_at_tick(
    fold: Fold, state: State, batch: Batch, evidence: Evidence, channel: Channel
) -> list[Transition]:
    """Advance a channel by what a tick says of series, no two the same; return what opens and resolves."""
    events: list[Event] = []
    _advance(fold, state, batch, evidence, channel, events)
    return [transition for _, _, transition in events]


def transition_of(
    fold: Fold,
    state: State,
    channel: Channel,
    slot: int,
    kind: TransitionKind,
    at_us: int,
    detected_at_us: int,
    reason: str = "",
) -> Transition:
    """Return what is to be said of a slot's alert, without any value.

    Args:
        fold: gives rule, series and school.
        state: gives opening and priority.
        channel: of the rule.
        slot: of the series.
        kind: opened or resolved.
        at_us: event time.
        detected_at_us: log time at which it is seen.
        reason: see `Transition.reason`.
    """
    layout = fold.layout
    rule = fold.rulebook.channels[channel].by_metric[int(layout.metric_id[slot])]
    opened_at_us, series = int(state.since_us[channel, slot]), int(layout.series[slot])
    return Transition(
        alert_id=alert_id_of(rule.name, series, opened_at_us),
        kind=kind,
        rule=rule.name,
        series=series,
        school_id=int(layout.school_ids[layout.school[slot]]),
        priority=int(state.priority[channel, slot]),
        opened_at_us=opened_at_us,
        at_us=at_us,
        detected_at_us=detected_at_us,
        reason=reason,
    )


def _held_back(
    fold: Fold,
    state: State,
    channel: Channel,
    slot: NDArray[np.intp],
    metric: NDArray[np.int32],
    time_us: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return where an opening waits: its parent was open at the last tick, or it has just resolved."""
    rules = fold.rulebook.channels[channel]
    parent = rules.parent[metric]
    held: NDArray[np.bool_] = np.zeros(len(slot), np.bool_)
    # By what is usual for a series nothing is explained that is unlike its own past.
    parents = state.parent_told if channel is Channel.ANOMALY else state.parent_open
    if len(parents):
        held = (parent >= 0) & parents[parent, fold.layout.school[slot]]
    if channel is Channel.ANOMALY:
        closed_us = state.closed_us[slot]
        held |= (closed_us != NEVER_US) & (time_us < closed_us + rules.refractory_us[metric])
    return held


def _opened(fold: Fold, state: State, batch: Batch, evidence: Evidence, channel: Channel, k: int) -> Event:
    i = int(evidence.index[k])
    slot, metric_id = int(batch.slot[i]), int(batch.metric_id[i])
    rules = fold.rulebook.channels[channel]
    of_session = bool(in_session(batch.context[i : i + 1])[0])
    state.is_open[channel, slot] = True
    state.priority[channel, slot] = (rules.priority_in_session if of_session else rules.priority)[metric_id]
    steady_us, at_us = int(rules.steady_us[metric_id]), int(batch.arrival_us[i])
    flaps = opens_flapping(state.unrests, channel, slot, steady_us, at_us)
    reason = Beginning.FLAPPING.value if flaps else ""
    return _event(fold, state, batch, evidence, channel, k, TransitionKind.OPENED, reason)


def _resolved(fold: Fold, state: State, batch: Batch, evidence: Evidence, channel: Channel, k: int) -> Event:
    i = int(evidence.index[k])
    slot = int(batch.slot[i])
    reason = ""
    if channel is Channel.ANOMALY:
        state.closed_us[slot] = batch.time_us[i]
        # What ends with a day without school has not been learnt.
        if batch.context[i] != Context.CLOSED and _is_new_level(fold, state, batch, np.array([i]))[0]:
            reason = Ending.NEW_LEVEL.value
    if batch.corrects is not None and batch.corrects[i]:
        reason = Ending.CORRECTED.value
    state.is_open[channel, slot] = False
    return _event(fold, state, batch, evidence, channel, k, TransitionKind.RESOLVED, reason)


def _event(
    fold: Fold,
    state: State,
    batch: Batch,
    evidence: Evidence,
    channel: Channel,
    k: int,
    kind: TransitionKind,
    reason: str = "",
) -> Event:
    i = int(evidence.index[k])
    slot = int(batch.slot[i])
    value = batch.value[i] if evidence.value is None else evidence.value[k]
    # An alert that a correction opened anew may begin a moment after its reading; it ends no earlier.
    at_us = max(int(batch.time_us[i]), int(state.since_us[channel, slot]))
    transition = msgspec.structs.replace(
        transition_of(fold, state, channel, slot, kind, at_us, int(batch.arrival_us[i])),
        value=_finite(value),
        expected_low=_finite(evidence.low[k]),
        expected_high=_finite(evidence.high[k]),
        score=_finite(batch.score[i]) if channel in SCORED else None,
        reason=reason,
    )
    return int(batch.place[i]), int(channel), transition


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
