"""The persistent MQTT session through which ingest receives: nothing is lost while it is away.

The broker keeps every message of QoS 1 until this session acknowledges it, and a message is
acknowledged only when its readings are in the log. Sources: MQTT 3.1.1, sections 3.1.2.4, 4.3.2.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from bus.broker_trust import BrokerTrust
from bus.mqtt_client import Address, LoopClient
from bus.mqtt_frames import Publication
from bus.pause import pause
from contract.service.backoff import Backoff
from contract.topic import ALL_TOPICS, BROKER_WINDOW, PREFIX

_logger: Final = logging.getLogger(__name__)

QOS0_BOUND: Final = 4 * BROKER_WINDOW
"""Messages at hand above which those of QoS 0 are dropped: no window bounds them."""
KEEPALIVE_S: Final = 15
"""A dead line is noticed within twice this."""
DIAL_S: Final = 10.0
GOODBYE_S: Final = 1.0
PROBE_TOPIC: Final = f"{PREFIX}/probe"
"""What a session that stands already sends to itself: any message shows that its subscription stands too."""
PROBE_S: Final = 5.0
COME_BACK: Final = Backoff(first_s=0.2, longest_s=5.0)
OWN_SUBJECTS: Final = ("log/", "live/", "_INBOX/")
"""How topics begin that are our own services' subjects on the same server. They come with QoS 0 to a user
who may hear them; taken in, each refusal in the log would be heard as another message."""
FILTERS_A_PACKET: Final = 500
"""Filters in one SUBSCRIBE packet: 20 kB."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a session hears, and how it finds out whether it already does."""

    filters: tuple[str, ...] = (ALL_TOPICS,)
    """Topic filters, asked for in this order."""
    probe: str = PROBE_TOPIC
    """`PROBE_TOPIC` or a topic below it that comes back through the last filter, and so shows all of them."""
    proof: str = ""
    """How every topic begins that comes through the last filter: any such message shows as much."""
    prefix: str = ""
    """How topics begin where the broker puts this and one more level in front; both are removed."""

    def plain(self, topic: str) -> str:
        """Return a topic as it was published."""
        if not self.prefix or not topic.startswith(self.prefix):
            return topic
        return topic[topic.find("/", len(self.prefix)) + 1 :]


class MqttMessage(NamedTuple):
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

    def __init__(
        self,
        session: "IngestSession",
        client_id: str,
        subscription: Subscription,
        trust: BrokerTrust | None,
    ) -> None:
        super().__init__(client_id, clean_session=False, keepalive_s=KEEPALIVE_S, trust=trust)
        self._session = session
        self._subscription = subscription
        self._held: set[int] = set()
        """Packet identifiers received and not yet acknowledged on this connection."""
        self._heard = asyncio.Event()
        self._granted: dict[int, asyncio.Future[bool]] = {}
        """By packet identifier of a SUBSCRIBE: whether the broker granted it."""
        self._stood = False
        """Whether this connection took up a session that stood already."""
        self.on_subscribe = self._on_granted
        self.connection = 0

    def received(self, messages: Sequence[Publication]) -> None:
        """Hand messages over, but for repetitions of those that wait for their acknowledgement."""
        proof = self._subscription.proof
        connection, held = self.connection, self._held
        taken: list[MqttMessage] = []
        unwanted: list[int] = []
        for topic, payload, mid, qos, retain in messages:
            if not self._heard.is_set() and topic.startswith(proof):
                self._heard.set()
            own = self._subscription.plain(topic)
            if own.startswith(PROBE_TOPIC) or (retain and self._stood):
                unwanted.append(mid)
                continue
            if qos == 0 and topic.startswith(OWN_SUBJECTS):
                continue
            if qos > 0:
                if mid in held:
                    continue
                held.add(mid)
            taken.append(MqttMessage(own, payload, mid, qos, retain, connection))
        self.acknowledge_mids(unwanted)
        if taken:
            self._session.take(taken)

    async def stands(self, address: Address) -> bool:
        """Connect and return whether the broker still has this session.

        Raises:
            OSError: the broker is out of reach or refuses.
        """
        self._stood = False
        present = await self.dial(*address, DIAL_S)
        # what it retains went to the standing session when it was published
        self._stood = present
        return present

    def start_connection(self) -> None:
        """Forget the packet identifiers of the last connection; count this one."""
        self.connection += 1
        self._held.clear()
        self._heard.clear()
        self._granted.clear()
        self.forget_sent()

    def acknowledge(self, messages: Iterable[MqttMessage]) -> None:
        """Send the acknowledgements that are still due on this connection."""
        due = [m.mid for m in messages if m.connection == self.connection and m.mid in self._held]
        self._held.difference_update(due)
        self.acknowledge_mids(due)
        self.flush()

    async def hears(self) -> bool:
        """Return whether the standing session has its subscription: something arrives through it."""
        self.publish(self._subscription.probe, b"", qos=1)
        return await pause(self._heard, PROBE_S)

    async def subscribe_all(self) -> bool:
        """Subscribe with QoS 1 and return whether the broker granted it in time."""
        filters = self._subscription.filters
        asked = [
            self._ask(filters[i : i + FILTERS_A_PACKET]) for i in range(0, len(filters), FILTERS_A_PACKET)
        ]
        await asyncio.wait(asked, timeout=DIAL_S)
        return all(granted.done() and granted.result() for granted in asked)

    def _ask(self, filters: Sequence[str]) -> "asyncio.Future[bool]":
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        _, mid = self.subscribe([(topics, 1) for topics in filters])
        if mid is None:  # the socket just closed
            granted.set_result(False)
        else:
            self._granted[mid] = granted
        return granted

    def _on_granted(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        granted = self._granted.pop(mid, None)
        if granted is not None and not granted.done():
            granted.set_result(not any(reason.is_failure for reason in reasons))


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
        others: Sequence[Address] = (),
        subscription: Subscription | None = None,
        known: bool = False,
        trust: BrokerTrust | None = None,
    ) -> None:
        """Take where to connect, as whom, and what to hear.

        Args:
            host: Name or address of the broker.
            port: Its MQTT port.
            client_id: Under which the broker keeps the session.
            user: None where the broker asks for none.
            password: None where the broker asks for none.
            others: Further nodes of the broker; whenever one does not answer the next one is tried.
            subscription: None for every device.
            known: Whether the broker has had this session before: then it must have it still.
            trust: Whose certificate counts as the broker's; None speaks in clear.
        """
        self._addresses = deque([(host, port), *others])
        self._subscription = subscription or Subscription()
        self._client_id = client_id
        self._user = user
        self._password = password
        self._trust = trust
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
        self._is_known = known
        self.lost = 0
        """How often the broker had forgotten the session, and with it what it kept."""
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
            if not self._arrived and not await pause(self._woken, timeout_s):
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

    def take(self, messages: Sequence[MqttMessage]) -> None:
        """Put messages at hand; called on the network thread."""
        room = QOS0_BOUND - len(self._arrived)
        kept = [message for i, message in enumerate(messages) if message.qos > 0 or i < room]
        self.dropped += len(messages) - len(kept)
        self._arrived.extend(kept)
        if self._waiting:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._woken.set)

    def _run_network(self) -> None:
        asyncio.set_event_loop(self._network)
        self._network.run_forever()

    async def _stay_connected(self) -> None:
        self._task = asyncio.current_task()
        client = self._client = _SessionClient(self, self._client_id, self._subscription, self._trust)
        if self._user is not None:
            client.username_pw_set(self._user, self._password)
        failures = 0
        while True:
            try:
                await self._connect(client)
                failures = 0
                reason = await self._until_closed(client)
                _logger.warning("event=mqtt_session_lost host=%s port=%d: %s", *self._addresses[0], reason)
            except (OSError, ValueError) as error:
                _logger.warning("event=mqtt_not_connected host=%s port=%d: %s", *self._addresses[0], error)
            finally:
                self._is_connected = False
                client.start_connection()  # nothing of the old connection is acknowledged from here on
                self._arrived.clear()  # the broker sends these again
            client.cut()
            self._addresses.rotate(-1)
            failures += 1
            await asyncio.sleep(COME_BACK.wait_s(failures))

    async def _connect(self, client: _SessionClient) -> None:
        session_present = await client.stands(self._addresses[0])
        # subscribing in a standing session would bring every retained message again; but a session
        # that died between its CONNECT and its SUBSCRIBE stands without a subscription
        subscribed = session_present and await client.hears()
        if not subscribed and not await client.subscribe_all():
            raise PermissionError(
                f"the broker did not grant {self._user} a subscription to {self._subscription.filters[-1]}"
            )
        if self._is_known and not session_present:
            self.lost += 1
            _logger.error(
                "event=mqtt_session_forgotten client=%s: what the broker kept for it is gone", self._client_id
            )
        self._is_known = True
        self._is_connected = True
        _logger.info("event=mqtt_session_up client=%s host=%s port=%d", self._client_id, *self._addresses[0])
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
            # again and again: wait_for of Python 3.11 swallows a cancellation that comes with its result
            while not self._task.done():
                self._task.cancel()
                await asyncio.wait([self._task], timeout=GOODBYE_S)
        if self._client is not None:
            self._client.cut()


async def end_session(
    address: Address,
    client_id: str,
    user: str | None,
    password: str | None,
    trust: BrokerTrust | None = None,
) -> None:
    """Have the broker forget a session, and all that it still keeps for it.

    Raises:
        OSError: the broker is out of reach or refuses.
    """
    client = LoopClient(client_id, clean_session=True, keepalive_s=KEEPALIVE_S, trust=trust)
    if user is not None:
        client.username_pw_set(user, password)
    await client.dial(*address, DIAL_S)
    client.disconnect()
    client.flush()
    client.cut()
