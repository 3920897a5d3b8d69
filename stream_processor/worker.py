"""The processor: one task a log, one for the tables' upkeep, one that says how it goes."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from bus.live import Live
from bus.log import Log
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.rule import Rule
from storage.database import connect
from storage.maintenance import maintain
from stream_processor.alerts import AlertsSession
from stream_processor.fold import Fold, build_fold
from stream_processor.owner import Open, ProcessorConfig, Publish, Session, Tally, own, wait
from stream_processor.partition import PartitionSession
from stream_processor.quarantine import QuarantineSession

_logger: Final = logging.getLogger(__name__)

REPORT_EVERY_S: Final = 30.0

__all__ = ["ProcessorConfig", "run"]


@dataclass(frozen=True)
class _Processor:
    """Everything that the owners share."""

    config: ProcessorConfig
    log: Log
    publish: Publish
    fleet: Fleet
    rules: tuple[Rule, ...]
    folds: tuple[Fold, ...]
    tallies: Mapping[str, Tally]

    def openers(self) -> dict[str, Open]:
        """Return how each log's owner loads its state."""
        found: dict[str, Open] = {telemetry_log(p): self._partition(p) for p in range(len(self.folds))}
        return found | {QUARANTINE_LOG: self._quarantine, ALERTS_LOG: self._alerts}

    def now_us(self) -> int:
        """Return the log time now."""
        return self.config.clock.log_us(time.time_ns() // 1000)

    def _partition(self, partition: int) -> Open:
        async def open_session(conn: AsyncConnection[Any]) -> Session:
            tally = self.tallies[telemetry_log(partition)]
            session = PartitionSession(
                conn, self.log, self.publish, self.folds[partition], self.config, tally
            )
            await session.load()
            return session

        return open_session

    async def _quarantine(self, conn: AsyncConnection[Any]) -> Session:
        session = QuarantineSession(conn, self.tallies[QUARANTINE_LOG])
        await session.load()
        return session

    async def _alerts(self, conn: AsyncConnection[Any]) -> Session:
        pupils = {school.id: school.pupils for school in self.fleet.schools}
        session = AlertsSession(conn, self.publish, pupils, self.tallies[ALERTS_LOG])
        await session.load()
        series = frozenset(s for fold in self.folds for s in fold.layout.series.tolist())
        await session.retire(self.log, self.rules, series, self.now_us())
        return session


async def run(
    config: ProcessorConfig,
    log: Log,
    live: Live,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
    stop: asyncio.Event,
) -> None:
    """Own every log until `stop`; outlives restarts of PostgreSQL and of the log's server.

    Raises:
        ExceptionGroup: of EduopsError; a snapshot, an entry or the configuration cannot be read.
    """
    folds = tuple(
        build_fold(fleet, catalogue, calendar, rules, p, config.partitions, config.detector)
        for p in range(config.partitions)
    )
    names = [*(telemetry_log(p) for p in range(config.partitions)), QUARANTINE_LOG, ALERTS_LOG]
    processor = _Processor(config, log, live.publish, fleet, rules, folds, {name: Tally() for name in names})
    async with asyncio.TaskGroup() as group:
        for name, open_session in processor.openers().items():
            group.create_task(own(name, log, open_session, config, stop), name=name)
        group.create_task(_keep_up(processor, stop), name="maintenance")
        group.create_task(_report(processor, stop), name="report")


async def _keep_up(processor: _Processor, stop: asyncio.Event) -> None:
    """Make coming chunks, refresh rollups and drop what is past its retention, once a minute."""
    while not stop.is_set():
        try:
            async with await connect(processor.config.dsn) as conn:
                while not stop.is_set():
                    await maintain(conn, processor.now_us())
                    await wait(stop, processor.config.maintain_every_s)
        except (InfrastructureError, psycopg.Error) as error:
            _logger.warning("event=maintenance_failed detail=%r", str(error))
            await wait(stop, processor.config.maintain_every_s / 10)


async def _report(processor: _Processor, stop: asyncio.Event) -> None:
    """Say every half minute how many readings were taken in and how far behind the logs are."""
    before = 0
    while not stop.is_set():
        await wait(stop, REPORT_EVERY_S)
        partitions = [processor.tallies[telemetry_log(p)] for p in range(processor.config.partitions)]
        received = sum(t.counts.received for t in partitions)
        behind_us = max((processor.now_us() - t.log_time_us for t in partitions if t.commits), default=0)
        _logger.info(
            "event=progress readings_per_s=%.0f lag_s=%.2f received=%d stored=%d duplicate=%d quarantined=%d",
            (received - before) / REPORT_EVERY_S,
            behind_us / 1e6,
            received,
            sum(t.counts.stored for t in partitions),
            sum(t.counts.duplicate for t in partitions),
            processor.tallies[QUARANTINE_LOG].counts.quarantined,
        )
        before = received
