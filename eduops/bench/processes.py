"""What processes cost, read from /proc: no package for it, and no sampling that misses a burst.

What the stages within a process cost only it can tell: from its own `/metrics`.
Source: proc(5), /proc/PID/stat and /proc/PID/smaps_rollup.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.request import urlopen

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_KIB: Final = 1024
_ANSWER_S: Final = 5.0
_STAGE: Final = re.compile(r'^eduops_stage_cpu_seconds_total\{[^}]*stage="(\w+)"[^}]*\} (\S+)$', re.MULTILINE)


def stage_cpu_s(ports: Iterable[int]) -> dict[str, float]:
    """Return the CPU seconds of each stage so far, summed over the services whose `/metrics` are there.

    Raises:
        OSError: a service does not answer.
    """
    found: dict[str, float] = {}
    for port in ports:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ANSWER_S) as answer:
            for stage, seconds in stages_in(answer.read().decode()).items():
                found[stage] = found.get(stage, 0.0) + seconds
    return found


def stages_in(exposition: str) -> dict[str, float]:
    """Return the CPU seconds of each stage in a text of Prometheus' format."""
    return {stage: float(seconds) for stage, seconds in _STAGE.findall(exposition)}


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds that each named process and its children have used so far."""
    return {name: sum(_cpu_s(p, own=p == pid) for p in family(pid)) for name, pid in pids.items()}


def memory_bytes(pids: Mapping[str, int]) -> dict[str, int]:
    """Return the memory of each named process and its children; what they share is counted once."""
    return {name: sum(map(_memory_bytes, family(pid))) for name, pid in pids.items()}


def family(pid: int) -> list[int]:
    """Return a process and its children, as PostgreSQL has one for each connection."""
    return [pid, *(child for child in _all_pids() if _parent(child) == pid)]


def _all_pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """Return the fields of a process after its name, [] if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _cpu_s(pid: int, *, own: bool) -> float:
    """Return user and system time; with `own` also that of children which have ended."""
    fields = _stat(pid)
    return sum(map(int, fields[11 : 15 if own else 13])) / _TICKS_PER_S


def _memory_bytes(pid: int) -> int:
    """Return the proportional set size: pages shared by n processes count 1/n in each."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith("Pss:"))
