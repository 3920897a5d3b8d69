"""Rows 9 and 10: no room for the log, for the broker's messages, on NATS's disk, on PostgreSQL's disk.

Where nothing can be kept nothing is acknowledged: devices wait with what they have. Ingest, killed
meanwhile, finds its session again, and with room everything drains.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fault_table import Record
from tests.faults.checker import Broker, NumberedDevice, check, gateways, publishing, seconds_to_recover
from tests.faults.conftest import Start
from tests.faults.disks import Disk, small_disk
from tests.running_system import RunningSystem, eventually

DEVICES = 4
WINDOW = 20
SMALL_GIB = "0.001"
"""Room for 50,000 readings in a log, and for half as many in the broker's store."""
STILL_S = 3.0
"""Without an acknowledgement for so long nothing more fits."""
DISK_MIB = 256
ROUND_READINGS = 500
PATIENCE_S = 300.0
"""Each device is one series, and the readings of one series are folded one after the other: a thousand a
second on a quiet machine, of the hundred thousand that wait."""


def until_refused(devices: Sequence[NumberedDevice]) -> None:
    """Return when no device has got an acknowledgement for some seconds."""
    seen, since_s = -1, time.monotonic()

    def still() -> bool:
        nonlocal seen, since_s
        now = sum(len(device.acknowledged) for device in devices)
        if now != seen:
            seen, since_s = now, time.monotonic()
        return time.monotonic() - since_s >= STILL_S

    eventually(still, "acknowledgements stop", PATIENCE_S)


@contextmanager
def flooding(system: RunningSystem, pack: int, every_s: float) -> Iterator[list[NumberedDevice]]:
    """Have devices publish; some readings are acknowledged before the block."""
    targets = gateways(system.addresses["database_url"], DEVICES)
    broker = Broker.of(system.addresses)
    with publishing(broker, targets, pack=pack, window=WINDOW, every_s=every_s) as devices:
        devices[0].more(ROUND_READINGS)
        yield devices


def drained(
    system: RunningSystem, devices: Sequence[NumberedDevice], record: Record, row: int, what: str
) -> None:
    """See that everything goes on and that nothing was lost, and write the line."""
    took_s = seconds_to_recover(system, devices[0], time.monotonic(), PATIENCE_S)
    for device in devices:
        device.finish(PATIENCE_S)
    account = check(system, devices, PATIENCE_S)
    assert account.stored == account.attempted
    record(
        row, what, account, took_s, "acknowledgements stop while it is full; recovery from when there is room"
    )


@pytest.mark.slow
def test_the_logs_and_the_brokers_store_are_full(start: Start, record: Record) -> None:
    """The processor stands still; the logs fill up, then the broker's store; ingest dies and comes back."""
    env = {"EDUOPS_LOG_MAX_GIB": SMALL_GIB, "EDUOPS_MQTT_STORE_MAX_GIB": SMALL_GIB}
    system = start(env=env)
    with flooding(system, 50, 0.001) as devices:
        with system.paused("processor"):
            until_refused(devices)
            system.kill("ingest")
            until_refused(devices)
        drained(system, devices, record, 9, "logs and $MQTT_msgs full, ingest killed meanwhile")


@contextmanager
def on_a_small_disk(folder: Path, part: str) -> Iterator[tuple[RunningSystem, Disk]]:
    """Run a system with a part of its data folder on a small disk of its own."""
    data = folder / f"full-{part}"
    with small_disk(data.with_suffix(".img"), data / part, DISK_MIB) as disk:
        system = RunningSystem(data)
        try:
            yield system, disk
        finally:
            system.end()


@pytest.mark.slow
@pytest.mark.parametrize(("row", "part"), [(9, "nats"), (10, "postgres")])
def test_a_disk_is_full(servers_folder: Path, record: Record, row: int, part: str) -> None:
    with on_a_small_disk(servers_folder, part) as (system, disk), flooding(system, 10, 0.05) as devices:
        disk.fill()
        if part == "nats":
            until_refused(devices)
        else:
            devices[0].more(ROUND_READINGS)
        system.kill("ingest")
        disk.clear()
        drained(system, devices, record, row, f"disk of {part} full, ingest killed meanwhile")
