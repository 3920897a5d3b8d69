"""A dashboard on real servers for its tests: what the processor would say is said by the test."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import numpy as np
from psycopg import AsyncConnection

from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from alerting.lifecycle import fold_alerts
from bus.jetstream import JetStreamLog
from bus.live import Live
from bus.rights import BrokerUser
from contract.access.area import CITY
from contract.access.permission import Role, TokenScope
from contract.alert import Action, ActionKind, Alert, AlertEvent, alert_id_of
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.commit import Commit
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.fleet import DeviceKind, Fleet
from contract.live import (
    ALERT_SUBJECT,
    INCIDENT_SUBJECT,
    MOST_AT_ONCE,
    STATE_NORMAL,
    SUMMARY_SUBJECT,
    AlertChanged,
    Kpi,
    Summary,
    WardSums,
)
from contract.rule import Rule
from contract.series import series_of
from eduops.machine.ports import free_ports
from ops_dashboard.app import run
from ops_dashboard.config import DashboardConfig
from storage.database import connect
from storage.people.credentials import issue_token
from storage.results import commit
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.asking import asking
from tests.conftest import TestNats
from tests.signed_in import headers, remember, session_of

PARTITIONS = 2
LOG_BYTES = 10_000_000
NOW_US = 1_795_400_000_000_000
"""A Monday morning in school hours."""


@dataclass
class Stage:
    """A running dashboard, and the tools to speak to it as the processor would."""

    url: str
    fleet: Fleet
    catalogue: Catalogue
    live: Live
    log: JetStreamLog
    conn: AsyncConnection[Any]
    clock: LogClock
    calendar: SchoolCalendar
    positions: dict[str, int] = field(default_factory=dict)
    incidents: Incidents = field(default_factory=Incidents)

    @property
    def headers(self) -> dict[str, str]:
        """Those of whoever is signed in."""
        return headers(self.url)

    def now_us(self) -> int:
        """Return the log time now."""
        return self.clock.log_us(real_us())

    async def commit(self, log: str, **parts: Any) -> None:
        """Commit one entry's results as the owner of `log`."""
        after = self.positions.get(log, 0)
        await commit(self.conn, Commit(log, after, after + 1, self.now_us(), **parts))
        self.positions[log] = after + 1

    async def say_summaries(
        self,
        states: str | None = None,
        kpis: Mapping[str, Kpi] | None = None,
        partitions: Sequence[int] = (0, 1),
        wards: Mapping[str, WardSums] | None = None,
    ) -> None:
        """Publish a summary of each partition; all schools are normal unless `states` says otherwise."""
        of_school = self.fleet.partition_of_schools(PARTITIONS)
        for partition in partitions:
            members = np.flatnonzero(of_school == partition)
            own = "".join((states or STATE_NORMAL * len(of_school))[i] for i in members)
            shown = dict(kpis) if kpis is not None else usual_kpis(len(members))
            summary = Summary(partition, self.now_us(), 1, own, shown, None, dict(wards or {}))
            await self.live.publish(f"{SUMMARY_SUBJECT}.{partition}", msgspec.msgpack.encode(summary))

    async def change(self, *changes: AlertChanged) -> None:
        """Write changes of alerts, and of incidents a second later; tell them as the owner of alerts does."""
        at_us = max(self.now_us(), self.incidents.now_us)
        moments = [Moment(at_us, tuple(c.alert for c in changes)), Moment(at_us + 1_000_000)]
        incidents = tuple(advance(Groups(self.fleet), self.incidents, moments))
        await self.commit(ALERTS_LOG, alerts=changes, incidents=incidents)
        for subject, told in ((ALERT_SUBJECT, changes), (INCIDENT_SUBJECT, incidents)):
            for n in range(0, len(told), MOST_AT_ONCE):
                await self.live.publish(subject, msgspec.msgpack.encode(told[n : n + MOST_AT_ONCE]))

    def opened(self, position: int, rule: str = "wan_down", priority: int = 1, **more: Any) -> AlertChanged:
        """Return the opening of an alert at the school at `position`, a minute ago."""
        school = self.fleet.schools[position]
        metric = self.catalogue.named(METRIC_OF[rule])
        kind = KIND_OF.get(METRIC_OF[rule], DeviceKind.GATEWAY)
        device = next(d for d in self.fleet.devices if d.school_id == school.id and d.kind is kind)
        series, opened_us = series_of(device.id, metric.id), self.now_us() - 60_000_000
        alert = Alert(
            alert_id_of(rule, series, opened_us), rule, series, school.id, priority, opened_us, opened_us,
            more.get("value", 0.0), more.get("low", 0.5), more.get("high"), more.get("score"), school.pupils,
        )  # fmt: skip
        return AlertChanged(alert, AlertEvent(alert.alert_id, "opened", opened_us, "eduops", "", alert.value))

    def opened_about_the_center(
        self, partition: int, rule: str = "feed_down", priority: int = 1, **more: Any
    ) -> AlertChanged:
        """Return the opening of a partition's alert about the center itself, a minute ago."""
        series, opened_us = system_series(partition), self.now_us() - 60_000_000
        identity = alert_id_of(rule, series, opened_us)
        alert = Alert(
            identity, rule, series, SYSTEM_SCHOOL_ID, priority, opened_us, opened_us,
            more.get("value"), None, None, None, 0,
        )  # fmt: skip
        return AlertChanged(alert, AlertEvent(alert.alert_id, "opened", opened_us, "eduops", "", alert.value))


METRIC_OF = {
    "wan_down": "online",
    "latency_high": "latency_ms",
    "latency_unusual": "latency_ms",
    "line_errors": "in_errors",
    "clock_wrong": "down_bps",
    "attendance_low": "attendance_ratio",
    "register_missing": "attendance_ratio",
}
KIND_OF = {"attendance_ratio": DeviceKind.ATTENDANCE}


def usual_kpis(schools: int) -> dict[str, Kpi]:
    """Return the sums of a partition on a usual morning."""
    return {
        "online": Kpi(schools, schools, float(schools)),
        "present": Kpi(schools, schools, schools * 570.0),
        "enrolled": Kpi(schools, schools, schools * 600.0),
        "active_users": Kpi(schools, schools, schools * 88.0),
        "down_bps": Kpi(schools, schools, schools * 9e6),
        "up_bps": Kpi(schools, schools, schools * 3e6),
    }


def acknowledged(changed: AlertChanged, actor: str, at_us: int) -> AlertChanged:
    """Return the acknowledgement that follows."""
    alert = msgspec.structs.replace(changed.alert, acknowledged_at_us=at_us, acknowledged_by=actor)
    return AlertChanged(alert, AlertEvent(alert.alert_id, "acknowledged", at_us, actor, ""))


def dismissed(changed: AlertChanged, actor: str, because: str, at_us: int, note: str = "") -> AlertChanged:
    """Return the dismissal that follows, as the fold of the alerts log makes it."""
    alert = changed.alert
    action = Action("x", ActionKind.DISMISSED, alert.alert_id, actor, note, at_us, because)
    (said,) = fold_alerts({alert.alert_id: alert}, [], [action], {})
    return said


def resolved(changed: AlertChanged, at_us: int) -> AlertChanged:
    """Return the end that follows."""
    alert = msgspec.structs.replace(changed.alert, resolved_at_us=at_us)
    return AlertChanged(alert, AlertEvent(alert.alert_id, "resolved", at_us, "eduops", "", 1.0))


def real_us() -> int:
    """Return the machine's time in µs since 1970."""
    return time.time_ns() // 1000


async def program(stage: Stage) -> dict[str, str]:
    """Return the headers of a program that may do everything."""
    token = await issue_token(stage.conn, "program", TokenScope.ADMIN, CITY, 1, "test")
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def open_stage(
    nats: TestNats,
    dsn: str,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: Sequence[Rule],
    **settings: Any,
) -> AsyncIterator[Stage]:
    """Run a dashboard on a free port for the length of the block; its clock reads `NOW_US` at the start."""
    start_us = real_us()
    usual: dict[str, Any] = {"build_id": "build-1", "port": free_ports(1)[0]}
    clock = LogClock(NOW_US, start_us)
    config = DashboardConfig(
        as_role(dsn, DatabaseRole.DASHBOARD), PARTITIONS, **{**usual, "clock": clock, **settings}
    )
    login, own = nats.login(), nats.login(BrokerUser.DASHBOARD)
    stop = asyncio.Event()
    async with (
        JetStreamLog.connect(nats.url, **login) as log,
        Live.connect(nats.url, **login) as live,
        JetStreamLog.connect(nats.url, **own) as own_log,
        Live.connect(nats.url, **own) as own_live,
        await connect(dsn) as conn,
    ):
        logs = [ALERTS_LOG, QUARANTINE_LOG, *map(telemetry_log, range(PARTITIONS))]
        await log.create(logs, LOG_BYTES)
        task = asyncio.create_task(run(config, own_log, own_live, fleet, catalogue, calendar, rules, stop))
        url = f"{'https' if config.tls else 'http'}://127.0.0.1:{config.port}"
        remember(url, await session_of(conn, "Lan", Role.ADMINISTRATOR))
        try:
            await until_answers(url, task)
            yield Stage(url, fleet, catalogue, live, log, conn, clock, calendar)
        finally:
            stop.set()
            await task


async def until_answers(url: str, task: "asyncio.Task[None]") -> None:
    """Wait until the dashboard answers; its failure is the test's failure."""
    async with asyncio.timeout(30), asking() as client:
        while True:
            if task.done():
                task.result()
            try:
                await client.get(f"{url}/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                return


def route_table(routes: Iterable[Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the paths of an application's routes and their methods, none for a websocket or a folder."""
    for route in routes:
        yield route.path, frozenset(getattr(route, "methods", None) or ())
