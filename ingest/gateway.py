"""The MQTT door: receive a batch, accept it, append it to the log, and only then acknowledge it.

Whatever fails between receiving and acknowledging leaves the messages with the broker, which
delivers them again; the fold tells copies apart, so nothing is lost and nothing counts twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final, Protocol

from bus.log import Log
from bus.mqtt import MqttMessage
from bus.mqtt_store import MqttStore
from bus.pause import pause
from contract.catalogue import Catalogue
from contract.entry import QUARANTINE_LOG, Trouble, telemetry_log
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.rejected import Reason
from contract.service.metrics import Meter
from ingest.acceptance.accept import Accepted, Message, accept
from ingest.acceptance.registry import Registry
from ingest.config import GatewayConfig
from ingest.counters import STAGE_CPU, Counters
from ingest.hooks import Forget, Hooks, nothing_kept
from ingest.retire import Retiring
from ingest.sessions import eraser_of, former_sessions, inherited_sessions, open_session
from ingest.troubles import Troubles
from ingest.writer import LogWriter

_logger: Final = logging.getLogger(__name__)
TICK_S: Final = 1.0
"""Real seconds between ticks; silence is heard with this resolution."""
REPORT_S: Final = 30.0
MAX_BATCH_BYTES: Final = 2 * 1024 * 1024
"""Payload that is decoded at once: 80,000 readings, which take 50 MB as records of the general road."""
LOOK_S: Final = 5.0
"""How often is noted how far the broker's session is: what is lost is known as exactly as that."""
_IDLE_S: Final = 0.5
"""How long one wait for messages lasts before the loop looks whether to stop."""


class MqttSession(Protocol):
    """The part of `bus.mqtt.IngestSession` that the gateway uses."""

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached at this moment."""
        ...

    @property
    def dropped(self) -> int:
        """Messages of QoS 0 dropped so far."""
        ...

    @property
    def lost(self) -> int:
        """How often the broker had forgotten the session so far."""
        ...

    @property
    def cpu_s(self) -> float:
        """CPU time that receiving has taken so far, seconds."""
        ...

    async def ready(self) -> None:
        """Wait until the broker keeps what devices publish for this session."""
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
        session: MqttSession,
        log: Log,
        registry: Registry,
        stop: asyncio.Event,
        real_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        *,
        meter: Meter | None = None,
        hooks: Hooks | None = None,
        inherited: Sequence[MqttSession] = (),
        retiring: Retiring | None = None,
        forget: Forget = nothing_kept,
    ) -> None:
        self._config = config
        self._session = session
        self._inherited = inherited
        """Sessions of slices that are no more, with what they still keep."""
        self._retiring = retiring
        self._hooks = hooks or Hooks()
        self._forget = forget
        self._troubles = Troubles()
        self._registry = registry
        self._limits = config.limits
        self._stop = stop
        self._now_us: Callable[[], int] = lambda: config.clock.log_us(real_us())
        self._writer = LogWriter(log, f"{config.client_id}-{config.slice_index}", self._now_us, stop)
        self._last_arrival_us = 0
        self._decode_s = 0.0
        self.counters = Counters(meter or Meter())

    async def run(self) -> None:
        """Receive, keep, acknowledge, tick and report until told to stop; then finish the batch at hand."""
        await self._writer.open([telemetry_log(p) for p in range(self._config.partitions)], QUARANTINE_LOG)
        async with asyncio.TaskGroup() as tasks:
            for number, session in enumerate((self._session, *self._inherited)):
                tasks.create_task(self._pump(session), name=f"ingest-pump-{number}")
            tasks.create_task(self._tick(), name="ingest-tick")
            tasks.create_task(self._report(), name="ingest-report")
            look = tasks.create_task(self._look_often(), name="ingest-look")
            welcome = tasks.create_task(self._welcome_once(), name="ingest-welcome")
            await self._stop.wait()
            welcome.cancel()
            look.cancel()
        self.counters.report()

    async def _welcome_once(self) -> None:
        await self._session.ready()
        await self._hooks.welcome()
        if self._retiring is not None:
            await self._retiring.run(self._take_over)

    async def _take_over(self, batch: Sequence[MqttMessage]) -> bool:
        """Keep what a former session had; it is acknowledged when that session ends."""
        if not await self._keep(batch):
            return False
        self.counters.count_acknowledged(len(batch))
        return True

    async def _look_often(self) -> None:
        await self._session.ready()
        while not self._stop.is_set():
            try:
                await self._hooks.look(self._session.lost)
            except (InfrastructureError, OSError) as error:  # a full disk too
                _logger.warning("event=look_left_out: %s", error)
            await pause(self._stop, LOOK_S)

    async def _pump(self, session: MqttSession) -> None:
        while not self._stop.is_set():
            for batch in cut_by_bytes(await self._receive(session), MAX_BATCH_BYTES):
                if not await self._keep(batch):
                    _logger.warning("event=ingest_stopped messages=%d: the broker keeps them", len(batch))
                    return
                session.acknowledge(batch)
                self.counters.count_acknowledged(len(batch))

    async def _receive(self, session: MqttSession) -> list[MqttMessage]:
        """Return what comes within `batch_ms` of the first message, up to the limit."""
        loop = asyncio.get_running_loop()
        limit = self._config.max_batch_messages
        batch = await session.receive(limit, _IDLE_S)
        until = loop.time() + self._config.batch_ms / 1000
        while (
            batch and len(batch) < limit and (left_s := until - loop.time()) > 0 and not self._stop.is_set()
        ):
            batch += await session.receive(limit - len(batch), left_s)
        return batch

    async def _keep(self, batch: Sequence[MqttMessage]) -> bool:
        """Return True once every reading and refusal of the batch is durable in its log; False if stopped."""
        first_us = max(self._last_arrival_us + 1, self._now_us())
        messages = [Message(m.topic, m.payload, first_us + i) for i, m in enumerate(batch)]
        last_us = self._last_arrival_us = messages[-1].arrived_us
        self._hooks.reach("received")
        accepted = self._accept(messages)
        appends = [
            self._writer.append_readings(telemetry_log(partition), readings, last_us)
            for partition, readings in accepted.by_partition.items()
        ]
        appends += [
            self._writer.append_mistimed(telemetry_log(partition), readings, last_us)
            for partition, readings in accepted.mistimed.items()
        ]
        if accepted.rejected:
            appends.append(self._writer.append_rejected(QUARANTINE_LOG, accepted.rejected, last_us))
        if not all(await asyncio.gather(*appends)):
            return False
        if accepted.rejected:
            await self._forget_refused({refused.topic for refused in accepted.rejected}, batch)
        self._hooks.reach("appended")
        self.counters.appended += accepted.received
        return True

    async def _forget_refused(self, topics: Collection[str], batch: Sequence[MqttMessage]) -> None:
        """Have the broker erase refused messages: they may hold what nobody may keep."""
        found = {topic: [m.payload for m in batch if m.topic == topic] for topic in topics}
        try:
            await asyncio.gather(*(self._forget(topic, payloads) for topic, payloads in found.items()))
        except InfrastructureError as error:
            _logger.warning("event=retained_not_erased topics=%d: %s", len(topics), error)

    def _accept(self, messages: Sequence[Message]) -> Accepted:
        """Return what becomes of a batch, counted and with its CPU time noted."""
        before_s = time.thread_time()
        accepted = accept(messages, self._registry, self._limits)
        self._decode_s += time.thread_time() - before_s
        self.counters.count(len(messages), accepted)
        return accepted

    async def _tick(self) -> None:
        """Append a tick to every partition of the slice each second, a deaf one while no device can be heard.

        A hearing tick without the broker would turn our own outage into everybody's silence.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        logs = self._config.own_logs
        while not self._stop.is_set():
            hears = self._session.is_connected
            totals = {
                Trouble.SESSION_LOST: self._session.lost,
                Trouble.BROKER_REFUSES: self._hooks.refused(),
                Trouble.STRAY_TOPICS: self.counters.rejected[Reason.BAD_TOPIC],
            }
            troubles = self._troubles.told(totals, loop.time())
            await asyncio.gather(*(self._tick_one(log, hears, troubles) for log in logs))
            self._measure(hears)
            due_s = max(due_s + TICK_S, loop.time())
            await pause(self._stop, due_s - loop.time())

    async def _tick_one(self, log: str, hears: bool, troubles: Sequence[Trouble]) -> None:
        try:
            await self._writer.append_tick(log, hears=hears, troubles=troubles)
        except InfrastructureError as error:
            _logger.warning("event=tick_left_out log=%s: %s", log, error)

    def _measure(self, hears: bool) -> None:
        """Bring the meter up to date; what this thread does beside decoding counts as appending."""
        counters = self.counters
        counters.meter.put("eduops_ingest_session_up", float(hears))
        counters.note_total("eduops_ingest_dropped_total", self._session.dropped)
        counters.note_total("eduops_ingest_append_retries_total", self._writer.retries)
        counters.note_total(STAGE_CPU, self._session.cpu_s, "receive")
        counters.note_total(STAGE_CPU, self._decode_s, "decode")
        counters.note_total(STAGE_CPU, time.thread_time() - self._decode_s, "append")

    async def _report(self) -> None:
        while not self._stop.is_set():
            await pause(self._stop, REPORT_S)
            self.counters.report()


def cut_by_bytes(messages: Sequence[MqttMessage], max_bytes: int) -> Iterator[Sequence[MqttMessage]]:
    """Yield the messages in order, in batches of at most `max_bytes` of payload or of one message."""
    start, held = 0, 0
    for i, message in enumerate(messages):
        if i > start and held + len(message.payload) > max_bytes:
            yield messages[start:i]
            start, held = i, 0
        held += len(message.payload)
    if messages:
        yield messages[start:]


async def run(
    config: GatewayConfig,
    log: Log,
    fleet: Fleet,
    catalogue: Catalogue,
    stop: asyncio.Event,
    *,
    meter: Meter | None = None,
    hooks: Hooks | None = None,
    subjects: Sequence[str] = (),
    store: MqttStore | None = None,
    known: bool = False,
) -> None:
    """Run the ingest service until `stop` is set; the logs exist already.

    Args:
        config: Its settings.
        log: Where readings, refusals and ticks go.
        fleet: Who may publish.
        catalogue: What may be published.
        stop: Set to end the service.
        meter: Gets its metrics; none for one of its own.
        hooks: What is called on its way; None for nothing.
        subjects: What the broker's sessions hear, where it maps slices: those of more ingests than there
            are now get drained.
        store: What the broker keeps, where it is nats-server: then sessions of the former name are retired.
        known: Whether the broker has had this session before.

    Raises:
        InfrastructureError: the log could not be read at start, or `hooks.welcome` raised it.
    """
    registry = Registry(fleet, catalogue, config.partitions)
    retiring = None if store is None else former_sessions(config, store, subjects, await store.hearing())
    forget = nothing_kept if store is None else eraser_of(config, store)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(config, fleet, known=known))
        inherited = [await stack.enter_async_context(s) for s in inherited_sessions(config, subjects)]
        gateway = Gateway(
            config,
            session,
            log,
            registry,
            stop,
            meter=meter,
            hooks=hooks,
            inherited=inherited,
            retiring=retiring,
            forget=forget,
        )
        await gateway.run()
