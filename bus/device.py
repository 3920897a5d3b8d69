"""Devices' connections to the broker: thousands of them on one asyncio loop, one thread, one epoll."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from bus.broker_trust import BrokerTrust
from bus.mqtt_client import Address, LoopClient, NotLetInError
from contract.service.backoff import Backoff

_logger: Final = logging.getLogger(__name__)

DIALS_AT_ONCE: Final = 128
"""Below the backlog of a listening socket on Linux, 4,096 and 128 on older ones (listen(2))."""
DIAL_S: Final = 20.0
JOINS_PER_S: Final = 150
"""Devices that come (back) in a second, on average: each costs the broker two writes to its disk."""
FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 30.0
MAX_IN_FLIGHT: Final = 8
"""Messages of one device sent and not yet acknowledged; the rest waits in its queue."""
MAX_QUEUED: Final = 1000
"""Messages that a device keeps while it is away; the oldest are lost first, as in its small memory."""
SWEEPS_A_KEEPALIVE: Final = 4

Done = Callable[[], None]
"""Called on the loop once the broker has acknowledged a message."""


@dataclass(frozen=True, slots=True)
class LastWill:
    """What the broker publishes, with QoS 1, when a device goes without a goodbye."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(frozen=True, slots=True)
class _Queued:
    topic: str
    payload: bytes
    retain: bool
    done: Done | None


class DeviceConnection:
    """One device: publishes with QoS 1, comes back by itself until it is cut or closed.

    Made by `DeviceLoop.add`; every method belongs to that loop's thread.
    """

    def __init__(
        self,
        owner: "DeviceLoop",
        client: LoopClient,
        generator: np.random.Generator,
        max_in_flight: int,
        max_queued: int,
        node: int,
    ) -> None:
        self._owner = owner
        self._node = node
        """Which of the broker's nodes is tried next."""
        self._client = client
        self._generator = generator
        self._max_in_flight = max_in_flight
        self._queue: deque[_Queued] = deque(maxlen=max_queued)
        self._in_flight: dict[int, _Queued] = {}
        self._standing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.lost = 0
        """Messages dropped because the queue was full, or nobody comes back to send them."""
        self.refused = False
        """Whether the broker did not let it in when it last asked."""
        client.on_publish = self._on_acknowledged

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the connection and it still stands."""
        return self._standing.is_set()

    @property
    def unacknowledged(self) -> int:
        """Messages published here of which the broker has not said that it has them."""
        return len(self._queue) + len(self._in_flight)

    def connect(self, after_s: float = 0.0) -> None:
        """Start to connect, and to connect again after a loss; does nothing where it does so already.

        Args:
            after_s: Seconds before the first attempt, so that a fleet need not come at once.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._stay_connected(after_s))

    async def connected(self) -> None:
        """Wait until the connection stands."""
        await self._standing.wait()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, done: Done | None = None) -> None:
        """Queue a message; `done` is called once the broker has acknowledged it.

        A message sent before the connection was lost is sent again on the next one, as QoS 1 wants.
        Where the queue is full the oldest message in it is lost, and counted.
        """
        if len(self._queue) == self._queue.maxlen:
            self._note_lost(1)
        self._owner.published += 1
        self._queue.append(_Queued(topic, payload, retain, done))
        self._send()

    def cut(self) -> None:
        """Close the line without a word, as a power cut does: the broker publishes the last will.

        The device stays away until `connect`.
        """
        self._stop()
        self._client.cut()

    def close(self) -> None:
        """Say goodbye, so that no last will is published, and stay away until `connect`."""
        if self.is_connected:
            self._client.disconnect()
            self._client.flush()
        self._stop()
        self._client.cut()

    def give_up(self) -> None:
        """Stay away for good: what was kept is lost, and counted."""
        self.close()
        self._note_lost(len(self._queue))
        self._queue.clear()

    def keep_alive(self) -> None:
        """Send a ping if one is due."""
        if self.is_connected:
            self._client.keep_alive()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._rewind()

    async def _stay_connected(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        failures = 0
        while True:
            try:
                await self._owner.dial(self._client, self._node)
                failures, self.refused = 0, False
                self._standing.set()
                self._send()
                await self._client.closed()
            except OSError as error:
                self.refused = isinstance(error, NotLetInError)
                self._owner.note_failure(error)
            self._node += 1
            self._rewind()
            # full jitter: whoever lost the same broker does not come back in the same instant
            failures += 1
            await asyncio.sleep(self._owner.come_back.wait_s(failures, share=self._generator.random()))

    def _rewind(self) -> None:
        """Put back in front, in order, what was sent and not seen acknowledged."""
        self._standing.clear()
        self._client.forget_sent()
        again = list(self._in_flight.values())
        self._in_flight.clear()
        overflow = max(0, len(self._queue) + len(again) - (self._queue.maxlen or 0))
        self._queue.extendleft(reversed(again[overflow:]))
        self._note_lost(overflow)

    def _note_lost(self, messages: int) -> None:
        self.lost += messages
        self._owner.note_lost(messages)

    def _send(self) -> None:
        while self._queue and len(self._in_flight) < self._max_in_flight and self._standing.is_set():
            message = self._queue.popleft()
            info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:  # the socket just closed
                self._queue.appendleft(message)
                return
            self._in_flight[info.mid] = message

    def _on_acknowledged(
        self, _client: Client, _userdata: Any, mid: int, _reason: Any, _properties: Any
    ) -> None:
        message = self._in_flight.pop(mid, None)
        if message is None:
            return
        self._owner.note_acknowledged()
        if message.done is not None:
            message.done()
        if self._queue:
            self._send()


class DeviceLoop:
    """Keeps the connections of many devices to one broker. Use as `async with`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        keepalive_s: int = 60,
        others: Sequence[Address] = (),
        joins_per_s: float = JOINS_PER_S,
        trust: BrokerTrust | None = None,
    ) -> None:
        """Take the broker's address.

        Args:
            host: Name or address of the broker.
            port: Its MQTT port.
            keepalive_s: A silent device is thought dead by the broker after 1.5 times this
                (MQTT 3.1.1, section 3.1.2.10).
            others: Further nodes of the broker; devices are spread over all, and one whose node does not
                answer tries the next.
            joins_per_s: Devices that come back in a second, on average; infinite for a flood.
            trust: Whose certificate counts as the broker's; None speaks in clear.
        """
        self._addresses = [(host, port), *others]
        self._joins_per_s = joins_per_s
        self._keepalive_s = keepalive_s
        self._trust = trust
        self._dials = asyncio.Semaphore(DIALS_AT_ONCE)
        self._connections: list[DeviceConnection] = []
        self._sweep: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self.published = 0
        """Messages given to all devices to publish."""
        self.acknowledged = 0
        """Messages of all devices that the broker has acknowledged."""
        self.lost = 0
        """Messages dropped because a device's queue was full."""
        self.failures = 0
        """Attempts to connect that failed."""

    def __iter__(self) -> Iterator[DeviceConnection]:
        return iter(self._connections)

    @property
    def connected(self) -> int:
        """Devices whose connection stands."""
        return sum(connection.is_connected for connection in self._connections)

    @property
    def come_back(self) -> Backoff:
        """Longest pauses before attempts to come back: the more devices, so that they do not come at once."""
        first_s = max(FIRST_DELAY_S, len(self._connections) / self._joins_per_s)
        return Backoff(first_s, max(LONGEST_DELAY_S, first_s))

    @property
    def unacknowledged(self) -> int:
        """Messages of all devices that the broker has not acknowledged yet."""
        return self.published - self.acknowledged - self.lost

    async def drained(self) -> None:
        """Wait until the broker has every message that was published, but the lost ones."""
        while self.unacknowledged:
            self._drained.clear()
            await self._drained.wait()

    async def __aenter__(self) -> Self:
        self._sweep = asyncio.create_task(self._keep_alive())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections:
            connection.close()

    def add(
        self,
        client_id: str,
        *,
        generator: np.random.Generator,
        user: str | None = None,
        password: str | None = None,
        will: LastWill | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        max_queued: int = MAX_QUEUED,
    ) -> DeviceConnection:
        """Return a device that does not connect until it is told to.

        Args:
            client_id: Its own; a second client with it would kick the first off.
            generator: Draws the jitter of its reconnects.
            user: None where the broker asks for none.
            password: None where the broker asks for none.
            will: None for none.
            max_in_flight: Messages sent and not yet acknowledged at most.
            max_queued: Messages kept at most while the line is down or slow.
        """
        client = LoopClient(client_id, clean_session=True, keepalive_s=self._keepalive_s, trust=self._trust)
        # paho's own queue stays empty: what waits is here, so that a cut leaves nothing behind
        client.max_inflight_messages_set(0)
        if user is not None:
            client.username_pw_set(user, password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        node = len(self._connections)
        connection = DeviceConnection(self, client, generator, max_in_flight, max_queued, node)
        self._connections.append(connection)
        return connection

    async def dial(self, client: LoopClient, node: int) -> None:
        """Connect a client to one of the nodes, counted round, while no more than `DIALS_AT_ONCE` do.

        Raises:
            OSError: the broker is out of reach or refuses.
        """
        async with self._dials:
            await client.dial(*self._addresses[node % len(self._addresses)], DIAL_S)

    def note_acknowledged(self) -> None:
        """Count a message that the broker has."""
        self.acknowledged += 1
        self._wake_drained()

    def note_lost(self, messages: int) -> None:
        """Count messages that were dropped."""
        self.lost += messages
        self._wake_drained()

    def note_failure(self, error: OSError) -> None:
        """Count a failed attempt."""
        self.failures += 1
        _logger.debug("event=device_not_connected: %s", error)

    def _wake_drained(self) -> None:
        if not self.unacknowledged:
            self._drained.set()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._keepalive_s / SWEEPS_A_KEEPALIVE)
            for connection in self._connections:
                connection.keep_alive()
