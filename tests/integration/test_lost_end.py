"""A power cut takes back the end of a log whose entries were committed: nothing is lost or doubled."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from bus.memory import MemoryLog
from contract.entry import ALERTS_LOG, RawEntry
from contract.errors import InfrastructureError
from tests.integration.test_processor_crash import LOG, a_morning, process, process_alerts, tables

SAME = ("transition", "alert")
"""Minutes of KPIs are not among them: those that were summed up when the power went stay as they were."""

Held = tuple[list[tuple[Any, ...]], dict[str, Sequence[Any]]]
"""Readings, and the other tables."""


def rows(dsn: str) -> list[tuple[Any, ...]]:
    """Return all readings without their scores, which tell of an order of arrival that is lost."""
    with psycopg.connect(dsn) as conn:
        return conn.execute("select series, time, value from reading order by 1, 2, 3").fetchall()


async def entries_of(log: MemoryLog, name: str) -> list[RawEntry]:
    """Return all entries of a log."""
    last = await log.last_seq(name)
    return await (await log.reader(name, 0)).fetch(last, 1.0) if last else []


async def append_all(log: MemoryLog, name: str, entries: Sequence[RawEntry]) -> None:
    """Append entries as they are, with new numbers."""
    for entry in entries:
        await log.append(name, entry.kind, entry.payload, at_us=entry.at_us, count=entry.count)


async def a_log_of(entries: Sequence[RawEntry]) -> MemoryLog:
    """Return a store whose telemetry log holds these entries, and whose alerts log is empty."""
    log = MemoryLog()
    await log.create([LOG, ALERTS_LOG], 1 << 24)
    await append_all(log, LOG, entries)
    return log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet_run(postgres: Any) -> Held:
    """What the tables hold when the power stays on."""
    name = postgres.clone()
    dsn = postgres.postgres.url(name)
    log = await a_morning()
    await process(dsn, log, batch=16)
    await process_alerts(dsn, log)
    held = rows(dsn), tables(dsn)
    postgres.drop(name)
    return held


@pytest.mark.parametrize("lost", [1, 40, 400])
@pytest.mark.parametrize("committed", [60, 240, 330])
async def test_what_was_committed_beyond_the_end_of_the_log_stays_and_the_rest_follows(
    postgres_url: str, quiet_run: Held, committed: int, lost: int
) -> None:
    """The alerts log is lost whole; the telemetry log loses its end, or everything.

    A log that begins anew starts the silence timers anew, so then alerts may be of another moment.
    """
    morning = await entries_of(await a_morning(), LOG)
    before = await a_log_of(morning[:committed])
    await process(postgres_url, before, batch=7)
    await process_alerts(postgres_url, before)
    survived = morning[: max(0, committed - lost)]
    # Sent after the power came back: the log grows past the old position, with other entries there.
    log = await a_log_of([*survived, *morning[committed:]])
    await process(postgres_url, log, batch=16)
    await process_alerts(postgres_url, log)
    quiet_rows, quiet_tables = quiet_run
    assert rows(postgres_url) == quiet_rows
    held = tables(postgres_url)
    if survived:
        for table in SAME:
            assert held[table] == quiet_tables[table], table
    with psycopg.connect(postgres_url) as conn:
        row = conn.execute(
            "select received - stored - duplicate - corrected - quarantined from position"
        ).fetchone()
    assert row == (0,)


async def test_an_owner_at_work_refuses_a_log_that_lost_its_end(postgres_url: str) -> None:
    morning = await entries_of(await a_morning(), LOG)
    await process(postgres_url, await a_log_of(morning[:50]), batch=7)
    reader = await (await a_log_of(morning[:20])).reader(LOG, 50)
    with pytest.raises(InfrastructureError, match="ends at entry 20, but the reader stands at 50"):
        await reader.fetch(1, 0.1)
