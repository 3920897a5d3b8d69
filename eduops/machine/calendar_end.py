"""The school calendar has an end, and is told of weeks before: after it every school counts as closed."""

from typing import Final, NamedTuple

from contract.calendar import SchoolCalendar

SOON_DAYS: Final = 56
"""`eduops up` says it from eight weeks before: time to get the next year's plan and write it down."""


class CalendarEnd(NamedTuple):
    """How long a calendar lasts."""

    days_left: int
    """Local days from now to the last day of the last term; below 0 after it."""
    sentence: str


def calendar_end(calendar: SchoolCalendar, log_us: int) -> CalendarEnd:
    """Return how long the calendar lasts at a log time, µs since 1970."""
    last = calendar.last_day
    left = (last - calendar.local_day(log_us)).days
    if left < 0:
        return CalendarEnd(
            left,
            f"the school calendar ended on {last}: every school counts as closed since, and what is judged "
            "in school hours is not; write the next term into config/calendar.toml of the data folder",
        )
    soon = "; write the next term into config/calendar.toml of the data folder before" * (left <= SOON_DAYS)
    return CalendarEnd(
        left, f"the school calendar ends on {last}, in {left} days; then every school counts as closed{soon}"
    )
