"""What engineers said of alerts: dismissals as memory of the next one, and labels for the harness."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from contract.alert import Dismissal
from storage.moment import moment
from storage.queries import query


class JudgedAlert(NamedTuple):
    """An alert that an engineer took or dismissed."""

    rule: str
    school_id: int
    series: int
    opened_at_us: int
    resolved_at_us: int | None
    """None while it is open."""
    because: str | None
    """Why it was no problem, as said last; None where nobody dismissed it."""
    actor: str
    """Who dismissed it last; who took it where nobody did."""


async def dismissals(
    conn: AsyncConnection[Any], rule: str, school_id: int, *, besides: str, limit: int
) -> list[Dismissal]:
    """Return the last dismissals of a rule at a school, newest first, without those of alert `besides`."""
    asked = {"rule": rule, "school_id": school_id, "alert_id": besides, "limit": limit}
    cursor = await conn.execute(query("dismissals"), asked)
    return [Dismissal(*row) for row in await cursor.fetchall()]


async def count_dismissed(
    conn: AsyncConnection[Any],
    rule: str,
    school_ids: Sequence[int],
    after_us: int,
    until_us: int | None = None,
) -> int:
    """Return how many alerts of a rule at some schools were dismissed since a moment, and until another."""
    asked: dict[str, object] = {"rule": rule, "school_ids": list(school_ids)}
    asked |= {"after": moment(after_us), "until": moment(until_us)}
    cursor = await conn.execute(query("count_dismissed"), asked)
    (count,) = await cursor.fetchone() or (0,)
    return int(count)


async def judged_alerts(conn: AsyncConnection[Any]) -> list[JudgedAlert]:
    """Return every alert that somebody took or dismissed, the first opened first."""
    cursor = await conn.execute(query("judged_alerts"))
    return [JudgedAlert(*row) for row in await cursor.fetchall()]
