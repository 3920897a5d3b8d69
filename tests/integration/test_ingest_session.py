"""Ingest's session: nobody can guess its name, its loss is told, a former one is drained and ended."""

import asyncio
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bus.jetstream import JetStreamLog
from bus.mqtt_store import MqttStore, session_hash, subject_of, topic_of
from contract.catalogue import Catalogue
from contract.entry import EntryKind, RawEntry, Trouble, telemetry_log
from contract.rejected import Reason
from eduops.data_folder import DataFolder
from eduops.session_notes import Losses, SessionNotes, read_losses
from ingest.config import GatewayConfig, keyed_client_id
from ingest.gateway import run
from ingest.hooks import Hooks
from ingest.sessions import open_session, own_name
from tests.ingest_door import Door, pack
from tests.running_system import PATIENCE_S, until

ON_NATS = pytest.mark.parametrize("broker", ["nats"], indirect=True)


def _store(door: Door) -> MqttStore:
    assert isinstance(door.log, JetStreamLog)
    return door.log.mqtt_store


async def _nothing_waits(door: Door) -> bool:
    return (await _store(door).taken()).waiting == 0


async def _is_ended(door: Door, client_id: str) -> bool:
    return await _store(door).floor(client_id) is None


def _thief(broker: Any, client_id: str) -> None:
    """Connect as a device with a client id, ask for a clean session, and go."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
    client.username_pw_set(broker.publisher_user, broker.publisher_password)
    client.connect(broker.mqtt_host, broker.mqtt_port)
    while not client.is_connected():
        client.loop(0.1)
    client.disconnect()


async def _publish(door: Door, values: range) -> None:
    for value in values:
        door.device.publish(door.topic(), pack(float(value)))
    await until(lambda: door.device.unacknowledged == 0, "the broker has acknowledged everything")


def _service(
    door: Door, config: GatewayConfig, catalogue: Catalogue, stop: asyncio.Event, notes: SessionNotes
) -> "asyncio.Task[None]":
    return asyncio.create_task(
        run(
            config,
            door.log,
            door.fleet,
            catalogue,
            stop,
            store=_store(door),
            known=notes.is_known,
            hooks=Hooks(look=notes.look),
        )
    )


async def _stop(service: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await service


@ON_NATS
async def test_a_former_session_is_drained_and_ended(
    nats: Any, door: Door, catalogue: Catalogue, tmp_path: Path
) -> None:
    """The door's own session has the plain name: what waits in it when names become keyed is kept."""
    former = door.config.client_id
    await _publish(door, range(20))
    keyed = keyed_client_id(former, nats.operator_password)
    config = replace(door.config, client_id=keyed, former_client_id=former)
    stop, notes = asyncio.Event(), SessionNotes(DataFolder(tmp_path), "ingest", keyed, _store(door))
    service = _service(door, config, catalogue, stop, notes)
    assert sorted(await door.values({float(v) for v in range(20)})) == list(range(20))
    await until(lambda: _is_ended(door, former), "the former session has ended")
    await asyncio.to_thread(_thief, nats, former)
    await _publish(door, range(20, 40))
    await door.values({float(v) for v in range(40)})
    assert (await _store(door).taken()).waiting == 0
    await _stop(service, stop)
    assert read_losses(DataFolder(tmp_path)) == Losses()


@ON_NATS
async def test_whoever_connects_with_the_configured_id_destroys_nothing(
    nats: Any, door: Door, catalogue: Catalogue
) -> None:
    """400 readings are acknowledged while ingest is away; then someone asks for clean ones."""
    name, values = door.config.client_id, {float(v) for v in range(400)}
    config = replace(door.config, client_id=keyed_client_id(name, nats.ingest_password), strays=True)
    async with open_session(config, door.fleet) as session:
        await session.ready()
    await _publish(door, range(400))
    for guess in (name, f"{name}-all", f"{name}-0", f"{name}-0of2"):
        await asyncio.to_thread(_thief, nats, guess)
    stop = asyncio.Event()
    service = asyncio.create_task(run(config, door.log, door.fleet, catalogue, stop, store=_store(door)))
    assert sorted(await door.values(values)) == sorted(values)
    await _stop(service, stop)


@ON_NATS
async def test_what_waits_under_another_password_is_drained(
    nats: Any, door: Door, catalogue: Catalogue
) -> None:
    name = door.config.client_id
    before, after = (
        replace(door.config, client_id=keyed_client_id(name, password), former_client_id=name, strays=True)
        for password in ("the old one", nats.ingest_password)
    )
    async with open_session(before, door.fleet) as session:
        await session.ready()
    await _publish(door, range(5))
    stop = asyncio.Event()
    service = asyncio.create_task(run(after, door.log, door.fleet, catalogue, stop, store=_store(door)))
    await until(lambda: _is_ended(door, own_name(before)), "the session of the old password has ended")
    await _publish(door, range(5, 10))
    assert Counter(await door.values({float(v) for v in range(10)})) == Counter(range(10))
    await _stop(service, stop)


@ON_NATS
async def test_a_session_that_the_broker_forgot_is_told_and_counted(
    nats: Any, door: Door, catalogue: Catalogue, tmp_path: Path
) -> None:
    folder, own = DataFolder(tmp_path), door.config.client_id

    def notes() -> SessionNotes:
        return SessionNotes(folder, "ingest", own, _store(door))

    assert not notes().is_known
    stop = asyncio.Event()
    service = _service(door, door.config, catalogue, stop, notes())
    await until(lambda: notes().is_known, "the session is on record")
    await _stop(service, stop)
    assert read_losses(folder) == Losses()
    await _publish(door, range(7))
    await asyncio.to_thread(_thief, nats, own)
    await _publish(door, range(7, 10))
    stop = asyncio.Event()
    service = _service(door, door.config, catalogue, stop, notes())

    def lost(found: list[RawEntry]) -> bool:
        return any(e.kind is EntryKind.TICK and e.payload == Trouble.SESSION_LOST.encode() for e in found)

    await door.entries(telemetry_log(0), lost)
    told = (Losses(1, 10), Losses(1, 11))  # the first start's own probe may be among them: it is "at most"
    await until(
        lambda: read_losses(folder) in told,
        "ten messages are on record as missed",
        seen=lambda: read_losses(folder),
    )
    await _stop(service, stop)
    stop = asyncio.Event()
    service = _service(door, door.config, catalogue, stop, notes())
    await _publish(door, range(10, 12))
    assert sorted(await door.values({10.0, 11.0})) == [10.0, 11.0]
    await _stop(service, stop)
    assert read_losses(folder) in told


async def test_what_is_published_outside_the_grammar_is_refused_with_a_reason(
    door: Door, catalogue: Catalogue
) -> None:
    config, stop = replace(door.config, strays=True), asyncio.Event()
    async with open_session(config, door.fleet) as session:  # it stands before anything is published
        await session.ready()
    service = asyncio.create_task(run(config, door.log, door.fleet, catalogue, stop))
    topics = ["EDU/v1/79/s/gw-1/bandwidth", "v1/devices/me/telemetry", "edu/v1", "lạ"]
    for topic in topics:
        door.device.publish(topic, pack(1.0))
    door.device.publish(door.topic(), pack(2.0))
    assert await door.values({2.0}) == [2.0]
    found = await door.rejected(len(topics))
    assert sorted(r.topic for r in found) == sorted(topics)
    assert {r.reason for r in found} == {Reason.BAD_TOPIC}
    assert {r.excerpt for r in found} == {""}

    def told(entries: list[RawEntry]) -> bool:
        return any(e.kind is EntryKind.TICK and e.payload == Trouble.STRAY_TOPICS.encode() for e in entries)

    await door.entries(telemetry_log(0), told)
    await _stop(service, stop)


@ON_NATS
async def test_our_own_services_are_not_heard_as_devices(nats: Any, door: Door, catalogue: Catalogue) -> None:
    """Each refusal in the log would be another message; not even as a user who may hear everything."""
    for user, password in (
        (nats.ingest_user, nats.ingest_password),
        (nats.operator_user, nats.operator_password),
    ):
        config = replace(door.config, strays=True, mqtt_user=user, mqtt_password=password, client_id=user)
        async with open_session(config, door.fleet) as session:
            await session.ready()
            await door.log.append(telemetry_log(0), EntryKind.TICK, b"", at_us=1)
            door.device.publish("stray", b"[]")
            assert [m.topic for m in await session.receive(10, PATIENCE_S)] == ["stray"]


def _leave_a_will(broker: Any, topic: str, payload: bytes) -> None:
    """Connect as a device with a last will that is to be retained, and vanish."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="dies", reconnect_on_failure=False)
    client.username_pw_set(broker.publisher_user, broker.publisher_password)
    client.will_set(topic, payload, qos=1, retain=True)
    client.connect(broker.mqtt_host, broker.mqtt_port)
    while not client.is_connected():
        client.loop(0.1)
    sock = client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)
    client.loop(0.1)


@ON_NATS
@pytest.mark.parametrize("as_will", [False, True])
async def test_a_refused_personal_field_is_nowhere_on_the_broker_s_disk(
    door: Door, catalogue: Catalogue, tmp_path: Path, *, as_will: bool
) -> None:
    topic, stop = door.topic(device="att-1", stream="attendance"), asyncio.Event()
    service = asyncio.create_task(run(door.config, door.log, door.fleet, catalogue, stop, store=_store(door)))
    async with asyncio.timeout(PATIENCE_S):
        personal = pack(1.0, "present", student_name="MARK OF A PUPIL")
        if as_will:
            await asyncio.to_thread(_leave_a_will, door.broker, topic, personal)
        else:
            door.device.publish(topic, personal, retain=True)
        (refused,) = await door.rejected(1)
    assert refused.reason is Reason.UNKNOWN_FIELD
    await until(lambda: _nothing_waits(door), "it is acknowledged")
    await _stop(service, stop)
    files = [path for path in (tmp_path / "nats" / "store").rglob("*") if path.is_file()]
    assert any(path.suffix == ".blk" for path in files)
    assert not [path for path in files if b"MARK OF A" in path.read_bytes()]


def test_topics_and_subjects_of_the_store_are_each_other_s_inverse() -> None:
    pairs = {"a/b": "a.b", "a//b": "a./.b", "/a": "/.a", "a/": "a./", "a.b/c": "a//b.c"}
    for topic, subject in pairs.items():
        assert (subject_of(topic), topic_of(f"$MQTT.msgs.{subject}")) == (subject, topic)


def test_names_are_stable_and_told_by_no_other_password() -> None:
    names = {keyed_client_id("eduops-ingest", password) for password in ("a", "b", "a")}
    assert len(names) == 2
    assert keyed_client_id("eduops-ingest", None) == "eduops-ingest"
    assert session_hash("eduops-ingest-abc") == "OD75jISf"
