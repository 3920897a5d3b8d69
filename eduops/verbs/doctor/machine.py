"""Whether this machine is fit: Python, disk, descriptors, programs, port."""

import os
import platform
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contract.errors import EduopsError
from eduops.machine.servers.embedded_nats import find_nats
from eduops.machine.servers.postgres_binaries import find_binaries
from eduops.machine.servers.sync_choice import (
    MARGIN,
    choose_sync,
    needed_syncs_per_s,
    schools_of,
    syncs_per_s,
)
from eduops.machine.system import accepts
from eduops.settings import Settings
from eduops.verbs.doctor.checked import Checked

LEAST_PYTHON: Final = (3, 11)
LEAST_DISK_GIB: Final = 5.0
"""The logs' caps and two days of a city's readings fit into this."""
LEAST_DESCRIPTORS: Final = 12_288
"""One connection a device of the city, and some for the servers."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge")


def python_version() -> Checked:
    fine = sys.version_info >= LEAST_PYTHON
    wanted = "" if fine else f"; eduops needs {'.'.join(map(str, LEAST_PYTHON))} or later"
    return Checked(fine, f"Python is {platform.python_version()}{wanted}")


def data_folder(settings: Settings) -> Iterator[Checked]:
    folder = settings.data
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    writable = os.access(there, os.W_OK)
    verb = "can" if writable else "cannot"
    yield Checked(writable, f"the data folder {folder} {verb} be written")
    parts = [path for path in (there, folder / "nats", folder / "postgres") if path.exists()]
    for part in {path.stat().st_dev: path for path in reversed(parts)}.values():
        free_gib = shutil.disk_usage(part).free / 1024**3
        enough = free_gib >= LEAST_DISK_GIB
        wanted = "" if enough else f"; {LEAST_DISK_GIB:g} GiB are needed: free some space there"
        yield Checked(enough, f"{free_gib:.1f} GiB are free on the disk of {part}{wanted}")


def durable_writes(settings: Settings) -> Iterator[Checked]:
    """Say what a power cut takes, and look how fast the disk is where every message waits for it."""
    if not os.access(settings.data, os.W_OK):
        return
    choice = choose_sync(settings)
    yield Checked(True, choice.sentence)
    if settings.sync_interval != "always":
        return
    rate, least = syncs_per_s(settings.data), needed_syncs_per_s(settings) / MARGIN
    wanted = "" if rate >= least else "; use a faster disk, or set sync_interval to 1s"
    yield Checked(
        rate >= least,
        f"the disk makes {rate:,.0f} writes a second durable, and {schools_of(settings):,} schools need "
        f"{least:,.0f}{wanted}",
    )


def descriptors() -> Checked:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    fine = hard == resource.RLIM_INFINITY or hard >= LEAST_DESCRIPTORS
    wanted = "" if fine else f"; raise it to {LEAST_DESCRIPTORS} (ulimit -Hn)"
    return Checked(
        fine,
        f"a process may open {'any number of' if hard == resource.RLIM_INFINITY else hard} files{wanted}",
    )


def program(name: str) -> Checked:
    try:
        path = find_binaries().bin if name == "PostgreSQL" else find_nats()
    except EduopsError as error:
        return Checked(False, str(error))
    return Checked(True, f"{name} is there: {path}")


def port(settings: Settings, *, running: bool) -> Checked:
    if running:
        answers = accepts(settings.host, settings.port)
        return Checked(
            answers, f"the wall {'answers' if answers else 'does not answer'} on port {settings.port}"
        )
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        return Checked(
            False, f"port {settings.port} cannot be used ({error.strerror}); choose one with --port"
        )
    return Checked(True, f"port {settings.port} is free")


def browser() -> Checked:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is not None:
        return Checked(True, f"a browser is there: {Path(found).name}")
    return Checked(True, "no browser on this machine; open the wall from one that has it")
