"""Key figures of a partition at a tick, each with its coverage: how many report of how many expected."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel
from contract.calendar import MINUTE_US
from contract.commit import KpiMinute
from contract.live import (
    STATE_ALERTED,
    STATE_CHRONIC,
    STATE_NORMAL,
    STATE_UNKNOWN,
    Hidden,
    Kpi,
    Summary,
    WardSums,
)
from contract.privacy import hidden_by, hidden_in
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import UNKNOWN_SLOT
from stream_processor.fold.state import NEVER_US, State
from stream_processor.fold.unrest.chronic import withheld_mask


class Figures(NamedTuple):
    """One number a metric of `fold.metrics`, each of shape (metrics,)."""

    expected: NDArray[np.int64]
    reporting: NDArray[np.int64]
    total: NDArray[np.float64]


def figures(fold: Fold, state: State, at_us: int) -> Figures:
    """Return the key figures at a tick.

    A series is expected unless its school is closed by itself; one that speaks of sessions, only
    from the start of the day's first session to midnight. It reports if something arrived within
    its metric's `stale_s`; one that speaks of sessions, if its value was measured today. Counters are
    not summed; see `Fold.metrics`.
    """
    expected = _expected(fold, at_us)
    return _figures(fold, state, expected, expected & _fresh(fold, state, at_us))


def _figures(fold: Fold, state: State, expected: NDArray[np.bool_], reporting: NDArray[np.bool_]) -> Figures:
    k, place = len(fold.metrics), fold.metric_place
    where = place[reporting]
    # Counters share the place after the last.
    return Figures(
        np.bincount(place[expected], minlength=k)[:k],
        np.bincount(where, minlength=k)[:k],
        np.bincount(where, state.value[reporting], minlength=k)[:k].astype(np.float64),
    )


def _expected(fold: Fold, at_us: int) -> NDArray[np.bool_]:
    plan, layout = fold.day_plan(fold.calendar.local_day(at_us)), fold.layout
    expected = ~plan.closed[layout.school]
    of_sessions = np.flatnonzero(layout.sessional)
    expected[of_sessions] &= (plan.first_session_us <= at_us)[layout.level[of_sessions]]
    return expected


def close_minute(fold: Fold, state: State, at_us: int) -> tuple[KpiMinute, ...]:
    """Return the figures of the minute that ended, if a new one began; writes the cursor of `state`."""
    minute, before = at_us // MINUTE_US, state.kpi_minute
    state.kpi_minute = max(minute, before)
    if before == 0 or minute <= before:
        return ()
    now = figures(fold, state, at_us)
    return tuple(
        KpiMinute(
            (minute - 1) * MINUTE_US,
            fold.layout.partition,
            metric_id,
            int(now.expected[i]),
            int(now.reporting[i]),
            float(now.total[i]),
        )
        for i, (metric_id, _) in enumerate(fold.metrics)
    )


def summarise(fold: Fold, state: State, at_us: int) -> Summary:
    """Return the whole partition at a tick; `seq` is 0, for the fold does not know its place in the log."""
    fresh = _fresh(fold, state, at_us)
    expected = _expected(fold, at_us)
    reporting = expected & fresh
    now = _figures(fold, state, expected, reporting)
    hidden = _hidden(fold, state, reporting)
    kpis = {
        name: Kpi(
            int(now.expected[i]), int(now.reporting[i]), float(now.total[i]), hidden.get(name, Hidden())
        )
        for i, (_, name) in enumerate(fold.metrics)
    }
    return Summary(
        fold.layout.partition,
        at_us,
        0,
        _states(fold, state, fresh),
        kpis,
        state.canary,
        _ward_sums(fold, state, at_us, expected, reporting),
    )


def _ward_sums(
    fold: Fold, state: State, at_us: int, expected: NDArray[np.bool_], reporting: NDArray[np.bool_]
) -> dict[str, WardSums]:
    wards = fold.layout.wards
    of_pupils = {metric.id for metric, _ in fold.slots_of_pupils}
    found = {}
    for metric, slots, ward in fold.slots_of_wards:
        due, is_told = expected[slots], reporting[slots]
        own, where = slots[is_told], ward[is_told]
        latest_us = np.zeros(wards, np.int64)
        np.maximum.at(latest_us, where, np.minimum(state.event_us[own], at_us))
        columns = [
            np.bincount(ward[due], minlength=wards),
            np.bincount(where, minlength=wards),
            np.bincount(where, state.value[own], minlength=wards),
            latest_us,
        ]
        if metric.id in of_pupils:
            people = np.rint(state.value[own]).astype(np.int64)
            columns += hidden_by(people, fold.layout.pupils[fold.layout.school[own]], metric, where, wards)
        found[metric.name] = WardSums(*(column.tolist() for column in columns))
    return found


def _hidden(fold: Fold, state: State, reporting: NDArray[np.bool_]) -> dict[str, Hidden]:
    """Return what of the sums over pupils single schools do not tell, by metric name."""
    found = {}
    for metric, slots in fold.slots_of_pupils:
        own = slots[reporting[slots]]
        people = np.rint(state.value[own]).astype(np.int64)
        found[metric.name] = hidden_in(people, fold.layout.pupils[fold.layout.school[own]], metric)
    return found


def _fresh(fold: Fold, state: State, at_us: int) -> NDArray[np.bool_]:
    plan = fold.day_plan(fold.calendar.local_day(at_us))
    recent = (state.news_us > at_us - fold.stale_us) & ~np.isnan(state.value)
    fresh = np.where(fold.layout.sessional, state.event_us >= plan.starts_us, recent)
    for claims in fold.claims:
        # What is refused for its time, late or said before is heard, but its value is not of now.
        # That a device is connected holds only while it is heard; that it is not, until it is heard.
        is_silent = state.is_open[Channel.SILENCE, claims.proof].any(axis=0)
        arrival_us = state.arrival_us[claims.proof]
        heard = (arrival_us > at_us - fold.stale_us[claims.proof]).any(axis=0)
        fresh[claims.slot] &= ~is_silent & (heard | (arrival_us == NEVER_US).all(axis=0))
        fresh[claims.slot] |= (state.value[claims.slot] == 0.0) & ~heard
    return fresh


def _states(fold: Fold, state: State, fresh: NDArray[np.bool_]) -> str:
    heartbeat = fold.layout.heartbeat_slot
    heard = (heartbeat != UNKNOWN_SLOT) & fresh[heartbeat] if len(state.value) else False
    letters = np.where(heard, ord(STATE_NORMAL), ord(STATE_UNKNOWN)) * np.ones(fold.layout.schools, np.uint8)
    is_told = state.is_open & ~withheld_mask(state) if state.withheld else state.is_open
    # Few are open: over one axis that is found at once.
    channel, slot = np.divmod(np.flatnonzero(is_told), is_told.shape[1])
    chronic = channel == Channel.CHRONIC
    letters[fold.layout.school[slot[chronic]]] = ord(STATE_CHRONIC)
    channel, slot = channel[~chronic], slot[~chronic]
    worst = np.full(fold.layout.schools, 9, np.uint8)
    np.minimum.at(worst, fold.layout.school[slot], state.priority[channel, slot])
    return (
        np.where(worst < 9, ord(STATE_ALERTED[0]) + worst - 1, letters)
        .astype(np.uint8)
        .tobytes()
        .decode("ascii")
    )
