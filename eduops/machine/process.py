"""One child process: how it is started, how one knows that it is ready, and how it is stopped."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from contract.errors import InfrastructureError

POLL_S: Final = 0.02
"""Seconds between two looks at a starting process: short against the start of any server here."""
_PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that a child gets when its parent dies; Linux only."""


NO_CHATTER: Final = r"(?!)"
"""A pattern that no line has."""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """Everything needed to start a process, and to start it again."""

    name: str
    """Name in logs and in `eduops status`, such as `postgres`."""
    argv: Sequence[str]
    ready: Callable[[], bool]
    """Returns whether the process serves; called again and again, may block for a second."""
    env: Mapping[str, str] | None = None
    """The whole environment of the child; None inherits ours."""
    cwd: Path | None = None
    uid: int | None = None
    """User to run as; None is the user who starts it."""
    gid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 15.0
    """Seconds that a stopping process may take before it is killed."""
    ready_s: float = 60.0
    """Seconds that a starting process may take."""
    before: Callable[[], None] = field(default=_nothing)
    """Clears what a killed predecessor left; called before every start."""
    port: int | None = None
    """The port it listens on, shown by `eduops status`."""
    chatter: str = NO_CHATTER
    """Pattern of lines that go to the log file only, not to the terminal."""
    outlives: bool = False
    """Whether it goes on when its parent is killed; its lines go to the log file only."""


def spawn(spec: ProcessSpec, output: int | IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
    """Start the process, in a process group of its own, with both outputs going to `output`.

    A process group of its own keeps Ctrl-C in the terminal from reaching it before its turn.

    Raises:
        InfrastructureError: the program cannot be run.
    """
    spec.before()
    other = spec.uid is not None and spec.uid != os.getuid()
    try:
        # preexec_fn: nothing here starts a thread before it forks, and prctl is one system call.
        return subprocess.Popen(
            list(spec.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env=dict(spec.env) if spec.env is not None else None,
            cwd=spec.cwd,
            process_group=0,
            preexec_fn=None if spec.outlives else _die_with_parent(spec.stop_signal),
            user=spec.uid if other else None,
            group=(spec.uid if spec.gid is None else spec.gid) if other else None,
            extra_groups=[] if other else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InfrastructureError(f"{spec.name} cannot be started ({spec.argv[0]}): {error}") from error


_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what the child runs before exec, so that a killed parent leaves no orphans."""
    if _LIBC is None:
        return None
    libc, number = _LIBC, int(stop_signal)

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    return arm


class Server:
    """A process that is started, stopped and killed from synchronous code, its output in a file."""

    def __init__(self, spec: ProcessSpec, log_file: Path) -> None:
        self.spec = spec
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the running process, or None."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process and return when it serves.

        Raises:
            InfrastructureError: it died or did not get ready in time; the message ends with its last lines.
        """
        with self.log_file.open("ab") as output:
            self._process = spawn(self.spec, output)
        deadline = time.monotonic() + self.spec.ready_s
        while not self.spec.ready():
            if self._process.poll() is not None:
                raise InfrastructureError(f"{self.spec.name} ended while starting: {self._last_lines()}")
            if time.monotonic() > deadline:
                self.kill()
                raise InfrastructureError(f"{self.spec.name} is not ready after {self.spec.ready_s:g} s")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask the process to end, and kill it if it does not in time."""
        if self._process is None:
            return
        self._process.send_signal(self.spec.stop_signal)
        try:
            self._process.wait(self.spec.stop_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _last_lines(self) -> str:
        return " / ".join(self.log_file.read_text(errors="replace").strip().splitlines()[-4:])
