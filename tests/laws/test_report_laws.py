"""Each span of the school calendar has one report, at the first time of day at which it is over."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from alerting.routing.reports import DueReport, due_on, next_report
from contract.calendar import SchoolCalendar, parse_calendar
from contract.figures.spans import SpanKind
from contract.fleet import LEVELS
from contract.routing.report import ReportFormat, ReportOrder
from tests.examples import examples

DAY = timedelta(days=1)
PACKAGED = (files("config") / "calendar.toml").read_text("utf-8")
FIRST, DAYS = date(2026, 9, 1), 290
"""From before a school year to after it, with Tết in between."""
times = st.times().map(lambda at: at.replace(microsecond=0))
orders = st.builds(
    ReportOrder,
    name=st.just("r"),
    span=st.sampled_from(SpanKind),
    at=times | st.sampled_from((time(7, 30), time(11, 30), time(12), time(17, 30))),
    contacts=st.just(("inbox",)),
    formats=st.just((ReportFormat.PDF,)),
    language=st.none(),
    line=st.none(),
)


@st.composite
def calendars(draw: st.DrawFn) -> SchoolCalendar:
    """Return the packaged calendar with make-up days, half days and breaks here and there."""
    day = st.integers(5, DAYS - 25).map(lambda n: FIRST + n * DAY)
    text = PACKAGED
    for weekend in draw(st.sets(day, max_size=3)):
        saturday = weekend + (5 - weekend.weekday()) * DAY
        one = f'[[make_up]]\nfirst = {saturday}\nlast = {saturday}\nname = "m"\n'
        text += one if parse_calendar(PACKAGED).day_name(saturday) is None and one not in text else ""
    for kind, most in (("half_day", 3), ("break", 20)):
        for first in draw(st.sets(day, max_size=2)):
            last = first + draw(st.integers(0, most)) * DAY
            if kind == "break" and "[[make_up]]" in text:
                continue  # a make-up day within a break is refused
            text += f'[[{kind}]]\nfirst = {first}\nlast = {last}\nname = "x"\n'
    return parse_calendar(text)


def over_us(calendar: SchoolCalendar, day: date) -> int:
    return max((s.end_us for level in range(len(LEVELS)) for s in calendar.sessions(level, day)), default=0)


def span_of(kind: SpanKind, calendar: SchoolCalendar, day: date) -> object:
    if kind is SpanKind.DAY:
        return day
    if kind is SpanKind.WEEK:
        return day.isocalendar()[:2]
    return next(term.name for term in calendar.terms if term.first <= day <= term.last)


def plainly(order: ReportOrder, calendar: SchoolCalendar) -> Iterator[tuple[date, int]]:
    """Yield the last school day of each span and when its report is due, day by day and moment by moment."""
    lasts = dict[object, date]()
    for n in range(DAYS):
        if calendar.is_school_day(day := FIRST + n * DAY):
            lasts[span_of(order.span, calendar, day)] = day
    for last in lasts.values():
        day = last
        while not (
            (calendar.is_working_day(day) or calendar.is_school_day(day))
            and calendar.moment_us(day, order.at) >= over_us(calendar, last)
        ):
            day += DAY
        yield last, calendar.moment_us(day, order.at)


def found(order: ReportOrder, calendar: SchoolCalendar) -> list[DueReport]:
    return [due for n in range(DAYS + 20) for due in due_on(order, calendar, FIRST + n * DAY)]


@examples(40)
@given(orders, calendars())
def test_each_span_has_one_report_at_the_first_time_of_day_at_which_it_is_over(
    order: ReportOrder, calendar: SchoolCalendar
) -> None:
    due = found(order, calendar)
    assert [(one.last, one.due_us) for one in due] == sorted(plainly(order, calendar))
    assert all(one.over_us == over_us(calendar, one.last) for one in due)
    assert len({one.report.report_id for one in due}) == len(due)


@examples(10)
@given(orders, calendars(), st.integers(0, DAYS * 24))
def test_the_next_report_is_the_first_one_after(
    order: ReportOrder, calendar: SchoolCalendar, hours: int
) -> None:
    after_us = calendar.moment_us(FIRST, time()) + hours * 3_600_000_000
    later = [one for one in found(order, calendar) if one.due_us > after_us]
    following = next_report(order, calendar, after_us)
    if later:
        assert following == later[0]
    else:
        assert following is None or following.due_us > calendar.moment_us(FIRST + DAYS * DAY, time())


def test_what_the_documents_say() -> None:
    calendar = parse_calendar(PACKAGED)

    def at(span: SpanKind, of_day: time) -> list[tuple[date, str]]:
        order = ReportOrder("r", span, of_day, ("inbox",), (ReportFormat.PDF,), None, None)
        return [
            (one.last, f"{calendar.local_day(one.due_us)} {of_day:%H:%M}") for one in found(order, calendar)
        ]

    friday, saturday, monday = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)
    mornings, evenings = dict(at(SpanKind.DAY, time(7, 30))), dict(at(SpanKind.DAY, time(17, 30)))
    assert mornings[friday] == "2026-11-21 07:30", "some schools work on Saturdays"
    assert evenings[friday] == "2026-11-20 17:30"
    assert mornings[saturday] == "2026-11-23 07:30"
    assert mornings[monday] == "2026-11-25 07:30", "Tuesday is a public holiday"
    assert mornings[date(2027, 1, 30)] == "2027-02-01 07:30", "pupils have their break, offices work"
    weeks = at(SpanKind.WEEK, time(7, 30))
    assert (saturday, "2026-11-23 07:30") in weeks
    assert (date(2027, 1, 30), "2027-02-01 07:30") in weeks
    assert at(SpanKind.TERM, time(7, 30)) == [(date(2027, 5, 31), "2027-06-01 07:30")]
