"""The embedded nats-server: who may do what, private files, the same ports after a kill."""

import asyncio
import json
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from nats.aio.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bus.connection import settled
from bus.rights import BrokerUser
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


def test_credentials_are_drawn_once_and_private(tmp_path: Path) -> None:
    first, second = prepare_nats(tmp_path), prepare_nats(tmp_path)
    assert first.passwords == second.passwords
    assert len(set(first.passwords.values())) == len(BrokerUser)
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
    own = {f"{user}_password": f"{password}{user}" for user in BrokerUser}
    (data / "nats" / "credentials.json").write_text(json.dumps(own))
    prepared = prepare_nats(data)
    server = Server(prepared.spec(), tmp_path / "nats.log")
    server.start()
    try:
        operator = Client()
        await operator.connect(prepared.url, user=BrokerUser.OPERATOR, password=own["operator_password"])
        heard = await operator.subscribe("edu.>")
        await settled(operator)
        watchdog = await asyncio.to_thread(_connect, prepared, "watchdog", own["watchdog_password"])
        watchdog.publish("edu/v1/79/s/canary/bandwidth", b"[]", qos=1)
        assert (await heard.next_msg(timeout=5)).subject == "edu.v1.79.s.canary.bandwidth"
        assert (data / "nats" / "store").is_dir()
        await asyncio.to_thread(_end, watchdog)
        await operator.close()
    finally:
        server.stop()


async def test_what_the_server_refuses_by_itself_is_read_from_its_log(
    nats: RunningNats, tmp_path: Path
) -> None:
    refusals = RefusalFollower(tmp_path)
    device = await asyncio.to_thread(_connect, nats, "watchdog", nats.watchdog_password)
    device.publish("edu/v1/79/TH Nguyen Hue/gw-1/bandwidth", b"[]", qos=1)
    await until(lambda: refusals.total() >= 1, "a topic with a blank is refused")
    await asyncio.to_thread(_end, device)
    before = refusals.total()
    other = await asyncio.to_thread(_connect, nats, "watchdog", nats.watchdog_password)
    await asyncio.to_thread(other.publish("log/telemetry-0", b"[]", qos=1).wait_for_publish, 5)
    await until(lambda: refusals.total() > before, "a subject of ours is refused")
    await asyncio.to_thread(_end, other)
    assert {refusal.client for refusal in read_refusals(tmp_path)} == {"probe"}
