"""Rows 12 and 13: lines that are slow, cut, half-open or reset in the midst of a packet.

Every line of the system goes through a proxy of its own: device to broker, ingest to broker,
services to the log, services to PostgreSQL. What comes, comes late but complete, and every process
connects again by itself. Recovery is the time from the end of the disturbance, or from its
beginning where it has none, until newly published readings are stored.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bus.rights import BrokerUser
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import prepare_nats
from eduops.machine.servers.embedded_postgres import SOCKET_PORT
from tests.conftest import TestPostgres
from tests.fault_table import Account, Record
from tests.faults.checker import Broker, NumberedDevice, check, gateways, publishing, seconds_to_recover
from tests.faults.conftest import Start
from tests.faults.proxy import Proxy, Target
from tests.running_system import RunningSystem, eventually

ROUND_READINGS = 200
MID_PACKET_BYTES = 700
"""Bytes of every connection that still pass before its reset: no packet of ours ends there."""
SLOW_DELAY_S = 0.1
SLOW_BYTES_PER_S = 50_000
CUT_S = 60.0


@dataclass(frozen=True)
class Networked:
    """A running system and the lines that can be disturbed, by the names of the document."""

    system: RunningSystem
    broker: Broker
    lines: dict[str, Proxy]

    def heal(self) -> None:
        """Let everything pass again."""
        for line in self.lines.values():
            line.heal()


@pytest.fixture(scope="module")
def networked(servers_folder: Path, postgres: TestPostgres, start: Start) -> Iterator[Networked]:
    """Services of `eduops up` whose servers are elsewhere, behind proxies."""
    name = postgres.clone()
    near = conninfo_to_dict(postgres.postgres.url(name))
    folder = servers_folder / "network-nats"
    folder.mkdir()
    nats = prepare_nats(folder)
    server = Server(nats.spec(), folder / "nats.log")
    server.start()
    with ExitStack() as stack:
        stack.callback(server.kill)
        targets: dict[str, Target] = {
            "device–broker": ("127.0.0.1", nats.mqtt_port),
            "ingest–broker": ("127.0.0.1", nats.mqtt_port),
            "services–log": ("127.0.0.1", nats.port),
            "services–PostgreSQL": Path(str(near["host"])) / f".s.PGSQL.{SOCKET_PORT}",
        }
        lines = {what: stack.enter_context(Proxy(target)) for what, target in targets.items()}
        own = nats.passwords
        env = {
            "EDUOPS_DATABASE_URL": make_conninfo(
                postgres.postgres.url(name), host="127.0.0.1", port=lines["services–PostgreSQL"].port
            ),
            "EDUOPS_NATS_URL": f"nats://127.0.0.1:{lines['services–log'].port}",
            "EDUOPS_NATS_USER": BrokerUser.OPERATOR,
            "EDUOPS_NATS_PASSWORD": own[BrokerUser.OPERATOR],
            "EDUOPS_MQTT_PORT": str(lines["ingest–broker"].port),
            "EDUOPS_AUTHORISER_PASSWORD": own[BrokerUser.AUTHORISER],
        }
        system = start(env=env)
        yield Networked(system, Broker.of(system.addresses, lines["device–broker"].port), lines)
        system.end()


def under_load(networked: Networked, disturb: Callable[[NumberedDevice], float]) -> tuple[Account, float]:
    """Disturb while a device publishes; return the account and what `disturb` measured."""
    found = gateways(networked.system.addresses["database_url"])
    with publishing(networked.broker, found, every_s=0.01) as [device]:
        device.more(ROUND_READINGS)
        took_s = disturb(device)
        networked.heal()
        device.more(ROUND_READINGS)
        device.finish()
    account = check(networked.system, [device])
    assert account.stored == account.attempted
    return account, took_s


def recovered_after(networked: Networked, seconds: float) -> Callable[[NumberedDevice], float]:
    """Return a wait for some seconds of disturbance, its end, and the recovery from there."""

    def measure(device: NumberedDevice) -> float:
        until_s = time.monotonic() + seconds
        eventually(lambda: time.monotonic() >= until_s, "the disturbance lasts", 2 * seconds + 1)
        networked.heal()
        return seconds_to_recover(networked.system, device, time.monotonic())

    return measure


def recovered_from(
    networked: Networked, line: Proxy, begin: Callable[[Proxy], None]
) -> Callable[[NumberedDevice], float]:
    """Return a disturbance without an end, and the recovery from its beginning."""

    def measure(device: NumberedDevice) -> float:
        begin(line)
        return seconds_to_recover(networked.system, device, time.monotonic())

    return measure


def test_lines_reset_in_the_midst_of_a_packet(networked: Networked, record: Record) -> None:
    took_s = {}

    def disturb(device: NumberedDevice) -> float:
        for what, line in networked.lines.items():
            line.reset(MID_PACKET_BYTES)
            before = line.resets
            eventually(lambda: line.resets > before, f"{what} carries that many bytes")  # noqa: B023
            took_s[what] = seconds_to_recover(networked.system, device, time.monotonic())
            device.more(ROUND_READINGS)
        return max(took_s.values())

    account, slowest_s = under_load(networked, disturb)
    for what, seconds in took_s.items():
        record(13, f"reset mid-packet, {what}", account, seconds, "under one load, one after the other")
    assert slowest_s < 30


def test_all_lines_slow(networked: Networked, record: Record) -> None:
    for line in networked.lines.values():
        line.slow(SLOW_DELAY_S, SLOW_BYTES_PER_S)
    account, took_s = under_load(networked, recovered_after(networked, 5.0))
    record(12, "all lines slow", account, took_s, f"{SLOW_DELAY_S:g} s and {SLOW_BYTES_PER_S:,} bytes/s each")


LINES = ("device–broker", "ingest–broker", "services–log", "services–PostgreSQL")


@pytest.mark.slow
@pytest.mark.parametrize("what", LINES)
def test_a_line_cut_for_a_minute(networked: Networked, record: Record, what: str) -> None:
    cut = networked.lines[what]

    def disturb(device: NumberedDevice) -> float:
        cut.partition()
        return recovered_after(networked, CUT_S)(device)

    account, took_s = under_load(networked, disturb)
    record(13, f"partition for {CUT_S:g} s, {what}", account, took_s, "from the end of the partition")
    assert took_s < 60


@pytest.mark.slow
@pytest.mark.parametrize("what", LINES)
def test_a_line_half_open(networked: Networked, record: Record, what: str) -> None:
    account, took_s = under_load(networked, recovered_from(networked, networked.lines[what], Proxy.half_open))
    record(13, f"half-open for ever, {what}", account, took_s, "noticed by its own time-out")
    assert took_s < 60


@pytest.mark.slow
@pytest.mark.parametrize("what", LINES)
def test_a_line_slow_for_a_minute(networked: Networked, record: Record, what: str) -> None:
    networked.lines[what].slow(5 * SLOW_DELAY_S, SLOW_BYTES_PER_S / 5)
    account, took_s = under_load(networked, recovered_after(networked, CUT_S))
    record(12, f"slow for {CUT_S:g} s, {what}", account, took_s, "0.5 s a chunk and 10,000 bytes/s")
