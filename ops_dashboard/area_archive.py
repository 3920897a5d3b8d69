"""The tables as they are seen from an area: what lies beyond it is not there."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from contract.alert import Alert, AlertEvent, Dismissal
from contract.figures.spans import DaySpan, SpanKind
from contract.incident import Incident
from contract.routing.delivery import NoticeRecord
from contract.routing.swap import Swap
from ops_dashboard.api.answers import Refusal
from ops_dashboard.archive import Archive, OpenWork
from ops_dashboard.incident_reads import KnownIncident
from ops_dashboard.view.alertmanager import OpenDesk
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.narrowing import Narrowing
from storage.wall import SeriesHistory


class AreaArchive:
    """Those reads of an `Archive` that can be narrowed; the others are for the whole city alone.

    It is no subclass: what is added there is not open here.
    """

    def __init__(self, whole: Archive, narrowing: Narrowing) -> None:
        self._whole = whole
        self._narrowing = narrowing

    async def open_alerts(self) -> list[Alert]:
        """Return the alerts of the area that are not resolved."""
        return self._narrowing.alerts(await self._whole.open_alerts())

    async def open_work(self, now_us: int) -> OpenWork:
        """Return the alerts and incidents of the area that are open, and the silences that are not over."""
        found = await self._whole.open_work(now_us)
        own = self._narrowing.alerts(found.alerts)
        return OpenWork(own, self._seen(found.incidents, own), found.silences)

    async def desk(self, now_us: int) -> OpenDesk:
        """Return all that is open in the area."""
        found = await self._whole.desk(now_us)
        own = self._narrowing.alerts(found.alerts)
        seen = {i.incident_id: i for i in self._seen(found.incidents.values(), own)}
        ids = {alert.alert_id for alert in own}
        of = {a: i for a, i in found.incident_of.items() if a in ids and i in seen}
        return found._replace(alerts=own, incidents=seen, incident_of=of)

    async def swaps(self, ended_us: int) -> list[Swap]:
        """Return the swaps of duty that end after a moment: a rota is everybody's."""
        return await self._whole.swaps(ended_us)

    async def known_alerts(self) -> list[Alert]:
        """Return the open alerts of the area and its last resolved ones."""
        return self._narrowing.alerts(await self._whole.known_alerts())

    async def school_alerts(self, school_id: int) -> list[Alert]:
        """Return the last alerts of one school of the area, newest first."""
        return self._narrowing.alerts(await self._whole.school_alerts(school_id))

    async def alert(self, alert_id: str) -> tuple[Alert, list[AlertEvent]] | None:
        """Return an alert of the area and its history."""
        found = await self._whole.alert(alert_id)
        return None if found is None or not self._narrowing.has(found[0].school_id) else found

    async def shared_around(self, alert_id: str) -> tuple[Incident | None, frozenset[str]]:
        """Return the incident of an alert as it is seen here, and the open alerts of other incidents."""
        incident, elsewhere = await self._whole.shared_around(alert_id)
        own = await self.open_alerts()
        seen = None if incident is None else self._narrowing.incident(incident, own)
        return seen, elsewhere & {alert.alert_id for alert in own}

    async def dismissed(
        self, alert: Alert, limit: int, nearby_ids: Sequence[int], after_us: int
    ) -> tuple[list[Dismissal], int]:
        """Return the last dismissals of an alert's rule at its school; how many at others of the area."""
        nearby = [school_id for school_id in nearby_ids if self._narrowing.has(school_id)]
        return await self._whole.dismissed(alert, limit, nearby, after_us)

    async def heard(self, after_us: Mapping[int, int]) -> frozenset[int]:
        """Return the series that have a reading since their moment; they are of a school of the area."""
        return await self._whole.heard(after_us)

    async def series(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        """Return what the series measured; they are of a school of the area."""
        return await self._whole.series(series, from_us, to_us)

    async def shared_series(
        self, series: Sequence[int], from_us: int, to_us: int
    ) -> tuple[str, SeriesHistory]:
        """Return what the series measured; they are of schools of the area."""
        return await self._whole.shared_series(series, from_us, to_us)

    async def weeks(self, series: Sequence[int], midnight_us: int) -> SeriesHistory:
        """Return what the series measured in the weeks before; they are of a school of the area."""
        return await self._whole.weeks(series, midnight_us)

    async def quarters(self, series: Sequence[int], from_us: int, to_us: int) -> SeriesHistory:
        """Return the quarter hours of the series; they are of a school of the area."""
        return await self._whole.quarters(series, from_us, to_us)

    async def newest(self, series: Sequence[int], after_us: int) -> dict[int, tuple[int, float]]:
        """Return the youngest reading of each series; they are of schools of the area."""
        return await self._whole.newest(series, after_us)

    async def place_figures(
        self, place: SchoolGroup, spans: Mapping[SpanKind, DaySpan], schools: Collection[int]
    ) -> PlaceFigures | None:
        """Return the figures of a place where the area has all of its schools, given by id."""
        if not all(map(self._narrowing.has, schools)):
            return None
        return await self._whole.place_figures(place, spans, schools)

    async def known_incidents(self) -> list[Incident]:
        """Return the incidents that are seen from the area: open ones, and resolved ones within it."""
        return self._seen(await self._whole.known_incidents(), await self.open_alerts())

    async def incidents_over_by(self, at_us: int, limit: int, school_id: int | None = None) -> list[Incident]:
        """Return the last incidents within the area that had resolved; of one school if it is given."""
        return self._seen(await self._whole.incidents_over_by(at_us, limit, school_id), ())

    async def incident(self, incident_id: str) -> KnownIncident | None:
        """Return an incident; of one that reaches further only what of it is here."""
        found = await self._whole.incident(incident_id, self._narrowing.school_ids)
        if found is None:
            return None
        if self._narrowing.covers(found.incident):
            return found._replace(similar=[one for one in found.similar if self._narrowing.covers(one)])
        is_open = [m.alert for m in found.members if m.left_at_us is None]
        seen = self._narrowing.incident(found.incident, is_open)
        return None if seen is None else KnownIncident(seen, [], found.members, [], [], [], {})

    async def notices(self, incident_id: str) -> list[NoticeRecord] | None:
        """Return who was told of an incident; nobody of one that reaches further.

        Of a message that told of several incidents the words are left out: the others may lie elsewhere.
        """
        incident = await self._whole.survivor(incident_id)
        if incident is None:
            return None
        if self._narrowing.covers(incident):
            found = await self._whole.notices(incident_id) or []
            return [_by_itself(one, incident) if one.notice.incidents else one for one in found]
        seen = self._narrowing.incident(incident, await self.open_alerts())
        return None if seen is None else []

    async def survivor(self, incident_id: str) -> Incident | None:
        """Return an incident that somebody wants to act on.

        Raises:
            Refusal: it reaches further: what is done to it is done to alerts elsewhere.
        """
        incident = await self._whole.survivor(incident_id)
        if incident is None or self._narrowing.covers(incident):
            return incident
        if self._narrowing.incident(incident, await self.open_alerts()) is None:
            return None
        raise Refusal(403, "beyond_area")

    def _seen(self, incidents: Iterable[Incident], own: Sequence[Alert]) -> list[Incident]:
        seen = [self._narrowing.incident(incident, own) for incident in incidents]
        return [incident for incident in seen if incident is not None]


def _by_itself(record: NoticeRecord, incident: Incident) -> NoticeRecord:
    """Return a notice of several incidents as if it had told of one alone, without its words."""
    known, worst = incident.incident_id, incident.worst_priority
    return replace(
        record,
        notice=replace(record.notice, incident_id=known, incidents=(), priority=worst),
        attempts=tuple(replace(one, title="", body="") for one in record.attempts),
    )
