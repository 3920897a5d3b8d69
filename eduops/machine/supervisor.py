"""Keeps child processes alive: ordered start, restart with backoff, clean stop in reverse order."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final

from bus.pause import pause
from contract.errors import InfrastructureError
from contract.service.backoff import Backoff
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.process import ProcessSpec, spawn

WATCH_S: Final = 0.1
"""Seconds between two looks at the children: a restart begins at once for a person."""
START_AGAIN: Final = Backoff(first_s=0.5, longest_s=30.0)
HEALTHY_S: Final = 60.0
"""A child that lived this long starts again without the memory of earlier deaths."""


@dataclass(slots=True)
class Child:
    """A process that should run."""

    spec: ProcessSpec
    process: "Popen[bytes]"
    started_s: float
    """Monotonic."""
    restarts: int = 0
    deaths_in_a_row: int = 0
    due_s: float | None = None
    """When to start again, monotonic; None while it runs."""
    has_served: bool = False
    """Until its first start is over, a death is that start's failure and no reason for another."""


class Supervisor:
    """Starts, watches and stops the processes of one data folder."""

    def __init__(self, folder: DataFolder, output: ProcessOutput, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._output = output
        self._tell = tell
        self._children: list[Child] = []

    async def start(self, spec: ProcessSpec) -> None:
        """Start a process and return when it serves.

        Raises:
            InfrastructureError: it ended, or is not ready in time; its log file tells more.
        """
        child = Child(spec, self._spawn(spec), time.monotonic())
        self._children.append(child)
        self._save()
        await self._until_ready(child)
        child.has_served = True

    async def restart(self, name: str) -> None:
        """Stop a process gently, start it again and return when it serves.

        Raises:
            InfrastructureError: it does not come back; it is tried again and again like any that died.
        """
        child = next(c for c in self._children if c.spec.name == name)
        child.has_served = False  # its end is meant: nobody starts it meanwhile
        try:
            await _stop(child)
            child.process = self._spawn(child.spec)
            child.started_s, child.due_s = time.monotonic(), None
            self._save()
            await self._until_ready(child)
        finally:
            child.has_served = True

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process that serves; one that is being started reads its files anyway."""
        for child in self._children:
            if child.spec.name == name and child.has_served and child.process.poll() is None:
                child.process.send_signal(number)

    @property
    def names(self) -> list[str]:
        """The processes in the order of their start."""
        return [child.spec.name for child in self._children]

    @property
    def longest_restart_s(self) -> float:
        """Seconds after which the restart of any one process is over, well or not."""
        return max((c.spec.stop_s + c.spec.ready_s for c in self._children), default=0.0) + HEALTHY_S / 2

    async def _until_ready(self, child: Child) -> None:
        spec = child.spec
        deadline = time.monotonic() + spec.ready_s
        while not await asyncio.to_thread(spec.ready):
            code = child.process.poll()
            if code is not None:
                raise InfrastructureError(
                    f"{spec.name} {_ending(code)} while starting: {self._output.last_lines(spec.name)}"
                )
            if time.monotonic() > deadline:
                raise InfrastructureError(
                    f"{spec.name} is not ready after {spec.ready_s:g} s; "
                    f"{self._folder.logs / spec.name}.log tells more"
                )
            await asyncio.sleep(WATCH_S / 2)

    async def watch(self, stop: asyncio.Event) -> None:
        """Start again whatever dies, until the stop event."""
        while not stop.is_set():
            for child in self._children:
                if child.has_served:
                    self._look_after(child)
            await pause(stop, WATCH_S)

    async def stop(self) -> None:
        """Stop all, the last started first, each before the next."""
        for child in reversed(self._children):
            await _stop(child)
        self._children.clear()
        self._output.close()
        self._folder.state_file.unlink(missing_ok=True)

    def _look_after(self, child: Child) -> None:
        now_s = time.monotonic()
        if child.due_s is not None:
            if now_s >= child.due_s:
                self._start_again(child)
            return
        code = child.process.poll()
        if code is None:
            return
        if now_s - child.started_s > HEALTHY_S:
            child.deaths_in_a_row = 0
        child.deaths_in_a_row += 1
        wait_s = START_AGAIN.wait_s(child.deaths_in_a_row)
        child.due_s = now_s + wait_s
        self._tell(f"{child.spec.name} {_ending(code)}; it starts again in {wait_s:g} s")
        self._save()

    def _start_again(self, child: Child) -> None:
        try:
            child.process = self._spawn(child.spec)
        except InfrastructureError as error:
            child.deaths_in_a_row += 1
            child.due_s = time.monotonic() + START_AGAIN.wait_s(child.deaths_in_a_row)
            self._tell(f"{child.spec.name}: {error}")
            return
        child.started_s, child.due_s = time.monotonic(), None
        child.restarts += 1
        self._save()

    def _spawn(self, spec: ProcessSpec) -> "Popen[bytes]":
        if spec.outlives:
            with self._output.log_file(spec) as file:
                return spawn(spec, file)
        process = spawn(spec, PIPE)
        self._output.follow(spec, process)
        return process

    def _save(self) -> None:
        processes = {
            c.spec.name: {
                "pid": c.process.pid,
                "began": began(c.process.pid),
                "port": c.spec.port,
                "restarts": c.restarts,
            }
            for c in self._children
        }
        self._folder.write("state", {"supervisor": os.getpid(), "processes": processes})


async def _stop(child: Child) -> None:
    process, spec = child.process, child.spec
    if process.poll() is None:
        process.send_signal(spec.stop_signal)
    deadline = time.monotonic() + spec.stop_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        await asyncio.sleep(WATCH_S / 5)


async def unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Do the work, but break it off when the stop event comes."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
        return
    task.cancel()
    await asyncio.wait((task,))


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def began(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot, or None if there is none (or no /proc).

    Source: proc(5), field 22 of /proc/PID/stat; with the pid it names one process for ever.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def is_alive(entry: dict[str, Any]) -> bool:
    """Return whether the process of a state file's entry still runs."""
    pid, start = int(entry["pid"]), entry.get("began")
    if start is None:  # no /proc here: the best that signal 0 can tell
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    return began(pid) == int(start)


def end_leftovers(folder: DataFolder, patience_s: float = 15.0) -> list[str]:
    """End what a killed supervisor left behind; call it with the folder's lock held.

    Returns:
        Names of the processes that were still there.
    """
    state = folder.read("state").get("processes", {})
    left = {name: entry for name, entry in state.items() if is_alive(entry)}
    for name, entry in left.items():
        os.kill(entry["pid"], signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(is_alive(entry) for entry in left.values()):
        if time.monotonic() > deadline:
            for entry in left.values():
                if is_alive(entry):
                    os.kill(entry["pid"], signal.SIGKILL)
        time.sleep(WATCH_S / 2)
    return list(left)
