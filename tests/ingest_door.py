"""The gateway's door for its tests: a broker, a log that may fail, one device, gateways at will."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bus.codec import decode_readings, decode_rejected
from bus.device import DeviceConnection
from bus.log import Log
from bus.mqtt import IngestSession
from contract.catalogue import Catalogue
from contract.entry import QUARANTINE_LOG, EntryKind, RawEntry, telemetry_log
from contract.fleet import Fleet
from contract.rejected import Rejected
from contract.service.metrics import SERVICE_METRICS, Meter
from contract.service.reach import Reach, pass_by
from ingest.acceptance.registry import Registry
from ingest.config import GatewayConfig
from ingest.gateway import Gateway
from ingest.hooks import Hooks
from tests.running_system import PATIENCE_S, until

PARTITIONS = 2
LOGS = [*(telemetry_log(p) for p in range(PARTITIONS)), QUARANTINE_LOG]


class FaultyLog:
    """The real log behind a failpoint that runs before or after each append of readings or refusals."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.after: Callable[[str], Awaitable[None]] | None = None

    async def create(self, logs: Sequence[str], max_bytes: int) -> None:
        await self._log.create(logs, max_bytes)

    async def append(
        self,
        log: str,
        kind: EntryKind,
        payload: bytes,
        *,
        at_us: int,
        count: int = 0,
        message_id: str | None = None,
    ) -> int:
        if self.before and kind is not EntryKind.TICK:
            await self.before(log)
        seq = await self._log.append(log, kind, payload, at_us=at_us, count=count, message_id=message_id)
        if self.after and kind is not EntryKind.TICK:
            await self.after(log)
        return seq

    async def reader(self, log: str, after: int) -> Any:
        return await self._log.reader(log, after)

    async def last_seq(self, log: str) -> int:
        return await self._log.last_seq(log)

    async def at_us(self, log: str, seq: int) -> int | None:
        return await self._log.at_us(log, seq)

    async def drop_through(self, log: str, seq: int) -> None:
        await self._log.drop_through(log, seq)

    async def pending_readings(self, log: str, after: int) -> int:
        return await self._log.pending_readings(log, after)


class Door:
    """A broker, logs, one device connection, and gateways started at will."""

    def __init__(
        self, broker: Any, log: Log, fleet: Fleet, catalogue: Catalogue, device: DeviceConnection
    ) -> None:
        self.broker = broker
        self.log = log
        self.fleet = fleet
        self.registry = Registry(fleet, catalogue, PARTITIONS)
        self.device = device
        self.config = GatewayConfig(
            broker.mqtt_host,
            broker.mqtt_port,
            mqtt_user=broker.ingest_user,
            mqtt_password=broker.ingest_password,
            partitions=PARTITIONS,
            batch_ms=5,
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[IngestSession]:
        config = self.config
        async with IngestSession(
            config.mqtt_host,
            config.mqtt_port,
            client_id=config.client_id,
            user=config.mqtt_user,
            password=config.mqtt_password,
        ) as session:
            await session.ready()
            yield session

    @asynccontextmanager
    async def gateway(
        self, log: Log | None = None, *, dies: bool = False, reach: Reach = pass_by
    ) -> AsyncIterator[Gateway]:
        """Run a gateway; at the end it is stopped gently, or dies as by a signal."""
        stop = asyncio.Event()
        async with self.session() as session:
            gateway = Gateway(self.config, session, log or self.log, self.registry, stop, hooks=Hooks(reach))
            task = asyncio.create_task(gateway.run())
            try:
                yield gateway
                if not dies:
                    stop.set()
                    await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def topic(self, school: int = 0, device: str = "gw-1", stream: str = "bandwidth") -> str:
        return f"edu/v1/{self.fleet.province}/{self.fleet.schools[school].code}/{device}/{stream}"

    async def entries(self, log: str, wanted: Callable[[list[RawEntry]], bool]) -> list[RawEntry]:
        """Read a log from its start until it has what is wanted."""
        reader = await self.log.reader(log, 0)
        found: list[RawEntry] = []
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(found):
                found += await reader.fetch(100, 1.0)
        await reader.close()
        return found

    async def all_entries(self, partition: int) -> list[RawEntry]:
        """Read what a partition's log holds at this moment."""
        last = await self.log.last_seq(telemetry_log(partition))
        return await self.entries(telemetry_log(partition), lambda found: len(found) >= last)

    async def values(self, wanted: set[float]) -> list[float]:
        """Return the values in all telemetry logs, in order, once all wanted ones are there."""
        found: list[float] = []
        async with asyncio.timeout(PATIENCE_S):
            while not wanted <= set(found):
                found = []
                for p in range(PARTITIONS):
                    for entry in await self.all_entries(p):
                        if entry.kind is EntryKind.READINGS:
                            found += decode_readings(entry.payload).value.tolist()
        return found

    async def rejected(self, wanted: int) -> list[Rejected]:
        entries = await self.entries(QUARANTINE_LOG, lambda e: sum(x.count for x in e) >= wanted)
        return [r for e in entries for r in decode_rejected(e.payload)]


def pack(value: float, name: str = "down_bps", **more: object) -> bytes:
    return json.dumps([{"n": name, "v": value, **more}]).encode()


def value_of(meter: Meter, name: str, *labels: str) -> float:
    (metric,) = (m for m in SERVICE_METRICS if m.name == name)
    return dict(meter.values(metric)).get(labels, 0.0)


async def until_acknowledged(gateway: Gateway, count: int) -> None:
    """Return once the gateway has acknowledged so many messages."""
    await until(
        lambda: gateway.counters.acknowledged == count, f"{count} acknowledged", seen=lambda: gateway.counters
    )
