"""Devices whose clocks are ahead, behind or set right: judged by arrival, told once, stored as claimed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest

from contract.alert import Ending, Transition, TransitionKind
from contract.commit import Counts
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.series import series_of
from stream_processor.fold.arrival.words import MOST_AHEAD, add_words
from stream_processor.fold.catch_up import catch_up
from stream_processor.fold.constants import Fold
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    RULES,
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
    every_s: int = 1,
) -> list[Entry]:
    """Return the readings and a tick every so many seconds, in order."""
    log: list[Entry] = []
    for second in range(until_s + 1):
        at_us = start_us + second * SECOND_US
        for s in (s for s in sent if s.at_s == second):
            rows = [
                (at_us + s.ahead_s * SECOND_US, series_named(school, s.metric), s.value) for school in schools
            ]
            log.append(entry(at_us, columns(rows)))
        if second % every_s == 0:
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


def slot_of(metric: str) -> int:
    return int(small_fold().layout.slots_of(np.array([series_named(1, metric)], np.int32))[0])


def every_10_s(until_s: int, ahead_s: int, value: float = 20.0, metric: str = "latency_ms") -> list[Sent]:
    return [Sent(at_s, ahead_s, value, metric) for at_s in range(0, until_s, 10)]


OPENED, RESOLVED = TransitionKind.OPENED, TransitionKind.RESOLVED


def test_one_reading_ahead_hides_nothing_that_comes_before_its_time() -> None:
    sent = [Sent(0, 240, 12.0), *(Sent(s, 0, 900.0) for s in range(10, 90, 10))]
    folded = fold_log(small_fold(), [log_of(sent, 90)])
    assert of_rule(folded.transitions, "latency_high") == [(OPENED, 10)]
    assert folded.state.value[slot_of("latency_ms")] == 900.0
    assert len(folded.rows.readings) == len(sent)
    assert [kind for kind, _ in of_rule(folded.transitions, "clock_wrong")] == [OPENED, RESOLVED]


def test_a_copy_of_a_reading_ahead_is_no_news_even_when_its_time_has_come() -> None:
    first, copy = Sent(0, 240, 900.0), Sent(240, 0, 900.0)
    folded = fold_log(small_fold(), [[entry] for entry in log_of([first, Sent(10, 0), copy], 250)])
    assert (folded.counts.stored, folded.counts.duplicate) == (2, 1)
    assert of_rule(folded.transitions, "latency_high") == []


@pytest.mark.parametrize("together", [False, True])
def test_a_copy_is_known_in_the_step_in_which_its_time_comes(*, together: bool) -> None:
    always = [Sent(s, 240, float(s)) for s in range(0, 300, 10)]
    first, *rest = log_of([*always, Sent(290, -50, 0.0)], 300)
    folded = fold_log(small_fold(), [[first], rest] if together else [[entry] for entry in [first, *rest]])
    assert (folded.counts.stored, folded.counts.duplicate) == (30, 1)


def test_a_correction_ahead_of_the_log_is_one() -> None:
    """The alert of a wrong word ends, a copy of it undoes nothing, and every word is on record."""
    claims_us = MONDAY_9H_US + 240 * SECOND_US
    words = [(0, 0.0), (1, 1.0), (2, 0.0)]
    log = log_of([Sent(at_s, 240 - at_s, value, "online") for at_s, value in words], 20)
    for cutting in ([log], [[entry] for entry in log]):
        folded = fold_log(small_fold(), cutting)
        assert folded.table == {(series_named(1, "online"), claims_us): [0.0, 1.0]}
        assert folded.counts == Counts(3, stored=1, duplicate=1, corrected=1)
        assert of_rule(folded.transitions, "wan_down") == [(OPENED, 0), (RESOLVED, 0)]
        assert [t.reason for t in folded.transitions if t.kind is RESOLVED] == [Ending.CORRECTED]


def test_a_correction_of_what_waits_behind_a_newer_reading_is_kept_and_not_judged() -> None:
    sent = [Sent(0, 240, 1.0, "online"), Sent(10, 0, 1.0, "online"), Sent(11, 229, 0.0, "online")]
    folded = fold_log(small_fold(), [log_of(sent, 20)])
    assert folded.table[series_named(1, "online"), MONDAY_9H_US + 240 * SECOND_US] == [1.0, 0.0]
    assert of_rule(folded.transitions, "wan_down") == []
    assert folded.state.value[slot_of("online")] == 1.0


def test_the_word_at_the_mark_is_known_while_the_newest_value_is_of_another_time() -> None:
    """A copy of the reading at the mark stays one, and the value ahead of it is no word about it."""
    sent = [Sent(0, 0, 20.0), Sent(10, 240, 30.0), Sent(11, -11, 20.0), Sent(12, -12, 30.0)]
    log = log_of(sent, 20)
    for cutting in ([log], [[entry] for entry in log]):
        folded = fold_log(small_fold(), cutting)
        assert folded.table[series_named(1, "latency_ms"), MONDAY_9H_US] == [20.0, 30.0]
        assert folded.counts == Counts(4, stored=2, duplicate=1, corrected=1)
        assert folded.state.value[slot_of("latency_ms")] == 30.0


def test_a_state_that_is_caught_up_knows_what_waits() -> None:
    """The tables give it back, corrected meanwhile; it is no arrival, and its words are said."""
    fold, series = small_fold(), series_named(1, "online")
    log = log_of([Sent(0, 0, 1.0, "online"), Sent(1, 240, 0.0, "online")], 1)
    state = fold_log(fold, [log]).state
    stored = [(MONDAY_9H_US, series, 1.0), (MONDAY_9H_US + 241 * SECOND_US, series, 0.5)]
    corrected = [(series, MONDAY_9H_US + 241 * SECOND_US, 0.0)]
    later_us = MONDAY_9H_US + 5 * SECOND_US
    after = catch_up(fold, state, columns(stored), [], later_us)
    add_words(fold.layout, after, corrected)
    assert after.value[slot_of("online")] == 0.5
    again = [*stored, *((time_us, s, value) for s, time_us, value in corrected)]
    folded = fold_log(fold, [[ReadingsEntry(later_us, columns(again))]], after)
    assert folded.counts == Counts(3, duplicate=3)


def test_what_waits_is_bounded() -> None:
    rows = [(MONDAY_9H_US + 40 * SECOND_US + k, series_named(1, "latency_ms"), 20.0) for k in range(1_500)]
    log: list[Entry] = [
        ReadingsEntry(MONDAY_9H_US, columns(rows)),
        ReadingsEntry(MONDAY_9H_US, columns(rows)),
    ]
    for cutting in ([log], [[entry] for entry in log]):
        folded = fold_log(small_fold(), cutting)
        assert (folded.counts.stored, folded.counts.duplicate) == (1_500, 1_500)
        assert len(folded.state.said[slot_of("latency_ms")].words) == MOST_AHEAD + 1


def test_what_waited_is_forgotten_once_the_clock_is_right() -> None:
    sent = [*every_10_s(60, 100), *(Sent(s, 0) for s in range(60, 200, 10))]
    assert fold_log(small_fold(), [log_of(sent, 200)]).state.said == {}


def test_a_clock_that_is_set_back_in_part_hides_nothing() -> None:
    sent = [*every_10_s(60, 240), *(Sent(s, 100, 900.0) for s in range(60, 100, 10))]
    assert told(log_of(sent, 100), "latency_high") == [(OPENED, 60)]


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


def every_10_min(sent: Sequence[tuple[int, int]]) -> list[Sent]:
    """Return what comes in which minute, measured in which."""
    return [Sent(60 * at, 60 * (of - at), float(of), "down_bps") for at, of in sent]


def seldom_fold() -> Fold:
    """Return a fold for gateways that send every ten minutes."""
    return small_fold(rules=RULES.replace("silent_s = 45.0", "silent_s = 2700.0"))


@pytest.mark.parametrize(("silent_min", "opened"), [(120, []), (20, [50])])
def test_what_a_look_saw_before_a_silence_says_nothing_after_it(silent_min: int, opened: list[int]) -> None:
    """A copy as the line is cut, the end of what waited when it is back, and one pack that is late."""
    back = 20 + silent_min
    sent = [(0, 0), (10, 10), (20, 10), (back, back - 10), (back + 10, back), (back + 20, back + 20)]
    log = log_of(every_10_min(sent), 60 * (back + 30), every_s=30)
    clock = [t for t in fold_log(seldom_fold(), [log]).transitions if t.rule == "clock_wrong"]
    assert [t.detected_at_us for t in clock if t.kind is OPENED] == [_after(60 * m) for m in opened]


def test_packs_that_come_after_the_next_one_are_no_clock_that_is_behind() -> None:
    """Every ten minutes one: a copy, then one that is late, and the one after it lost; then as usual."""
    sent = [(0, 0), (10, 0), (20, 10), (30, 30), (40, 40), (50, 50)]
    right, fold = every_10_min(sent), seldom_fold()
    assert of_rule(fold_log(fold, [log_of(right, 3100, every_s=30)]).transitions, "clock_wrong") == []
    # Behind by what is told anew, three looks tell it; by so much that it goes back before that, two.
    for behind_s, first in ((600, 80), (1500, 70)):
        behind = [Sent(60 * at, -behind_s, float(at), "down_bps") for at in (60, 70, 80)]
        opened = fold_log(fold, [log_of([*right, *behind], 4900, every_s=30)]).transitions
        clock = [t for t in opened if t.rule == "clock_wrong"]
        assert [(t.kind, t.detected_at_us) for t in clock] == [(OPENED, _after(60 * first))]


@pytest.mark.parametrize("entry", [ReadingsEntry, MistimedEntry])
@pytest.mark.parametrize("lived_s", [0, 60])
def test_a_clock_that_stands_still_is_told_until_it_goes_on(
    entry: Callable[..., Entry], lived_s: int
) -> None:
    """As one without a battery, or a gateway that keeps the time of its first message."""
    late_s = 0 if lived_s else 7_200
    stood = [Sent(s - lived_s, lived_s - s - late_s, float(s), "down_bps") for s in range(lived_s, 900, 10)]
    log = [
        *log_of(every_10_s(lived_s, 0, metric="down_bps"), lived_s - 1),
        *log_of(stood, 839, _after(lived_s), entry),
        *log_of(every_10_s(120, 0, metric="down_bps"), 120, _after(lived_s + 840)),
    ]
    transitions = fold_log(small_fold(), [log]).transitions
    clock = [t for t in transitions if t.rule == "clock_wrong"]
    assert [t.kind for t in clock] == [OPENED, RESOLVED]
    assert clock[0].detected_at_us <= _after(240)
    assert of_rule(transitions, "gateway_silent") == []


def _after(seconds: int) -> int:
    return MONDAY_9H_US + seconds * SECOND_US


@pytest.mark.parametrize("every_s", [1, 5, 9])
def test_a_backlog_from_its_newest_end_is_no_clock_that_stands_still(every_s: int) -> None:
    sent = [*every_10_s(60, 0), *(Sent(600 + every_s * k, -60 - (10 + every_s) * k) for k in range(60))]
    assert told(log_of(sent, sent[-1].at_s), "clock_wrong") == []


def backlog(lost_s: int, speed: float, until_s: int = 10_000) -> list[Sent]:
    """Return what a gateway sends that lost its line after a minute and has it back after `lost_s`.

    In order and `speed` times as fast as it was measured, until it has caught up or `until_s`; then live.
    """
    sent = every_10_s(60, 0)
    for measured_s in range(60, 10_000, 10):
        at_s = max(measured_s, int(lost_s + (measured_s - 60) / speed))
        if at_s >= until_s or measured_s >= lost_s + lost_s / (speed - 1) + 60:
            break
        sent.append(Sent(at_s, measured_s - at_s, 900.0 if measured_s < 660 else 20.0))
    return sent


@pytest.mark.parametrize("speed", [2, 5, 60])
def test_a_backlog_is_no_wrong_clock_and_judged_by_its_own_times(speed: float) -> None:
    sent = backlog(1_800, speed)
    assert sent[-1].ahead_s == 0, "it has caught up"
    folded = fold_log(small_fold(), [log_of(sent, sent[-1].at_s, every_s=5)])
    assert of_rule(folded.transitions, "clock_wrong") == []
    assert of_rule(folded.transitions, "latency_high") == [(OPENED, 60), (RESOLVED, 60)]
    assert folded.counts == Counts(len(sent), len(sent))


@pytest.mark.parametrize("cut_s", range(1_791, 1_830, 3))
def test_a_backlog_that_is_cut_off_is_no_wrong_clock(cut_s: int) -> None:
    """However little of it came since a look."""
    sent = backlog(1_760, 3, cut_s)
    assert told(log_of(sent, 1_860, every_s=5), "clock_wrong") == []


def test_a_backlog_that_is_too_old_is_no_wrong_clock() -> None:
    """Ingest refuses what it no longer takes, and the fold hears of it."""
    log = log_of(backlog(1_800, 5), 2_300, every_s=5)
    heard = [
        MistimedEntry(e.at_us, e.readings)
        if isinstance(e, ReadingsEntry) and e.readings.time_us[0] < e.at_us - 900 * SECOND_US
        else e
        for e in log
    ]
    assert sum(isinstance(e, MistimedEntry) for e in heard) > 50
    assert told(heard, "clock_wrong") == []


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
