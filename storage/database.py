"""Connections, and the way from any earlier database to this version's schema."""

import re
from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool

from contract.errors import ConfigurationError, InfrastructureError
from storage.queries import query, schema, sql_file
from storage.rights.roles import give_rights, make_roles
from storage.rights.table import DatabaseRole

LATE_ACCEPTANCE_H: Final = 48.0
"""Ingest accepts readings up to this old; their duplicates are looked for among the rows kept."""
_LOCK: Final = "select pg_advisory_lock(hashtext('eduops/prepare'))"
_UNLOCK: Final = "select pg_advisory_unlock(hashtext('eduops/prepare'))"


class Migration(NamedTuple):
    """One step of the road to the schema."""

    version: int
    name: str
    sql: str


CONNECT_TIMEOUT_S: Final = 10
LINE: Final[dict[str, Any]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How a line whose other end is gone without a word is noticed: 11 s after the last byte when idle, s;
15 s after bytes that nobody confirms, ms. A socket in the file system needs and ignores them."""


async def connect(dsn: str, name: str = "eduops") -> AsyncConnection[Any]:
    """Return a connection that commits each statement unless a transaction is opened.

    Args:
        dsn: connection string.
        name: what `pg_stat_activity` shows as its application.

    Raises:
        InfrastructureError: the server does not answer or refuses; the message says what it said.
    """
    try:
        return await AsyncConnection.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name=name, **LINE
        )
    except psycopg.OperationalError as error:
        raise InfrastructureError(f"PostgreSQL does not let us in: {_said(error)}") from error


def _said(error: psycopg.Error) -> str:
    """Return what the driver said on one line."""
    return " ".join(str(error).split())


async def replace_others(conn: AsyncConnection[Any]) -> int:
    """End all other connections of this one's name to the same database, and return how many.

    A process that is frozen within a transaction keeps its locks until its connection ends: whoever
    takes its work over would wait for it.
    """
    cursor = await conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = current_setting('application_name')"
        " and datname = current_database() and pid <> pg_backend_pid()"
    )
    return cursor.rowcount


def open_pool(dsn: str, *, max_size: int = 8) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """Return a pool for readers, as an async context manager; connections are checked when borrowed."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=max_size,
        open=False,
        kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S, **LINE},
        check=AsyncConnectionPool.check_connection,
        name="eduops-readers",
    )


def prepare_database(
    dsn: str,
    *,
    chunk_h: float = 6,
    raw_retention_h: float = 50,
    passwords: Mapping[DatabaseRole, str] | None = None,
) -> None:
    """Bring the database at `dsn` to this version's schema; safe to call from several services at once.

    An empty database gets `schema.sql`, and `timescale.sql` where TimescaleDB can be had; one
    prepared before gets the migrations that it lacks and stays with the engine it began with.

    Args:
        dsn: connection string of PostgreSQL 15 to 18, of the role that owns the tables or is to own them.
        chunk_h: width of new chunks of raw readings, hours of data; above 0.
        raw_retention_h: how long raw readings are kept, hours; 49 or more, as ingest accepts up to 48.
        passwords: of roles that are made unless they are there; each role that is there gets its rights.

    Raises:
        ConfigurationError: a width or retention is out of range, the database is of a later version, or
            this role may not make the others or give them their rights.
        InfrastructureError: the server does not answer.
    """
    if not chunk_h > 0:
        raise ConfigurationError(f"chunk_h is {chunk_h}; it must be above 0")
    if not raw_retention_h >= LATE_ACCEPTANCE_H + 1:
        raise ConfigurationError(
            f"raw_retention_h is {raw_retention_h}; it must be an hour or more above {LATE_ACCEPTANCE_H:g}, "
            "the age at which late readings are still accepted and compared with those kept"
        )
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as conn:
            conn.execute(_LOCK)
            try:
                make_roles(conn, passwords or {})
                _prepare(conn, timedelta(hours=chunk_h), timedelta(hours=raw_retention_h))
            finally:
                conn.execute(_UNLOCK)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"this role may not prepare the database ({_said(error)}): set database_owner_url to the one "
            "that owns the tables; docs/operating.md says what roles need"
        ) from error
    except psycopg.OperationalError as error:
        raise InfrastructureError(f"PostgreSQL cannot be prepared: {_said(error)}") from error


def migrations() -> tuple[Migration, ...]:
    """Return the migrations that ship with this version, in order."""
    found = []
    for file in files("storage").joinpath("migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            text = file.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], text))
    return tuple(sorted(found))


def migrate(conn: Connection[Any]) -> list[int]:
    """Apply the migrations that a database lacks, each in its own transaction; return their versions.

    Raises:
        ConfigurationError: the database has a migration that this version does not know.
    """
    steps = migrations()
    done = _versions(conn)
    unknown = done - {step.version for step in steps}
    if unknown:
        raise ConfigurationError(
            f"the database is at schema version {max(unknown)}, this eduops knows {steps[-1].version}: "
            "start the newer eduops, or restore a backup"
        )
    missing = [step for step in steps if step.version not in done]
    for step in missing:
        with conn.transaction():
            conn.execute(step.sql)
            _note(conn, step)
    return [step.version for step in missing]


def _prepare(conn: Connection[Any], chunk: timedelta, keep: timedelta) -> None:
    if _versions(conn):
        migrate(conn)
    else:
        _create(conn)
    conn.execute(query("save_chunk_and_keep"), {"chunk": chunk, "keep": keep})
    timescale = conn.execute(query("setting"), {"name": "engine"}).fetchone() == ("timescale",)
    if timescale:
        conn.execute(query("set_chunk_interval"), {"chunk": chunk})
    give_rights(conn, timescale=timescale)


def _create(conn: Connection[Any]) -> None:
    timescale = conn.execute(query("timescale_available")).fetchone() is not None
    with conn.transaction():
        conn.execute(schema())
        for step in migrations():
            _note(conn, step)
        if timescale:
            conn.execute("create extension if not exists timescaledb")
            conn.execute(sql_file("timescale.sql"))
        engine = "timescale" if timescale else "plain"
        conn.execute(query("save_setting"), {"name": "engine", "value": engine})


def _versions(conn: Connection[Any]) -> set[int]:
    if conn.execute("select to_regclass('schema_version')").fetchone() == (None,):
        return set()
    return {version for (version,) in conn.execute("select version from schema_version")}


def _note(conn: Connection[Any], step: Migration) -> None:
    conn.execute("insert into schema_version (version, name) values (%s, %s)", (step.version, step.name))
