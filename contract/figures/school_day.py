"""Which minutes of a day are school minutes, by school, part of the day and quarter hour."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.calendar import MINUTE_US, SchoolCalendar, Session
from contract.figures.lines import QUARTER_MIN, QUARTERS, Table
from contract.figures.sums import DayPart
from contract.fleet import LEVELS, School

QUARTER_US: Final = round(QUARTER_MIN) * MINUTE_US
SESSION_PARTS: Final = (DayPart.MORNING, DayPart.AFTERNOON)


class SchoolDay(NamedTuple):
    """The timetable of some schools on one day."""

    day: date
    start_us: int
    """Midnight of the day, µs since 1970."""
    through_us: int
    """Up to when anything is known: the end of a quarter hour within the day."""
    in_session: Mapping[DayPart, Table]
    """Minutes of each quarter hour, 0 to 15, that belong to the session; 0 after `through_us`."""
    of_part: Mapping[DayPart, NDArray[np.bool_]]
    """Quarter hours from the session's beginning to the next one's, shape (schools, 96)."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which quarter hours are over, shape (96,)."""
        return self.start_us + QUARTER_US * np.arange(1, QUARTERS + 1) <= self.through_us


def school_day(calendar: SchoolCalendar, day: date, schools: Sequence[School], through_us: int) -> SchoolDay:
    """Return the timetable of schools on a day; what is after `through_us`, µs since 1970, is left out.

    The first session of the day is its morning, the second its afternoon.
    """
    start_us = calendar.moment_us(day, time.min)
    end_us = calendar.moment_us(day + timedelta(days=1), time.min)
    through_us = min(end_us, through_us) // QUARTER_US * QUARTER_US
    begins = start_us + QUARTER_US * np.arange(QUARTERS)
    known = begins + QUARTER_US <= through_us
    level = np.array([LEVELS.index(s.level) for s in schools], np.intp)
    closed, half = calendar.closed_schools(day), calendar.half_day_schools(day)
    is_open = np.array([[s.code not in closed, s.code not in closed | half] for s in schools], bool).reshape(
        -1, 2
    )
    in_session, of_part = {}, {}
    by_level = [calendar.sessions(i, day) for i in range(len(LEVELS))]
    for nth, part in enumerate(SESSION_PARTS):
        minutes = np.array([_minutes(sessions, nth, begins) for sessions in by_level])
        window = np.array([_window(sessions, nth, begins, end_us) for sessions in by_level])
        has_part = is_open[:, [nth]]
        in_session[part] = np.where(has_part & known, minutes[level], 0.0)
        of_part[part] = has_part & known & window[level]
    return SchoolDay(day, start_us, through_us, in_session, of_part)


def _minutes(sessions: Sequence[Session], nth: int, begins_us: NDArray[np.int64]) -> NDArray[np.float64]:
    if nth >= len(sessions):
        return np.zeros(QUARTERS)
    session = sessions[nth]
    ends = np.minimum(begins_us + QUARTER_US, session.end_us)
    shared: NDArray[np.float64] = (ends - np.maximum(begins_us, session.start_us)) / MINUTE_US
    return np.maximum(shared, 0.0)


def _window(
    sessions: Sequence[Session], nth: int, begins_us: NDArray[np.int64], end_us: int
) -> NDArray[np.bool_]:
    if nth >= len(sessions):
        return np.zeros(QUARTERS, bool)
    until_us = sessions[nth + 1].start_us if nth + 1 < len(sessions) else end_us
    found: NDArray[np.bool_] = (begins_us + QUARTER_US > sessions[nth].start_us) & (begins_us < until_us)
    return found
