"""A school that is emptier in a session than its register says: a register copied from another day."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from contract.alert import Transition, TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.fleet import Fleet, Level
from contract.rule import JOINT_METRICS
from stream_processor.fold.constants import Fold
from stream_processor.fold.emptiness import LEAST_LOOKS, MOST_LEARNT
from stream_processor.fold.layout import lay_out
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
    series_named,
    small_fleet,
    small_fold,
    split_entries,
)
from tests.unit.test_stream_processor_joint import LEVEL, MINUTE_US, NOISE, RULE

SCHOOLS = 12
ODD = 7
EMPTY = {"down_bps": 0.3, "active_users": 0.3}
BEGINS_MIN = tuple(24 * 60 * day for day in (0, 2, 3, 4, 7))
"""Nine o'clock of five school days, in minutes from the Monday; the Tuesday is a holiday."""


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


def session(
    day: int, odd: Mapping[str, float], others: Mapping[str, float] | None = None, schools: int = SCHOOLS
) -> list[Entry]:
    """Return the looks of a morning so many school days after the Monday, in which `ODD` is another."""
    log: list[Entry] = []
    for minute in range(-80, 120, 10):
        log += moment(BEGINS_MIN[day] + minute, odd, others or {}, schools)
    return log


def morning(
    odd: Mapping[str, float], others: Mapping[str, float] | None = None, schools: int = SCHOOLS
) -> list[Entry]:
    """Return two mornings as usual, and a third one in which `ODD` is another."""
    return [*session(0, {}, {}, schools), *session(1, {}, {}, schools), *session(2, odd, others, schools)]


def told(log: list[Entry], fold: Fold | None = None) -> list[Transition]:
    """Return what the rule opens."""
    found = fold_log(fold or fold_of(), [log]).transitions
    return [t for t in found if t.kind is TransitionKind.OPENED]


def test_a_full_register_in_an_empty_school_is_told_within_the_morning() -> None:
    (opened,) = told(morning(EMPTY))
    assert opened.series == series_named(ODD, "down_bps")
    # The first look at lessons is at ten to eight, and the second beyond the bound opens.
    minute = BEGINS_MIN[2] - 70 + 10 * LEAST_LOOKS
    assert opened.at_us == MONDAY_9H_US + minute * MINUTE_US + SECOND_US
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


def test_a_session_is_learnt_when_it_is_over() -> None:
    fold = fold_of()
    noon = fold_log(fold, [session(0, {}, {})]).state
    slots, carriers = fold.joint_slots, fold.joint_slots[:, ODD - 1]
    assert not noon.looks.any()
    assert not noon.part_sum.any()
    assert noon.usual_days[:, carriers].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert noon.usual_log[0, carriers] == pytest.approx(np.log([LEVEL[m] for m in JOINT_METRICS]), abs=0.1)
    # A second day takes half, less what all share: an eve on which everybody is emptier is nobody's level.
    eve = fold_log(fold, [session(1, dict.fromkeys(EMPTY, 0.25), EMPTY)], noon).state
    assert eve.usual_days[0, slots].min() == 2
    moved = (eve.usual_log - noon.usual_log)[0, slots]
    assert moved[:2, ODD - 1] == pytest.approx(np.log(0.25 / 0.3) / 2, abs=0.05)
    assert np.delete(moved, ODD - 1, axis=1) == pytest.approx(0.0, abs=0.05)


def test_one_session_moves_what_is_usual_by_no_more_than_a_part() -> None:
    fold = fold_of()
    noon = fold_log(fold, [session(0, {}, {})]).state
    after = fold_log(fold, [session(1, dict.fromkeys(EMPTY, 0.01), {})], noon).state
    moved = (after.usual_log - noon.usual_log)[0, fold.joint_slots[:2, ODD - 1]]
    assert moved == pytest.approx(-MOST_LEARNT / 2, abs=1e-6)


def test_an_afternoon_is_compared_with_afternoons() -> None:
    fold, halved = fold_of(), dict.fromkeys(EMPTY, 0.3)
    log: list[Entry] = []
    for day in range(3):
        log += session(day, {}, {})
        # Half of the grades of one school come in the morning alone, so every afternoon is emptier there.
        for minute in range(300, 420, 10):
            log += moment(BEGINS_MIN[day] + minute, halved, {}, SCHOOLS)
    assert told(log, fold) == []


def test_a_usual_level_from_few_days_is_trusted_less() -> None:
    lower = dict.fromkeys(EMPTY, 0.517)
    first = [session(day, {}, {}) for day in range(4)]
    assert told([*first[0], *first[1], *session(2, lower, {})]) == []
    assert len(told([entry for log in first for entry in log] + session(4, lower, {}))) == 1


def test_few_users_are_few_by_chance() -> None:
    few = {"active_users": 1.5 / LEVEL["active_users"]}
    logs = []
    for users in (1.0, 2.0):
        # As many users as ever may be chance, and twice as many are not.
        odd = {"down_bps": 0.3, "active_users": few["active_users"] * users}
        logs.append([*session(0, few, {}), *session(1, few, {}), *session(2, odd, {})])
    assert [len(told(log)) for log in logs] == [1, 0]


def test_a_level_of_few_schools_is_compared_with_all() -> None:
    fleet = small_fleet(SCHOOLS)
    schools = [replace(s, level=Level.PRESCHOOL if s.id in (ODD, 2) else s.level) for s in fleet.schools]
    fleet = Fleet(fleet.province, fleet.clusters, fleet.wards, tuple(schools), fleet.devices)
    plain = fold_of()
    fold = Fold(lay_out(fleet, CATALOGUE, 0, 1), plain.rulebook, CATALOGUE, plain.calendar, plain.detector)
    assert [t.series for t in told(morning(EMPTY), fold)] == [series_named(ODD, "down_bps")]


def test_a_new_level_is_learnt_anew() -> None:
    rule = """
[[rule]]
name = "traffic_unusual"
metric = "down_bps"
channel = "anomaly"
z = 5.0
open_after = 1
new_level_after_s = 1200.0
priority = 3
priority_in_session = 2
title_vi = "a"
title_en = "b"
advice_vi = "c"
advice_en = "d"
"""
    fold = small_fold(rules=f"{RULE}\nz_day = 3.75\n{rule}", schools=SCHOOLS)
    state = fold_log(fold, [morning({"down_bps": 0.2})]).state
    traffic, users = fold.joint_slots[:2, ODD - 1]
    assert (state.usual_days[0, traffic], state.usual_days[0, users]) == (1, 3)
    assert state.usual_log[0, traffic] == pytest.approx(np.log(0.2 * LEVEL["down_bps"]), abs=0.1)


def test_any_cutting_redelivery_and_a_restart_give_the_same() -> None:
    fold, log = fold_of(), morning(EMPTY)
    whole = fold_log(fold, [log])
    assert_same(whole, fold_log(fold, [[entry] for entry in split_entries(log)]))
    again = [e for entry in log for e in ([entry] * 2 if isinstance(entry, ReadingsEntry) else [entry])]
    more = fold_log(fold, [again])
    assert_same(whole._replace(counts=more.counts), more)
    half = fold_log(fold, [log[:100]]).state
    assert half.looks.any()
    restored = decode(fold, encode(fold, half))
    assert_same_state(restored, half)
    assert_same_state(fold_log(fold, [log[100:]], restored).state, whole.state)
