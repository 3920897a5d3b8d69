"""Row 15: more want to connect than the broker may have descriptors; those who were there go on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bus.rights import BrokerUser
from eduops.machine.servers.embedded_nats import EmbeddedNats, max_connections, prepare_nats
from tests.fault_table import Record
from tests.running_system import eventually

DESCRIPTORS = 200
STRANGERS = 250


def test_the_store_keeps_descriptors_of_its_own() -> None:
    assert max_connections(200) == 100
    assert max_connections(4096) == 4096 - 512
    assert max_connections(1 << 20) == 65_536
    assert max_connections(-1) == 65_536


@pytest.fixture
def limited(servers_folder: Path) -> Iterator[EmbeddedNats]:
    """A broker that may open few files and knows it, as if started by a shell with that limit."""
    prepared = prepare_nats(servers_folder / "few-descriptors", descriptors=DESCRIPTORS)
    log = (servers_folder / "few-descriptors.log").open("wb")
    argv = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", *prepared.spec().argv]
    server = subprocess.Popen(argv, stdout=log, stderr=log, cwd=prepared.folder)
    eventually(prepared.answers, "the broker answers")
    yield prepared
    server.kill()
    server.wait()
    log.close()


def client(broker: EmbeddedNats, name: str) -> mqtt.Client:
    """Return a client that wants to connect and does not insist."""
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311, reconnect_on_failure=False
    )
    made.username_pw_set(BrokerUser.OPERATOR, broker.passwords[BrokerUser.OPERATOR])
    made.connect("127.0.0.1", broker.mqtt_port)
    made.loop_start()
    return made


def test_who_was_there_is_acknowledged_while_strangers_are_refused(
    limited: EmbeddedNats, record: Record
) -> None:
    old = client(limited, "old")
    eventually(old.is_connected, "the first client connects")
    strangers = []
    for number in range(STRANGERS):
        try:
            strangers.append(client(limited, f"stranger-{number}"))
        except OSError:  # closed before the handshake was over
            continue
    try:
        eventually(lambda: sum(s.is_connected() for s in strangers) >= DESCRIPTORS // 4, "some are let in")
        for number in range(50):
            old.publish("edu/v1/79/school/gw-1/bandwidth", b"%d" % number, qos=1).wait_for_publish(10)
        assert old.is_connected()
        let_in = sum(s.is_connected() for s in strangers)
        assert let_in < DESCRIPTORS // 2
        note = f"{let_in} let in; 50 messages of the client that was there are acknowledged"
        record(15, f"{STRANGERS} clients more, broker with {DESCRIPTORS} descriptors", note=note)
    finally:
        for one in (old, *strangers):
            one.disconnect()
            one.loop_stop()
