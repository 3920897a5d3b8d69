"""The fold: from a state and a stretch of the log to the next state and what follows from it.

`step` is a pure function: it copies the state and advances its own copy. An owner that is done with
the state before uses `advance` itself and spares the copy: 328 bytes a series, 80 MB and some 6 ms for a
quarter of the nation, which would otherwise be paid for every entry of a lightly loaded log.

Readings between two ticks are folded together, series beside series, in rounds: the first of
every series, then the second, and so on. That is the same as one by one, because readings touch
only what belongs to their own series; whatever crosses series waits for the next tick. So any
cutting of the log gives the same result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Transition
from contract.commit import Counts, KpiMinute
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.live import Canary, Summary
from contract.reading import Corrections, Readings, Scored
from stream_processor.fold.arrival.clocks import doubt_times, note_skews
from stream_processor.fold.arrival.sift import Fate, occurrence, sift
from stream_processor.fold.arrival.words import follow_words, forget_passed
from stream_processor.fold.channels import Batch, Event, judge_round
from stream_processor.fold.constants import Fold
from stream_processor.fold.kpi import close_minute, summarise
from stream_processor.fold.silence import drop_what_is_over, hear_tick
from stream_processor.fold.state import State
from stream_processor.fold.unrest.chronic import withhold

AT_ONCE: Final = 65_536
"""Readings of a round that are judged together: the columns of more come fresh from the system every time,
which took a tenth of CPU more."""


@dataclass(frozen=True, slots=True)
class Output:
    """What follows from a stretch of the log."""

    rows: Scored = field(default_factory=Scored.empty)
    """New and late readings in log order, as they are stored."""
    corrections: Corrections = field(default_factory=Corrections.empty)
    """Later words about these rows and earlier ones."""
    transitions: tuple[Transition, ...] = ()
    """Alerts that opened or resolved, in log order."""
    kpis: tuple[KpiMinute, ...] = ()
    counts: Counts = field(default_factory=Counts)
    summary: Summary | None = None
    """The partition at the last tick of the stretch, None without a tick."""


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """All readings of a step, in log order."""

    readings: Readings
    arrival_us: NDArray[np.int64]
    slot: NDArray[np.intp]
    fate: NDArray[np.int8]
    mark_us: NDArray[np.int64]
    """Of the series after each, shape (n,)."""


def readings_of(entries: Sequence[Entry]) -> Readings:
    """Return all readings of the entries in log order; `held` of `step` has one element for each."""
    return Readings.concat([e.readings for e in entries if isinstance(e, ReadingsEntry)])


def step(
    fold: Fold, state: State, entries: Sequence[Entry], held: NDArray[np.int8] | None = None
) -> tuple[State, Output]:
    """Return the state after the entries, and what follows from them; changes no argument.

    Args:
        fold: slots, rules, calendar and detector.
        state: the state before the first entry.
        entries: a stretch of the partition's log.
        held: what the table holds of each of `readings_of(entries)` that `must_look_up`, see `Held`,
            shape (n,). It decides what is stored and counted and nothing else, so a silent replay
            needs none.
    """
    after = state.copy()
    return after, advance(fold, after, entries, held)


def advance(
    fold: Fold, state: State, entries: Sequence[Entry], held: NDArray[np.int8] | None = None
) -> Output:
    """Bring a state that the caller owns from before the entries to after them; see `step`."""
    arrivals = _gather(fold, state, entries, held)
    batch = _batch(fold, arrivals)
    told: list[Transition] = []
    kpis: list[KpiMinute] = []
    summary: Summary | None = None
    last_tick = max((i for i, e in enumerate(entries) if isinstance(e, TickEntry)), default=-1)
    start = stop = 0
    for i, entry in enumerate(entries):
        state.now_us = max(state.now_us, entry.at_us)
        if isinstance(entry, ReadingsEntry):
            stop += len(entry.readings)
            continue
        told += _fold_readings(fold, state, arrivals, batch, slice(start, stop))
        start = stop
        if isinstance(entry, MistimedEntry):
            told += withhold(fold, state, _hear_mistimed(fold, state, entry))
            continue
        kpis += close_minute(fold, state, state.now_us)
        told += hear_tick(fold, state, entry)
        if i == last_tick:
            summary = summarise(fold, state, state.now_us)
    told += _fold_readings(fold, state, arrivals, batch, slice(start, stop))
    forget_passed(state, arrivals.slot)
    return _output(arrivals, batch, tuple(told), tuple(kpis), summary)


def _gather(fold: Fold, state: State, entries: Sequence[Entry], held: NDArray[np.int8] | None) -> _Arrivals:
    readings = readings_of(entries)
    folded = [e for e in entries if isinstance(e, ReadingsEntry)]
    at_us = np.array([e.at_us for e in folded], np.int64)
    slot = fold.layout.slots_of(readings.series)
    arrival_us = np.repeat(at_us, [len(e.readings) for e in folded])
    fate = sift(state, slot, readings, held)
    mark_us = follow_words(state, slot, readings, arrival_us, fate)
    return _Arrivals(readings, arrival_us, slot, fate, mark_us)


def _batch(fold: Fold, arrivals: _Arrivals) -> Batch:
    corrects = arrivals.fate == Fate.CORRECTION
    place = np.flatnonzero((arrivals.fate == Fate.NEW) | corrects)
    slot, time_us = arrivals.slot[place], arrivals.readings.time_us[place]
    context = fold.contexts(slot, time_us)
    return Batch(
        place=place,
        slot=slot,
        metric_id=fold.layout.metric_id[slot],
        time_us=time_us,
        mark_us=arrivals.mark_us[place],
        value=arrivals.readings.value[place],
        arrival_us=arrivals.arrival_us[place],
        context=context,
        phase=fold.phases(context, time_us),
        score=np.full(len(place), np.nan, np.float32),
        corrects=corrects[place] if corrects.any() else None,
    )


def _fold_readings(
    fold: Fold, state: State, arrivals: _Arrivals, batch: Batch, stretch: slice
) -> list[Transition]:
    """Fold the readings of a stretch of the log; return what is told, in log order."""
    is_known = arrivals.slot[stretch] >= 0
    known = np.flatnonzero(is_known) + stretch.start
    if len(known) < len(is_known):
        _hear_canary(fold, state, arrivals.readings, np.flatnonzero(~is_known) + stretch.start)
    if not len(known):
        return []
    events: list[Event] = []
    slot, arrival_us = arrivals.slot[known], arrivals.arrival_us[known]
    # A duplicate or late reading is no news, but it is a sign of life.
    for k, transition in _hear(fold, state, slot, arrival_us):
        events.append((int(known[k]), int(Channel.SILENCE), transition))
    note_skews(fold, state, slot, arrivals.readings.time_us[known], arrival_us)
    first, last = np.searchsorted(batch.place, (stretch.start, stretch.stop))
    index = np.arange(first, last)
    doubt_times(fold, state, batch, index)
    turn = occurrence(batch.slot[index])
    # As small as they fit, rounds are sorted in one go (numpy sorts integers of 16 bits by radix).
    order = np.argsort(turn.astype(np.min_scalar_type(turn.max(initial=0))), kind="stable")
    begin = 0
    for end in np.cumsum(np.bincount(turn)).tolist():
        for first in range(begin, end, AT_ONCE):
            judge_round(fold, state, batch, index[order[first : min(first + AT_ONCE, end)]], events)
        begin = end
    return withhold(fold, state, [e[2] for e in sorted(events, key=lambda e: (e[0], e[1]))])


def _hear(
    fold: Fold, state: State, slot: NDArray[np.intp], arrival_us: NDArray[np.int64]
) -> list[tuple[int, Transition]]:
    """Remember that something came; return the silences that end, each with its position."""
    ended = drop_what_is_over(fold, state, slot, arrival_us)
    np.maximum.at(state.arrival_us, slot, arrival_us)
    return ended


def _hear_mistimed(fold: Fold, state: State, entry: MistimedEntry) -> list[Transition]:
    """Hear readings that were refused for their time: they tell of life and of a clock."""
    slot = fold.layout.slots_of(entry.readings.series)
    known = slot >= 0
    arrival_us = np.full(int(known.sum()), entry.at_us)
    note_skews(fold, state, slot[known], entry.readings.time_us[known], arrival_us)
    return [transition for _, transition in _hear(fold, state, slot[known], arrival_us)]


def _hear_canary(fold: Fold, state: State, readings: Readings, unknown: NDArray[np.intp]) -> None:
    """Remember the newest reading of the canary among those that no slot knows."""
    index = unknown[readings.series[unknown] == fold.canary_series]
    if not len(index):
        return
    newest = index[np.argmax(readings.time_us[index])]
    time_us = int(readings.time_us[newest])
    if state.canary is None or time_us > state.canary.time_us:
        state.canary = Canary(time_us, float(readings.value[newest]))


def _output(
    arrivals: _Arrivals,
    batch: Batch,
    told: tuple[Transition, ...],
    kpis: tuple[KpiMinute, ...],
    summary: Summary | None,
) -> Output:
    fate, readings = arrivals.fate, arrivals.readings
    kept, corrects = fate <= Fate.LATE, fate >= Fate.CORRECTION
    score = np.full(len(readings), np.nan, np.float32)
    score[batch.place] = batch.score
    stored, corrected = int(kept.sum()), int(corrects.sum())
    return Output(
        rows=Scored(readings.take(kept), score[kept]),
        corrections=_corrections(arrivals, score, corrects) if corrected else Corrections.empty(),
        transitions=told,
        kpis=kpis,
        counts=Counts(
            received=len(fate),
            stored=stored,
            duplicate=len(fate) - stored - corrected,
            corrected=corrected,
        ),
        summary=summary,
    )


def _corrections(arrivals: _Arrivals, score: NDArray[np.float32], corrects: NDArray[np.bool_]) -> Corrections:
    words = Scored(arrivals.readings.take(corrects), score[corrects])
    return Corrections(words, arrivals.arrival_us[corrects])
