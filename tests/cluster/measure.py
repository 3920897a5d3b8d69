"""What three nodes cost and carry: `python -m tests.cluster.measure` prints the figures of docs/scale.md."""

import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bus.jetstream import JetStreamLog
from bus.rights import BrokerUser
from contract.entry import EntryKind
from eduops.bench.processes import cpu_s, memory_bytes
from tests.cluster.cluster import NODES, Cluster

LOGS = ("telemetry-0", "telemetry-1", "telemetry-2", "telemetry-3")
ROOM_BYTES = 512 * 1024 * 1024
ENTRY_READINGS = 500
ENTRY_BYTES = 20 * ENTRY_READINGS + 500
"""An entry of readings: 20 bytes each and some 500 in front (bus/codec.py)."""
MEASURE_S = 5.0
AT_ONCE = 16
"""Appends of a log that wait for their answer at the same time."""
CLIENTS = 4
WINDOW = 200
MESSAGE = json.dumps([{"n": "down_bps", "u": "bit/s", "v": 1.0, "t": 1.8e9}] * 4).encode()


def main() -> None:
    """Start a cluster in a temporary folder, measure, print a line a figure, and remove everything."""
    folder = Path(tempfile.mkdtemp(prefix="eduops-measure-"))
    cluster = Cluster(folder, sync_interval="1s")
    try:
        cluster.start()
        for replicas in (1, NODES):
            _report(f"append, {replicas} replicas", cluster, partial(_append_all, cluster, replicas))
        _report("MQTT QoS 1, four readings a message", cluster, partial(_publish, cluster))
    finally:
        cluster.end()
        shutil.rmtree(folder)


def _report(what: str, cluster: Cluster, work: Callable[[], tuple[int, float]]) -> None:
    pids = {node.name: node.pid for node in cluster.nodes if node.pid is not None}
    before = cpu_s(pids)
    done, took_s = work()
    used_s = sum(_less(cpu_s(pids), before).values())
    memory = max(memory_bytes(pids).values()) / 1e6
    print(
        f"{what}: {done / took_s:,.0f}/s, {used_s / done * 1e6:.0f} µs CPU of the {len(pids)} nodes together "
        f"for each, largest node {memory:.0f} MB"
    )


def _less(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in after}


def _append_all(cluster: Cluster, replicas: int) -> tuple[int, float]:
    return asyncio.run(_append(cluster, replicas))


async def _append(cluster: Cluster, replicas: int) -> tuple[int, float]:
    """Append entries to four logs as fast as they are answered; return how many and how long it took."""
    own, payload, done = cluster.passwords, bytes(ENTRY_BYTES), 0
    async with JetStreamLog.connect(
        cluster.url, user=BrokerUser.OPERATOR, password=own[BrokerUser.OPERATOR], replicas=replicas
    ) as log:
        await log.create(LOGS, ROOM_BYTES)
        began_s = time.monotonic()

        async def fill(name: str) -> None:
            nonlocal done
            while time.monotonic() - began_s < MEASURE_S:
                await log.append(name, EntryKind.READINGS, payload, at_us=0, count=ENTRY_READINGS)
                done += 1

        await asyncio.gather(*(fill(name) for name in LOGS for _ in range(AT_ONCE)))
        took_s = time.monotonic() - began_s
        for name in LOGS:
            await log.drop_through(name, await log.last_seq(name))
    return done, took_s


def _publish(cluster: Cluster) -> tuple[int, float]:
    """Publish through all nodes while one session subscribes; return messages acknowledged and seconds."""
    heard = mqtt.Client(
        CallbackAPIVersion.VERSION2, "measure-ingest", clean_session=False, protocol=mqtt.MQTTv311
    )
    own = cluster.passwords
    heard.username_pw_set(BrokerUser.OPERATOR, own[BrokerUser.OPERATOR])
    subscribed = threading.Event()
    heard.on_subscribe = lambda *_: subscribed.set()
    heard.connect("127.0.0.1", cluster.nodes[0].ports.mqtt)
    heard.loop_start()
    heard.subscribe("edu/v1/#", qos=1)
    assert subscribed.wait(10)
    acknowledged = [0] * CLIENTS
    began_s = time.monotonic()
    threads = [
        threading.Thread(target=_device, args=(cluster, number, acknowledged, began_s))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - began_s
    heard.disconnect()
    heard.loop_stop()
    return sum(acknowledged), took_s


def _device(cluster: Cluster, number: int, acknowledged: list[int], began_s: float) -> None:
    own = cluster.passwords
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"measure-{number}", protocol=mqtt.MQTTv311)
    client.username_pw_set(BrokerUser.OPERATOR, own[BrokerUser.OPERATOR])
    client.max_inflight_messages_set(WINDOW)
    window = threading.Semaphore(WINDOW)

    def on_publish(*_: object) -> None:
        acknowledged[number] += 1
        window.release()

    client.on_publish = on_publish
    client.connect("127.0.0.1", cluster.nodes[number % NODES].ports.mqtt)
    client.loop_start()
    while time.monotonic() - began_s < MEASURE_S:
        if window.acquire(timeout=1.0):
            client.publish(f"edu/v1/79/measure/gw-{number}/bandwidth", MESSAGE, qos=1)
    for _ in range(WINDOW):
        window.acquire(timeout=10.0)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
