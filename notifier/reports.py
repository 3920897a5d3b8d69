"""Reports that are due go into the outbox, once; and who did not get one is told to the first route."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from alerting.routing.reports import DueReport, due_on, people_meant
from alerting.routing.swaps import with_swaps
from config.routing import RoutingFile
from contract.alert import Priority
from contract.calendar import SchoolCalendar
from contract.errors import InfrastructureError
from contract.routing.notice import Notice, NoticeReason, notice_id_of
from contract.routing.route import Routing
from storage.database import connect
from storage.duty.swaps import swaps_since
from storage.outbox import enter_report, figures_through, write_notices

_logger: Final = logging.getLogger(__name__)

LOOK_S: Final = 10.0
"""Pause between two looks whether a report is due."""
WAIT_US: Final = 2 * 3_600_000_000
"""So long a report waits for the figures of its last session, µs of log time; then what is known must do."""


class ReportClock:
    """Puts what is due today into the outbox; several notifiers may."""

    def __init__(
        self, dsn: str, routing: RoutingFile, calendar: SchoolCalendar, now_us: Callable[[], int]
    ) -> None:
        """Take what it needs; `now_us` tells the log time."""
        self._dsn = dsn
        self._routing = routing
        self._calendar = calendar
        self._now_us = now_us
        self._entered = set[str]()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                async with await connect(self._dsn, "eduops notify reports") as conn:
                    while True:
                        await self.look(conn)
                        await asyncio.sleep(LOOK_S)
            except (psycopg.OperationalError, InfrastructureError):
                await asyncio.sleep(LOOK_S)

    async def look(self, conn: AsyncConnection[Any]) -> None:
        """Put into the outbox what is due today and was not put there."""
        now_us, routing = self._now_us(), self._routing.current()
        today = self._calendar.local_day(now_us)
        due = [one for order in routing.reports for one in due_on(order, self._calendar, today)]
        for one in due:
            if one.due_us <= now_us and one.report.report_id not in self._entered:
                await self._enter(conn, one, routing, now_us)
        self._entered &= {one.report.report_id for one in due}

    async def _enter(self, conn: AsyncConnection[Any], due: DueReport, routing: Routing, now_us: int) -> None:
        if now_us < due.due_us + WAIT_US and await figures_through(conn, due.last) < due.over_us:
            return
        report = due.report
        notices = [
            _notice(report.report_id, to, contact, NoticeReason.REPORT, report.name, report.due_at_us)
            for to, contact in people_meant(
                due.order.contacts, await _swapped_routing(conn, routing, now_us), now_us
            )
        ]
        if await enter_report(conn, report, notices):
            _logger.info("event=report_due key=%s readers=%d", report.report_id, len(notices))
        self._entered.add(report.report_id)


async def tell_of_loss(conn: AsyncConnection[Any], lost: Notice, routing: Routing, now_us: int) -> None:
    """Tell the contacts of the first route that somebody did not get a report; not that person, and once."""
    if lost.reason is not NoticeReason.REPORT:
        return
    names = routing.routes[0].escalation.steps[0].contacts
    on_duty = await _swapped_routing(conn, routing, now_us)
    notices = [
        _notice(lost.incident_id, to, contact, NoticeReason.REPORT_LOST, lost.route, now_us)
        for to, contact in people_meant(names, on_duty, now_us)
        if to != lost.to
    ]
    async with conn.cursor() as cursor:
        await write_notices(cursor, notices)


async def _swapped_routing(conn: AsyncConnection[Any], routing: Routing, now_us: int) -> Routing:
    """Return the routes with the swaps of duty that are not over."""
    return with_swaps(routing, await swaps_since(conn, now_us))


def _notice(report_id: str, to: str, contact: str, reason: NoticeReason, name: str, at_us: int) -> Notice:
    key = notice_id_of(report_id, to, reason, at_us)
    return Notice(key, report_id, to, contact, reason, Priority.P3, at_us, name, 0)
