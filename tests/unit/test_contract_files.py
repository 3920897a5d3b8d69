"""The catalogue, the rules and the calendar: what is shipped reads, what is wrong is named."""

import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from contract.calendar import Context, SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Fleet, Level
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
        (("[[metric]]", "[[metric"), "line 17, column 9: this is no TOML"),
        (("id = 1\n", 'id = "1"\n'), "line 18: metric 'down_bps': Expected `int`, got `str`"),
        (('name = "down_bps"', "name = [1]"), "line 19: metric [1]: Expected `str`, got `array`"),
        (("low = 0.0", 'low = "0"'), "line 22: metric 'down_bps': Expected `float`, got `str`"),
        (("low = 0.0", "low = nan"), "line 22: metric 'down_bps': needs low < high"),
        (("stale_s = 60.0", "stale_s = 2026-01-01"), "line 25: metric 'down_bps': Expected `float`"),
        (("heartbeat = true", "heartbeat = true\nunits = 1"), "line 27: metric 'down_bps': `units` is no"),
        (("[[metric]]", "[[metrics]]"), "line 17: Object contains unknown field `metrics`"),
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
        (('title_en = "', 'title_en = "\\u202e'), "`title_en` has 1 to 1000 characters, all of which can be"),
        (('advice_en = "', f'advice_en = "{"x" * 1000}'), "`advice_en` has 1 to 1000 characters"),
        (('name = "wan_down"', 'name = "wan\\u0000"'), "`name` has 1 to 1000 characters, all of which"),
        (("priority = 2", "priority = 7"), r"rule 'wan_down': Invalid enum value 7 - at `\$\.priority`"),
        (("open_after = 1", "open_after = 0"), r"Expected `int` >= 1 - at `\$\.open_after`, not 0"),
        (
            ('direction = "up"', 'direction = "left"'),
            r"rule 'latency_unusual': .*'left' - at `\$\.direction`; write one of both, down, up$",
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


def test_rules_written_otherwise_are_refused_by_their_line_too(shipped: Catalogue) -> None:
    text = 'rule = [\n  { name = "a", channel = "silence" },\n]'
    with pytest.raises(ConfigurationError, match=r"^rules\.toml, line 2: silence rule 'a': Object missing"):
        parse_rules(text, shipped)


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


def test_schools_work_on_a_made_up_saturday() -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    saturday = '\n[[make_up]]\nfirst = 2026-12-19\nlast = 2026-12-19\nname = "Học bù"\n'
    assert not parse_calendar(text).sessions(PRIMARY, date(2026, 12, 19))
    made_up = parse_calendar(text + saturday)
    assert [s.name for s in made_up.sessions(PRIMARY, date(2026, 12, 19))] == ["morning", "afternoon"]
    assert not made_up.sessions(PRIMARY, date(2026, 12, 26))


def test_an_event_of_the_file_is_one_in_session_and_no_other_day() -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    eve = parse_calendar(text + '\n[[event]]\nfirst = 2027-01-29\nlast = 2027-01-29\nname = "Trước Tết"\n')

    def context(day: int, hour: int) -> Context:
        moment = datetime(2027, 1, day, hour, tzinfo=eve.timezone)
        return Context(eve.context_at(PRIMARY, int(moment.timestamp()) // 60))

    assert [context(29, hour) for hour in (7, 9, 12, 15, 20)] == [
        Context.EVENT,
        Context.EVENT,
        Context.OUT,
        Context.EVENT,
        Context.OUT,
    ]
    assert context(28, 9) is Context.SESSION
    assert eve.sessions(PRIMARY, date(2027, 1, 29))


SPAN = '\n[[{}]]\nname = "x"\nfirst = {}\nlast = {} # wrong\n'
CLOSURE = '\n[closure]\n"79010042" = [{ first = 2026-11-25, last = 2026-11-24, name = "ngập" }] # wrong\n'


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("", SPAN.format("break", "2026-12-02", "2026-12-01")), "break 'x' ends on 2026-12-01, before it"),
        (("", SPAN.format("term", "2028-05-31", "2027-09-05")), "term 'x' ends on 2027-09-05"),
        (("", SPAN.format("exam", "2026-12-02", "2026-12-01")), "exam 'x' ends on"),
        (("", SPAN.format("half_day", "2026-12-02", "2026-12-01")), "half_day 'x' ends on"),
        (("", SPAN.format("make_up", "2026-12-02", "2026-12-01")), "make_up 'x' ends on"),
        (("", SPAN.format("event", "2026-12-02", "2026-12-01")), "event 'x' ends on"),
        (("", SPAN.format("make_up", "2027-02-06", "2027-02-06")), "is no school day"),  # Tết
        (("", CLOSURE), "closure of 79010042 'ngập' ends on 2026-11-24"),
        (("weekdays = [0, 1, 2, 3, 4, 5]", "weekdays = [1, 7] # wrong"), "weekday 7 of lower_secondary"),
        (("end = 11:00:00", "end = 06:15:00 }, # wrong"), "ends at 06:15:00, not after 07:00:00"),
        (("[level.primary]", "[level.primay] # wrong"), "level 'primay' is none of preschool, primary"),
        (
            ("", "\n[[saturday]] # wrong\nfirst = 2026-11-28\n"),
            "`saturday`; it may have timezone, country, te",
        ),
        (("timezone =", "halfday = 1 # wrong\ntimezone ="), "`halfday`; did you mean `half_day`"),
    ],
)
def test_what_cannot_be_is_refused_by_its_line(change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    text = text.replace(*change, 1) if change[0] else text + change[1]
    line = next(n for n, written in enumerate(text.splitlines(), 1) if "# wrong" in written)
    with pytest.raises(ConfigurationError, match=rf"^calendar\.toml, line {line}: ") as caught:
        parse_calendar(text)
    assert says in str(caught.value)


def test_shifts_do_not_overlap() -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8").replace("start = 13:30:00", "start = 10:30:00", 1)
    with pytest.raises(ConfigurationError, match="begins at 10:30:00, before 11:00:00 of the last"):
        parse_calendar(text)


def test_shifts_of_other_days_may_overlap_and_hold_on_their_own() -> None:
    """From the first of December on primary schools begin half an hour later; the days before stay."""
    old = '{ name = "morning", start = 07:15:00, end = 11:00:00 }'
    new = old.replace("07:15", "07:45").replace("11:00", "11:30").replace(" }", ", first = 2026-12-01 }")
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    calendar = parse_calendar(text.replace(old, f"{old.replace(' }', ', last = 2026-11-30 }')},\n    {new}"))
    plain = parse_calendar(text)
    primary, eve, day = LEVELS.index(Level.PRIMARY), date(2026, 11, 30), date(2026, 12, 1)
    assert calendar.sessions(primary, eve) == plain.sessions(primary, eve)
    later, usual = calendar.sessions(primary, day), plain.sessions(primary, day)
    assert [s.start_us - u.start_us for s, u in zip(later, usual, strict=True)] == [1_800_000_000, 0]
    with pytest.raises(ConfigurationError, match=r"begins at 07:45:00, before 11:00:00 of the last"):
        parse_calendar(text.replace(old, f"{old},\n    {new}"))
    backwards = old.replace(" }", ", first = 2026-12-02, last = 2026-12-01 }")
    with pytest.raises(ConfigurationError, match="holds until 2026-12-01, before its first day, 2026-12-02"):
        parse_calendar(text.replace(old, backwards))


def test_a_calendar_without_a_term_is_refused() -> None:
    text = re.sub(r"\[\[term\]\]\n(.+\n)+", "", (CONFIG / "calendar.toml").read_text("utf-8"))
    with pytest.raises(ConfigurationError, match="there is no term"):
        parse_calendar("term = []\n" + text)


def test_a_closure_names_a_school_of_the_fleet(city: Fleet) -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8")
    span = '\n[[closure.{}]]\nfirst = 2026-11-24\nlast = 2026-11-25\nname = "ngập"\n'
    parse_calendar(text + span.format(city.schools[0].code)).check_schools(city)
    wrong = text + span.format("79999999")
    line = wrong.splitlines().index("[[closure.79999999]]") + 1
    with pytest.raises(ConfigurationError, match=rf"line {line}: no school has code '79999999'"):
        parse_calendar(wrong).check_schools(city)


def test_a_calendar_has_a_last_day(school_year: SchoolCalendar) -> None:
    assert school_year.last_day == date(2027, 5, 31)
    assert school_year.day_name(date(2027, 6, 1)) == "outside term"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('country = "VN"', 'country = "Atlantis"'), "Atlantis"),
        (("[level.primary]", "[other.primary]"), "other"),
        (('timezone = "Asia/Ho_Chi_Minh"', 'timezone = "../etc/passwd"'), "calendar.toml"),
        (("start = 07:15:00", "start = 27:15:00"), "calendar.toml"),
        (("first = 2026-02-10", 'first = "soon"'), "calendar.toml"),
    ],
)
def test_a_wrong_calendar_is_named(change: tuple[str, str], says: str) -> None:
    text = (CONFIG / "calendar.toml").read_text("utf-8").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=r"calendar\.toml") as caught:
        parse_calendar(text)
    assert says in str(caught.value)
