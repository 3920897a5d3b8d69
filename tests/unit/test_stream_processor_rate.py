"""Rate rules: counters through ingest and the fold, in their order and out of it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.alert import Transition, TransitionKind
from contract.catalogue import parse_catalogue
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.live import STATE_NORMAL
from contract.rule import parse_rules
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from stream_processor.fold.constants import Fold, build_fold
from tests.examples import examples
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    any_cutting,
    assert_same,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
    small_fold,
)

ERRORS = series_named(1, "in_errors")
MINUTE_US = 60 * SECOND_US
TOP = 2.0**32
WORDS = (
    "title_vi = 'a'\ntitle_en = 'b'\nadvice_vi = 'c'\nadvice_en = 'd'\npriority = 3\npriority_in_session = 3"
)


def packaged_fold() -> Fold:
    """Return a fold of the packaged rules over the small fleet."""
    return build_fold(
        small_fleet(1), CATALOGUE, CALENDAR, parse_rules(packaged("rules.toml"), CATALOGUE), 0, 1
    )


def counted(values: list[float], step_s: int = 60) -> list[Entry]:
    """Return values of the error counter, each an entry, from Monday nine o'clock."""
    times_us = [MONDAY_9H_US + i * step_s * SECOND_US for i in range(len(values))]
    return [ReadingsEntry(t, columns([(t, ERRORS, v)])) for t, v in zip(times_us, values, strict=True)]


def told(log: list[Entry], fold: Fold | None = None) -> list[Transition]:
    """Return the transitions of the packaged `line_errors`."""
    return [t for t in fold_log(fold or packaged_fold(), [log]).transitions if t.rule == "line_errors"]


def rising(start: float, rates: list[float], step_s: int = 60) -> list[float]:
    """Return a 32-bit counter that rises by the given rates."""
    return [float(v % TOP) for v in start + np.cumsum([0.0, *rates]) * step_s]


@pytest.mark.parametrize("start", [0.0, TOP - 200], ids=["plain", "wraps"])
def test_errors_are_told_by_their_rate_and_end_with_it(start: float) -> None:
    opened, resolved = told(counted(rising(start, [0.0, 0.1, 2.0, 3.0, 4.0, 0.7, 0.2, 0.2, 0.2])))
    assert (opened.kind, resolved.kind) == (TransitionKind.OPENED, TransitionKind.RESOLVED)
    assert opened.opened_at_us == MONDAY_9H_US + 3 * MINUTE_US
    assert opened.at_us == MONDAY_9H_US + 5 * MINUTE_US
    assert opened.value == pytest.approx(4.0)
    assert (opened.expected_low, opened.expected_high, opened.score) == (None, 1.0, None)
    assert (opened.priority, resolved.at_us) == (2, MONDAY_9H_US + 9 * MINUTE_US)
    assert resolved.value == pytest.approx(0.2)


@pytest.mark.parametrize(
    "log",
    [
        counted([4e9]),  # the first reading, however large
        counted([4e9, 10.0, 20.0, 30.0, 40.0]),  # a restart: 10 since it, not 4e9 before it
        counted([1000.0 * i for i in range(6)], step_s=240),  # four minutes apart: the value before is stale
        counted([7e8] * 9),  # stands still
    ],
    ids=["first", "restart", "pauses", "still"],
)
def test_what_is_no_rate_of_errors(log: list[Entry]) -> None:
    assert told(log) == []


def test_a_pause_neither_ends_nor_lengthens_a_run() -> None:
    log = counted(rising(0.0, [5.0, 5.0]))
    after_us = MONDAY_9H_US + 30 * MINUTE_US
    log += [ReadingsEntry(after_us, columns([(after_us, ERRORS, 9000.0)]))]
    assert told(log) == []
    last_us = after_us + MINUTE_US
    assert [t.kind for t in told([*log, ReadingsEntry(last_us, columns([(last_us, ERRORS, 9600.0)]))])] == [
        "opened"
    ]


def test_a_late_reading_is_stored_and_never_a_restart() -> None:
    log = counted(rising(50_000.0, [0.1] * 8))
    late = ReadingsEntry(log[-1].at_us, columns([(MONDAY_9H_US + SECOND_US, ERRORS, 3.0)]))
    folded = fold_log(packaged_fold(), [[*log, late]])
    assert len(folded.rows.readings) == 10
    assert not folded.transitions
    assert folded.state.value[packaged_fold().layout.slots_of(np.array([ERRORS], np.int32))[0]] > 50_000


@examples(60)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from([0.0, 30.0, 400.0, TOP - 10])), min_size=1, max_size=30
    ),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_shuffled_times_cuttings_and_redelivery_give_the_same(
    told_at: list[tuple[int, float]], cuts: list[bool]
) -> None:
    fold = small_fold()
    rows = [(MONDAY_9H_US + s * SECOND_US, ERRORS, v) for s, v in told_at]
    log: list[Entry] = [ReadingsEntry(MONDAY_9H_US + 401 * SECOND_US, columns([row])) for row in rows]
    once = fold_log(fold, [log])
    assert_same(once, fold_log(fold, any_cutting(log, cuts)))
    again = fold_log(fold, [[e for entry in log for e in (entry, entry)]])
    assert_same(once._replace(counts=again.counts), again)


def test_a_counter_has_neither_score_nor_baseline_nor_sum() -> None:
    fold = packaged_fold()
    log = counted(rising(0.0, [0.5] * 40))
    ticks: list[Entry] = [TickEntry(log[-1].at_us + s * SECOND_US) for s in (0, 70)]
    folded = fold_log(fold, [[*log, *ticks]])
    slot = fold.layout.slots_of(np.array([ERRORS], np.int32))
    assert np.isnan(folded.rows.score).all()
    assert np.isnan(folded.state.z[slot]).all()
    assert (folded.state.detector["readings"] == 0).all()
    assert folded.summary is not None
    assert "in_errors" not in folded.summary.kpis
    assert CATALOGUE.named("in_errors").id not in {kpi.metric_id for kpi in folded.kpis}
    assert {m.name for m in CATALOGUE.metrics} - folded.summary.kpis.keys() == {"in_errors"}


def test_a_counter_that_nobody_publishes_disturbs_nothing() -> None:
    fold = packaged_fold()
    log: list[Entry] = []
    for t in range(MONDAY_9H_US, MONDAY_9H_US + 10 * MINUTE_US, 10 * SECOND_US):
        rows = [(t, series_named(1, name), 1.0) for name in ("online", "active_users")]
        rows += [(t, series_named(1, "down_bps"), 5e7 + t % 997)]
        log += [ReadingsEntry(t, columns(rows)), TickEntry(t)]
    folded = fold_log(fold, [log])
    assert not folded.transitions
    assert folded.summary is not None
    assert folded.summary.states == STATE_NORMAL
    assert all(kpi.reporting == kpi.expected for n, kpi in folded.summary.kpis.items() if n == "down_bps")


def test_real_packs_with_the_counter_go_through_ingest_and_the_fold() -> None:
    fleet = small_fleet(1)
    registry, fold = Registry(fleet, CATALOGUE, 1), packaged_fold()
    topic = f"edu/v1/{fleet.province}/{fleet.schools[0].code}/gw-1/bandwidth"
    log: list[Entry] = []
    for minute, value in enumerate([4_294_967_000, 4_294_967_200, 100, 300, 500]):
        at_us = MONDAY_9H_US + minute * MINUTE_US
        pack = [
            {"bt": at_us / 1e6, "n": "down_bps", "u": "bit/s", "v": 5e7},
            {"n": "in_errors", "u": "count", "v": value},
        ]
        taken = accept([Message(topic, json.dumps(pack).encode(), at_us)], registry, AcceptanceLimits())
        assert taken.rejected == []
        log.append(ReadingsEntry(at_us, taken.by_partition[0]))
    (opened,) = told(log, fold)
    assert (opened.at_us, opened.series) == (MONDAY_9H_US + 3 * MINUTE_US, ERRORS)
    assert opened.value == pytest.approx(200 / 60)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_a_count_beyond_its_width_is_refused(value: int) -> None:
    fleet = small_fleet(1)
    topic = f"edu/v1/{fleet.province}/{fleet.schools[0].code}/gw-1/bandwidth"
    pack = json.dumps([{"n": "in_errors", "u": "count", "v": value}]).encode()
    taken = accept([Message(topic, pack, MONDAY_9H_US)], Registry(fleet, CATALOGUE, 1), AcceptanceLimits())
    assert [r.reason for r in taken.rejected] == ["out_of_range"]


def test_a_gauge_is_judged_by_its_signed_rate() -> None:
    register, at_us = series_named(1, "attendance_ratio"), MONDAY_9H_US
    rows = [
        (at_us, register, 0.95),
        (at_us + SECOND_US, register, 0.4),
        (at_us + 2 * SECOND_US, register, 0.4),
    ]
    opened, resolved = fold_log(small_fold(), [[ReadingsEntry(at_us, columns(rows))]]).transitions
    assert (opened.rule, opened.kind, resolved.kind) == ("register_falls", "opened", "resolved")
    assert opened.value == pytest.approx(-0.55)
    assert (opened.expected_low, opened.expected_high) == (-0.1, None)
    assert resolved.value == 0.0


@pytest.mark.parametrize("channel", ['threshold"\nabove = 1.0\n#', "anomaly", "stuck"])
def test_a_counter_is_never_judged_by_its_value(channel: str) -> None:
    text = f'[[rule]]\nname = "x"\nmetric = "in_errors"\nchannel = "{channel}"\n{WORDS}'
    with pytest.raises(ConfigurationError, match="'in_errors' is a counter, and its value says nothing"):
        parse_rules(text, CATALOGUE)


def test_a_rate_rule_needs_a_bound() -> None:
    text = f'[[rule]]\nname = "x"\nmetric = "in_errors"\nchannel = "rate"\n{WORDS}'
    with pytest.raises(ConfigurationError, match=r"line 1: rate rule 'x': .*`below` or `above`"):
        parse_rules(text, CATALOGUE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('kind = "counter"', 'kind = "clock"'), "'clock'"),
        (("counter_bits = 32", "counter_bits = 31"), "counter_bits is 0, 32 or 64, not 31"),
        (('kind = "counter"\n', ""), "only a counter has counter_bits"),
        (("high = 4294967295.0", "high = 4294967297.0"), "a counter counts from 0 up"),
        (("low = 0.0\nhigh = 4294967295.0", "low = -1.0\nhigh = 4294967295.0"), "a counter counts from 0 up"),
    ],
)
def test_a_wrong_counter_is_named(change: tuple[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match="in_errors") as caught:
        parse_catalogue(packaged("metrics.toml").replace(*change, 1))
    assert says in str(caught.value)


def test_metrics_are_gauges_unless_they_say_otherwise() -> None:
    assert [m.name for m in CATALOGUE.metrics if CATALOGUE.is_counter[m.id]] == ["in_errors"]
    assert CATALOGUE.counter_range[CATALOGUE.named("in_errors").id] == TOP
    assert CATALOGUE.counter_range[CATALOGUE.named("down_bps").id] == 0
