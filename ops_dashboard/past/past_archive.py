"""The tables as they were at an earlier minute: what came later is not there."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any, Final

from msgspec.structs import replace
from psycopg import AsyncConnection

from alerting.incidents.homes import StoredIncidents
from alerting.incidents.replay import DeskThen, alert_then, find_then
from contract.alert import Alert, AlertEvent, Dismissal, TransitionKind
from contract.canary import SYSTEM_SCHOOL_ID
from contract.clock import LogClock
from contract.figures.spans import DaySpan, SpanKind
from contract.fleet import Fleet
from contract.incident import CauseKind, Incident, SchoolSpan, worst_first
from contract.routing.delivery import NoticeRecord
from contract.routing.notice import NoticeFate
from contract.routing.swap import Swap
from ops_dashboard.archive import Archive
from ops_dashboard.borrowing import ANSWER_S, borrowed
from ops_dashboard.incident_reads import MOST_MEMBERS, MOST_SIMILAR, RECENT_RESOLVED, KnownIncident
from ops_dashboard.report.reading import read_brief
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from ops_dashboard.view.past import PastSums
from storage.alerts import alert_history, load_alert
from storage.feedback import count_dismissed, dismissals
from storage.incidents import incident_history, last_words, similar_incidents
from storage.outbox import notice_records
from storage.past.desk import alerts_told_by, deeds_on, incident_family
from storage.wall import KpiHistory, SeriesHistory, heard_series, newest_readings

SCHOOL_ALERTS: Final = 50
_ALONE: Final = (CauseKind.SCHOOL, CauseKind.SYSTEM)


class PastArchive:
    """Those reads of an `Archive` that an earlier minute has.

    It is no subclass: what is added there is not open here.
    """

    def __init__(
        self, whole: Archive, fleet: Fleet, desk: DeskThen, yesterday: date, clock: LogClock
    ) -> None:
        """Look from a minute.

        Args:
            whole: the tables of now.
            fleet: the whole city.
            desk: what was open.
            yesterday: the last local day that was over.
            clock: of the log.
        """
        self._whole = whole
        self._fleet = fleet
        self._desk = desk
        self._yesterday = yesterday
        self._clock = clock

    @property
    def _at_us(self) -> int:
        return self._desk.at_us

    def _connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        return borrowed(self._whole.pool, ANSWER_S)

    async def open_alerts(self) -> list[Alert]:
        """Return the alerts that were open."""
        return self._desk.alerts

    async def known_alerts(self) -> list[Alert]:
        """Return the alerts that were open and the last ones that had resolved."""
        found = {a.alert_id: a for a in await self._told(RECENT_RESOLVED, None)}
        return list((found | {a.alert_id: a for a in self._desk.alerts}).values())

    async def swaps(self, ended_us: int) -> list[Swap]:
        """Return the swaps of duty that end after a moment; none holds before it was made."""
        return await self._whole.swaps(ended_us)

    async def school_alerts(self, school_id: int) -> list[Alert]:
        """Return the last alerts of one school by then, newest first."""
        return await self._told(SCHOOL_ALERTS, school_id)

    async def _told(self, limit: int, school_id: int | None) -> list[Alert]:
        async with self._connection() as conn:
            found = await alerts_told_by(conn, self._at_us, limit, school_id)
            deeds = await deeds_on(conn, [alert.alert_id for alert, _ in found])
        of: dict[str, list[AlertEvent]] = {}
        for deed in deeds:
            of.setdefault(deed.alert_id, []).append(deed)
        return [alert_then(a, of.get(a.alert_id, ()), left_us, self._at_us) for a, left_us in found]

    async def alert(self, alert_id: str) -> tuple[Alert, list[AlertEvent]] | None:
        """Return an alert and what had happened to it; None of one that had not been seen yet."""
        async with self._connection() as conn:
            alert = await load_alert(conn, alert_id)
            if alert is None or alert.detected_at_us > self._at_us:
                return None
            history = await alert_history(conn, alert_id)
        is_open = alert_id in self._desk.incident_of
        left_us = None if is_open else alert.resolved_at_us
        ending = TransitionKind.RESOLVED.value
        told = [e for e in history if e.at_us <= self._at_us and not (is_open and e.kind == ending)]
        return alert_then(alert, history, left_us, self._at_us), told

    async def shared_around(self, alert_id: str) -> tuple[Incident | None, frozenset[str]]:
        """Return the incident that an alert was in, and the open alerts of others with a shared cause."""
        known = {i.incident_id: i for i in self._desk.incidents}
        own = self._desk.incident_of.get(alert_id)
        shared = {
            one for one, i in self._desk.incident_of.items() if i != own and known[i].cause.kind not in _ALONE
        }
        return None if own is None else known[own], frozenset(shared)

    async def dismissed(
        self, alert: Alert, limit: int, nearby_ids: Sequence[int], after_us: int
    ) -> tuple[list[Dismissal], int]:
        """Return the last dismissals by then of an alert's rule at its school; how many at others."""
        async with self._connection() as conn:
            past = await dismissals(conn, alert.rule, alert.school_id, besides=alert.alert_id, limit=50)
            count = await count_dismissed(conn, alert.rule, nearby_ids, after_us, self._at_us)
        return [one for one in past if one.at_us <= self._at_us][:limit], count

    async def heard(self, after_us: Mapping[int, int]) -> frozenset[int]:
        """Return the series that had a reading since their moment."""
        async with self._connection() as conn:
            return await heard_series(conn, after_us, self._at_us)

    async def newest(self, series: Sequence[int], after_us: int) -> dict[int, tuple[int, float]]:
        """Return time and value of the youngest reading of each series by then."""
        async with self._connection() as conn:
            return await newest_readings(conn, series, after_us, self._at_us)

    async def series(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        """Return what the series had measured."""
        return await self._whole.series(series, from_us, min(to_us, self._at_us))

    async def shared_series(
        self, series: Sequence[int], from_us: int, to_us: int
    ) -> tuple[str, SeriesHistory]:
        """Return what the series had measured."""
        return await self._whole.shared_series(series, from_us, min(to_us, self._at_us))

    async def weeks(self, series: Sequence[int], midnight_us: int) -> SeriesHistory:
        """Return what the series had measured in the weeks before the day."""
        return await self._whole.weeks(series, midnight_us)

    async def quarters(self, series: Sequence[int], from_us: int, to_us: int) -> SeriesHistory:
        """Return the quarter hours that the series had measured."""
        return await self._whole.quarters(series, from_us, min(to_us, self._at_us))

    async def city_minutes(self, metric_ids: Sequence[int], from_us: int, to_us: int) -> list[KpiHistory]:
        """Return the minutes of metrics that were over."""
        return await self._whole.city_minutes(metric_ids, from_us, min(to_us, self._at_us))

    async def stretches(self, metric_id: int, stretches: Sequence[tuple[int, int]]) -> dict[int, PastSums]:
        """Return a metric of the city over stretches of minutes that were over."""
        return await self._whole.stretches(metric_id, [one for one in stretches if one[1] <= self._at_us])

    async def place_figures(
        self, place: SchoolGroup, spans: Mapping[SpanKind, DaySpan], schools: Collection[int]
    ) -> PlaceFigures | None:
        """Return the figures of a place up to the day before: of a running day nothing is kept."""
        cut = {kind: DaySpan(one.first, min(one.last, self._yesterday)) for kind, one in spans.items()}
        return await self._whole.place_figures(place, cut, schools)

    async def brief(self, asked: BriefAsked, by: Brand) -> Brief:
        """Return leadership's brief of a span up to the day before, with the incidents as they stood."""
        day = min(asked.day, self._yesterday)
        incidents = [*(await self._over(RECENT_RESOLVED)), *self._desk.incidents]
        async with self._connection() as conn:
            return await read_brief(conn, asked._replace(day=day), by, incidents, self._at_us)

    async def known_incidents(self) -> list[Incident]:
        """Return the incidents that were open and the last ones that had resolved."""
        return [*(await self._over(RECENT_RESOLVED)), *self._desk.incidents]

    async def incidents_over_by(self, at_us: int, limit: int, school_id: int | None = None) -> list[Incident]:
        """Return the last incidents that had resolved; of one school if it is given."""
        return await self._whole.incidents_over_by(min(at_us, self._at_us), limit, school_id)

    async def _over(self, limit: int) -> list[Incident]:
        found = await self._whole.incidents_over_by(self._at_us, limit)
        return list({i.incident_id: i for i in (*found, *self._desk.over)}.values())

    async def incident(self, incident_id: str, schools: frozenset[int] | None = None) -> KnownIncident | None:
        """Return an incident with all that was known of it; None of one that had not begun.

        Args:
            incident_id: the incident.
            schools: whose alerts are told, by id; None for all.
        """
        async with self._connection() as conn:
            record = StoredIncidents(*await incident_family(conn, incident_id))
            then = await asyncio.to_thread(find_then, record, self._fleet, incident_id, self._at_us)
            if then is None:
                return None
            known = then.incident.incident_id
            own = [m for m in then.members if schools is None or m.alert.school_id in schools]
            similar = await similar_incidents(conn, then.incident, MOST_SIMILAR, self._at_us)
            events = [e for e in await incident_history(conn, known) if e.at_us <= self._at_us]
            words = await last_words(conn, [one.incident_id for one in similar])
        return KnownIncident(
            then.incident,
            events,
            sorted(own, key=worst_first)[:MOST_MEMBERS],
            then.aliases,
            [
                SchoolSpan(m.alert.school_id, m.alert.opened_at_us, m.left_at_us)
                for m in then.members
                if m.alert.school_id != SYSTEM_SCHOOL_ID
            ],
            similar,
            words,
        )

    async def survivor(self, incident_id: str) -> Incident | None:
        """Return an incident as it stood, None of one that had not begun."""
        found = await self.incident(incident_id)
        return None if found is None else found.incident

    async def notices(self, incident_id: str) -> list[NoticeRecord] | None:
        """Return who had been told of an incident, with the attempts that had been made."""
        known = await self.incident(incident_id)
        if known is None:
            return None
        async with self._connection() as conn:  # of what was merged later nobody knew then
            found = await notice_records(conn, [known.incident.incident_id, *known.aliases])
        return [self._then(one) for one in found if one.notice.at_us <= self._at_us]

    def _then(self, record: NoticeRecord) -> NoticeRecord:
        real_us = self._clock.real_us(self._at_us)
        is_over = record.over_at_us is not None and record.over_at_us <= real_us
        return replace(
            record,
            attempts=tuple(one for one in record.attempts if one.at_us <= real_us),
            **({} if is_over else {"fate": NoticeFate.WAITING, "over_at_us": None, "said_with": ""}),
        )
