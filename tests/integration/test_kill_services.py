"""Whatever is killed with −9 under load comes back by itself: nothing is lost, nothing counts twice."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.running_system import RunningSystem, eventually

ROUND_READINGS = 400
"""Readings that must be acknowledged after each kill before the next one."""


class NumberedDevice:
    """Publishes readings with times of their own until told to stop, and knows which were acknowledged."""

    def __init__(self, addresses: dict[str, Any], topic: str, first_s: float) -> None:
        self._topic = topic
        self._first_s = first_s
        self._time_of: dict[int, float] = {}
        self._lock = threading.Lock()
        self.acknowledged: set[float] = set()
        self.sent: set[float] = set()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="numbered", clean_session=False, protocol=mqtt.MQTTv311
        )
        self._client.username_pw_set(addresses["device_user"], addresses["device_password"])
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(50)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", addresses["mqtt_port"])
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, *_: object) -> None:
        with self._lock:
            self.acknowledged.add(self._time_of.pop(mid))

    def _publish(self) -> None:
        number = 0
        while not self._stop.wait(0.005):
            if len(self._time_of) >= 50:
                continue
            time_s = round(self._first_s + number * 0.1, 1)
            number += 1
            pack = [{"n": "down_bps", "u": "bit/s", "v": float(number), "t": time_s}]
            with self._lock:
                info = self._client.publish(self._topic, json.dumps(pack).encode(), qos=1)
                self._time_of[info.mid] = time_s
                self.sent.add(time_s)

    def more(self, readings: int) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + readings
        eventually(lambda: len(self.acknowledged) >= wanted, f"{readings} more acknowledged")

    def finish(self) -> None:
        """Stop publishing and return when everything sent was acknowledged."""
        self._stop.set()
        self._thread.join()
        eventually(lambda: self.acknowledged == self.sent, "everything sent is acknowledged")
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def system(servers_folder: Path) -> Iterator[RunningSystem]:
    """A system of eight schools in a folder of its own."""
    running = RunningSystem(servers_folder / "killed")
    yield running
    running.end()


def _gateway(url: str) -> tuple[str, int]:
    """Return topic and series number of the first school's traffic."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT s.code, d.code, d.id FROM device d JOIN school s ON s.id = d.school_id "
            "WHERE d.kind = 'gateway' ORDER BY d.id LIMIT 1"
        ).fetchone()
    assert row is not None
    return f"edu/v1/79/{row[0]}/{row[1]}/bandwidth", row[2] << 8 | 1


def _stored(url: str, series: int) -> list[float]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT round(extract(epoch from time), 1)::float8 FROM reading WHERE series = %s", (series,)
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_when_each_process_is_killed(system: RunningSystem) -> None:
    url = system.addresses["database_url"]
    topic, series = _gateway(url)
    device = NumberedDevice(system.addresses, topic, first_s=float(int(time.time()) - 3600))
    device.more(ROUND_READINGS)
    for name in ("ingest", "processor", "nats", "postgres", "dashboard"):
        system.kill(name)
        device.more(ROUND_READINGS)
    device.finish()

    eventually(lambda: set(_stored(url, series)) >= device.sent, "everything acknowledged is stored")
    eventually(lambda: system.status().get("in_flight") == 0, "nothing is in flight")
    stored = _stored(url, series)
    assert len(stored) == len(set(stored)), "a reading was stored twice"
    assert set(stored) == device.sent
    status = system.status()
    assert status["received"] == status["stored"] + status["duplicate"] + status["quarantined"]
    assert status["stored"] == len(stored)
    assert status["quarantined"] == 0
    assert all(process["alive"] for process in status["processes"].values())
    assert system.stop() == 0
