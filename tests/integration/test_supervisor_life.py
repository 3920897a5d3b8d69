"""The supervisor: restarts, order of the stop, no orphans after it is killed itself."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contract.errors import InfrastructureError
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.process import ProcessSpec
from eduops.machine.supervisor import Supervisor, began, end_leftovers
from tests.running_system import ROOT, eventually, until

SLEEPER = "import signal, sys, time\nprint('begins', flush=True)\nsignal.pause()\n"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A created data folder."""
    found = DataFolder(tmp_path / "data")
    found.create()
    return found


def _spec(name: str, script: str = SLEEPER) -> ProcessSpec:
    return ProcessSpec(name, [sys.executable, "-c", script], ready=lambda: True, stop_s=5.0)


async def test_what_dies_starts_again_and_the_state_file_tells(folder: DataFolder) -> None:
    told: list[str] = []
    supervisor = Supervisor(folder, ProcessOutput(folder.logs, io.StringIO()), told.append)
    await supervisor.start(_spec("sleeper"))
    stop = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stop))
    first = folder.read("state")["processes"]["sleeper"]
    os.kill(first["pid"], signal.SIGKILL)
    await until(
        lambda: folder.read("state")["processes"]["sleeper"]["restarts"] == 1,
        "it starts again",
        seen=lambda: folder.read("state"),
    )
    second = folder.read("state")["processes"]["sleeper"]
    assert second["pid"] != first["pid"]
    assert began(second["pid"]) == second["began"]
    assert told == ["sleeper was ended by SIGKILL; it starts again in 0.5 s"]
    stop.set()
    await watching
    await supervisor.stop()
    assert began(second["pid"]) is None
    assert not folder.state_file.exists()


async def test_the_last_started_stops_first(folder: DataFolder) -> None:
    terminal = io.StringIO()
    supervisor = Supervisor(folder, ProcessOutput(folder.logs, terminal), lambda _: None)
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('ends', time.monotonic_ns()), sys.exit()))\n"
        "print('begins', flush=True)\n"
        "signal.pause()\n"
    )
    for name in ("first", "second", "third"):
        await supervisor.start(_spec(name, script))
    await until(lambda: terminal.getvalue().count("begins") == 3, "all begin", seen=terminal.getvalue)
    await supervisor.stop()
    lines = [line.split() for line in terminal.getvalue().splitlines()]
    ends = sorted((int(words[2]), words[0]) for words in lines if words[1] == "ends")
    assert [name for _, name in ends] == ["third", "second", "first"]


async def test_a_failed_start_tells_the_last_lines(folder: DataFolder) -> None:
    supervisor = Supervisor(folder, ProcessOutput(folder.logs, io.StringIO()), lambda _: None)
    spec = ProcessSpec(
        "broken", [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"], ready=lambda: False
    )
    with pytest.raises(InfrastructureError, match="broken ended with code 3 while starting"):
        await supervisor.start(spec)
    await supervisor.stop()


def test_a_killed_supervisor_leaves_no_orphans(folder: DataFolder) -> None:
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
        "    sleeper = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        "    await supervisor.start(ProcessSpec('sleeper', sleeper, ready=lambda: True))\n"
        "    print('ready', flush=True)\n"
        "    await supervisor.watch(asyncio.Event())\n"
        "asyncio.run(main())\n"
    )
    argv = [sys.executable, "-c", script, str(folder.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        child = folder.read("state")["processes"]["sleeper"]
        assert began(child["pid"]) == child["began"]
        process.kill()
    eventually(lambda: began(child["pid"]) is None, "its child ends")
    assert end_leftovers(folder) == []


def test_leftovers_are_ended_but_nobody_who_took_their_number(folder: DataFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as left:
        mine = {"pid": os.getpid(), "began": 1, "port": None, "restarts": 0}
        theirs = {"pid": left.pid, "began": began(left.pid), "port": None, "restarts": 0}
        folder.write("state", {"supervisor": 1, "processes": {"reused": mine, "left": theirs}})
        assert end_leftovers(folder) == ["left"]
        assert left.wait() == -signal.SIGTERM
