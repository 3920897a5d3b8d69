"""Laws 1 to 4 and 10 of the fold: pure, blind to batches and redelivery, partitions apart, columns typed."""

from dataclasses import fields, replace
from random import Random
from typing import TypeGuard

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.alert import Channel
from contract.canary import CANARY_METRIC, SYSTEM_SCHOOL_ID, canary_series, canary_value
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.fleet import partition_of
from contract.live import Canary
from contract.reading import Readings
from contract.series import device_ids, series_of
from stream_processor.fold.state import State
from stream_processor.fold.step import step
from tests.drawn_logs import logs
from tests.examples import examples
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    RULES,
    SECOND_US,
    any_cutting,
    assert_same,
    assert_same_rows,
    assert_same_state,
    columns,
    fold_log,
    small_fleet,
    small_fold,
    split_entries,
)

calm = examples(30)


@calm
@given(logs(), logs(longest=15))
def test_step_changes_no_argument_and_repeats_itself(before: list[Entry], log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [before]).state
    kept, entries = state.copy(), [*log]
    for entry in entries:
        if isinstance(entry, ReadingsEntry):
            for column in (entry.readings.time_us, entry.readings.series, entry.readings.value):
                column.flags.writeable = False
    first_state, first = step(fold, state, entries)
    second_state, second = step(fold, state, entries)
    assert_same_state(state, kept)
    assert entries == log
    assert_same_state(first_state, second_state)
    assert_same_rows(first.rows, second.rows)
    assert (first.transitions, first.kpis, first.counts) == (second.transitions, second.kpis, second.counts)


@calm
@given(logs(), st.lists(st.booleans(), min_size=40, max_size=40))
def test_any_cutting_gives_the_same(log: list[Entry], cuts: list[bool]) -> None:
    fold = small_fold()
    assert_same(fold_log(fold, [log]), fold_log(fold, any_cutting(log, cuts)))


@calm
@given(logs())
def test_one_reading_at_a_time_gives_the_same(log: list[Entry]) -> None:
    fold = small_fold()
    one_by_one = [[entry] for entry in split_entries(log)]
    assert_same(fold_log(fold, [[e for e in log if _holds(e)]]), fold_log(fold, one_by_one))


def _holds_readings(entry: Entry) -> TypeGuard[ReadingsEntry]:
    return isinstance(entry, ReadingsEntry)


def _holds(entry: Entry) -> bool:
    """An entry without readings only moves the time on; split into its readings it is gone."""
    return isinstance(entry, TickEntry) or len(entry.readings) > 0


@calm
@given(logs(), st.integers(1, 3))
def test_redelivery_at_once_changes_nothing(log: list[Entry], times: int) -> None:
    fold = small_fold()
    again = [
        e for entry in log for e in ([entry] * (times + 1) if isinstance(entry, ReadingsEntry) else [entry])
    ]
    once, more = fold_log(fold, [log]), fold_log(fold, [[e] for e in again])
    assert_same(once._replace(counts=more.counts), more)
    assert (more.counts.stored, more.counts.corrected) == (once.counts.stored, once.counts.corrected)
    assert more.counts.received == more.counts.accounted


@calm
@given(logs(), st.randoms(use_true_random=False))
def test_redelivery_at_any_time_is_only_a_sign_of_life(log: list[Entry], random: Random) -> None:
    """And of a clock: only the table could tell it from one that fell behind, so no rule looks at clocks."""
    rules = [rule for rule in RULES.split("[[rule]]") if 'channel = "clock"' not in rule]
    fold = small_fold(rules="[[rule]]".join(rules))
    again: list[Entry] = []
    for i, entry in enumerate(log):
        again.append(entry)
        earlier = [e for e in log[: i + 1] if isinstance(e, ReadingsEntry)]
        if earlier and random.random() < 0.5:
            again.append(ReadingsEntry(entry.at_us, random.choice(earlier).readings))
    once, more = fold_log(fold, [log]), fold_log(fold, [[e] for e in again])
    assert_same_rows(once.rows, more.rows)
    assert_same_rows(once.corrections.words, more.corrections.words)
    assert once.table == more.table
    silent = {rule.name for rule in fold.rulebook.channels[Channel.SILENCE].by_metric.values()}
    assert [t for t in once.transitions if t.rule not in silent] == [
        t for t in more.transitions if t.rule not in silent
    ]


@calm
@given(logs())
def test_partitions_do_not_speak(log: list[Entry]) -> None:
    whole = fold_log(small_fold(), [_of_schools(log, {1, 2, 3, 4})])
    parts = []
    for p in range(2):
        ours = {s.id for s in small_fleet().schools if partition_of(s.code, 2) == p}
        parts.append(fold_log(small_fold(p, 2), [_of_schools(log, ours)]))
    # Each partition speaks for its own log when the center itself is at fault.
    assert sorted((t for t in whole.transitions if t.school_id != SYSTEM_SCHOOL_ID), key=repr) == sorted(
        (t for part in parts for t in part.transitions if t.school_id != SYSTEM_SCHOOL_ID), key=repr
    )
    assert [(t.rule, t.kind, t.at_us) for t in whole.transitions if t.school_id == SYSTEM_SCHOOL_ID] == [
        (t.rule, t.kind, t.at_us) for t in parts[0].transitions if t.school_id == SYSTEM_SCHOOL_ID
    ]
    series = np.concatenate([part.rows.readings.series for part in parts])
    time_us = np.concatenate([part.rows.readings.time_us for part in parts])
    score = np.concatenate([part.rows.score for part in parts])
    mine, theirs = (
        np.lexsort((time_us, series)),
        np.lexsort((whole.rows.readings.time_us, whole.rows.readings.series)),
    )
    np.testing.assert_array_equal(series[mine], whole.rows.readings.series[theirs])
    np.testing.assert_array_equal(time_us[mine], whole.rows.readings.time_us[theirs])
    np.testing.assert_array_equal(score[mine], whole.rows.score[theirs])


@calm
@given(logs())
def test_the_canary_is_seen_and_counts_for_nothing(log: list[Entry]) -> None:
    fold = small_fold()
    without = [
        replace(e, readings=e.readings.take(e.readings.series != fold.canary_series))
        if isinstance(e, ReadingsEntry)
        else e
        for e in log
    ]
    whole, rest = fold_log(fold, [log]), fold_log(fold, [without])
    assert (whole.transitions, whole.kpis) == (rest.transitions, rest.kpis)
    assert_same_state(replace(whole.state, canary=None), rest.state)
    seen = [e.readings.take(e.readings.series == fold.canary_series) for e in log if _holds_readings(e)]
    times = np.concatenate([np.empty(0, np.int64), *(readings.time_us for readings in seen)])
    assert (whole.state.canary.time_us if whole.state.canary else None) == (max(times, default=None))
    kept = whole.rows.readings.series == fold.canary_series
    assert int(kept.sum()) == len(np.unique(times))


def test_a_summary_carries_the_canary_of_its_own_partition() -> None:
    at_us, metric_id = MONDAY_9H_US, CATALOGUE.named(CANARY_METRIC).id
    rows = [(at_us + i, canary_series(p, metric_id), canary_value(i)) for i in range(2) for p in range(2)]
    log: list[Entry] = [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us)]
    summary = fold_log(small_fold(1, 2), [log]).summary
    assert summary is not None
    assert summary.canary == Canary(at_us + 1, canary_value(1))


def _of_schools(log: list[Entry], schools: set[int]) -> list[Entry]:
    devices = [d.id for d in small_fleet().devices if d.school_id in schools]
    return [
        ReadingsEntry(e.at_us, e.readings.take(np.isin(device_ids(e.readings.series), devices)))
        if isinstance(e, ReadingsEntry)
        else e
        for e in log
    ]


@calm
@given(logs())
def test_outputs_keep_their_types(log: list[Entry]) -> None:
    folded = fold_log(small_fold(), [log])
    rows = folded.rows
    of_rows = (rows.readings.time_us, rows.readings.series, rows.readings.value, rows.score)
    assert [column.dtype.name for column in of_rows] == ["int64", "int32", "float64", "float32"]
    known = rows.score[~np.isnan(rows.score)]
    assert ((known >= 0) & (known <= 1)).all()
    fresh = small_fold().initial_state()
    for field in fields(State):
        before, after = getattr(fresh, field.name), getattr(folded.state, field.name)
        if isinstance(before, np.ndarray):
            assert (before.dtype, before.shape) == (after.dtype, after.shape), field.name
    assert {k: v.dtype for k, v in fresh.detector.items()} == {
        k: v.dtype for k, v in folded.state.detector.items()
    }


@calm
@given(logs())
def test_every_alert_opens_before_it_resolves_and_once(log: list[Entry]) -> None:
    opened: set[str] = set()
    resolved: set[str] = set()
    for transition in fold_log(small_fold(), [log]).transitions:
        if transition.kind == "opened":
            assert transition.alert_id not in opened
            opened.add(transition.alert_id)
        else:
            assert transition.alert_id in opened - resolved
            resolved.add(transition.alert_id)


@pytest.mark.parametrize("readings", [300, 3000])
def test_shuffled_and_doubled_readings_are_stored_once_each(readings: int) -> None:
    fold, rng = small_fold(), np.random.default_rng(7)
    time_us = MONDAY_9H_US + rng.integers(0, 200, readings) * SECOND_US
    series = np.where(rng.random(readings) < 0.5, series_of(1, 1), series_of(4, 3)).astype(np.int32)
    log: list[Entry] = [
        ReadingsEntry(MONDAY_9H_US, Readings(time_us[i::7], series[i::7], np.ones(len(time_us[i::7]))))
        for i in range(7)
    ]
    folded = fold_log(fold, [[e] for e in log])
    stored = list(
        zip(folded.rows.readings.series.tolist(), folded.rows.readings.time_us.tolist(), strict=True)
    )
    assert sorted(stored) == sorted(set(zip(series.tolist(), time_us.tolist(), strict=True)))
