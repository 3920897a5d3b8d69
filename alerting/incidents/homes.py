"""Where each alert was before its incident was merged into another (pure).

The tables leave it open. An alert whose incident was merged is written down under the survivor, with the
moment at which it joined. Of two that merged later and took alerts within the same second, timelines say how
many each took, and their causes which may be whose; where both may be, the narrower cause has it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from alerting.incidents.groups import covers_school
from contract.alert import Alert, AlertEvent
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentEvent, IncidentEventKind, Membership

_RANK: Final = {kind: rank for rank, kind in enumerate(CauseKind)}
_TAKES: Final = (IncidentEventKind.OPENED, IncidentEventKind.JOINED)


class StoredIncidents(NamedTuple):
    """What the tables hold of some incidents, of all that were merged into them or split off from them."""

    incidents: Sequence[Incident]
    """As they stand now."""
    memberships: Sequence[Membership]
    events: Sequence[IncidentEvent]
    """In the order in which they were written."""
    history: Sequence[AlertEvent]
    """Of the alerts, in the order in which it was written."""


class Homes:
    """Where each alert was before its incident was merged into another."""

    def __init__(self, record: StoredIncidents, fleet: Fleet) -> None:
        self._fleet = fleet
        self.rows = {i.incident_id: i for i in record.incidents}
        self._merged_us: dict[str, int] = {}
        self._room: Counter[tuple[str, int]] = Counter()
        """How many alerts each incident took, by moment."""
        self._causes: dict[str, list[tuple[int, Cause]]] = {}
        schools = {m.alert.alert_id: m.alert.school_id for m in record.memberships}
        for said in record.events:
            row = self.rows.get(said.incident_id)
            if row is None:
                continue
            if said.kind is IncidentEventKind.MERGED:
                self._merged_us[row.incident_id] = said.at_us
            if said.kind in _TAKES:
                self._room[row.incident_id, row.began_at_us if said.action_id else said.at_us] += said.alerts
            if said.cause is not None:
                self._causes.setdefault(row.incident_id, []).append((said.at_us, said.cause))
        for row in self.rows.values():
            known = self._causes.setdefault(row.incident_id, [])
            if known and known[0][0] <= row.began_at_us:
                continue
            # What opens with another cause than a school by itself says so; a merge may change it unsaid.
            school_id = schools.get(row.incident_id)
            is_unsaid = school_id is not None and (known or row.merged_into is not None)
            own = Cause(CauseKind.SCHOOL, school_id=school_id)
            known.insert(0, (0, own if is_unsaid else row.cause))
        self._aliases: dict[str, list[str]] = {}
        for row in record.incidents:
            if row.merged_into is not None:
                self._aliases.setdefault(row.merged_into, []).append(row.incident_id)

    def cause(self, incident_id: str, at_us: int) -> Cause:
        """Return what was thought to be behind an incident at a moment."""
        known = self._causes[incident_id]
        return next((cause for since_us, cause in reversed(known) if since_us <= at_us), known[0][1])

    def first(self, alert: Alert, joined_us: int, last: str) -> str:
        """Return the incident that an alert joined; `last` is the one that has it since, for all we know."""
        among = [
            i
            for i in self._leading_to(last)
            if self.rows[i].began_at_us <= joined_us < self._merged_us.get(i, joined_us + 1)
        ]
        among.sort(key=lambda i: -_RANK[self.cause(i, joined_us).kind])
        school = self._fleet.school_by_id.get(alert.school_id)
        fits = [i for i in among if school and covers_school(self.cause(i, joined_us), school, self._fleet)]
        for i in (*fits, *among):
            if self._room[i, joined_us] > 0:
                self._room[i, joined_us] -= 1
                return i
        return last

    def _leading_to(self, incident_id: str) -> Iterator[str]:
        yield incident_id
        for alias in self._aliases.get(incident_id, ()):
            yield from self._leading_to(alias)
