"""`eduops restart`: one process after the other, and a sentence if one does not come back."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import ConfigurationError, InfrastructureError
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.process import ProcessSpec
from eduops.machine.rolling import chosen, request_restart, serve_restarts
from eduops.machine.supervisor import Supervisor, began, end_leftovers

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
RUNNING = ["postgres", "nats", "processor-1", "processor-2", "ingest", "dashboard", "notifier", "watchdog"]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A created data folder."""
    found = DataFolder(tmp_path / "data")
    found.create()
    return found


@pytest.fixture
def supervisor(folder: DataFolder) -> Supervisor:
    """A supervisor without processes."""
    return Supervisor(folder, ProcessOutput(folder.logs, io.StringIO()), lambda _: None)


@asynccontextmanager
async def serving(folder: DataFolder, supervisor: Supervisor, *specs: ProcessSpec) -> AsyncIterator[None]:
    """Run processes, watch them and answer requests, as `eduops up` does."""
    for spec in specs:
        await supervisor.start(spec)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.watch(stop))
        group.create_task(serve_restarts(folder, supervisor, stop))
        try:
            yield
        finally:
            stop.set()
    await supervisor.stop()


def sleeper(name: str, ready: Callable[[], bool] = lambda: True) -> ProcessSpec:
    """Return a process that does nothing until it is ended."""
    return ProcessSpec(name, SLEEPER, ready=ready, stop_s=5.0, ready_s=0.5)


def pids(folder: DataFolder) -> dict[str, int]:
    """Return the process numbers of the state file."""
    return {name: entry["pid"] for name, entry in folder.read("state")["processes"].items()}


def test_names_choose_processes_services_or_all_but_the_servers() -> None:
    assert chosen([], RUNNING) == RUNNING[2:]
    assert chosen(["processor"], RUNNING) == ["processor-1", "processor-2"]
    assert chosen(["ingest", "processor-2", "nats"], RUNNING) == ["nats", "processor-2", "ingest"]
    with pytest.raises(ConfigurationError, match="no process is named 'ingets'; there are postgres, nats"):
        chosen(["ingets"], RUNNING)


async def test_each_is_restarted_once_the_one_before_serves(
    folder: DataFolder, supervisor: Supervisor
) -> None:
    standing: list[set[str]] = []

    def noting() -> bool:
        state = folder.read("state").get("processes", {})
        standing.append({name for name, entry in state.items() if began(entry["pid"]) is not None})
        return True

    async with serving(folder, supervisor, sleeper("one", noting), sleeper("two", noting)):
        before, told = pids(folder), list[str]()
        standing.clear()
        await asyncio.to_thread(request_restart, folder, [], told.append)
        after = pids(folder)
        assert [line.split(" runs again")[0] for line in told] == ["one", "two"]
        assert all(before[name] != after[name] for name in ("one", "two"))
        assert standing == [{"one", "two"}, {"one", "two"}]
        assert all(entry["restarts"] == 0 for entry in folder.read("state")["processes"].values())
        assert not (folder.path / "restart.json").exists()


async def test_one_that_does_not_come_back_is_told_and_the_others_stay(
    folder: DataFolder, supervisor: Supervisor
) -> None:
    answers = iter([True])
    broken = sleeper("broken", lambda: next(answers, False))
    async with serving(folder, supervisor, broken, sleeper("other")):
        before = pids(folder)
        with pytest.raises(InfrastructureError, match=r"broken is not ready after 0\.5 s.*left as they are"):
            await asyncio.to_thread(request_restart, folder, [], pytest.fail)
        assert pids(folder)["other"] == before["other"]
        with pytest.raises(ConfigurationError, match="no process is named 'nobody'; there are broken, other"):
            await asyncio.to_thread(request_restart, folder, ["nobody"], pytest.fail)


def test_without_a_system_there_is_nothing_to_restart(folder: DataFolder) -> None:
    with pytest.raises(InfrastructureError, match="nothing to restart"):
        request_restart(folder, [], pytest.fail)


async def test_what_outlives_is_ended_at_the_next_start_and_its_lines_are_kept(
    folder: DataFolder, supervisor: Supervisor
) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from eduops.data_folder import DataFolder\n"
        "from eduops.machine.output import ProcessOutput\n"
        "from eduops.machine.process import ProcessSpec\n"
        "from eduops.machine.supervisor import Supervisor\n"
        "async def main():\n"
        "    folder = DataFolder(Path(sys.argv[1]))\n"
        "    supervisor = Supervisor(folder, ProcessOutput(folder.logs), print)\n"
        "    argv = [sys.executable, '-c', 'import signal; print(\"begins\", flush=True); signal.pause()']\n"
        "    log = folder.logs / 'watchdog.log'\n"
        "    spec = ProcessSpec('watchdog', argv, ready=lambda: log.stat().st_size > 0, outlives=True)\n"
        "    await supervisor.start(spec)\n"
        "    print('ready', flush=True)\n"
        "    await supervisor.watch(asyncio.Event())\n"
        "asyncio.run(main())\n"
    )
    argv = [sys.executable, "-c", script, str(folder.path)]
    parent = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"ready\n"
    child = pids(folder)["watchdog"]
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    assert began(child) is not None
    assert await asyncio.to_thread(end_leftovers, folder) == ["watchdog"]
    assert began(child) is None
    assert (folder.logs / "watchdog.log").read_text() == "begins\n"
    async with serving(folder, supervisor, replace(sleeper("watchdog"), outlives=True)):
        child = pids(folder)["watchdog"]
        os.kill(child, 0)
    assert began(child) is None
