"""Alerts and their histories, as the alerts log's owner wrote them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection, AsyncCursor

from contract.alert import Alert, AlertEvent, Outside, OutsideCourse
from storage.moment import moment
from storage.queries import query

_outside: Final = msgspec.json.Decoder(Outside | None)


async def open_alerts(conn: AsyncConnection[Any]) -> list[Alert]:
    """Return the alerts that are not resolved, the most urgent and then the oldest first."""
    return await alerts_where(conn, "where resolved_at is null order by priority, opened_at, alert_id", {})


async def load_alert(conn: AsyncConnection[Any], alert_id: str) -> Alert | None:
    """Return an alert as it stands, or None if none has that id."""
    found = await load_alerts(conn, [alert_id])
    return found[0] if found else None


async def load_alerts(conn: AsyncConnection[Any], alert_ids: Sequence[str]) -> list[Alert]:
    """Return those of some alerts that there are, as they stand."""
    return await alerts_where(
        conn, "where alert_id = any(%(ids)s) order by alert_id", {"ids": list(alert_ids)}
    )


async def recent_alerts(
    conn: AsyncConnection[Any],
    limit: int,
    *,
    school_id: int | None = None,
    rule: str | None = None,
    priority: int | None = None,
    before_us: int | None = None,
) -> list[Alert]:
    """Return at most `limit` alerts, open or resolved, the latest opened first.

    Args:
        conn: a connection.
        limit: greatest number of alerts.
        school_id: only this school's.
        rule: only this rule's.
        priority: only this priority's, 1 to 3.
        before_us: only those opened before this, µs since 1970: the next page.
    """
    values: dict[str, object] = {
        "school_id": school_id,
        "rule": rule,
        "priority": priority,
        "opened_at": moment(before_us),
        "limit": limit,
    }
    tests = {"school_id": "=", "rule": "=", "priority": "=", "opened_at": "<"}
    # Only the conditions that are asked, so that each choice finds its own index.
    asked = [f"{name} {test} %({name})s" for name, test in tests.items() if values[name] is not None]
    where = f"where {' and '.join(asked)} " if asked else ""
    return await alerts_where(conn, where + "order by opened_at desc, alert_id limit %(limit)s", values)


async def alerts_since(conn: AsyncConnection[Any], opened_us: int) -> list[Alert]:
    """Return the alerts that opened at `opened_us` or later, µs since 1970, resolved or not."""
    return await alerts_where(conn, "where opened_at >= %(opened_at)s", {"opened_at": moment(opened_us)})


async def alert_history(conn: AsyncConnection[Any], alert_id: str) -> list[AlertEvent]:
    """Return all that happened to an alert, in the order in which it was written."""
    cursor = await conn.execute(query("alert_history"), {"alert_id": alert_id})
    return [AlertEvent(*row) for row in await cursor.fetchall()]


async def open_outside(conn: AsyncConnection[Any]) -> list[OutsideCourse]:
    """Return how far the reports about alerts from outside are that are open."""
    return await _courses(conn, "where is_open", {})


async def load_outside(conn: AsyncConnection[Any], fingerprints: Sequence[str]) -> list[OutsideCourse]:
    """Return how far the reports about some labels are, over or not."""
    return await _courses(conn, "where fingerprint = any(%(names)s)", {"names": list(fingerprints)})


async def write_outside(cursor: AsyncCursor[Any], courses: Sequence[OutsideCourse]) -> None:
    """Send how far reports are, within the transaction of whoever counted them."""
    latest = {course.fingerprint: course for course in courses}
    if latest:
        rows = [
            (c.fingerprint, c.alert_id, moment(c.ends_us), moment(c.heard_us), c.is_open)
            for c in latest.values()
        ]
        await cursor.executemany(query("upsert_outside"), rows)


async def _courses(conn: AsyncConnection[Any], rest: str, values: dict[str, object]) -> list[OutsideCourse]:
    cursor = await conn.execute(query("outside") + " " + rest, values)
    return [OutsideCourse(*row) for row in await cursor.fetchall()]


async def alerts_where(conn: AsyncConnection[Any], rest: str, values: dict[str, object]) -> list[Alert]:
    """Return the alerts of a query's rest, which is ours and names its values."""
    cursor = await conn.execute(query("alerts") + " " + rest, values)
    return [alert_of(*row) for row in await cursor.fetchall()]


def alert_of(*row: Any) -> Alert:
    """Return the alert of a row, as the queries that read alerts name its columns."""
    return Alert(*(*row[:-1], _outside.decode(row[-1] or "null")))
