"""What nats-server keeps of MQTT is bounded, full stores break nothing, and leftovers can be cleared."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.jetstream import JetStreamLog
from bus.mqtt import IngestSession, end_session
from bus.mqtt_leftovers import Kind
from bus.mqtt_store import ASIDE_BYTES, MOST_SESSIONS, RELEASES, RETAINED, SESSIONS, UNRELEASED
from contract.errors import ConfigurationError
from eduops.settings import Settings, load_settings
from eduops.verbs.broker_clear import clear_broker, plan_clearing
from eduops.verbs.doctor.broker import broker_store
from tests.running_system import PATIENCE_S, until

TOPIC = "edu/v1/79/s/gw-1/bandwidth"
OWN = "eduops-ingest-of-a-test"
CONNACK, PUBACK, PUBREC, PUBCOMP = 0x20, 0x40, 0x50, 0x70


class RawDevice:
    """A device that says exactly what it is told to; paho would release what it publishes."""

    def __init__(self, nats: Any, client_id: str, *, clean: bool = True) -> None:
        self._socket = socket.create_connection((nats.mqtt_host, nats.mqtt_port), timeout=PATIENCE_S)
        flags = bytes([0xC0 | (0x02 if clean else 0)])
        body = _text("MQTT") + b"\x04" + flags + struct.pack(">H", 0) + _text(client_id)
        self.is_connected = self._ask(
            0x10, body + _text(nats.publisher_user) + _text(nats.publisher_password), CONNACK
        )

    def publish(self, payload: bytes, *, qos: int, retain: bool = False, topic: str = TOPIC) -> bool:
        """Publish and return whether the broker took it; QoS 2 is not released."""
        body = _text(topic) + struct.pack(">H", 1) + payload
        return self._ask(0x30 | qos << 1 | retain, body, PUBREC if qos == 2 else PUBACK)

    def release(self) -> bool:
        return self._ask(0x62, struct.pack(">H", 1), PUBCOMP)

    def close(self) -> None:
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def vanish(self) -> None:
        self._socket.close()

    def _ask(self, first: int, body: bytes, answer: int) -> bool:
        length, left = bytearray(), len(body)
        while left > 127:
            length.append(left & 127 | 128)
            left >>= 7
        self._socket.sendall(bytes([first, *length, left]) + body)
        try:
            found = self._socket.recv(4)
        except ConnectionResetError:
            found = b""
        if not found:  # refused
            self._socket.close()
        return len(found) == 4 and found[0] == answer


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


@asynccontextmanager
async def _log(nats: Any) -> AsyncIterator[JetStreamLog]:
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        yield log


@asynccontextmanager
async def _session(nats: Any, *, known: bool = True) -> AsyncIterator[IngestSession]:
    async with IngestSession(
        nats.mqtt_host,
        nats.mqtt_port,
        client_id=OWN,
        user=nats.ingest_user,
        password=nats.ingest_password,
        known=known,
    ) as session:
        await session.ready()
        yield session


async def _payload(session: IngestSession) -> bytes:
    (message,) = await session.receive(1, PATIENCE_S)
    session.acknowledge([message])
    return message.payload


def _device(nats: Any, client_id: str, **how: bool) -> RawDevice:
    device = RawDevice(nats, client_id, **how)
    assert device.is_connected
    return device


def _limits(store: list[Any]) -> dict[str, tuple[int, int]]:
    return {held.stream: (held.max_messages, held.max_bytes) for held in store}


async def test_every_store_is_limited_and_sessions_outlive_a_restart_of_the_server(nats: Any) -> None:
    async with _log(nats) as log, _session(nats, known=False):
        assert not any(held.is_limited for held in await log.mqtt_store.held())
        for _ in range(2):  # again, as at every start of ingest
            await log.mqtt_store.cap(1 << 20, 60.0)
        held = await log.mqtt_store.held()
        assert all(h.is_limited for h in held)
        assert _limits(held) == {
            "$MQTT_msgs": (-1, 1 << 20),
            RETAINED: (-1, ASIDE_BYTES),
            SESSIONS: (MOST_SESSIONS, -1),
            UNRELEASED: (-1, ASIDE_BYTES),
            RELEASES: (-1, ASIDE_BYTES),
        }
        config = (await log._api.ask(f"STREAM.INFO.{UNRELEASED}"))["config"]
        assert config["max_age"] == 3_600_000_000_000  # not the minute that was asked for
    nats.restart()
    async with _log(nats) as log, _session(nats) as session:
        assert session.lost == 0
        assert _limits(await log.mqtt_store.held()) == _limits(held)
        for qos in (1, 2):
            device = _device(nats, f"device-{qos}", clean=False)
            assert device.publish(b"%d" % qos, qos=qos, retain=True)
            assert qos == 1 or device.release()
            assert await _payload(session) == b"%d" % qos
            device.close()


async def test_full_stores_refuse_what_is_new_and_break_nothing_else(nats: Any) -> None:
    async with _log(nats) as log:
        async with _session(nats, known=False) as session:
            store = log.mqtt_store
            await store.cap(1 << 20, 3600.0)
            stays = _device(nats, "stays", clean=False)
            count = next(held.messages for held in await store.held() if held.stream == SESSIONS)
            await store._limit(SESSIONS, max_msgs=count)
            await store._limit(RETAINED, max_bytes=100)
            await store._limit(UNRELEASED, max_bytes=100)
            assert not RawDevice(nats, "one-too-many").is_connected
            assert stays.publish(b"x" * 200, qos=1, retain=True)
            assert await _payload(session) == b"x" * 200
            assert not stays.publish(b"y" * 200, qos=2)
            stays = _device(nats, "stays", clean=False)
        fullness = {held.stream: held.fullness for held in await store.held()}
        assert (fullness[SESSIONS], fullness[RETAINED]) == (1.0, 0.0)
        async with _session(nats) as session:  # its record is replaced, though there is no room for another
            assert session.lost == 0
            assert stays.publish(b"z", qos=1)
            assert await _payload(session) == b"z"
            stays.close()
            plan = await plan_clearing(log, 0)
            assert ([one.name for one in plan.goes], plan.hears) == (["stays"], 0)
            assert await clear_broker(_settings(nats), 0, lambda _: True) == "cleared 1 of 1"
            _device(nats, "one-too-many").close()


async def test_whose_messages_fill_the_store_is_told(nats: Any, tmp_path: Path) -> None:
    async with _log(nats) as log:
        async with _session(nats, known=False):
            await log.mqtt_store.cap(10_000, 3600.0)
        device = _device(nats, "x")  # while nobody takes anything
        for school, count in (("79010001", 1), ("79010002", 3)):
            for number in range(count):
                topic = f"edu/v1/79/{school}/gw-1/metric-{number}"
                assert device.publish(b"x" * 2000, qos=1, topic=topic)
        device.close()
        assert await log.mqtt_store.fullest(5) == [("79010002/gw-1", 3), ("79010001/gw-1", 1)]
    told = [one.line for one in await broker_store(_settings(nats).but(data=tmp_path)) if not one.fine]
    assert len(told) == 2
    assert "most of what waits is of '79010002/gw-1' (3), '79010001/gw-1' (1)" in told[1]


async def test_leftovers_of_strangers_are_cleared_and_a_session_that_hears_never(
    nats: Any, tmp_path: Path
) -> None:
    said: list[str] = []

    def no(plan: str) -> bool:
        said.append(plan)
        return False

    async with _log(nats) as log:
        async with _session(nats, known=False):
            await log.mqtt_store.cap(1 << 20, 3600.0)
        here, gone = _device(nats, "here", clean=False), _device(nats, "gone", clean=False)
        assert gone.publish(b"MARK OF A PUPIL retained", qos=1, retain=True)
        assert await _heard_by_a_newcomer(nats) == [b"MARK OF A PUPIL retained"]
        assert gone.publish(b"MARK OF A PUPIL unreleased", qos=2)
        gone.vanish()
        assert here.publish(b"in flight", qos=2)

        async def is_away() -> bool:
            return await log.mqtt_leftovers.connected() == {"here"}

        await until(is_away, "the broker has noticed who is gone")
        assert not (await plan_clearing(log, 1)).goes
        plan = await plan_clearing(log, 0)
        assert [(one.kind, one.name) for one in plan.goes] == [
            (Kind.SESSION, "gone"),
            (Kind.RETAINED, TOPIC),
            (Kind.UNRELEASED, "gone"),
        ]
        assert plan.hears == 1
        assert "nothing was cleared" in await clear_broker(_settings(nats), 0, no)
        assert said == [plan.render()]
        assert "1 clients that are not connected: gone" in said[0]
        assert await clear_broker(_settings(nats), 0, lambda _: True) == "cleared 3 of 3"
        assert not (await plan_clearing(log, 0)).goes
        assert here.release()
        here.close()
        async with _session(nats) as session:
            assert session.lost == 0
            waited = [await _payload(session) for _ in range(3)]  # acknowledged, so never cleared
            assert waited == [b"MARK OF A PUPIL retained", b"new", b"in flight"]
        assert await _heard_by_a_newcomer(nats) == []  # not from the server's memory either
    await until(lambda: _on_disk(tmp_path, b"MARK OF A PUPIL unreleased") == [], "its bytes are overwritten")


async def _heard_by_a_newcomer(nats: Any) -> list[bytes]:
    """Return what a new subscription gets before a message that is published after it."""
    where, who = (nats.mqtt_host, nats.mqtt_port), (nats.operator_user, nats.operator_password)
    async with IngestSession(*where, client_id="newcomer", user=who[0], password=who[1]) as session:
        await session.ready()
        device, found = _device(nats, "device"), [b""]
        assert device.publish(b"new", qos=1)
        while found[-1] != b"new":
            found.append(await _payload(session))
        device.close()
    await end_session(where, "newcomer", *who)
    return found[1:-1]


def _on_disk(folder: Path, mark: bytes) -> list[Path]:
    files = [path for path in (folder / "nats" / "store").rglob("*.blk") if path.is_file()]
    assert files
    return [path for path in files if mark in path.read_bytes()]


async def test_another_broker_is_not_ours_to_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mosquitto"):
        await clear_broker(load_settings(overrides={"mqtt_broker": "other"}), 30, lambda _: True)


def _settings(nats: Any) -> Settings:
    return load_settings(
        overrides={
            "nats_url": nats.url,
            "nats_user": nats.operator_user,
            "nats_password": nats.operator_password,
            "mqtt_host": nats.mqtt_host,
            "mqtt_port": nats.mqtt_port,
            "mqtt_user": nats.ingest_user,
            "mqtt_password": nats.ingest_password,
        }
    )
