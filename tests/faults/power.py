"""A power cut: what the disk has stays, what only the kernel has is gone."""

import fcntl
import json
import os
import signal
from pathlib import Path

from tests.faults.disks import Disk
from tests.running_system import RunningSystem

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
    """Cut the power of a disk and kill every process of a system with −9, the supervisor first."""
    state = json.loads((Path(system.data) / "state.json").read_text())
    cut_power(disk)
    system.process.kill()
    for process in state["processes"].values():
        os.kill(process["pid"], signal.SIGKILL)
    system.process.wait()
