"""Incidents, their alerts and their timelines, as the alerts log's owner writes and reads them."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from contract.alert import Alert
from contract.incident import (
    Cause,
    CauseKind,
    Exercise,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    Membership,
    SchoolSpan,
)
from contract.live import IncidentChanged
from storage.alerts import alert_of
from storage.moment import moment
from storage.queries import query


async def open_incidents(conn: AsyncConnection[Any]) -> list[Incident]:
    """Return the incidents that are neither resolved nor merged, by their beginning."""
    return await incidents_where(conn, "where ended_at is null order by began_at, incident_id", {})


async def incidents_since(conn: AsyncConnection[Any], ended_us: int) -> list[Incident]:
    """Return the open incidents and those that resolved at `ended_us` or later, µs since 1970."""
    where = "where ended_at is null or (merged_into is null and ended_at >= %(ended_at)s)"
    return await incidents_where(
        conn, where + " order by began_at, incident_id", {"ended_at": moment(ended_us)}
    )


async def recent_incidents(conn: AsyncConnection[Any], limit: int) -> list[Incident]:
    """Return at most `limit` incidents, open or resolved, the latest begun first; none that was merged."""
    rest = "where merged_into is null order by began_at desc, incident_id limit %(limit)s"
    return await incidents_where(conn, rest, {"limit": limit})


async def load_incident(conn: AsyncConnection[Any], incident_id: str) -> Incident | None:
    """Return an incident as it stands, for an alias the one it was merged into; None if there is none."""
    cursor = await conn.execute(query("survivor"), {"incident_id": incident_id})
    survivor = await cursor.fetchone()
    if survivor is None:
        return None
    found = await incidents_where(conn, "where incident_id = %(incident_id)s", {"incident_id": survivor[0]})
    return found[0] if found else None


async def incident_of(conn: AsyncConnection[Any], alert_id: str) -> Incident | None:
    """Return the incident that an alert is in, or was; None within its first second."""
    where = "where incident_id = (select incident_id from incident_member where alert_id = %(alert_id)s)"
    found = await incidents_where(conn, where, {"alert_id": alert_id})
    return found[0] if found else None


async def shared_alerts(conn: AsyncConnection[Any]) -> dict[str, str]:
    """Return the incident of each open alert whose incident has a cause that several schools may share."""
    alone = [CauseKind.SCHOOL.value, CauseKind.SYSTEM.value]
    cursor = await conn.execute(query("shared_alerts"), {"alone": alone})
    return dict(await cursor.fetchall())


async def aliases(conn: AsyncConnection[Any], incident_id: str) -> list[str]:
    """Return the ids of all incidents that were merged into one, directly or by way of another."""
    cursor = await conn.execute(query("incident_aliases"), {"incident_id": incident_id})
    return [row[0] for row in await cursor.fetchall()]


async def incident_history(conn: AsyncConnection[Any], incident_id: str) -> list[IncidentEvent]:
    """Return all that happened to an incident, in order; what it absorbed has its own history."""
    cursor = await conn.execute(query("incident_history"), {"incident_id": incident_id})
    return [event_of(*row) for row in await cursor.fetchall()]


async def actions_done(conn: AsyncConnection[Any], action_ids: Sequence[str]) -> set[str]:
    """Return those of some actions on incidents that were counted: each has a line in a timeline."""
    cursor = await conn.execute(query("actions_done"), {"action_ids": list(action_ids)})
    return {row[0] for row in await cursor.fetchall()}


async def memberships_since(conn: AsyncConnection[Any], left_us: int) -> list[Membership]:
    """Return the alerts of incidents that have not left, or did at `left_us` or later, µs since 1970."""
    return await memberships_where(
        conn, "where left_at is null or left_at >= %(at)s", {"at": moment(left_us)}
    )


async def memberships_of(
    conn: AsyncConnection[Any], incident_id: str, limit: int, schools: Collection[int] | None = None
) -> list[Membership]:
    """Return at most `limit` alerts of an incident in the order of `worst_first`.

    Those of other schools are left out where `schools`, ids, are given.
    """
    rest = """where incident_id = %(incident_id)s
              and (%(schools)s::int[] is null or alert.school_id = any(%(schools)s::int[]))
              order by left_at is not null, priority, pupils desc, alert_id limit %(limit)s"""
    own = None if schools is None else list(schools)
    values: dict[str, object] = {"incident_id": incident_id, "limit": limit, "schools": own}
    return await memberships_where(conn, rest, values)


async def school_spans(conn: AsyncConnection[Any], incident_id: str) -> list[SchoolSpan]:
    """Return when each alert of an incident was open, by its school; none of the center's own."""
    cursor = await conn.execute(query("school_spans"), {"incident_id": incident_id})
    return [SchoolSpan(*row) for row in await cursor.fetchall()]


async def similar_incidents(
    conn: AsyncConnection[Any], like: Incident, limit: int, until_us: int | None = None
) -> list[Incident]:
    """Return the latest incidents that had resolved with the same cause, those of the same rule first."""
    rest = """where state = 'resolved' and incident_id <> %(incident_id)s
              and cause = %(cause)s and isp = %(isp)s and cluster_code = %(cluster_code)s
              and ward_code = %(ward_code)s and school_id is not distinct from %(school_id)s::int
              and ended_at <= coalesce(%(until)s::timestamptz, 'infinity')
              order by rule = %(rule)s desc, began_at desc, incident_id limit %(limit)s"""
    cause = like.cause
    values: dict[str, object] = {
        "incident_id": like.incident_id,
        "cause": cause.kind.value,
        "isp": cause.isp,
        "cluster_code": cause.cluster_code,
        "ward_code": cause.ward_code,
        "school_id": cause.school_id,
        "rule": like.rule,
        "until": moment(until_us),
        "limit": limit,
    }
    return await incidents_where(conn, rest, values)


async def last_words(conn: AsyncConnection[Any], incident_ids: Sequence[str]) -> dict[str, str]:
    """Return the latest words that somebody wrote about each of some incidents."""
    cursor = await conn.execute(query("last_words"), {"incident_ids": list(incident_ids)})
    return dict(await cursor.fetchall())


async def unplaced_alerts(conn: AsyncConnection[Any]) -> list[Alert]:
    """Return the open alerts of no incident: of the last second, or from before there were incidents."""
    where = """where resolved_at is null
               and not exists (select from incident_member where incident_member.alert_id = alert.alert_id)"""
    cursor = await conn.execute(query("alerts") + " " + where)
    return [alert_of(*row) for row in await cursor.fetchall()]


async def exercises_since(conn: AsyncConnection[Any], ended_us: int) -> list[Exercise]:
    """Return the exercises that end at `ended_us` or later, µs since 1970; by their beginning."""
    cursor = await conn.execute(query("exercises"), {"until_at": moment(ended_us)})
    return [
        Exercise(exercise_id, actor, note, tuple(school_ids), *times_us)
        for exercise_id, actor, note, school_ids, *times_us in await cursor.fetchall()
    ]


async def write_exercises(cursor: AsyncCursor[Any], exercises: Sequence[Exercise]) -> None:
    """Send exercises, within the transaction of whoever heard of them."""
    rows = [
        (e.exercise_id, e.actor, e.note, list(e.school_ids), *map(moment, (e.from_us, e.until_us, e.at_us)))
        for e in exercises
    ]
    if rows:
        await cursor.executemany(query("insert_exercise"), rows)


async def write_incidents(cursor: AsyncCursor[Any], changes: Sequence[IncidentChanged]) -> None:
    """Send changes of incidents, within the transaction of whoever made them.

    Alerts join before any incident is merged and leave at last, whatever the order of the changes: an
    incident that was merged takes no more alerts, and an alert leaves once. It joins once, and again what it
    is split off into, where it then is.
    """
    if not changes:
        return
    latest = {change.incident.incident_id: change.incident for change in changes}
    joined = [(a, c.incident.incident_id, _at(c)) for c in changes for a in c.joined]
    merged = [c.incident for c in changes if c.incident.merged_into is not None]
    left = [(_at(c), alert_id) for c in changes for alert_id in c.left]
    rows: dict[str, list[tuple[object, ...]]] = {
        "upsert_incident": [_values(incident) for incident in latest.values()],
        "insert_incident_member": [*joined],
        "move_incident_members": [(i.merged_into, i.incident_id) for i in merged],
        "leave_incident": [*left],
        "insert_incident_event": [_event_values(event) for c in changes for event in c.events],
    }
    for name, values in rows.items():
        if values:
            await cursor.executemany(query(name), values)


def _at(change: IncidentChanged) -> object:
    return moment(change.incident.counted_at_us)


async def incidents_where(conn: AsyncConnection[Any], rest: str, values: dict[str, object]) -> list[Incident]:
    """Return the incidents of a query's rest, which is ours and names its values."""
    cursor = await conn.execute(query("incidents") + " " + rest, values)
    return [_incident(*row) for row in await cursor.fetchall()]


async def memberships_where(
    conn: AsyncConnection[Any], rest: str, values: dict[str, object]
) -> list[Membership]:
    """Return the alerts of incidents of a query's rest, which is ours and names its values."""
    cursor = await conn.execute(query("memberships") + " " + rest, values)
    return [
        Membership(incident_id, alert_of(*alert), joined_at_us, left_at_us)
        for incident_id, joined_at_us, left_at_us, *alert in await cursor.fetchall()
    ]


def _incident(
    incident_id: str,
    state: str,
    kind: str,
    isp: str,
    cluster_code: str,
    ward_code: str,
    school_id: int | None,
    rule: str,
    rules: list[str],
    cause_rules: list[str],
    *rest: Any,
) -> Incident:
    cause = Cause(CauseKind(kind), isp, cluster_code, ward_code, school_id)
    return Incident(incident_id, IncidentState(state), cause, rule, tuple(rules), tuple(cause_rules), *rest)


def event_of(
    incident_id: str,
    kind: str,
    at_us: int,
    actor: str,
    alerts: int,
    other: str,
    cause: str | None,
    isp: str,
    cluster_code: str,
    ward_code: str,
    *said: str,
) -> IncidentEvent:
    """Return an event of a row, as the queries that read timelines name its columns."""
    changed = None if cause is None else Cause(CauseKind(cause), isp, cluster_code, ward_code)
    return IncidentEvent(incident_id, IncidentEventKind(kind), at_us, actor, alerts, other, changed, *said)


def _values(i: Incident) -> tuple[object, ...]:
    c = i.cause
    return (
        i.incident_id, i.state.value, c.kind.value, c.isp, c.cluster_code, c.ward_code, c.school_id,
        i.rule, list(i.rules), list(i.cause_rules), i.priority, i.worst_priority, i.alerts, i.all_alerts,
        i.unacknowledged, i.schools, i.most_schools, i.pupils, i.most_pupils, i.lost_pupil_s,
        moment(i.counted_at_us), moment(i.began_at_us), moment(i.opened_at_us), moment(i.last_opened_at_us),
        moment(i.acknowledged_at_us), i.acknowledged_by, moment(i.quiet_at_us), moment(i.ended_at_us),
        i.merged_into, i.assignee, i.because, i.split_from, i.exercise, i.beyond_cause, i.affected_pupils,
    )  # fmt: skip


def _event_values(e: IncidentEvent) -> tuple[object, ...]:
    cause: tuple[str | None, ...] = (None,) * 4
    if e.cause is not None:
        cause = (e.cause.kind.value, e.cause.isp, e.cause.cluster_code, e.cause.ward_code)
    said = (e.action_id, e.note, e.because, e.assignee, e.tried, e.not_done, e.told, e.why)
    return (e.incident_id, e.kind.value, moment(e.at_us), e.actor, e.alerts, e.other, *cause, *said)
