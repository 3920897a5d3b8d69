"""What schools did on past days, as arrays: what days are proposed from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.calendar import MINUTE_US, Context, SchoolCalendar
from contract.fleet import LEVELS, Fleet
from contract.special_days.special_day import (
    DayKind,
    DayPlace,
    DayVerdict,
    SpecialDay,
    schools_by_place,
)

PARTS: Final = 2
"""Morning and afternoon."""
Measure = NDArray[np.float64]


class DayHistory(NamedTuple):
    """d past days of n schools, each day in two parts; d may be 0."""

    day: NDArray[np.datetime64]
    """Rising, shape (d,)."""
    groups: Mapping[DayPlace, NDArray[np.intp]]
    """Columns of the schools of every place."""
    expected: NDArray[np.bool_]
    """Where the calendar has a session for the school, shape (d, 2, n)."""
    register: Measure
    """Present over enrolled, mean of the part; NaN where no register came, shape (d, 2, n)."""
    traffic: Measure
    """Mean of the part, bit/s; NaN where nothing was measured, shape (d, 2, n)."""
    learners: Measure
    """Active users, mean of the part, in the same way."""
    settled: NDArray[np.bool_]
    """Days of schools that somebody has decided about, or that are known as events, shape (d, n)."""
    dismissed: NDArray[np.bool_]
    """… with an alert that was dismissed as an event of the school, shape (d, n)."""


def history_of(
    fleet: Fleet,
    calendar: SchoolCalendar,
    days: Sequence[date],
    measures: Mapping[str, Measure],
    decided: Iterable[SpecialDay],
    dismissals: Iterable[tuple[str, date]],
) -> DayHistory:
    """Return the history of a fleet's schools on those of `days` on which any has a session.

    Args:
        fleet: its schools are the columns.
        calendar: with the days that are known.
        days: rising.
        measures: `register`, `traffic` and `learners` of these days, each shape (days, 2, schools).
        decided: what was decided so far.
        dismissals: school's code and local day of each alert that was dismissed as an event of the school.
    """
    column = {school.code: i for i, school in enumerate(fleet.schools)}
    codes_of = schools_by_place(fleet)
    groups = {
        place: np.array(sorted(column[code] for code in codes), np.intp) for place, codes in codes_of.items()
    }
    expected = np.array([_expected(fleet, calendar, day) for day in days]).reshape(len(days), PARTS, -1)
    of_level = np.array([[_is_event(calendar, i, day) for i in range(len(LEVELS))] for day in days], np.bool_)
    settled = of_level.reshape(len(days), -1)[:, fleet.level_index.astype(np.intp)]
    row = {day: i for i, day in enumerate(days)}
    for one in decided:
        if one.evidence.bells is None and (
            one.verdict is DayVerdict.REJECTED
            or (one.verdict is DayVerdict.ACCEPTED and one.kind is not DayKind.CLOSURE)
        ):
            rows = np.array([row[day] for day in one.days if day in row], np.intp)
            settled[np.ix_(rows, groups.get(one.place, np.empty(0, np.intp)))] = True
    dismissed = np.zeros_like(settled)
    for code, day in dismissals:
        if day in row and code in column:
            dismissed[row[day], column[code]] = True
    lived = expected.any(axis=(1, 2)) if len(days) else np.zeros(0, np.bool_)
    return DayHistory(
        np.array(days, "datetime64[D]")[lived],
        groups,
        expected[lived],
        measures["register"][lived],
        measures["traffic"][lived],
        measures["learners"][lived],
        settled[lived],
        dismissed[lived],
    )


def _is_event(calendar: SchoolCalendar, level_index: int, day: date) -> bool:
    sessions = calendar.sessions(level_index, day)
    return bool(sessions) and (
        calendar.context_at(level_index, sessions[0].start_us // MINUTE_US) is Context.EVENT
    )


def _expected(fleet: Fleet, calendar: SchoolCalendar, day: date) -> NDArray[np.bool_]:
    """Return which parts of a day have a session, shape (2, n)."""
    by_level = np.array(
        [[len(calendar.sessions(i, day)) > part for i in range(len(LEVELS))] for part in range(PARTS)]
    )
    found = by_level[:, fleet.level_index.astype(np.intp)]
    closed, half = calendar.closed_schools(day), calendar.half_day_schools(day)
    if closed or half:
        codes = [school.code for school in fleet.schools]
        found[:, np.isin(codes, list(closed))] = False
        found[1, np.isin(codes, list(half))] = False
    return found
