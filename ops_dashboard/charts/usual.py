"""What is usual at a time of day, from the days before (pure)."""

from datetime import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.catalogue import Metric
from contract.figures.school_day import QUARTER_US
from contract.fleet import LEVELS, School
from contract.privacy import shown_history
from ops_dashboard.charts.plots import Usual, Window
from storage.wall import SeriesHistory

DAY_US: Final = 86_400_000_000
LEAST_DAYS: Final = 5
"""So many days must have been measured at a time of day for something to be usual there."""
TAIL: Final = 0.05
"""Share of the days beyond each edge: nine days in ten lie between."""


def usual_of(
    school: School, metric: Metric, before: SeriesHistory, calendar: SchoolCalendar, window: Window
) -> Usual | None:
    """Return what is usual of a metric at a school on days like the one that a window ends in.

    Args:
        school: whose level says which days are alike.
        metric: what was measured.
        before: its quarter hours of the weeks before the window's day.
        calendar: says on which days the level has sessions.
        window: what is shown.
    """
    zone_us = _zone_us(calendar, window.to_us)
    level = LEVELS.index(school.level)
    has_sessions = bool(calendar.sessions(level, calendar.local_day(window.to_us)))
    told = shown_history(metric, school.pupils, before.mean, before.min, before.max)
    alike = _with_sessions(calendar, level, before.time_us, zone_us) == has_sessions
    return usual_band(before.time_us, told.mean, alike, zone_us, (window.from_us, window.to_us))


def _zone_us(calendar: SchoolCalendar, at_us: int) -> int:
    """Return what must be added for local time; Vietnam has no summer time."""
    midnight_us = calendar.moment_us(calendar.local_day(at_us), time.min)
    return -midnight_us % DAY_US


def _with_sessions(
    calendar: SchoolCalendar, level: int, time_us: NDArray[np.int64], zone_us: int
) -> NDArray[np.bool_]:
    """Return which moments are of days on which a level has sessions, shape (n,)."""
    days, inverse = np.unique((time_us + zone_us) // DAY_US, return_inverse=True)
    found = [bool(calendar.sessions(level, calendar.local_day(int(d) * DAY_US - zone_us))) for d in days]
    return np.array(found, bool)[inverse]


def usual_band(
    time_us: NDArray[np.int64],
    value: NDArray[np.float64],
    alike: NDArray[np.bool_],
    zone_us: int,
    window: tuple[int, int],
) -> Usual | None:
    """Return between what nine days in ten were, quarter hour by quarter hour; None where too few are known.

    A quarter hour before the window and one after it are told as well, so that it can be drawn to the edges.

    Args:
        time_us: beginnings of quarter hours before the window, µs since 1970, shape (n,).
        value: what may be told of them, shape (n,).
        alike: which of them are of days like the one that is shown, shape (n,).
        zone_us: what must be added for local time, µs.
        window: beginning and end of what is shown.
    """
    own = alike & np.isfinite(value)
    slot = ((time_us[own] + zone_us) % DAY_US) // QUARTER_US
    told, order = value[own], np.argsort(slot, kind="stable")
    slots, first, counts = np.unique(slot[order], return_index=True, return_counts=True)
    enough = counts >= LEAST_DAYS
    if not enough.any():
        return None
    edges = {
        int(s): np.quantile(told[order][f : f + c], (TAIL, 1 - TAIL))
        for s, f, c in zip(slots[enough], first[enough], counts[enough], strict=True)
    }
    begin_us = window[0] // QUARTER_US * QUARTER_US - QUARTER_US
    starts = np.arange(begin_us, window[1] + 2 * QUARTER_US, QUARTER_US)
    of = [edges.get(int(s)) for s in ((starts + zone_us) % DAY_US) // QUARTER_US]
    known = np.array([edge is not None for edge in of], bool)
    both = np.array([edge for edge in of if edge is not None])
    return Usual(starts[known] + QUARTER_US // 2, both[:, 0], both[:, 1]) if known.any() else None
