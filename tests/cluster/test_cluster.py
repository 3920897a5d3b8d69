"""A node, a leader or an owner goes under load, or freezes and comes back: nothing lost, nothing twice."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from bus.jetstream import JetStreamLog
from bus.rights import BrokerUser
from contract.entry import EntryKind
from tests.cluster.cluster import NODES, Cluster
from tests.cluster.clustered_system import Acknowledgements, ClusteredSystem, rate, recovery_s
from tests.conftest import TestPostgres
from tests.fault_table import Record
from tests.faults.checker import check, gateways, publishing
from tests.running_system import eventually

DEVICES = 24
PACK = 8
EVERY_S = 0.2
"""Some 900 readings a second of 24 series: more messages than the city's, of fewer devices."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, postgres: TestPostgres) -> Iterator[ClusteredSystem]:
    """One cluster with its services for all tests of the module."""
    database = postgres.clone()
    running = ClusteredSystem(tmp_path_factory.mktemp("cluster"), postgres.postgres.url(database))
    try:
        running.start()
        yield running
    finally:
        running.end()
        postgres.drop(database)


def _break(
    system: ClusteredSystem,
    record: Record,
    what: str,
    fault: Callable[[], None],
    repair: Callable[[], None],
) -> None:
    """Publish, break, wait until every partition stores again, repair, and count."""
    known = gateways(system.addresses["database_url"], DEVICES)
    first_us = (int(time.time()) - 40 * 3600) * 1_000_000 + _next_start_us()
    with publishing(system.broker, known, first_us=first_us, pack=PACK, every_s=EVERY_S) as devices:
        devices[0].more(10 * PACK)
        before = rate(devices)
        pauses = Acknowledgements(devices)
        began_s = time.monotonic()
        fault()
        try:
            took_s = recovery_s(system, devices, began_s)
            longest_s = pauses.finish()
            after = rate(devices)
        finally:
            repair()
        for device in devices:
            device.more(5 * PACK)
        for device in devices:
            device.finish()
        account = check(system, devices)
    note = f"{before:,.0f} → {after:,.0f} readings/s; longest pause of acknowledgements {longest_s:.1f} s"
    record("cluster", what, account, took_s, note)
    system.whole()


_starts = iter(range(1000))


def _next_start_us() -> int:
    """Return an offset, so that the readings of each test have times of their own: an hour apart."""
    return next(_starts) * 3600 * 1_000_000


def test_a_node_that_leads_a_log_is_killed(system: ClusteredSystem, record: Record) -> None:
    node = system.leader("telemetry-0")
    _break(system, record, "kill -9 of the node that leads telemetry-0", node.kill, node.start)


@pytest.mark.slow
def test_the_node_that_leads_the_mqtt_store_is_killed(system: ClusteredSystem, record: Record) -> None:
    node = system.leader("$MQTT_msgs")
    _break(system, record, "kill -9 of the node that leads $MQTT_msgs", node.kill, node.start)


@pytest.mark.slow
def test_a_node_freezes_and_comes_back(system: ClusteredSystem, record: Record) -> None:
    node = system.leader("telemetry-1")
    _break(system, record, "SIGSTOP of the node that leads telemetry-1", node.pause, node.go_on)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processor-1", "processor-2"])
def test_an_owner_is_killed(system: ClusteredSystem, record: Record, name: str) -> None:
    owner = system.services[name]
    _break(system, record, f"kill -9 of {name}, the other takes over", owner.kill, owner.start)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processor-1", "processor-2"])
def test_a_frozen_owner_comes_back_late(system: ClusteredSystem, record: Record, name: str) -> None:
    owner = system.services[name]
    _break(system, record, f"SIGSTOP of {name}, back after the other took over", owner.pause, owner.go_on)


@pytest.mark.slow
def test_a_log_of_one_copy_gets_three_and_outlives_its_node(system: ClusteredSystem) -> None:
    cluster, name = system.cluster, "alone"
    assert asyncio.run(_append(cluster, name, 1, 50)) == 50
    assert asyncio.run(_append(cluster, name, NODES, 50)) == 100
    eventually(lambda: cluster.is_whole([name]), "every node has the log")
    node = cluster.leader(name)
    node.kill()
    try:
        assert asyncio.run(_append(cluster, name, NODES, 50)) == 150
        assert asyncio.run(_read(cluster, name)) == [b"%d" % number for number in range(50)] * 3
    finally:
        node.start()
        system.whole()


async def _append(cluster: Cluster, name: str, replicas: int, count: int) -> int:
    """Set the number of a log's copies, append and return the last seq."""
    own = cluster.passwords
    async with JetStreamLog.connect(
        cluster.url, user=BrokerUser.OPERATOR, password=own[BrokerUser.OPERATOR], replicas=replicas
    ) as log:
        await log.create([name], 1 << 20)
        for number in range(count):
            last = await log.append(name, EntryKind.READINGS, b"%d" % number, at_us=number, count=1)
    return last


async def _read(cluster: Cluster, name: str) -> list[bytes]:
    password, found = cluster.passwords[BrokerUser.OPERATOR], list[bytes]()
    async with JetStreamLog.connect(cluster.url, user=BrokerUser.OPERATOR, password=password) as log:
        reader = await log.reader(name, 0)
        while len(found) < await log.last_seq(name):
            found += [entry.payload for entry in await reader.fetch(1000, 1.0)]
    return found
