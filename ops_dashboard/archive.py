"""What the pages read from the tables, through one pool; a database that is away is told as such."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from contract.access.user import User
from contract.alert import Alert, AlertEvent, Dismissal
from contract.commit import Position
from contract.figures.spans import DaySpan, SpanKind
from contract.incident import Incident
from contract.rejected import Reason
from contract.routing.silence import Silence
from contract.routing.swap import Swap
from ops_dashboard.incident_reads import RECENT_RESOLVED, IncidentReads
from ops_dashboard.past.reading import MinuteAsked, MinutesRead, read_minutes
from ops_dashboard.report.place_reading import read_place_figures
from ops_dashboard.report.reading import read_brief
from ops_dashboard.series_reads import SeriesReads
from ops_dashboard.view.alertmanager import OpenDesk
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.desk.quality import Refusals
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from storage.alerts import alert_history, alerts_since, load_alert, open_alerts, recent_alerts
from storage.devices.sightings import troubled_devices
from storage.duty.swaps import swaps_since
from storage.feedback import count_dismissed, dismissals
from storage.incidents import (
    memberships_since,
    open_incidents,
)
from storage.past.minutes import first_known_us
from storage.people.users import list_users
from storage.silences import load_silences, silences_of_event, silences_since
from storage.wall import (
    QuarantineRow,
    RefusedSender,
    ledger,
    quarantine_counts,
    quarantine_page,
    refused_senders,
)


class OpenWork(NamedTuple):
    """What a wall shows that is not measured."""

    alerts: list[Alert]
    """Not resolved."""
    incidents: list[Incident]
    """Neither resolved nor merged."""
    silences: list[Silence]
    """Not over."""


class Archive(IncidentReads, SeriesReads):
    """Reads of the tables; each borrows a connection for as long as it takes."""

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

    async def first_known_us(self) -> int | None:
        """Return the log time of the first moment of which anything is kept; None while nothing is."""
        async with self._connection() as conn:
            return await first_known_us(conn)

    async def minutes(self, asked: MinuteAsked, moments_us: Sequence[int]) -> MinutesRead:
        """Return what was known at moments that are a minute apart."""
        async with self._connection() as conn:
            return await read_minutes(conn, asked, moments_us)

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

    async def quarantine(
        self, limit: int, before_id: int | None, reason: Reason | None
    ) -> tuple[list[QuarantineRow], dict[Reason, int]]:
        """Return a page of refusals, the latest first, and the counts of all by reason."""
        async with self._connection() as conn:
            return await quarantine_page(conn, limit, before_id, reason), await quarantine_counts(conn)

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
