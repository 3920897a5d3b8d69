"""An earlier minute over HTTP is what the wall was told then: by the same owner, fold and board."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from alerting.incidents.groups import Groups
from bus.codec import encode_incident_action, encode_silence_word, encode_transitions
from bus.memory import MemoryLog
from config.files import load_targets
from contract.access.area import CITY, Area
from contract.access.permission import Role
from contract.alert import Transition, TransitionKind, alert_id_of
from contract.calendar import MINUTE_US, SchoolCalendar
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.commit import KpiMinute
from contract.entry import ALERTS_LOG, EntryKind, telemetry_log
from contract.fleet import DeviceKind, Fleet
from contract.incident import IncidentAction, IncidentDeed
from contract.live import AlertChanged, IncidentChanged, Kpi, Summary
from contract.reading import Readings, Scored
from contract.routing.silence import Silence, SilenceKind, SilenceMatcher, SilenceSet
from contract.series import series_of
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.charts.member_charts import MOST_CHARTS
from ops_dashboard.config import DashboardConfig
from ops_dashboard.live.feed import Feed, make_feed
from ops_dashboard.view.areas import find_area
from storage.database import connect
from tests.alerts_owner import alerts_owner
from tests.asking import asking
from tests.dashboard_stage import NOW_US, PARTITIONS, Stage
from tests.signed_in import session_of
from tests.silence_words import silence

SECOND_US = 1_000_000
FIRST_US = NOW_US // MINUTE_US * MINUTE_US - 40 * MINUTE_US
MINUTES = 38
OPEN = ("wan_down", "online")


@pytest.fixture(scope="session")
def city() -> Fleet:
    """A city with more schools than it takes for sums over pupils to be told of a stored minute."""
    return generate_fleet(schools=120)


def minute(n: float) -> int:
    """Return the log time of a minute of the story."""
    return FIRST_US + round(n * MINUTE_US)


@dataclass
class Story:
    """A morning, told to the owner of the alerts log and heard by a board as the hub's is."""

    stage: Stage
    feeds: dict[Area, Feed]
    told: list[tuple[int, EntryKind, bytes]] = field(default_factory=list)
    shown: dict[tuple[Area, str, int], Any] = field(default_factory=dict)
    opened: dict[int, Transition] = field(default_factory=dict)

    def open(self, position: int, at: float, priority: int = 1) -> str:
        """Let a school's line go down."""
        school = self.stage.fleet.schools[position]
        device = next(
            d for d in self.stage.fleet.devices if d.school_id == school.id and d.kind is DeviceKind.GATEWAY
        )
        series, at_us = series_of(device.id, self.stage.catalogue.named(OPEN[1]).id), minute(at)
        said = Transition(
            alert_id_of(OPEN[0], series, at_us), TransitionKind.OPENED, OPEN[0], series, school.id, priority,
            at_us, at_us, at_us,
        )  # fmt: skip
        self.opened[position] = said
        self.told.append((at_us, EntryKind.TRANSITION, encode_transitions([said])))
        return said.alert_id

    def close(self, position: int, at: float) -> None:
        """Let it come back."""
        at_us = minute(at)
        said = replace(
            self.opened.pop(position), kind=TransitionKind.RESOLVED, at_us=at_us, detected_at_us=at_us
        )
        self.told.append((at_us, EntryKind.TRANSITION, encode_transitions([said])))

    def do(self, deed: IncidentDeed, incident_id: str, at: float, actor: str = "Lan", **more: Any) -> None:
        """Let an engineer do something."""
        at_us = minute(at)
        said = IncidentAction(f"{deed.value}-{at}", deed, incident_id, actor, "", at_us, **more)
        self.told.append((at_us, EntryKind.INCIDENT_ACTION, encode_incident_action(said)))

    async def run(self, dsn: str) -> None:
        """Tell it minute by minute; what the board shows at the end of each is kept."""
        log, stage = MemoryLog(), self.stage
        await log.create([ALERTS_LOG], 1 << 22)
        entries = sorted([*self.told, *((minute(n), EntryKind.TICK, b"") for n in range(MINUTES + 1))])
        async with await connect(dsn) as conn:
            owner = alerts_owner(conn, log, Groups(stage.fleet), lambda: NOW_US, self.hear)
            await owner.load()
            reader = await log.reader(ALERTS_LOG, owner.seq)
            for n in range(MINUTES + 1):
                due = [entry for entry in entries if entry[0] <= minute(n)]
                entries = entries[len(due) :]
                for at_us, kind, payload in due:
                    await log.append(ALERTS_LOG, kind, payload, at_us=at_us)
                await owner.take(await reader.fetch(len(due), 1.0))
                while owner._state.due_us is not None and owner._state.due_us <= minute(n):  # as time passes
                    await log.append(ALERTS_LOG, EntryKind.TICK, b"", at_us=owner._state.due_us)
                    await owner.take(await reader.fetch(1, 1.0))
                await self.show(n)

    async def hear(self, subject: str, payload: bytes) -> None:
        """Take what is published, as the hub does."""
        for feed in self.feeds.values():
            if subject == "live.alert":
                for alert in msgspec.msgpack.decode(payload, type=list[AlertChanged]):
                    feed.apply(alert, 0)
            elif subject == "live.incident":
                for incident in msgspec.msgpack.decode(payload, type=list[IncidentChanged]):
                    feed.apply_incident(incident.incident)
            elif subject == "live.silence":
                feed.apply_silence(msgspec.msgpack.decode(payload, type=Silence))

    async def show(self, n: int) -> None:
        """Commit what the partitions measured until a minute, and keep what the board shows of it."""
        stage, at_us = self.stage, minute(n)
        of_school = stage.fleet.partition_of_schools(PARTITIONS)
        states = np.array(list("n" * len(of_school)))
        for one in self.feeds[CITY].board.open_alerts.values():
            states[stage.fleet.school_position[one.school_id]] = str(one.priority)
        silent = len(of_school) - 1  # its gateway says nothing, and no rule has noticed yet
        if n % 3 == 0 and states[silent] == "n":
            states[silent] = "u"
        for partition in range(PARTITIONS):
            members = np.flatnonzero(of_school == partition)
            kpis = self.kpis(n, [int(m) for m in members], states)
            rows = await self.readings(at_us, [int(m) for m in members if m != silent or n % 3])
            ids = {m.name: m.id for m in stage.catalogue.metrics}
            minutes = tuple(
                KpiMinute(at_us - MINUTE_US, partition, ids[name], k.expected, k.reporting, k.total)
                for name, k in kpis.items()
            )
            await stage.commit(telemetry_log(partition), rows=rows, kpis=minutes)
            summary = Summary(partition, at_us, n + 1, "".join(states[members]), kpis)
            for feed in self.feeds.values():
                assert feed.accept_summary(summary)
        for area, feed in self.feeds.items():
            for part in ("", stage.fleet.clusters[0].code):
                where = find_area(part, feed.board.groups.fleet)
                if part and where is None:
                    continue
                found = feed.snapshot(self.feeds[CITY].board, at_us, n, where)
                self.shown[area, part, at_us] = msgspec.json.decode(msgspec.json.encode(found))

    def kpis(self, n: int, members: list[int], states: Any) -> dict[str, Kpi]:
        """Return a partition's sums: connected are those without an alert."""
        many, up = len(members), int(sum(states[m] in "nu" for m in members))
        heard = int(sum(states[m] != "u" for m in members))
        return {
            "online": Kpi(many, heard, float(up - (many - heard))),
            "present": Kpi(many, many, many * 570.0),
            "enrolled": Kpi(many, many, many * 600.0),
            "active_users": Kpi(many, many, (many + n) * 100.0),
            "down_bps": Kpi(many, many, up * 9e6),
            "up_bps": Kpi(many, many, up * 3e6),
        }

    async def readings(self, at_us: int, members: Sequence[int]) -> Scored:
        """Return what the gateways of schools said some seconds before."""
        beat = self.stage.catalogue.named("down_bps").id
        schools = {self.stage.fleet.schools[m].id for m in members}
        own = [
            series_of(d.id, beat)
            for d in self.stage.fleet.devices
            if d.school_id in schools and d.kind is DeviceKind.GATEWAY
        ]
        count = len(own)
        columns = Readings(
            np.full(count, at_us - 5 * SECOND_US, np.int64), np.array(own, np.int32), np.full(count, 9e6)
        )
        return Scored(columns, np.full(count, np.nan, np.float32))


@pytest.fixture
async def story(stage: Stage, postgres_url: str, catalogue: Catalogue, calendar: SchoolCalendar) -> Story:
    fleet = stage.fleet
    config = DashboardConfig(postgres_url, PARTITIONS, "build-1", clock=LogClock())
    part = Area(clusters=(fleet.clusters[0].code,))
    feeds = {
        one: make_feed(config, fleet, catalogue, calendar, load_targets(None), one) for one in (CITY, part)
    }
    told = Story(stage, feeds)
    own_isp = fleet.schools[0].isp
    of_isp = [i for i, s in enumerate(fleet.schools) if s.isp == own_isp][:20]
    others = [i for i, s in enumerate(fleet.schools) if s.isp != own_isp]
    first = told.open(of_isp[0], 2.3)
    for n, position in enumerate(of_isp[1:]):
        told.open(position, 4.2 + n / 60)  # one after the other: it grows, and takes the first one in
    alone = told.open(others[0], 5.1, 2)
    told.open(others[3], 5.4, 2)
    told.do(IncidentDeed.ACKNOWLEDGED, first, 8.5)
    told.do(IncidentDeed.SPLIT, first, 9.2, other=told.opened[of_isp[5]].alert_id)
    told.do(IncidentDeed.MERGED, alone, 10.7, other=told.opened[others[3]].alert_id)
    told.do(IncidentDeed.HANDED_BACK, first, 12.4)
    told.do(IncidentDeed.ASSIGNED, first, 13.6, assignee="Minh")
    for n, position in enumerate(of_isp):
        told.close(position, 15.1 + n / 7)
    told.open(of_isp[2], 19.5)  # it opens the incident again
    told.close(of_isp[2], 22.5)
    told.close(others[0], 24.5)
    at_work = SilenceMatcher("school", fleet.schools[others[3]].code)
    works = silence("a", minute(6.5), minute(20), at_work, kind=SilenceKind.MAINTENANCE)
    told.told.append((minute(6.5), EntryKind.SILENCE, encode_silence_word(SilenceSet(works))))
    await told.run(postgres_url)
    return told


def at_text(at_us: int, calendar: SchoolCalendar) -> str:
    """Return a minute as an address names it."""
    return datetime.fromtimestamp(at_us / 1e6, calendar.timezone).strftime("%Y-%m-%dT%H:%M")


OF_PUSH = frozenset(
    {
        *("sequence", "alerts_version", "build", "age_s", "partition_age_s"),
        *("attendance_by_cluster", "attendance_withheld"),
    }
)
"""What is of the push alone, and what is not kept by minute."""
FIGURES = frozenset({"connected", "attendance", "elearning", "down", "up", "session", "unkept"})


def without(snapshot: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return a snapshot without some of its parts."""
    return {name: value for name, value in snapshot.items() if name not in names}


async def test_every_minute_is_what_the_wall_showed_then(
    story: Story, client: httpx.AsyncClient, calendar: SchoolCalendar
) -> None:
    text = at_text(minute(0), calendar)
    answer = await client.get("/api/wall", params={"at": text, "minutes": MINUTES + 1})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["heard_by"] == "raw"
    assert [m["at_us"] for m in told["minutes"]] == [minute(n) for n in range(MINUTES + 1)]
    for found in told["minutes"]:
        live = story.shown[CITY, "", found["at_us"]]
        assert without(found, OF_PUSH) == without(live, OF_PUSH), found["at_us"]
    kinds = {line["cause"] for m in told["minutes"] for line in m["open"]["lines"]}
    assert {"school", "isp"} <= kinds, "the story is to have incidents that grow into one"
    (one,) = (await client.get("/api/wall", params={"at": at_text(minute(9), calendar)})).json()["minutes"]
    assert without(one, OF_PUSH) == without(told["minutes"][9], OF_PUSH)
    await of_a_part(story, told["minutes"], calendar)
    await the_desk_then(story, client, calendar)
    await what_cannot_be_seen(story, client, calendar)


async def of_a_part(story: Story, whole: list[dict[str, Any]], calendar: SchoolCalendar) -> None:
    """Expect that who sees an area sees that area's past, and no figure of it: none is kept."""
    area = next(area for area in story.feeds if area != CITY)
    code = area.clusters[0]
    secret = await session_of(story.stage.conn, "An", Role.OPERATOR, area, story.stage.fleet)
    headers = {"Cookie": f"{SESSION_COOKIE}={secret}"}
    async with asking(timeout=60.0, base_url=story.stage.url, headers=headers) as narrow:
        asked = {"at": at_text(minute(0), calendar), "minutes": str(MINUTES + 1)}
        told = (await narrow.get("/api/wall", params=asked)).json()["minutes"]
        for found in told:
            live = story.shown[area, "", found["at_us"]]
            assert without(found, OF_PUSH | FIGURES) == without(live, OF_PUSH | FIGURES), found["at_us"]
            assert found["connected"]["value"] is None
            assert "connected" in found["unkept"]
        assert {len(m["states"]) for m in told} != {len(m["states"]) for m in whole}
        of_cluster = (await narrow.get("/api/wall", params={**asked, "area": code})).json()["minutes"]
        assert [m["states"] for m in of_cluster] == [m["states"] for m in told]
        day = (await narrow.get("/api/day", params={"at": asked["at"]})).json()
        assert (day["users"], day["users_usual"]) == ([], []), "what is told of learners is of the whole city"


async def the_desk_then(story: Story, client: httpx.AsyncClient, calendar: SchoolCalendar) -> None:
    """Expect of lists and pages of an earlier minute what stood there, and nothing of what came later."""
    for n in (3, 6, 9, 14, 18, 21, 30):
        at = {"at": at_text(minute(n), calendar)}
        shown = story.shown[CITY, "", minute(n)]["open"]
        alerts = (await client.get("/api/alerts", params=at)).json()["alerts"]
        open_ones = [a for a in alerts if a["resolved_at_us"] is None]
        assert len(open_ones) == sum(shown["by_priority"]), n
        assert sum(a["acknowledged_at_us"] is None for a in open_ones) == shown["unacknowledged"]
        assert all(a["detected_at_us"] <= minute(n) for a in alerts)
        incidents = (await client.get("/api/incidents", params=at)).json()["incidents"]
        lines = {i["incident_id"]: i for i in incidents if i["ended_at_us"] is None and i["alerts"]}
        assert len(lines) == shown["line_count"]
        for line in shown["lines"]:
            found = lines[line["incident_id"]]
            assert (found["schools"], found["lost_pupil_minutes"]) == (
                line["schools"], line["lost_pupil_minutes"],
            )  # fmt: skip
            page = (await client.get(f"/api/incidents/{line['incident_id']}", params=at)).json()
            assert page["incident"]["schools"] == line["schools"]
            assert sum(m["left_at_us"] is None for m in page["members"]) == line["alerts"]
            assert max(e["at_us"] for e in page["events"]) <= minute(n)
            assert page["reach"][-1][1] == line["schools"]
            charts = await client.get(f"/api/charts/incident/{line['incident_id']}", params=at)
            assert charts.status_code == 200
            drawn = min(MOST_CHARTS, len({m["alert"]["series"] for m in page["members"] if m["place"]}))
            assert charts.text.count("<svg") == drawn


async def what_cannot_be_seen(story: Story, client: httpx.AsyncClient, calendar: SchoolCalendar) -> None:
    """Expect a sentence for a minute that is none, has not been, or is not kept, and for what was not yet."""
    for text, code in (
        ("2999-01-01T00:00", "future_moment"),
        ("1999-01-01T00:00+07:00", "moment_not_kept"),
        ("hôm qua", "bad_moment"),
        ("0001-01-01T00:00", "moment_not_kept"),
    ):
        for address in ("/api/wall", "/api/incidents", "/api/leadership", "/api/sheets/systems"):
            answer = await client.get(address, params={"at": text})
            assert (answer.status_code, answer.json()["code"]) == (422, code), (address, text)
    answer = await client.get("/", params={"at": "x"}, headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert "<!DOCTYPE html>" in answer.text
    before = {"at": at_text(minute(1), calendar)}
    first = story.shown[CITY, "", minute(9)]["open"]["lines"][0]["incident_id"]
    assert (await client.get(f"/api/incidents/{first}", params=before)).status_code == 404
    assert (await client.get("/api/incidents", params=before)).json()["incidents"] == []
    zoned = (await client.get("/api/wall", params={"at": "2026-11-23T01:42Z"})).json()["minutes"]
    assert zoned[0]["at_us"] == minute(9)
