"""What the pages read from the tables, through one pool; a database that is away is told as such."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.user import User
from contract.alert import Alert, AlertEvent, Dismissal
from contract.commit import Position
from contract.figures.spans import DaySpan, SpanKind
from contract.incident import Incident, IncidentEvent, Membership, SchoolSpan
from contract.rejected import Reason
from contract.routing.delivery import NoticeRecord
from contract.routing.silence import Silence
from contract.routing.swap import Swap
from ops_dashboard.borrowing import ReaderPool, borrowed
from ops_dashboard.kept_reads import KeptReads
from ops_dashboard.past.reading import MinuteAsked, MinutesRead, read_minutes
from ops_dashboard.report.place_reading import read_place_figures
from ops_dashboard.report.reading import read_brief
from ops_dashboard.view.alertmanager import OpenDesk
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.desk.quality import Refusals
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from ops_dashboard.view.past import SPAN_US, WEEK_US, WEEKS, PastSums
from storage.alerts import alert_history, alerts_since, load_alert, open_alerts, recent_alerts
from storage.devices.sightings import troubled_devices
from storage.duty.swaps import swaps_since
from storage.feedback import count_dismissed, dismissals
from storage.incidents import (
    aliases,
    incident_history,
    incident_of,
    last_words,
    load_incident,
    memberships_of,
    memberships_since,
    open_incidents,
    recent_incidents,
    school_spans,
    shared_alerts,
    similar_incidents,
)
from storage.outbox import notice_records
from storage.past.desk import incidents_over_by
from storage.past.minutes import first_known_us
from storage.people.users import list_users
from storage.silences import load_silences, silences_of_event, silences_since
from storage.times import Responses, incident_times, notice_moments, standing_incidents
from storage.wall import (
    KpiHistory,
    QuarantineRow,
    RefusedSender,
    SeriesHistory,
    heard_series,
    kept_bucket,
    kpi_history,
    kpi_stretches,
    ledger,
    newest_readings,
    quarantine_counts,
    quarantine_page,
    refused_senders,
    series_history,
)

RAW_MAX_US: Final = 6 * 3600 * 1_000_000
"""Longest stretch of time drawn from raw readings; longer ones come in quarters of an hour."""
ANSWER_S: Final = 10.0
"""Longest wait for PostgreSQL, seconds; then the page says so instead of keeping a person waiting."""
WEEKS_US: Final = 28 * 86_400_000_000
"""So far back go a school's weeks from a local midnight, µs."""
WEEKS_AGE_S: Final = 900.0
"""So long they are kept, seconds: what came late, or was corrected, of an earlier day is seen after that."""
MOST_SCHOOLS: Final = 16
"""Schools, or worst members of incidents, whose weeks are kept: a good megabyte each."""
SHARED_AGE_S: Final = 10.0
"""So long it is kept what series of several schools measured, seconds: many look at one incident."""
MOST_SHARED: Final = 16
"""Stretches of such series that are kept: some 100 kB each."""
LATELY_AGE_S: Final = 55.0
"""So long it is kept who said anything lately, seconds: its page asks once a minute."""
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


class OpenWork(NamedTuple):
    """What a wall shows that is not measured."""

    alerts: list[Alert]
    """Not resolved."""
    incidents: list[Incident]
    """Neither resolved nor merged."""
    silences: list[Silence]
    """Not over."""


class Archive:
    """Reads of the tables; each borrows a connection for as long as it takes."""

    def __init__(self, pool: ReaderPool) -> None:
        self.pool = pool
        self._weeks = KeptReads[tuple[tuple[int, ...], int], SeriesHistory](WEEKS_AGE_S, MOST_SCHOOLS)
        self._shared = KeptReads[tuple[tuple[int, ...], int, int], tuple[str, SeriesHistory]](
            SHARED_AGE_S, MOST_SHARED
        )
        self._lately = KeptReads[tuple[int, ...], frozenset[int]](LATELY_AGE_S, 1)

    async def open_alerts(self) -> list[Alert]:
        """Return the alerts that are not resolved."""
        async with self._connection() as conn:
            return await open_alerts(conn)

    async def open_work(self, now_us: int) -> OpenWork:
        """Return the alerts and incidents that are open, and the silences that are not over."""
        async with self._connection() as conn:
            silences = await silences_since(conn, now_us)
            return OpenWork(await open_alerts(conn), await open_incidents(conn), silences)

    async def brief(self, asked: BriefAsked, by: Brand) -> Brief:
        """Return leadership's brief of a span."""
        async with self._connection() as conn:
            return await read_brief(conn, asked, by)

    async def desk(self, now_us: int) -> OpenDesk:
        """Return all that is open, and the silences that are not over; `now_us` is the log time."""
        async with self._connection() as conn:
            members = await memberships_since(conn, now_us)
            return OpenDesk(
                await open_alerts(conn),
                {i.incident_id: i for i in await open_incidents(conn)},
                {m.alert.alert_id: m.incident_id for m in members if m.left_at_us is None},
                await silences_since(conn, now_us),
                now_us,
            )

    async def alerts_since(self, opened_us: int) -> list[Alert]:
        """Return the alerts that opened at a moment or later, µs since 1970, resolved or not."""
        async with self._connection() as conn:
            return await alerts_since(conn, opened_us)

    async def silences(self, ended_us: int) -> list[Silence]:
        """Return the silences that end after a moment, µs since 1970, by their beginning."""
        async with self._connection() as conn:
            return await silences_since(conn, ended_us)

    async def swaps(self, ended_us: int) -> list[Swap]:
        """Return the swaps of duty that end after a moment, µs since 1970, by their beginning."""
        async with self._connection() as conn:
            return await swaps_since(conn, ended_us)

    async def silence(self, silence_id: str) -> Silence | None:
        """Return a silence as it stands, or None if none has that id."""
        async with self._connection() as conn:
            return next(iter(await load_silences(conn, [silence_id])), None)

    async def silences_of_event(self, uid: str) -> list[Silence]:
        """Return all silences that a calendar event announced, over or not, the newest first."""
        async with self._connection() as conn:
            return await silences_of_event(conn, uid)

    async def known_incidents(self) -> list[Incident]:
        """Return the open incidents and the last resolved ones, each once."""
        async with self._connection() as conn:
            found = [*await recent_incidents(conn, RECENT_RESOLVED), *await open_incidents(conn)]
        return list({i.incident_id: i for i in found}.values())

    async def incidents_over_by(self, at_us: int, limit: int, school_id: int | None = None) -> list[Incident]:
        """Return the last incidents that had resolved by a moment; of one school if it is given."""
        async with self._connection() as conn:
            return await incidents_over_by(conn, at_us, limit, school_id)

    async def first_known_us(self) -> int | None:
        """Return the log time of the first moment of which anything is kept; None while nothing is."""
        async with self._connection() as conn:
            return await first_known_us(conn)

    async def minutes(self, asked: MinuteAsked, moments_us: Sequence[int]) -> MinutesRead:
        """Return what was known at moments that are a minute apart."""
        async with self._connection() as conn:
            return await read_minutes(conn, asked, moments_us)

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

    async def known_alerts(self) -> list[Alert]:
        """Return the open alerts and the last resolved ones, each once."""
        async with self._connection() as conn:
            found = [*await recent_alerts(conn, RECENT_RESOLVED), *await open_alerts(conn)]
        return list({a.alert_id: a for a in found}.values())

    async def school_alerts(self, school_id: int) -> list[Alert]:
        """Return the last alerts of one school, newest first."""
        async with self._connection() as conn:
            return await recent_alerts(conn, 50, school_id=school_id)

    async def alert(self, alert_id: str) -> tuple[Alert, list[AlertEvent]] | None:
        """Return an alert and its history, or None if none has that id."""
        async with self._connection() as conn:
            alert = await load_alert(conn, alert_id)
            return None if alert is None else (alert, await alert_history(conn, alert_id))

    async def shared_around(self, alert_id: str) -> tuple[Incident | None, frozenset[str]]:
        """Return the incident of an alert, and the open alerts of other incidents with a shared cause."""
        async with self._connection() as conn:
            incident = await incident_of(conn, alert_id)
            own = None if incident is None else incident.incident_id
            shared = await shared_alerts(conn)
        return incident, frozenset(one for one, incident_id in shared.items() if incident_id != own)

    async def dismissed(
        self, alert: Alert, limit: int, nearby_ids: Sequence[int], after_us: int
    ) -> tuple[list[Dismissal], int]:
        """Return the last dismissals of an alert's rule at its school, and how many alerts at others.

        Args:
            alert: the alert, whose own dismissals are left out.
            limit: greatest number of dismissals.
            nearby_ids: the other schools.
            after_us: since when theirs count, µs since 1970.
        """
        async with self._connection() as conn:
            past = await dismissals(conn, alert.rule, alert.school_id, besides=alert.alert_id, limit=limit)
            return past, await count_dismissed(conn, alert.rule, nearby_ids, after_us)

    async def heard(self, after_us: Mapping[int, int]) -> frozenset[int]:
        """Return the series that have a reading since their moment; `after_us` by series, µs since 1970."""
        async with self._connection() as conn:
            return await heard_series(conn, after_us)

    async def heard_lately(self, series: tuple[int, ...], after_us: int) -> frozenset[int]:
        """Return the series that have a reading since a moment, µs; `LATELY_AGE_S` old at most.

        They are all of the city's, and read once for all who look.
        """
        return await self._lately.get(series, lambda: self.heard(dict.fromkeys(series, after_us)))

    async def weeks(self, series: Sequence[int], midnight_us: int) -> SeriesHistory:
        """Return what the series measured in the `WEEKS_US` before a local midnight, µs since 1970.

        It is read once for all who look at the same school.
        """

        async def read() -> SeriesHistory:
            return (await self.series(series, midnight_us - WEEKS_US, midnight_us))[1]

        return await self._weeks.get((tuple(series), midnight_us), read)

    async def quarters(self, series: Sequence[int], from_us: int, to_us: int) -> SeriesHistory:
        """Return what the series measured, quarter hour by quarter hour."""
        async with self._connection() as conn:
            return await series_history(conn, list(series), from_us, to_us, "15m")

    async def series(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        """Return the bucket (`raw` or `15m`, a wider one for what is older) and what the series measured."""
        finest = "raw" if to_us - from_us <= RAW_MAX_US else "15m"
        async with self._connection() as conn:
            bucket = await kept_bucket(conn, from_us, finest)
            return bucket, await series_history(conn, list(series), from_us, to_us, bucket)

    async def shared_series(
        self, series: Sequence[int], from_us: int, to_us: int
    ) -> tuple[str, SeriesHistory]:
        """Return what `series` does, read once for all who look at the same; `SHARED_AGE_S` old at most."""
        key = tuple(series), from_us, to_us
        return await self._shared.get(key, lambda: self.series(series, from_us, to_us))

    async def city_minutes(self, metric_ids: Sequence[int], from_us: int, to_us: int) -> list[KpiHistory]:
        """Return the minutes of metrics over the whole city, in the order asked."""
        async with self._connection() as conn:
            return [await kpi_history(conn, metric_id, from_us, to_us) for metric_id in metric_ids]

    async def past(self, metric_ids: Mapping[str, int], at_us: int) -> list[dict[str, PastSums]]:
        """Return metrics of the city at this time of the last weeks, a week ago first.

        Args:
            metric_ids: of the metrics, by the names that are given back.
            at_us: log time.
        """
        starts = [at_us - week * WEEK_US - SPAN_US // 2 for week in range(1, WEEKS + 1)]
        async with self._connection() as conn:
            found = await kpi_stretches(conn, list(metric_ids.values()), [(s, s + SPAN_US) for s in starts])
        return [
            {name: PastSums(*found[start, i]) for name, i in metric_ids.items() if (start, i) in found}
            for start in starts
        ]

    async def stretches(self, metric_id: int, stretches: Sequence[tuple[int, int]]) -> dict[int, PastSums]:
        """Return a metric of the city over stretches of minutes, by their beginnings, µs since 1970."""
        async with self._connection() as conn:
            found = await kpi_stretches(conn, [metric_id], stretches)
        return {first: PastSums(*sums) for (first, _), sums in found.items()}

    async def quarantine(
        self, limit: int, before_id: int | None, reason: Reason | None
    ) -> tuple[list[QuarantineRow], dict[Reason, int]]:
        """Return a page of refusals, the latest first, and the counts of all by reason."""
        async with self._connection() as conn:
            return await quarantine_page(conn, limit, before_id, reason), await quarantine_counts(conn)

    async def newest(self, series: Sequence[int], after_us: int) -> dict[int, tuple[int, float]]:
        """Return time and value of the youngest reading of each series since a moment, µs since 1970."""
        async with self._connection() as conn:
            return await newest_readings(conn, series, after_us)

    async def place_figures(
        self, place: SchoolGroup, spans: Mapping[SpanKind, DaySpan], schools: Collection[int]
    ) -> PlaceFigures | None:
        """Return the figures of a place, all of whose schools are given by id."""
        async with self._connection() as conn:
            return await read_place_figures(conn, place, spans)

    async def refused(self, after_us: int, limit: int, school: str) -> list[RefusedSender]:
        """Return what was refused of a school, given by its code, since a moment of log time."""
        async with self._connection() as conn:
            return await refused_senders(conn, after_us, limit, school)

    async def refusals(self, after_us: int, limit: int) -> Refusals:
        """Return what was refused, by reason and by sender since a moment of log time, and by the broker."""
        async with self._connection() as conn:
            return Refusals(
                await quarantine_counts(conn),
                await refused_senders(conn, after_us, limit),
                await troubled_devices(conn, limit),
            )

    async def users(self) -> list[User]:
        """Return all who may sign in, by name."""
        async with self._connection() as conn:
            return await list_users(conn)

    async def ledger(self) -> dict[str, Position]:
        """Return the position and counts of every log."""
        async with self._connection() as conn:
            return await ledger(conn)

    def _connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        return borrowed(self.pool, ANSWER_S)
