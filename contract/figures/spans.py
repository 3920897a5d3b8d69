"""The spans that leadership looks at, each beside the same span before."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from contract.calendar import SchoolCalendar


class SpanKind(StrEnum):
    """How long a span is; each has texts `span.<kind>`."""

    DAY = "day"
    WEEK = "week"
    """Monday to Sunday."""
    TERM = "term"


TREND_WEEKS: Final = 12


class DaySpan(NamedTuple):
    """Days from first to last, both included."""

    first: date
    last: date


class SpanPair(NamedTuple):
    """A span up to a day, and the same span before."""

    kind: SpanKind
    now: DaySpan
    before: DaySpan | None
    """As long as `now`; None where nothing was before."""


def span_pair(calendar: SchoolCalendar, kind: SpanKind, day: date) -> SpanPair:
    """Return the span that a day is the last one of, and the same one before.

    Of a day that is the same weekday of last week, of a week the one before up to the same weekday, of a
    term the one before up to the day as many days after its first.
    """
    week = timedelta(weeks=1)
    if kind is SpanKind.DAY:
        return SpanPair(kind, DaySpan(day, day), DaySpan(day - week, day - week))
    if kind is SpanKind.WEEK:
        monday = day - timedelta(days=day.weekday())
        return SpanPair(kind, DaySpan(monday, day), DaySpan(monday - week, day - week))
    terms = [DaySpan(term.first, term.last) for term in calendar.terms if term.first <= day]
    if not terms:
        return SpanPair(kind, DaySpan(day, day), None)
    first = terms[-1].first
    if len(terms) == 1:
        return SpanPair(kind, DaySpan(first, day), None)
    earlier = terms[-2]
    return SpanPair(kind, DaySpan(first, day), DaySpan(earlier.first, earlier.first + (day - first)))


def trend_weeks(day: date) -> list[DaySpan]:
    """Return the 12 weeks that end with the one of a day, oldest first; the last ends with the day."""
    monday = day - timedelta(days=day.weekday())
    mondays = [monday - timedelta(weeks=n) for n in range(TREND_WEEKS - 1, -1, -1)]
    return [DaySpan(first, min(day, first + timedelta(days=6))) for first in mondays]
