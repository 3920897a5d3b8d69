"""Rows 17 and 18: ten and forty times the load, and every device back in the same instant."""

import time

import pytest

from tests.fault_table import Account, Record
from tests.faults.checker import Broker, assert_balanced, gateways
from tests.faults.conftest import Start
from tests.flood import CADENCE_S, CityDevices
from tests.running_system import RunningSystem, eventually

QUICK_SCHOOLS = 300
SCHOOLS = 2_000
BACK_S = 60.0
"""Most seconds until all devices are back and the broker has what they sent meanwhile."""
QUICK_CADENCE_S = 3.0
LOAD_S = 20.0
PATIENCE_S = 150.0


@pytest.fixture(scope="module")
def crowded(start: Start) -> RunningSystem:
    """A system with many schools, whose devices are the test's."""
    return start("--schools", str(SCHOOLS))


def settled(system: RunningSystem, devices: CityDevices) -> Account:
    """Return the account once everything acknowledged is stored.

    Raises:
        AssertionError: something is lost or doubled, or the ledger does not add up.
    """
    url, ledger = system.addresses["database_url"], system.status()

    def stored() -> bool:
        ledger.update(system.status())
        return ledger.get("in_flight") == 0 and devices.account(url).lost == 0

    eventually(stored, "everything acknowledged is stored", PATIENCE_S)
    account = devices.account(url)
    assert account.stored == account.acknowledged
    assert account.doubled == 0
    assert_balanced(ledger)
    return account


@pytest.fixture
def broker(crowded: RunningSystem) -> Broker:
    return Broker.of(crowded.addresses)


@pytest.mark.parametrize("schools", [QUICK_SCHOOLS, pytest.param(SCHOOLS, marks=pytest.mark.slow)])
def test_all_devices_come_back_at_once(
    crowded: RunningSystem, broker: Broker, record: Record, schools: int
) -> None:
    targets = gateways(crowded.addresses["database_url"], schools)
    with CityDevices(broker, targets, cadence_s=QUICK_CADENCE_S) as devices:
        devices.wait_until_normal(PATIENCE_S)
        devices.come_back_at_once()
        took_s = devices.wait_until_normal(PATIENCE_S)
        devices.finish(PATIENCE_S)
        account = settled(crowded, devices)
    assert took_s <= BACK_S
    assert account.stored == account.attempted
    record(
        18, f"{schools:,} devices cut and back in one instant", account, took_s, "until the last one stands"
    )


@pytest.mark.slow
@pytest.mark.parametrize("times", [10, 40])
def test_many_times_the_load(crowded: RunningSystem, broker: Broker, record: Record, times: int) -> None:
    targets = gateways(crowded.addresses["database_url"], SCHOOLS)
    with CityDevices(broker, targets, pack=times) as devices:
        devices.wait_until_normal(PATIENCE_S)
        began_s = time.monotonic()
        eventually(lambda: time.monotonic() - began_s > LOAD_S, "the load lasts", 2 * LOAD_S)
        devices.finish(PATIENCE_S)
        ended_s = time.monotonic()
        account = settled(crowded, devices)
    rate = account.attempted / (ended_s - began_s)
    assert account.stored == account.attempted
    assert rate > times * SCHOOLS / CADENCE_S / 2
    note = f"{rate:,.0f} readings/s; recovery until everything is stored"
    record(
        17, f"{times} times the readings of {SCHOOLS:,} schools", account, time.monotonic() - ended_s, note
    )
