"""A rolling restart under load: every service of ours is replaced, and no reading is lost or doubled."""

import time

from tests.fault_table import Record
from tests.faults.checker import Broker, assert_balanced, check, gateways, publishing
from tests.faults.two_of_each.conftest import Watched

READINGS = 50
"""Readings that each device must get acknowledged before, between and after restarts."""


def test_every_service_is_replaced_under_load(watched: Watched, record: Record) -> None:
    system = watched.system
    where = gateways(system.addresses["database_url"], 4)[1:]
    with publishing(Broker.of(system.addresses), where, every_s=0.04) as devices:
        for device in devices:
            device.more(READINGS)
        before, began_s = system.processes(), time.monotonic()
        done = system.command("restart")
        took_s = time.monotonic() - began_s
        for device in devices:
            device.more(READINGS)
            device.finish()
        account = check(system, devices)
    assert done.returncode == 0, done.stderr
    pairs = ["processor-1", "processor-2", "authoriser", "ingest-1", "ingest-2"]
    services = [*pairs, "dashboard", "notifier", "watchdog"]
    assert [line.split()[0] for line in done.stdout.splitlines()] == services
    after = system.processes()
    assert all(after[name]["pid"] != before[name]["pid"] for name in services)
    assert all(after[name]["pid"] == before[name]["pid"] for name in ("postgres", "nats"))
    assert account.stored == account.attempted
    assert_balanced(system.status())
    record("restart", "eduops restart of all services", account, took_s, "two ingests, two processors")
