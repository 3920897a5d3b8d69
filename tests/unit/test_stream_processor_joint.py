"""Joint rules in the fold: looked at by ticks alone, whatever the batches, once in ten minutes."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.alert import Transition, TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.fleet import Fleet, Level
from contract.rule import JOINT_METRICS, parse_rules
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.snapshot import decode, encode
from tests.examples import examples
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    any_cutting,
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

MINUTE_US = 60 * SECOND_US
FRIDAY = -3 * 24 * 60
USUAL = (*range(FRIDAY - 60, FRIDAY + 40, 10), *range(FRIDAY + 300, FRIDAY + 400, 10), *range(-45, -9))
"""Minutes after Monday 9:00: looks of both of Friday's sessions, and Monday from 8:15 to 8:50."""
SCHOOLS = 40
ODD = 7
"""The school that disagrees with itself."""
LEVEL = {"down_bps": 50e6, "active_users": 400.0, "attendance_ratio": 0.94}
NOISE = {"down_bps": 0.05, "active_users": 0.05, "attendance_ratio": 0.005}
RULE = """
[[rule]]
name = "school_disagrees"
metric = "down_bps"
channel = "joint"
z = 5.0
open_after = 2
close_after = 2
priority = 3
priority_in_session = 2
title_vi = "a"
title_en = "b"
advice_vi = "c"
advice_en = "d"
"""


def fold_of(rule: str = RULE, schools: int = SCHOOLS) -> Fold:
    """Return a fold of one joint rule over the small fleet."""
    return small_fold(rules=rule, schools=schools)


def measured(
    minute: int, odd: float = 1.0, others: float = 1.0, without: tuple[str, ...] = ()
) -> list[tuple[int, int, float]]:
    """Return what every school measures at a minute after nine.

    Args:
        minute: after nine; chooses the noise as well.
        odd: factor on the traffic and e-learning of school `ODD`, whose register is as usual.
        others: factor on those of all the other schools.
        without: metrics that `ODD` does not send.
    """
    rng = np.random.default_rng(10_000 + minute)
    rows = []
    for school in range(1, SCHOOLS + 1):
        for metric in JOINT_METRICS:
            value = LEVEL[metric] * float(rng.normal(1, NOISE[metric]))
            if metric != "attendance_ratio":
                value *= odd if school == ODD else others
            if not (school == ODD and metric in without):
                rows.append((MONDAY_9H_US + minute * MINUTE_US, series_named(school, metric), value))
    return rows


def entries(minute: int, rows: list[tuple[int, int, float]]) -> list[Entry]:
    """Return an entry of readings and the tick a second later."""
    at_us = MONDAY_9H_US + minute * MINUTE_US
    return [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us + SECOND_US)]


@lru_cache
def calm() -> tuple[Entry, ...]:
    """Return the minutes of `USUAL`, in which all is as usual: the detector learns it."""
    return tuple(entry for minute in USUAL for entry in entries(minute, measured(minute)))


def told(log: list[Entry], fold: Fold | None = None) -> list[Transition]:
    """Return what the rule says of a log."""
    return list(fold_log(fold or fold_of(), [log]).transitions)


def looks(odd_from: int, odd_until: int, until: int = 80, left: float = 0.3) -> list[Entry]:
    """Return the calm stretch, then looks every ten minutes, in some of which `ODD` has what is `left`."""
    log = list(calm())
    for minute in range(0, until, 10):
        log += entries(minute, measured(minute, left if odd_from <= minute < odd_until else 1.0))
    return log


def test_it_opens_at_the_second_look_and_closes_at_the_second_that_agrees() -> None:
    opened, resolved = told(looks(10, 40))
    assert (opened.kind, resolved.kind) == (TransitionKind.OPENED, TransitionKind.RESOLVED)
    assert opened.series == series_named(ODD, "down_bps")
    assert opened.opened_at_us == MONDAY_9H_US + 10 * MINUTE_US + SECOND_US
    assert opened.at_us == MONDAY_9H_US + 20 * MINUTE_US + SECOND_US
    assert resolved.at_us == MONDAY_9H_US + 50 * MINUTE_US + SECOND_US
    assert resolved.alert_id == opened.alert_id
    assert opened.priority == 2
    assert opened.value is not None
    assert opened.value < 0.5 * LEVEL["down_bps"]


def test_a_school_speaks_once_its_register_has_come_in_two_sessions() -> None:
    one_session = USUAL[10:]
    log = [entry for minute in one_session for entry in entries(minute, measured(minute))]
    for minute in range(0, 80, 10):
        log += entries(minute, measured(minute, 0.3))
    assert told(log) == []


def test_one_look_is_no_alert() -> None:
    assert told(looks(10, 20)) == []


def test_what_all_schools_share_is_no_disagreement() -> None:
    log = list(calm())
    for minute in range(0, 80, 10):
        log += entries(minute, measured(minute, 0.3, 0.3))
    assert told(log) == []


def test_a_surge_of_one_level_is_no_disagreement_of_its_schools() -> None:
    fleet = small_fleet(2 * SCHOOLS)
    schools = [replace(s, level=Level.LOWER_SECONDARY) for s in fleet.schools[SCHOOLS:]]
    fleet = Fleet(
        fleet.province, fleet.clusters, fleet.wards, (*fleet.schools[:SCHOOLS], *schools), fleet.devices
    )
    layout, plain = lay_out(fleet, CATALOGUE, 0, 1), fold_of()
    fold = Fold(layout, plain.rulebook, CATALOGUE, plain.calendar, plain.detector)
    shift = series_named(1 + SCHOOLS, "down_bps") - series_named(1, "down_bps")
    log: list[Entry] = []
    for minute in [*USUAL, *range(0, 60, 10)]:
        rows = measured(minute)
        surge = 1.0 if minute < 0 else 4.0
        users = {series_named(school, "active_users") for school in range(1, SCHOOLS + 1)}
        rows += [(t, series + shift, v * (surge if series in users else 1.0)) for t, series, v in rows]
        log += entries(minute, rows)
    assert told(log, fold) == []
    odd = series_named(ODD, "active_users")
    alone = [
        replace(e, readings=columns(of_school(e, odd, 0.2))) if isinstance(e, ReadingsEntry) else e
        for e in log
    ]
    assert [t.series for t in told(alone, fold)] == [series_named(ODD, "down_bps")]


def of_school(entry: ReadingsEntry, series: int, factor: float) -> list[tuple[int, int, float]]:
    """Return an entry's rows with one series multiplied from nine o'clock on."""
    r = entry.readings
    rows = zip(r.time_us.tolist(), r.series.tolist(), r.value.tolist(), strict=True)
    return [(t, s, v * (factor if s == series and t >= MONDAY_9H_US else 1.0)) for t, s, v in rows]


def test_fewer_than_thirty_schools_are_never_judged() -> None:
    assert told(looks(10, 40), fold_of(schools=29)) == []


def test_between_two_looks_nothing_is_judged() -> None:
    log = list(calm())
    for minute in range(1, 10):
        log += entries(minute, measured(minute, 0.3))
    assert told(log) == []


@pytest.mark.parametrize("metric", JOINT_METRICS[:2])
def test_a_stale_series_makes_its_school_unknown_and_its_run_stand_still(metric: str) -> None:
    log = list(calm())
    log += entries(0, measured(0, 0.3)) + entries(10, measured(10, 0.3, without=(metric,)))
    assert told(log) == []
    (opened,) = told([*log, *entries(20, measured(20, 0.3))])
    assert opened.opened_at_us == MONDAY_9H_US + SECOND_US


def test_a_register_counts_for_its_session() -> None:
    log = list(calm())
    log += entries(0, measured(0, 0.3)) + entries(10, measured(10, 0.3, without=("attendance_ratio",)))
    assert [t.kind for t in told(log)] == [TransitionKind.OPENED]


def test_an_alert_ends_with_the_session() -> None:
    log = looks(70, 90, until=90)
    assert [t.kind for t in told(log)] == [TransitionKind.OPENED]
    for minute in range(90, 190, 10):
        log += [TickEntry(MONDAY_9H_US + minute * MINUTE_US + SECOND_US)]
    _, resolved = told(log)
    session_end_us = MONDAY_9H_US + 120 * MINUTE_US
    assert resolved.kind is TransitionKind.RESOLVED
    assert session_end_us < resolved.at_us <= session_end_us + 60 * MINUTE_US


def test_a_school_without_one_of_the_three_is_never_judged() -> None:
    log = list(calm())
    for minute in range(0, 60, 10):
        log += entries(minute, measured(minute, 0.3))
    silent = series_named(ODD, "active_users")
    heard = [
        ReadingsEntry(e.at_us, e.readings.take(e.readings.series != silent))
        if isinstance(e, ReadingsEntry)
        else e
        for e in log
    ]
    assert told(log) != []
    assert told(heard) == []


@examples(10)
@given(st.integers(0, 2**32 - 1))
def test_any_cutting_of_the_log_gives_the_same(seed: int) -> None:
    log = looks(10, 40)
    cuts = np.random.default_rng(seed).random(len(log)) < 0.3
    assert_same(fold_log(fold_of(), [log]), fold_log(fold_of(), any_cutting(log, cuts)))


def test_reading_by_reading_it_is_the_same() -> None:
    log = looks(10, 40)
    assert fold_log(fold_of(), [split_entries(log)]).transitions == tuple(told(log))


def test_redelivery_changes_nothing() -> None:
    log = looks(10, 40)
    again: list[Entry] = []
    for entry in log:
        again += [entry, entry] if isinstance(entry, ReadingsEntry) else [entry]
    assert told(again) == told(log)


def test_old_readings_that_come_again_make_no_series_fresh() -> None:
    log = list(calm()) + entries(0, measured(0, 0.3))
    old = ReadingsEntry(MONDAY_9H_US + 10 * MINUTE_US, columns(measured(0, 0.3)))
    log += [old, TickEntry(old.at_us + SECOND_US)]
    assert told(log) == []


def test_a_restart_from_a_snapshot_changes_nothing() -> None:
    fold, log = fold_of(), looks(10, 40)
    cut = len(calm()) + 4
    half = fold_log(fold, [log[:cut]]).state
    restarted = decode(fold, encode(fold, half))
    assert_same_state(half, restarted)
    first, second = (fold_log(fold, [log[cut:]], state) for state in (half, restarted))
    assert_same(first, second)
    assert [t.kind for t in first.transitions] == [TransitionKind.OPENED, TransitionKind.RESOLVED]


def test_the_rule_that_is_shipped_tells_of_a_school_that_disagrees() -> None:
    of_rule = [
        t
        for t in told(looks(10, 40, until=110, left=0.2), fold_of(packaged("rules.toml")))
        if t.rule == "school_disagrees"
    ]
    assert [t.kind for t in of_rule] == [TransitionKind.OPENED, TransitionKind.RESOLVED]
    assert {t.series for t in of_rule} == {series_named(ODD, "attendance_ratio")}


@pytest.mark.parametrize(
    ("of", "by", "message"),
    [
        ('"down_bps"', '"latency_ms"', "none of down_bps"),
        ('"down_bps"', '"in_errors"', "counter"),
        ("z = 5.0", "z = 0.0", r"line 6.*> 0\.0 - at `\$\.z`, not 0\.0"),
    ],
)
def test_a_joint_rule_that_cannot_judge_is_refused(of: str, by: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_rules(RULE.replace(of, by), CATALOGUE)
