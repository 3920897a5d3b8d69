"""A school that is emptier all day than its register says: a register copied from another day."""

from collections.abc import Mapping
from datetime import date, time

import numpy as np
import pytest

from contract.alert import Transition, TransitionKind
from contract.calendar import parse_calendar
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.rule import JOINT_METRICS, parse_rules
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.joint import LEAST_LOOKS
from stream_processor.fold.newcomers import LEAST_KIN
from stream_processor.fold.snapshot import decode, encode
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    assert_same,
    assert_same_state,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
    small_fold,
    split_entries,
)
from tests.unit.test_stream_processor_joint import LEVEL, MINUTE_US, NOISE, RULE

SCHOOLS = 12
ODD = 7
EMPTY = {"down_bps": 0.3, "active_users": 0.3}
DAY_US = 24 * 60 * MINUTE_US


def fold_of(z_day: str = "z_day = 3.75", schools: int = SCHOOLS) -> Fold:
    """Return a fold of one joint rule; of so few schools its other look says nothing."""
    return small_fold(rules=f"{RULE}\n{z_day}\n", schools=schools)


def moment(minute: int, odd: Mapping[str, float], others: Mapping[str, float], schools: int) -> list[Entry]:
    """Return what schools measure at a minute after nine, times a factor by metric, and the tick after it."""
    rng = np.random.default_rng(1000 + minute)
    at_us = MONDAY_9H_US + minute * MINUTE_US
    rows = []
    for school in range(1, schools + 1):
        factor = odd if school == ODD else others
        for metric in JOINT_METRICS:
            value = LEVEL[metric] * float(rng.normal(1, NOISE[metric])) * factor.get(metric, 1.0)
            rows.append((at_us, series_named(school, metric), value))
    return [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us + SECOND_US)]


def morning(
    odd: Mapping[str, float], others: Mapping[str, float] | None = None, schools: int = SCHOOLS
) -> list[Entry]:
    """Return half an hour as usual, a reading a minute, and two hours in which `ODD` is another."""
    log = [e for minute in range(-45, -9) for e in moment(minute, {}, {}, schools)]
    for minute in range(0, 120, 10):
        log += moment(minute, odd, others or {}, schools)
    return log


def told(log: list[Entry], fold: Fold | None = None) -> list[Transition]:
    """Return what the rule opens."""
    found = fold_log(fold or fold_of(), [log]).transitions
    return [t for t in found if t.kind is TransitionKind.OPENED]


def test_a_full_register_in_an_empty_school_is_told_within_the_morning() -> None:
    (opened,) = told(morning(EMPTY))
    assert opened.series == series_named(ODD, "down_bps")
    assert LEAST_LOOKS * 5 < (opened.at_us - MONDAY_9H_US) / MINUTE_US < 110
    assert told(morning(EMPTY), fold_of("")) == []


@pytest.mark.parametrize("metric", EMPTY)
def test_what_empties_one_of_the_two_alone_is_a_line_or_a_platform(metric: str) -> None:
    assert told(morning({metric: 0.05})) == []


def test_a_school_that_says_itself_how_empty_it_is_agrees() -> None:
    assert told(morning({**EMPTY, "attendance_ratio": 0.3})) == []


def test_a_register_that_is_fuller_than_usual_proves_nothing() -> None:
    lower = dict.fromkeys(EMPTY, 0.65)
    assert told(morning(lower)) == told(morning({**lower, "attendance_ratio": 1.06})) == []


def test_what_all_schools_share_is_nobodys() -> None:
    assert told(morning(EMPTY, EMPTY)) == []


def test_fewer_schools_than_a_kin_say_nothing() -> None:
    assert told(morning(EMPTY, schools=LEAST_KIN - 1), fold_of(schools=LEAST_KIN - 1)) == []
    assert told(morning(EMPTY, schools=LEAST_KIN), fold_of(schools=LEAST_KIN)) != []


def test_a_day_begins_anew() -> None:
    fold = fold_of()
    evening = fold_log(fold, [morning(EMPTY)]).state
    assert evening.looks.max() > LEAST_LOOKS
    assert evening.emptier.min() < -LEAST_LOOKS
    at_us = MONDAY_9H_US + DAY_US
    next_day = fold_log(fold, [[TickEntry(at_us)]], evening).state
    assert not next_day.looks.any()
    assert not next_day.emptier.any()


def test_a_day_begins_anew_where_zones_are_a_quarter_of_an_hour_apart() -> None:
    text = packaged("calendar.toml").replace("Asia/Ho_Chi_Minh", "Asia/Kathmandu")
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    fold = build_fold(small_fleet(), CATALOGUE, parse_calendar(text), rules, 0, 1)
    midnight_us = fold.calendar.moment_us(date(2026, 11, 24), time(0))
    state = fold.initial_state()
    state.tick_us, state.looks[:] = midnight_us - SECOND_US, 9
    ticks = [TickEntry(midnight_us + i * SECOND_US) for i in range(15 * 60)]
    assert not fold_log(fold, [ticks], state).state.looks.any()


def test_any_cutting_redelivery_and_a_restart_give_the_same() -> None:
    fold, log = fold_of(), morning(EMPTY)
    whole = fold_log(fold, [log])
    assert_same(whole, fold_log(fold, [[entry] for entry in split_entries(log)]))
    again = [e for entry in log for e in ([entry] * 2 if isinstance(entry, ReadingsEntry) else [entry])]
    more = fold_log(fold, [again])
    assert_same(whole._replace(counts=more.counts), more)
    half = fold_log(fold, [log[:88]]).state
    assert half.looks.any()
    restored = decode(fold, encode(fold, half))
    assert_same_state(restored, half)
    assert_same_state(fold_log(fold, [log[88:]], restored).state, whole.state)
