"""Law 6: a snapshot gives the state back exactly, fits a changed fleet, or is refused by name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from contract.alert import CHANNELS, Channel
from contract.canary import SYSTEM_SCHOOL_ID
from contract.entry import Entry, TickEntry, Trouble
from contract.errors import SnapshotVersionError
from contract.special_days.history import PARTS
from stream_processor.fold.sessions.bells import OFF_CALENDAR
from stream_processor.fold.shared import MANY_DAYS
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import BASELINES, NEVER_US, SEEN, USUAL, WAITS
from tests.drawn_logs import logs
from tests.examples import examples
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    RULES,
    SCHOOL_RULES,
    SECOND_US,
    assert_same,
    assert_same_state,
    fold_log,
    series_named,
    small_fold,
    went_on,
)
from tests.unit.test_stream_processor_habits import MONDAY, PROMPT, habit_fold, morning, used_to
from tests.unit.test_stream_processor_providers import evening, evening_fold, slow

BY_CHANNEL = ("is_open", "run", "since_us", "priority")
"""Columns of the state that have a row a channel."""
calm = examples(20)


@calm
@given(logs())
def test_round_trip_is_exact(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    again = decode(fold, encode(fold, state))
    assert_same_state(state, again)
    assert encode(fold, again) == encode(fold, state)


@calm
@given(logs(), logs(longest=15))
def test_a_restart_from_a_snapshot_goes_on_as_if_nothing_had_been(
    first: list[Entry], second: list[Entry]
) -> None:
    fold = small_fold()
    before = fold_log(fold, [first])
    restarted = decode(fold, encode(fold, before.state))
    assert_same(went_on(fold, before, second, before.state), went_on(fold, before, second, restarted))


@calm
@given(logs())
def test_a_grown_fleet_keeps_what_it_knew(log: list[Entry]) -> None:
    fold, grown = small_fold(schools=4), small_fold(schools=6)
    state = fold_log(fold, [log]).state
    fitted = decode(grown, encode(fold, state))
    slots = grown.layout.slots_of(fold.layout.series)
    np.testing.assert_array_equal(fitted.mark_us[slots], state.mark_us)
    np.testing.assert_array_equal(fitted.is_open[:, slots], state.is_open)
    shrunk = decode(fold, encode(grown, fitted))
    np.testing.assert_array_equal(shrunk.value, state.value)


def test_schools_that_join_are_not_called_silent_at_once() -> None:
    fold, grown = small_fold(schools=4), small_fold(schools=6)
    ticks: list[Entry] = [TickEntry(MONDAY_9H_US + i * SECOND_US) for i in range(100)]
    state = fold_log(fold, [ticks]).state
    fitted = decode(grown, encode(fold, state))
    joined = {series_named(5, "down_bps"), series_named(6, "down_bps")}
    soon = fold_log(grown, [[TickEntry(MONDAY_9H_US + 101 * SECOND_US)]], fitted)
    assert not joined & {t.series for t in soon.transitions}
    later: list[Entry] = [TickEntry(MONDAY_9H_US + i * SECOND_US) for i in range(100, 160)]
    assert joined <= {t.series for t in fold_log(grown, [later], fitted).transitions}


def test_an_alert_of_a_rule_that_is_gone_is_forgotten() -> None:
    fold = small_fold()
    renamed = small_fold(rules=_renamed())
    ticks: list[Entry] = [TickEntry(MONDAY_9H_US + i * SECOND_US) for i in range(100)]
    state = fold_log(fold, [ticks]).state
    assert state.is_open.any()
    assert not decode(renamed, encode(fold, state)).is_open.any()


def test_alerts_about_the_center_end_with_their_rules() -> None:
    lost = (Trouble.SESSION_LOST,)
    ticks: list[Entry] = [TickEntry(MONDAY_9H_US + s * SECOND_US, s < 2, lost) for s in (0, 1, 60, 80)]
    fold, without = small_fold(), small_fold(rules=SCHOOL_RULES)
    state = fold_log(fold, [ticks]).state
    assert (state.feed_is_down, state.gap_since_us) == (True, MONDAY_9H_US + SECOND_US)
    forgotten = decode(without, encode(fold, state))
    assert (forgotten.feed_is_down, forgotten.gap_since_us) == (False, NEVER_US)
    assert (set(state.troubles), forgotten.troubles) == ({"session_lost"}, {})
    later: list[Entry] = [TickEntry(MONDAY_9H_US + s * SECOND_US) for s in range(81, 700)]
    told = fold_log(without, [later], forgotten).transitions
    assert not [t for t in told if t.school_id == SYSTEM_SCHOOL_ID]


def test_a_snapshot_from_before_the_canary_still_decodes() -> None:
    fold = small_fold()
    state = fold_log(fold, [[TickEntry(MONDAY_9H_US + s * SECOND_US) for s in (0, 1, 60)]]).state
    since = {"ticks_steadily", "gap_since_us", "gap_until_us", "deaf_since_us", "feed_is_down", "canary"}
    since |= {"troubles"}
    again = decode(fold, _with_header(encode(fold, state), lambda h: {k: h[k] for k in h.keys() - since}))
    assert_same_state(replace(state, **{name: getattr(fold.initial_state(), name) for name in since}), again)


@calm
@given(logs())
def test_a_snapshot_from_before_stuck_values_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    since = [f"{name}/{k}" for name in BY_CHANNEL for k in range(3, CHANNELS)] + ["still/0"]
    old = _with_header(encode(fold, state), lambda header: header | {"version": 1}, since)
    again, fresh = decode(fold, old), fold.initial_state()
    np.testing.assert_array_equal(again.still, fresh.still)
    np.testing.assert_array_equal(again.is_open[:3], state.is_open[:3])
    np.testing.assert_array_equal(again.since_us[3], fresh.since_us[3])
    np.testing.assert_array_equal(again.mark_us, state.mark_us)


@calm
@given(logs())
def test_a_snapshot_from_before_the_newest_deviation_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    again = decode(fold, _with_header(encode(fold, state), lambda header: header | {"version": 2}, ["z/0"]))
    assert_same_state(replace(state, z=fold.initial_state().z), again)


@calm
@given(logs())
def test_a_snapshot_from_before_rates_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    later = [f"{name}/{k}" for name in BY_CHANNEL for k in range(Channel.RATE, CHANNELS)]
    again = decode(fold, _with_header(encode(fold, state), lambda header: header | {"version": 3}, later))
    fresh = fold.initial_state()
    for name in BY_CHANNEL:
        np.testing.assert_array_equal(getattr(again, name)[:4], getattr(state, name)[:4])
        np.testing.assert_array_equal(getattr(again, name)[4:], getattr(fresh, name)[4:])
    np.testing.assert_array_equal(again.still, state.still)


@calm
@given(logs())
def test_a_snapshot_from_before_habits_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state, fresh = fold_log(fold, [log]).state, fold.initial_state()
    since = ["shared/0", "waited_us/0", "longest/0", *(f"habit/{k}" for k in range(WAITS))]
    again = decode(fold, _with_header(encode(fold, state), lambda header: header | {"version": 6}, since))
    names = ("shared", "waited_us", "longest", "habit")
    forgotten = replace(state, **{name: getattr(fresh, name) for name in names})
    assert_same_state(forgotten, again)


def test_a_session_that_an_older_version_had_begun_teaches_no_bells() -> None:
    fold, prompt = habit_fold(9), [PROMPT] * 9
    log = morning(MONDAY, prompt)
    before = fold_log(fold, [log[:280]], used_to(fold, *[{1: 240}] * 9)).state  # until ten past eight
    names = ("bells", "begun_us", "waited_for", "not_begun", "off_calendar_us")

    def older(header: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in header.items() if k not in names} | {"version": 9}

    again = decode(fold, _with_header(encode(fold, before), older, ["part_sum/0", "looks/0"]))
    days = [log[280:], *(morning(on, prompt) for on in range(MONDAY + 1, MONDAY + 5))]
    found = fold_log(fold, days, again)
    assert [t for t in found.transitions if t.rule == OFF_CALENDAR] == []
    assert found.state.bells[[USUAL, SEEN], 1, 0].tolist() == [600.0, 4.0]


@calm
@given(logs())
def test_a_school_that_an_older_version_knew_is_no_newcomer(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    again = decode(
        fold, _with_header(encode(fold, state), lambda header: header | {"version": 10}, ["days/0"])
    )
    known = np.where(state.event_us == NEVER_US, 0, MANY_DAYS).astype(np.uint8)
    assert_same_state(replace(state, days=known), again)


def test_what_an_older_version_added_up_of_a_day_is_no_session() -> None:
    fold = small_fold()
    before = fold.initial_state()
    before.looks[:], before.part_sum[:], before.left[:], before.usual_log[:], before.usual_days[:] = (
        9,
        5.0,
        0.1,
        2.0,
        3,
    )
    since = [
        "part_sum/0",
        "left/0",
        *(f"{name}/{k}" for name in ("usual_log", "usual_days") for k in range(PARTS)),
    ]
    again = decode(fold, _with_header(encode(fold, before), lambda header: header | {"version": 12}, since))
    assert_same_state(fold.initial_state(), again)


def test_a_line_that_an_older_version_knew_is_no_newcomer_and_gaps_are_learnt_afresh() -> None:
    fold = evening_fold()
    state = fold_log(fold, [evening(slow(0.0))]).state
    assert not state.days.any()
    registers = fold.layout.metric_id == CATALOGUE.named("attendance_ratio").id
    state.days[registers], state.gaps[:, registers] = 3, 5.0
    older = _with_header(encode(fold, state), lambda header: header | {"version": 11}, ["gaps/0", "gaps/1"])
    again = decode(fold, older)
    lines = fold.layout.metric_id == CATALOGUE.named("latency_ms").id
    days = np.where(lines, MANY_DAYS, state.days).astype(np.uint8)
    assert_same_state(replace(state, days=days, gaps=fold.initial_state().gaps), again)


@calm
@given(logs())
def test_a_snapshot_from_before_tails_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    since = [
        f"detector.{name}/{k}" for name, rows in (("tail", 4), ("run_s", 2)) for k in range(BASELINES * rows)
    ]
    again = decode(fold, _with_header(encode(fold, state), lambda header: header | {"version": 8}, since))
    fresh = fold.initial_state().detector
    assert_same_state(
        replace(state, detector=state.detector | {k: fresh[k] for k in ("tail", "run_s")}), again
    )


@calm
@given(logs())
def test_a_snapshot_from_before_flapping_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state

    def older(header: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in header.items() if k != "unrests"} | {"version": 4}

    again = decode(fold, _with_header(encode(fold, state), older, ["news_us/0"]))
    assert_same_state(replace(state, unrests={}, news_us=fold.initial_state().news_us), again)


@calm
@given(logs())
def test_a_snapshot_from_before_clocks_still_decodes(log: list[Entry]) -> None:
    fold = small_fold()
    state = fold_log(fold, [log]).state
    words = [
        (int(fold.layout.series[slot]), int(state.mark_us[slot]), word)
        for slot, said in state.said.items()
        for word in said.words.get(int(state.mark_us[slot]), ())
    ]

    def older(header: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in header.items() if k != "said"} | {"version": 5, "earlier": words}

    since = ["event_us", "skew", "seen_skew", "clock_is_right"]
    again = decode(fold, _with_header(encode(fold, state), older, [f"{name}/0" for name in since]))
    np.testing.assert_array_equal(again.event_us, state.mark_us)
    for series, mark_us, word in words:
        slot = fold.layout.slots_of(np.array([series], np.int32))[0]
        assert word in again.said[slot].words[mark_us]
    fresh = {name: getattr(fold.initial_state(), name) for name in since[1:]}
    assert_same_state(replace(state, **fresh, event_us=state.mark_us, said={}), replace(again, said={}))


def _with_header(
    snapshot: bytes, change: Callable[[dict[str, Any]], dict[str, Any]], without: Sequence[str] = ()
) -> bytes:
    with pa.ipc.open_stream(snapshot) as stream:
        batch, metadata = stream.read_next_batch(), dict(stream.schema.metadata)
    batch = batch.drop_columns(list(without))
    header = change(msgspec.json.decode(metadata[b"eduops"]))
    schema = batch.schema.with_metadata({b"eduops": msgspec.json.encode(header)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    return bytes(sink.getvalue())


def _renamed() -> str:
    return RULES.replace('"gateway_silent"', '"gateway_quiet"')


@pytest.mark.parametrize("damage", [b"", b"not a snapshot", b"\x00" * 200])
def test_what_is_no_snapshot_is_refused(damage: bytes) -> None:
    with pytest.raises(SnapshotVersionError, match="not a snapshot"):
        decode(small_fold(), damage)


def test_another_version_is_refused_by_name() -> None:
    fold = small_fold()
    snapshot = _with_header(encode(fold, fold.initial_state()), lambda header: header | {"version": 99})
    with pytest.raises(SnapshotVersionError, match="version 99; this program reads 1, 2, 3, 4, 5, 6, 7"):
        decode(fold, snapshot)
