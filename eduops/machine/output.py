"""What the children say: every line to a file, the telling ones to the terminal with a coloured name."""

import re
import sys
import threading
import time
from collections import deque
from pathlib import Path
from subprocess import Popen
from typing import IO, BinaryIO, Final, TextIO

from eduops.machine.process import ProcessSpec

LOG_FILE_BYTES: Final = 10 * 1024 * 1024
"""A log file above this becomes NAME.log.1; so much is kept twice a process at most."""
LAST_LINES: Final = 5
LINES_A_SECOND: Final = 40
"""Lines of one process that the terminal gets in a second: a traceback, not a storm."""
_COLOURS: Final = (36, 33, 35, 32, 34, 31)
"""ECMA-48 foreground colours: cyan, yellow, magenta, green, blue, red."""


class ProcessOutput:
    """Collects the output of processes, one thread each."""

    def __init__(self, folder: Path, terminal: TextIO = sys.stdout, *, quiet: bool = False) -> None:
        self._folder = folder
        self._terminal = terminal
        self._quiet = quiet
        self._colourful = terminal.isatty()
        self._names: list[str] = []
        self._last: dict[str, deque[str]] = {}
        self._pace: dict[str, tuple[int, int, int]] = {}
        """By name: the second, and the lines shown and hidden in it."""
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def follow(self, spec: ProcessSpec, process: "Popen[bytes]") -> None:
        """Take over the output of a process until it ends."""
        if spec.name not in self._names:
            self._names.append(spec.name)
        self._last[spec.name] = deque(maxlen=LAST_LINES)
        assert process.stdout is not None
        thread = threading.Thread(target=self._pump, args=(spec, process.stdout), daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def log_file(self, spec: ProcessSpec) -> BinaryIO:
        """Open the log file of a process that writes there by itself, for it may outlive this one."""
        return self._shifted(self._folder / f"{spec.name}.log")

    def last_lines(self, name: str) -> str:
        """Return the last lines of a process on one line."""
        lines = self._last.get(name) or self._written(name)
        return " / ".join(lines) or "it said nothing"

    def _written(self, name: str) -> list[str]:
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace").splitlines()[-LAST_LINES:] if path.exists() else []

    def close(self) -> None:
        """Wait until the last words of ended processes are written."""
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _pump(self, spec: ProcessSpec, stream: IO[bytes]) -> None:
        chatter = re.compile(spec.chatter)
        path = self._folder / f"{spec.name}.log"
        file: BinaryIO = path.open("ab")
        with stream:
            for raw in stream:
                file = self._write(path, file, raw)
                line = raw.decode(errors="replace").rstrip()
                self._last[spec.name].append(line)
                if not self._quiet and line and not chatter.search(line):
                    self._show_some(spec.name, line)
        file.close()

    def _show_some(self, name: str, line: str) -> None:
        """Show a line unless its process floods the terminal; the log file has them all."""
        second = int(time.monotonic())
        since, shown, hidden = self._pace.get(name, (second, 0, 0))
        if second != since:
            if hidden:
                self._show(name, f"({hidden:,} more lines in {self._folder / name}.log)")
            since, shown, hidden = second, 0, 0
        if shown < LINES_A_SECOND:
            self._show(name, line)
            shown += 1
        else:
            hidden += 1
        self._pace[name] = (since, shown, hidden)

    def _write(self, path: Path, file: BinaryIO, raw: bytes) -> BinaryIO:
        file.write(raw)
        file.flush()
        if file.tell() < LOG_FILE_BYTES:
            return file
        file.close()
        return self._shifted(path)

    @staticmethod
    def _shifted(path: Path) -> BinaryIO:
        """Open a log file for appending, a fresh one if it has grown enough."""
        if path.exists() and path.stat().st_size >= LOG_FILE_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _show(self, name: str, line: str) -> None:
        label = f"{name:<11}"
        if self._colourful:
            label = f"\x1b[{_COLOURS[self._names.index(name) % len(_COLOURS)]}m{label}\x1b[0m"
        with self._lock:
            self._terminal.write(f"{label} {line}\n")
            self._terminal.flush()
