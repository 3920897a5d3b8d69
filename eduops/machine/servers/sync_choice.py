"""`sync_interval = auto`: fsync before every acknowledgement where the disk can, else as often as it can."""

import os
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from device_simulator.world.school_time.schedule import Cadence
from eduops.data_folder import DataFolder
from eduops.settings import Settings

SAMPLE_S: Final = 0.3
"""A disk with 100 fsync a second still makes 30 of them: enough to tell it from one with thousands."""
BLOCK_BYTES: Final = 4096
"""A pack with its headers, as the broker writes it."""
MARGIN: Final = 4.0
"""A restart must drain what waited while new packs come, and other writers share the disk."""
OFTEN: Final = "100ms"
"""Costs no measurable throughput against a second (docs/decisions/0012), and takes back a tenth of it."""
SELDOM: Final = "1s"
OTHER_STREAMS: Final = 6
"""Streams beside the partitions that are written: quarantine, alerts, and those of the broker's sessions."""
_FLEET: Final = "fleet"


class SyncChoice(NamedTuple):
    """How often to call fsync, and why."""

    interval: str
    sentence: str


def note_schools(folder: DataFolder, schools: int) -> None:
    """Note how many schools the fleet has: the broker starts before anybody can read the fleet."""
    folder.write(_FLEET, {"schools": schools})


def schools_of(settings: Settings) -> int:
    """Return how many schools the data folder's fleet has, the settings' number before there is one."""
    return int(DataFolder(settings.data).read(_FLEET).get("schools", settings.schools))


def choose_sync(settings: Settings) -> SyncChoice:
    """Return the interval for the embedded broker and log; `auto` measures the data folder's disk.

    The folder exists. Takes `SAMPLE_S` with `auto`, no time otherwise.
    """
    if settings.sync_interval != "auto":
        return SyncChoice(settings.sync_interval, describe(settings.sync_interval))
    rate, needed = syncs_per_s(settings.data), needed_syncs_per_s(settings)
    interval = interval_of(rate, needed, settings.partitions)
    insist = SELDOM if interval == "always" else "always"
    return SyncChoice(
        interval,
        f"{describe(interval)}; chosen because the disk makes {rate:,.0f} writes a second durable and "
        f"{schools_of(settings):,} schools need {needed:,.0f}; set sync_interval to {insist} to insist on it",
    )


def interval_of(rate: float, needed: float, partitions: int) -> str:
    """Return the interval for a disk of `rate` fsync a second, where `always` needs `needed` of them."""
    if rate >= needed:
        return "always"
    return OFTEN if rate >= MARGIN * 10 * (partitions + OTHER_STREAMS) else SELDOM


def describe(interval: str) -> str:
    """Return what an interval means in a power cut."""
    if interval == "always":
        return "sync_interval is always: a power cut takes nothing that was acknowledged"
    return (
        f"sync_interval is {interval}: a power cut may take back what was acknowledged in its last {interval}"
    )


def packs_per_s(settings: Settings) -> float:
    """Return the packs that the fleet publishes a second, all streams together."""
    cadence = Cadence(bandwidth_s=settings.cadence_s)
    periods_s = (cadence.bandwidth_s, cadence.elearning_s, cadence.attendance_s, cadence.status_s)
    return schools_of(settings) * settings.clock_factor * sum(1 / period_s for period_s in periods_s)


def needed_syncs_per_s(settings: Settings) -> float:
    """Return the fsync a second that the disk must make for `always`, with margin.

    The broker syncs each pack; each partition's log syncs a tick and at most one append a batch.
    """
    batches = min(packs_per_s(settings), settings.partitions * 1000 / max(settings.ingest_batch_ms, 1))
    return MARGIN * (packs_per_s(settings) + batches + settings.partitions)


def syncs_per_s(folder: Path, sample_s: float = SAMPLE_S) -> float:
    """Return how many small writes a second the folder's disk makes durable, one after the other."""
    count, began_s = 0, time.monotonic()
    with tempfile.TemporaryFile(dir=folder) as file:
        while (elapsed_s := time.monotonic() - began_s) < sample_s or not count:
            file.write(bytes(BLOCK_BYTES))
            file.flush()
            os.fsync(file.fileno())
            count += 1
    return count / max(elapsed_s, 1e-9)
