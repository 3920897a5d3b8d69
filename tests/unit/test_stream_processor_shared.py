"""What schools share on a day is taken out before one of them is judged, and a shared drop is news."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import numpy as np
import pytest

from anomaly.absence import attended_at
from contract.alert import Ending, TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.newcomers import LEAST_KIN
from stream_processor.fold.shared import LEARNT, MANY_DAYS
from stream_processor.fold.state import State
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    SECOND_US,
    assert_same,
    columns,
    fold_log,
    packaged,
    series_named,
    slots_of,
    small_fleet,
    split_entries,
)

SCHOOLS = 12
USUAL = 0.93
MONDAY = 12


@lru_cache
def shared_fold(schools: int = SCHOOLS) -> Fold:
    """Return a fold of the packaged rules."""
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    return build_fold(small_fleet(schools), CATALOGUE, CALENDAR, rules, 0, 1)


def registers(value: Mapping[int, float], at: str, day: int = MONDAY) -> list[Entry]:
    """Return the registers of some schools at a local time of October 2026, and the tick after them."""
    moment = datetime(2026, 10, day, int(at[:2]), int(at[3:]), tzinfo=CALENDAR.timezone)
    at_us = round(moment.timestamp()) * SECOND_US
    rows = [(at_us, series_named(school, "attendance_ratio"), v) for school, v in value.items()]
    return [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us + 59 * SECOND_US)]


def settled(fold: Fold) -> State:
    """Return a state in which every school expects the usual, give or take a point."""
    state, cell = fold.initial_state(), slots_of(fold) + len(fold.layout)
    memory = state.detector
    memory["mean"][cell], memory["spread"][cell] = USUAL, 0.008
    memory["readings"][cell], memory["observed_s"][cell], memory["weight_s"][cell] = 100, 1e5, 1e5
    memory["learnt_us"][cell] = round(datetime(2026, 10, MONDAY - 3, 15).timestamp()) * SECOND_US
    state.days[:] = MANY_DAYS
    return state


def opened(fold: Fold, log: list[Entry]) -> list[int]:
    """Return the schools whose attendance is told as low, in order."""
    told = fold_log(fold, [log], settled(fold)).transitions
    return sorted(
        {t.school_id for t in told if t.rule == "attendance_low" and t.kind is TransitionKind.OPENED}
    )


def everybody(value: float, **others: float) -> dict[int, float]:
    """Return a value for each school, and another for some, as `s3=0.5`."""
    return {s: others.get(f"s{s}", value) for s in range(1, SCHOOLS + 1)}


def twice(value: Mapping[int, float]) -> list[Entry]:
    """Return registers and the same ten minutes later, as they are sent."""
    return [*registers({}, "07:00"), *registers(value, "07:25"), *registers(value, "07:35")]


def test_a_day_that_all_share_is_nobodys_alarm_and_one_school_still_stands_out() -> None:
    fold = shared_fold()
    assert opened(fold, twice(everybody(USUAL - 0.09))) == []
    # Of a drop of 13 points 9 are the city's: its own four are none.
    assert opened(fold, twice(everybody(USUAL - 0.09, s3=USUAL - 0.13))) == []
    assert opened(fold, twice(everybody(USUAL - 0.09, s3=USUAL - 0.45))) == [3]
    assert opened(fold, twice(everybody(USUAL, s3=USUAL - 0.25))) == [3]


def test_the_bound_of_a_register_is_told_and_is_that_of_its_schools_usual_absence() -> None:
    fold = shared_fold()
    bound = attended_at(np.array([USUAL]), np.array([6.0 * np.sqrt(1.0 + 1.0 / MANY_DAYS)])).item()
    assert opened(fold, twice(everybody(USUAL, s3=bound + 0.001))) == []
    told = fold_log(fold, [twice(everybody(USUAL, s3=bound - 0.001))], settled(fold)).transitions
    low = next(t for t in told if t.rule == "attendance_low")
    assert low.school_id == 3
    assert low.expected_low == pytest.approx(bound, abs=5e-4)


def test_a_level_that_is_known_from_few_days_is_judged_wider_and_days_are_counted() -> None:
    """Of seven absent in a hundred it is told from 42 on after one day, and from 27 on in the end."""
    fold, low = shared_fold(), twice(everybody(USUAL, s3=USUAL - 0.24))
    young = settled(fold)
    young.days[:] = 1
    assert not {t.rule for t in fold_log(fold, [low], young).transitions} & {"attendance_low"}
    much = twice(everybody(USUAL, s3=USUAL - 0.45))
    assert "attendance_low" in {t.rule for t in fold_log(fold, [much], young).transitions}
    # The next day begins: whoever sent something has one day more, however the log is cut.
    log = [*twice(everybody(USUAL)), *registers({1: USUAL}, "07:25", MONDAY + 1)]
    log += registers({}, "07:25", MONDAY + 2)
    for cutting in ([log], [[entry] for entry in log]):
        days = fold_log(fold, cutting, young).state.days[slots_of(fold)]
        assert days.tolist() == [3, *[2] * (SCHOOLS - 1)]


def test_a_register_that_is_sent_once_is_judged_once_the_others_are_heard() -> None:
    fold = shared_fold()
    early, others = {3: USUAL - 0.25}, dict.fromkeys(range(4, SCHOOLS + 1), USUAL)
    log = [*registers({}, "07:00"), *registers(early, "07:25"), *registers(others, "07:35")]
    assert opened(fold, [*log, *registers({}, "07:45")]) == [3]
    storm = [*registers({}, "07:00"), *registers(everybody(USUAL - 0.2), "07:25")]
    assert opened(fold, [*storm, *registers({}, "07:41")]) == [*range(1, SCHOOLS + 1)]


def test_a_register_that_is_soon_corrected_is_nobodys_alarm_and_one_that_stands_is() -> None:
    fold = shared_fold()
    low = [*registers({}, "07:00"), *registers(everybody(USUAL, s3=USUAL - 0.25), "07:25")]
    assert opened(fold, [*low, *registers({}, "07:39")]) == []
    assert opened(fold, [*low, *registers({3: USUAL}, "07:35"), *registers({}, "07:55")]) == []
    assert opened(fold, [*low, *registers({}, "07:40")]) == [3]


def test_a_reading_that_stands_is_learnt_once() -> None:
    fold, cell = shared_fold(), slots_of(shared_fold())[2] + len(shared_fold().layout)
    low = [*registers({}, "07:00"), *registers(everybody(USUAL, s3=USUAL - 0.05), "07:25")]
    before = fold_log(fold, [low], settled(fold)).state
    after = fold_log(fold, [[*registers({}, "07:41")]], before).state
    assert after.detector["mean"][cell] == before.detector["mean"][cell]


def test_a_shared_drop_of_the_rules_least_size_is_told_of_each() -> None:
    assert opened(shared_fold(), twice(everybody(USUAL - 0.2))) == list(range(1, SCHOOLS + 1))


def test_nobody_is_judged_before_the_others_are_heard_for_a_while() -> None:
    fold = shared_fold()
    early = [*registers({}, "07:00"), *registers({3: 0.5}, "07:25"), *registers({3: 0.5}, "07:35")]
    assert opened(fold, early) == []
    assert opened(fold, [*early, *registers({3: 0.5}, "08:05"), *registers({3: 0.5}, "08:15")]) == [3]


def test_few_schools_share_nothing() -> None:
    fold = shared_fold(LEAST_KIN - 1)
    log = [*registers({}, "07:00"), *registers({3: 0.5}, "07:25"), *registers({3: 0.5}, "07:35")]
    assert opened(fold, log) == [3]


def test_a_shared_day_is_learnt_in_part() -> None:
    fold, low = shared_fold(), everybody(USUAL - 0.02)
    rules = packaged("rules.toml").replace("less_shared = true", "")
    plain = build_fold(small_fleet(SCHOOLS), CATALOGUE, CALENDAR, parse_rules(rules, CATALOGUE), 0, 1)
    log = [*registers({}, "07:00"), *registers(low, "07:35")]
    cell = slots_of(fold) + len(fold.layout)
    moved = {f: USUAL - fold_log(f, [log], settled(f)).state.detector["mean"][cell] for f in (fold, plain)}
    assert (moved[plain] > 0).all()
    np.testing.assert_allclose(moved[fold], LEARNT * moved[plain], rtol=1e-4)


def test_any_cutting_and_redelivery_give_the_same() -> None:
    fold, rng = shared_fold(), np.random.default_rng(3)
    log: list[Entry] = registers({}, "07:00")
    for minute in range(25, 60, 5):
        drawn = {s: float(USUAL - rng.uniform(0, 0.2)) for s in range(1, SCHOOLS + 1) if rng.random() < 0.6}
        log += registers(drawn, f"07:{minute}")
    whole = fold_log(fold, [log], settled(fold))
    assert_same(whole, fold_log(fold, [[entry] for entry in split_entries(log)], settled(fold)))
    again = [e for entry in log for e in ([entry] * 2 if isinstance(entry, ReadingsEntry) else [entry])]
    more = fold_log(fold, [[e] for e in again], settled(fold))
    assert_same(whole._replace(counts=more.counts), more)


def test_a_register_is_told_whatever_its_school_has_shown_of_its_tail() -> None:
    fold, low = shared_fold(), everybody(USUAL, s3=USUAL - 0.25)
    state = settled(fold)
    state.detector["tail"][1], state.detector["tail"][3] = 0.2, 4.0
    told = fold_log(fold, [twice(low)], state)
    assert [t.school_id for t in told.transitions if t.rule == "attendance_low"] == [3]
    slot = slots_of(fold)[2]
    assert told.state.z[slot] < -12.0


def test_an_alarm_ends_when_the_register_that_opened_it_is_corrected() -> None:
    """A register of seven hundred where a thousand are present, and its correction for the same moment."""
    fold = shared_fold()
    low = [*registers({}, "07:00"), *registers(everybody(USUAL, s3=0.667), "07:25"), *registers({}, "07:41")]
    said_us = low[2].at_us
    later = registers({}, "07:45")[1].at_us
    right = columns([(said_us, series_named(3, "attendance_ratio"), 0.981)])
    log = [*low, ReadingsEntry(later, right), TickEntry(later + SECOND_US)]
    for cutting in ([log], [[entry] for entry in log]):
        folded = fold_log(fold, cutting, settled(fold))
        told = [t for t in folded.transitions if t.rule == "attendance_low"]
        assert [(t.school_id, t.kind) for t in told] == [
            (3, TransitionKind.OPENED),
            (3, TransitionKind.RESOLVED),
        ]
        assert told[0].alert_id == told[1].alert_id
        assert (told[1].reason, told[1].value) == (Ending.CORRECTED, 0.981)
        assert folded.table[series_named(3, "attendance_ratio"), said_us] == [0.667, 0.981]
        assert folded.state.value[slots_of(fold)[2]] == 0.981
