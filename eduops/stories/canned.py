"""What stands in for database and broker in a story: the reads of a dashboard, answered from a scene."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from alerting.incidents.replay import DeskThen
from contract.access.decision import Principal
from contract.access.permission import Role
from contract.access.user import User
from contract.alert import Alert, AlertEvent, Dismissal
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.commit import Counts, Position
from contract.entry import ALERTS_LOG, telemetry_log
from contract.figures.spans import DaySpan, SpanKind
from contract.fleet import Fleet
from contract.incident import Incident, SchoolSpan, worst_first
from contract.live import SUMMARY_SUBJECT, Summary
from contract.rejected import Reason
from contract.routing.delivery import NoticeRecord
from contract.routing.silence import Silence
from contract.routing.swap import Swap
from contract.series import METRIC_BITS
from eduops.stories.people import CannedPeople, responses_of
from eduops.stories.scene import MINUTE_US, Scene
from eduops.stories.shelf import FigureShelf
from eduops.stories.telling import FINE_US, PARTITIONS, City, heartbeats_of, left_users, summaries_of
from ops_dashboard.access.recorder import Recorder
from ops_dashboard.access.register import Bearer, Register
from ops_dashboard.archive import Archive, OpenWork
from ops_dashboard.incident_reads import KnownIncident
from ops_dashboard.past.reading import MinuteAsked, MinutesRead, layout_of
from ops_dashboard.people.waiting_screens import WaitingScreen, WaitingScreens
from ops_dashboard.saved_views.keeping import SavedViews
from ops_dashboard.special_days.desk import WINDOW_DAYS, CalendarDesk
from ops_dashboard.special_days.reading import DeskReader
from ops_dashboard.tables import Tables
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.desk.quality import Refusals
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from ops_dashboard.view.minutes import MinuteThen
from ops_dashboard.view.past import SPAN_US, WEEK_US, WEEKS, PastSums, past_of
from storage.people.credentials import CredentialKind
from storage.people.pairing import Pairing
from storage.people.saved_views import SavedView
from storage.times import Responses
from storage.wall import KpiHistory, QuarantineRow, RefusedSender, SeriesHistory

CODE: Final = "WXKFTRMB"
SECRET: Final = "canned"
KEPT_US: Final = 90 * 24 * 60 * MINUTE_US


class CannedArchive(Archive):
    """The reads that a page of a story makes; any other is told that the database is away."""

    def __init__(self, tables: Tables, scene: Scene, city: City, shelf: FigureShelf, clock: LogClock) -> None:
        super().__init__(tables.pool)  # which is never opened
        self._clock = clock
        self._scene = scene
        self._city = city
        self._shelf = shelf

    async def open_alerts(self) -> list[Alert]:
        """Return the scene's open alerts."""
        return self._scene.open_alerts

    async def open_work(self, now_us: int) -> OpenWork:
        """Return what is open in the scene."""
        scene = self._scene
        return OpenWork(scene.open_alerts, scene.open_incidents, scene.silences)

    async def known_alerts(self) -> list[Alert]:
        """Return all alerts of the scene."""
        return list(self._scene.alerts.values())

    async def known_incidents(self) -> list[Incident]:
        """Return the incidents of the scene, but those that were merged."""
        return [*self._scene.over, *self._scene.open_incidents]

    async def incidents_over_by(self, at_us: int, limit: int, school_id: int | None = None) -> list[Incident]:
        """Return the incidents of the scene that had resolved by a moment; of one school if it is given."""
        own = [m for m in self._scene.memberships.values() if school_id in (None, m.alert.school_id)]
        ids = {member.incident_id for member in own}
        return [i for i in self._scene.over if (i.ended_at_us or 0) <= at_us and i.incident_id in ids]

    async def refused(self, after_us: int, limit: int, school: str) -> list[RefusedSender]:
        """Return what was refused of a school in the scene."""
        return [one for one in self._scene.senders if one.school == school]

    async def school_alerts(self, school_id: int) -> list[Alert]:
        """Return the alerts of one school of the scene."""
        found = [alert for alert in self._scene.alerts.values() if alert.school_id == school_id]
        return sorted(found, key=lambda alert: -alert.opened_at_us)

    async def alert(self, alert_id: str) -> tuple[Alert, list[AlertEvent]] | None:
        """Return an alert of the scene and its history."""
        found = self._scene.alerts.get(alert_id)
        history = [event for event in self._scene.history if event.alert_id == alert_id]
        return None if found is None else (found, history)

    async def shared_around(self, alert_id: str) -> tuple[Incident | None, frozenset[str]]:
        """Return the incident of an alert of the scene; no other has a shared cause."""
        member = self._scene.memberships.get(alert_id)
        return None if member is None else self._scene.known[member.incident_id], frozenset()

    async def dismissed(
        self, alert: Alert, limit: int, nearby_ids: Sequence[int], after_us: int
    ) -> tuple[list[Dismissal], int]:
        """Return that nobody ever dismissed anything."""
        return [], 0

    async def survivor(self, incident_id: str) -> Incident | None:
        """Return an incident of the scene."""
        return self._scene.known.get(incident_id)

    async def incident(self, incident_id: str, schools: frozenset[int] | None = None) -> KnownIncident | None:
        """Return an incident of the scene with all that belongs to it; of these schools, if any are given."""
        incident = self._scene.known.get(incident_id)
        if incident is None:
            return None
        members = [m for m in self._scene.memberships.values() if m.incident_id == incident_id]
        events = [event for event in self._scene.events if event.incident_id == incident_id]
        spans = [
            SchoolSpan(m.alert.school_id, m.alert.opened_at_us, m.left_at_us)
            for m in members
            if m.alert.school_id != SYSTEM_SCHOOL_ID
        ]
        members = sorted(
            (m for m in members if schools is None or m.alert.school_id in schools), key=worst_first
        )
        return KnownIncident(incident, events, members, [], spans, [], {})

    async def notices(self, incident_id: str) -> list[NoticeRecord] | None:
        """Return who was told of an incident of the scene."""
        if incident_id not in self._scene.known:
            return None
        return [self._really(one) for one in self._scene.told if one.notice.incident_id == incident_id]

    def _really(self, one: NoticeRecord) -> NoticeRecord:
        """Return a notice with the times of the machine's clock, as the notifier writes them."""
        really = self._clock.real_us
        return msgspec.structs.replace(
            one,
            made_at_us=really(one.made_at_us),
            next_try_at_us=really(one.next_try_at_us),
            over_at_us=None if one.over_at_us is None else really(one.over_at_us),
            attempts=tuple(msgspec.structs.replace(a, at_us=really(a.at_us)) for a in one.attempts),
        )

    async def silences(self, ended_us: int) -> list[Silence]:
        """Return the scene's silences."""
        return self._scene.silences

    async def swaps(self, ended_us: int) -> list[Swap]:
        """Return that everybody has the duty that the file gives them."""
        return []

    async def response(self, from_us: int, until_us: int, began_us: int) -> Responses:
        """Return how the incidents of the scene fared, when its people were told, and what stands."""
        return responses_of(self._scene, began_us)

    async def users(self) -> list[User]:
        """Return that there is nobody else."""
        return []

    async def heard(self, after_us: Mapping[int, int]) -> frozenset[int]:
        """Return the series of the devices that are not silent in the scene."""
        devices = heartbeats_of(self._scene)
        return frozenset(number for number in after_us if number >> METRIC_BITS in devices)

    async def newest(self, series: Sequence[int], after_us: int) -> dict[int, tuple[int, float]]:
        """Return the youngest readings of lines."""
        return self._city.newest(series, self._scene)

    async def series(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        """Return what series measured."""
        fine = to_us - from_us <= FINE_US
        return "raw" if fine else "15m", self._city.history(series, from_us, to_us, self._scene, fine=fine)

    async def quarters(self, series: Sequence[int], from_us: int, to_us: int) -> SeriesHistory:
        """Return what series measured by quarter hours."""
        return self._city.history(series, from_us, to_us, self._scene, fine=False)

    async def city_minutes(self, metric_ids: Sequence[int], from_us: int, to_us: int) -> list[KpiHistory]:
        """Return the city's minutes of metrics of lines."""
        return [self._city.minutes(metric_id, from_us, to_us) for metric_id in metric_ids]

    async def past(self, metric_ids: Mapping[str, int], at_us: int) -> list[dict[str, PastSums]]:
        """Return what the figures were at this time of the last weeks."""
        if self._scene.is_new:
            return []
        minute_us = at_us // SPAN_US * SPAN_US
        return [self._city.sums(minute_us - week * WEEK_US) for week in range(1, WEEKS + 1)]

    async def stretches(self, metric_id: int, stretches: Sequence[tuple[int, int]]) -> dict[int, PastSums]:
        """Return the learners of stretches of minutes; what is wrong now was so since it began."""
        if self._scene.is_new:
            return {}
        since_us = min((alert.opened_at_us for alert in self._scene.open_alerts), default=self._scene.now_us)
        left = left_users(self._scene, self._city)
        found = {first: self._city.users(first) for first, _ in stretches}
        return {
            first: one
            if first < since_us
            else one._replace(reporting=one.reporting * left[0], total=one.total * left[1])
            for first, one in found.items()
        }

    async def brief(self, asked: BriefAsked, by: Brand) -> Brief:
        """Return leadership's brief of the scene's figures."""
        times = responses_of(self._scene, 0).times
        return self._shelf.brief(asked, by, times, await self.known_incidents())

    async def place_figures(
        self, place: SchoolGroup, spans: Mapping[SpanKind, DaySpan], schools: Collection[int]
    ) -> PlaceFigures | None:
        """Return the figures of a place."""
        return self._shelf.place(place, spans, [cluster.code for cluster in self._scene.fleet.clusters])

    async def quarantine(
        self, limit: int, before_id: int | None, reason: Reason | None
    ) -> tuple[list[QuarantineRow], dict[Reason, int]]:
        """Return what was refused in the scene."""
        rows = [QuarantineRow(n, one) for n, one in enumerate(self._scene.refused, 1)]
        return rows, Counter(row.rejected.reason for row in rows)

    async def refusals(self, after_us: int, limit: int) -> Refusals:
        """Return what was refused in the scene, by sender."""
        _, counts = await self.quarantine(limit, None, None)
        return Refusals(counts, self._scene.senders, [])

    async def ledger(self) -> dict[str, Position]:
        """Return the position and counts of every log."""
        names = [ALERTS_LOG, *map(telemetry_log, range(PARTITIONS))]
        refused = len(self._scene.refused)
        counts = Counts(18_401_235 + refused, 18_400_000, duplicate=1200, quarantined=refused, corrected=35)
        return {name: Position(41_000, self._scene.now_us, 0, None, counts) for name in names}

    async def first_known_us(self) -> int | None:
        """Return that of the last 90 days everything is kept."""
        return self._scene.now_us - KEPT_US

    async def minutes(self, asked: MinuteAsked, moments_us: Sequence[int]) -> MinutesRead:
        """Return the scene as each of its earlier minutes."""
        beats = layout_of(asked.fleet, asked.catalogue, asked.partitions).heartbeat.tolist()
        heard = await self.heard(dict.fromkeys(beats, 0))
        found = []
        for at_us in moments_us:
            desk = DeskThen(at_us, self._scene.open_alerts, self._scene.open_incidents, {}, self._scene.over)
            past = past_of(await self.past({}, at_us), asked.coverage_min)
            sums = {s.partition: s.kpis for s in summaries_of(self._scene, self._city)}
            found.append(MinuteThen(desk, self._scene.silences, sums, heard, past))
        return MinutesRead(found, "raw")


class CannedRegister(Register):
    """Knows one viewer, whoever asks."""

    def __init__(self, viewer: Principal) -> None:
        super().__init__("")
        is_screen = viewer.grade is Role.SCREEN
        self._bearer = Bearer(CredentialKind.SCREEN if is_screen else CredentialKind.SESSION, viewer, b"")

    async def find(self, secret: str) -> Bearer | None:
        """Return the viewer."""
        return self._bearer

    async def run(self) -> None:
        """Wait: the viewer stays who they are."""
        await asyncio.Event().wait()


class CannedRecorder(Recorder):
    """Keeps no record: nothing happens in a story."""

    async def add(self, *_: object) -> None:
        """Forget it."""


class CannedScreens(WaitingScreens):
    """Knows a wall that waits."""

    async def look(self, secret: str, session: str, address: str) -> WaitingScreen | None:
        """Return a wall that somebody ended, and that waits."""
        return WaitingScreen(SECRET, Pairing(CODE, False), was_ended=True)


class CannedDays(DeskReader):
    """Knows the days for the calendar of a scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def read(self, fleet: Fleet, _: Catalogue, calendar: SchoolCalendar, now_us: int) -> CalendarDesk:
        """Return what is proposed and decided in the scene."""
        newest = calendar.local_day(now_us) - timedelta(1)
        return CalendarDesk(self._scene.proposed, tuple(self._scene.decided), newest, WINDOW_DAYS)


class CannedViews(SavedViews):
    """Keeps what a scene's viewer keeps."""

    def __init__(self, scene: Scene) -> None:
        self._kept = scene.views

    async def kept(self, user: str, page: str) -> list[SavedView]:
        """Return it."""
        return self._kept


class CannedTables(Tables):
    """A scene in place of the database."""

    def __init__(
        self, scene: Scene, city: City, shelf: FigureShelf, clock: LogClock, viewer: Principal
    ) -> None:
        super().__init__("")
        self.archive = CannedArchive(self, scene, city, shelf, clock)
        self.register = CannedRegister(viewer)
        self.recorder = CannedRecorder(self.pool)
        self.screens = CannedScreens(self.pool)
        self.days = CannedDays(scene)
        self.people = CannedPeople(time.time_ns() // 1000)
        self.views = CannedViews(scene)

    async def open(self) -> None:
        """Do nothing: there is no database."""

    async def close(self) -> None:
        """Do nothing."""


class CannedLive:
    """Tells the same summaries once a second, each time as if they were new; in place of the broker."""

    def __init__(
        self, summaries: Sequence[Summary], log_us: Callable[[int], int], *, age_s: float = 0.0
    ) -> None:
        """Tell summaries; those of an age above 0 are told once, as so old: their processor stands still."""
        self._summaries = summaries
        self._log_us = log_us
        self._age_s = age_s

    async def subscribe(self, subject: str) -> AsyncIterator[tuple[str, bytes]]:
        """Yield the events of a subject; there are none but summaries."""
        seq = 0
        while subject.startswith(SUMMARY_SUBJECT) and (seq == 0 or self._age_s == 0.0):
            seq += 1
            at_us = self._log_us(time.time_ns() // 1000) - round(self._age_s * 1e6)
            for one in self._summaries:
                told = msgspec.structs.replace(one, at_us=at_us, seq=seq)
                yield f"{SUMMARY_SUBJECT}.{one.partition}", msgspec.msgpack.encode(told)
            await asyncio.sleep(1.0)
        await asyncio.Event().wait()
