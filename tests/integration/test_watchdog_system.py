"""The watchdog beside a running system: whatever stands still is told outside, and so is its return."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contract.service.metrics import Meter
from eduops.data_folder import DataFolder
from eduops.settings import Settings, load_settings
from tests.integration.test_watchdog_journal import value_of, watching
from tests.running_system import RunningSystem, eventually
from tests.webhook_receiver import Receiver, open_receiver

PATIENCE_S = 90.0
AFTER_S = 6.0


NAME = """Dữ liệu 'của' "tôi" 100% $x; #1 \\ &"""
"""Letters that a configuration file may not know, and signs that shells and files read otherwise."""


@pytest.fixture(scope="module")
def system(servers_folder: Path) -> Iterator[RunningSystem]:
    """A system of eight schools in a folder whose name asks for trouble; only the test's watchdog watches."""
    running = RunningSystem(servers_folder / NAME)
    yield running
    running.end()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


def beside(system: RunningSystem, tmp_path: Path, url: str) -> Settings:
    """Return the settings of a watchdog on another folder that knows the system's addresses only."""
    token = DataFolder(system.data).read("wall_token")["token"]
    own = load_settings(
        overrides={
            "data": system.data,
            "wall_token": token,
            "watchdog_url": url,
            "watchdog_command": f"/usr/bin/tee -a {tmp_path / 'said.jsonl'}",
            "watchdog_after_s": AFTER_S,
            "watchdog_every_s": 0.3,
        }
    )
    # The folder of the system is not touched: the watchdog keeps its journal elsewhere.
    return own.but(**DataFolder(system.data).read("addresses")).but(data=tmp_path)


async def until_well(receiver: Receiver, meter: Meter, partitions: int) -> None:
    """Return when a canary of every partition has come back."""

    def young() -> bool:
        ages = [value_of(meter, "eduops_watchdog_canary_age_seconds", str(p)) for p in range(partitions)]
        return all(age_s is not None and age_s < AFTER_S / 2 for age_s in ages)

    await receiver.until(young, "every canary comes back", PATIENCE_S)


async def test_a_healthy_system_is_not_worth_a_word(
    system: RunningSystem, receiver: Receiver, tmp_path: Path
) -> None:
    settings, meter = beside(system, tmp_path, receiver.url), Meter()
    rounds = 0
    async with watching(settings, meter):
        await until_well(receiver, meter, settings.partitions)
        seen: set[float] = set()

        def returned() -> bool:
            nonlocal rounds
            age_s = value_of(meter, "eduops_watchdog_canary_age_seconds", "0")
            assert age_s is not None
            seen.add(age_s)
            rounds += age_s < min(seen, default=age_s) + 1.0
            return rounds >= 30

        await receiver.until(returned, "thirty looks at young canaries", PATIENCE_S)
    assert receiver.tries == []
    assert value_of(meter, "eduops_watchdog_alarm") == 0.0
    assert not (tmp_path / "said.jsonl").exists()


SUSPECTS = {
    "processor": {"pipeline"},
    "ingest": {"pipeline", "feed"},
    "nats": {"broker"},
    "postgres": {"pipeline"},
    "dashboard": {"wall"},
}


@pytest.mark.parametrize(
    "name",
    ["processor", *(pytest.param(n, marks=pytest.mark.slow) for n in SUSPECTS if n != "processor")],
)
async def test_what_stands_still_is_told_and_so_is_its_return(
    system: RunningSystem, receiver: Receiver, tmp_path: Path, name: str
) -> None:
    settings, meter = beside(system, tmp_path, receiver.url), Meter()
    async with watching(settings, meter):
        await until_well(receiver, meter, settings.partitions)
        assert receiver.tries == []
        with system.paused(name):
            alarm = await receiver.until_kind("alarm", patience_s=PATIENCE_S)
        back = await receiver.until_kind("recovery", patience_s=PATIENCE_S)
        said = tmp_path / "said.jsonl"
        await receiver.until(lambda: back["key"] in said.read_text(), "the command was told, too")
    assert [notice["kind"] for notice in receiver.taken] == ["alarm", "recovery"]
    assert set(alarm["suspects"]) <= SUSPECTS[name]
    assert alarm["suspects"]
    assert alarm["alarm"] == back["alarm"]
    assert alarm["key"] != back["key"]
    assert alarm["silent_s"] < AFTER_S + 30
    assert alarm["key"] in said.read_text()


def test_a_system_lives_in_a_folder_of_any_name(system: RunningSystem) -> None:
    eventually(lambda: system.status().get("stored", 0) > 0, "the watchdog's canaries are stored")
    beside = system.command("up")
    assert beside.returncode == 1
    assert "`eduops up --data FOLDER`" in beside.stderr
    assert system.stop() == 0
