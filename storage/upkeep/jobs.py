"""TimescaleDB's own jobs, as its views tell of them: compression, refreshes and retention."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from storage.queries import query


class JobTroubles(NamedTuple):
    """How TimescaleDB's background work stands."""

    jobs: int
    """Jobs that are scheduled."""
    failed: tuple[str, ...]
    """Of each job whose last run failed: procedure, table, and how often in all."""
    workers_busy: int
    """Background workers that run a job now."""
    workers: int | None
    """`timescaledb.max_background_workers`: with none left, jobs wait; None where the server does not say."""


async def job_troubles(conn: AsyncConnection[Any]) -> JobTroubles | None:
    """Return how TimescaleDB's jobs stand; None where the tables are plain PostgreSQL's."""
    cursor = await conn.execute(query("setting"), {"name": "engine"})
    if await cursor.fetchone() != ("timescale",):
        return None
    cursor = await conn.execute(query("timescale_jobs"))
    rows = await cursor.fetchall()
    failed = tuple(
        f"{name} of {table or 'the database'} ({failures:,} failures)"
        for name, table, status, failures in rows
        if status == "Failed"
    )
    cursor = await conn.execute(query("timescale_workers"))
    row = await cursor.fetchone()
    busy, workers = row if row is not None else (0, None)
    return JobTroubles(len(rows), failed, busy, workers)
