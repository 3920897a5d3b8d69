"""A world small enough for laws: four schools, rules of every channel, a log of any shape."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly.ew import ExponentiallyWeighted
from contract.alert import Transition
from contract.calendar import SchoolCalendar, parse_calendar
from contract.canary import CANARY_METRIC, canary_series, canary_value
from contract.catalogue import Catalogue, parse_catalogue
from contract.commit import Counts, KpiMinute
from contract.entry import Entry, ReadingsEntry, TickEntry, Trouble
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.live import Summary
from contract.reading import Readings, Scored
from contract.rule import parse_rules
from contract.series import series_of
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.rulebook import compile_rules
from stream_processor.fold.sift import must_look_up
from stream_processor.fold.state import State
from stream_processor.fold.step import readings_of, step

SECOND_US = 1_000_000
MONDAY_9H_US = 1_795_399_200_000_000
"""Monday 2026-11-23 09:00 in Ho Chi Minh City: every school is in session."""

_WORDS = 'title_vi = "-"\ntitle_en = "-"\nadvice_vi = "-"\nadvice_en = "-"'
SCHOOL_RULES = """
[[rule]]
name = "wan_down"
metric = "online"
channel = "threshold"
below = 0.5
close_after = 1
priority = 2
priority_in_session = 1

[[rule]]
name = "latency_high"
metric = "latency_ms"
channel = "threshold"
above = 150.0
clear_margin = 30.0
open_after = 2
close_after = 2
priority = 3
priority_in_session = 2
suppressed_by = "wan_down"

[[rule]]
name = "gateway_silent"
metric = "down_bps"
channel = "silence"
silent_s = 45.0
priority = 2
priority_in_session = 1
suppressed_by = "wan_down"

[[rule]]
name = "traffic_unusual"
metric = "down_bps"
channel = "anomaly"
z = 4.0
open_after = 1
close_after = 1
refractory_s = 20.0
only_in_session = true
priority = 3
priority_in_session = 3
suppressed_by = "wan_down"

[[rule]]
name = "traffic_stuck"
metric = "down_bps"
channel = "stuck"
most_still = 0.999
open_after = 1
close_after = 1
priority = 3
priority_in_session = 3
suppressed_by = "wan_down"

[[rule]]
name = "line_errors"
metric = "in_errors"
channel = "rate"
above = 1.0
clear_margin = 0.5
open_after = 2
close_after = 1
priority = 3
priority_in_session = 2
suppressed_by = "wan_down"

[[rule]]
name = "register_falls"
metric = "attendance_ratio"
channel = "rate"
below = -0.1
open_after = 1
close_after = 1
priority = 3
priority_in_session = 3
""".replace("[[rule]]", f"[[rule]]\n{_WORDS}")
RULES = (
    SCHOOL_RULES
    + """
[[rule]]
name = "log_gap"
channel = "system"
priority = 2

[[rule]]
name = "feed_down"
channel = "system"
priority = 1

[[rule]]
name = "session_lost"
channel = "system"
priority = 1
""".replace("[[rule]]", f"[[rule]]\n{_WORDS}")
)


def packaged(name: str) -> str:
    """Return the text of a file of the packaged configuration."""
    return (files("config") / name).read_text(encoding="utf-8")


CATALOGUE: Catalogue = parse_catalogue(packaged("metrics.toml"))
CALENDAR: SchoolCalendar = parse_calendar(packaged("calendar.toml"))


def small_fleet(schools: int = 4, province: str = "79") -> Fleet:
    """Return a fleet of primary schools, each with a gateway, an attendance system and a connector."""
    kinds = ((DeviceKind.GATEWAY, "gw-1"), (DeviceKind.ATTENDANCE, "att-1"), (DeviceKind.ELEARNING, "lms-1"))
    return Fleet(
        province,
        (Cluster("c1", "Cụm 1"),),
        (Ward("w1", "Phường 1", "P. 1", "c1"),),
        tuple(
            School(i, f"7900{i:04d}", f"Trường {i}", Level.PRIMARY, "w1", 100 * i, "isp", 1e8, 1e8)
            for i in range(1, schools + 1)
        ),
        tuple(
            Device(3 * i + k + 1, i + 1, code, kind)
            for i in range(schools)
            for k, (kind, code) in enumerate(kinds)
        ),
    )


@lru_cache
def small_fold(partition: int = 0, partitions: int = 1, rules: str = RULES, schools: int = 4) -> Fold:
    """Return a fold over the small fleet whose detector judges from the fourth reading on."""
    return Fold(
        lay_out(small_fleet(schools), CATALOGUE, partition, partitions),
        compile_rules(parse_rules(rules, CATALOGUE), CATALOGUE),
        CATALOGUE,
        CALENDAR,
        ExponentiallyWeighted(mature_readings=3, mature_s=0.0),
    )


def series_named(school: int, metric: str) -> int:
    """Return the series of a metric of a school of the small fleet, school from 1."""
    found = CATALOGUE.named(metric)
    kind = {"attendance": 2, "elearning": 3}.get(found.stream.value, 1)
    return series_of(3 * (school - 1) + kind, found.id)


class Folded(NamedTuple):
    """What a whole log gave."""

    state: State
    rows: Scored
    transitions: tuple[Transition, ...]
    kpis: tuple[KpiMinute, ...]
    counts: Counts
    summary: Summary | None


def fold_log(fold: Fold, stretches: Sequence[Sequence[Entry]], state: State | None = None) -> Folded:
    """Fold stretches one after the other over a table that starts empty, as the owner of a log would."""
    state = fold.initial_state() if state is None else state
    table: set[tuple[int, int]] = set()
    rows: list[Scored] = []
    transitions: tuple[Transition, ...] = ()
    kpis: tuple[KpiMinute, ...] = ()
    counts, summary = Counts(), None
    for entries in stretches:
        readings = readings_of(entries)
        held = [k in table for k in zip(readings.series.tolist(), readings.time_us.tolist(), strict=True)]
        stored = np.array(held, np.bool_) & must_look_up(fold.layout, state, readings)
        state, output = step(fold, state, entries, stored)
        kept = output.rows.readings
        table |= set(zip(kept.series.tolist(), kept.time_us.tolist(), strict=True))
        rows.append(output.rows)
        transitions += output.transitions
        kpis += output.kpis
        counts = counts.plus(output.counts)
        summary = output.summary or summary
    all_rows = Scored(
        Readings.concat([r.readings for r in rows]),
        np.concatenate([np.empty(0, np.float32), *(r.score for r in rows)]),
    )
    return Folded(state, all_rows, transitions, kpis, counts, summary)


def assert_same_state(a: State, b: State) -> None:
    """Fail unless both states are equal to the last bit."""
    for field in fields(State):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if field.name == "detector":
            assert left.keys() == right.keys()
            for name in left:
                np.testing.assert_array_equal(left[name], right[name], err_msg=f"detector.{name}")
        else:
            np.testing.assert_array_equal(left, right, err_msg=field.name)


def assert_same_rows(a: Scored, b: Scored) -> None:
    """Fail unless both have the same rows in the same order, scores included."""
    for left, right in (
        (a.readings.time_us, b.readings.time_us),
        (a.readings.series, b.readings.series),
        (a.readings.value, b.readings.value),
        (a.score, b.score),
    ):
        np.testing.assert_array_equal(left, right)


def assert_same(a: Folded, b: Folded) -> None:
    """Fail unless two ways through a log gave the same."""
    assert_same_rows(a.rows, b.rows)
    assert a.transitions == b.transitions
    assert a.kpis == b.kpis
    assert a.counts == b.counts
    assert a.summary == b.summary
    assert_same_state(a.state, b.state)


def columns(rows: Sequence[tuple[int, int, float]]) -> Readings:
    """Return rows of (time, series, value) as readings."""
    time_us, series, value = zip(*rows, strict=True) if rows else ((), (), ())
    return Readings(np.array(time_us, np.int64), np.array(series, np.int32), np.array(value, np.float64))


def any_cutting(log: Sequence[Entry], cuts: NDArray[np.bool_] | Sequence[bool]) -> list[list[Entry]]:
    """Return the log cut before each entry whose flag is set."""
    stretches: list[list[Entry]] = [[]]
    for entry, cut in zip(log, cuts, strict=False):
        if cut:
            stretches.append([])
        stretches[-1].append(entry)
    return stretches


_METRICS = {
    "online": (0.0, 1.0),
    "latency_ms": (20.0, 125.0, 400.0),
    "down_bps": (50e6, 51e6, 0.0),
    "attendance_ratio": (0.95, 0.4),
    "in_errors": (0.0, 30.0, 400.0, 4_294_967_000.0),
}


@st.composite
def logs(draw: st.DrawFn, schools: int = 4, longest: int = 40) -> list[Entry]:
    """Draw a log: ticks a second to a gap apart, some deaf; readings early, late, twice; canaries, strays."""
    now_us = MONDAY_9H_US
    log: list[Entry] = []
    for _ in range(draw(st.integers(0, longest))):
        now_us += draw(st.sampled_from([0, 1, 1, 5, 20, 50, 700])) * SECOND_US
        if draw(st.booleans()):
            troubles = draw(st.sampled_from([(), (), (Trouble.SESSION_LOST,), tuple(Trouble)]))
            log.append(TickEntry(now_us, draw(st.sampled_from([True, True, False])), troubles))
        else:
            rows = draw(st.lists(_rows(now_us, schools), max_size=8))
            log.append(ReadingsEntry(now_us, columns(rows)))
    return log


def _rows(now_us: int, schools: int) -> st.SearchStrategy[tuple[int, int, float]]:
    age_us = st.sampled_from([0, 0, 1, 2, 5, 10, 60]).map(lambda s: s * SECOND_US)
    known = st.sampled_from(sorted(_METRICS)).flatmap(
        lambda name: st.tuples(
            age_us.map(lambda age: now_us - age),
            st.integers(1, schools).map(lambda school: series_named(school, name)),
            st.sampled_from(_METRICS[name]),
        )
    )
    stray = st.tuples(age_us.map(lambda age: now_us - age), st.just(series_of(999, 1)), st.just(1.0))
    canary = st.tuples(
        age_us.map(lambda age: now_us - age),
        st.just(canary_series(0, CATALOGUE.named(CANARY_METRIC).id)),
        st.sampled_from([canary_value(1), canary_value(2)]),
    )
    return st.one_of(known, known, known, stray, canary)


def split_entries(log: Sequence[Entry]) -> list[Entry]:
    """Return the log with every entry of readings split into entries of one reading."""
    parts: list[Entry] = []
    for entry in log:
        if isinstance(entry, TickEntry):
            parts.append(entry)
        else:
            n = len(entry.readings)
            parts += [replace(entry, readings=entry.readings.take(np.array([i]))) for i in range(n)]
    return parts
