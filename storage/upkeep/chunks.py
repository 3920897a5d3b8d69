"""Range partitions of plain PostgreSQL, made on demand; TimescaleDB makes its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from storage.moment import moment
from storage.queries import query


async def make_chunks(conn: AsyncConnection[Any], table: str, time_us: NDArray[np.int64]) -> int:
    """Make every chunk that these times, µs since 1970, shape (n,), need; return how many were missing."""
    made = 0
    async with conn.transaction():
        missing = await _without_chunk(conn, table, time_us)
        while len(missing):
            asked = {"table": table, "moments": [moment(int(missing.min()))]}
            await conn.execute(query("ensure_chunks"), asked)
            made += 1
            missing = await _without_chunk(conn, table, missing)
    return made


async def _without_chunk(
    conn: AsyncConnection[Any], table: str, time_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    cursor = await conn.execute(query("chunk_bounds"), {"table": table}, binary=True)
    bounds = np.array(await cursor.fetchall(), np.int64).reshape(-1, 2)
    place = np.searchsorted(bounds[:, 0], time_us, side="right") - 1
    if len(bounds) == 0:
        return time_us
    covered = (place >= 0) & (time_us < bounds[place, 1])
    missing: NDArray[np.int64] = time_us[~covered]
    return missing
