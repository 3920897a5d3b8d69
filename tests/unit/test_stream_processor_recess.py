"""A recess ends what only school days could end, and the first morning after a summer is one as any other."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from contract.alert import Channel, Ending, TransitionKind
from contract.entry import TickEntry
from contract.fleet import LEVELS, Level
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import State
from tests.fold_world import CALENDAR, fold_log, series_named
from tests.unit.test_stream_processor_bells import PRIMARY, SCHOOLS, all_send, known, told
from tests.unit.test_stream_processor_habits import MONDAY, NONE, habit_fold

TET_EVE = date(2027, 1, 29)
"""A Friday; for primary schools 30 January to 14 February are without school."""
FRIDAY = date(2026, 10, 9)


def over_midnight(day: date) -> list[TickEntry]:
    midnight = datetime.combine(day + timedelta(days=1), time.min, CALENDAR.timezone)
    return [TickEntry(round(midnight.timestamp()) * 1_000_000 + s * 1_000_000) for s in (-30, 0, 30)]


def slot_of(fold: Fold, metric: str) -> int:
    return int(fold.layout.slots_of(np.array([series_named(1, metric)], np.int32))[0])


def with_open_alerts(fold: Fold, day: date) -> State:
    """Return a city in which on a day's afternoon something was told on most channels."""
    state = fold.initial_state()
    since_us = CALENDAR.moment_us(day, time(14))
    for channel, metric in (
        (Channel.ANOMALY, "attendance_ratio"),
        (Channel.SILENCE, "attendance_ratio"),
        (Channel.ANOMALY, "latency_ms"),
        (Channel.THRESHOLD, "online"),
        (Channel.SILENCE, "down_bps"),
    ):
        state.is_open[channel, slot_of(fold, metric)] = True
        state.since_us[channel, slot_of(fold, metric)] = since_us
    return state


def test_registers_and_what_is_judged_by_the_past_end_when_a_recess_begins_and_lines_do_not() -> None:
    fold = habit_fold()
    folded = fold_log(fold, [over_midnight(TET_EVE)], with_open_alerts(fold, TET_EVE))
    ended = [t for t in folded.transitions if t.reason == Ending.RECESS]
    assert sorted(t.rule for t in ended) == ["attendance_low", "latency_unusual", "register_missing"]
    midnight_us = CALENDAR.moment_us(TET_EVE + timedelta(days=1), time.min)
    assert {(t.kind, t.at_us) for t in ended} == {(TransitionKind.RESOLVED, midnight_us)}
    assert folded.state.is_open[Channel.THRESHOLD, slot_of(fold, "online")]
    assert folded.state.is_open[Channel.SILENCE, slot_of(fold, "down_bps")]


def test_a_last_afternoon_that_nobody_began_is_not_told_all_through_the_recess() -> None:
    fold = habit_fold(SCHOOLS)
    state = known(fold)
    state.not_begun[PRIMARY], state.off_calendar_us = True, CALENDAR.moment_us(TET_EVE, time(14))
    folded = fold_log(fold, [over_midnight(TET_EVE)], state)
    assert [(rule, kind) for rule, kind, _ in told(folded.transitions)] == [
        ("off_calendar", TransitionKind.RESOLVED)
    ]


def test_a_weekend_ends_nothing() -> None:
    fold = habit_fold()
    folded = fold_log(fold, [over_midnight(FRIDAY)], with_open_alerts(fold, FRIDAY))
    assert not [t for t in folded.transitions if t.reason == Ending.RECESS]
    assert folded.state.is_open[Channel.ANOMALY, slot_of(fold, "attendance_ratio")]


@pytest.mark.parametrize(
    ("level", "day", "is_recess"),
    [
        (Level.PRIMARY, date(2027, 1, 29), False),
        (Level.PRIMARY, date(2027, 1, 30), True),
        (Level.LOWER_SECONDARY, date(2027, 1, 30), False),
        (Level.LOWER_SECONDARY, date(2027, 1, 31), True),
        (Level.PRIMARY, date(2027, 2, 14), True),
        (Level.PRIMARY, date(2027, 2, 15), False),
        (Level.PRIMARY, date(2026, 10, 10), False),
        (Level.PRIMARY, date(2026, 7, 1), True),
    ],
)
def test_a_recess_is_four_days_without_school_of_a_level(level: Level, day: date, is_recess: bool) -> None:
    assert CALENDAR.is_recess(LEVELS.index(level), day) is is_recess


def test_on_the_first_morning_after_a_summer_the_schools_of_before_it_are_waited_for() -> None:
    fold = habit_fold(SCHOOLS)
    state = known(fold)
    state.event_us[fold.bell_slots[PRIMARY]] = CALENDAR.moment_us(date(2026, 5, 29), time(8))
    state.begun_us[PRIMARY] = CALENDAR.moment_us(date(2026, 5, 29), time(7, 15))
    folded = fold_log(fold, [all_send(MONDAY, NONE)], state)
    assert told(folded.transitions) == [("off_calendar", TransitionKind.OPENED, "12 07:55:00")]
