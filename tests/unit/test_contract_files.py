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
        # an unknown field, one of another channel, a missing one, and values out of their range
        (("below = 0.5", "bellow = 0.5"), "rule 'wan_down': Object contains unknown field `bellow`"),
        (("below = 0.5", "below = 0.5\nsilent_s = 45.0"), "threshold rule 'wan_down': .* field `silent_s`"),
        (("below = 0.5\n", ""), "rule 'wan_down': Object missing required field `below` or `above`"),
        (("silent_s = 45.0\n", ""), "rule 'gateway_silent': Object missing required field `silent_s`"),
        (("below = 0.5", "below = nan"), r"rule 'wan_down': Expected .*`\$\.below`, not nan"),
        (("priority = 2", "priority = 7"), r"rule 'wan_down': Invalid enum value 7 - at `\$\.priority`"),
        (("open_after = 1", "open_after = 0"), r"Expected `int` >= 1 - at `\$\.open_after`, not 0"),
        (
            ('direction = "up"', 'direction = "left"'),
            r"rule 'latency_unusual': .*`\$\.direction`, not 'left'",
        ),
        (("clear_margin = 30.0", "clear_margin = 30.0\nbelow = 100.0"), "`below` [+] `clear_margin` <="),
        (('channel = "threshold"', 'channel = "guess"'), r"'guess' - at `\$\.channel`"),
        # what fits neither the catalogue nor the other rules
        (('metric = "latency_ms"', 'metric = "sunshine"'), "`metric` 'sunshine' is not in the catalogue"),
        (('suppressed_by = "wan_down"', 'suppressed_by = "log_gap"'), "no rule of a metric: 'log_gap'"),
        (('metric = "loss_ratio"', 'metric = "latency_ms"'), "'loss_high': .* one rule a channel"),
        (('name = "loss_high"', 'name = "latency_high"'), "`name` is that of another rule"),
    ],
)
def test_a_wrong_rule_is_named(shipped: Catalogue, change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "rules.toml").read_text("utf-8").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=rf"^rules\.toml, line \d+: .*{says}"):
        parse_rules(text, shipped)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("priority = 3", "priority = 9"), "priority = 9"),
        (("priority = 3", "above = 1"), "above = 1"),
        (("silent_s = 60", ""), "[[ rule ]] # second"),
        (("silent_s = 60", "'silent_s'= 0"), "'silent_s'= 0"),
        (('metric = "active_users"', 'metric = "rain"'), 'metric = "rain"'),
    ],
)
def test_a_refusal_names_the_line(shipped: Catalogue, change: tuple[str, str], line: str) -> None:
    words = 'title_vi = "-"\ntitle_en = "-"\nadvice_vi = "-"\nadvice_en = "-"'
    first = f'[[rule]]\nname = "a"\nchannel = "system"\npriority = 2\n{words}\n'
    second = (
        f'\n[[ rule ]] # second\n{words}\n# silent_s = 60 is a minute\nname = "b"\n  channel = "silence"\n'
        'metric = "active_users"\npriority_in_session = 1\npriority = 3\nsilent_s = 60\n'
    )
    text = first + second[::-1].replace(change[0][::-1], change[1][::-1], 1)[::-1]
    with pytest.raises(
        ConfigurationError, match=rf"line {text.splitlines().index(line) + 1}: silence rule 'b'"
    ):
        parse_rules(text, shipped)


def test_rules_written_otherwise_are_refused_without_a_line(shipped: Catalogue) -> None:
    with pytest.raises(ConfigurationError, match=r"^rules\.toml: silence rule 'a': Object missing required"):
        parse_rules('rule = [{ name = "a", channel = "silence" }]', shipped)


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
