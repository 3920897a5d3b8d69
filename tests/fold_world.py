"""A world small enough for laws: four schools, rules of every channel."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.ew import ExponentiallyWeighted
from contract.alert import Transition
from contract.calendar import SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.commit import Counts, KpiMinute
from contract.entry import Entry, TickEntry
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.live import Summary
from contract.reading import Corrections, Held, Readings, Scored
from contract.rule import parse_rules
from contract.series import series_of
from stream_processor.fold.arrival.sift import must_look_up
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.rulebook import compile_rules
from stream_processor.fold.state import State
from stream_processor.fold.step import Output, readings_of, step

SECOND_US = 1_000_000
MONDAY_9H_US = 1_795_399_200_000_000
"""Monday 2026-11-23 09:00 in Ho Chi Minh City: every school is in session."""

_WORDS = 'title_vi = "-"\ntitle_en = "-"\nadvice_vi = "-"\nadvice_en = "-"'


def with_words(rules: str) -> str:
    """Return rules with words for people in each."""
    return rules.replace("[[rule]]", f"[[rule]]\n{_WORDS}")


SCHOOL_RULES = with_words("""
[[rule]]
name = "wan_down"
metric = "online"
channel = "threshold"
below = 0.5
close_after = 1
contradicted_by = ["down_bps", "latency_ms"]
steady_s = 60.0
priority = 2
priority_in_session = 1

[[rule]]
name = "latency_high"
metric = "latency_ms"
channel = "threshold"
above = 150.0
clear_margin = 30.0
open_after = 2
open_of = 3
close_after = 2
close_of = 4
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
name = "register_missing"
metric = "attendance_ratio"
channel = "silence"
silent_s = 60.0
session_from_s = 600.0
session_until_s = 8400.0
once_in_sessions = 2.5
priority = 3
priority_in_session = 3
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

[[rule]]
name = "clock_wrong"
metric = "down_bps"
channel = "clock"
priority = 3
priority_in_session = 3
""")
RULES = SCHOOL_RULES + with_words("""
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
""")


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


Table = dict[tuple[int, int], list[float]]
"""All words about each (series, time), the one that holds last."""


def held_in(table: Table, readings: Readings) -> NDArray[np.int8]:
    """Return what a table holds of each reading; see `Held`."""
    held = []
    for key, value in zip(
        zip(readings.series.tolist(), readings.time_us.tolist(), strict=True),
        readings.value.tolist(),
        strict=True,
    ):
        words = table.get(key, [])
        held.append(Held.SAME if value in words else Held.ANOTHER if words else Held.NOTHING)
    return np.array(held, np.int8)


def write_to(table: Table, output: Output) -> None:
    """Add the rows and correct them, as `storage.results` does; fail where a word is no new one."""
    kept = output.rows.readings
    for *key, value in zip(kept.series.tolist(), kept.time_us.tolist(), kept.value.tolist(), strict=True):
        assert (key[0], key[1]) not in table
        table[key[0], key[1]] = [value]
    later = output.corrections.words.readings
    for *key, value in zip(later.series.tolist(), later.time_us.tolist(), later.value.tolist(), strict=True):
        words = table[key[0], key[1]]
        assert value not in words
        words.append(value)


class Folded(NamedTuple):
    """What a whole log gave."""

    state: State
    rows: Scored
    corrections: Corrections
    table: Table
    transitions: tuple[Transition, ...]
    kpis: tuple[KpiMinute, ...]
    counts: Counts
    summary: Summary | None


def fold_log(
    fold: Fold,
    stretches: Sequence[Sequence[Entry]],
    state: State | None = None,
    table: Table | None = None,
) -> Folded:
    """Fold stretches one after the other, as the owner of a log would, over a table, at first empty."""
    state = fold.initial_state() if state is None else state
    table = {} if table is None else table
    rows: list[Scored] = []
    corrections: list[Corrections] = []
    transitions: tuple[Transition, ...] = ()
    kpis: tuple[KpiMinute, ...] = ()
    counts, summary = Counts(), None
    for entries in stretches:
        readings = readings_of(entries)
        unsure = must_look_up(fold.layout, state, readings)
        held = np.where(unsure, held_in(table, readings), Held.NOTHING).astype(np.int8)
        state, output = step(fold, state, entries, held)
        write_to(table, output)
        rows.append(output.rows)
        corrections.append(output.corrections)
        transitions += output.transitions
        kpis += output.kpis
        counts = counts.plus(output.counts)
        summary = output.summary or summary
    told = Corrections(
        _joined([c.words for c in corrections]),
        np.concatenate([np.empty(0, np.int64), *(c.at_us for c in corrections)]),
    )
    return Folded(state, _joined(rows), told, table, transitions, kpis, counts, summary)


def went_on(fold: Fold, before: Folded, entries: Sequence[Entry], state: State) -> Folded:
    """Fold what follows from a state that is `before`'s, over a copy of what was stored until then."""
    table = {key: list(words) for key, words in before.table.items()}
    return fold_log(fold, [entries], state, table)


def _joined(parts: Sequence[Scored]) -> Scored:
    return Scored(
        Readings.concat([part.readings for part in parts]),
        np.concatenate([np.empty(0, np.float32), *(part.score for part in parts)]),
    )


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
    assert_same_rows(a.corrections.words, b.corrections.words)
    np.testing.assert_array_equal(a.corrections.at_us, b.corrections.at_us)
    assert a.table == b.table
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


def slots_of(fold: Fold) -> NDArray[np.intp]:
    """Return the slots of all registers, by school."""
    schools = range(1, fold.layout.schools + 1)
    return fold.layout.slots_of(np.array([series_named(s, "attendance_ratio") for s in schools], np.int32))
