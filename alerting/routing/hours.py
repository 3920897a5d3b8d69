"""When a route may tell: by the school calendar."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Final

from alerting.routing.facts import IncidentFacts
from contract.calendar import EDGE, MINUTE_US, Context, SchoolCalendar
from contract.routing.route import ActiveTime, NoticeRoute

MOST_DAYS: Final = 400
"""So far a route's hours are looked for: longer than any break, for a term begins each year."""
_EDGE_US: Final = EDGE // timedelta(microseconds=1)


def active_from_us(
    route: NoticeRoute, facts: IncidentFacts, calendar: SchoolCalendar, at_us: int
) -> int | None:
    """Return the first moment from `at_us` on at which a route may tell; never earlier for a later `at_us`.

    Args:
        route: whose `active_time` counts.
        facts: whose schools' sessions count.
        calendar: of the schools.
        at_us: µs since 1970.

    Returns:
        µs since 1970; None if there is none within `MOST_DAYS`, as after the calendar's last term.
    """
    if route.active_time is ActiveTime.ALWAYS:
        return at_us
    if route.active_time is ActiveTime.DIGEST:
        days = (day for day in _days(calendar, at_us) if calendar.is_working_day(day))
        starts = (calendar.moment_us(day, route.digest_at) for day in days)
        return next((start for start in starts if start >= at_us), None)
    wanted = route.active_time is ActiveTime.IN_SESSION
    if is_in_session(facts, calendar, at_us) is wanted:
        return at_us
    for day in _days(calendar, at_us):
        for edge_us in sorted(_edges_us(facts, calendar, day)):
            if edge_us >= at_us and is_in_session(facts, calendar, edge_us) is wanted:
                return edge_us
    return None


def is_in_session(facts: IncidentFacts, calendar: SchoolCalendar, at_us: int) -> bool:
    """Return whether a school of the incident's is in session, or within half an hour of it."""
    minute = at_us // MINUTE_US
    return any(
        calendar.context_at(level, minute) >= Context.EDGE
        and not (facts.school and calendar.is_shut(facts.school[0], level, at_us))
        for level in facts.levels
    )


def _days(calendar: SchoolCalendar, at_us: int) -> Iterator[date]:
    first = calendar.local_day(at_us)
    return (first + timedelta(days=n) for n in range(MOST_DAYS))


def _edges_us(facts: IncidentFacts, calendar: SchoolCalendar, day: date) -> Iterator[int]:
    """Yield the moments of a day at which a session may begin or be over, to the minute, as contexts are."""
    yield calendar.moment_us(day, time.min)
    for level in facts.levels:
        for session in calendar.sessions(level, day):
            for edge_us in (session.start_us - _EDGE_US, session.end_us + _EDGE_US):
                minute_us = edge_us // MINUTE_US * MINUTE_US
                yield from (minute_us, minute_us + MINUTE_US)
