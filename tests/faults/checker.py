"""Uniquely numbered readings, and the sum that must come out whatever was broken.

lost = acknowledged − stored = 0; duplicated = 0; stored − attempted = ∅;
received = stored + duplicate + corrected + quarantined.
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from tests.device_secrets import device_of, issue_to_fleet_now, secret_of
from tests.fault_table import Account
from tests.running_system import PATIENCE_S, eventually

STEP_US = 125_000
"""Between two readings of a device, µs of their own time: an eighth of a second is exact in binary."""
FIRST_AGE_S = 12 * 3600
"""How old the first reading of a device is: room for 345,600 readings before they reach the present."""
_PHASES = count()
"""µs added to the times of each device of a run, so that two on one series never share a time."""


@dataclass(frozen=True)
class Broker:
    """Where devices connect, and as whom."""

    host: str
    port: int
    user: str
    """Who may speak for every device: what a test publishes for many of them in one order."""
    password: str
    issued: bool = True
    """Whether each device has a credential of its own; else all are the user above."""

    @classmethod
    def of(cls, addresses: dict[str, Any], port: int | None = None) -> "Broker":
        """Return the broker of what a running system left in addresses.json; its devices get credentials.

        Args:
            addresses: What it left.
            port: Of what stands in front of the broker; None for nothing.
        """
        issue_to_fleet_now(addresses["database_url"])
        where = ("127.0.0.1", port or addresses["mqtt_port"])
        return cls(*where, addresses["nats_user"], addresses["nats_password"])

    def login(self, topic: str) -> tuple[str, str]:
        """Return user and password of the device that publishes there."""
        if not self.issued:
            return self.user, self.password
        name = device_of(topic)
        return str(name), secret_of(name)


@dataclass(frozen=True)
class Gateway:
    """A device of the fleet that may publish traffic."""

    topic: str
    series: int


def gateways(database_url: str, wanted: int = 1) -> list[Gateway]:
    """Return the gateways of the first schools; neighbours in number lie in different partitions."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT s.code, d.code, d.id FROM device d JOIN school s ON s.id = d.school_id "
            "WHERE d.kind = 'gateway' ORDER BY d.id LIMIT %s",
            (wanted,),
        ).fetchall()
    assert len(rows) == wanted
    return [Gateway(f"edu/v1/79/{school}/{code}/bandwidth", number << 8 | 1) for school, code, number in rows]


class NumberedDevice:
    """Publishes readings with times of their own until told to stop, and knows which were acknowledged.

    It behaves as a gateway should: MQTT 3.1.1, QoS 1, a persistent session, at most `window`
    messages without acknowledgement, reconnecting each second.
    """

    def __init__(
        self,
        broker: Broker,
        gateway: Gateway,
        *,
        first_us: int | None = None,
        every_s: float = 0.005,
        pack: int = 1,
        window: int = 50,
    ) -> None:
        """Connect in the background and begin to publish.

        Args:
            broker: Where to connect.
            gateway: As which device.
            first_us: Time of the first reading to an eighth of a second, µs since 1970; half a day ago
                without.
            every_s: Pause between two messages.
            pack: Readings in a message.
            window: Messages that may wait for their acknowledgement.
        """
        self.gateway = gateway
        begin_us = (int(time.time()) - FIRST_AGE_S) * 1_000_000 if first_us is None else first_us
        self.first_us = begin_us // STEP_US * STEP_US + next(_PHASES) % STEP_US
        self.attempted: set[int] = set()
        """Times of the readings published, µs since 1970."""
        self.acknowledged: set[int] = set()
        """Those among them that the broker has acknowledged."""
        self._every_s, self._pack, self._window = every_s, pack, window
        self._waiting: dict[int, list[int]] = {}
        self._early: set[int] = set()
        """Messages acknowledged before `publish` told their number."""
        self._lock = threading.Lock()
        user, password = broker.login(gateway.topic)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=user if broker.issued else f"numbered-{gateway.series}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(window)
        self._client.on_publish = self._on_publish
        self._client.connect_async(broker.host, broker.port, keepalive=5)
        self._client.loop_start()
        self._stop = threading.Event()
        self.go_on()

    def __len__(self) -> int:
        """Return how many readings were attempted; the next one has this number."""
        return len(self.attempted)

    def time_us(self, number: int) -> int:
        """Return the time of the reading with this number."""
        return self.first_us + number * STEP_US

    def more(self, readings: int, patience_s: float = PATIENCE_S) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + readings
        eventually(lambda: len(self.acknowledged) >= wanted, f"{readings} more acknowledged", patience_s)

    def pause(self) -> None:
        """Publish nothing more; what is under way goes on."""
        self._stop.set()
        self._thread.join()

    def go_on(self) -> None:
        """Publish the next readings, after a pause the first that was not attempted before it."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def finish(self, patience_s: float = PATIENCE_S) -> None:
        """Stop publishing and return when everything attempted was acknowledged."""
        self.pause()
        try:
            eventually(
                lambda: self.acknowledged == self.attempted, "all attempted are acknowledged", patience_s
            )
        finally:
            self.leave()

    def leave(self) -> None:
        """Stop publishing and go, whatever was acknowledged."""
        self.pause()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, *_: object) -> None:
        with self._lock:
            times = self._waiting.pop(mid, None)
            if times is None:
                self._early.add(mid)
            else:
                self.acknowledged.update(times)

    def _publish(self) -> None:
        number = len(self)
        while not self._stop.wait(self._every_s):
            if len(self._waiting) >= self._window:
                continue
            times = [self.time_us(number + i) for i in range(self._pack)]
            pack = [
                {"n": "down_bps", "u": "bit/s", "v": float(number + i), "t": t / 1e6}
                for i, t in enumerate(times)
            ]
            number += self._pack
            self.attempted.update(times)
            # Our lock is not held here: paho answers under a lock of its own that publish takes, too.
            info = self._client.publish(self.gateway.topic, json.dumps(pack).encode(), qos=1)
            with self._lock:
                if info.mid in self._early:
                    self._early.remove(info.mid)
                    self.acknowledged.update(times)
                else:
                    self._waiting[info.mid] = times


@contextmanager
def publishing(broker: Broker, gateways: Sequence[Gateway], **options: Any) -> Iterator[list[NumberedDevice]]:
    """Run a numbered device for each gateway; what is still publishing at the end leaves."""
    devices = [NumberedDevice(broker, gateway, **options) for gateway in gateways]
    try:
        yield devices
    finally:
        for device in devices:
            device.leave()


def publish_all(
    broker: Broker, messages: Iterable[tuple[str, bytes]], patience_s: float = PATIENCE_S
) -> None:
    """Publish messages in their order and return when the broker has acknowledged every one."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set(broker.user, broker.password)
    client.max_queued_messages_set(0)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        eventually(lambda: all(info.is_published() for info in sent), "all are acknowledged", patience_s)
    finally:
        client.disconnect()
        client.loop_stop()


class Checked(Protocol):
    """The part of a running system that the checker asks."""

    addresses: dict[str, Any]
    """With `database_url`."""

    def status(self) -> dict[str, Any]:
        """Return the ledger as `eduops status --json` shows it, {} while servers are coming back."""
        ...


def stored_times(database_url: str, device: NumberedDevice) -> list[int]:
    """Return the times of all rows of a device from its first reading on, µs since 1970."""
    return _times_from(database_url, device, device.first_us)


def check(system: Checked, devices: Sequence[NumberedDevice], patience_s: float = PATIENCE_S) -> Account:
    """Return the account of all devices once everything acknowledged is stored and the logs are drained.

    Raises:
        AssertionError: something is lost, doubled or invented, or the ledger does not add up.
    """
    url = system.addresses["database_url"]
    ledger: dict[str, Any] = {}

    def arrived() -> bool:
        return all(device.acknowledged <= set(_stored_or_none(url, device)) for device in devices)

    def drained() -> bool:
        ledger.update(system.status())
        return ledger.get("in_flight") == 0

    late = _outcome(arrived, "everything acknowledged is stored", patience_s)
    late = late or _outcome(drained, "nothing is in flight", patience_s)
    stored = [stored_times(url, device) for device in devices]
    lost = [device.acknowledged - set(times) for device, times in zip(devices, stored, strict=True)]
    strange = [set(times) - device.attempted for device, times in zip(devices, stored, strict=True)]
    account = Account(
        attempted=sum(len(device.attempted) for device in devices),
        acknowledged=sum(len(device.acknowledged) for device in devices),
        stored=sum(len(set(times)) for times in stored),
        lost=sum(map(len, lost)),
        doubled=sum(len(times) - len(set(times)) for times in stored),
    )
    assert not any(lost), f"acknowledged and not stored: {account}, first {[sorted(x)[:3] for x in lost]}"
    assert account.doubled == 0, f"stored twice: {account}"
    assert not any(strange), f"stored and never sent: {account}, first {[sorted(x)[:3] for x in strange]}"
    assert not late, f"{late}; {account}"
    assert_balanced(ledger)
    return account


def assert_balanced(ledger: dict[str, Any]) -> None:
    """Assert received = stored + duplicate + corrected + quarantined."""
    kinds = ("stored", "duplicate", "corrected", "quarantined")
    assert ledger["received"] == sum(ledger[kind] for kind in kinds), ledger


def seconds_to_recover(
    system: Checked, device: NumberedDevice, since_s: float, patience_s: float = PATIENCE_S
) -> float:
    """Return the seconds from `since_s` until a reading that is attempted from now on is stored.

    Call it at once after the fault. A stored reading passed every process on the way, and the
    broker had acknowledged it or will.

    Args:
        system: Whose database is asked.
        device: A device that publishes.
        since_s: When the fault began, `time.monotonic()`.
        patience_s: Most seconds to wait.
    """
    from_us = device.time_us(len(device))
    url = system.addresses["database_url"]

    def stored_again() -> bool:
        try:
            return not device.acknowledged.isdisjoint(_times_from(url, device, from_us))
        except psycopg.OperationalError:
            return False

    eventually(stored_again, "readings are acknowledged and stored again", patience_s)
    return time.monotonic() - since_s


def _times_from(url: str, device: NumberedDevice, from_us: int) -> list[int]:
    """Return the times of a device's rows from a moment on; others on its series have other phases."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        rows = connection.execute(
            "SELECT to_us(time) FROM reading WHERE series = %s AND time >= from_us(%s) "
            "AND (to_us(time) - %s) %% %s = 0",
            (device.gateway.series, from_us, device.first_us, STEP_US),
        ).fetchall()
    return [row[0] for row in rows]


def _stored_or_none(url: str, device: NumberedDevice) -> list[int]:
    try:
        return stored_times(url, device)
    except psycopg.OperationalError:
        return []


def _outcome(true: Any, what: str, patience_s: float) -> str:
    """Return "" as soon as a condition holds, else the sentence that says what did not come."""
    try:
        eventually(true, what, patience_s)
    except AssertionError as error:
        return str(error)
    return ""
