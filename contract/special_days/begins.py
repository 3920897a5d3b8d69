"""When schools began on past days, as arrays: what moved bells are proposed from."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, Fleet
from contract.special_days.history import PARTS, Measure
from contract.special_days.special_day import DayPlace, PlaceKind, schools_by_place


class DayBegins(NamedTuple):
    """d past days of n schools, each day in two parts; minutes after the calendar's bell, NaN unknown."""

    day: NDArray[np.datetime64]
    """Rising, shape (d,)."""
    groups: Mapping[DayPlace, NDArray[np.intp]]
    """Columns of the schools of the city and of each level."""
    register: Measure
    """Of the first register, shape (d, 2, n)."""
    traffic: Measure
    """Of the first quarter of an hour of the morning that is about as busy as lessons are, shape (d, n)."""
    learners: Measure
    """The same of active users."""


def begins_of(
    fleet: Fleet, calendar: SchoolCalendar, days: Sequence[date], minutes: Mapping[str, Measure]
) -> DayBegins:
    """Return when a fleet's schools began on `days`.

    Args:
        fleet: its schools are the columns.
        calendar: with the days that are known.
        days: rising.
        minutes: `register`, `traffic` and `learners`: minute of the local day, each shape (days, 2, schools).
    """
    column = {school.code: i for i, school in enumerate(fleet.schools)}
    groups = {
        place: np.array(sorted(column[code] for code in codes), np.intp)
        for place, codes in schools_by_place(fleet).items()
        if place.kind in (PlaceKind.CITY, PlaceKind.LEVEL)
    }
    bells = np.array([_bells(calendar, day) for day in days]).reshape(len(days), PARTS, len(LEVELS))
    bell = bells[:, :, fleet.level_index.astype(np.intp)]
    register, traffic, learners = (minutes[name] - bell for name in ("register", "traffic", "learners"))
    return DayBegins(np.array(days, "datetime64[D]"), groups, register, traffic[:, 0], learners[:, 0])


def _bells(calendar: SchoolCalendar, day: date) -> Measure:
    """Return the minutes of the local day at which sessions begin by the calendar, shape (2, levels)."""
    found = np.full((PARTS, len(LEVELS)), np.nan)
    for level in range(len(LEVELS)):
        for part, session in enumerate(calendar.sessions(level, day)[:PARTS]):
            local = datetime.fromtimestamp(session.start_us / 1e6, calendar.timezone)
            found[part, level] = 60 * local.hour + local.minute
    return found
