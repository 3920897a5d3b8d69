"""Law 5: kill the processor at any point, and the tables end the same."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection

from alerting.incidents.groups import Groups
from bus.codec import encode_readings
from bus.memory import MemoryLog
from contract.entry import ALERTS_LOG, EntryKind, RawEntry, telemetry_log
from contract.errors import PositionMovedError
from contract.reading import Readings
from contract.service.reach import Reach, pass_by
from storage.database import connect
from storage.results import load_position
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from stream_processor.config import ProcessorConfig
from stream_processor.owners.lost_end import TOLD_AGAIN_S, settle
from stream_processor.owners.owner import Tally, own, owner_name
from stream_processor.owners.partition import PartitionOwner
from tests.alerts_owner import alerts_owner, no_listener
from tests.fold_world import MONDAY_9H_US, SECOND_US, columns, series_named, small_fleet, small_fold
from tests.running_system import PATIENCE_S, until

LOG = telemetry_log(0)
TABLES = {
    "reading": "select time, series, value, score from reading order by series, time",
    "transition": "select * from transition order by alert_id, kind",
    "kpi_minute": "select * from kpi_minute order by metric_id, minute, partition",
    "ledger": "select log, seq, received, stored, duplicate, corrected, quarantined "
    "from position order by log",
    "correction": "select * from correction order by series, time, earlier",
    "alert": "select * from alert order by alert_id",
    "alert_event": "select alert_id, kind, at, actor, note, value from alert_event order by 1, 3, 2",
    "incident": "select * from incident order by incident_id",
    "incident_member": "select * from incident_member order by alert_id",
    "notice": "select notice_id, incident_id, recipient, reason, decided_at from notice order by notice_id",
    "notice_state": "select * from notice_state order by key",
    "incident_event": "select incident_id, kind, at, actor, alerts, other from incident_event order by id",
}


class CrashError(Exception):
    """The process dies here."""


def crash_at(point: str, visit: int) -> Reach:
    """Return a reach that dies at the n-th visit of a point."""
    visits = 0

    def reach(here: str) -> None:
        nonlocal visits
        visits += here == point
        if here == point and visits == visit:
            raise CrashError(point)

    return reach


async def a_morning() -> MemoryLog:
    """Return a log of 200 s: readings on time, late, twice and corrected; a line goes down, a gateway falls
    silent, and a wrong word of another line is taken back.
    """
    log = MemoryLog()
    await log.create([LOG, ALERTS_LOG], 1 << 24)
    ages, words = np.random.default_rng(5), np.random.default_rng(6)
    for second in range(200):
        now_us = MONDAY_9H_US + second * SECOND_US
        rows = [
            (
                now_us - int(ages.integers(0, 20)) * SECOND_US,
                series_named(school, "latency_ms"),
                float(words.integers(20, 23)),
            )
            for school in (1, 2, 3, 4)
        ]
        if second in (40, 50):
            wrong_us = MONDAY_9H_US + 40 * SECOND_US
            rows.append((wrong_us, series_named(4, "online"), float(second == 50)))
        rows += [(now_us, series_named(s, "down_bps"), 5e7) for s in (1, 2, 3) if s != 2 or second < 90]
        rows += [(now_us, series_named(3, "online"), float(not 60 <= second < 120))]
        readings = columns(rows)
        for _ in range(1 + (second % 50 == 3)):
            await append(log, readings, now_us)
        await log.append(LOG, EntryKind.TICK, b"", at_us=now_us)
    return log


async def append(log: MemoryLog, readings: Readings, at_us: int) -> None:
    """Append readings as ingest does."""
    await log.append(LOG, EntryKind.READINGS, encode_readings(readings), at_us=at_us, count=len(readings))


async def process(
    dsn: str, log: MemoryLog, batch: int, reach: Reach = pass_by, until: int | None = None
) -> None:
    """Own the log until its end or an entry, with a snapshot whenever 20 ms went by."""
    config = ProcessorConfig(partitions=1, dsn=as_role(dsn, DatabaseRole.PROCESSOR), snapshot_every_s=0.02)
    async with await connect(dsn) as conn:
        owner = PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG), reach)
        await owner.load()
        reader = await log.reader(LOG, owner.seq)
        last = await log.last_seq(LOG) if until is None else until
        while owner.seq < last:
            await owner.take(await reader.fetch(batch, 1.0))


def an_hour_later() -> int:
    """Return a log time at which nothing waits any more."""
    return MONDAY_9H_US + 3600 * SECOND_US


async def process_alerts(dsn: str, log: MemoryLog, batch: int = 3, *, anew: bool = False) -> None:
    """Own the alerts log until its end, and on while an incident waits for the time.

    Args:
        dsn: where the tables are.
        log: the store of logs.
        batch: entries taken together.
        anew: another owner begins after each batch.
    """
    groups = Groups(small_fleet())
    async with await connect(dsn) as conn:
        await settle(conn, log, Tally(ALERTS_LOG), 1.0, TOLD_AGAIN_S)
        owner = alerts_owner(conn, log, groups, an_hour_later)
        await owner.load()
        while True:
            while owner.seq < await log.last_seq(ALERTS_LOG):
                reader = await log.reader(ALERTS_LOG, owner.seq)
                await owner.take(await reader.fetch(batch, 1.0))
                if anew:
                    owner = alerts_owner(conn, log, groups, an_hour_later)
                    await owner.load()
            await owner.pass_time()
            if owner.seq >= await log.last_seq(ALERTS_LOG):
                return


def tables(dsn: str) -> dict[str, Sequence[Any]]:
    """Return what every table holds, in an order of its own."""
    with psycopg.connect(dsn) as conn:
        return {name: [repr(row) for row in conn.execute(query)] for name, query in TABLES.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet_run(postgres: Any) -> dict[str, Sequence[Any]]:
    """What the tables hold when nothing goes wrong."""
    name = postgres.clone()
    dsn = postgres.postgres.url(name)
    log = await a_morning()
    await process(dsn, log, batch=16)
    await process_alerts(dsn, log)
    held = tables(dsn)
    postgres.drop(name)
    return held


@pytest.mark.parametrize("point", ["folded", "announced", "committed"])
@pytest.mark.parametrize("visits", [(1, 1, 1), (2, 5, 9), (7, 1, 3)])
async def test_a_crash_anywhere_changes_nothing(
    postgres_url: str, quiet_run: dict[str, Sequence[Any]], point: str, visits: tuple[int, ...]
) -> None:
    log = await a_morning()
    for batch, visit in zip((7, 31, 11), visits, strict=True):
        with pytest.raises(CrashError):
            await process(postgres_url, log, batch, crash_at(point, visit))
    await process(postgres_url, log, batch=16)
    await process_alerts(postgres_url, log)
    held = tables(postgres_url)
    for table, rows in quiet_run.items():
        assert held[table] == rows, table
    assert len(held["alert"]) >= 2


@pytest.mark.parametrize("batch", [1, 4])
async def test_owners_of_the_alerts_log_one_after_the_other_make_the_same_incidents(
    postgres_url: str, quiet_run: dict[str, Sequence[Any]], batch: int
) -> None:
    log = await a_morning()
    await process(postgres_url, log, batch=16)
    await process_alerts(postgres_url, log, batch, anew=True)
    held = tables(postgres_url)
    for table in ("incident", "incident_member", "incident_event"):
        assert held[table] == quiet_run[table], table
    assert len(held["incident"]) >= 2
    assert len(held["incident_member"]) == len(held["alert"])


async def test_two_owners_cannot_both_commit(postgres_url: str) -> None:
    log = await a_morning()
    config = ProcessorConfig(partitions=1, dsn=as_role(postgres_url, DatabaseRole.PROCESSOR))
    async with await connect(postgres_url) as first, await connect(postgres_url) as second:
        owners = [
            PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG))
            for conn in (first, second)
        ]
        for owner in owners:
            await owner.load()
        raws = await (await log.reader(LOG, 0)).fetch(10, 1.0)
        await owners[0].take(raws)
        with pytest.raises(PositionMovedError):
            await owners[1].take(raws)
    with psycopg.connect(postgres_url) as conn:
        stored = conn.execute("select count(*) from reading").fetchone()
        ledger = conn.execute("select stored from position").fetchone()
    assert stored == ledger


async def test_a_graceful_end_leaves_nothing_to_replay(postgres_url: str) -> None:
    log = await a_morning()
    config = ProcessorConfig(
        partitions=1, dsn=as_role(postgres_url, DatabaseRole.PROCESSOR), snapshot_every_s=3600
    )
    async with await connect(postgres_url) as conn:
        owner = PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG))
        await owner.load()
        await owner.take(await (await log.reader(LOG, 0)).fetch(50, 1.0))
        assert owner.keep_after == 0
        await owner.finish()
        await log.drop_through(LOG, owner.keep_after)
        again = PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG))
        await again.load()
        assert again.seq == 50
        await asyncio.wait_for(again.take(await (await log.reader(LOG, 50)).fetch(5, 1.0)), PATIENCE_S)


async def test_owners_that_die_one_after_the_other_do_not_replay_ever_more(postgres_url: str) -> None:
    log = await a_morning()
    config = ProcessorConfig(
        partitions=1, dsn=as_role(postgres_url, DatabaseRole.PROCESSOR), snapshot_every_s=3600.0
    )
    replayed = []
    for _ in range(4):
        async with await connect(postgres_url) as conn:
            owner = PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG))
            await owner.load()
            replayed.append(owner.seq - owner.keep_after)
            reader = await log.reader(LOG, owner.seq)
            for _ in range(2):
                await owner.take(await reader.fetch(20, 1.0))
    assert replayed == [0, 40, 20, 20]


async def test_an_owner_frozen_within_a_commit_is_ended_by_the_next(postgres_url: str) -> None:
    """It holds the lock of the position; without an end of its connection the next waits for ever."""
    log, stop = await a_morning(), asyncio.Event()
    last = await log.last_seq(LOG)
    dsn = as_role(postgres_url, DatabaseRole.PROCESSOR)
    async with asyncio.timeout(2 * PATIENCE_S), await connect(dsn, owner_name(LOG)) as frozen:
        await process(postgres_url, log, batch=16, until=50)
        await frozen.execute("begin")
        await frozen.execute("select from position where log = %s for update", [LOG])
        config = ProcessorConfig(partitions=1, dsn=dsn, batch_entries=16)

        async def load(conn: AsyncConnection[Any]) -> PartitionOwner:
            owner = PartitionOwner(conn, log, no_listener, small_fold(), config, Tally(LOG))
            await owner.load()
            return owner

        owner = asyncio.create_task(own(LOG, log, load, config, stop))
        async with await connect(postgres_url) as watching:
            await until_stored(watching, last)
        stop.set()
        await owner
        with pytest.raises(psycopg.OperationalError):
            await frozen.execute("commit")


async def until_stored(conn: AsyncConnection[Any], seq: int) -> None:
    """Return when the log stands at an entry."""
    found: list[int] = []

    async def committed() -> bool:
        found.append((await load_position(conn, LOG)).seq)
        return found[-1] >= seq

    await until(committed, f"entry {seq} is committed", seen=lambda: found[-1])


class Listener:
    """A session that keeps nothing and remembers what it was given."""

    seq = keep_after = 0

    def __init__(self) -> None:
        self.taken: list[RawEntry] = []

    async def take(self, raws: Sequence[RawEntry]) -> None:
        self.taken += raws

    async def pass_time(self) -> None:
        """Nothing waits for it."""

    async def finish(self) -> None:
        raise AssertionError("it was cancelled")


async def test_an_owner_ends_although_an_entry_comes_with_its_cancellation(postgres_url: str) -> None:
    """`wait_for` of Python 3.11 gives the entry and swallows the cancellation."""
    log, session = MemoryLog(), Listener()
    await log.create([LOG], 1 << 20)
    await append(log, columns([]), MONDAY_9H_US)

    async def open_session(_: AsyncConnection[Any]) -> Listener:
        return session

    config = ProcessorConfig(partitions=1, dsn=as_role(postgres_url, DatabaseRole.PROCESSOR))
    owner = asyncio.create_task(own(LOG, log, open_session, config, asyncio.Event()))
    await until(lambda: len(session.taken) == 1, "the first entry is taken")
    await asyncio.sleep(0)
    await append(log, columns([]), MONDAY_9H_US + 1)
    owner.cancel()
    await asyncio.wait([owner], timeout=PATIENCE_S)
    assert owner.cancelled()
    assert len(session.taken) == 1


async def test_an_owner_ends_although_a_failure_hides_that_it_shall(postgres_url: str) -> None:
    """Cancelled within a transaction, psycopg may raise what its rollback met instead of the cancellation."""
    opened = asyncio.Event()

    async def load(conn: AsyncConnection[Any]) -> PartitionOwner:
        opened.set()
        try:
            await conn.execute("select pg_sleep(600)")
        except asyncio.CancelledError:
            raise psycopg.OperationalError("another command is already in progress") from None
        raise AssertionError("it was not cancelled")

    config = ProcessorConfig(partitions=1, dsn=as_role(postgres_url, DatabaseRole.PROCESSOR))
    owner = asyncio.create_task(own(LOG, MemoryLog(), load, config, asyncio.Event()))
    await opened.wait()
    owner.cancel()
    done, _ = await asyncio.wait([owner], timeout=PATIENCE_S)
    assert done
    assert owner.cancelled()
