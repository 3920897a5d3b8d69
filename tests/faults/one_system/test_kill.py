"""Rows 1 to 5: whatever is killed with −9 under load comes back by itself, with nothing lost or doubled.

Recovery is the time from SIGKILL until readings that were published and acknowledged after it are
stored; for the dashboard, until its websocket pushes again.
"""

import signal
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from eduops.machine.supervisor import HEALTHY_S, began
from tests.fault_table import Record, percentile
from tests.faults.checker import Broker, NumberedDevice, check, gateways, publishing, seconds_to_recover
from tests.faults.conftest import Start
from tests.faults.one_system.conftest import SharedSystem
from tests.running_system import RunningSystem, eventually

EVERY_S = 0.02
ROUND_READINGS = 50
"""Readings that must be acknowledged between two kills."""
BOUND_S = 10.0
"""Most seconds for 95 of 100 recoveries of a killed process."""
ROUNDS = 10
ROWS = {"ingest": 1, "nats": 2, "processor": 3, "postgres": 4, "dashboard": 5}
POINT_ROWS = {"received": 1, "appended": 1, "folded": 3, "announced": 3, "committed": 3}


@pytest.fixture
def device(system: SharedSystem) -> Iterator[NumberedDevice]:
    """A device that publishes to the shared system."""
    with publishing(Broker.of(system.addresses), system.take(1), every_s=EVERY_S) as [one]:
        one.more(ROUND_READINGS)
        yield one


def kill(system: RunningSystem, device: NumberedDevice, name: str) -> float:
    """Kill a process with −9 and return the seconds until its work is done again."""
    restarts = system.processes()[name]["restarts"]
    began_s = time.monotonic()
    system.signal(name, signal.SIGKILL)
    if name == "dashboard":
        took_s = seconds_to_push(system, began_s)
    else:
        took_s = seconds_to_recover(system, device, began_s)
    eventually(lambda: system.processes()[name]["restarts"] > restarts, f"{name} was started again")
    return took_s


def seconds_to_push(system: RunningSystem, since_s: float) -> float:
    """Return the seconds from `since_s` until the wall's websocket pushes a snapshot."""

    def pushes() -> bool:
        url = system.url.replace("http", "ws") + "/ws/live"
        try:
            with connect(
                url, origin=Origin(system.url), additional_headers=system.headers, open_timeout=2
            ) as socket:
                return any('"snapshot"' in str(socket.recv(timeout=2)) for _ in range(5))
        except (OSError, WebSocketException):
            return False

    eventually(pushes, "the wall's websocket pushes again")
    return time.monotonic() - since_s


def test_each_process_killed_once(system: SharedSystem, device: NumberedDevice, record: Record) -> None:
    took_s = {}
    for name in ROWS:
        took_s[name] = kill(system, device, name)
        device.more(ROUND_READINGS)
    device.finish()
    account = check(system, [device])
    assert account.stored == account.attempted
    for name, seconds in took_s.items():
        record(ROWS[name], f"kill −9 of {name}", account, seconds, "under one load, one after the other")
    processes = system.status()["processes"]
    assert all(process["alive"] for process in processes.values())


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_each_process_killed_ten_times(start: Start, record: Record) -> None:
    """Each in turn, so that every process lived long enough to start again at once."""
    system = start()
    [gateway] = gateways(system.addresses["database_url"])
    took_s: dict[str, list[float]] = {name: [] for name in ROWS}
    with publishing(Broker.of(system.addresses), [gateway], every_s=0.02) as [device]:
        device.more(ROUND_READINGS)
        for _ in range(ROUNDS):
            round_ends_s = time.monotonic() + HEALTHY_S + 2 * BOUND_S
            for name, seconds in took_s.items():
                seconds.append(kill(system, device, name))
                device.more(ROUND_READINGS)
            eventually(lambda end=round_ends_s: time.monotonic() > end, "a quiet minute", 2 * HEALTHY_S)  # type: ignore[misc]
        device.finish()
        account = check(system, [device])
    for name, seconds in took_s.items():
        record(ROWS[name], f"kill −9 of {name}", account, seconds, "under one load, in turn")
    assert {n: s for n, s in took_s.items() if percentile(s, 95) > BOUND_S} == {}
    assert system.stop() == 0


def die_at(start: Start, record: Record, service: str, point: str, visit: int, deaths: int) -> None:
    """Let a service kill itself whenever it has reached a point so often, and check what came through."""
    system = start(env={"EDUOPS_FAILPOINT": f"{point}:kill:{visit}"})
    [gateway] = gateways(system.addresses["database_url"])
    took_s = []
    with publishing(Broker.of(system.addresses), [gateway]) as [device]:
        for _ in range(deaths):
            pid = system.processes()[service]["pid"]
            eventually(lambda pid=pid: began(pid) is None, f"{service} dies at {point}")  # type: ignore[misc]
            took_s.append(seconds_to_recover(system, device, time.monotonic()))
            eventually(
                lambda pid=pid: system.processes()[service]["pid"] != pid,  # type: ignore[misc]
                f"{service} was started again",
            )
        device.finish()
        account = check(system, [device])
    system.end()  # it would go on dying beside the next tests
    what = f"{service} kills itself at the point “{point}”"
    record(POINT_ROWS[point], what, account, took_s, f"each {visit} visits, waits growing")


def test_a_processor_that_dies_between_commit_and_answer(start: Start, record: Record) -> None:
    die_at(start, record, "processor", "committed", visit=100, deaths=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "point", "visit"),
    [
        ("processor", "folded", 200),
        ("processor", "announced", 200),
        ("ingest", "received", 100),
        ("ingest", "appended", 100),
    ],
)
def test_a_service_that_dies_at_a_point(
    start: Start, record: Record, service: str, point: str, visit: int
) -> None:
    die_at(start, record, service, point, visit, deaths=4)
