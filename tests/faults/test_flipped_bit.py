"""Row 16: a bit flips in the store; what is read is what was written, or an error that says what is lost."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from bus.jetstream import JetStreamLog
from contract.entry import EntryKind, RawEntry
from contract.errors import InfrastructureError
from eduops.machine.process import Server
from eduops.machine.servers.embedded_postgres import EmbeddedPostgres, prepare_postgres
from tests.conftest import TestNats
from tests.fault_table import Record

LOG = "telemetry-0"
ENTRIES = 200
ALTERED = 120
"""Entries before the altered one."""


def payload(number: int) -> bytes:
    return b"reading-%06d " % number * 50


def flip_bit(file: Path, at: bytes) -> None:
    """Flip one bit a few bytes behind the only place of `at`."""
    content = bytearray(file.read_bytes())
    assert content.count(at) >= 1, f"{at!r} is not in {file}"
    content[content.index(at) + len(at) + 10] ^= 0b100
    file.write_bytes(content)


def block_of(folder: Path) -> Path:
    """Return the one file that holds the log's entries."""
    (block,) = (f for f in folder.rglob("*.blk") if f.parent.parent.name == LOG)
    return block


def connect(nats: TestNats) -> AbstractAsyncContextManager[JetStreamLog]:
    return JetStreamLog.connect(nats.url, **nats.login())


async def read_all(nats: TestNats, after: int = 0) -> tuple[list[RawEntry], str]:
    """Return the entries up to the end of the log or up to an error, and the error."""
    entries: list[RawEntry] = []
    async with connect(nats) as log:
        try:
            reader = await log.reader(LOG, after)
            while found := await reader.fetch(ENTRIES, 1.0):
                entries += found
        except InfrastructureError as error:
            return entries, str(error)
    return entries, ""


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
async def test_no_altered_entry_leaves_the_log(
    nats: TestNats, tmp_path: Path, record: Record, killed: bool
) -> None:
    async with connect(nats) as log:
        await log.create([LOG], 1 << 24)
        for number in range(ENTRIES):
            await log.append(LOG, EntryKind.READINGS, payload(number), at_us=number)
    (nats.kill if killed else nats.stop)()
    flip_bit(block_of(tmp_path), payload(ALTERED)[:14])
    nats.start()
    entries, told = await read_all(nats)
    assert [entry.payload for entry in entries] == [payload(number) for number in range(ALTERED)]
    if killed:  # the server checks its blocks and drops what follows, without a word
        entries, told = await read_all(nats, after=ENTRIES)
        assert told.startswith(f"log {LOG} ends at entry {ALTERED}, but the reader stands at {ENTRIES}")
    else:
        assert told.startswith(f"log {LOG} has lost the entries {ALTERED + 1} to {ALTERED + 1};")
    how = "killed" if killed else "stopped"
    record(16, f"flipped bit in the log of a {how} broker", note=told)


@contextmanager
def running(cluster: EmbeddedPostgres, log: Path) -> Iterator[str]:
    """Run a cluster and return the address of its database."""
    server = Server(cluster.spec(), log)
    server.start()
    try:
        yield cluster.url("postgres")
    finally:
        server.stop()


def test_no_altered_row_leaves_postgres(servers_folder: Path, record: Record) -> None:
    folder = servers_folder / "flipped"
    folder.mkdir(mode=0o755)
    cluster = prepare_postgres(folder, durable=False)
    log = folder / "postgres.log"
    with running(cluster, log) as url, psycopg.connect(url, autocommit=True) as conn:
        for table in ("altered", "whole"):
            conn.execute(
                f"create table {table} as select 'row ' || n as note from generate_series(1, 5000) n"
            )
        row = conn.execute("select pg_relation_filepath('altered')").fetchone()
        assert row is not None
        file = cluster.cluster / row[0]
        conn.execute("checkpoint")
    flip_bit(file, b"row 2000")
    with running(cluster, log) as url, psycopg.connect(url, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.DataCorrupted, match="invalid page") as told:
            conn.execute("select count(note) from altered")
        assert conn.execute("select count(note) from whole").fetchone() == (5000,)
    record(16, "flipped bit in a table of postgres", note=str(told.value).strip())
