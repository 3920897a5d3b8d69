"""An outbox and notifiers in this process; what the fold would write is written by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from psycopg import AsyncConnection

from alerting.messages.story import Office
from bus.codec import decode_notice_answer
from bus.jetstream import JetStreamLog
from bus.live import Live
from bus.rights import BrokerUser
from config.files import load_configuration
from config.routing import follow_routing
from contract.alert import Alert, alert_id_of
from contract.clock import LogClock
from contract.entry import ALERTS_LOG, EntryKind, RawEntry
from contract.fleet import DeviceKind, Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.live import IncidentChanged
from contract.routing.delivery import NoticeRecord
from contract.routing.notice import Notice, NoticeAnswer, NoticeReason, notice_id_of
from contract.series import series_of
from contract.service.backoff import Backoff
from contract.service.metrics import Meter
from eduops.reports import report_maker
from notifier.config import NotifierConfig
from notifier.letters import MakeReport
from notifier.shell import make_office, run
from storage.database import connect
from storage.incidents import write_incidents
from storage.outbox import notice_records, write_notices
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.conftest import TestNats
from tests.running_system import until

NOW_US = 1_795_400_000_000_000
"""A Monday morning in school hours."""
MINUTE_US = 60_000_000


def incident_id_of(number: int) -> str:
    """Return the id of a made-up incident."""
    return f"{number:016x}"


def incident_of(number: int, cause: Cause, **more: Any) -> Incident:
    """Return an open incident of twelve schools without a line, a minute old."""
    given: dict[str, Any] = {
        "incident_id": incident_id_of(number),
        "state": IncidentState.OPEN,
        "cause": cause,
        "rule": "wan_down",
        "rules": ("wan_down",),
        "cause_rules": ("wan_down",),
        "priority": 1,
        "worst_priority": 1,
        "alerts": 12,
        "all_alerts": 12,
        "unacknowledged": 12,
        "schools": 12,
        "most_schools": 12,
        "pupils": 7300,
        "most_pupils": 7300,
        "lost_pupil_s": 0,
        "counted_at_us": NOW_US,
        "began_at_us": NOW_US,
        "opened_at_us": NOW_US - MINUTE_US,
        "last_opened_at_us": NOW_US - MINUTE_US,
    }
    return Incident(**{**given, **more})


def resolved(incident: Incident, after_minutes: int = 20) -> Incident:
    """Return an incident as it is once it is over."""
    at_us = incident.opened_at_us + after_minutes * MINUTE_US
    return msgspec.structs.replace(
        incident,
        state=IncidentState.RESOLVED,
        alerts=0,
        schools=0,
        pupils=0,
        quiet_at_us=at_us,
        ended_at_us=at_us,
    )


def wan_down(fleet: Fleet, position: int, online: int, pupils: int | None = None) -> Alert:
    """Return the alert of a school without a line; `online` is the number of the metric."""
    school = fleet.schools[position]
    device = next(d for d in fleet.devices if d.school_id == school.id and d.kind is DeviceKind.GATEWAY)
    series, at_us = series_of(device.id, online), NOW_US - MINUTE_US
    count = school.pupils if pupils is None else pupils
    return Alert(
        alert_id_of("wan_down", series, at_us), "wan_down", series, school.id, 1, at_us, at_us, 0.0, 0.5,
        None, None, count,
    )  # fmt: skip


def notice_of(
    incident: Incident | int,
    to: str,
    reason: NoticeReason = NoticeReason.OPENED,
    *,
    priority: int = 1,
    at_us: int = NOW_US,
    **more: Any,
) -> Notice:
    """Return a notice to one contact."""
    incident_id = incident.incident_id if isinstance(incident, Incident) else incident_id_of(incident)
    key = notice_id_of(incident_id, to, reason, at_us)
    given: dict[str, Any] = {"route": "everything", "step": 1, **more}
    return Notice(key, incident_id, to, to, reason, priority, at_us, **given)


async def put_notices(conn: AsyncConnection[Any], *notices: Notice) -> None:
    """Put notices into the outbox, as the alerts log's owner does."""
    async with conn.transaction(), conn.cursor() as cursor:
        await write_notices(cursor, notices)


async def put_incidents(conn: AsyncConnection[Any], *incidents: Incident) -> None:
    """Write incidents as they stand."""
    async with conn.transaction(), conn.cursor() as cursor:
        await write_incidents(cursor, [IncidentChanged(incident, ()) for incident in incidents])


class Post:
    """The outbox of a test, and the notifiers at it."""

    def __init__(
        self,
        dsn: str,
        folder: Path,
        fleet: Fleet,
        log: JetStreamLog,
        live: Live,
        conn: AsyncConnection[Any],
        own: tuple[JetStreamLog, Live] | None = None,
    ) -> None:
        """Take what is open; `own` are the notifier's connections, else it shares the test's."""
        self.dsn = dsn
        self.folder = folder
        self.fleet = fleet
        self.log = log
        self.live = live
        self._own = own or (log, live)
        self.conn = conn
        self.meter = Meter()
        self.workers = 4
        self.clock = LogClock()
        self.isp = Cause(CauseKind.ISP_CLUSTER, isp="FPT", cluster_code=fleet.clusters[0].code)
        (folder / "config").mkdir()

    def routes(self, text: str) -> None:
        """Write routes.toml; its route is to somebody whom no test tells."""
        route = (
            '[[channel]]\nname = "nobody"\nurl = "inbox://"\n[[route]]\nname = "all"\ncontacts = ["nobody"]\n'
        )
        (self.folder / "config" / "routes.toml").write_text(text + route, encoding="utf-8")

    @property
    def config(self) -> NotifierConfig:
        """What a notifier is told."""
        return NotifierConfig(
            as_role(self.dsn, DatabaseRole.NOTIFIER),
            "http://wall.example",
            self.folder / "inbox",
            self.folder / "private",
            self.folder / "config",
            workers=self.workers,
            loopback=True,
            pause=Backoff(first_s=0.1, longest_s=0.4),
            clock=self.clock,
        )

    @property
    def office(self) -> Office:
        """What messages need."""
        own = load_configuration(None)
        return make_office(self.config, self.fleet, own.catalogue, own.calendar, own.rules)

    @asynccontextmanager
    async def notifier(self, make_report: MakeReport | None = None) -> AsyncIterator[None]:
        """Run one for the length of the block; pauses between attempts are as short as they may be."""
        stop, own = asyncio.Event(), load_configuration(None)
        routing = follow_routing(self.folder / "config")
        running = asyncio.create_task(
            run(
                self.config,
                *self._own,
                routing,
                self.office,
                own.calendar,
                make_report or report_maker(self.fleet, own, 0.8),
                stop,
                meter=self.meter,
                draw=lambda: 0.0,
            )
        )
        try:
            yield
        finally:
            stop.set()
            await running

    async def record(self, notice: Notice) -> NoticeRecord:
        """Return what became of a notice so far."""
        found = await notice_records(self.conn, [notice.incident_id])
        return next(one for one in found if one.notice.notice_id == notice.notice_id)

    async def until(self, notice: Notice, true: Callable[[NoticeRecord], bool], what: str) -> NoticeRecord:
        """Return what became of a notice as soon as a condition holds of it."""
        found: list[NoticeRecord] = []

        async def holds() -> bool:
            found[:] = [await self.record(notice)]
            return true(found[0])

        await until(holds, what, seen=lambda: found)
        return found[0]

    async def answers(self) -> list[NoticeAnswer]:
        """Return what the alerts log was told."""
        reader = await self.log.reader(ALERTS_LOG, 0)
        last = await self.log.last_seq(ALERTS_LOG)
        entries: list[RawEntry] = []
        while len(entries) < last:
            entries += await reader.fetch(100, 1.0)
        await reader.close()
        return [decode_notice_answer(e.payload) for e in entries if e.kind is EntryKind.NOTICE_ANSWER]


@asynccontextmanager
async def open_post(nats: TestNats, dsn: str, folder: Path, fleet: Fleet) -> AsyncIterator[Post]:
    """Open an outbox on real servers for the length of the block."""
    login, own = nats.login(), nats.login(BrokerUser.NOTIFIER)
    async with (
        JetStreamLog.connect(nats.url, **login) as log,
        Live.connect(nats.url, **login) as live,
        JetStreamLog.connect(nats.url, **own) as own_log,
        Live.connect(nats.url, **own) as own_live,
        await connect(dsn) as conn,
    ):
        await log.create([ALERTS_LOG], 10_000_000)
        yield Post(dsn, folder, fleet, log, live, conn, (own_log, own_live))
