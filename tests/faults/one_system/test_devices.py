"""Row 32, and the authoriser is killed: who was let in goes on, and nobody takes another's place."""

import signal
import time

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from tests.device_secrets import device_of, secret_of
from tests.fault_table import Record
from tests.faults.checker import Broker, check, publishing
from tests.faults.one_system.conftest import SharedSystem
from tests.running_system import PATIENCE_S, eventually

READINGS = 50


def test_the_authoriser_is_killed(system: SharedSystem, record: Record) -> None:
    broker = Broker.of(system.addresses)
    with publishing(broker, system.take(1), every_s=0.02) as [standing]:
        standing.more(READINGS)
        restarts = system.processes()["authoriser"]["restarts"]
        system.signal("authoriser", signal.SIGKILL)
        began_s = time.monotonic()
        with publishing(broker, system.take(1), every_s=0.02) as [newcomer]:
            standing.more(READINGS)
            newcomer.more(1)
            took_s = time.monotonic() - began_s
            eventually(lambda: system.processes()["authoriser"]["restarts"] > restarts, "it starts again")
            newcomer.more(READINGS)
            for device in (standing, newcomer):
                device.finish()
            account = check(system, [standing, newcomer])
    assert account.stored == account.attempted
    record(5, "kill −9 of the authoriser", account, took_s, "until a newcomer is let in; who stood went on")


def test_two_devices_with_one_identity_lose_nothing(system: SharedSystem, record: Record) -> None:
    """They throw each other off for as long as both are there: each acknowledged reading is kept even so."""
    gateway = system.take(1)[0]
    with publishing(Broker.of(system.addresses), [gateway, gateway], every_s=0.02) as [one, other]:
        for _ in range(2):
            one.more(10)
            other.more(10)
        one.leave()
        other.finish()
        account = check(system, [one, other])
    record(32, "two devices with one identity", account, note="they take the name from each other")
    told = system.command("device", "list", "--trouble").stdout
    assert f"{device_of(gateway.topic)} " in told
    assert "its name was taken in turn" in told


def test_a_stranger_takes_no_place_and_leaves_no_row(system: SharedSystem, record: Record) -> None:
    """A device's own secret, with ingest's client id, another device's, and another's topic."""
    broker = Broker.of(system.addresses)
    mine, victim = system.take(2)
    user, secret = broker.login(mine.topic)
    log = (system.data / "logs" / "ingest.log").read_text(encoding="utf-8")
    session = next(word for word in log.split() if word.startswith("client=")).removeprefix("client=")
    with publishing(broker, [victim], every_s=0.02) as [device]:
        device.more(READINGS)
        for client_id in (session, str(device_of(victim.topic))):
            answered: list[bool] = []
            stranger = mqtt.Client(
                CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv311, reconnect_on_failure=False
            )
            stranger.username_pw_set(user, secret)
            stranger.on_connect = lambda *a, answered=answered: answered.append(a[3].is_failure)
            stranger.connect(broker.host, broker.port)
            stranger.loop_start()
            eventually(lambda: bool(answered), "the stranger is answered")  # noqa: B023
            stranger.loop_stop()
            assert answered == [True]
        foreign = mqtt.Client(CallbackAPIVersion.VERSION2, user, protocol=mqtt.MQTTv311)
        foreign.username_pw_set(user, secret_of(device_of(mine.topic)))
        foreign.connect(broker.host, broker.port)
        foreign.loop_start()
        pack = b'[{"n": "down_bps", "u": "bit/s", "v": 666.0}]'
        foreign.publish(victim.topic, pack, qos=1).wait_for_publish(PATIENCE_S)
        foreign.disconnect()
        foreign.loop_stop()
        device.more(READINGS)
        device.finish()
        account = check(system, [device])
    with psycopg.connect(system.addresses["database_url"]) as connection:
        rows = connection.execute("select count(*) from reading where value = 666").fetchone()
    assert rows == (0,)
    assert account.stored == account.attempted
    record(32, "stolen client ids and a foreign topic", account, note="not let in, dropped; the victim stays")
