"""What a young store cannot tell yet: when first figures come, and from when on they are compared (pure)."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from contract.calendar import SchoolCalendar
from contract.figures.spans import DaySpan, SpanKind, span_pair
from contract.fleet import LEVELS

ENOUGH_DAYS: Final = 0.8
"""Share of a span's school days of which something must be known for it to be compared with."""
QUARTER_US: Final = 900_000_000
"""Figures are made by quarter hours, µs."""
LOOK_AHEAD_DAYS: Final = 60
"""So far ahead is looked: longer than any holidays."""
COMPARED: Final = (SpanKind.DAY, SpanKind.WEEK)
"""Spans of which it is said from when on they are compared: a school year before is years away."""


def is_enough(calendar: SchoolCalendar, span: DaySpan, known: Collection[date]) -> bool:
    """Return whether a span can be compared with, if something is known of some days."""
    days = [date.fromordinal(n) for n in range(span.first.toordinal(), span.last.toordinal() + 1)]
    school_days = sum(map(calendar.is_school_day, days))
    return school_days > 0 and sum(day in known for day in days) >= ENOUGH_DAYS * school_days


def compared_from(calendar: SchoolCalendar, day: date, known: Collection[date]) -> dict[SpanKind, date]:
    """Return from when on spans have one before to be compared with; without those of which the next has it.

    Args:
        calendar: which days are school days.
        day: the last one that was looked at; school days from it on are taken to be known.
        known: days of which something is known.
    """
    coming = [day + timedelta(n) for n in range(LOOK_AHEAD_DAYS)]
    school_days = list(filter(calendar.is_school_day, coming))
    seen = {*known, *school_days}
    found = {}
    for kind in COMPARED:
        pairs = ((on, span_pair(calendar, kind, on).before) for on in school_days)
        on = next((on for on, one in pairs if one is not None and is_enough(calendar, one, seen)), None)
        if on is not None and on != school_days[0]:
            found[kind] = on
    return found


def first_figures_us(calendar: SchoolCalendar, day: date, now_us: int = 0) -> int:
    """Return when the first figures of a day, or of the next one with lessons, are made; 0 for none at all.

    Args:
        calendar: when lessons are.
        day: the day.
        now_us: log time before which none was made, µs since 1970.
    """
    quarter_us = -(-now_us // QUARTER_US) * QUARTER_US
    for n in range(LOOK_AHEAD_DAYS):
        on = day + timedelta(n)
        sessions = [s for level in range(len(LEVELS)) for s in calendar.sessions(level, on)]
        ends = [end for s in sessions if (end := max(s.start_us + QUARTER_US, quarter_us)) <= s.end_us]
        if ends:
            return min(ends)
    return 0
