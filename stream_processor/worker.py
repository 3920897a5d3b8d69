"""The processor: an owner for each log that this process has a lease on, and how it goes."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from alerting.incidents.groups import Groups
from bus.live import Live
from bus.log import Log
from bus.pause import pause
from contract.alert import Alert, Ending
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.routing.route import Routing
from contract.rule import Rule
from contract.service.metrics import SERVICE_METRICS, Meter
from contract.service.reach import Reach, pass_by
from storage.database import connect
from storage.upkeep.maintenance import maintain
from stream_processor.config import ProcessorConfig
from stream_processor.figures import keep_figures
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.layout import FleetColumns, columns_of
from stream_processor.fold.reconcile import ending_of
from stream_processor.owners.alerts import AlertsOwner
from stream_processor.owners.lost_end import TOLD_AGAIN_S, settle
from stream_processor.owners.owner import (
    POSITION,
    READINGS,
    LogOwner,
    Open,
    Publish,
    Tally,
    heed_cancellation,
    own,
)
from stream_processor.owners.partition import STATE_GAUGES, PartitionOwner
from stream_processor.owners.quarantine import QuarantineOwner
from stream_processor.owners.tenure import Tenure

_logger: Final = logging.getLogger(__name__)

REPORT_EVERY_S: Final = 30.0
MAINTENANCE: Final = "maintenance"
"""Name of the lease on the upkeep of the tables; there is no log behind it."""
LAG: Final = "eduops_processor_lag_seconds"

__all__ = ["ProcessorConfig", "run"]


@dataclass(frozen=True)
class _Processor:
    """Everything that the owners share."""

    config: ProcessorConfig
    log: Log
    publish: Publish
    fleet: Fleet
    columns: FleetColumns
    catalogue: Catalogue
    calendar: SchoolCalendar
    rules: tuple[Rule, ...]
    routing: Callable[[], Routing]
    meter: Meter
    reach: Reach
    tallies: dict[str, Tally] = field(default_factory=dict)
    """Of the logs that this process owns."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """All that is to be owned: partitions, which are dear, and what is cheap."""
        partitions = tuple(telemetry_log(p) for p in range(self.config.partitions))
        return partitions, (QUARANTINE_LOG, ALERTS_LOG, MAINTENANCE)

    async def own(self, name: str, stop: asyncio.Event) -> None:
        """Own a log until `stop`; what it needs in memory lives no longer than that."""
        if name == MAINTENANCE:
            await _keep_up(self, stop)
            return
        tally = self.tallies[name] = Tally(name, self.meter)
        try:
            await own(name, self.log, await self._opener(name, tally), self.config, stop)
        finally:
            if self.tallies.get(name) is tally:
                del self.tallies[name]
                for gauge in (POSITION, LAG, *STATE_GAUGES):
                    self.meter.forget(gauge, name)

    def now_us(self) -> int:
        """Return the log time now."""
        return self.config.clock.log_us(time.time_ns() // 1000)

    async def _opener(self, name: str, tally: Tally) -> Open:
        """Return how a log's owner loads its state; builds the fold of a partition first."""
        if name == QUARANTINE_LOG:
            return lambda conn: self._quarantine(conn, tally)
        if name == ALERTS_LOG:
            groups = await asyncio.to_thread(Groups, self.fleet)
            return lambda conn: self._alerts(conn, groups, tally)
        partition = self.groups[0].index(name)
        # In a thread, so that the other owners and the leases do not wait for it.
        fold = await asyncio.to_thread(self._build, partition)
        return lambda conn: self._partition(conn, fold, tally)

    def _build(self, partition: int) -> Fold:
        config = self.config
        return build_fold(
            self.fleet,
            self.catalogue,
            self.calendar,
            self.rules,
            partition,
            config.partitions,
            config.detector,
            self.columns,
        )

    async def _partition(self, conn: AsyncConnection[Any], fold: Fold, tally: Tally) -> LogOwner:
        owner = PartitionOwner(conn, self.log, self.publish, fold, self.config, tally, self.reach)
        await owner.load()
        return owner

    async def _quarantine(self, conn: AsyncConnection[Any], tally: Tally) -> LogOwner:
        await settle(conn, self.log, tally, self.config.clock.factor)
        owner = QuarantineOwner(conn, tally)
        await owner.load()
        return owner

    async def _alerts(self, conn: AsyncConnection[Any], groups: Groups, tally: Tally) -> LogOwner:
        await settle(conn, self.log, tally, self.config.clock.factor, TOLD_AGAIN_S)
        owner = AlertsOwner(
            conn, self.log, self.publish, groups, self.calendar, self.routing, self.now_us, tally
        )
        await owner.load()
        await owner.retire(self._ending_of)
        return owner

    def _ending_of(self, alert: Alert) -> Ending | None:
        rules, config = {rule.name for rule in self.rules}, self.config
        return ending_of(alert, self.fleet, self.catalogue, rules, config.partitions)


async def run(
    config: ProcessorConfig,
    log: Log,
    live: Live,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
    routing: Callable[[], Routing],
    stop: asyncio.Event,
    *,
    meter: Meter | None = None,
    reach: Reach = pass_by,
) -> None:
    """Own a fair share of the logs until `stop`, all of them if no other process is there.

    Outlives restarts of PostgreSQL and of the log's server. At `stop` every owner commits a snapshot
    and gives its log back.

    Args:
        config: how to run; processes that share the logs differ in nothing but `worker_id`.
        log: where entries are read.
        live: where summaries and changes of alerts are published.
        fleet: all that is monitored.
        catalogue: what may be measured.
        calendar: when schools are in session.
        rules: when an alert opens and ends.
        routing: gives who is told of incidents, asked anew whenever that is decided.
        stop: set to end.
        meter: counts what is done; without one nobody sees it.
        reach: called at `folded`, `announced` (transitions are in the alerts log) and `committed` of a step.

    Raises:
        ExceptionGroup: of EduopsError; a snapshot, an entry or the configuration cannot be read.
    """
    columns = columns_of(fleet, config.partitions)
    meter = meter or Meter()
    processor = _Processor(
        config, log, live.publish, fleet, columns, catalogue, calendar, rules, routing, meter, reach
    )
    tenure = Tenure(config, processor.groups, processor.own, meter)
    async with asyncio.TaskGroup() as group:
        group.create_task(tenure.run(stop), name="tenure")
        group.create_task(_report(processor, stop), name="report")


async def _keep_up(processor: _Processor, stop: asyncio.Event) -> None:
    """Make coming chunks, rollups and figures, and drop what is past its retention, once a minute."""
    while not stop.is_set():
        try:
            async with await connect(processor.config.dsn) as conn:
                while not stop.is_set():
                    await maintain(conn, processor.now_us())
                    await keep_figures(conn, processor.fleet, processor.catalogue, processor.calendar)
                    await pause(stop, processor.config.maintain_every_s)
        except (InfrastructureError, psycopg.Error) as error:
            heed_cancellation()
            _logger.warning("event=maintenance_failed: %s", error)
            await pause(stop, processor.config.maintain_every_s / 10)


async def _report(processor: _Processor, stop: asyncio.Event) -> None:
    """Say every half minute how many readings were taken in and how far behind our partitions are."""
    before, said_at_s = _readings(processor), time.monotonic()
    while not stop.is_set():
        await pause(stop, 1.0)
        behind_us = _measure_lag(processor)
        now_s = time.monotonic()
        if now_s - said_at_s < REPORT_EVERY_S:
            continue
        received = _readings(processor)
        _logger.info(
            "event=processor_progress readings_per_s=%.0f lag_s=%.2f logs=%d received=%d",
            (received - before) / (now_s - said_at_s),
            behind_us / 1e6,
            len(processor.tallies),
            received,
        )
        before, said_at_s = received, now_s


def _readings(processor: _Processor) -> int:
    """Return the readings that this process committed since its start."""
    metric = next(m for m in SERVICE_METRICS if m.name == READINGS)
    return round(sum(value for _, value in processor.meter.values(metric)))


def _measure_lag(processor: _Processor) -> int:
    """Put the lag of each partition, which ticks once a second, on the meter; return the worst, µs."""
    worst_us = 0
    for name in processor.groups[0]:
        tally = processor.tallies.get(name)
        if tally is not None and tally.commits:
            behind_us = processor.now_us() - tally.log_time_us
            processor.meter.put(LAG, behind_us / 1e6, name)
            worst_us = max(worst_us, behind_us)
    return worst_us
