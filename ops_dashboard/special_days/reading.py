"""Reads what is to be decided of the calendar, for everybody who looks."""

import asyncio
from typing import Final

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from ops_dashboard.borrowing import ReaderPool, borrowed
from ops_dashboard.special_days.desk import CalendarDesk, MeasuredDays, looked_at, measure, propose

READ_S: Final = 60.0
"""Longest wait for eight weeks of all schools, seconds."""
AGAIN_US: Final = 3_600_000_000
"""Age at which what was measured is read again, µs: late readings come for two days."""


class DeskReader:
    """Reads the desk; what was measured is kept for an hour."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self._measured: MeasuredDays | None = None
        self._reading = asyncio.Lock()

    async def read(
        self, fleet: Fleet, catalogue: Catalogue, calendar: SchoolCalendar, now_us: int
    ) -> CalendarDesk:
        """Return what is proposed and decided at a log time."""
        async with self._reading, borrowed(self._pool, READ_S) as conn:
            kept = self._measured
            is_old = kept is None or now_us - kept.read_us >= AGAIN_US
            if kept is None or is_old or kept.days != looked_at(calendar, now_us):
                kept = self._measured = await measure(conn, fleet, catalogue, calendar, now_us)
            return await propose(conn, fleet, calendar, kept)
