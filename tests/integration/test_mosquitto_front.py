"""What mosquitto keeps and what it does not: docs/mosquitto.md says so, and this shows it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from bus.device import DeviceLoop
from bus.mqtt import IngestSession
from tests.mosquitto import Mosquitto, configuration
from tests.running_system import eventually

TOPIC = "edu/v1/79/S1/gw-1/bandwidth"


def _session(broker: Mosquitto) -> IngestSession:
    return IngestSession(
        broker.mqtt_host,
        broker.mqtt_port,
        client_id="ingest",
        user=broker.service_user,
        password=broker.service_password,
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
    config, rights = configuration()
    assert {"max_queued_messages 0", "max_queued_bytes 0", "persistence true"} <= set(config.splitlines())
    assert "topic read #" in rights
