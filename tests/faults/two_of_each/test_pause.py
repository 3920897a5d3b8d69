"""Rows 6 and 11: a process that is paused lives and does nothing; the watchdog says so, and it goes on.

What a paused process does late changes nothing: the position that it compares has moved on.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contract.entry import telemetry_log
from contract.fleet import partition_of
from tests.fault_table import Record
from tests.faults.checker import Broker, NumberedDevice, check, gateways, publishing, seconds_to_recover
from tests.faults.conftest import Start
from tests.faults.two_of_each.conftest import AFTER_S, Watched
from tests.running_system import RunningSystem, eventually

ROUND_READINGS = 200
BOUND_S = AFTER_S + 30.0
"""Most seconds from the pause until the watchdog's alarm came outside."""
PAUSE_S = 60.0


@pytest.fixture
def device(watched: Watched) -> Iterator[NumberedDevice]:
    """A device that publishes to the watched system."""
    addresses = watched.system.addresses
    with publishing(Broker.of(addresses), gateways(addresses["database_url"]), every_s=0.02) as [one]:
        one.more(ROUND_READINGS)
        yield one


def owner(system: RunningSystem, device: NumberedDevice) -> str:
    """Return the processor that works on the log of the device's school."""
    school = device.gateway.topic.split("/")[3]
    log = telemetry_log(partition_of(school, system.addresses["partitions"]))
    with psycopg.connect(system.addresses["database_url"]) as connection:
        [(worker,)] = connection.execute("SELECT owner FROM lease WHERE log = %s", (log,)).fetchall()
    return str(worker).split("@")[0]


def wait_out(seconds: float) -> None:
    """Return after some seconds: the length of a fault."""
    until_s = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= until_s, "the pause lasts", 2 * seconds)


def test_a_paused_owner_is_replaced_and_comes_back_late(
    watched: Watched, device: NumberedDevice, record: Record
) -> None:
    name = owner(watched.system, device)
    began_s = time.monotonic()
    with watched.system.paused(name):
        took_s = seconds_to_recover(watched.system, device, began_s)
        assert owner(watched.system, device) != name
        device.more(ROUND_READINGS)
    device.more(ROUND_READINGS)
    device.finish()
    account = check(watched.system, [device])
    assert account.stored == account.attempted
    record(11, "pause of the processor that owns the log", account, took_s, "the other has taken it over")


def test_the_watchdog_tells_of_a_paused_ingest(
    watched: Watched, device: NumberedDevice, record: Record
) -> None:
    pause(watched, device, record, "ingest", 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "nats", "postgres", "dashboard"])
def test_each_process_paused_for_a_minute(
    watched: Watched, device: NumberedDevice, record: Record, name: str
) -> None:
    pause(watched, device, record, name, PAUSE_S)


def pause(watched: Watched, device: NumberedDevice, record: Record, name: str, least_s: float) -> None:
    """Pause a process until the watchdog has said so and some seconds are over, and look at what follows."""
    alarms, recoveries = len(watched.notices("alarm")), len(watched.notices("recovery"))
    began_s = time.monotonic()
    with watched.system.paused(name):
        watched.heard("alarm", alarms + 1, BOUND_S)
        alarm_s = time.monotonic() - began_s
        wait_out(max(0.0, least_s - alarm_s))
    took_s = seconds_to_recover(watched.system, device, time.monotonic())
    watched.heard("recovery", recoveries + 1, BOUND_S)
    device.finish()
    account = check(watched.system, [device])
    assert account.stored == account.attempted
    assert len(watched.notices("alarm")) == alarms + 1
    length = f"{least_s:g} s" if least_s else "until the alarm"
    note = f"alarm after {alarm_s:.0f} s with a patience of {AFTER_S:g} s; recovery from SIGCONT"
    record(11, f"pause of {name}, {length}", account, took_s, note)


@pytest.mark.slow
def test_a_watchdog_killed_while_it_sends(start: Start, servers_folder: Path, record: Record) -> None:
    """The command writes what it gets and does not end in time: the watchdog dies before it knows."""
    said, hangs = servers_folder / "said-twice.json", servers_folder / "hangs"
    hangs.touch()
    program = servers_folder / "say"
    program.write_text(f"#!/bin/sh\ncat >> {said}\nwhile test -e {hangs}; do sleep 0.1; done\n")
    program.chmod(0o755)
    env = {
        "EDUOPS_WATCHDOG_COMMAND": str(program),
        "EDUOPS_WATCHDOG_AFTER_S": f"{AFTER_S:g}",
        "EDUOPS_WATCHDOG_EVERY_S": "1",
    }
    sending = Watched(start(env=env, watchdog=True), said)
    with sending.system.paused("ingest"):
        sending.heard("alarm", 1, 2 * BOUND_S)
        began_s = time.monotonic()
        sending.system.signal("watchdog", signal.SIGKILL)
        hangs.unlink()
        sending.heard("alarm", 2, BOUND_S)
        took_s = time.monotonic() - began_s
    sending.heard("recovery", 1, 2 * BOUND_S)
    first, second = sending.notices("alarm")
    assert first["key"] == second["key"]
    record(6, "kill −9 of the watchdog while it sends", None, took_s, "the same idempotency key came again")
