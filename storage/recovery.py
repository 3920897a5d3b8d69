"""What the tables tell an owner whose log has lost entries that it had committed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from contract.alert import Alert, Transition, TransitionKind
from contract.reading import Readings
from storage.moment import moment
from storage.queries import query


async def stored_after(
    conn: AsyncConnection[Any], series: NDArray[np.int32], mark_us: NDArray[np.int64]
) -> Readings:
    """Return the stored readings from the mark of each series on, each series in order of time.

    Args:
        conn: a connection.
        series: series numbers, shape (n,).
        mark_us: for each of them, µs since 1970; any time before 1970 means all, shape (n,).
    """
    asked = {"series": series.tolist(), "mark_us": np.maximum(mark_us, 0).tolist()}
    cursor = await conn.execute(query("stored_after"), asked, binary=True)
    rows = await cursor.fetchall()
    return Readings(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.float64),
    )


async def earlier_words(
    conn: AsyncConnection[Any], series: NDArray[np.int32], mark_us: NDArray[np.int64]
) -> list[tuple[int, int, float]]:
    """Return the corrected words about times from the mark of each series on: series, time, value.

    Times are in µs since 1970.

    Args:
        conn: a connection.
        series: series numbers, shape (n,).
        mark_us: for each of them; before 1970 nothing was ever said, shape (n,).
    """
    asked = {"series": series.tolist(), "mark_us": np.maximum(mark_us, 0).tolist()}
    cursor = await conn.execute(query("earlier_words"), asked, binary=True)
    return await cursor.fetchall()


async def transitions_after(conn: AsyncConnection[Any], detected_us: int) -> list[Transition]:
    """Return the transitions of all partitions that were decided after a log time, oldest first."""
    cursor = await conn.execute(query("transitions_after"), {"detected_at": moment(detected_us)}, binary=True)
    return [Transition(row[0], TransitionKind(row[1]), *row[2:]) for row in await cursor.fetchall()]


async def told_open(conn: AsyncConnection[Any], alert_ids: Sequence[str]) -> set[str]:
    """Return which of these alerts are stored as opened and not as resolved."""
    cursor = await conn.execute(query("told_open"), {"alert_ids": list(alert_ids)})
    return {str(row[0]) for row in await cursor.fetchall()}


async def unresolved(conn: AsyncConnection[Any], alerts: Sequence[Alert]) -> list[Alert]:
    """Return those of the alerts of which no partition has decided the end."""
    is_open = await told_open(conn, [alert.alert_id for alert in alerts])
    return [alert for alert in alerts if alert.alert_id in is_open]
