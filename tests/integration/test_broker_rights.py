"""Each user of the broker may say and hear what the table of rights says, and nothing else."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from nats.aio.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from bus.connection import inbox_of, settled
from bus.mqtt_frames import connect_packet
from bus.rights import MQTT, NATS, BrokerUser, SubjectRights, rights_of
from contract.entry import DEFAULT_PARTITIONS
from tests.conftest import TestNats as RunningNats
from tests.conftest import running_nats
from tests.running_system import until

RIGHTS = rights_of(DEFAULT_PARTITIONS)
BY_NATS = [user for user in RIGHTS if NATS in RIGHTS[user].doors]
BY_MQTT = [user for user in RIGHTS if MQTT in RIGHTS[user].doors and RIGHTS[user].says != (">",)]
STREAMS = ("telemetry-0", "quarantine", "alerts", "$MQTT_msgs", "$MQTT_rmsgs", "$MQTT_sess", "$MQTT_qos2in")
VERBS = (
    "STREAM.INFO.{}", "STREAM.CREATE.{}", "STREAM.UPDATE.{}", "STREAM.DELETE.{}", "STREAM.PURGE.{}",
    "STREAM.MSG.GET.{}", "STREAM.MSG.DELETE.{}", "STREAM.SNAPSHOT.{}", "STREAM.RESTORE.{}", "DIRECT.GET.{}",
    "CONSUMER.CREATE.{}", "CONSUMER.CREATE.{}.c", "CONSUMER.CREATE.{}.c.log.alerts",
    "CONSUMER.DURABLE.CREATE.{}.c", "CONSUMER.MSG.NEXT.{}.c", "CONSUMER.DELETE.{}.c", "CONSUMER.LIST.{}",
    "CONSUMER.INFO.{}.c",
)  # fmt: skip
SUBJECTS = [
    *(f"$JS.API.{verb.format(stream)}" for verb in VERBS for stream in STREAMS),
    "$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.ACK.alerts.c.1.1.1.1.0",
    "log.telemetry-0", "log.telemetry-3", "log.telemetry-4", "log.quarantine", "log.alerts", "log.other",
    "live.summary.0", "live.alert", "live.incident", "live.silence", "live.swap", "live.notice",
    "live.fault", "live.x",
    "edu.v1.79.79000601.gw-1.bandwidth", "edu.v1.79.79000601.canary.bandwidth", "edu.v1.probe",
    "slice.0.edu.v1.79.79000601.gw-1.bandwidth", "$MQTT.msgs.x", "$MQTT.rmsgs.edu.v1.x", "$MQTT.sess.x",
    "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.AUTH", "other",
    "_INBOX.x", *(f"{inbox_of(user)}.x" for user in BrokerUser),
]  # fmt: skip
WIDE = ["log.>", "log.*", "live.>", "edu.>", "$JS.>", "$MQTT.>", "_INBOX.>", "_INBOX.*.>", ">"]
"""Subscriptions to more than one subject."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNats]:
    """A server of the module's own: operators delete what others look at."""
    with running_nats(tmp_path_factory.mktemp("rights")) as running:
        yield running


def covers(pattern: str, subject: str) -> bool:
    """Return whether all that a subject or pattern stands for is within another pattern."""
    wanted, given = pattern.split("."), subject.split(".")
    for i, token in enumerate(wanted):
        if token == ">":
            return len(given) > i
        if i >= len(given) or given[i] == ">" or (token != "*" and token != given[i]):
            return False
    return len(given) == len(wanted)


def may(patterns: tuple[str, ...], subject: str) -> bool:
    """Return whether one of the patterns covers a subject."""
    return any(covers(pattern, subject) for pattern in patterns)


@asynccontextmanager
async def connected(server: RunningNats, user: BrokerUser) -> Any:
    """Connect; what the server complains of is kept."""
    complaints: list[str] = []

    async def keep(error: Exception) -> None:
        complaints.append(str(error))

    client = Client()
    login = server.login(user)
    await client.connect(server.url, **login, inbox_prefix=inbox_of(user), error_cb=keep)
    yield client, complaints
    await client.close()


def refused(complaints: list[str], verb: str, subjects: list[str]) -> set[str]:
    """Return the subjects about which the server complained; it writes them as they are, in small letters."""
    told = {line.lower() for line in complaints}
    assert all("permissions violation" in line for line in told), told
    return {s for s in subjects if any(f'{verb} to "{s.lower()}"' in line for line in told)}


@pytest.mark.parametrize("user", BY_NATS)
async def test_a_user_may_say_what_the_table_says_and_nothing_else(
    server: RunningNats, user: BrokerUser
) -> None:
    async with connected(server, user) as (client, complaints):
        for subject in SUBJECTS:
            await client.publish(subject, b"{}", reply=client.new_inbox())
        await settled(client)
    assert refused(complaints, "publish", SUBJECTS) == {s for s in SUBJECTS if not may(RIGHTS[user].says, s)}


@pytest.mark.parametrize("user", BY_NATS)
async def test_a_user_may_hear_what_the_table_says_and_nothing_else(
    server: RunningNats, user: BrokerUser
) -> None:
    wanted = [*SUBJECTS, *WIDE]
    async with connected(server, user) as (client, complaints):
        for subject in wanted:
            await client.subscribe(subject)
        await settled(client)
    assert refused(complaints, "subscription", wanted) == {
        s for s in wanted if not may(RIGHTS[user].hears, s)
    }


def speakers(subject: str) -> set[BrokerUser]:
    """Return who may publish on a subject."""
    return {user for user, own in RIGHTS.items() if may(own.says, subject)} - {BrokerUser.OPERATOR}


def test_who_may_say_what_matters() -> None:
    assert speakers("log.telemetry-0") == speakers("log.quarantine") == {BrokerUser.INGEST_LOG}
    assert speakers("log.alerts") == {BrokerUser.PROCESSOR, BrokerUser.DASHBOARD, BrokerUser.NOTIFIER}
    assert speakers("live.summary.0") == speakers("live.alert") == {BrokerUser.PROCESSOR}
    assert speakers("edu.v1.79.79000601.gw-1.bandwidth") == {BrokerUser.SIMULATOR}
    assert speakers("$MQTT.sess.x") == speakers("live.fault") == set()
    for stream in STREAMS:
        for verb in ("STREAM.CREATE.{}", "STREAM.DELETE.{}", "STREAM.SNAPSHOT.{}", "STREAM.RESTORE.{}"):
            assert speakers(f"$JS.API.{verb.format(stream)}") == set()
    for stream in STREAMS[:3]:
        for verb in ("CONSUMER.CREATE.{}.c", "CONSUMER.MSG.NEXT.{}.c", "STREAM.PURGE.{}"):
            assert speakers(f"$JS.API.{verb.format(stream)}") == {BrokerUser.PROCESSOR}
        assert speakers(f"$JS.API.STREAM.UPDATE.{stream}") == set()
    for stream in STREAMS[3:]:
        assert speakers(f"$JS.API.STREAM.UPDATE.{stream}") == {BrokerUser.INGEST_LOG}
        assert speakers(f"$JS.API.CONSUMER.CREATE.{stream}.c") == set()


async def test_nobody_comes_by_a_door_that_is_not_theirs(server: RunningNats) -> None:
    for user, own in RIGHTS.items():
        answer = await asyncio.to_thread(_knock, server, user)
        assert answer == ("PONG" if NATS in own.doors else "-ERR 'Authorization Violation'"), user
        code = await asyncio.to_thread(_enter, server, user)
        assert (code == 0) is (MQTT in own.doors), user


@pytest.mark.parametrize("user", BY_MQTT)
async def test_by_mqtt_too(server: RunningNats, user: BrokerUser) -> None:
    own: SubjectRights = RIGHTS[user]
    topics = [s for s in SUBJECTS if not s.startswith("$MQTT") and "." in s]
    log = server.log.read_text()
    client = await asyncio.to_thread(_connect, server, user)
    answers: dict[int, ReasonCode] = {}
    client.on_subscribe = lambda _c, _u, mid, codes, _p: answers.update({mid: codes[0]})
    for subject in topics:
        client.publish(subject.replace(".", "/"), b"{}", qos=0)
    asked = {
        client.subscribe(s.replace(".", "/"), qos=0)[1]: s for s in [*topics, "log.#", "live.#", "edu.#"]
    }
    await until(lambda: len(answers) == len(asked), "all is answered", seen=lambda: len(answers))
    await asyncio.to_thread(_end, client)
    said = server.log.read_text().removeprefix(log)
    told = {s for s in topics if f'"of-{user}" - Publish Violation - Subject "{s}"' in said}
    assert told == {s for s in topics if not may(own.says, s)}
    kept = {asked[mid] for mid, code in answers.items() if not code.is_failure}
    if own.deaf_to:
        assert kept == {s for s in asked.values() if not may(own.deaf_to, s.replace("#", ">"))}
    else:
        assert kept == {s for s in asked.values() if may(own.hears, s.replace("#", ">"))}


def _connect(server: RunningNats, user: BrokerUser) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"of-{user}", protocol=mqtt.MQTTv311)
    client.username_pw_set(*server.login(user).values())
    client.connect(server.mqtt_host, server.mqtt_port)
    client.loop_start()
    return client


def _knock(server: RunningNats, user: BrokerUser) -> str:
    """Connect by NATS, in its own few words, and return what the server says."""
    login = server.login(user)
    hello = json.dumps({"user": login["user"], "pass": login["password"], "verbose": False})
    host, _, port = server.url.removeprefix("nats://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line, line.makefile("rw") as said:
        said.readline()
        said.write(f"CONNECT {hello}\r\nPING\r\n")
        said.flush()
        return said.readline().strip()


def _enter(server: RunningNats, user: BrokerUser) -> int:
    """Connect by MQTT and return the code of its answer, 0 for a welcome."""
    login = server.login(user)
    with socket.create_connection((server.mqtt_host, server.mqtt_port), timeout=30) as line:
        line.sendall(connect_packet(f"knocks-{user}", login["user"], login["password"]))
        return line.recv(4)[3]


def _end(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()
