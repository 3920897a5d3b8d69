"""Labels of stretches of the school year in which nothing is wrong, so no alarm is right without a fault."""

from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Final

import numpy as np

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, Fleet
from device_simulator.world.faults import FaultLabel
from device_simulator.world.mess import DAY_US
from device_simulator.world.moves import Move
from device_simulator.world.school_time.school_year import SchoolYear

EVE: Final = "recess-eve"
RECESS: Final = "recess"
RETURN: Final = "recess-return"
NEW_SCHOOL: Final = "new-school"
CLOSED_SCHOOL: Final = "closed-school"
GROWN_SCHOOL: Final = "grown-school"
STRETCHES: Final = (EVE, RECESS, RETURN, NEW_SCHOOL, CLOSED_SCHOOL, GROWN_SCHOOL)
"""The last and the first school days around a recess, and its days; the first
days of a school that joined, all days after one closed or merged, the first of the one that it is part of."""
FIRST_DAYS: Final = 14
"""Days for which a school is new or grown: two weeks, the memory of a series."""


def stretch_labels(
    fleet: Fleet, calendar: SchoolCalendar, days: Sequence[date], moves: Sequence[Move]
) -> tuple[FaultLabel, ...]:
    """Return the labels of a scenario's days, in no order.

    Args:
        fleet: every school that is ever there.
        calendar: by which the city lives.
        days: rising, without a gap.
        moves: who joins, closes or merges.
    """
    year = SchoolYear(calendar)
    begin_us = calendar.moment_us(days[0], time.min)
    end_us = begin_us + len(days) * DAY_US
    around = (
        FaultLabel(kind, "", codes, begin_us + nth * DAY_US, begin_us + (nth + 1) * DAY_US, 1.0)
        for nth, on in enumerate(days)
        for kind, codes in _around(fleet, calendar, year, on)
    )
    return (*around, *(label for move in moves for label in _of_move(fleet, move, end_us)))


def _around(
    fleet: Fleet, calendar: SchoolCalendar, year: SchoolYear, on: date
) -> Iterator[tuple[str, tuple[str, ...]]]:
    levels = range(len(LEVELS))
    near = {
        EVE: [year.before_recess(i, on) is not None for i in levels],
        RETURN: [year.after_recess(i, on) is not None for i in levels],
        RECESS: [calendar.is_recess(i, on) for i in levels],
    }
    for kind, is_near in near.items():
        codes = tuple(fleet.schools[i].code for i in np.flatnonzero(np.array(is_near)[fleet.level_index]))
        if codes:
            yield kind, codes


def _of_move(fleet: Fleet, move: Move, end_us: int) -> Iterator[FaultLabel]:
    young_us = min(move.at_us + FIRST_DAYS * DAY_US, end_us)
    own, until_us = (NEW_SCHOOL, young_us) if move.joins else (CLOSED_SCHOOL, end_us)
    yield FaultLabel(own, "", (fleet.schools[move.position].code,), move.at_us, until_us, 1.0)
    if move.into is not None:
        yield FaultLabel(GROWN_SCHOOL, "", (fleet.schools[move.into].code,), move.at_us, young_us, 1.0)
