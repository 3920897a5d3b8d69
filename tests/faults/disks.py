"""Small disks for tests: an ext4 file system in a file, mounted through a loop device; it can be filled.

Needs root and a loop device. Whatever is still mounted when a test ends is unmounted, and the loop
device goes with the mount.
"""

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

UNMOUNT_S = 20.0
"""A killed process closes its files within milliseconds; a busy machine may take seconds."""
MIB = 1024 * 1024
_FILLER = "filler"


class Disk:
    """An ext4 file system in the file `image`, mounted at `folder`."""

    def __init__(self, image: Path, folder: Path, size_mib: int) -> None:
        self.image = image
        self.folder = folder
        with image.open("wb") as file:
            file.truncate(size_mib * MIB)
        # no blocks reserved for root: full shall mean full for everybody; nothing initialised later
        options = ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
        _run("mkfs.ext4", *options, str(image))

    def mount(self) -> None:
        """Mount it (again); the journal is replayed, as after a power cut."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-o", "loop", str(self.image), str(self.folder))
        self.folder.chmod(0o755)

    def check(self) -> None:
        """Let fsck replay the journal and see that the file system is whole; call it unmounted."""
        code = subprocess.run(
            ["e2fsck", "-f", "-y", str(self.image)], capture_output=True, check=False
        ).returncode
        assert code in (0, 1), f"e2fsck ended with {code}"

    def unmount(self) -> None:
        """Unmount it as soon as nobody has a file open there."""
        deadline = time.monotonic() + UNMOUNT_S
        while self.folder.is_mount():
            done = subprocess.run(["umount", str(self.folder)], capture_output=True, text=True, check=False)
            assert time.monotonic() < deadline, f"{self.folder} stays busy: {done.stderr}"
            if done.returncode != 0:
                time.sleep(0.05)

    def fill(self, leave_bytes: int = 0) -> None:
        """Take all free space but about `leave_bytes`, also from servers that are writing meanwhile."""
        with (self.folder / _FILLER).open("ab") as file:
            step = MIB
            while step >= 4096:
                if self.free_bytes() - leave_bytes < step or not _took(file.fileno(), step):
                    step //= 2

    def free_bytes(self) -> int:
        """Return what an unprivileged user can still write."""
        return shutil.disk_usage(self.folder).free

    def clear(self) -> None:
        """Give the space back."""
        (self.folder / _FILLER).unlink(missing_ok=True)


def why_no_disk() -> str:
    """Return why this machine cannot mount an image, empty where it can."""
    if os.getuid() != 0:
        return "mounting an image needs root"
    if shutil.which("mkfs.ext4") is None:
        return "there is no mkfs.ext4 (Debian package e2fsprogs)"
    found = subprocess.run(["losetup", "-f"], capture_output=True, text=True, check=False)
    return "" if found.returncode == 0 else f"there is no free loop device ({found.stderr.strip()})"


@contextmanager
def small_disk(image: Path, folder: Path, size_mib: int) -> Iterator[Disk]:
    """Make a disk and mount it at `folder`; skip the test where the machine does not allow it."""
    reason = why_no_disk()
    if reason:
        pytest.skip(reason)
    disk = Disk(image, folder, size_mib)
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        image.unlink()
        pytest.skip(f"an image cannot be mounted here: {error.stderr}")
    try:
        yield disk
    finally:
        disk.unmount()
        image.unlink()


def _took(descriptor: int, size: int) -> bool:
    """Lengthen a file, and return whether there was room."""
    try:
        os.posix_fallocate(descriptor, os.lseek(descriptor, 0, os.SEEK_END), size)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def _run(*argv: str) -> None:
    subprocess.run(argv, capture_output=True, text=True, check=True)
