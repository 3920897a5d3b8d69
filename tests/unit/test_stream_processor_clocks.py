"""Devices whose clocks are ahead, behind or set right: judged by arrival, told once, stored as claimed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest

from contract.alert import Transition, TransitionKind
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.series import series_of
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    columns,
    fold_log,
    series_named,
    small_fleet,
    small_fold,
)

HOUR_US = 3600 * SECOND_US
EVENING_US = MONDAY_9H_US + 12 * HOUR_US
"""21:00, when no school is in session; seven hours earlier all are."""


class Sent(NamedTuple):
    """One arrival of one reading of the first school's gateway."""

    at_s: int
    ahead_s: int
    value: float = 20.0
    metric: str = "latency_ms"


def log_of(
    sent: Sequence[Sent],
    until_s: int,
    start_us: int = MONDAY_9H_US,
    entry: Callable[..., Entry] = ReadingsEntry,
    schools: Sequence[int] = (1,),
) -> list[Entry]:
    """Return the readings and a tick a second, in order."""
    log: list[Entry] = []
    for second in range(until_s + 1):
        at_us = start_us + second * SECOND_US
        for s in (s for s in sent if s.at_s == second):
            rows = [
                (at_us + s.ahead_s * SECOND_US, series_named(school, s.metric), s.value) for school in schools
            ]
            log.append(entry(at_us, columns(rows)))
        log.append(TickEntry(at_us))
    return log


def of_rule(transitions: Sequence[Transition], rule: str) -> list[tuple[TransitionKind, int]]:
    return [
        (t.kind, (t.opened_at_us - MONDAY_9H_US) // SECOND_US)
        for t in transitions
        if t.rule == rule and t.series >> 8 == 1
    ]


def told(log: Sequence[Entry], rule: str) -> list[tuple[TransitionKind, int]]:
    return of_rule(fold_log(small_fold(), [log]).transitions, rule)


def every_10_s(until_s: int, ahead_s: int, value: float = 20.0, metric: str = "latency_ms") -> list[Sent]:
    return [Sent(at_s, ahead_s, value, metric) for at_s in range(0, until_s, 10)]


OPENED, RESOLVED = TransitionKind.OPENED, TransitionKind.RESOLVED


def test_one_reading_ahead_hides_nothing_that_comes_before_its_time() -> None:
    sent = [Sent(0, 240, 12.0), *(Sent(s, 0, 900.0) for s in range(10, 90, 10))]
    folded = fold_log(small_fold(), [log_of(sent, 90)])
    assert of_rule(folded.transitions, "latency_high") == [(OPENED, 10)]
    slot = small_fold().layout.slots_of(np.array([series_named(1, "latency_ms")], np.int32))[0]
    assert folded.state.value[slot] == 900.0
    assert len(folded.rows.readings) == len(sent)


def test_a_copy_of_a_reading_ahead_is_no_news_even_when_its_time_has_come() -> None:
    first, copy = Sent(0, 240, 900.0), Sent(240, 0, 900.0)
    folded = fold_log(small_fold(), [[entry] for entry in log_of([first, Sent(10, 0), copy], 250)])
    assert (folded.counts.stored, folded.counts.duplicate) == (2, 1)
    assert of_rule(folded.transitions, "latency_high") == []


def test_a_clock_that_is_set_back_is_judged_at_once() -> None:
    sent = [*every_10_s(300, 240), *(Sent(s, 3, 900.0) for s in range(300, 400, 10))]
    log = log_of(sent, 460)
    assert told(log, "latency_high") == [(OPENED, 303)]
    assert [kind for kind, _ in told(log, "clock_wrong")] == [OPENED, RESOLVED]


def test_local_time_sent_as_utc_is_told_once_and_judged_by_arrival() -> None:
    log = log_of(every_10_s(60, -25_200, 900.0), 120, EVENING_US)
    transitions = fold_log(small_fold(), [log]).transitions
    evening_s = (EVENING_US - MONDAY_9H_US) // SECOND_US
    assert of_rule(transitions, "latency_high") == [(OPENED, evening_s)]
    (high,) = [t for t in transitions if t.rule == "latency_high"]
    assert high.priority == 3, "at 14:00, which it claims, its school is in session"
    (clock,) = [t for t in transitions if t.rule == "clock_wrong"]
    assert (clock.kind, clock.value, clock.series) == (OPENED, -25_200.0, series_named(1, "down_bps"))


def test_stored_times_stay_as_claimed() -> None:
    log = log_of(every_10_s(60, -25_200), 60)
    rows = fold_log(small_fold(), [log]).rows
    claimed_us = MONDAY_9H_US + (np.arange(0, 60, 10) - 25_200) * SECOND_US
    assert rows.readings.time_us.tolist() == claimed_us.tolist()


@pytest.mark.parametrize("ahead_s", [900, -400_000])
def test_who_is_refused_for_its_time_is_never_silent_and_told_of(ahead_s: int) -> None:
    heard = log_of(every_10_s(20, 0, 5e7, "down_bps"), 19)
    start_us = MONDAY_9H_US + 20 * SECOND_US
    refused = log_of(every_10_s(120, ahead_s, 5e7, "down_bps"), 120, start_us, MistimedEntry)
    folded = fold_log(small_fold(), [heard + refused])
    assert of_rule(folded.transitions, "gateway_silent") == []
    assert [kind for kind, _ in of_rule(folded.transitions, "clock_wrong")] == [OPENED]
    assert len(folded.rows.readings) == 2


def test_a_silence_ends_with_a_reading_that_is_refused_for_its_time() -> None:
    log = log_of([Sent(60, 900, 5e7, "down_bps")], 70, entry=MistimedEntry)
    assert [kind for kind, _ in told(log, "gateway_silent")] == [OPENED, RESOLVED]


def test_a_backlog_is_no_wrong_clock_and_judged_by_its_own_times() -> None:
    """Two hours that a device kept through an outage arrive within 40 s, the newest last."""
    live = every_10_s(60, 0)
    kept = [
        Sent(7_260 + k // 18, 60 + 10 * k - 7_260 - k // 18, 900.0 if k < 60 else 20.0) for k in range(720)
    ]
    log = log_of([*live, *kept, *(Sent(s, 0) for s in range(7_310, 7_400, 10))], 7_400)
    assert told(log, "clock_wrong") == []
    assert told(log, "latency_high") == [(OPENED, 60), (RESOLVED, 60)]


def test_where_most_clocks_are_off_it_is_our_own() -> None:
    schools = [1, 2, 3, 4, 5, 6]
    log = log_of(every_10_s(120, -3_600), 120, schools=schools)
    transitions = fold_log(small_fold(schools=6), [log]).transitions
    assert [t for t in transitions if t.rule == "clock_wrong"] == []


def test_devices_without_a_clock_rule_go_by_their_own_times() -> None:
    fold = small_fold()
    register = fold.layout.slots_of(np.array([series_named(1, "attendance_ratio")], np.int32))[0]
    assert fold.clock_slots[register] == -1
    gateways = {d.id for d in small_fleet().devices if d.code == "gw-1"}
    metric_id = CATALOGUE.named("down_bps").id
    carried = {series_of(device, metric_id) for device in gateways}
    assert set(fold.layout.series[fold.clock_carriers].tolist()) == carried
    log = log_of([Sent(10, -3_600, 0.9, "attendance_ratio")], 10)
    assert fold_log(fold, [log]).state.event_us[register] == MONDAY_9H_US - 3_590 * SECOND_US
