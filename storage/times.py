"""How incidents and contacts fared: when what happened, one query for any stretch of time."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from contract.incident import Cause, CauseKind, Incident, IncidentTimes
from storage.incidents import open_incidents
from storage.moment import moment
from storage.queries import query


class StandingIncident(NamedTuple):
    """An incident that has been open for long."""

    incident: Incident
    had_deed: bool
    """Whether anybody did anything about it."""


class Responses(NamedTuple):
    """How incidents and contacts fared."""

    times: list[IncidentTimes]
    moments: dict[str, list[int]]
    """When each contact was told something, µs since 1970."""
    standing: list[StandingIncident]


async def standing_incidents(conn: AsyncConnection[Any], began_us: int) -> list[StandingIncident]:
    """Return the incidents with open alerts that began before a log time, µs since 1970, the oldest first."""
    found = [i for i in await open_incidents(conn) if i.alerts and i.began_at_us < began_us]
    ids = {"incident_ids": [i.incident_id for i in found]}
    touched = {key for (key,) in await (await conn.execute(query("touched_incidents"), ids)).fetchall()}
    return [StandingIncident(i, i.incident_id in touched) for i in found]


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
