"""What incidents and alerts were at an earlier moment is made of."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from contract.alert import Alert, AlertEvent
from contract.incident import Incident, IncidentEvent, Membership
from storage.alerts import alerts_where
from storage.incidents import event_of, incidents_where, memberships_where
from storage.moment import moment
from storage.queries import query

IncidentRows = tuple[list[Incident], list[Membership], list[IncidentEvent], list[AlertEvent]]
"""Incidents as they stand, their alerts, their timelines without who was told, and deeds on their alerts."""


async def incidents_open_between(conn: AsyncConnection[Any], from_us: int, to_us: int) -> IncidentRows:
    """Return all incidents that were open between two moments, both included, with their whole families."""
    where = "where began_at <= %(until)s and (ended_at is null or ended_at >= %(first)s)"
    return await _with_families(
        conn, await incidents_where(conn, where, {"first": moment(from_us), "until": moment(to_us)})
    )


async def incident_family(conn: AsyncConnection[Any], incident_id: str) -> IncidentRows:
    """Return an incident with its whole family."""
    where = "where incident_id = %(incident_id)s"
    return await _with_families(conn, await incidents_where(conn, where, {"incident_id": incident_id}))


async def _with_families(conn: AsyncConnection[Any], found: Sequence[Incident]) -> IncidentRows:
    """Return incidents with all that they became, that became them or that was split off."""
    known: dict[str, Incident] = {}
    fresh = {i.incident_id: i for i in found}
    while fresh:
        known |= fresh
        ids = list(fresh)
        beyond = [i for one in fresh.values() for i in (one.merged_into, one.split_from) if i is not None]
        where = """where incident_id = any(%(beyond)s) or merged_into = any(%(ids)s)
                   or (split_from is not null and split_from = any(%(ids)s))"""
        near = await incidents_where(conn, where, {"ids": ids, "beyond": beyond})
        fresh = {i.incident_id: i for i in near if i.incident_id not in known}
    asked: dict[str, object] = {"incident_ids": list(known)}
    members = await memberships_where(conn, "where incident_id = any(%(incident_ids)s)", asked)
    cursor = await conn.execute(query("incident_events"), asked)
    events = [event_of(*row) for row in await cursor.fetchall()]
    return list(known.values()), members, events, await deeds_on(conn, [m.alert.alert_id for m in members])


async def deeds_on(conn: AsyncConnection[Any], alert_ids: Sequence[str]) -> list[AlertEvent]:
    """Return what engineers did with alerts, in the order in which it was written."""
    cursor = await conn.execute(query("deeds_on_alerts"), {"alert_ids": list(alert_ids)})
    return [AlertEvent(*row) for row in await cursor.fetchall()]


async def incidents_over_by(
    conn: AsyncConnection[Any], at_us: int, limit: int, school_id: int | None = None
) -> list[Incident]:
    """Return at most `limit` incidents that had resolved for good by a moment, the latest begun first.

    Those alone that an alert of a school was in, where one is given.
    """
    own = ""
    if school_id is not None:
        own = """and incident_id in (select member.incident_id from incident_member member
                                     join alert using (alert_id) where alert.school_id = %(school_id)s)"""
    rest = f"""where began_at <= %(at)s and ended_at <= %(at)s and merged_into is null {own}
              order by began_at desc, incident_id limit %(limit)s"""
    asked: dict[str, object] = {"at": moment(at_us), "limit": limit, "school_id": school_id}
    return await incidents_where(conn, rest, asked)


async def alerts_told_by(
    conn: AsyncConnection[Any], at_us: int, limit: int, school_id: int | None = None
) -> list[tuple[Alert, int | None]]:
    """Return at most `limit` alerts that were known by a moment, the latest opened first.

    Each as it stands now, with the log time at which it was known to be over, None while it is open.
    """
    own = "" if school_id is None else "and school_id = %(school_id)s"
    rest = f"where detected_at <= %(at)s {own} order by opened_at desc, alert_id limit %(limit)s"
    asked: dict[str, object] = {"at": moment(at_us), "limit": limit, "school_id": school_id}
    alerts = await alerts_where(conn, rest, asked)
    ids = {"alert_ids": [a.alert_id for a in alerts]}
    members = await memberships_where(conn, "where member.alert_id = any(%(alert_ids)s)", dict(ids))
    left_us = {m.alert.alert_id: m.left_at_us for m in members}
    return [(a, left_us.get(a.alert_id, a.resolved_at_us)) for a in alerts]
