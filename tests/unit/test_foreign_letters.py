"""What others wrote is printed as letters: it begins no line of its own and commands no terminal."""

from zoneinfo import ZoneInfo

import pytest

from alerting.silences.announced import Imported, ImportOutcome
from alerting.silences.calendar_file import AnnouncedWork
from contract.access.user import written_out
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from eduops.verbs.silencing.running import SilencesNow
from eduops.verbs.silencing.tables import render_import, render_silences
from tests.silence_words import ZONE, silence

FOREIGN = "bảo trì\n0 of 0 open alerts are muted\x1b[2J\u202e"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Nguyễn Lan", "Nguyễn Lan"),
        ("a\x00b", "a\\u0000b"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\u202eabc\u200b", "\\u202eabc\\u200b"),
        ("dòng\u00a0một", "dòng\u00a0một"),
    ],
)
def test_what_cannot_be_seen_is_written_out(typed: str, shown: str) -> None:
    assert written_out(typed) == shown


def test_a_silence_of_somebody_else_has_its_own_lines_alone(city: Fleet, calendar: SchoolCalendar) -> None:
    now = SilencesNow([silence("one", 0, 1, ended_by=FOREIGN, ended_at_us=1)], [], city)
    lines = render_silences(now, calendar, 2, as_json=False).split("\n")
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)


def test_an_event_of_a_providers_calendar_is_one_line() -> None:
    work = AnnouncedWork(FOREIGN, 0, 1, None, "", is_cancelled=False)
    line = render_import([work], [Imported(ImportOutcome.NEW)], [FOREIGN], ZoneInfo(ZONE))
    assert len(line.split("\n")) == 2
    assert line.replace("\n", "").isprintable()
