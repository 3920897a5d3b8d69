"""Rows 7 and 8: the power fails, and what was acknowledged is there when it comes back.

The data folder lies on an ext4 file system of its own whose power is cut for good: pages that only
the kernel had, and the open transaction of the journal, are lost. All processes die at that moment.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault_table import Account, Record
from tests.faults.checker import Broker, NumberedDevice, check, gateways, publishing, seconds_to_recover
from tests.faults.disks import Disk, small_disk
from tests.faults.power import bring_back, cut_system
from tests.running_system import RunningSystem

ROUND_READINGS = 100
DISK_MIB = 1024
DEVICES = 4


@dataclass
class PoweredSystem:
    """A system whose data folder, or a part of it, lies on a disk whose power can fail."""

    system: RunningSystem
    disk: Disk
    env: dict[str, str]

    def cut(self) -> None:
        """Lose the power, and get it back: everything starts again on what the disk holds."""
        cut_system(self.system, self.disk)
        bring_back(self.disk)
        self.system = RunningSystem(self.system.data, env=self.env)


@contextmanager
def powered(folder: Path, part: str, **settings: str) -> Iterator[PoweredSystem]:
    """Run a system with `part` of its data folder ("" for all of it) on a disk of its own."""
    env = {f"EDUOPS_{name.upper()}": value for name, value in settings.items()}
    data = folder / f"power-{part or 'all'}"
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(data.with_suffix(".img"), data / part, DISK_MIB))
        powered_system = PoweredSystem(RunningSystem(data, env=env), disk, env)
        stack.callback(lambda: powered_system.system.end())
        yield powered_system


def cut_under_load(powered_system: PoweredSystem, cuts: int) -> tuple[list[NumberedDevice], list[float]]:
    """Cut the power so often while devices publish; return them, finished, and the recoveries in seconds."""
    addresses = powered_system.system.addresses
    took_s = []
    targets = gateways(addresses["database_url"], DEVICES)
    with publishing(Broker.of(addresses), targets, every_s=0.02) as devices:
        for _ in range(cuts):
            devices[0].more(ROUND_READINGS)
            began_s = time.monotonic()
            powered_system.cut()
            took_s.append(seconds_to_recover(powered_system.system, devices[0], began_s))
        for device in devices:
            device.finish()
    return devices, took_s


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (7, ""),
        pytest.param(7, "nats", marks=pytest.mark.slow),
        pytest.param(8, "postgres", marks=pytest.mark.slow),
    ],
)
def test_every_acknowledged_reading_is_there(
    servers_folder: Path, record: Record, row: int, part: str
) -> None:
    with powered(servers_folder, part, sync_interval="always") as powered_system:
        devices, took_s = cut_under_load(powered_system, cuts=1 if part == "" else 3)
        account: Account = check(powered_system.system, devices)
        record(row, f"power cut of {part or 'everything'}, sync_interval always", account, took_s)
