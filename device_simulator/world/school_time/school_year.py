"""Where a day lies in the school year: near a recess, at an end of the year, in which season.

Pure, from the calendar by which the city lives. How much that changes stands in `severity`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from contract.calendar import RECESS_DAYS, SchoolCalendar

SUMMER_DAYS: Final = 42
"""Days without school from which on a school year ends with them; chosen, longer than any break in it."""
FARTHEST: Final = 5
"""School days before and after a recess that are looked at: a week."""
YEAR_BEGINS: Final = 8
"""Month from which on a day belongs to the school year of its own calendar year."""
_DAY: Final = timedelta(days=1)


class Nearness(NamedTuple):
    """A school day near a recess."""

    nth: int
    """1 for the school day next to it."""
    is_summer: bool


class SchoolYear:
    """Answers for each level how near to a recess a day is."""

    def __init__(self, calendar: SchoolCalendar) -> None:
        self._calendar = calendar
        self.before_recess = lru_cache(maxsize=512)(self._before)
        """`before_recess(level_index, day)`: how near the next recess is, None if not or not a school day."""
        self.after_recess = lru_cache(maxsize=512)(self._after)
        """The same of the last one."""

    def _before(self, level_index: int, on: date) -> Nearness | None:
        return self._near(level_index, on, _DAY)

    def _after(self, level_index: int, on: date) -> Nearness | None:
        return self._near(level_index, on, -_DAY)

    def _near(self, level_index: int, on: date, step: timedelta) -> Nearness | None:
        if not self._calendar.sessions(level_index, on):
            return None
        for nth in range(1, FARTHEST + 1):
            off, on = 0, on + step
            while off < SUMMER_DAYS and not self._calendar.sessions(level_index, on):
                off, on = off + 1, on + step
            if off >= RECESS_DAYS:
                return Nearness(nth, off >= SUMMER_DAYS)
        return None


def school_year_of(on: date) -> int:
    """Return the calendar year in which the school year of a day began."""
    return on.year if on.month >= YEAR_BEGINS else on.year - 1


def season(points: Sequence[tuple[int, int, float]], on: date) -> float:
    """Return the logarithm of the times by which a day's season is absent, straight between the points.

    Args:
        points: (month, day, logarithm) in the order of a school year; before the first and after the last as
            these.
        on: the day.
    """
    year = school_year_of(on)
    days = [date(year + (month < YEAR_BEGINS), month, day).toordinal() for month, day, _ in points]
    return float(np.interp(on.toordinal(), days, [log for *_, log in points]))
