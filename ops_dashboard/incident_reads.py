"""What the pages read of incidents."""

from typing import Final, NamedTuple

from contract.incident import Incident, IncidentEvent, Membership, SchoolSpan
from contract.routing.delivery import NoticeRecord
from ops_dashboard.borrowing import Reads
from storage.incidents import (
    aliases,
    incident_history,
    incident_of,
    last_words,
    load_incident,
    memberships_of,
    open_incidents,
    recent_incidents,
    school_spans,
    shared_alerts,
    similar_incidents,
)
from storage.outbox import notice_records
from storage.past.desk import incidents_over_by
from storage.times import Responses, incident_times, notice_moments, standing_incidents

RECENT_RESOLVED: Final = 200
"""Resolved alerts, or incidents, that are told with the open ones."""
MOST_MEMBERS: Final = 500
"""Alerts that are told with an incident: a page of them; how many there are in all it says itself."""
MOST_SIMILAR: Final = 5


class KnownIncident(NamedTuple):
    """An incident, its timeline, its alerts and the ids that lead to it."""

    incident: Incident
    events: list[IncidentEvent]
    members: list[Membership]
    """In the order of `worst_first`; at most `MOST_MEMBERS`."""
    aliases: list[str]
    spans: list[SchoolSpan]
    similar: list[Incident]
    """That had the same cause before and are over; at most `MOST_SIMILAR`."""
    last_words: dict[str, str]
    """What somebody wrote last about each of these."""


class IncidentReads(Reads):
    """Incidents, one by one and together."""

    async def known_incidents(self) -> list[Incident]:
        """Return the open incidents and the last resolved ones, each once."""
        async with self._connection() as conn:
            found = [*await recent_incidents(conn, RECENT_RESOLVED), *await open_incidents(conn)]
        return list({i.incident_id: i for i in found}.values())

    async def incidents_over_by(self, at_us: int, limit: int, school_id: int | None = None) -> list[Incident]:
        """Return the last incidents that had resolved by a moment; of one school if it is given."""
        async with self._connection() as conn:
            return await incidents_over_by(conn, at_us, limit, school_id)

    async def incident(self, incident_id: str, schools: frozenset[int] | None = None) -> KnownIncident | None:
        """Return an incident with all that belongs to it, for an alias the one it was merged into.

        Args:
            incident_id: the incident.
            schools: whose alerts are told, by id; None for all.
        """
        async with self._connection() as conn:
            incident = await load_incident(conn, incident_id)
            if incident is None:
                return None
            known = incident.incident_id
            similar = await similar_incidents(conn, incident, MOST_SIMILAR)
            return KnownIncident(
                incident,
                await incident_history(conn, known),
                await memberships_of(conn, known, MOST_MEMBERS, schools),
                await aliases(conn, known),
                await school_spans(conn, known),
                similar,
                await last_words(conn, [one.incident_id for one in similar]),
            )

    async def response(self, from_us: int, until_us: int, began_us: int) -> Responses:
        """Return how incidents of a stretch of time fared, and what stands since before `began_us`."""
        async with self._connection() as conn:
            times = await incident_times(conn, from_us, until_us)
            moments = await notice_moments(conn, from_us, until_us)
            return Responses(times, moments, await standing_incidents(conn, began_us))

    async def notices(self, incident_id: str) -> list[NoticeRecord] | None:
        """Return who was told of an incident and of those that it absorbed; None if there is none."""
        async with self._connection() as conn:
            incident = await load_incident(conn, incident_id)
            if incident is None:
                return None
            known = incident.incident_id
            return await notice_records(conn, [known, *await aliases(conn, known)])

    async def survivor(self, incident_id: str) -> Incident | None:
        """Return an incident, for an alias the one it was merged into, or None if none has that id."""
        async with self._connection() as conn:
            return await load_incident(conn, incident_id)

    async def shared_around(self, alert_id: str) -> tuple[Incident | None, frozenset[str]]:
        """Return the incident of an alert, and the open alerts of other incidents with a shared cause."""
        async with self._connection() as conn:
            incident = await incident_of(conn, alert_id)
            own = None if incident is None else incident.incident_id
            shared = await shared_alerts(conn)
        return incident, frozenset(one for one, incident_id in shared.items() if incident_id != own)
