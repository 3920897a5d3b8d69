"""The notifier: several workers at one outbox, woken when something is due. Any number of them may run."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import psycopg
from psycopg import AsyncConnection

from alerting.incidents.groups import Groups
from alerting.messages.story import Office
from bus.live import Live
from bus.log import Log
from bus.pause import pause
from config.files import load_providers, shipped_texts
from config.routing import RoutingFile
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.live import NOTICE_SUBJECT, NoticeTried
from contract.routing.notice import NoticeFate
from contract.rule import Rule
from contract.service.backoff import Backoff
from contract.service.metrics import Meter
from contract.service.reach import Reach, pass_by
from notifier.channels import Channels
from notifier.config import NotifierConfig
from notifier.delivery import Delivery
from notifier.letters import Letters, MakeReport
from notifier.reports import ReportClock
from notifier.ways import Ways
from storage.database import connect
from storage.outbox import Claim, open_outbox, outbox_load, outbox_news, seconds_to_next

_logger: Final = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Longest pause between two looks: what a dead notifier had claimed is found without a word."""
COME_BACK: Final = Backoff(first_s=0.5, longest_s=15.0)
"""Before a lost database is tried again."""
GRACE_S: Final = 10.0
"""What is on its way when the process is to end may take so long: it would else be sent twice."""


class Notifier:
    """Workers, an ear for new notices, an eye on how many wait, and a clock for reports."""

    def __init__(
        self,
        config: NotifierConfig,
        delivery: Delivery,
        reports: ReportClock,
        routing: RoutingFile,
        live: Live,
        meter: Meter,
    ) -> None:
        self._config = config
        self._reports = reports
        self._delivery = delivery
        self._routing = routing
        self._live = live
        self._meter = meter
        self._more = [asyncio.Event() for _ in range(config.workers)]

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`, and then what is on its way."""
        _logger.info("event=notifier_started workers=%d: it sends what waits", self._config.workers)
        workers = [asyncio.create_task(self._work(more, stop)) for more in self._more]
        looking = (self._listen(), self._measure(), self._reports.run())
        others = [asyncio.create_task(one) for one in looking]
        stopping = asyncio.create_task(stop.wait())
        tasks = [*workers, *others, stopping]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
            self._wake()
            await asyncio.wait(workers, timeout=GRACE_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, more: asyncio.Event, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                async with await open_outbox(self._config.dsn, "eduops notify") as conn:
                    while not stop.is_set():
                        more.clear()
                        if not await self._step(conn):
                            due_s = await seconds_to_next(conn)
                            await pause(more, LOOK_S if due_s is None else min(LOOK_S, max(0.0, due_s)))
                        failures = 0
            except (psycopg.OperationalError, InfrastructureError) as error:
                failures += 1
                wait_s = COME_BACK.wait_s(failures)
                _logger.warning("event=outbox_lost retry_s=%g: %s", wait_s, error)
                await pause(stop, wait_s)

    async def _step(self, conn: AsyncConnection[Any]) -> bool:
        """Take a step with what is due; return whether something was."""
        try:
            found = await self._delivery.step(conn)
        except psycopg.errors.SerializationFailure:  # another worker was faster; what is left is found again
            return True
        if found is None:
            return False
        await self._tell(*found)
        return True

    async def _tell(self, claim: Claim, fate: NoticeFate) -> None:
        tried = NoticeTried(claim.notice.notice_id, claim.notice.incident_id, fate.value)
        await self._live.publish(NOTICE_SUBJECT, msgspec.json.encode(tried))

    async def _listen(self) -> None:
        async for _ in outbox_news(self._config.dsn):
            self._wake()

    def _wake(self) -> None:
        for more in self._more:
            more.set()

    async def _measure(self) -> None:
        while True:
            try:
                async with await connect(self._config.dsn, "eduops notify load") as conn:
                    while True:
                        waiting, oldest_s = await outbox_load(conn)
                        self._meter.put("eduops_notifier_waiting", waiting)
                        self._meter.put("eduops_notifier_oldest_seconds", oldest_s)
                        self._routing.current()
                        self._meter.put("eduops_notifier_routes_refused", float(bool(self._routing.refusal)))
                        await asyncio.sleep(LOOK_S)
            except (psycopg.OperationalError, InfrastructureError):
                await asyncio.sleep(LOOK_S)


def make_office(
    config: NotifierConfig,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: Sequence[Rule],
) -> Office:
    """Return what every message needs."""
    return Office(
        Groups(fleet),
        catalogue,
        {rule.name: rule for rule in rules},
        shipped_texts(),
        calendar.timezone,
        config.public_url.rstrip("/"),
        load_providers(config.own_config),
    )


async def run(
    config: NotifierConfig,
    log: Log,
    live: Live,
    routing: RoutingFile,
    office: Office,
    calendar: SchoolCalendar,
    make_report: MakeReport,
    stop: asyncio.Event,
    *,
    meter: Meter,
    reach: Reach = pass_by,
    draw: Callable[[], float] = random.random,
) -> None:
    """Send what the outbox holds until `stop`.

    Args:
        config: settings.
        log: is told whom no channel reaches.
        live: tells the pages what became of each notice.
        routing: contacts and their channels.
        office: what every message needs.
        calendar: says when reports are due.
        make_report: makes them.
        stop: ends it.
        meter: counts.
        reach: a failpoint for fault tests.
        draw: a random share, 0 to 1, of the pauses between attempts.
    """

    def now_us() -> int:
        return config.clock.log_us(time.time_ns() // 1000)

    letters, ways = Letters(office, make_report), Ways(draw, config.pause)
    delivery = Delivery(Channels(config), routing, letters, ways, log, now_us, meter, reach)
    reports = ReportClock(config.dsn, routing, calendar, now_us)
    await Notifier(config, delivery, reports, routing, live, meter).run(stop)
