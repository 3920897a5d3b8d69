"""Keeps leadership's figures: which days are due, what they measured, and their rows."""

import asyncio
from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any, Final

import numpy as np
from psycopg import AsyncConnection

from alerting.silences.maintenance import maintenance_quarters
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.day import USER_METRICS, DayFigures
from contract.figures.lines import QUARTERS
from contract.figures.school_day import QUARTER_US, school_day
from contract.figures.sums import FigureRow
from contract.fleet import Fleet
from storage.database import LATE_ACCEPTANCE_H
from storage.figures.quarters import DayRollups
from storage.figures.rows import FigureDay, corrected_quarters, figure_days, keep_day
from storage.fleet import schools_then
from storage.history import folded_until, quarters_since
from storage.silences import silences_since

HOUR_US: Final = 3_600_000_000
LATE_EVERY_US: Final = HOUR_US
"""A day that may still get late readings is made anew so often, µs of log time."""
LATE_UNTIL_US: Final = round((LATE_ACCEPTANCE_H + 2) * HOUR_US)
"""… until so long after its end: what ingest accepts, and what rollups need after it."""
OLDEST_DAYS: Final = 85
"""Days back that are made where they have no rows yet: rollups of quarter hours are kept for 90."""
BLOCK: Final = 4096
"""Schools whose quarter hours are in memory at once: four metrics of them are 50 MB."""
MOST_DAYS: Final = 2
"""Days made in one round, so that the upkeep of the tables never waits for long."""


async def keep_figures(
    conn: AsyncConnection[Any], fleet: Fleet, catalogue: Catalogue, calendar: SchoolCalendar
) -> list[date]:
    """Make the rows of days that are due, at most `MOST_DAYS`, and return those days.

    Today is due with every quarter hour that the fold is past, a day that late readings may reach every
    hour, any day in which something was corrected or about which somebody decided since at once, and a day
    without rows that has rollups.
    Making a day again changes nothing but what it now says otherwise.
    """
    folded_us = await folded_until(conn)
    if folded_us is None:
        return []
    since_us = await quarters_since(conn)
    today = calendar.local_day(folded_us)
    oldest = calendar.local_day(folded_us if since_us is None else since_us)
    first = max(today - timedelta(OLDEST_DAYS), oldest)
    known = {day.day: day for day in await figure_days(conn, first)}
    corrected = await _corrected(conn, calendar, known.values(), folded_us)
    due = []
    for day in (today - timedelta(n) for n in range((today - first).days + 1)):
        made, end_us = known.get(day), _end_us(calendar, day)
        changed_us = max(corrected.get(day, 0), calendar.decided_us(day))
        is_wrong = made is not None and changed_us > made.made_us
        if is_wrong or _is_due(made, end_us, folded_us):
            due.append(day)
    for day in due[:MOST_DAYS]:
        rows = await _rows_of(conn, fleet, catalogue, calendar, day, folded_us)
        through_us = min(_end_us(calendar, day), folded_us // QUARTER_US * QUARTER_US)
        await keep_day(conn, day, rows, folded_us, through_us)
    return due[:MOST_DAYS]


async def _corrected(
    conn: AsyncConnection[Any], calendar: SchoolCalendar, known: Iterable[FigureDay], folded_us: int
) -> dict[date, int]:
    """Return when each day was corrected last, of those that may still be: what is older is not accepted."""
    still_open = (d.made_us for d in known if d.made_us < _end_us(calendar, d.day) + LATE_UNTIL_US)
    found: dict[date, int] = {}
    for quarter_us, at_us in await corrected_quarters(conn, min(still_open, default=folded_us)):
        day = calendar.local_day(quarter_us)
        found[day] = max(at_us, found.get(day, 0))
    return found


def _end_us(calendar: SchoolCalendar, day: date) -> int:
    return calendar.moment_us(day + timedelta(1), time.min)


def _is_due(known: FigureDay | None, end_us: int, folded_us: int) -> bool:
    if known is None:
        return True
    if known.through_us < end_us:
        return min(end_us, folded_us // QUARTER_US * QUARTER_US) > known.through_us
    is_late_open = known.made_us < end_us + LATE_UNTIL_US
    return is_late_open and folded_us - known.made_us >= LATE_EVERY_US


async def _rows_of(
    conn: AsyncConnection[Any],
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    day: date,
    through_us: int,
) -> list[FigureRow]:
    """Return the rows of a day; schools have the ward and the provider that they had at its end."""
    start_us = calendar.moment_us(day, time.min)
    end_us = _end_us(calendar, day)
    closed_us = {f.school.id: f.closed_us for f in fleet.former}
    then = await schools_then(conn, fleet, end_us - 1)
    schools = [s for _, s in sorted(then.items()) if closed_us.get(s.id, end_us) > start_us]
    silences = await silences_since(conn, start_us)
    whole: DayFigures | None = None
    for first in range(0, len(schools), BLOCK):
        block = schools[first : first + BLOCK]
        plan = school_day(calendar, day, block, through_us)
        middles_us = start_us + QUARTER_US // 2 + QUARTER_US * np.arange(QUARTERS)
        idle = maintenance_quarters(silences, block, fleet, calendar, middles_us)
        clusters = {ward.code: ward.cluster_code for ward in fleet.wards}
        figures = DayFigures(plan, block, clusters, idle)
        await _measure(figures, DayRollups(conn, fleet, catalogue, block, start_us))
        if whole is None:
            whole = figures
        else:
            whole.extend(figures)
    return [] if whole is None else await asyncio.to_thread(whole.rows, catalogue)


async def _measure(figures: DayFigures, rollups: DayRollups) -> None:
    read = rollups.read
    figures.take_online(await read("online"), await rollups.was_offline())
    figures.take_line(await read("down_bps"), await read("up_bps"), await read("loss_ratio"))
    figures.take_registers(await read("enrolled"), await read("present"))
    figures.take_learning(await read("active_users"), {name: await read(name) for name in USER_METRICS})
    figures.take_platform(await read("success_ratio"), await read("response_ms"), await read("sync_age_s"))
