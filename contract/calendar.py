"""The school calendar: the one source for baselines, muting, priorities and availability.

Public holidays come from the `holidays` package (Labour Code 45/2019/QH14, article 112); terms,
shifts, exams and closures from `config/calendar.toml`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from contract.fleet import LEVELS

MINUTE_US: Final = 60_000_000
EDGE: Final = timedelta(minutes=30)
"""Around the start and end of a session traffic moves fast; baselines are not judged there."""


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


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days from first to last, both included."""

    first: date
    last: date
    name: str


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session of the day, local time."""

    name: str
    """morning or afternoon."""
    start: time
    end: time


class _LevelDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weekdays: list[int]
    """0 is Monday."""
    shift: list[Shift]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    timezone: str
    country: str
    term: list[Span]
    level: dict[str, _LevelDay]
    break_: list[Span] = msgspec.field(name="break", default_factory=list)
    exam: list[Span] = msgspec.field(default_factory=list)
    half_day: list[Span] = msgspec.field(default_factory=list)
    closure: dict[str, list[Span]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one level on one day."""

    name: str
    start_us: int
    end_us: int


class SchoolCalendar:
    """Answers, for each level and minute, what schools are doing."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self.timezone = ZoneInfo(file.timezone)
        self._levels = [file.level[level.value] for level in LEVELS]
        self._public: Mapping[date, str] = holidays.country_holidays(file.country)
        self._sessions = lru_cache(maxsize=1024)(self.sessions)
        self.context_at = lru_cache(maxsize=65536)(self._context_at)
        """`context_at(level_index, minute)` with minute = µs // 60,000,000; see `Context`."""

    def day_name(self, day: date) -> str | None:
        """Return why no school is open on a day (holiday, break, outside term), or None if schools may be."""
        if day in self._public:
            return self._public[day]
        for span in self._file.break_:
            if span.first <= day <= span.last:
                return span.name
        if not any(span.first <= day <= span.last for span in self._file.term):
            return "outside term"
        return None

    def sessions(self, level_index: int, day: date) -> tuple[Session, ...]:
        """Return the sessions of a level on a local day, in order; empty if closed."""
        plan = self._levels[level_index]
        if self.day_name(day) is not None or day.weekday() not in plan.weekdays:
            return ()
        half = any(span.first <= day <= span.last for span in self._file.half_day)
        shifts = plan.shift[:1] if half else plan.shift
        return tuple(
            Session(s.name, self._us(datetime.combine(day, s.start)), self._us(datetime.combine(day, s.end)))
            for s in shifts
        )

    def contexts(self, level_index: NDArray[np.int8], time_us: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return the `Context` of each (level, time), shape (n,); one look-up per level and minute."""
        key = (time_us // MINUTE_US) * len(LEVELS) + level_index
        distinct, inverse = np.unique(key, return_inverse=True)
        found = [self.context_at(int(k % len(LEVELS)), int(k // len(LEVELS))) for k in distinct]
        return np.array(found, np.int8)[inverse]

    def closed_schools(self, day: date) -> frozenset[str]:
        """Return the codes of schools that are closed on a local day by themselves (flood, election)."""
        return frozenset(
            code
            for code, spans in self._file.closure.items()
            if any(span.first <= day <= span.last for span in spans)
        )

    def local_day(self, time_us: int) -> date:
        """Return the local day of a time in µs since 1970."""
        return datetime.fromtimestamp(time_us / 1e6, self.timezone).date()

    def _context_at(self, level_index: int, minute: int) -> Context:
        now_us = minute * MINUTE_US
        day = self.local_day(now_us)
        sessions = self._sessions(level_index, day)
        if not sessions:
            return Context.CLOSED
        edge_us = EDGE // timedelta(microseconds=1)
        if any(abs(now_us - t) < edge_us for s in sessions for t in (s.start_us, s.end_us)):
            return Context.EDGE
        if any(s.start_us <= now_us < s.end_us for s in sessions):
            exam = any(span.first <= day <= span.last for span in self._file.exam)
            return Context.EXAM if exam else Context.SESSION
        return Context.OUT

    def _us(self, local: datetime) -> int:
        moment = local.replace(tzinfo=self.timezone).astimezone(UTC)
        return int(moment.timestamp()) * 1_000_000


def in_session(contexts: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return where a context is SESSION, EXAM or EDGE: pupils are there or about to be."""
    return contexts >= Context.EDGE


def parse_calendar(text: str) -> SchoolCalendar:
    """Return the calendar written in TOML `text`.

    Raises:
        ConfigurationError: the text is not TOML, or a level, date or time is missing or wrong.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
        calendar = SchoolCalendar(file)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError, NotImplementedError) as error:
        raise ConfigurationError(f"calendar.toml: {error}") from error
    return calendar
