"""Rows 1 to 5: whatever is killed with −9 under load comes back by itself, with nothing lost or doubled."""

import time

import pytest

from tests.fault_table import Record
from tests.faults.checker import Broker, NumberedDevice, check, gateways, seconds_to_recover
from tests.running_system import RunningSystem

ROUND_READINGS = 200
"""Readings that must be acknowledged after each kill before the next one."""


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_when_each_process_is_killed(
    system: RunningSystem, record: Record
) -> None:
    [gateway] = gateways(system.addresses["database_url"])
    device = NumberedDevice(Broker.of(system.addresses), gateway)
    device.more(ROUND_READINGS)
    for name in ("ingest", "processor", "nats", "postgres"):
        began_s = time.monotonic()
        system.kill(name)
        took_s = seconds_to_recover(system, device, began_s)
        device.more(ROUND_READINGS)
        print(name, took_s)
    device.finish()
    record(1, "kill -9", check(system, [device]))
