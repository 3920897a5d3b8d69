"""What silences mute, when they recur, and which ones are refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from alerting.silences.known_names import unknown_names
from alerting.silences.labels import labels_of
from alerting.silences.matcher_text import parse_matcher
from alerting.silences.matching import Silenced, holds, matches, muted, silenced
from alerting.silences.preview import WEEK_US, preview
from alerting.silences.recurrence import active_until_us, next_edge_us, state_of, windows_of
from alerting.silences.validity import Complaint, settled
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.fleet import Fleet, Former
from contract.routing.silence import (
    DAY_US,
    FARTHEST_US,
    LONGEST_RECURRING_US,
    LONGEST_US,
    MOST_MATCHERS,
    Silence,
    SilenceFault,
    SilenceMatcher,
    SilenceState,
)
from contract.rule import Rule
from contract.series import series_of
from tests.incident_log import FLEET, schools_of
from tests.silence_words import HOUR_US, local_us, recurring, silence

NOW_US = local_us("2026-11-27T08:00")


def alert(school_id: int, rule: str = "wan_down", priority: int = 1, opened_us: int = NOW_US) -> Alert:
    """Return an open alert of a school's gateway, or of the center for school 0."""
    series = system_series(0) if school_id == SYSTEM_SCHOOL_ID else series_of(school_id, 10)
    return Alert(
        f"{school_id:08x}{priority:08x}", rule, series, school_id, priority, opened_us, opened_us,
        0.0, None, None, None, 100,
    )  # fmt: skip


def local_days(made: Silence, calendar: SchoolCalendar) -> list[str]:
    """Return the local days on which the windows of a silence begin."""
    return [calendar.local_day(s.from_us).isoformat() for s in windows_of(made, calendar)]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ('isp="FPT"', ("FPT",), True),
        ('isp="FPT"', ("VNPT",), False),
        ('isp!="FPT"', ("VNPT",), True),
        ('isp!="FPT"', (), True),
        ('isp=""', (), True),
        ('school=~"790.*"', ("79010042", "Trường Tiểu học Đống Đa"), True),
        ('school=~".*Đống Đa"', ("79010042", "Trường Tiểu học Đống Đa"), True),
        ('school=~"790"', ("79010042",), False),
        ('school!~"790.*|791.*"', ("79010042",), False),
        ('school!="79010042"', ("79010042", "Trường Tiểu học Đống Đa"), False),
        ("ward=w1", ("w1",), True),
    ],
)
def test_a_matcher_holds_of_any_name_of_a_thing(text: str, names: tuple[str, ...], expected: bool) -> None:
    assert holds(parse_matcher(text), names) is expected


@pytest.mark.parametrize("text", ["isp", "=FPT", 'isp="FPT', 'isp=="FPT"', "", 'isp="F" "P"'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_matcher(text)


@pytest.mark.parametrize(
    "matcher",
    [SilenceMatcher("a", 'b"c\\d'), SilenceMatcher("a", ".*", True, False), SilenceMatcher("a", "")],
)
def test_a_matcher_is_read_as_it_is_written(matcher: SilenceMatcher) -> None:
    assert parse_matcher(str(matcher)) == matcher


def test_an_alert_has_the_labels_of_its_school_and_of_what_it_is_about() -> None:
    school = FLEET.schools[0]
    assert labels_of(alert(school.id, priority=2), FLEET) == {
        "alertname": ("wan_down",),
        "rule": ("wan_down",),
        "priority": ("2", "P2"),
        "system": ("gateway",),
        "device": ("gw-1",),
        "school": ("s0", "School 0"),
        "ward": ("w0", "Ward 0", "W0"),
        "cluster": ("c0", "Cluster 0"),
        "isp": ("FPT",),
        "level": ("primary",),
    }
    assert labels_of(alert(SYSTEM_SCHOOL_ID, "feed_down"), FLEET)["system"] == ("center",)
    assert "school" not in labels_of(alert(SYSTEM_SCHOOL_ID, "feed_down"), FLEET)


def test_a_school_that_is_no_more_is_muted_by_its_name() -> None:
    gone, rest = FLEET.schools[0], FLEET.schools[1:]
    fleet = Fleet("79", FLEET.clusters, FLEET.wards, rest, FLEET.devices, (Former(gone, NOW_US),))
    made = silence("a", 0, 1, SilenceMatcher("school", "School 0"))
    assert matches(made, alert(gone.id), fleet)


def test_a_pattern_takes_time_in_proportion(calendar: SchoolCalendar) -> None:
    """With a backtracking engine this never ends."""
    made = silence("a", NOW_US, NOW_US + 1, SilenceMatcher("rule", "(a|a)*(a|a)*(a*)*b", is_regex=True))
    alerts = [alert(1, "a" * 60)]
    assert muted([made], alerts, FLEET, calendar, NOW_US) == []


def test_all_must_be_muted_and_the_end_that_comes_first_is_told(calendar: SchoolCalendar) -> None:
    fpt, viettel = schools_of("FPT")[:2], schools_of("Viettel")[:1]
    short = silence("short", NOW_US, NOW_US + HOUR_US)
    long = silence("long", NOW_US, NOW_US + 2 * HOUR_US)
    other = silence("other", NOW_US, NOW_US + HOUR_US // 2, SilenceMatcher("isp", "Viettel"))
    own, all_of_them = [alert(s) for s in fpt], [alert(s) for s in (*fpt, *viettel)]

    def found(silences: list[Silence], alerts: list[Alert], at_us: int = NOW_US) -> Silenced | None:
        return silenced(silences, alerts, FLEET, calendar, at_us)

    assert found([], own) is None
    assert found([short], []) is None
    assert found([short], own) == Silenced("short", NOW_US + HOUR_US)
    assert found([short, long], own) == Silenced("long", NOW_US + 2 * HOUR_US)
    assert found([short, long], all_of_them) is None
    assert found([short, long, other], all_of_them) == Silenced("other", NOW_US + HOUR_US // 2)
    assert found([short], own, NOW_US - 1) is None
    assert found([short], own, NOW_US + HOUR_US) is None
    ended = replace(long, ended_at_us=NOW_US + 10)
    assert found([ended], own) == Silenced("long", NOW_US + 10)
    assert found([ended], own, NOW_US + 10) is None


def test_every_sunday_from_one_to_four(calendar: SchoolCalendar) -> None:
    made = recurring("a", local_us("2026-11-29T01:00"), "FREQ=WEEKLY;BYDAY=SU", 3, days=15)
    assert [(s.from_us, s.until_us) for s in windows_of(made, calendar)] == [
        (local_us(f"{day}T01:00"), local_us(f"{day}T04:00"))
        for day in ("2026-11-29", "2026-12-06", "2026-12-13")
    ]
    assert active_until_us(made, calendar, local_us("2026-12-06T00:59")) is None
    assert active_until_us(made, calendar, local_us("2026-12-06T01:00")) == local_us("2026-12-06T04:00")
    assert active_until_us(made, calendar, local_us("2026-12-06T04:00")) is None
    assert state_of(made, calendar, local_us("2026-12-07T04:00")) is SilenceState.PENDING
    assert state_of(made, calendar, made.until_us) is SilenceState.EXPIRED


def test_not_in_exam_weeks_leaves_out_their_sundays(calendar: SchoolCalendar) -> None:
    """The exams of the first term are from Monday the 21st to Thursday the 31st of December."""
    start_us = local_us("2026-12-13T01:00")
    made = recurring("a", start_us, "FREQ=WEEKLY;BYDAY=SU", 3, days=30, not_in_exam=True)
    assert local_days(made, calendar) == ["2026-12-13", "2026-12-20", "2027-01-10"]


def test_only_school_days_leaves_out_tet_and_sundays(calendar: SchoolCalendar) -> None:
    made = recurring("a", local_us("2027-01-28T06:00"), "FREQ=DAILY", 1, days=21, only_school_days=True)
    days = local_days(made, calendar)
    assert days[:3] == ["2027-01-28", "2027-01-29", "2027-01-30"]
    assert days[3] == "2027-02-15"
    assert "2027-01-31" not in days


def test_exceptions_and_what_ends_a_rule(calendar: SchoolCalendar) -> None:
    start_us = local_us("2026-12-01T22:00")
    left_out = recurring("a", start_us, "FREQ=DAILY;COUNT=3", 1, except_us=(start_us + DAY_US,))
    assert local_days(left_out, calendar) == ["2026-12-01", "2026-12-03"]
    for until in ("20261202T150000Z", "20261202T220000", "20261202"):  # 15:00 UTC is 22:00 here
        made = recurring("a", start_us, f"FREQ=DAILY;UNTIL={until}", 1)
        assert local_days(made, calendar) == ["2026-12-01", "2026-12-02"], until


def test_occurrences_that_meet_are_one_stretch(calendar: SchoolCalendar) -> None:
    start_us = local_us("2026-12-01T22:00")
    made = recurring("a", start_us, "FREQ=DAILY;COUNT=3", 24)
    assert windows_of(made, calendar) == ((start_us, start_us + 3 * DAY_US),)


def test_the_next_edge_is_the_first_of_any_silence(calendar: SchoolCalendar) -> None:
    single = silence("a", NOW_US + 5, NOW_US + 9)
    weekly = recurring("b", local_us("2026-11-29T01:00"), "FREQ=WEEKLY;BYDAY=SU", 3, days=10)
    edges, at_us = [], NOW_US
    while (edge_us := next_edge_us([single, weekly], calendar, at_us)) is not None:
        edges.append(edge_us)
        at_us = edge_us
    sundays = ("2026-11-29T01:00", "2026-11-29T04:00", "2026-12-06T01:00", "2026-12-06T04:00")
    assert edges == [NOW_US + 5, NOW_US + 9, *map(local_us, sundays)]
    ended = replace(weekly, ended_at_us=local_us("2026-11-29T02:00"))
    assert next_edge_us([ended], calendar, local_us("2026-11-29T01:30")) == local_us("2026-11-29T02:00")
    assert next_edge_us([ended], calendar, local_us("2026-11-29T02:00")) is None
    assert next_edge_us([replace(weekly, ended_at_us=NOW_US)], calendar, NOW_US - 1) is None


GOOD = silence("a", NOW_US, NOW_US + HOUR_US)


def complaint(made: Silence, calendar: SchoolCalendar, *, has_end: bool = True) -> SilenceFault | None:
    """Return why a silence is refused, None if it is not."""
    found = settled(made, calendar, has_end=has_end)
    return found.fault if isinstance(found, Complaint) else None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"until_us": NOW_US + LONGEST_US}, None),
        ({"until_us": NOW_US + LONGEST_US + 1}, SilenceFault.TOO_LONG),
        ({"until_us": NOW_US}, SilenceFault.ENDS_BEFORE),
        ({"from_us": NOW_US - 9, "until_us": NOW_US}, SilenceFault.IS_OVER),
        ({"from_us": NOW_US + FARTHEST_US + 1, "until_us": NOW_US + FARTHEST_US + 2}, SilenceFault.TOO_FAR),
        ({"from_us": -(10**40)}, SilenceFault.TOO_FAR),
        ({"until_us": 10**40}, SilenceFault.TOO_LONG),
        ({"owner": " "}, SilenceFault.NO_OWNER),
        ({"owner": "L" * 81}, SilenceFault.TOO_LONG_TEXT),
        ({"reason": ""}, SilenceFault.NO_REASON),
        ({"reason": "a\nb"}, SilenceFault.CONTROL_CHARACTER),
        ({"reason": "a\ud800"}, SilenceFault.CONTROL_CHARACTER),
        ({"matchers": ()}, SilenceFault.NO_MATCHER),
        ({"matchers": (SilenceMatcher("isp", "FPT"),) * (MOST_MATCHERS + 1)}, SilenceFault.TOO_MANY_MATCHERS),
        ({"matchers": (SilenceMatcher("isp", "F\x07T"),)}, SilenceFault.CONTROL_CHARACTER),
        ({"matchers": (SilenceMatcher("i\nsp", "FPT"),)}, SilenceFault.BAD_LABEL),
        ({"matchers": (SilenceMatcher("", "FPT"),)}, SilenceFault.BAD_LABEL),
        ({"matchers": (SilenceMatcher("isp", "(FPT", True),)}, SilenceFault.BAD_PATTERN),
        ({"matchers": (SilenceMatcher("isp", "(?=F)", True),)}, SilenceFault.BAD_PATTERN),
        ({"matchers": (SilenceMatcher("isp", "F{1000}{1000}", True),)}, SilenceFault.BAD_PATTERN),
        ({"matchers": (SilenceMatcher("isp", "F" * 257),)}, SilenceFault.TOO_LONG_TEXT),
        ({"matchers": (SilenceMatcher("isp", ".*", True),)}, SilenceFault.MATCHES_ALL),
        ({"matchers": (SilenceMatcher("isp", "FPT", is_equal=False),)}, SilenceFault.MATCHES_ALL),
    ],
)
def test_what_may_not_be_is_refused(
    change: dict[str, Any], fault: SilenceFault | None, calendar: SchoolCalendar
) -> None:
    assert complaint(replace(GOOD, **change), calendar) is fault


@pytest.mark.parametrize(
    ("rrule", "fault"),
    [
        ("FREQ=WEEKLY;BYDAY=SU", None),
        ("FREQ=MONTHLY;BYDAY=1SU", None),
        ("FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=-1", None),
        ("FREQ=SECONDLY", SilenceFault.BAD_FREQUENCY),
        ("FREQ=MINUTELY;INTERVAL=90", SilenceFault.BAD_FREQUENCY),
        ("FREQ=HOURLY", SilenceFault.BAD_FREQUENCY),
        ("BYDAY=SU", SilenceFault.BAD_FREQUENCY),
        ("FREQ=DAILY;BYSECOND=1", SilenceFault.BAD_PART),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", SilenceFault.BAD_PART),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", SilenceFault.NO_OCCURRENCE),
        ("FREQ=WEEKLY;BYDAY=XX", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;INTERVAL=0", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;COUNT=-1", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;UNTIL=soon", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;FREQ=DAILY", SilenceFault.BAD_RULE),
        ("every Sunday", SilenceFault.BAD_RULE),
        ("FREQ=DAILY;BYMONTH=0", SilenceFault.BAD_RULE),
        ("FREQ=DAILY;BYMONTH=13", SilenceFault.BAD_RULE),
        ("FREQ=MONTHLY;BYMONTHDAY=32", SilenceFault.BAD_RULE),
        ("FREQ=MONTHLY;BYMONTH=2,4;BYMONTHDAY=-31", SilenceFault.NO_OCCURRENCE),
        ("FREQ=DAILY;UNTIL=99991231T235959Z", None),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", SilenceFault.NO_OCCURRENCE),
        ("FREQ=MONTHLY;BYDAY=6MO", SilenceFault.BAD_RULE),
        ("FREQ=YEARLY;BYDAY=MO;BYSETPOS=367", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20270101", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;BYDAY=" + "SU," * 100, SilenceFault.TOO_LONG_TEXT),
        ("FREQ=WEEKLY;WKST=MO\nRRULE:FREQ=SECONDLY", SilenceFault.BAD_RULE),
        ("FREQ=WEEKLY;WKST=MO RRULE:FREQ=SECONDLY", SilenceFault.BAD_RULE),
    ],
)
def test_a_rule_that_may_not_be_is_refused(
    rrule: str, fault: SilenceFault | None, calendar: SchoolCalendar
) -> None:
    assert complaint(recurring("a", NOW_US, rrule, 3), calendar) is fault


def test_what_recurs_has_an_end_too(calendar: SchoolCalendar) -> None:
    made = recurring("a", NOW_US, "FREQ=DAILY", 3)
    assert complaint(made, calendar, has_end=False) is SilenceFault.NO_END
    assert complaint(GOOD, calendar, has_end=False) is SilenceFault.NO_END
    counted = settled(recurring("a", NOW_US, "FREQ=DAILY;COUNT=3", 3), calendar, has_end=False)
    assert isinstance(counted, Silence)
    assert counted.until_us == NOW_US + 2 * DAY_US + 3 * HOUR_US
    for_ever = settled(recurring("a", NOW_US, "FREQ=DAILY;UNTIL=20991231", 3), calendar, has_end=False)
    assert isinstance(for_ever, Silence)
    assert for_ever.until_us == NOW_US + LONGEST_RECURRING_US - DAY_US + 3 * HOUR_US
    too_long = replace(made, until_us=NOW_US + LONGEST_RECURRING_US + 1)
    assert complaint(too_long, calendar) is SilenceFault.RECURS_TOO_LONG


@pytest.mark.parametrize("zone", ["Asia/Saigon City", "../../etc/passwd", "", "\x00"])
def test_a_zone_that_is_none_is_refused(zone: str, calendar: SchoolCalendar) -> None:
    made = recurring("a", NOW_US, "FREQ=DAILY", 3)
    assert made.recurrence is not None
    elsewhere = replace(made, recurrence=replace(made.recurrence, timezone=zone))
    assert complaint(elsewhere, calendar) is SilenceFault.BAD_ZONE


def test_a_preview_counts_what_is_open_and_the_last_week_at_its_hours(calendar: SchoolCalendar) -> None:
    """The silence begins in nine days on a Sunday; the last week's Sunday is what it is held against."""
    school, other = schools_of("FPT")[0], schools_of("Viettel")[0]
    made = recurring("a", local_us("2026-12-06T01:00"), "FREQ=WEEKLY;BYDAY=SU", 3)
    past = [
        alert(school, priority=2, opened_us=local_us("2026-11-22T02:00")),
        alert(school, priority=3, opened_us=local_us("2026-11-22T04:00")),
        alert(school, priority=1, opened_us=local_us("2026-11-25T02:00")),
        alert(other, priority=1, opened_us=local_us("2026-11-22T02:00")),
    ]
    seen = preview(made, past[1:], past, FLEET, calendar, NOW_US)
    assert (seen.mutes_now, seen.matched, seen.would_have_muted) == (2, 3, 1)
    assert seen.by_priority == {1: 0, 2: 1, 3: 0}
    (example,) = seen.examples
    assert (example.school, example.priority) == (FLEET.school_by_id[school].code, 2)


def test_a_preview_of_a_week_is_the_whole_last_week(calendar: SchoolCalendar) -> None:
    school = schools_of("FPT")[0]
    past = [alert(school, priority=p, opened_us=NOW_US - WEEK_US + p * 10 * HOUR_US) for p in (1, 2, 3)]
    for begins_us in (NOW_US - HOUR_US, NOW_US, NOW_US + 30 * HOUR_US):
        made = silence("a", begins_us, begins_us + WEEK_US + HOUR_US)
        assert preview(made, [], past, FLEET, calendar, NOW_US).would_have_muted == 3


@pytest.mark.parametrize(
    ("matcher", "nearest"),
    [
        ('isp="VNTP"', "VNPT"),
        ('isp="vnpt"', "VNPT"),
        ('cluster="clusetr 1"', "Cluster 1"),
        ('ward="Wárd 3"', "Ward 3"),
        ('rule="wan_dwon"', "wan_down"),
        ('priority="4"', None),
        ('system="gatway"', "gateway"),
        ('school="THPT Khong Co O Day"', None),
    ],
)
def test_a_name_that_nothing_has_is_told_with_those_near_it(
    matcher: str, nearest: str | None, rules: tuple[Rule, ...]
) -> None:
    (found,) = unknown_names([parse_matcher(matcher)], FLEET, rules)
    assert f'{found.label}="{found.value}"' == matcher
    assert nearest is None or found.nearest[0] == nearest


@pytest.mark.parametrize(
    "matcher", ['isp="VNPT"', 'isp!="VNTP"', 'isp=~"VNTP|FPT"', 'rule=""', 'province="79"', 'priority="P2"']
)
def test_what_may_match_is_not_warned_about(matcher: str, rules: tuple[Rule, ...]) -> None:
    assert unknown_names([parse_matcher(matcher)], FLEET, rules) == []
