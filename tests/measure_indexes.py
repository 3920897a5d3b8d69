"""What an index costs the COPY of readings: `python -m tests.measure_indexes` prints decision 16's table.

A PostgreSQL of its own in a temporary folder. Each way loads the same rows into an empty table: many
series once a minute, in commits of as many rows as the processor makes of them, sorted as it sorts them.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psycopg

from contract.reading import Readings, Scored
from eduops.machine.process import Server
from eduops.machine.servers.embedded_postgres import prepare_postgres
from storage.copy import SIGNATURE, TRAILER, readings_copy_buffer

ROWS = 500_000
SERIES = 100_000
BATCHES = (1_000, 10_000, 100_000)
RUNS = 3
TABLE = (
    "create table loaded (time timestamptz not null, series int not null, value float8 not null, score real)"
)
INDEXES = {
    "none": "",
    "BRIN (time)": "create index on loaded using brin (time)",
    "(time, series)": "create index on loaded (time, series)",
    "(series, time)": "create index on loaded (series, time)",
    "unique (series, time)": "create unique index on loaded (series, time)",
}
ROW_BYTES = 42
READ_ONE = "select count(*) from loaded where series = 4242 and time > to_timestamp(0)"


def main() -> None:
    """Measure every way and print a table: rows a second, and milliseconds to read one series."""
    with tempfile.TemporaryDirectory(prefix="eduops-indexes-") as folder:
        postgres = prepare_postgres(Path(folder))
        server = Server(postgres.spec(), Path(folder) / "postgres.log")
        server.start()
        try:
            postgres.create_database()
            _measure(postgres.url())
        finally:
            server.kill()


def _measure(dsn: str) -> None:
    streams = {(batch, sort): _streams(batch, sort=sort) for batch in BATCHES for sort in (True, False)}
    print(
        "index | " + " | ".join(f"{b:,} {'sorted' if s else 'as they came'}" for b, s in streams), "| read ms"
    )
    for name, index in INDEXES.items():
        rates = {key: [] for key in streams}  # type: dict[tuple[int, bool], list[float]]
        for _ in range(RUNS):
            for key, parts in streams.items():
                rate, read_ms = _load(dsn, index, parts)
                rates[key].append(rate)
        cells = " | ".join(f"{statistics.median(found):,.0f}" for found in rates.values())
        print(f"{name} | {cells} | {read_ms:.1f}", flush=True)


def _streams(batch: int, *, sort: bool) -> list[bytes]:
    """Return the rows as COPY BINARY streams, one for each commit."""
    rng = np.random.default_rng(16)
    minute = np.repeat(np.arange(ROWS // SERIES, dtype=np.int64), SERIES) * 60_000_000
    series = np.concatenate([rng.permutation(SERIES) for _ in range(ROWS // SERIES)]).astype(np.int32)
    scored = Scored(
        Readings(minute + 1_790_000_000_000_000, series, rng.normal(size=ROWS)), np.zeros(ROWS, np.float32)
    )
    found = []
    for start in range(0, ROWS, batch):
        part = np.arange(start, min(start + batch, ROWS))
        chunk = Scored(scored.readings.take(part), scored.score[part])
        found.append(readings_copy_buffer(chunk) if sort else _shuffled(readings_copy_buffer(chunk), rng))
    return found


def _shuffled(stream: bytes, rng: np.random.Generator) -> bytes:
    """Return the stream with its rows in random order: how readings of many schools arrive."""
    rows = np.frombuffer(stream[len(SIGNATURE) : -len(TRAILER)], f"V{ROW_BYTES}")
    return b"".join((SIGNATURE, rng.permutation(rows).tobytes(), TRAILER))


def _load(dsn: str, index: str, parts: list[bytes]) -> tuple[float, float]:
    """Return the rows a second of all commits, and the milliseconds of one series' rows."""
    with psycopg.connect(dsn, autocommit=True) as conn, conn.cursor() as cursor:
        cursor.execute("drop table if exists loaded")
        cursor.execute(TABLE)
        if index:
            cursor.execute(index)
        began_s = time.perf_counter()
        for part in parts:
            with cursor.copy("copy loaded from stdin (format binary)") as copy:
                copy.write(part)
        took_s = time.perf_counter() - began_s
        began_s = time.perf_counter()
        cursor.execute(READ_ONE)
        return ROWS / took_s, (time.perf_counter() - began_s) * 1e3


if __name__ == "__main__":
    main()
