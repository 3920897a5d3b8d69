"""What mosquitto keeps and what it does not: docs/mosquitto.md says so, and this shows it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from bus.device import DeviceLoop
from bus.mqtt import IngestSession, MqttMessage
from contract.devices.credential import DeviceName
from contract.fleet import Fleet
from eduops.settings import load_settings
from eduops.verbs.devices.mosquitto import write_files
from storage.database import connect
from storage.fleet import save_fleet
from tests.device_secrets import issue_to_fleet, secret_of
from tests.mosquitto import Mosquitto, configuration
from tests.running_system import eventually

TOPIC = "edu/v1/79/S1/gw-1/bandwidth"


def _session(broker: Mosquitto) -> IngestSession:
    return IngestSession(
        broker.mqtt_host,
        broker.mqtt_port,
        client_id="ingest",
        user=broker.operator_user,
        password=broker.operator_password,
    )


async def _publish(broker: Mosquitto, payloads: list[bytes]) -> None:
    """Publish and return when the broker has acknowledged all."""
    async with DeviceLoop(broker.mqtt_host, broker.mqtt_port) as devices:
        device = devices.add(
            "d",
            generator=np.random.default_rng(1),
            user=broker.publisher_user,
            password=broker.publisher_password,
            max_queued=len(payloads),
        )
        device.connect()
        for payload in payloads:
            device.publish(TOPIC, payload)
        async with asyncio.timeout(30):
            await devices.drained()


async def _kept(broker: Mosquitto) -> set[bytes]:
    """Return what the session is given until nothing more comes."""
    found: set[bytes] = set()
    async with _session(broker) as session:
        await session.ready()
        while messages := await session.receive(1000, 2.0):
            session.acknowledge(messages)
            found |= {message.payload for message in messages}
    return found


async def _after_a_kill(
    broker: Mosquitto, before: list[bytes], saved: Callable[[], Awaitable[None]], after: list[bytes]
) -> set[bytes]:
    async with _session(broker) as session:
        await session.ready()
    await _publish(broker, before)
    await saved()
    await _publish(broker, after)
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    return await _kept(broker)


async def test_a_killed_broker_has_what_it_had_written(mosquitto: Mosquitto, tmp_path: Path) -> None:
    before = [b"before-%d" % number for number in range(2000)]
    after = [b"after-%d" % number for number in range(500)]
    store = tmp_path / "mosquitto" / "mosquitto.db"

    async def saved() -> None:
        acknowledged_s = time.time()
        await asyncio.to_thread(
            eventually, lambda: store.exists() and store.stat().st_mtime > acknowledged_s, "it saves", 20
        )

    kept = await _after_a_kill(mosquitto, before, saved, after)
    assert set(before) <= kept <= {*before, *after}


async def test_more_waits_than_the_default_would_keep(mosquitto: Mosquitto) -> None:
    payloads = [b"%d" % number for number in range(5000)]
    async with _session(mosquitto) as session:
        await session.ready()
    await _publish(mosquitto, payloads)
    assert await _kept(mosquitto) == set(payloads)


def test_the_documented_lines_are_the_ones_that_lose_nothing() -> None:
    lines = set(configuration().splitlines())
    assert {"max_queued_messages 0", "max_queued_bytes 0", "persistence true"} <= lines
    assert {"allow_anonymous false", "use_username_as_clientid true"} <= lines


async def test_the_files_that_are_written_hold_each_device_to_its_own(
    mosquitto: Mosquitto, postgres_url: str, city: Fleet
) -> None:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    await issue_to_fleet(postgres_url)
    settings = load_settings(None).but(
        database_url=postgres_url,
        mqtt_user=mosquitto.operator_user,
        mqtt_password=mosquitto.operator_password,
        watchdog_password="w" * 24,
    )
    await write_files(settings, mosquitto.folder)
    await asyncio.to_thread(mosquitto.reload)
    own, other = (DeviceName(*path) for path in list(city.device_by_path)[:2])
    async with _session(mosquitto) as session, DeviceLoop("127.0.0.1", mosquitto.device_port) as devices:
        await session.ready()
        named = {"own": secret_of(own), "guessed": secret_of(other)}
        lines = {
            client_id: devices.add(
                client_id, generator=np.random.default_rng(1), user=str(own), password=secret
            )
            for client_id, secret in named.items()
        }
        for line in lines.values():
            line.connect()
        async with asyncio.timeout(30):
            await lines["own"].connected()
        for topic in (f"{other.topics('79')}status", f"{own.topics('79')}status"):
            lines["own"].publish(topic, topic.encode())
        heard: list[MqttMessage] = []
        async with asyncio.timeout(30):
            while not heard:
                heard += await session.receive(10, 1.0)
        assert [message.topic for message in heard] == [f"{own.topics('79')}status"]
        assert not lines["guessed"].is_connected
