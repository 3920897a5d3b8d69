"""The school calendar: the one source for baselines, muting, priorities and availability.

Public holidays come from the `holidays` package (Labour Code 45/2019/QH14, article 112); terms,
shifts, exams and closures from `config/calendar.toml`; what was accepted since, from `special_days`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from contract.fleet import LEVELS, Fleet
from contract.reading import distinct
from contract.school_year.calendar_file import CalendarFile, Span, read_calendar_file
from contract.special_days.known_days import NO_DAYS, KnownDays, known_days
from contract.special_days.special_day import DayKind, SpecialDay
from contract.toml.text import TomlText

MINUTE_US: Final = 60_000_000
EDGE: Final = timedelta(minutes=30)
"""Around the start and end of a session traffic moves fast; baselines are not judged there."""

RECESS_DAYS: Final = 4
"""Days without school in a row from which on they are a recess and no long weekend: chosen."""


class Context(IntEnum):
    """What a school is doing at a moment."""

    CLOSED = 0
    """Weekend, holiday, break or closure: the whole local day."""
    OUT = 1
    """Outside the sessions of a school day."""
    EDGE = 2
    """Within 30 minutes of the start or end of a session."""
    SESSION = 3
    """In session."""
    EXAM = 4
    """In session, and the day is an exam day."""
    EVENT = 5
    """In session or within 30 minutes of it, and the day is an event: nothing is as usual."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one level on one day."""

    name: str
    start_us: int
    end_us: int


class SchoolCalendar:
    """Answers, for each level and minute, what schools are doing."""

    def __init__(self, file: CalendarFile, text: TomlText, known: KnownDays = NO_DAYS) -> None:
        self._file = file
        self._text = text
        self._known = known
        self.timezone = ZoneInfo(file.timezone)
        self._levels = [file.level[level.value] for level in LEVELS]
        self.sessions = lru_cache(maxsize=1024)(self._sessions)
        """`sessions(level_index, day)`: those of a level on a local day, in order; empty if closed."""
        self.context_at = lru_cache(maxsize=65536)(self._context_at)
        """`context_at(level_index, minute)` with minute = µs // 60,000,000; see `Context`."""

    @cached_property
    def _public(self) -> Mapping[date, str]:
        import holidays  # with it come the laws of all countries, and who only reads the file asks for no day

        return holidays.country_holidays(self._file.country)

    def day_name(self, day: date) -> str | None:
        """Return why no school is open on a day (holiday, break, outside term), or None if schools may be."""
        if day in self._public:
            return self._public[day]
        for span in self._file.break_:
            if span.first <= day <= span.last:
                return span.name
        if not _holds(self._file.term, day):
            return "outside term"
        return None

    def is_working_day(self, day: date) -> bool:
        """Return whether offices work on a local day: Monday to Friday, no public holiday, school or not."""
        return day.weekday() < 5 and day not in self._public

    def is_school_day(self, day: date) -> bool:
        """Return whether the schools of any level are open on a local day."""
        return any(self.sessions(level_index, day) for level_index in range(len(LEVELS)))

    def is_recess(self, level_index: int, day: date) -> bool:
        """Return whether a local day is one of `RECESS_DAYS` or more in a row without school of a level."""
        off = 0
        for n in range(1 - RECESS_DAYS, RECESS_DAYS):
            off = 0 if self.sessions(level_index, day + timedelta(days=n)) else off + 1
            if off == RECESS_DAYS:
                return True
        return False

    def is_exam_week(self, day: date) -> bool:
        """Return whether the week of a local day, Monday to Sunday, has an exam day."""
        monday = day - timedelta(days=day.weekday())
        return any(_holds(self._file.exam, monday + timedelta(days=n)) for n in range(7))

    def _sessions(self, level_index: int, day: date) -> tuple[Session, ...]:
        plan = self._levels[level_index]
        works = day.weekday() in plan.weekdays or _holds(self._file.make_up, day)
        if self.day_name(day) is not None or not works or self._known.has(DayKind.CLOSURE, level_index, day):
            return ()
        half = _holds(self._file.half_day, day) or self._known.has(DayKind.HALF_DAY, level_index, day)
        shifts = [s for s in plan.shift if s.holds(day)]
        found = []
        for part, s in enumerate(shifts[:1] if half else shifts):
            by_us = self._known.later_min(level_index, day, min(part, 1), s.first) * MINUTE_US
            start_us, end_us = (self.moment_us(day, of_day) + by_us for of_day in (s.start, s.end))
            found.append(Session(s.name, start_us, end_us))
        return tuple(found)

    def session_name(self, at_us: int) -> str:
        """Return the name of the session of any level that began last on that day; empty before the first."""
        day = self.local_day(at_us)
        begun = [s for i in range(len(LEVELS)) for s in self.sessions(i, day) if s.start_us <= at_us]
        return max(begun, key=lambda session: session.start_us).name if begun else ""

    def contexts(self, level_index: NDArray[np.int8], time_us: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return the `Context` of each (level, time), shape (n,); one look-up per level and minute."""
        key = (time_us // MINUTE_US) * len(LEVELS) + level_index
        keys, place = distinct(key)
        found = [self.context_at(k % len(LEVELS), k // len(LEVELS)) for k in keys.tolist()]
        return np.array(found, np.int8)[place]

    def closed_schools(self, day: date) -> frozenset[str]:
        """Return the codes of schools that are closed on a local day by themselves (flood, election)."""
        own = frozenset(code for code, spans in self._file.closure.items() if _holds(spans, day))
        return own | self._known.schools(DayKind.CLOSURE, day)

    def half_day_schools(self, day: date) -> frozenset[str]:
        """Return the codes of schools that have the morning alone on a local day, by themselves."""
        return self._known.schools(DayKind.HALF_DAY, day)

    def event_schools(self, day: date) -> frozenset[str]:
        """Return the codes of schools that have an event on a local day, by themselves."""
        return self._known.schools(DayKind.EVENT, day)

    def is_shut(self, code: str, level_index: int, at_us: int) -> bool:
        """Return whether a school is closed at a moment by itself: its whole day, or after a half day."""
        day = self.local_day(at_us)
        return code in self.closed_schools(day) or (
            code in self.half_day_schools(day) and at_us >= self.afternoon_us(level_index, day)
        )

    def afternoon_us(self, level_index: int, day: date) -> int:
        """Return from when on a half day of a level has no session any more, half an hour after its first."""
        sessions = self.sessions(level_index, day)
        return (
            sessions[0].end_us + EDGE // timedelta(microseconds=1)
            if sessions
            else self.moment_us(day, time.min)
        )

    def decided_us(self, day: date) -> int:
        """Return when it was last decided what a day was, log time in µs since 1970; 0 if it never was."""
        return self._known.decided_us(day)

    def with_days(self, days: Iterable[SpecialDay], fleet: Fleet) -> "SchoolCalendar":
        """Return the calendar that knows days beside its file; areas are those of `fleet`."""
        return SchoolCalendar(self._file, self._text, known_days(days, fleet))

    @property
    def terms(self) -> list[Span]:
        """All terms, the earliest first."""
        return sorted(self._file.term, key=lambda span: span.first)

    @property
    def last_day(self) -> date:
        """The last day of the last term: after it every school counts as closed."""
        return max(span.last for span in self._file.term)

    def check_schools(self, fleet: Fleet) -> None:
        """Refuse closures of schools that the fleet does not have and never had.

        Raises:
            ConfigurationError: there is such a closure; names its line.
        """
        for code in self._file.closure:
            if fleet.school_ever(code) is None:
                raise self._text.refused(("closure", code), f"no school has code {code!r}")

    def local_day(self, time_us: int) -> date:
        """Return the local day of a time in µs since 1970."""
        return datetime.fromtimestamp(time_us / 1e6, self.timezone).date()

    def moment_us(self, day: date, of_day: time) -> int:
        """Return the moment of a local day and time of day in µs since 1970."""
        return self._us(datetime.combine(day, of_day))

    def _context_at(self, level_index: int, minute: int) -> Context:
        now_us = minute * MINUTE_US
        day = self.local_day(now_us)
        sessions = self.sessions(level_index, day)
        if not sessions:
            return Context.CLOSED
        edge_us = EDGE // timedelta(microseconds=1)
        is_event = _holds(self._file.event, day) or self._known.has(DayKind.EVENT, level_index, day)
        if any(abs(now_us - t) < edge_us for s in sessions for t in (s.start_us, s.end_us)):
            return Context.EVENT if is_event else Context.EDGE
        if is_event and any(s.start_us <= now_us < s.end_us for s in sessions):
            return Context.EVENT
        if any(s.start_us <= now_us < s.end_us for s in sessions):
            return Context.EXAM if _holds(self._file.exam, day) else Context.SESSION
        return Context.OUT

    def _us(self, local: datetime) -> int:
        moment = local.replace(tzinfo=self.timezone).astimezone(UTC)
        return int(moment.timestamp()) * 1_000_000


def in_session(contexts: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return where a context is SESSION, EXAM, EVENT or EDGE: pupils are there or about to be."""
    return contexts >= Context.EDGE


def _holds(spans: list[Span], day: date) -> bool:
    return any(span.first <= day <= span.last for span in spans)


def parse_calendar(text: str) -> SchoolCalendar:
    """Return the calendar written in TOML `text`.

    Raises:
        ConfigurationError: the text is not TOML; a level, date or time is missing, wrong or cannot be: a
            span that ends before it begins, a weekday 7, a shift against the clock. Names the line.
    """
    read = TomlText("calendar.toml", text)
    file = read_calendar_file(read)
    calendar = SchoolCalendar(file, read)
    for nth, span in enumerate(file.make_up):
        for days in range((span.last - span.first).days + 1):
            day = span.first + timedelta(days)
            if (why := calendar.day_name(day)) is not None:
                told = f"make_up {span.name!r}: {day} is no school day ({why}), so nothing is made up for"
                raise read.refused(("make_up", nth, "last"), told)
    return calendar
