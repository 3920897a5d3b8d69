"""Owning a log: the loop that all owners share, from the first connection to the last commit."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import psycopg
from psycopg import AsyncConnection

from bus.log import Log
from bus.pause import pause
from contract.commit import Commit, Counts
from contract.entry import RawEntry
from contract.errors import InfrastructureError, PositionMovedError
from contract.service.backoff import Backoff
from contract.service.metrics import Meter
from storage.database import connect, replace_others
from storage.results import commit
from stream_processor.config import ProcessorConfig
from stream_processor.owners.stage import awaited_on_cpu

_logger: Final = logging.getLogger(__name__)

READINGS: Final = "eduops_processor_readings_total"
POSITION: Final = "eduops_processor_position"

PATIENCE_S: Final = 0.5
"""Longest wait for entries before an owner looks whether it should stop."""
BEGIN_AGAIN: Final = Backoff(first_s=0.2, longest_s=5.0)

Publish = Callable[[str, bytes], Awaitable[None]]
"""Sends a live event: subject and payload."""


@dataclass
class Tally:
    """What an owner did since the start, for the log line and the meter."""

    log: str
    """Name of the log."""
    meter: Meter = field(default_factory=Meter)
    counts: Counts = field(default_factory=Counts)
    commits: int = 0
    log_time_us: int = 0
    """Log time of the last committed entry."""

    def note(self, what: Commit, seconds: float) -> None:
        """Count a commit that took so many real seconds."""
        self.counts = self.counts.plus(what.counts)
        self.commits += 1
        self.log_time_us = what.log_time_us
        for outcome in ("stored", "duplicate", "corrected", "quarantined"):
            self.meter.add(READINGS, getattr(what.counts, outcome), self.log, outcome)
        self.meter.put(POSITION, what.through, self.log)
        self.meter.observe("eduops_processor_commit_seconds", seconds)


async def write(conn: AsyncConnection[Any], what: Commit, tally: Tally) -> None:
    """Commit and count.

    Raises:
        PositionMovedError: another owner committed this log.
    """
    begun_s = time.monotonic()
    await awaited_on_cpu(tally.meter, "commit", commit(conn, what))
    tally.note(what, time.monotonic() - begun_s)


class LogOwner(Protocol):
    """One owner between loading its state and losing its connection or the ownership."""

    @property
    def seq(self) -> int:
        """Position: the last committed entry."""
        ...

    @property
    def keep_after(self) -> int:
        """Entries up to here are no longer needed in the log."""
        ...

    async def take(self, raws: Sequence[RawEntry]) -> None:
        """Fold entries and commit them."""
        ...

    async def pass_time(self) -> None:
        """Have the log say the time if something waits for it; asked at least twice a real second."""
        ...

    async def finish(self) -> None:
        """Commit what makes the next start quick."""
        ...


Open = Callable[[AsyncConnection[Any]], Awaitable[LogOwner]]
"""Loads an owner's state over a fresh connection."""


def owner_name(log: str) -> str:
    """Return the name of the connection over which a log's owner commits; the next owner ends it."""
    return f"eduops owner of {log}"


async def own(name: str, log: Log, load: Open, config: ProcessorConfig, stop: asyncio.Event) -> None:
    """Own the log `name` until `stop`; after any failure of a server, begin anew from the tables.

    Raises:
        EduopsError: configuration, a snapshot or an entry cannot be read; trying again would not help.
    """
    failures = 0
    while not stop.is_set():
        try:
            async with _connection(config.dsn, name) as conn:
                owner = await load(conn)
                failures = 0
                await _follow(name, log, owner, config, stop)
        except PositionMovedError as error:
            heed_cancellation()
            _logger.warning("event=position_moved log=%s: %s", name, error)
        except (InfrastructureError, psycopg.OperationalError, psycopg.InterfaceError) as error:
            heed_cancellation()
            failures += 1
            wait_s = BEGIN_AGAIN.wait_s(failures, share=random.uniform(0.5, 1.0))
            _logger.warning("event=server_lost log=%s retry_s=%.1f: %s", name, wait_s, error)
            await pause(stop, wait_s)


def heed_cancellation() -> None:
    """Raise a cancellation that was hidden from this task.

    psycopg, cancelled within a transaction, may fail in its rollback instead; `wait_for` of Python 3.11
    swallows a cancellation that comes together with its result.

    Raises:
        CancelledError: this task was asked to end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _follow(name: str, log: Log, owner: LogOwner, config: ProcessorConfig, stop: asyncio.Event) -> None:
    reader = await log.reader(name, owner.seq)
    dropped_at, dropped = time.monotonic(), 0
    try:
        while not stop.is_set():
            raws = await reader.fetch(config.batch_entries, PATIENCE_S)
            heed_cancellation()
            for stretch in _stretches(raws, config.batch_readings):
                await owner.take(stretch)
            await owner.pass_time()
            if time.monotonic() - dropped_at > config.drop_every_s:
                dropped_at = time.monotonic()
                if owner.keep_after > dropped:
                    dropped = owner.keep_after
                    # The entry at the position stays: it shows that the log is still the same.
                    await log.drop_through(name, dropped - 1)
        await owner.finish()
    finally:
        await reader.close()


def _stretches(raws: Sequence[RawEntry], most_readings: int) -> list[list[RawEntry]]:
    stretches: list[list[RawEntry]] = []
    readings = 0
    for raw in raws:
        if not stretches or readings + raw.count > most_readings:
            stretches.append([])
            readings = 0
        stretches[-1].append(raw)
        readings += raw.count
    return stretches


@asynccontextmanager
async def _connection(dsn: str, log: str) -> AsyncIterator[AsyncConnection[Any]]:
    conn = await connect(dsn, owner_name(log))
    try:
        if ended := await replace_others(conn):
            _logger.warning("event=owner_displaced log=%s connections=%d", log, ended)
        yield conn
    finally:
        await conn.close()
