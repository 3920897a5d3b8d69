"""The embedded nats-server: who may do what, private files, the same ports after a kill."""

import asyncio
import json
import socket
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from nats.aio.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bus.connection import settled
from bus.mqtt_frames import connect_packet, publish_packet
from bus.rights import BrokerUser
from eduops.machine.process import Server
from eduops.machine.refusals import RefusalFollower, read_refusals
from eduops.machine.servers.embedded_nats import MAX_PAYLOAD_BYTES, EmbeddedNats, prepare_nats
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


@pytest.mark.parametrize(
    ("topic", "length", "why"),
    [
        (b"edu/v1/79/+/gw-1/bandwidth", 2, "has + or # in the topic"),
        (b"edu/v1/#", 2, "has + or # in the topic"),
        (b"edu/v1/79/Tr\xff\xffng/gw-1/bandwidth", 2, "has a topic that is not UTF-8"),
        (b"edu/v1/79/s/gw-1/bandwidth\0", 2, "has a NUL in a topic"),
        (b"edu/v1/79/s\tx/gw-1/bandwidth", 2, "has a blank or another character in a topic"),
        (b"", 2, "has a message without a topic"),
        (b"edu/v1/79/s/gw-1/bandwidth", MAX_PAYLOAD_BYTES, "sends a message that is too long"),
    ],
)
async def test_a_message_that_no_topic_can_carry_is_not_acknowledged_and_told(
    nats: RunningNats, tmp_path: Path, topic: bytes, length: int, why: str
) -> None:
    assert await asyncio.to_thread(_said_to, nats, topic, b"x" * length) == b""
    await until(lambda: bool(read_refusals(tmp_path)), "the broker tells of it")
    (refusal,) = read_refusals(tmp_path)
    assert (refusal.client, refusal.why[: len(why)]) == ("odd", why)


async def test_a_message_a_little_below_the_broker_s_limit_is_acknowledged(nats: RunningNats) -> None:
    payload = b"x" * (MAX_PAYLOAD_BYTES - 100)  # topic and header stand in these
    said = await asyncio.to_thread(_said_to, nats, b"edu/v1/79/s/gw-1/bandwidth", payload)
    assert said == b"\x40\x02\x00\x01"


def _said_to(nats: RunningNats, topic: bytes, payload: bytes) -> bytes:
    """Publish with QoS 1, byte for byte, and return what the broker says: nothing where it cuts the line."""
    who = (nats.publisher_user, nats.publisher_password)
    field = len(topic).to_bytes(2, "big") + topic
    with socket.create_connection((nats.mqtt_host, nats.mqtt_port), timeout=30) as line:
        line.sendall(connect_packet("odd", *who))
        assert line.recv(4)[3] == 0
        try:
            line.sendall(publish_packet(field, 1, payload))
            return line.recv(4)
        except ConnectionError:
            return b""
