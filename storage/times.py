"""How incidents and contacts fared: when what happened, one query for any stretch of time."""

from typing import Any

from psycopg import AsyncConnection

from contract.incident import Cause, CauseKind, IncidentTimes
from storage.moment import moment
from storage.queries import query


async def incident_times(conn: AsyncConnection[Any], from_us: int, until_us: int) -> list[IncidentTimes]:
    """Return the incidents that began within a stretch of log time, µs since 1970; none that was merged."""
    cursor = await conn.execute(query("incident_times"), _stretch(from_us, until_us))
    return [
        IncidentTimes(incident_id, Cause(CauseKind(kind), *where), *rest)
        for incident_id, kind, *more in await cursor.fetchall()
        for where, rest in [(more[:4], more[4:])]
    ]


async def notice_moments(conn: AsyncConnection[Any], from_us: int, until_us: int) -> dict[str, list[int]]:
    """Return when each contact was told something within a stretch of log time, µs since 1970, in order."""
    cursor = await conn.execute(query("notice_moments"), _stretch(from_us, until_us))
    return {recipient: list(moments_us) for recipient, moments_us in await cursor.fetchall()}


def _stretch(from_us: int, until_us: int) -> dict[str, object]:
    return {"from": moment(from_us), "until": moment(until_us)}
