"""The embedded nats-server: who may do what, private files, the same ports after a kill."""

import asyncio
import json
import socket
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from nats.aio.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from eduops.machine.embedded_nats import EmbeddedNats, prepare_nats
from eduops.machine.process import Server
from eduops.machine.refusals import RefusalFollower, read_refusals
from tests.conftest import TestNats as RunningNats
from tests.running_system import until


def _connect(nats_server: RunningNats | EmbeddedNats, user: str, password: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe", protocol=mqtt.MQTTv311)
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", nats_server.mqtt_port)
    client.loop_start()
    return client


def _end(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


async def test_a_device_publishes_telemetry_and_nothing_else(nats: RunningNats) -> None:
    service = Client()
    await service.connect(nats.url, user=nats.service_user, password=nats.service_password)
    heard = await service.subscribe(">")
    await service.flush()
    device = await asyncio.to_thread(_connect, nats, nats.device_user, nats.device_password)
    for topic in ("live/summary/0", "log/telemetry-0", "edu/v1/79/s/gw-1/bandwidth"):
        published = device.publish(topic, b"[]", qos=1)
        await asyncio.to_thread(published.wait_for_publish, 5)
    subjects = []
    while "edu.v1.79.s.gw-1.bandwidth" not in subjects:
        subjects.append((await heard.next_msg(timeout=5)).subject)
    await asyncio.to_thread(_end, device)
    await service.close()
    assert not [s for s in subjects if s.startswith(("live.", "log."))]


def test_a_device_may_not_speak_nats(nats: RunningNats) -> None:
    who = {"user": nats.device_user, "pass": nats.device_password, "verbose": False}
    address = (nats.mqtt_host, int(nats.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=5) as line, line.makefile("rb") as answers:
        assert answers.readline().startswith(b"INFO")
        line.sendall(f"CONNECT {json.dumps(who)}\r\nPING\r\n".encode())
        assert answers.readline().startswith(b"-ERR 'Authorization Violation'")


def test_credentials_are_drawn_once_and_private(tmp_path: Path) -> None:
    first, second = prepare_nats(tmp_path), prepare_nats(tmp_path)
    assert first.credentials == second.credentials
    assert first.credentials.device_password != first.credentials.service_password
    for name in ("credentials.json", "nats.conf"):
        assert (tmp_path / "nats" / name).stat().st_mode & 0o077 == 0


def test_it_comes_back_on_the_same_ports(tmp_path: Path) -> None:
    prepared: EmbeddedNats = prepare_nats(tmp_path)
    server = Server(prepared.spec(), tmp_path / "nats.log")
    server.start()
    server.kill()
    assert not prepared.answers()
    server.start()
    assert prepared.answers()
    server.stop()


@pytest.mark.parametrize("password", ["123", "12e3", "$x", "true", """a "quoted" 'word' \\ of Đà Nẵng"""])
async def test_any_password_opens_both_doors(tmp_path: Path, password: str) -> None:
    data = tmp_path / "Trung tâm điều hành" / "dữ liệu"
    prepare_nats(data)
    own = {"service_password": f"{password}s", "device_password": f"{password}d"}
    (data / "nats" / "credentials.json").write_text(json.dumps(own))
    prepared = prepare_nats(data)
    server = Server(prepared.spec(), tmp_path / "nats.log")
    server.start()
    try:
        service = Client()
        await service.connect(prepared.url, user="service", password=own["service_password"])
        heard = await service.subscribe("edu.>")
        await service.flush()
        device = await asyncio.to_thread(_connect, prepared, "device", own["device_password"])
        device.publish("edu/v1/79/s/gw-1/bandwidth", b"[]", qos=1)
        assert (await heard.next_msg(timeout=5)).subject == "edu.v1.79.s.gw-1.bandwidth"
        assert (data / "nats" / "store").is_dir()
        await asyncio.to_thread(_end, device)
        await service.close()
    finally:
        server.stop()


async def test_what_the_server_refuses_by_itself_is_read_from_its_log(
    nats: RunningNats, tmp_path: Path
) -> None:
    refusals = RefusalFollower(tmp_path)
    device = await asyncio.to_thread(_connect, nats, nats.device_user, nats.device_password)
    device.publish("edu/v1/79/TH Nguyen Hue/gw-1/bandwidth", b"[]", qos=1)
    await until(lambda: refusals.total() >= 1, "a topic with a blank is refused")
    await asyncio.to_thread(_end, device)
    before = refusals.total()
    other = await asyncio.to_thread(_connect, nats, nats.device_user, nats.device_password)
    await asyncio.to_thread(other.publish("log/telemetry-0", b"[]", qos=1).wait_for_publish, 5)
    await until(lambda: refusals.total() > before, "a subject of ours is refused")
    await asyncio.to_thread(_end, other)
    assert {refusal.client for refusal in read_refusals(tmp_path)} == {"probe"}
