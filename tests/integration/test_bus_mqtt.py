"""The MQTT session and the devices' connections against real brokers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from bus.device import DeviceConnection, DeviceLoop, LastWill
from bus.jetstream import JetStreamLog
from bus.mqtt import IngestSession, MqttMessage
from bus.mqtt_client import LoopClient
from contract.errors import InfrastructureError
from contract.topic import BROKER_WINDOW
from eduops.machine.ports import free_ports

TOPIC = "edu/v1/79/S1/att-1/attendance"
STATUS = "edu/v1/79/S1/gw-1/status"


def _session(broker: Any) -> IngestSession:
    return IngestSession(
        broker.mqtt_host,
        broker.mqtt_port,
        client_id="ingest",
        user=broker.operator_user,
        password=broker.operator_password,
    )


def _device(
    devices: DeviceLoop, broker: Any, name: str, will: LastWill | None = None, max_queued: int = 1000
) -> DeviceConnection:
    return devices.add(
        name,
        generator=np.random.default_rng(1),
        user=broker.publisher_user,
        password=broker.publisher_password,
        will=will,
        max_queued=max_queued,
    )


async def _receive(session: IngestSession, wanted: int) -> list[MqttMessage]:
    messages: list[MqttMessage] = []
    async with asyncio.timeout(60):
        while len(messages) < wanted:
            messages += await session.receive(1000, 1.0)
    return messages


async def _drain(session: IngestSession, payloads: set[bytes]) -> list[bytes]:
    """Receive and acknowledge until every payload has come; return all that came, in order."""
    seen: list[bytes] = []
    async with asyncio.timeout(60):
        while not payloads <= set(seen):
            messages = await session.receive(1000, 1.0)
            session.acknowledge(messages)
            seen += [message.payload for message in messages]
    return seen


async def _drained(devices: DeviceLoop) -> None:
    async with asyncio.timeout(30):
        await devices.drained()


@pytest.fixture
async def devices(broker: Any) -> AsyncIterator[DeviceLoop]:
    """Devices of the test's broker."""
    async with DeviceLoop(broker.mqtt_host, broker.mqtt_port) as loop:
        yield loop


async def test_a_message_arrives_as_it_was_published(broker: Any, devices: DeviceLoop) -> None:
    done = asyncio.Event()
    async with _session(broker) as session:
        await session.ready()
        device = _device(devices, broker, "d")
        device.connect()
        device.publish(TOPIC, b'[{"n":"present"}]', done=done.set)
        await done.wait()
        (message,) = await _receive(session, 1)
        session.acknowledge([message])
    assert (message.topic, message.payload, message.qos, message.retain) == (
        TOPIC,
        b'[{"n":"present"}]',
        1,
        False,
    )
    assert devices.acknowledged == 1


async def test_the_session_keeps_what_is_published_while_it_is_away(broker: Any, devices: DeviceLoop) -> None:
    async with _session(broker) as session:
        await session.ready()
    device = _device(devices, broker, "d")
    device.connect()
    payloads = {b"%d" % number for number in range(200)}
    for payload in sorted(payloads):
        device.publish(TOPIC, payload)
    await _drained(devices)
    async with _session(broker) as session:
        assert sorted(await _drain(session, payloads)) == sorted(payloads)


async def test_what_was_not_acknowledged_comes_again_after_a_crash(broker: Any, devices: DeviceLoop) -> None:
    device = _device(devices, broker, "d")
    device.connect()
    payloads = {b"%d" % number for number in range(20)}
    async with _session(broker) as first:
        await first.ready()
        for payload in sorted(payloads):
            device.publish(TOPIC, payload)
        messages = await _receive(first, 20)
        first.acknowledge(messages[:5])
    kept = {message.payload for message in messages[5:]}
    async with _session(broker) as second:
        seen = await _drain(second, kept)
    assert set(seen) == kept


async def test_an_acknowledgement_of_an_earlier_connection_is_not_sent(
    broker: Any, devices: DeviceLoop
) -> None:
    device = _device(devices, broker, "d")
    device.connect()
    async with _session(broker) as session:
        await session.ready()
        device.publish(TOPIC, b"first")
        (stale,) = await _receive(session, 1)
        await asyncio.to_thread(broker.restart)
        (again,) = await _receive(session, 1)
        assert (again.payload, again.connection > stale.connection) == (b"first", True)
        session.acknowledge([stale])
    async with _session(broker) as session:
        assert set(await _drain(session, {b"first"})) == {b"first"}


async def test_no_more_than_the_window_is_unacknowledged(broker: Any, devices: DeviceLoop) -> None:
    payloads = {b"%d" % number for number in range(3 * BROKER_WINDOW)}
    async with _session(broker) as session:
        await session.ready()
        device = _device(devices, broker, "d", max_queued=len(payloads))
        device.connect()
        for payload in sorted(payloads):
            device.publish(TOPIC, payload)
        await _drained(devices)
        held = await _receive(session, BROKER_WINDOW)
        held += await session.receive(10_000, 0.2)
        assert len(held) == BROKER_WINDOW
        session.acknowledge(held)
        rest = payloads - {message.payload for message in held}
        assert sorted(await _drain(session, rest)) == sorted(rest)


async def test_a_cut_publishes_the_last_will_and_a_goodbye_does_not(broker: Any, devices: DeviceLoop) -> None:
    will = LastWill(STATUS, b'{"online":false}')
    async with _session(broker) as session:
        await session.ready()
        polite, cut = (_device(devices, broker, name, will) for name in ("polite", "cut"))
        for device in (polite, cut):
            device.connect()
            await device.connected()
        polite.close()
        cut.cut()
        (message,) = await _receive(session, 1)
        session.acknowledge([message])
        assert (message.topic, message.payload) == (STATUS, b'{"online":false}')
        cut.connect()
        cut.publish(STATUS, b'{"online":true}', retain=True)
        assert await _drain(session, {b'{"online":true}'}) == [b'{"online":true}']


async def test_a_standing_session_is_not_flooded_with_retained_messages(
    broker: Any, devices: DeviceLoop
) -> None:
    async with _session(broker) as session:
        await session.ready()
        device = _device(devices, broker, "d")
        device.connect()
        device.publish(STATUS, b"kept", retain=True)
        await _drain(session, {b"kept"})
    async with _session(broker) as session:
        await session.ready()
        device.publish(TOPIC, b"next")
        assert await _drain(session, {b"next"}) == [b"next"]


async def test_a_session_that_died_before_it_subscribed_is_found_out(
    broker: Any, devices: DeviceLoop
) -> None:
    dead = LoopClient("ingest", clean_session=False, keepalive_s=60)
    dead.username_pw_set(broker.operator_user, broker.operator_password)
    await dead.dial(broker.mqtt_host, broker.mqtt_port, 5.0)
    dead.cut()
    async with _session(broker) as session:
        await asyncio.wait_for(session.ready(), 30)
        device = _device(devices, broker, "d")
        device.connect()
        device.publish(TOPIC, b"heard")
        assert await _drain(session, {b"heard"}) == [b"heard"]


async def test_everything_survives_a_killed_broker(broker: Any, devices: DeviceLoop) -> None:
    payloads = {b"%d" % number for number in range(600)}
    async with _session(broker) as session:
        await session.ready()
        device = _device(devices, broker, "d")
        device.connect()
        for number, payload in enumerate(sorted(payloads)):
            device.publish(TOPIC, payload)
            if number == 300:
                await session.receive(1, 10.0)  # in flight, and never acknowledged
                await asyncio.to_thread(broker.restart)
        # at least once: those on the way when the broker died may come twice
        assert set(await _drain(session, payloads)) == payloads
        await _drained(devices)


async def test_where_one_node_does_not_answer_the_next_is_asked(broker: Any) -> None:
    (nobody,) = free_ports(1)
    node = (broker.mqtt_host, broker.mqtt_port)
    session = IngestSession(
        "127.0.0.1",
        nobody,
        client_id="ingest",
        user=broker.operator_user,
        password=broker.operator_password,
        others=[node],
    )
    async with session, DeviceLoop("127.0.0.1", nobody, others=[node]) as devices:
        await asyncio.wait_for(session.ready(), 30)
        fleet = [_device(devices, broker, f"d{number}") for number in range(4)]
        for device in fleet:
            device.connect()
            device.publish(TOPIC, b"found")
        await _drained(devices)
        assert set(await _drain(session, {b"found"})) == {b"found"}


async def test_five_hundred_devices_connect_and_come_back(broker: Any, devices: DeviceLoop) -> None:
    fleet = [_device(devices, broker, f"d{number}") for number in range(500)]
    for device in fleet:
        device.connect()
    async with asyncio.timeout(30):
        for device in fleet:
            await device.connected()
        await asyncio.to_thread(broker.restart)
        for device in fleet:
            device.publish(TOPIC, b"back")
        await devices.drained()
    assert (devices.acknowledged, devices.lost) == (len(fleet), 0)


async def test_who_publishes_may_not_read_schools(nats: Any) -> None:
    nosy = IngestSession(
        nats.mqtt_host, nats.mqtt_port, client_id="nosy", user="watchdog", password=nats.watchdog_password
    )
    async with nosy:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(nosy.ready(), 1.0)


async def test_the_mqtt_store_is_capped_once_a_session_stands(nats: Any) -> None:
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        with pytest.raises(InfrastructureError):
            await log.mqtt_store.cap(1 << 20, 3600.0)
        async with _session(nats) as session:
            await session.ready()
            await log.mqtt_store.cap(1 << 20, 3600.0)
            info = await log._api.ask("STREAM.INFO.$MQTT_msgs")
    assert (info["config"]["max_bytes"], info["config"]["discard"]) == (1 << 20, "new")
