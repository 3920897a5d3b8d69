"""The persistent MQTT session through which ingest receives: nothing is lost while it is away.

The broker keeps every message of QoS 1 until this session acknowledges it, and a message is
acknowledged only when its readings are in the log. Sources: MQTT 3.1.1, sections 3.1.2.4, 4.3.2.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from bus.mqtt_client import LoopClient
from contract.topic import ALL_TOPICS, PREFIX

_logger: Final = logging.getLogger(__name__)

BROKER_WINDOW: Final = 1024
"""Unacknowledged messages that the broker sends at most: `max_ack_pending` in its configuration."""
QOS0_BOUND: Final = 4 * BROKER_WINDOW
"""Messages at hand above which those of QoS 0 are dropped: no window bounds them."""
KEEPALIVE_S: Final = 15
"""A dead line is noticed within twice this."""
DIAL_S: Final = 10.0
PROBE_TOPIC: Final = f"{PREFIX}/probe"
"""What a session that stands already sends to itself: any message shows that its subscription stands too."""
PROBE_S: Final = 5.0
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """A message, and what is needed to acknowledge it."""

    topic: str
    payload: bytes
    mid: int
    """Packet identifier; the broker uses it again once it is acknowledged."""
    qos: int
    retain: bool
    """True for a retained message sent because of the subscription, not because of a publish."""
    connection: int = 0
    """Which connection it came on: a later one must not acknowledge it."""


class _SessionClient(LoopClient):
    """The paho side; lives on the network thread."""

    def __init__(self, session: "IngestSession", client_id: str) -> None:
        super().__init__(client_id, clean_session=False, keepalive_s=KEEPALIVE_S)
        self._session = session
        self._held: set[int] = set()
        """Packet identifiers received and not yet acknowledged on this connection."""
        self._heard = asyncio.Event()
        self._granted: asyncio.Future[bool] | None = None
        self.on_subscribe = self._on_granted
        self.connection = 0

    def received(self, message: MQTTMessage) -> None:
        """Hand a message over, unless it is a repetition of one that waits for its acknowledgement."""
        self._heard.set()
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no topic of ours; whoever accepts messages says so
        if topic == PROBE_TOPIC:
            self.ack(message.mid, message.qos)
            return
        if message.qos > 0:
            if message.mid in self._held:
                return
            self._held.add(message.mid)
        payload = bytes(message.payload)
        self._session.take(
            MqttMessage(topic, payload, message.mid, message.qos, message.retain, self.connection)
        )

    def start_connection(self) -> None:
        """Forget the packet identifiers of the last connection; count this one."""
        self.connection += 1
        self._held.clear()
        self._heard.clear()
        self.forget_sent()

    def acknowledge(self, messages: Iterable[MqttMessage]) -> None:
        """Send the acknowledgements that are still due on this connection."""
        for message in messages:
            if message.connection == self.connection and message.mid in self._held:
                self._held.discard(message.mid)
                self.ack(message.mid, message.qos)
        self.flush()

    async def hears(self) -> bool:
        """Return whether the standing session has a subscription: anything at all arrives."""
        self.publish(PROBE_TOPIC, b"", qos=1)
        try:
            await asyncio.wait_for(self._heard.wait(), PROBE_S)
        except TimeoutError:
            return False
        return True

    async def subscribe_all(self) -> bool:
        """Subscribe to every device with QoS 1 and return whether the broker granted it in time."""
        granted = self._granted = asyncio.get_running_loop().create_future()
        self.subscribe(ALL_TOPICS, qos=1)
        await asyncio.wait([granted], timeout=DIAL_S)
        return granted.done() and granted.result()

    def _on_granted(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(not any(reason.is_failure for reason in reasons))


class IngestSession:
    """A persistent MQTT session with manual acknowledgement, on a network thread of its own.

    Use as `async with`; it connects, and connects again, for ever. `receive` and `acknowledge`
    belong to the loop that entered it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self._address = (host, port)
        self._client_id = client_id
        self._user = user
        self._password = password
        self._arrived: deque[MqttMessage] = deque()
        self._waiting = False
        """Whether `receive` wants to be woken; only then does the network thread wake it."""
        self._woken = asyncio.Event()
        self._ready = asyncio.Event()
        self._network = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_network, name=f"mqtt {client_id}", daemon=True)
        self._client: _SessionClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_connected = False
        self.dropped = 0
        """Messages of QoS 0 dropped because too many were at hand."""

    @property
    def is_connected(self) -> bool:
        """Whether the session stands at this moment."""
        return self._is_connected

    @property
    def cpu_s(self) -> float:
        """CPU time of the network thread so far, seconds; 0 where it does not run."""
        if not self._thread.is_alive() or self._thread.ident is None:
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(self._thread.ident))

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._stay_connected(), self._network)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._say_goodbye(), self._network))
        self._network.call_soon_threadsafe(self._network.stop)
        await asyncio.to_thread(self._thread.join)
        self._network.close()

    async def ready(self) -> None:
        """Wait until the broker has the subscription: from then on it keeps what devices publish."""
        await self._ready.wait()

    async def receive(self, max_messages: int, timeout_s: float) -> list[MqttMessage]:
        """Return the messages at hand, at most `max_messages`; wait for the first up to `timeout_s`.

        Returns `[]` after `timeout_s` without any. The broker sends no more than its window of
        unacknowledged messages, so acknowledge before collecting more than `BROKER_WINDOW`.
        """
        if not self._arrived:
            self._woken.clear()
            self._waiting = True
            if not self._arrived:
                try:
                    await asyncio.wait_for(self._woken.wait(), timeout_s)
                except TimeoutError:
                    self._waiting = False
        messages: list[MqttMessage] = []
        while len(messages) < max_messages:
            try:
                messages.append(self._arrived.popleft())
            except IndexError:
                break
        return messages

    def acknowledge(self, messages: Iterable[MqttMessage]) -> None:
        """Tell the broker that it may forget these messages.

        Those of an earlier connection are passed over: their identifiers may by now mean other
        messages, and the broker sends them again anyway.
        """
        due = [message for message in messages if message.qos > 0]
        client = self._client
        if due and client is not None:
            self._network.call_soon_threadsafe(client.acknowledge, due)

    def take(self, message: MqttMessage) -> None:
        """Put a message at hand; called on the network thread."""
        if message.qos == 0 and len(self._arrived) >= QOS0_BOUND:
            self.dropped += 1
            return
        self._arrived.append(message)
        if self._waiting:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._woken.set)

    def _run_network(self) -> None:
        asyncio.set_event_loop(self._network)
        self._network.run_forever()

    async def _stay_connected(self) -> None:
        self._task = asyncio.current_task()
        client = self._client = _SessionClient(self, self._client_id)
        if self._user is not None:
            client.username_pw_set(self._user, self._password)
        delay_s = FIRST_DELAY_S
        while True:
            try:
                await self._connect(client)
                delay_s = FIRST_DELAY_S
                reason = await self._until_closed(client)
                _logger.warning("lost the MQTT session at %s:%d: %s", *self._address, reason)
            except (OSError, ValueError) as error:
                _logger.warning("no MQTT session at %s:%d: %s", *self._address, error)
            finally:
                self._is_connected = False
                client.start_connection()  # nothing of the old connection is acknowledged from here on
                self._arrived.clear()  # the broker sends these again
            client.cut()
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    async def _connect(self, client: _SessionClient) -> None:
        session_present = await client.dial(*self._address, DIAL_S)
        # subscribing in a standing session would bring every retained message again; but a session
        # that died between its CONNECT and its SUBSCRIBE stands without a subscription
        subscribed = session_present and await client.hears()
        if not subscribed and not await client.subscribe_all():
            raise PermissionError(f"the broker did not grant {self._user} a subscription to {ALL_TOPICS}")
        self._is_connected = True
        _logger.info("MQTT session %s stands at %s:%d", self._client_id, *self._address)
        self._loop.call_soon_threadsafe(self._ready.set)

    async def _until_closed(self, client: _SessionClient) -> str:
        closed = asyncio.ensure_future(client.closed())
        while not closed.done():
            await asyncio.wait([closed], timeout=KEEPALIVE_S / 3)
            client.keep_alive()
        return closed.result()

    async def _say_goodbye(self) -> None:
        if self._client is not None and self._is_connected:
            self._client.disconnect()
            self._client.flush()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._client is not None:
            self._client.cut()
