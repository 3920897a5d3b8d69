"""A power cut: what the disk has stays, what only the kernel has is gone."""

import fcntl
import json
import os
import signal
from pathlib import Path

from tests.faults.disks import Disk
from tests.running_system import RunningSystem, eventually

_EXT4_IOC_SHUTDOWN = 0x8004587D
"""_IOR('X', 125, __u32). Source: Linux, fs/ext4/ext4.h."""
_NO_LOG_FLUSH = (2).to_bytes(4, "little")
"""EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written out. Source: Linux, fs/ext4/ext4.h."""


def cut_power(disk: Disk) -> None:
    """Let nothing more reach the disk; whatever was not made durable before is lost."""
    descriptor = os.open(disk.folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _EXT4_IOC_SHUTDOWN, _NO_LOG_FLUSH)
    finally:
        os.close(descriptor)


def bring_back(disk: Disk) -> None:
    """Unmount a disk whose power was cut, replay its journal, and mount it again."""
    disk.unmount()
    disk.check()
    disk.mount()


def cut_system(system: RunningSystem, disk: Disk) -> None:
    """Cut the power of a disk and of every process of a system in one moment, the supervisor first.

    No process may live on without its disk: a server may then acknowledge what it could not write,
    which is a broken disk and not a power cut.
    """
    state = json.loads((Path(system.data) / "state.json").read_text())
    pids = [system.process.pid, *(process["pid"] for process in state["processes"].values())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    eventually(lambda: all(map(_stands_still, pids)), "every process stands still")
    cut_power(disk)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    system.process.wait()


def _stands_still(pid: int) -> bool:
    """Return whether every thread of a process is stopped; one that writes is only when that is done."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] in "TZ" for stat in stats)
