"""Each device speaks for itself alone: the broker asks the authoriser, which asks what was issued."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from nats.aio.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bus.auth.callout import SECOND_LOOK_S
from bus.connection import settled
from contract.devices.credential import DeviceName
from contract.fleet import Fleet
from contract.service.metrics import SERVICE_METRICS, Meter
from ingest.authoriser.book import TWICE_TAKEOVERS
from storage.database import connect
from storage.devices.credentials import device_troubles, revoke, rotate, standings
from storage.fleet import save_fleet
from tests.conftest import TestNats as RunningNats
from tests.device_secrets import issue_to, issue_to_fleet, running_authoriser, secret_of
from tests.running_system import PATIENCE_S, until


class Door:
    """A broker that knows the city's devices, and a service that hears all they publish."""

    def __init__(self, nats: RunningNats, dsn: str, fleet: Fleet, meter: Meter) -> None:
        self.nats = nats
        self.dsn = dsn
        self.meter = meter
        self.names = [DeviceName(*path) for path in fleet.device_by_path if path[1] == "gw-1"]
        self.heard: list[tuple[str, bytes]] = []

    def topic(self, name: DeviceName, last: str = "bandwidth") -> str:
        return f"{name.topics('79')}{last}"

    def denials(self) -> dict[str, float]:
        metric = next(m for m in SERVICE_METRICS if m.name == "eduops_authoriser_denials_total")
        return {labels[0]: value for labels, value in self.meter.values(metric)}


class Line:
    """A device's connection, with what became of it."""

    def __init__(self, door: Door, name: DeviceName, secret: str, client_id: str, will: str = "") -> None:
        self.codes: list[int] = []
        self.ended = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(str(name), secret)
        if will:
            self._client.will_set(will, b"gone", qos=1)
        self._client.on_connect = lambda *a: self.codes.append(a[3].value)
        self._client.on_disconnect = lambda *a: self.ended.set()
        self._client.connect(door.nats.mqtt_host, door.nats.mqtt_port)
        self._client.loop_start()

    @property
    def stands(self) -> bool:
        return self.codes[-1:] == [0] and not self.ended.is_set()

    @property
    def is_refused(self) -> bool:
        return bool(self.codes) and self.codes[-1] != 0

    async def publish(self, topic: str, payload: bytes = b"[]") -> None:
        info = self._client.publish(topic, payload, qos=1)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)

    async def try_to_publish(self, topic: str, payload: bytes) -> bool:
        """Return whether the broker acknowledged it."""
        info = self._client.publish(topic, payload, qos=1)
        await until(lambda: info.is_published() or self.ended.is_set(), "it is acknowledged, or all is over")
        return info.is_published()

    async def granted(self, topics: str) -> bool:
        granted: list[bool] = []
        self._client.on_subscribe = lambda *a: granted.append(not a[3][0].is_failure)
        self._client.subscribe(topics, 1)
        await until(lambda: bool(granted), "the subscription is answered")
        return granted[0]

    def vanish(self) -> None:
        """End without a word: the broker publishes the last will."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_disconnect = None  # so that nothing holds its sockets


Connect = Callable[..., Line]


@pytest.fixture
async def door(
    nats: RunningNats, postgres_url: str, city: Fleet, request: pytest.FixtureRequest
) -> AsyncIterator[Door]:
    """Yield the door; its parameter is what the authoriser is told beside the usual."""
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    await issue_to_fleet(postgres_url)
    opened = Door(nats, postgres_url, city, Meter())
    service = Client()
    await service.connect(nats.url, **nats.login())

    async def hear(message: Any) -> None:
        topic = message.subject.replace(".", "/")
        opened.heard.append((topic[topic.index("edu/") :], message.data))

    await service.subscribe("edu.>", cb=hear)
    await service.subscribe("slice.*.edu.>", cb=hear)
    await settled(service)
    async with running_authoriser(nats, postgres_url, opened.meter, **getattr(request, "param", {})):
        yield opened
    await service.close()


@pytest.fixture
def line(door: Door) -> Any:
    opened: list[Line] = []

    def begin(
        name: DeviceName, secret: str | None = None, client_id: str | None = None, will: str = ""
    ) -> Line:
        opened.append(Line(door, name, secret or secret_of(name), client_id or str(name), will))
        return opened[-1]

    yield begin
    for one in opened:
        one.end()


@pytest.mark.parametrize("nats", [1, 3], indirect=True)
async def test_a_device_publishes_under_its_own_topic_and_nowhere_else(door: Door, line: Connect) -> None:
    own, other = door.names[:2]
    device = line(own, will=door.topic(other, "status"))
    await until(lambda: device.stands, "the device connects", seen=lambda: device.codes)
    foreign = (
        door.topic(other), "edu/v1/79", "live/summary/0", "log/telemetry-0", "edu/v1/probe",
        f"slice/0/{door.topic(other)}", f"unsliced/{door.topic(own)}", "$MQTT/msgs/x", "$JS/API/INFO",
    )  # fmt: skip
    for topic in (*foreign, door.topic(DeviceName(own.school, "att-1"), "attendance")):
        await device.publish(topic, b"foreign")
    for topics in ("#", door.topic(own), door.topic(other), "edu/v1/#"):
        assert not await device.granted(topics)
    device.vanish()
    again = line(own, will=door.topic(own, "status"))
    await until(lambda: again.stands, "it is back")
    await again.publish(door.topic(own), b"own")
    again.vanish()
    await until(lambda: len(door.heard) >= 2, "its own reading and its own will are heard")
    assert sorted(door.heard) == [(door.topic(own), b"own"), (door.topic(own, "status"), b"gone")]


async def test_nobody_comes_in_as_somebody_else(door: Door, line: Connect) -> None:
    own, other = door.names[:2]
    victim = line(other)
    await until(lambda: victim.stands, "the other device connects")
    tried = {
        "foreign_client_id": line(own, client_id=str(other)),
        "wrong_secret": line(other, secret=secret_of(own)),
        "unknown": line(DeviceName("nowhere", "gw-1"), secret=secret_of(own)),
        "no_device": line("device"),
    }
    ingest = line(own, client_id="eduops-ingest")
    for stranger in (*tried.values(), ingest):
        await until(lambda: stranger.is_refused, "it is refused")  # noqa: B023
    assert door.denials() == {"foreign_client_id": 2.0, "wrong_secret": 1.0, "unknown": 1.0, "no_device": 1.0}
    assert victim.stands
    await victim.publish(door.topic(other), b"still there")
    await until(lambda: door.heard == [(door.topic(other), b"still there")], "the victim is heard")
    spoken = await asyncio.to_thread(_said_to_nats, door.nats, str(own), secret_of(own))
    assert spoken.startswith(b"-ERR 'Authorization Violation'")  # its secret opens MQTT alone


def _said_to_nats(nats: RunningNats, user: str, password: str) -> bytes:
    who = {"user": user, "pass": password, "verbose": False}
    address = (nats.mqtt_host, int(nats.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=PATIENCE_S) as line, line.makefile("rb") as answers:
        assert answers.readline().startswith(b"INFO")
        line.sendall(f"CONNECT {json.dumps(who)}\r\nPING\r\n".encode())
        return answers.readline()


async def test_a_rotated_secret_has_a_while_and_a_revoked_one_none(door: Door, line: Connect) -> None:
    name, fresh, newest = door.names[2], "N" * 52, "M" * 52

    async def comes_in(secret: str) -> bool:
        """Connect and leave again: nats-server lets no name be taken over twice within a second."""
        one = Line(door, name, secret, str(name))
        await until(lambda: bool(one.codes), "it is answered")
        is_in = one.stands
        one.end()
        return is_in

    assert await comes_in(secret_of(name))
    async with await connect(door.dsn) as conn:
        assert await rotate(conn, {name: fresh}, timedelta(hours=1)) == [name]
        await until(lambda: comes_in(fresh), "the new secret opens")
        assert await comes_in(secret_of(name))
        assert await rotate(conn, {name: newest}, timedelta()) == [name]
        await until(lambda: comes_in(newest), "the newest secret opens")
        assert not await comes_in(fresh)
        standing = line(name, secret=newest)
        await until(lambda: standing.stands, "it stands")
        assert await revoke(conn, [name]) == [name]
        await until(standing.ended.is_set, "its connection is ended")
        assert not await comes_in(newest)
        assert door.denials()["revoked"] >= 1


async def test_a_device_that_comes_before_its_credential_is_let_in_all_the_same(
    nats: RunningNats, postgres_url: str, city: Fleet
) -> None:
    """Issued and used at once, as by provisioning: the news may come after the device."""
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    door = Door(nats, postgres_url, city, Meter())
    name = door.names[0]
    async with running_authoriser(nats, postgres_url, door.meter):
        early = Line(door, name, secret_of(name), str(name))
        await asyncio.sleep(SECOND_LOOK_S / 4)
        await issue_to(postgres_url, [name])
        await until(lambda: bool(early.codes), "it is answered")
        assert early.stands
        assert door.denials() == {}
    early.end()


async def test_a_name_that_two_devices_have_is_told(door: Door, line: Connect) -> None:
    name = door.names[3]

    async def standing() -> Any:
        async with await connect(door.dsn) as conn:
            return (await standings(conn, str(name)))[0]

    def takeovers() -> float:
        metric = next(m for m in SERVICE_METRICS if m.name == "eduops_authoriser_takeovers_total")
        return sum(value for _, value in door.meter.values(metric))

    while takeovers() < TWICE_TAKEOVERS:  # the server holds who comes too soon for a second, then ends it
        taker = line(name)
        await until(lambda: bool(taker.codes) or taker.ended.is_set(), "it takes the name")  # noqa: B023

    async def told() -> bool:
        return (await standing()).twice_us is not None

    await until(told, "the table says that the name is there twice", seen=standing)
    found = await standing()
    assert found.address == "127.0.0.1"
    assert found.connected_us is not None
    assert found.refusals == 0


async def test_without_an_authoriser_who_stands_stays_and_newcomers_wait(
    nats: RunningNats, postgres_url: str, city: Fleet
) -> None:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    await issue_to_fleet(postgres_url)
    door = Door(nats, postgres_url, city, Meter())
    old, early, late = door.names[:3]
    async with running_authoriser(nats, postgres_url):
        first = Line(door, old, secret_of(old), str(old))
        await until(lambda: first.stands, "a device connects")
    await first.publish(door.topic(old))
    second = Line(door, early, secret_of(early), str(early))
    async with running_authoriser(nats, postgres_url):
        third = Line(door, late, secret_of(late), str(late))
        await until(lambda: third.stands, "a newcomer connects after the restart")
        assert first.stands
        assert not second.stands  # nobody heard the question; it is answered when it tries again
    for one in (first, second, third):
        one.end()


SHARE: Any = {"share_bytes": 8 * 1024**2, "look_s": 1.0}
"""A sixteenth of the usual, so that the flood is short."""


@pytest.mark.parametrize("door", [SHARE], indirect=True)
async def test_who_floods_is_held_off_and_nobody_else(door: Door, line: Connect) -> None:
    flooder, honest = door.names[:2]
    flood, other = line(flooder), line(honest)
    await until(lambda: flood.stands and other.stands, "both connect")
    kept = calm = 0
    while not flood.ended.is_set():
        kept += await flood.try_to_publish(door.topic(flooder), b"x" * 100_000)
        calm += await other.try_to_publish(door.topic(honest), b"[]")
    assert kept * 100_000 > SHARE["share_bytes"]

    def heard(name: DeviceName) -> int:
        return sum(topic == door.topic(name) for topic, _ in door.heard)

    await until(lambda: heard(flooder) >= kept, "all of it that was acknowledged is there")
    again = line(flooder)
    await until(lambda: again.is_refused, "it is not let in again", seen=lambda: again.codes)
    assert other.stands
    assert await other.try_to_publish(door.topic(honest), b"[]")
    await until(lambda: heard(honest) == calm + 1, "the other one is heard as before")
    assert door.denials() == {"over_share": 1}

    async def is_noted() -> bool:
        async with await connect(door.dsn) as conn:
            why = {s.name: s.refused_for for s in await standings(conn)}
            return why[str(flooder)] == "over_share" and (await device_troubles(conn)).over_share == 1

    await until(is_noted, "it is noted why")
    assert "authentication error" in door.nats.log.read_text()  # and so `broker_refuses` is raised
