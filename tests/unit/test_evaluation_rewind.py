"""Rewind without a database: stored readings as a log, thresholds by budget, rules text, the comparison."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.entry import ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.reading import Readings
from contract.rule import JOINT_METRICS, JointRule, parse_rules
from contract.series import MAX_METRIC_ID
from evaluation.rewind.budget import lowest_within, share_budget
from evaluation.rewind.entries import (
    QUARTER_US,
    SECOND_US,
    Liveness,
    Quarters,
    Stretch,
    entries_of,
    pieces,
    quarter_readings,
    spans,
    tick_times,
)
from evaluation.rewind.fold import Surroundings, choose_schools, new_side, take, watched_series
from evaluation.rewind.report import BegunLine, Heard, RewindTerms, compare, flood_minutes
from evaluation.rewind.rules_text import with_thresholds
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SCHOOL_RULES,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
)

MINUTE_US = 60 * SECOND_US
NO_MINUTES = np.empty(0, np.int64)


def morning(latency_of: dict[int, float], minutes: int = 10) -> Readings:
    """Return latencies and traffic each ten seconds; given latencies from the third to the fifth minute."""
    rows = []
    for second in range(0, 60 * minutes, 10):
        for school in range(1, 5):
            is_high = 120 <= second < 300 and school in latency_of
            value = latency_of[school] if is_high else 20.0
            at_us = MONDAY_9H_US + second * SECOND_US
            rows.append((at_us, series_named(school, "latency_ms"), value))
            rows.append((at_us, series_named(school, "down_bps"), 5e7 + second))
    return columns(rows)


def stretch_of(readings: Readings, minutes: int = 10) -> Stretch:
    end_us = MONDAY_9H_US + minutes * MINUTE_US
    return Stretch(readings, np.arange(MONDAY_9H_US, end_us, 10 * SECOND_US, dtype=np.int64), end_us)


def test_readings_come_before_the_tick_of_their_moment_and_none_is_lost() -> None:
    readings = morning({})
    entries = entries_of(stretch_of(readings))
    assert sum(len(e.readings) for e in entries if isinstance(e, ReadingsEntry)) == len(readings)
    assert [type(e) for e in entries[:3]] == [ReadingsEntry, TickEntry, ReadingsEntry]
    moments = [e.at_us for e in entries]
    assert moments == sorted(moments)


@given(st.integers(1, 100))
def test_pieces_are_the_entries_in_their_order(most: int) -> None:
    entries = entries_of(stretch_of(morning({}, 2), 2))
    assert [e for piece in pieces(entries, most) for e in piece] == entries


@given(st.integers(0, 10**6), st.integers(1, 1000), st.integers(10, 2000))
def test_spans_cover_a_stretch_without_gap_or_overlap(from_us: int, length: int, width: int) -> None:
    found = list(spans(from_us, from_us + length, width))
    assert (found[0][0], found[-1][1]) == (from_us, from_us + length)
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(found))
    assert all(begin // width == (end - 1) // width for begin, end in found)


def test_where_the_log_did_not_tick_only_quarter_hours_do() -> None:
    minute = MONDAY_9H_US // MINUTE_US * MINUTE_US
    ticked = np.arange(minute, minute + 10 * MINUTE_US, MINUTE_US)
    ticks = tick_times(MONDAY_9H_US, MONDAY_9H_US + 60 * MINUTE_US, Liveness(ticked))
    live = ticks[(ticks >= minute + MINUTE_US) & (ticks < minute + 9 * MINUTE_US)]
    assert len(live) == 8 * 6
    assert set((ticks[ticks >= minute + 10 * MINUTE_US] % QUARTER_US).tolist()) == {0}
    deaf = Liveness(ticked, ((minute + 2 * MINUTE_US, minute + 4 * MINUTE_US),))
    heard = tick_times(MONDAY_9H_US, MONDAY_9H_US + 10 * MINUTE_US, deaf)
    assert not ((heard > minute + 2 * MINUTE_US) & (heard < minute + 4 * MINUTE_US)).any()


def test_quarters_teach_the_deviation_of_single_readings() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(50.0, 4.0, (400, 90))
    start = MONDAY_9H_US // QUARTER_US * QUARTER_US + QUARTER_US * np.arange(400, dtype=np.int64)
    quarters = Quarters(
        start, np.full(400, 257, np.int32), np.full(400, 90), values.mean(axis=1), np.ptp(values, axis=1)
    )
    taught = quarter_readings(quarters, int(start[-1]) + 1).value
    single = np.abs(values - 50.0).mean()
    assert np.abs(taught - 50.0).mean() == pytest.approx(single, rel=0.05)
    assert taught.mean() == pytest.approx(50.0, abs=0.1)
    told = quarter_readings(quarters, 0).value
    np.testing.assert_array_equal(told, values.mean(axis=1))


def test_a_quarter_of_one_reading_has_no_deviation() -> None:
    one = Quarters(np.array([0]), np.array([257], np.int32), np.array([1]), np.array([7.0]), np.array([0.0]))
    assert quarter_readings(one, QUARTER_US).value.tolist() == [7.0]


def world_of(factor: float = 1.0) -> Surroundings:
    return Surroundings(small_fleet(), CATALOGUE, CALENDAR, factor)


def test_unchanged_rules_tell_what_the_live_fold_told() -> None:
    stretch = stretch_of(morning({2: 170.0}))
    side = new_side(world_of(), parse_rules(SCHOOL_RULES, CATALOGUE))
    live = fold_log(side.fold, [[entry] for entry in entries_of(stretch)])
    take([side], stretch)
    assert side.transitions == list(live.transitions)
    assert [t.kind.value for t in side.transitions] == ["opened", "resolved"]


def test_a_joint_rule_alone_is_given_all_that_it_compares() -> None:
    rules = [r for r in parse_rules(packaged("rules.toml"), CATALOGUE) if isinstance(r, JointRule)]
    series = watched_series([new_side(world_of(), rules)])
    assert {CATALOGUE.by_id[int(one) & MAX_METRIC_ID].name for one in series} == set(JOINT_METRICS)


def test_a_lower_threshold_tells_of_more_schools_and_names_them() -> None:
    stretch = stretch_of(morning({2: 170.0, 3: 130.0, 4: 130.0}))
    world = world_of()
    rules = parse_rules(SCHOOL_RULES, CATALOGUE)
    lower = parse_rules(SCHOOL_RULES.replace("above = 150.0", "above = 110.0"), CATALOGUE)
    sides = [new_side(world, rules), new_side(world, lower)]
    take(sides, stretch)
    now, changed = (Heard([r.name for r in side.rules], side.transitions) for side in sides)
    report = compare(now, changed, world, RewindTerms(MONDAY_9H_US, stretch.to_us))
    latency = next(c for c in report.rules if c.rule == "latency_high")
    assert latency.now is not None
    assert latency.changed is not None
    assert (latency.now.openings, latency.changed.openings) == (1, 3)
    assert (latency.changed.in_school_hours, latency.changed.schools) == (3, 3)
    assert [o.school_id for o in latency.new] == [3, 4]
    assert latency.gone == ()
    # One line of a cluster or of three schools by themselves: never more lines than openings.
    assert 1 <= latency.changed.lines <= 3
    assert report.total_changed.openings == 3
    back = compare(changed, now, world, RewindTerms(MONDAY_9H_US, stretch.to_us))
    assert [o.school_id for c in back.rules for o in c.gone] == [3, 4]


def test_what_was_noticed_while_learning_is_not_counted() -> None:
    stretch = stretch_of(morning({2: 170.0}))
    side = new_side(world_of(), parse_rules(SCHOOL_RULES, CATALOGUE))
    take([side], stretch)
    heard = Heard([r.name for r in side.rules], side.transitions)
    report = compare(heard, heard, world_of(), RewindTerms(MONDAY_9H_US + 6 * MINUTE_US, stretch.to_us))
    assert report.total_now.openings == 0


def test_a_sample_is_told_as_an_estimate() -> None:
    fleet, factor = choose_schools(small_fleet(), sample=2)
    assert (len(fleet.schools), factor) == (2, 2.0)
    assert {device.school_id for device in fleet.devices} == {school.id for school in fleet.schools}
    assert choose_schools(small_fleet(), sample=2)[0].version == fleet.version
    with pytest.raises(ConfigurationError, match="no school has the code 1"):
        choose_schools(small_fleet(), codes=["1"])
    with pytest.raises(ConfigurationError, match="no cluster is called 'x'"):
        choose_schools(small_fleet(), cluster="x")


def test_more_lines_than_an_operator_can_take_are_a_flood() -> None:
    lines = [BegunLine(MONDAY_9H_US + i * SECOND_US, 1.0, in_school_hours=True) for i in range(11)]
    assert flood_minutes(lines, 1) == 10
    assert flood_minutes(lines, 2) == 0
    assert flood_minutes(lines[:10], 1) == 0


FACTORS = (2.0, 1.0, 0.5)


@given(st.lists(st.tuples(*[st.floats(0, 5)] * 3), min_size=1, max_size=4), st.floats(0, 10))
def test_shares_never_exceed_the_budget_unless_the_highest_threshold_does(
    rates: list[tuple[float, float, float]], budget: float
) -> None:
    told = {f"r{i}": dict(zip(FACTORS, sorted(three), strict=True)) for i, three in enumerate(rates)}
    chosen = share_budget(list(told), FACTORS, lambda name, factor: told[name][factor], budget)
    free = [told[name][chosen[name]] for name in told if chosen[name] != FACTORS[0]]
    assert sum(free) <= budget + 1e-6


def test_the_search_stops_at_the_first_threshold_over_budget() -> None:
    rate = {2.0: 0.0, 1.0: 3.0, 0.5: 1.0}
    assert lowest_within(FACTORS, rate.__getitem__, 2.0) == 2.0
    assert lowest_within(FACTORS, rate.__getitem__, 3.0) == 0.5


def test_a_threshold_is_edited_and_nothing_else() -> None:
    text = packaged("rules.toml")
    edited = with_thresholds(text, {"traffic_unusual": 7.25}, CATALOGUE)
    changed = [(a, b) for a, b in zip(text.splitlines(), edited.splitlines(), strict=True) if a != b]
    assert [b for _, b in changed] == ["z = 7.25"]
    before, after = parse_rules(text, CATALOGUE), parse_rules(edited, CATALOGUE)
    assert [r.name for r, s in zip(before, after, strict=True) if r != s] == ["traffic_unusual"]


def test_rules_on_one_line_cannot_be_edited_and_say_so() -> None:
    words = 'title_vi="-", title_en="-", advice_vi="-", advice_en="-"'
    head = 'name="a", metric="down_bps", channel="anomaly", priority=3, priority_in_session=3'
    text = f"rule = [{{{head}, {words}}}]"
    with pytest.raises(ConfigurationError, match="set `z` by hand"):
        with_thresholds(text, {"a": 3.0}, CATALOGUE)
