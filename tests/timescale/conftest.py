"""A real TimescaleDB: the server of EDUOPS_TEST_TIMESCALE_URL, or PGlite in Node behind bridge.mjs."""

import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

from storage.database import connect, prepare_database
from tests.node_packages import installed
from tests.running_system import PATIENCE_S

HERE = Path(__file__).parent
NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def timescale(pytestconfig: pytest.Config) -> Iterator[NewDatabase]:
    """Makes new databases with this version's schema on TimescaleDB and returns their connection strings."""
    server_url = os.environ.get("EDUOPS_TEST_TIMESCALE_URL")
    if server_url:
        yield from _on_server(server_url)
        return
    folder = installed(pytestconfig, "timescale_bridge", HERE / "bridge.mjs")
    bridge = subprocess.Popen(
        ["node", "bridge.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with bridge:
        assert bridge.stdout is not None
        port = bridge.stdout.readline().strip()
        if not port:
            pytest.skip("the bridge to PGlite did not start; its reason is in the captured standard error")

        def server(name: str) -> str:
            dsn = f"host=127.0.0.1 port={port} user=postgres dbname={name}"
            # The first connection to a name makes its server, on a busy machine in longer than ours may take.
            psycopg.connect(dsn, connect_timeout=int(PATIENCE_S)).close()
            return dsn

        prepare_database(server("template"))
        yield lambda: server(f"like_template_{uuid.uuid4().hex[:12]}")
        bridge.kill()


@pytest.fixture
def timescale_url(timescale: NewDatabase) -> str:
    """A new database with this version's schema on TimescaleDB."""
    return timescale()


@pytest.fixture
async def conn(timescale_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """The one connection to `timescale_url`: PGlite serves one at a time."""
    async with await connect(timescale_url) as connection:
        yield connection


def _on_server(server_url: str) -> Iterator[NewDatabase]:
    names: list[str] = []

    def new() -> str:
        names.append(f"eduops_test_{uuid.uuid4().hex[:12]}")
        with psycopg.connect(server_url, autocommit=True) as conn:
            conn.execute(sql.SQL("create database {}").format(sql.Identifier(names[-1])))
        dsn = make_conninfo(server_url, dbname=names[-1])
        prepare_database(dsn)
        return dsn

    yield new
    with psycopg.connect(server_url, autocommit=True) as conn:
        for name in names:
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
