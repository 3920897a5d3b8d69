"""Calendar files: what a provider's says, and that ours say what silences do."""

from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerting.silences.calendar_file import AnnouncedWork, read_calendar, write_calendar
from alerting.silences.recurrence import SilenceWindow, beginnings, windows_of
from contract.calendar import SchoolCalendar
from contract.routing.silence import DAY_US, Silence, SilenceKind
from tests.silence_words import HOUR_US, ZONE, local_us, recurring, silence

TITLES = {kind: kind.value for kind in SilenceKind}


def read(*lines: str, head: str = "") -> tuple[list[AnnouncedWork], list[str]]:
    """Return what a file of one event, or of several with `END:VEVENT` and `BEGIN:VEVENT` between, says."""
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", *filter(None, [head]), "BEGIN:VEVENT", *lines]
    text = "\r\n".join([*whole, "END:VEVENT", "END:VCALENDAR", ""])
    found = read_calendar(text, ZoneInfo(ZONE))
    return found.works, found.troubles


@pytest.mark.parametrize(
    ("lines", "from_", "until"),
    [
        (("DTSTART:20261128T180000Z", "DTEND:20261128T210000Z"), "2026-11-29T01:00", "2026-11-29T04:00"),
        (("DTSTART:20261129T010000", "DURATION:PT3H"), "2026-11-29T01:00", "2026-11-29T04:00"),
        (("DTSTART;VALUE=DATE:20261129",), "2026-11-29T00:00", "2026-11-30T00:00"),
        (
            ("DTSTART;VALUE=DATE:20261129", "DTEND;VALUE=DATE:20261201"),
            "2026-11-29T00:00",
            "2026-12-01T00:00",
        ),
        (
            ("DTSTART;TZID=SE Asia Standard Time:20261129T010000", "DURATION:PT3H"),
            "2026-11-29T01:00",
            "2026-11-29T04:00",
        ),
    ],
)
def test_times_as_calendar_programs_write_them(lines: tuple[str, ...], from_: str, until: str) -> None:
    ((work,), troubles) = read("UID:1", *lines)
    assert troubles == []
    assert (work.from_us, work.until_us) == (local_us(from_), local_us(until))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("UID:1", "DTSTART:20261129T010000"), "needs an end"),
        (("UID:1", "DTSTART:20261129T010000", "DURATION:-PT3H"), "does not end after it begins"),
        (("UID:1", "DTEND:20261129T010000"), "no DTSTART"),
        (("DTSTART:20261129T010000", "DURATION:PT3H"), "no UID"),
        (("UID:1", "DTSTART:soon", "DURATION:PT3H"), "is no date or time"),
        (("UID:1", "DTSTART:20261129T010000", "DURATION:PT3H", "RDATE:20261130T010000"), "by RDATE"),
        (("UID:1", "DTSTART;VALUE=TIME:010000", "DURATION:PT3H"), "vTime"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(lines: tuple[str, ...], why: str) -> None:
    works, (trouble,) = read(*lines)
    assert works == []
    assert why in trouble


def test_a_file_whose_parts_do_not_fit_together_is_none() -> None:
    for zone in ("BEGIN:VT9MEZONE", "BEGIN:VTODO", "BEGIN:X"):
        text = f"BEGIN:VCALENDAR\r\n{zone}\r\nTZID:Foo/Bar\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
        with pytest.raises(ValueError, match=r"."):
            read_calendar(text, ZoneInfo(ZONE))


def test_an_occurrence_that_was_moved_is_work_of_its_own(calendar: SchoolCalendar) -> None:
    series = ("UID:1", "DTSTART:20261129T010000", "DURATION:PT3H", "RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=3")
    moved = ("UID:1", "RECURRENCE-ID:20261206T010000", "DTSTART:20261207T220000", "DURATION:PT1H")
    (first, second), troubles = read(*series, "END:VEVENT", "BEGIN:VEVENT", *moved)
    assert troubles == []
    made = silence("a", first.from_us, first.from_us + 30 * DAY_US, recurrence=first.recurrence)
    assert [window.from_us for window in windows_of(made, calendar)] == [
        local_us("2026-11-29T01:00"),
        local_us("2026-12-13T01:00"),
    ]
    assert (second.from_us, second.recurrence) == (local_us("2026-12-07T22:00"), None)
    assert second.uid != first.uid


def test_what_is_cancelled_is_so_by_the_event_or_by_the_file() -> None:
    times = ("UID:1", "DTSTART:20261129T010000", "DURATION:PT3H")
    assert [work.is_cancelled for work in read(*times)[0]] == [False]
    assert [work.is_cancelled for work in read(*times, "STATUS:CANCELLED")[0]] == [True]
    assert [work.is_cancelled for work in read(*times, head="METHOD:CANCEL")[0]] == [True]


START_US = local_us("2026-12-13T01:00")


def test_a_file_without_silences_is_a_calendar_too(calendar: SchoolCalendar) -> None:
    text = write_calendar([], calendar, TITLES).decode()
    assert text.count("BEGIN:VTIMEZONE") == 1
    assert read_calendar(text, ZoneInfo("UTC")) == ([], [])


def test_a_count_beyond_the_end_of_a_silence_is_not_told(calendar: SchoolCalendar) -> None:
    text = write_calendar([recurring("a", START_US, "FREQ=DAILY;COUNT=40", 2, days=9)], calendar, TITLES)
    ((work,), _) = read_calendar(text.decode(), ZoneInfo("UTC"))
    assert work.recurrence is not None
    assert len(list(beginnings(work.recurrence, START_US, START_US + 99 * DAY_US))) == 9


@pytest.mark.parametrize(
    "made",
    [
        silence("a", START_US, START_US + HOUR_US),
        recurring("a", START_US, "FREQ=WEEKLY;BYDAY=SU", 3, not_in_exam=True),
        recurring("a", START_US, "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20270115", 3, only_school_days=True),
        recurring("a", START_US, "FREQ=MONTHLY;BYDAY=2SU;COUNT=2", 3),
        recurring("a", START_US, "FREQ=DAILY", 2, days=9, except_us=(START_US + DAY_US,)),
        replace(recurring("a", START_US, "FREQ=DAILY", 2), ended_at_us=START_US + 3 * DAY_US - 1),
    ],
)
def test_whoever_subscribes_sees_the_hours_of_a_silence(made: Silence, calendar: SchoolCalendar) -> None:
    text = write_calendar([made], calendar, TITLES).decode()
    ((work,), troubles) = read_calendar(text, ZoneInfo("UTC"))
    assert troubles == []
    until_us = made.until_us if work.recurrence is not None else work.until_us
    seen = silence("b", work.from_us, until_us, recurrence=work.recurrence)
    expected = [w for w in windows_of(made, calendar) if w.from_us < made.end_us]
    assert [SilenceWindow(*w) for w in windows_of(seen, calendar)] == expected
