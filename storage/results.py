"""What a log's owner writes: rows, transitions, counters, snapshot and position in one transaction."""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection, AsyncCursor
from psycopg.errors import CheckViolation

from contract.alert import Transition
from contract.commit import Commit, Counts, Position
from contract.errors import PositionMovedError
from contract.live import AlertChanged
from contract.reading import Corrections, Held, Readings
from storage.alerts import write_outside
from storage.copy import readings_copy_buffer
from storage.duty.swaps import write_swaps
from storage.incidents import write_exercises, write_incidents
from storage.moment import moment
from storage.outbox import write_notice_states, write_notices
from storage.queries import query
from storage.silences import write_silences
from storage.upkeep.chunks import make_chunks

BUCKET_US: Final = 15 * 60 * 1_000_000
"""Width of the finest rollup."""


async def load_position(conn: AsyncConnection[Any], log: str) -> Position:
    """Return where the owner of a log stands; a log never committed stands at 0 without a snapshot."""
    cursor = await conn.execute(query("load_position"), {"log": log}, binary=True)
    row = await cursor.fetchone()
    if row is None:
        return Position(0, 0, 0, None, Counts())
    seq, log_time_us, snapshot_seq, snapshot, *counts = row
    return Position(seq, log_time_us, snapshot_seq, snapshot, Counts(*counts))


async def commit(conn: AsyncConnection[Any], what: Commit) -> None:
    """Write all of a commit, or nothing.

    Rows whose time meets no chunk are refused by PostgreSQL; their chunks are then made and the
    whole commit is tried once more, so that the usual commit pays nothing to look for them.

    Raises:
        PositionMovedError: the log's position is not `what.after`; another owner committed it.
    """
    try:
        await _write(conn, what)
    except CheckViolation as error:
        if error.diag.constraint_name is not None:
            raise
        await make_chunks(conn, "reading", what.rows.readings.time_us)
        await _write(conn, what)


async def look_up(conn: AsyncConnection[Any], readings: Readings) -> NDArray[np.int8]:
    """Return what the table has of each reading's series and time, see `Held`, shape (n,); one query."""
    held = np.full(len(readings), Held.NOTHING, np.int8)
    if len(readings) == 0:
        return held
    asked = {
        "time_us": readings.time_us.tolist(),
        "series": readings.series.tolist(),
        "value": readings.value.tolist(),
        # Bounds let the planner leave out chunks before it starts.
        "first": moment(int(readings.time_us.min())),
        "last": moment(int(readings.time_us.max())),
    }
    cursor = await conn.execute(query("look_up"), asked, binary=True)
    for place, is_said in await cursor.fetchall():
        held[place - 1] = Held.SAME if is_said else Held.ANOTHER
    return held


async def _write(conn: AsyncConnection[Any], what: Commit) -> None:
    async with conn.transaction(), conn.cursor() as cursor:
        async with conn.pipeline():
            await cursor.execute(_move_query(what), _move_values(what))
            await _write_words(conn, what)
        if cursor.rowcount != 1:
            raise PositionMovedError(
                f"log {what.log!r} no longer stands at {what.after}: another owner committed it"
            )
        if len(what.rows):
            async with cursor.copy(query("copy_readings")) as copy:
                await copy.write(readings_copy_buffer(what.rows))
        if len(what.corrections):
            await _correct(conn, what.corrections)


def _move_query(what: Commit) -> str:
    if what.after == 0:
        return query("open_position")
    return query("move_position" if what.snapshot is None else "move_position_with_snapshot")


def _move_values(what: Commit) -> dict[str, object]:
    return {
        "log": what.log,
        "after": what.after,
        "through": what.through,
        "log_time": moment(what.log_time_us),
        "snapshot": what.snapshot,
        **what.counts._asdict(),
    }


async def _write_words(conn: AsyncConnection[Any], what: Commit) -> None:
    """Send everything but the rows; the caller's pipeline makes it one round trip."""
    async with conn.cursor() as cursor:
        if len(what.rows) or len(what.corrections):
            # Held to the end of the transaction: the horizon cannot pass rows not yet visible.
            await cursor.execute(query("share_horizon"))
            await cursor.execute(query("touch_buckets"), {"buckets": _buckets(what)})
        await _insert(cursor, "insert_transition", [_transition_values(t) for t in what.transitions])
        await _insert(cursor, "upsert_kpi", [(moment(k.minute_us), *k[1:]) for k in what.kpis])
        await _insert(
            cursor,
            "insert_rejected",
            [
                (moment(r.at_us), r.reason.value, r.topic, r.detail, r.payload_bytes, r.excerpt)
                for r in what.rejected
            ],
        )
        await _insert(cursor, "upsert_alert", [_alert_values(c) for c in what.alerts])
        await _insert(cursor, "insert_alert_event", [_event_values(c) for c in what.alerts])
        await write_incidents(cursor, what.incidents)
        await write_exercises(cursor, what.exercises)
        await write_notices(cursor, what.notices)
        await write_notice_states(cursor, what.notice_states)
        await write_silences(cursor, what.silences)
        await write_swaps(cursor, what.swaps)
        await write_outside(cursor, what.outside)


async def _correct(conn: AsyncConnection[Any], corrections: Corrections) -> None:
    """Let rows say the newest word, and keep the earlier one; the rows of the commit are there already."""
    words = corrections.words
    columns = (words.readings.series, words.readings.time_us, words.readings.value, words.score)
    names = ("series", "time", "value", "score", "at")
    async with conn.cursor() as cursor:
        await cursor.execute(query("lift_decompression_limit"))
        rows = zip(*(c.tolist() for c in (*columns, corrections.at_us)), strict=True)
        values = [dict(zip(names, row, strict=True)) for row in rows]
        await cursor.executemany(
            query("correct_reading"),
            [v | {"time": moment(v["time"]), "at": moment(v["at"])} for v in values],
        )


async def _insert(cursor: AsyncCursor[Any], name: str, rows: list[tuple[object, ...]]) -> None:
    if rows:
        await cursor.executemany(query(name), rows)


def _transition_values(t: Transition) -> tuple[object, ...]:
    return (
        t.alert_id, t.kind.value, t.rule, t.series, t.school_id, t.priority,
        moment(t.opened_at_us), moment(t.at_us), moment(t.detected_at_us),
        t.value, t.expected_low, t.expected_high, t.score, t.reason,
    )  # fmt: skip


def _alert_values(changed: AlertChanged) -> tuple[object, ...]:
    a = changed.alert
    return (
        a.alert_id, a.rule, a.series, a.school_id, a.priority,
        moment(a.opened_at_us), moment(a.detected_at_us),
        a.value, a.expected_low, a.expected_high, a.score, a.pupils,
        moment(a.acknowledged_at_us), a.acknowledged_by, a.note, moment(a.resolved_at_us),
        None if a.outside is None else msgspec.json.encode(a.outside).decode(),
    )  # fmt: skip


def _event_values(changed: AlertChanged) -> tuple[object, ...]:
    e = changed.event
    return (e.alert_id, e.kind, moment(e.at_us), e.actor, e.note, e.value, e.because)


def _buckets(what: Commit) -> list[object]:
    times_us = (what.rows.readings.time_us, what.corrections.words.readings.time_us)
    starts = np.unique(np.concatenate(times_us) // BUCKET_US) * BUCKET_US
    return [moment(int(start)) for start in starts]
