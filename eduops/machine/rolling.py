"""`eduops restart`: the running system restarts its services one by one, each only when the last one serves.

Request and answer are files in the data folder: whoever may write there may restart, and nobody else.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Final

from bus.pause import pause
from contract.errors import ConfigurationError, InfrastructureError
from eduops.data_folder import DataFolder
from eduops.machine.attach import is_running
from eduops.machine.prepare import Tell
from eduops.machine.supervisor import Supervisor, unless_stopped

SERVERS: Final = ("postgres", "nats")
"""Restarted only if they are named: everything waits for them."""
LOOK_S: Final = 0.2
"""Between two looks for a request, or for the next line of its answer."""
PATIENCE_S: Final = 20.0
"""How long a request may wait: `eduops up` takes it up at once unless it is still starting."""
_REQUEST: Final = "restart"
_ANSWER: Final = "restarted"


def request_restart(folder: DataFolder, names: Sequence[str], tell: Tell) -> None:
    """Ask the system that runs on the folder to restart these processes, all services without names.

    A service's name stands for all its processes. Returns when the last one serves.

    Raises:
        InfrastructureError: no system runs there, it does not answer, or a process does not come back.
        ConfigurationError: no process has such a name.
    """
    if not is_running(folder):
        raise InfrastructureError(f"no eduops runs on {folder.path}: there is nothing to restart")
    number = uuid.uuid4().hex
    folder.write(_REQUEST, {"id": number, "names": list(names)})
    deadline, told = time.monotonic() + PATIENCE_S, 0
    while True:
        answer = folder.read(_ANSWER)
        if answer.get("id") == number:
            for line in answer["lines"][told:]:
                tell(line)
            told = len(answer["lines"])
            if answer["over"]:
                break
            deadline = time.monotonic() + answer["patience_s"]
        if time.monotonic() > deadline or not is_running(folder):
            folder.forget(_REQUEST)
            raise InfrastructureError("`eduops up` does not answer: is it still starting, or stopping?")
        time.sleep(LOOK_S)
    if answer["unknown"]:
        raise ConfigurationError(answer["failure"])
    if answer["failure"]:
        raise InfrastructureError(answer["failure"])


async def serve_restarts(folder: DataFolder, supervisor: Supervisor, stop: asyncio.Event) -> None:
    """Do what `request_restart` asks for, request after request, until the stop event."""
    while not stop.is_set():
        request = folder.read(_REQUEST)
        if request:
            folder.forget(_REQUEST)
            await _Rolling(folder, supervisor, request["id"]).run(request["names"], stop)
        await pause(stop, LOOK_S)


def chosen(names: Sequence[str], running: Sequence[str]) -> list[str]:
    """Return the processes that a request means, in the order of their start.

    Raises:
        ConfigurationError: no process has such a name.
    """
    if not names:
        return [name for name in running if name not in SERVERS]
    for name in names:
        if not any(_means(name, process) for process in running):
            raise ConfigurationError(f"no process is named {name!r}; there are {', '.join(running)}")
    return [process for process in running if any(_means(name, process) for name in names)]


def _means(name: str, process: str) -> bool:
    """Return whether a name is the process', or its service's: `ingest` means `ingest-2` too."""
    return process == name or process.rpartition("-")[0] == name


class _Rolling:
    """One request and its answer."""

    def __init__(self, folder: DataFolder, supervisor: Supervisor, number: str) -> None:
        self._folder = folder
        self._supervisor = supervisor
        self._number = number
        self._lines: list[str] = []

    async def run(self, names: Sequence[str], stop: asyncio.Event) -> None:
        """Restart one process after the other; the first that does not come back ends it."""
        try:
            processes = chosen(names, self._supervisor.names)
        except ConfigurationError as error:
            self._answer(over=True, failure=str(error), unknown=True)
            return
        self._answer()
        for name in processes:
            began_s = time.monotonic()
            try:
                await unless_stopped(self._supervisor.restart(name), stop)
            except InfrastructureError as error:
                self._answer(over=True, failure=f"{error}; the others were left as they are")
                return
            if stop.is_set():
                break
            self._lines.append(f"{name} runs again ({time.monotonic() - began_s:.1f} s)")
            self._answer()
        self._answer(over=True, failure="eduops is stopping" if stop.is_set() else "")

    def _answer(self, *, over: bool = False, failure: str = "", unknown: bool = False) -> None:
        answer = {"id": self._number, "lines": self._lines, "over": over, "failure": failure}
        patience_s = self._supervisor.longest_restart_s
        self._folder.write(_ANSWER, {**answer, "unknown": unknown, "patience_s": patience_s})
