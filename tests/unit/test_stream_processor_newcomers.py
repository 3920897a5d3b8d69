"""Cold start by similar schools, and a lasting change that becomes the new level."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from anomaly.ew import ExponentiallyWeighted
from contract.alert import Transition
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.newcomers import LEAST_KIN, group_medians
from stream_processor.fold.rulebook import compile_rules
from stream_processor.fold.snapshot import decode, encode
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SCHOOL_RULES,
    SECOND_US,
    assert_same,
    assert_same_state,
    columns,
    fold_log,
    series_named,
    small_fleet,
    split_entries,
)

OLD = 12
"""Schools that have sent long enough."""
DIFFERENT, CUT = OLD + 1, OLD + 2
"""Newcomers: one that is only different, and one whose line carries nothing."""
HOUR_S = 3600
DAY_S = 24 * HOUR_S
A_PUPIL = 2e5


def a_fold(mature_readings: int = 60, text: str = SCHOOL_RULES, **changes: float) -> Fold:
    for name, value in changes.items():
        text = text.replace('channel = "anomaly"', f'channel = "anomaly"\n{name} = {value}')
    rules = compile_rules(parse_rules(text, CATALOGUE), CATALOGUE)
    detector = ExponentiallyWeighted(mature_readings=mature_readings, mature_s=0.0)
    return Fold(lay_out(small_fleet(OLD + 2), CATALOGUE, 0, 1), rules, CATALOGUE, CALENDAR, detector)


def usual(school: int, second: int) -> float:
    """Return the traffic of a school, which has 100 pupils times its number and is a little unlike others."""
    noise = 1.03 if second // 10 % 2 else 0.97
    apart = np.random.default_rng(school).normal(0.0, 0.2)
    return float(A_PUPIL * 100 * school * np.exp(apart) * noise)


def traffic(second: int, values: Sequence[tuple[int, float]]) -> list[Entry]:
    at_us = MONDAY_9H_US + second * SECOND_US
    rows = [(at_us, series_named(school, "down_bps"), value) for school, value in values]
    return [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us)]


def a_morning(old: int = OLD, apart: float = 1.8) -> list[Entry]:
    """A quarter of an hour of old schools; then two more, one with more traffic a pupil, one with none."""
    log: list[Entry] = []
    for second in range(HOUR_S - 900, HOUR_S + 300, 10):
        values = [(school, usual(school, second)) for school in range(1, old + 1)]
        if second >= HOUR_S + 10:
            more = A_PUPIL * 100 * DIFFERENT * apart**0.5
            values += [(DIFFERENT, more + second), (CUT, 0.0)]
        log += traffic(second, values)
    return log


def openings(transitions: Sequence[Transition], rule: str = "traffic_unusual") -> list[int]:
    return [t.school_id for t in transitions if t.rule == rule and t.kind == "opened"]


def test_a_newcomer_whose_line_carries_nothing_is_told_at_once_and_one_that_differs_is_not() -> None:
    folded = fold_log(a_fold(), [a_morning()])
    assert openings(folded.transitions) == [CUT]
    first = next(t for t in folded.transitions if t.school_id == CUT and t.rule == "traffic_unusual")
    assert first.at_us == MONDAY_9H_US + (HOUR_S + 10) * SECOND_US
    assert first.expected_low is not None
    assert 0.0 < first.expected_low < A_PUPIL * 100 * CUT


def test_too_few_similar_schools_say_nothing() -> None:
    folded = fold_log(a_fold(), [a_morning(old=LEAST_KIN - 1)])
    assert openings(folded.transitions) == []


def test_an_unknown_newcomer_stays_unknown_until_schools_were_compared() -> None:
    log = a_morning()
    before = [e for e in log if e.at_us < MONDAY_9H_US + HOUR_S * SECOND_US]
    late = traffic(HOUR_S - 1, [(CUT, 0.0)])
    assert openings(fold_log(a_fold(), [[*before, *late]]).transitions) == []


def test_batches_and_snapshots_change_nothing_of_it() -> None:
    fold, log = a_fold(), a_morning()
    whole = fold_log(fold, [log])
    parted = fold_log(fold, [split_entries(log[:100]), *([entry] for entry in log[100:])])
    assert_same(whole, parted)
    half = fold_log(fold, [log[:182]])
    again = decode(fold, encode(fold, half.state))
    assert_same_state(again, half.state)
    rest = fold_log(fold, [log[182:]], again)
    assert openings(rest.transitions) == [CUT]


def test_what_similar_schools_are_like_is_told_a_pupil() -> None:
    fold = a_fold()
    state = fold_log(fold, [a_morning()]).state
    slot = int(fold.layout.slots_of(np.array([series_named(1, "down_bps")], np.int32))[0])
    level, between, within = state.kin[:, fold.kin_of_cells[slot + len(fold.layout)]]
    assert np.exp(level) == pytest.approx(A_PUPIL, rel=0.2)
    assert between == pytest.approx(0.2, rel=0.6)
    # ew tells a mean absolute deviation in units of a normal deviation.
    assert within == pytest.approx(0.03, rel=0.5)


def test_medians_of_groups() -> None:
    group = np.array([2, 0, 2, 0, 2, 0, 0])
    value = np.array([5.0, 1.0, 7.0, 3.0, 6.0, 2.0, 10.0])
    np.testing.assert_array_equal(group_medians(group, value, 4), [2.5, np.nan, 6.0, np.nan])


def a_lasting_change(days: int) -> list[Entry]:
    """One school's traffic, each five minutes of a morning, that doubles for good on the third day."""
    log: list[Entry] = []
    # From Monday on, from 9:00 to 10:30.
    for day in range(days):
        for minute in range(0, 95, 5):
            second = day * DAY_S + 60 * minute
            level = 2.0 if day >= 2 else 1.0
            log += traffic(second, [(1, level * usual(1, second))])
    return log


def test_a_change_that_stays_is_learnt_and_said() -> None:
    fold = a_fold(mature_readings=5, new_level_after_s=2.0 * DAY_S)
    told = [t for t in fold_log(fold, [a_lasting_change(7)]).transitions if t.rule == "traffic_unusual"]
    assert [(t.kind.value, t.reason) for t in told] == [("opened", ""), ("resolved", "new_level")]
    assert told[1].at_us - told[0].at_us >= 2 * DAY_S * SECOND_US


def test_a_rule_may_never_take_a_change_for_a_new_level() -> None:
    fold = a_fold(mature_readings=5, new_level_after_s=0.0)
    told = [t for t in fold_log(fold, [a_lasting_change(7)]).transitions if t.rule == "traffic_unusual"]
    assert {t.reason for t in told} == {""}


def test_a_fault_that_ends_before_resolves_without_a_reason() -> None:
    fold = a_fold(mature_readings=5, new_level_after_s=2.0 * DAY_S)
    log = a_lasting_change(3)
    log += [e for m in range(0, 60, 5) for e in traffic(3 * DAY_S + 60 * m, [(1, usual(1, 60 * m))])]
    told = [t for t in fold_log(fold, [log]).transitions if t.rule == "traffic_unusual"]
    assert [(t.kind.value, t.reason) for t in told] == [("opened", ""), ("resolved", "")]
    assert all(a.at_us <= b.at_us for a, b in pairwise(told))
