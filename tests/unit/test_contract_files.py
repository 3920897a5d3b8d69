"""The catalogue, the rules and the calendar: what is shipped reads, what is wrong is named."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from contract.calendar import Context, SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Level
from contract.rule import parse_rules
from contract.topic import Stream

CONFIG = Path(__file__).parents[2] / "config"
PRIMARY = LEVELS.index(Level.PRIMARY)


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return parse_catalogue((CONFIG / "metrics.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def school_year() -> SchoolCalendar:
    return parse_calendar((CONFIG / "calendar.toml").read_text("utf-8"))


def minute(school_year: SchoolCalendar, local: str) -> int:
    """Return the minute number of a local time such as `2026-11-25T08:30`."""
    return int(np.datetime64(local, "m").astype(np.int64)) - 7 * 60


def test_each_metric_has_one_heartbeat_at_most_a_stream(shipped: Catalogue) -> None:
    for stream in Stream:
        assert sum(m.heartbeat for m in shipped.of_stream(stream)) <= 1


def test_columns_are_indexed_by_metric_id(shipped: Catalogue) -> None:
    loss = shipped.named("loss_ratio")
    assert shipped.high[loss.id] == 1.0
    assert np.isnan(shipped.high[255])
    assert shipped.stale_us[loss.id] == loss.stale_s * 1e6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("id = 1\n", "id = 900\n"), "id 900 is not within 1 to 255"),
        (("id = 2\n", "id = 1\n"), "an id and a name of its own"),
        (('stream = "bandwidth"', 'stream = "payroll"'), "'payroll'"),
        (("cadence_s = 10.0", "cadence_s = 0.0"), "0 < cadence_s"),
        (("heartbeat = true", ""), "heartbeat"),
        (("[[metric]]", "[[metric"), "is not TOML"),
    ],
)
def test_a_wrong_catalogue_is_named(change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "metrics.toml").read_text("utf-8").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=r"metrics\.toml") as caught:
        parse_catalogue(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('metric = "latency_ms"', 'metric = "sunshine"'), "'sunshine'"),
        (('channel = "threshold"', 'channel = "guess"'), "'guess' is unknown"),
        (("priority = 2", "priority = 7"), "priorities are 1, 2 or 3"),
        (("below = 0.5\n", ""), "lacks its bound"),
        (("below = 0.5\n", "bellow = 0.5\n"), "bellow"),
        (('suppressed_by = "wan_down"', 'suppressed_by = "nothing"'), "nothing"),
        (('metric = "loss_ratio"', 'metric = "latency_ms"'), "one rule a channel"),
    ],
)
def test_a_wrong_rule_is_named(shipped: Catalogue, change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "rules.toml").read_text("utf-8").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=r"rules\.toml") as caught:
        parse_rules(text, shipped)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("local", "context"),
    [
        ("2026-11-25T09:00", Context.SESSION),  # a Wednesday morning
        ("2026-11-25T07:20", Context.EDGE),  # five minutes into the first session
        ("2026-11-25T12:15", Context.OUT),  # lunch
        ("2026-11-25T22:00", Context.OUT),  # night
        ("2026-11-28T09:00", Context.CLOSED),  # Saturday
        ("2026-11-24T09:00", Context.CLOSED),  # Vietnam Cultural Day, a public holiday since 2026
        ("2026-12-22T09:00", Context.EXAM),  # first-term exams
        ("2027-02-05T09:00", Context.CLOSED),  # Tết break
        ("2027-01-01T09:00", Context.CLOSED),  # New Year's Day
        ("2026-07-01T09:00", Context.CLOSED),  # summer
    ],
)
def test_a_primary_school_through_the_year(school_year: SchoolCalendar, local: str, context: Context) -> None:
    assert school_year.context_at(PRIMARY, minute(school_year, local)) is context


def test_contexts_of_many_equal_each_alone(school_year: SchoolCalendar) -> None:
    start = minute(school_year, "2026-11-23T00:00") * 60_000_000
    time_us = start + np.arange(0, 86_400, 600, dtype=np.int64) * 1_000_000
    level = (np.arange(len(time_us)) % len(LEVELS)).astype(np.int8)
    together = school_year.contexts(level, time_us)
    alone = [
        school_year.context_at(int(k), int(t) // 60_000_000) for k, t in zip(level, time_us, strict=True)
    ]
    assert together.tolist() == alone


def test_a_half_day_has_only_its_first_session() -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    half = '[[half_day]]\nfirst = 2026-11-20\nlast = 2026-11-20\nname = "20/11"\n\n'
    text = text.replace("[level.preschool]", half + "[level.preschool]")
    sessions = parse_calendar(text).sessions(PRIMARY, date(2026, 11, 20))
    assert [s.name for s in sessions] == ["morning"]


def test_a_flooded_school_is_closed_alone() -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    text += '\n[closure]\n"79010042" = [{ first = 2026-11-24, last = 2026-11-25, name = "ngập" }]\n'
    flooded = parse_calendar(text)
    assert flooded.closed_schools(date(2026, 11, 24)) == {"79010042"}
    assert flooded.closed_schools(date(2026, 11, 26)) == frozenset()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('country = "VN"', 'country = "Atlantis"'), "Atlantis"),
        (("[level.primary]", "[level.primay]"), "primary"),
        (("start = 07:15:00", "start = 27:15:00"), "calendar.toml"),
        (("first = 2026-02-10", 'first = "soon"'), "calendar.toml"),
    ],
)
def test_a_wrong_calendar_is_named(change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=r"calendar\.toml") as caught:
        parse_calendar(text)
    assert says in str(caught.value)
