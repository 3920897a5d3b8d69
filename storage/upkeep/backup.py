"""A copy of the database as it was at one moment, by PostgreSQL's own pg_dump and pg_restore."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict

from contract.commit import Position
from contract.errors import InfrastructureError
from storage.database import connect
from storage.queries import query, value_of
from storage.wall import ledger

TIMESCALE: Final = "timescale"
_ENVIRONMENT: Final = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
}
"""Connection parameters as libpq's programs take them from the environment: arguments can be seen by
everybody who lists processes, and a connection string may hold a password. Source: PostgreSQL,
libpq, Environment Variables.
"""


class Cut:
    """One moment of the database, held by an open transaction; made by `hold_cut`."""

    def __init__(
        self, conn: AsyncConnection[Any], dsn: str, snapshot: str, positions: dict[str, Position]
    ) -> None:
        self._conn = conn
        self._dsn = dsn
        self._snapshot = snapshot
        self.positions = positions
        """Where each log's owner stood, with its counts; without snapshots of the state."""

    async def engine(self) -> str:
        """Return `plain` or `timescale`."""
        return str(await value_of(self._conn, "setting", name="engine"))

    async def schema_version(self) -> int:
        """Return the last migration that the database has behind it."""
        return int(await value_of(self._conn, "schema_versions"))

    async def rows(self) -> dict[str, int]:
        """Return the number of rows of each table at this moment; it reads every table."""
        return await count_rows(self._conn)

    async def dump(self, program: Path, target: Path) -> None:
        """Write this moment of the database as an archive in pg_dump's custom format.

        Raises:
            InfrastructureError: pg_dump fails; the message is its own.
        """
        options = ["--format=custom", f"--snapshot={self._snapshot}", "--no-owner", "--no-privileges"]
        await _run(program, [*options, f"--file={target}"], self._dsn)


@asynccontextmanager
async def hold_cut(dsn: str) -> AsyncIterator[Cut]:
    """Hold one moment of the database open, for pg_dump and for counting.

    Raises:
        InfrastructureError: the server does not answer.
    """
    async with await connect(dsn) as conn:
        await conn.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        async with conn.transaction():
            snapshot = str(await value_of(conn, "export_snapshot"))
            yield Cut(conn, dsn, snapshot, await ledger(conn))


async def is_empty(dsn: str) -> bool:
    """Return whether the database has no table or view.

    Raises:
        InfrastructureError: the server does not answer.
    """
    async with await connect(dsn) as conn:
        cursor = await conn.execute(query("any_table"))
        return await cursor.fetchone() is None


async def restore_database(dsn: str, program: Path, archive: Path, engine: str) -> None:
    """Fill an empty database from an archive of `Cut.dump`: all of it or, on plain PostgreSQL, nothing.

    Args:
        dsn: Connection string of the empty database.
        program: pg_restore.
        archive: What `Cut.dump` wrote.
        engine: `plain` or `timescale`; TimescaleDB must then be installed in the same version.

    Raises:
        InfrastructureError: pg_restore or the server refuses; the message is its own.
    """
    options = ["--no-owner", "--no-privileges", "--exit-on-error"]
    if engine != TIMESCALE:
        await _run(program, [*options, "--single-transaction", *_target(dsn), str(archive)], dsn)
        return
    # While restoring, TimescaleDB must keep its hands off its own catalog. Source: TimescaleDB
    # documentation, timescaledb_pre_restore() and timescaledb_post_restore().
    try:
        async with await connect(dsn) as conn:
            await conn.execute("create extension if not exists timescaledb")
            await conn.execute(query("timescale_pre_restore"))
        await _run(program, [*options, *_target(dsn), str(archive)], dsn)
        async with await connect(dsn) as conn:
            await conn.execute(query("timescale_post_restore"))
    except psycopg.Error as error:
        raise InfrastructureError(f"TimescaleDB refuses the restore: {error}") from error


async def positions_now(dsn: str) -> dict[str, Position]:
    """Return the position and counts of each log, as they stand now.

    Raises:
        InfrastructureError: the server does not answer.
    """
    async with await connect(dsn) as conn:
        return await ledger(conn)


async def counted(dsn: str) -> tuple[dict[str, int], dict[str, Position]]:
    """Return the rows of each table, and the position and counts of each log.

    Raises:
        InfrastructureError: the server does not answer.
    """
    async with await connect(dsn) as conn:
        return await count_rows(conn), await ledger(conn)


async def count_rows(conn: AsyncConnection[Any]) -> dict[str, int]:
    """Return the number of rows of each table; partitions are counted with their table."""
    cursor = await conn.execute(query("base_tables"))
    found: dict[str, int] = {}
    for (table,) in await cursor.fetchall():
        counting = await conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))
        row = await counting.fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def _target(dsn: str) -> list[str]:
    """Return the argument without which pg_restore would print instead of restoring."""
    return [f"--dbname={conninfo_to_dict(dsn).get('dbname', '')}"]


def _environment(dsn: str) -> Mapping[str, str]:
    given = {k: str(v) for k, v in conninfo_to_dict(dsn).items() if v is not None}
    named = {_ENVIRONMENT[k]: v for k, v in given.items() if k in _ENVIRONMENT}
    return {"PATH": os.defpath, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10", **named}


async def _run(program: Path, arguments: list[str], dsn: str) -> None:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=_environment(dsn),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        last = " / ".join(said.decode(errors="replace").strip().splitlines()[-3:])
        raise InfrastructureError(f"{program.name} failed: {last}")
