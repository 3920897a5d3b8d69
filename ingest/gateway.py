"""The MQTT door: receive a batch, accept it, append it to the log, and only then acknowledge it.

Whatever fails between receiving and acknowledging leaves the messages with the broker, which
delivers them again; the fold tells copies apart, so nothing is lost and nothing counts twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bus.log import Log
from bus.mqtt import IngestSession, MqttMessage
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.entry import QUARANTINE_LOG, telemetry_log
from contract.errors import ConfigurationError, InfrastructureError
from contract.fleet import Fleet
from ingest.accept import Message, accept
from ingest.counters import Counters
from ingest.judgement import Limits
from ingest.registry import Registry
from ingest.writer import LogWriter, pause

_LOG: Final = logging.getLogger("ingest")
TICK_S: Final = 1.0
"""Real seconds between ticks; silence is heard with this resolution."""
REPORT_S: Final = 30.0
_IDLE_S: Final = 0.5
"""How long one wait for messages lasts before the loop looks whether to stop."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Settings of the ingest service."""

    mqtt_host: str
    mqtt_port: int
    mqtt_user: str | None = None
    mqtt_password: str | None = None
    client_id: str = "eduops-ingest"
    """The broker keeps unacknowledged messages under this name; one gateway at a time may use it."""
    partitions: int = 4
    """Telemetry logs; as many as the processor reads."""
    clock: LogClock = LogClock()  # noqa: RUF009 - frozen, so it may be shared
    max_age_h: float = 48.0
    """Readings older than this are quarantined, above 0."""
    max_future_s: float = 300.0
    """Readings further ahead of the log clock than this are quarantined, at least 0."""
    max_payload_bytes: int = 65_536
    """Larger messages are quarantined unread, 1 to 1,048,576."""
    batch_ms: float = 50.0
    """How long a batch may wait for more messages; part of the latency of every reading, 0 to 1,000."""
    max_batch_messages: int = 500
    """Messages in a batch, 1 to 1,000; at half the broker's window of 1,024 the next ones come meanwhile."""

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, float, float, float], ...] = (
            ("partitions", self.partitions, 1, 1024),
            ("max_age_h", self.max_age_h, 1 / 3600, 24 * 366 * 40),
            ("max_future_s", self.max_future_s, 0, 86_400),
            ("max_payload_bytes", self.max_payload_bytes, 1, 1 << 20),
            ("batch_ms", self.batch_ms, 0, 1000),
            ("max_batch_messages", self.max_batch_messages, 1, 1000),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise ConfigurationError(f"ingest.{name} is {value:g}; it must be within {low:g} to {high:g}")

    @property
    def limits(self) -> Limits:
        """The bounds as the pure part takes them."""
        return Limits(
            max_payload_bytes=self.max_payload_bytes,
            max_future_us=round(self.max_future_s * 1e6),
            max_age_us=round(self.max_age_h * 3600e6),
        )


class Session(Protocol):
    """The part of `bus.mqtt.IngestSession` that the gateway uses."""

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached at this moment."""
        ...

    async def receive(self, max_messages: int, timeout_s: float) -> list[MqttMessage]:
        """Return messages not yet acknowledged, in order of arrival; [] after the time-out."""
        ...

    def acknowledge(self, messages: Sequence[MqttMessage]) -> None:
        """Tell the broker that these messages are kept."""
        ...


class Gateway:
    """Moves messages from one session into the logs until told to stop."""

    def __init__(
        self,
        config: GatewayConfig,
        session: Session,
        log: Log,
        registry: Registry,
        stop: asyncio.Event,
        real_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._config = config
        self._session = session
        self._registry = registry
        self._limits = config.limits
        self._stop = stop
        self._now_us: Callable[[], int] = lambda: config.clock.log_us(real_us())
        self._writer = LogWriter(log, config.client_id, self._now_us, stop)
        self._last_arrival_us = 0
        self.counters = Counters()

    async def run(self) -> None:
        """Receive, keep, acknowledge, tick and report until told to stop; then finish the batch at hand."""
        await self._writer.open([telemetry_log(p) for p in range(self._config.partitions)], QUARANTINE_LOG)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(), name="ingest-pump")
            tasks.create_task(self._tick(), name="ingest-tick")
            tasks.create_task(self._report(), name="ingest-report")
        _LOG.info("%s", self.counters.line())

    async def _pump(self) -> None:
        while not self._stop.is_set():
            batch = await self._receive()
            if not batch:
                continue
            if not await self._keep(batch):
                _LOG.warning("stopped with messages=%d unacknowledged; the broker keeps them", len(batch))
                return
            self._session.acknowledge(batch)
            self.counters.acknowledged += len(batch)

    async def _receive(self) -> list[MqttMessage]:
        """Return what comes within `batch_ms` of the first message, up to the limit."""
        loop = asyncio.get_running_loop()
        limit = self._config.max_batch_messages
        batch = await self._session.receive(limit, _IDLE_S)
        until = loop.time() + self._config.batch_ms / 1000
        while (
            batch and len(batch) < limit and (left_s := until - loop.time()) > 0 and not self._stop.is_set()
        ):
            batch += await self._session.receive(limit - len(batch), left_s)
        return batch

    async def _keep(self, batch: Sequence[MqttMessage]) -> bool:
        """Return True once every reading and refusal of the batch is durable in its log; False if stopped."""
        first_us = max(self._last_arrival_us + 1, self._now_us())
        messages = [Message(m.topic, m.payload, first_us + i) for i, m in enumerate(batch)]
        last_us = self._last_arrival_us = messages[-1].arrived_us
        accepted = accept(messages, self._registry, self._limits)
        self.counters.count(len(messages), accepted)
        appends = [
            self._writer.append_readings(telemetry_log(partition), readings, last_us)
            for partition, readings in accepted.by_partition.items()
        ]
        if accepted.rejected:
            appends.append(self._writer.append_rejected(QUARANTINE_LOG, accepted.rejected, last_us))
        if not all(await asyncio.gather(*appends)):
            return False
        self.counters.appended += accepted.received
        return True

    async def _tick(self) -> None:
        """Append a tick to every partition each second while devices can be heard.

        Without the broker no device can be heard, and a tick would turn our own outage into
        everybody's silence; the gap in the ticks tells the fold to start its timers anew.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        logs = [telemetry_log(p) for p in range(self._config.partitions)]
        while not self._stop.is_set():
            if self._session.is_connected:
                await asyncio.gather(*map(self._tick_one, logs))
            due_s = max(due_s + TICK_S, loop.time())
            await pause(self._stop, due_s - loop.time())

    async def _tick_one(self, log: str) -> None:
        try:
            await self._writer.append_tick(log)
        except InfrastructureError as error:
            _LOG.warning("tick left out log=%s error=%s", log, error)

    async def _report(self) -> None:
        while not self._stop.is_set():
            await pause(self._stop, REPORT_S)
            _LOG.info("%s", self.counters.line())


async def run(
    config: GatewayConfig, log: Log, fleet: Fleet, catalogue: Catalogue, stop: asyncio.Event
) -> None:
    """Run the ingest service until `stop` is set; the logs exist already.

    Raises:
        InfrastructureError: the log could not be read at start.
    """
    registry = Registry(fleet, catalogue, config.partitions)
    async with IngestSession(
        config.mqtt_host,
        config.mqtt_port,
        client_id=config.client_id,
        user=config.mqtt_user,
        password=config.mqtt_password,
    ) as session:
        await Gateway(config, session, log, registry, stop).run()
