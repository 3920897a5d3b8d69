"""When the reports of routes.toml are due: a pure function of the order, the school calendar and the day.

A span is over with the last session of its last school day. Its report is due at the order's time of day,
on the first day of work or school on which the span is over by then: the report of a day at 17:30 comes on
that day, at 7:30 on the next one; after the last school day before Tết, on the first day of work.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from alerting.routing.duty import on_duty
from contract.calendar import SchoolCalendar
from contract.figures.spans import SpanKind
from contract.fleet import LEVELS
from contract.routing.contact import Rota
from contract.routing.report import ReportOrder, ScheduledReport, report_id_of
from contract.routing.route import Routing

DAY: Final = timedelta(days=1)
FAR_DAYS: Final = 400
"""How far the next report is looked for: that of a term is within a year."""


class DueReport(NamedTuple):
    """A report that an order makes due."""

    order: ReportOrder
    last: date
    """The last school day of its span."""
    over_us: int
    """When the last session of that day was over, µs since 1970."""
    due_us: int
    """µs since 1970."""

    @property
    def report(self) -> ScheduledReport:
        """The report by itself."""
        one, report_id = self.order, report_id_of(self.order.name, self.order.span, self.last)
        return ScheduledReport(
            report_id, one.name, one.span, self.last, one.formats, one.language, self.due_us
        )


def due_on(order: ReportOrder, calendar: SchoolCalendar, day: date) -> list[DueReport]:
    """Return the reports that are due on a local day, the earliest span first; mostly one or none."""
    if not _is_open(calendar, day):
        return []
    before = day - DAY
    while not _is_open(calendar, before):
        before -= DAY
    since_us, due_us = calendar.moment_us(before, order.at), calendar.moment_us(day, order.at)
    days = (before + n * DAY for n in range((day - before).days + 1))
    return [
        DueReport(order, last, over_us, due_us)
        for last in days
        if since_us < (over_us := _over_us(calendar, last)) <= due_us and _ends(order.span, calendar, last)
    ]


def next_report(order: ReportOrder, calendar: SchoolCalendar, after_us: int) -> DueReport | None:
    """Return the first report that is due after a moment, µs since 1970; None within `FAR_DAYS`."""
    first = calendar.local_day(after_us)
    days = (first + n * DAY for n in range(FAR_DAYS))
    found = (due for day in days for due in due_on(order, calendar, day))
    return next((due for due in found if due.due_us > after_us), None)


def people_meant(names: Sequence[str], routing: Routing, at_us: int) -> Iterator[tuple[str, str]]:
    """Yield whom contacts mean, each once, and the contact: of a rota it is whoever is on duty then."""
    seen = set[str]()
    for name in names:
        contact = routing.contacts[name]
        to = on_duty(contact, at_us).person if isinstance(contact, Rota) else name
        if to not in seen:
            seen.add(to)
            yield to, name


def _is_open(calendar: SchoolCalendar, day: date) -> bool:
    return calendar.is_working_day(day) or calendar.is_school_day(day)


def _over_us(calendar: SchoolCalendar, day: date) -> int:
    """Return when the last session of a day is over, µs since 1970; 0 where it has none."""
    ends = (s.end_us for level in range(len(LEVELS)) for s in calendar.sessions(level, day))
    return max(ends, default=0)


def _ends(span: SpanKind, calendar: SchoolCalendar, day: date) -> bool:
    """Return whether a school day is the last one of its span."""
    if span is SpanKind.DAY:
        return True
    if span is SpanKind.WEEK:
        end = day + (6 - day.weekday()) * DAY
    else:
        end = next(term.last for term in calendar.terms if term.first <= day <= term.last)
    after = (day + n * DAY for n in range(1, (end - day).days + 1))
    return not any(map(calendar.is_school_day, after))
