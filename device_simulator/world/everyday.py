"""Labels of what is wrong in a messy city without any fault: an evaluation tells its alarms apart."""

from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Final

import numpy as np

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, Fleet
from device_simulator.world.faults import FaultLabel
from device_simulator.world.mess import DAY_US, ChronicKind, Mess
from device_simulator.world.school_time.timetable import REGISTER_LAST_US

CHRONIC: Final = "chronic-line"
UNSENT: Final = "register-unsent"
AWAY: Final = "city-away"
EVERYDAY: Final = frozenset({CHRONIC, UNSENT, AWAY})
"""Kinds of these labels."""
FAR_AWAY: Final = 1.6
"""Absence of the whole city, in times of the usual, from which its day has a label: below it five
points in a hundred, which no rule is to tell; chosen."""


def everyday_labels(
    fleet: Fleet, calendar: SchoolCalendar, mess: Mess, days: Sequence[date]
) -> tuple[FaultLabel, ...]:
    """Return the labels of a messy city's days, in no order.

    Args:
        fleet: whose schools.
        calendar: by which the city lives.
        mess: what departs from it.
        days: ascending, at least one.
    """
    return (
        *_chronic(fleet, calendar, mess, days),
        *(label for on in days for label in _unsent(fleet, calendar, mess, on)),
        *(label for on in days for label in _away(fleet, calendar, mess, on)),
    )


def _codes(fleet: Fleet, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(fleet.schools[i].code for i in positions)


def _chronic(
    fleet: Fleet, calendar: SchoolCalendar, mess: Mess, days: Sequence[date]
) -> Iterator[FaultLabel]:
    begin_us, end_us = calendar.moment_us(days[0], time.min), calendar.moment_us(days[-1], time.min) + DAY_US
    for position in np.flatnonzero(mess.chronic).tolist():
        variant = ChronicKind(int(mess.chronic[position])).name.lower()
        yield FaultLabel(CHRONIC, variant, _codes(fleet, [position]), begin_us, end_us, 1.0)


def _unsent(fleet: Fleet, calendar: SchoolCalendar, mess: Mess, on: date) -> Iterator[FaultLabel]:
    """Yield a label a session with the schools whose register never comes."""
    level = fleet.level_index
    closed = calendar.closed_schools(on)
    for i in range(len(LEVELS)):
        for session in calendar.sessions(i, on):
            never = np.flatnonzero(mess.unsent(session.start_us) & (level == i)).tolist()
            codes = tuple(code for code in _codes(fleet, never) if code not in closed)
            if codes:
                end_us = session.start_us + REGISTER_LAST_US + max(mess.bells_us)
                yield FaultLabel(UNSENT, "", codes, session.start_us, end_us, 1.0)


def _away(fleet: Fleet, calendar: SchoolCalendar, mess: Mess, on: date) -> Iterator[FaultLabel]:
    times = np.exp(mess.level_absence(on))
    far = times >= FAR_AWAY
    if far.any() and any(calendar.sessions(i, on) for i in range(len(LEVELS))):
        begin_us = calendar.moment_us(on, time.min)
        codes = _codes(fleet, np.flatnonzero(far[fleet.level_index]).tolist())
        if codes:
            yield FaultLabel(AWAY, "", codes, begin_us, begin_us + DAY_US, round(float(times[far].max()), 2))
