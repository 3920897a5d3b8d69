"""`eduops doctor`: a sentence about everything that usually goes wrong."""

import os
import platform
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from contract.errors import EduopsError
from eduops.attach import attach, is_running
from eduops.data_folder import DataFolder
from eduops.embedded_nats import find_nats
from eduops.postgres_binaries import find_binaries
from eduops.settings import Settings
from eduops.status import Status, read_processes, read_status
from eduops.system import accepts

LEAST_PYTHON: Final = (3, 11)
LEAST_DISK_GIB: Final = 5.0
"""The logs' caps and two days of a city's readings fit into this."""
LEAST_SYNCS_PER_S: Final = 800
"""A city publishes some 480 messages a second, and each is on the disk before it is acknowledged."""
SYNC_SAMPLE_S: Final = 0.3
LEAST_DESCRIPTORS: Final = 4096
"""One connection a school of the city, and some for the servers."""
MOST_LAG_S: Final = 10.0
"""A healthy fold is a second or two behind; ten mean that it cannot keep up."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge")


class Finding(NamedTuple):
    """One thing that was looked at."""

    fine: bool
    sentence: str

    @property
    def line(self) -> str:
        """The finding as the terminal shows it."""
        return f"{'ok   ' if self.fine else 'WRONG'} {self.sentence}"


async def examine(settings: Settings) -> list[Finding]:
    """Return what was found on this machine and in the system of these settings."""
    running = is_running(DataFolder(settings.data))
    if running:
        settings = attach(settings)
    findings = [
        _python(),
        *_folder(settings),
        *_syncs(settings),
        _descriptors(),
        _binary("PostgreSQL"),
        _binary("NATS"),
    ]
    processes = read_processes(DataFolder(settings.data))
    findings.append(_port(settings, running=running))
    findings.append(_browser())
    if not running and (settings.database_url is None or settings.nats_url is None):
        return [*findings, Finding(True, "nothing runs on this data folder; `eduops up` starts it")]
    for name, process in processes.items():
        state = "runs" if process["alive"] else "is dead and waits for its next start"
        findings.append(
            Finding(
                process["alive"], f"{name} {state} (process {process['pid']}, {process['restarts']} restarts)"
            )
        )
    try:
        status = await read_status(settings)
    except EduopsError as error:
        return [*findings, Finding(False, f"the system does not answer: {error}")]
    return [*findings, *_flow(status, settings.clock_factor)]


def _python() -> Finding:
    fine = sys.version_info >= LEAST_PYTHON
    wanted = "" if fine else f"; eduops needs {'.'.join(map(str, LEAST_PYTHON))} or later"
    return Finding(fine, f"Python is {platform.python_version()}{wanted}")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    writable = os.access(there, os.W_OK)
    verb = "can" if writable else "cannot"
    yield Finding(writable, f"the data folder {folder} {verb} be written")
    free_gib = shutil.disk_usage(there).free / 1024**3
    enough = free_gib >= LEAST_DISK_GIB
    wanted = "" if enough else f"; {LEAST_DISK_GIB:g} GiB are needed"
    yield Finding(enough, f"{free_gib:.1f} GiB are free on its disk{wanted}")


def _syncs(settings: Settings) -> Iterator[Finding]:
    """Look how fast the disk is, where every message waits for it."""
    if settings.sync_interval != "always" or not os.access(settings.data, os.W_OK):
        return
    count, until_s = 0, time.monotonic() + SYNC_SAMPLE_S
    with tempfile.TemporaryFile(dir=settings.data) as file:
        while time.monotonic() < until_s:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            count += 1
    rate = count / SYNC_SAMPLE_S
    fine = rate >= LEAST_SYNCS_PER_S
    wanted = (
        ""
        if fine
        else f"; a whole city needs {LEAST_SYNCS_PER_S}: use a faster disk, or set sync_interval to 1s, "
        "which risks a second of readings in a power cut"
    )
    yield Finding(fine, f"the disk makes {rate:,.0f} writes a second durable{wanted}")


def _descriptors() -> Finding:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    fine = hard == resource.RLIM_INFINITY or hard >= LEAST_DESCRIPTORS
    wanted = "" if fine else f"; raise it to {LEAST_DESCRIPTORS} (ulimit -Hn)"
    return Finding(
        fine,
        f"a process may open {'any number of' if hard == resource.RLIM_INFINITY else hard} files{wanted}",
    )


def _binary(name: str) -> Finding:
    try:
        path = find_binaries().bin if name == "PostgreSQL" else find_nats()
    except EduopsError as error:
        return Finding(False, str(error))
    return Finding(True, f"{name} is there: {path}")


def _port(settings: Settings, *, running: bool) -> Finding:
    if running:
        answers = accepts(settings.host, settings.port)
        return Finding(
            answers, f"the wall {'answers' if answers else 'does not answer'} on port {settings.port}"
        )
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        return Finding(
            False, f"port {settings.port} cannot be used ({error.strerror}); choose one with --port"
        )
    return Finding(True, f"port {settings.port} is free")


def _browser() -> Finding:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is not None:
        return Finding(True, f"a browser is there: {Path(found).name}")
    return Finding(True, "no browser on this machine; open the wall from one that has it")


def _flow(status: Status, factor: float) -> Iterator[Finding]:
    most_s = MOST_LAG_S * max(1.0, factor)
    if status.lag_s is None:
        yield Finding(False, "not every partition has committed an entry yet; the first start takes a minute")
    else:
        fine = status.lag_s <= most_s
        wanted = "" if fine else f"; more than {most_s:g} s mean that it cannot keep up"
        yield Finding(fine, f"the processor is {status.lag_s:.1f} s of log time behind{wanted}")
    sign = "=" if status.balanced else "≠"
    yield Finding(
        status.balanced,
        f"the ledger: {status.received:,} received {sign} {status.stored:,} stored + "
        f"{status.duplicate:,} duplicate + {status.quarantined:,} quarantined; "
        f"{status.in_flight:,} in flight",
    )
