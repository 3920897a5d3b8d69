"""`eduops up` in a process of its own, for tests that need the whole system."""

import asyncio
import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from eduops.data_folder import DataFolder
from eduops.failures import sentences
from eduops.machine.attach import attach
from eduops.machine.supervisor import end_leftovers, is_alive
from eduops.settings import load_settings
from eduops.verbs.status import read_status
from ops_dashboard.access.door import SESSION_COOKIE
from tests.signed_in import headers, remember

ROOT = Path(__file__).parents[1]
PATIENCE_S = 180.0
"""Most seconds to wait for what takes a moment on a quiet machine: a busy one is slow, not wrong."""
MOST_PAUSE_S = 1.0
_TEST_DISK = {"EDUOPS_SYNC_INTERVAL": "1s"}
"""What a slow disk gets: tests tell of the system, not of the disk that they happen to have."""


_PRINTED = re.compile(r"http://localhost:\d+/(enter/\S+)\?next=/$", re.MULTILINE)

Look = Callable[[], object]
"""Says what there is to see; asked when a test gives up waiting."""


def eventually(
    true: Callable[[], bool],
    what: str,
    patience_s: float = PATIENCE_S,
    seen: Look | None = None,
    every_s: float = 0.1,
) -> None:
    """Return as soon as a condition holds; asked anew after `every_s` seconds, later if asking is dear.

    Raises:
        AssertionError: it did not hold in time; the message ends with what was `seen` last.
    """
    begun = asked = time.monotonic()
    while not true():
        assert time.monotonic() < begun + patience_s, _not_within(patience_s, what, seen)
        time.sleep(_pause_s(every_s, asked))
        asked = time.monotonic()


async def until(
    true: Callable[[], bool | Awaitable[bool]],
    what: str,
    patience_s: float = PATIENCE_S,
    seen: Look | None = None,
) -> None:
    """Return as soon as a condition holds, as `eventually` does; other tasks run meanwhile."""
    begun = time.monotonic()
    while True:
        asked = time.monotonic()
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < begun + patience_s, _not_within(patience_s, what, seen)
        await asyncio.sleep(_pause_s(0.02, asked))


def _pause_s(least_s: float, asked: float) -> float:
    """Return how long to wait since a question was asked: asking takes a quarter of the time at most."""
    return max(least_s, min(3 * (time.monotonic() - asked), MOST_PAUSE_S))


def _not_within(patience_s: float, what: str, seen: Look | None) -> str:
    return f"not within {patience_s:g} s: {what}" + (f"; last seen: {seen()!r}" if seen else "")


def family(pid: int) -> list[int]:
    """Return a process and all that it started; PostgreSQL's servers are such."""
    found = [pid]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        found += [int(word) for word in children.read_text().split()] if children.exists() else []
    return found


class RunningSystem:
    """`eduops up` in a process of its own, without the simulated city."""

    def __init__(
        self, data: Path, *options: str, env: dict[str, str] | None = None, watchdog: bool = False
    ) -> None:
        """Start it; `env` adds settings (`EDUOPS_…`) to those of the command line.

        A watchdog publishes canaries, which the ledger counts as the readings that they are.
        """
        self.data = data
        self.log = data.with_suffix(".log")
        argv = [sys.executable, "-m", "eduops", "up", "--data", str(data), "--schools", "8"]
        argv += ["--seed-days", "0", "--port", "0", "--no-simulator", *options]
        argv += [] if watchdog else ["--no-watchdog"]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                argv, stdout=output, stderr=output, cwd=ROOT, env={**os.environ, **_TEST_DISK, **(env or {})}
            )
        eventually(lambda: self._serves(), "eduops up prints the wall's address")
        self.addresses: dict[str, Any] = json.loads((data / "addresses.json").read_text())
        self.url = f"http://127.0.0.1:{self.addresses['port']}"
        self._sign_in()

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return _PRINTED.search(self.log.read_text()) is not None

    def _sign_in(self) -> None:
        """Follow the printed address, which lets in once; later tests of the system ask as the same user."""
        printed = _PRINTED.search(self.log.read_text())
        assert printed is not None
        answer = httpx.post(f"{self.url}/{printed[1]}", data={"next": "/"}, timeout=30, verify=False)
        assert answer.status_code == 303, answer.text
        remember(self.url, answer.cookies[SESSION_COOKIE])

    @property
    def headers(self) -> dict[str, str]:
        """Those of whoever is signed in."""
        return headers(self.url)

    def processes(self) -> dict[str, Any]:
        """Return the supervisor's state file's processes."""
        found: dict[str, Any] = json.loads((self.data / "state.json").read_text())["processes"]
        return found

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process of the system and return at once."""
        os.kill(self.processes()[name]["pid"], number)

    def kill(self, name: str) -> None:
        """Kill a process with −9 and return when the supervisor has started another."""
        before = self.processes()[name]
        self.signal(name, signal.SIGKILL)
        eventually(lambda: self.processes()[name]["restarts"] > before["restarts"], f"{name} starts again")

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop a process, or all of a service, for the length of the block; they live, and do nothing."""
        meant = [own for each, own in self.processes().items() if name in (each, each.rpartition("-")[0])]
        assert meant, f"no process is named {name}"
        pids = [pid for own in meant for pid in family(own["pid"])]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def status(self) -> dict[str, Any]:
        """Return what `eduops status --json` says, {} while servers are coming back.

        Asked in this process, in a thread with a loop of its own: a new one would take a second.
        """
        try:
            settings = attach(load_settings(None, {"data": self.data}))
            with ThreadPoolExecutor(1) as pool:
                return asdict(pool.submit(asyncio.run, read_status(settings)).result())
        except Exception as error:
            if sentences(error) is None:
                raise
            return {}

    def is_whole(self) -> bool:
        """Return whether all processes run, the logs are drained and the wall answers from the tables."""
        status = self.status()
        if status.get("in_flight") != 0 or not all(own["alive"] for own in status["processes"].values()):
            return False
        try:
            return bool(
                httpx.get(
                    f"{self.url}/api/alerts", headers=self.headers, timeout=30, verify=False
                ).status_code
                == 200
            )
        except httpx.TransportError:
            return False

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command line on this system and return what it said."""
        argv = [sys.executable, "-m", "eduops", *words, "--data", str(self.data)]
        return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)

    def stop(self) -> int:
        """Stop it as Ctrl-C does and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def end(self) -> None:
        """Kill it and its children unless it has stopped, and remove its data folder."""
        if self.process.poll() is None:
            children = DataFolder(self.data).read("state").get("processes", {})
            self.process.kill()
            self.process.wait()
            for name, child in children.items():
                if is_alive(child):  # an immediate shutdown of PostgreSQL leaves no shared memory behind
                    os.kill(child["pid"], signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
        end_leftovers(DataFolder(self.data))
        shutil.rmtree(self.data, ignore_errors=True)
