"""No number below k leaves by any route, push or file: small schools whose numbers are marked.

Every number about their pupils has a fraction that nothing else has, so that it is found wherever it goes.
"""

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

import httpx
import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from contract.alert import Alert, AlertEvent, alert_id_of
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.commit import Counts
from contract.entry import QUARANTINE_LOG
from contract.figures.spans import SpanKind
from contract.fleet import STREAMS_OF, Device, DeviceKind, Fleet
from contract.live import WARD_METRICS, AlertChanged, Hidden, Kpi, WardSums
from contract.privacy import hidden_by, hidden_in
from contract.reading import Readings, Scored
from contract.rejected import Reason, Rejected
from contract.rule import Rule
from contract.series import series_of
from eduops.cli import app
from evaluation.rewind.fold import Opening, Surroundings
from evaluation.rewind.report import AlertLoad, Compared, Report, RewindTerms
from evaluation.rewind.tables import explained
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from ops_dashboard.app import create_app
from ops_dashboard.charts.school_charts import RANGES
from ops_dashboard.config import DashboardConfig
from ops_dashboard.view.leadership.maker import OUTER
from storage.fleet import save_fleet
from stream_processor.figures import keep_figures
from tests.conftest import TestNats
from tests.dashboard_stage import PARTITIONS, Stage, acknowledged, open_stage, route_table

PUPILS: Final = (3, 8, 12, 480, 600)
"""The last school is large and has nothing to hide: what is told of it shows that the test can see."""
SCORE: Final = 0.771377
EXCUSED: Final = """
[[metric]]
id = 40
name = "excused"
stream = "attendance"
unit = "count"
low = 0.0
high = 20000.0
cadence_s = 600.0
stale_s = 21600.0
heartbeat = false
meaning_vi = "Số học sinh vắng có phép"
meaning_en = "Pupils absent with leave"
source = "an operator's own file"
"""
OF_SCHOOL: Final[Mapping[str, tuple[float, ...]]] = {
    "enrolled": (3.0131, 8.0331, 12.0531, 480.0731, 600.0),
    "present": (2.0137, 7.0337, 11.0537, 474.0737, 540.0),
    "absent": (1.0139, 1.0339, 1.0539, 6.0739, 60.0),
    "late": (1.0191, 3.0391, 5.0591, 7.0791, 30.0),
    "excused": (1.0171, 3.0371, 5.0571, 7.0771, 60.0),
    "attendance_ratio": (0.672931, 0.875331, 0.917531, 0.987731, 0.9),
    "active_users": (3.0173, 5.0373, 7.0573, 9.0773, 88.0),
    "events": (1.0179, 3.0379, 5.0579, 7.0779, 440.0),
}
MARKS: Final = np.array(
    [SCORE, *(v for own in OF_SCHOOL.values() for v in own[:-1])]
    + [v * n for v, n in zip(OF_SCHOOL["attendance_ratio"][:-1], PUPILS, strict=False)]
)
NEAR: Final = 0.0006
"""Half a step of what is told of shares, and a little: a mark that is only rounded is still one."""
OLD: Final = 9_999
"""Size of messages whose refusal is kept as earlier builds kept it: with numbers."""
PAGES: Final = (
    "/",
    "/alerts",
    "/incidents",
    "/incidents/0000000000000001",
    "/oncall",
    "/inbox",
    "/response",
    "/kpi?span=week&by=level",
    "/silences",
    "/calendar",
    "/quarantine",
    "/school/{school}?range=1h",
    "/school/{school}?range=6h",
    "/school/{school}?range=24h",
    "/school/{school}?range=7d",
)
VERBS_THAT_TELL: Final = frozenset(
    {"quarantine", "feedback export", "report", "rules test", "calendar suggest"}
)
VERBS_THAT_DO_NOT: Final = frozenset(
    {
        *(
            "up",
            "ingest",
            "process",
            "dashboard",
            "watch",
            "prepare",
            "simulate",
            "restart",
            "faults",
            "bench",
        ),
        *("status", "doctor", "migrate", "version", "fleet import", "fleet export", "broker clear"),
        # Counts of alerts; made worlds and files that were written before.
        *(
            "replay",
            "rules tune",
            "evaluate nab",
            "evaluate series",
            "ready",
            "evaluate scenarios",
            "evaluate city",
            "evaluate attendance",
            "evaluate calendar",
            "evaluate recorded",
            "evaluate labelled",
            "stories",
        ),
        # An incident's cause and size, as everywhere; names of those who would be told.
        *("routes test", "oncall swap", "oncall end"),
        # A message that says nothing of anybody.
        "notify test",
        # What is muted, and how many alerts.
        *("silence list", "silence add", "silence end", "silence preview", "silence import"),
        # Which days somebody decided about.
        *("calendar list", "calendar accept", "calendar reject", "calendar withdraw"),
        # Names and secrets of devices.
        *("authorise", "broker issuer", "broker users"),
        *(
            f"device {verb}"
            for verb in ("issue", "list", "rotate", "revoke", "import", "export", "claim-code", "mosquitto")
        ),
        # Who may sign in.
        *(
            "user add",
            "user list",
            "user link",
            "user role",
            "user end-sessions",
            "user disable",
            "user drop-code",
        ),
        *(
            "token issue",
            "token list",
            "token revoke",
            "screen list",
            "screen end",
            "audit verify",
            "audit list",
        ),
        # Lines of schools, which are open; and whether a file is whole.
        *("evidence export", "evidence verify"),
        # The database itself, for whoever runs the center.
        *("backup", "restore"),
    }
)


@pytest.fixture(scope="module")
def own() -> Catalogue:
    """The packaged metrics and one that an operator added without a word on publication."""
    return parse_catalogue(_metrics())


@pytest.fixture(scope="module")
def schools(city: Fleet) -> Fleet:
    """Five schools of the sizes of this test."""
    few = tuple(replace(s, pupils=n) for s, n in zip(city.schools, PUPILS, strict=False))
    ids = {s.id for s in few}
    devices = tuple(d for d in city.devices if d.school_id in ids)
    return Fleet(city.province, city.clusters, city.wards, few, devices)


@pytest.fixture
async def stage(
    nats: TestNats,
    postgres_url: str,
    schools: Fleet,
    own: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    async with open_stage(nats, postgres_url, schools, own, calendar, rules) as opened:
        await _fill(opened)
        yield opened


def _metrics() -> str:
    return (files("config") / "metrics.toml").read_text(encoding="utf-8") + EXCUSED


def _device(fleet: Fleet, place: int, metric: str, own: Catalogue) -> Device:
    school, stream = fleet.schools[place], own.named(metric).stream
    return next(d for d in fleet.devices if d.school_id == school.id and stream in STREAMS_OF[d.kind])


def _series(fleet: Fleet, place: int, metric: str, own: Catalogue) -> int:
    return series_of(_device(fleet, place, metric, own).id, own.named(metric).id)


async def _fill(stage: Stage) -> None:
    """Store readings of an hour ago and of yesterday, and refusals: by ingest, and as they once were kept."""
    fleet, own = stage.fleet, stage.catalogue
    cells = [(_series(fleet, i, m, own), v) for m, row in OF_SCHOOL.items() for i, v in enumerate(row)]
    for age_us in (7_200_000_000, 60_000_000, 1_000_000):
        readings = Readings(
            np.full(len(cells), stage.now_us() - age_us, np.int64),
            np.array([series for series, _ in cells], np.int32),
            np.array([value for _, value in cells]),
        )
        scored = Scored(readings, np.full(len(cells), SCORE, np.float32))
        await stage.commit("telemetry-0", counts=Counts(len(cells), len(cells)), rows=scored)
    registry = Registry(fleet, own, PARTITIONS)
    refused: list[Rejected] = []
    for place in range(len(PUPILS) - 1):
        topic = f"edu/v1/{fleet.province}/{fleet.schools[place].code}/att-1/attendance"
        of = {m: row[place] for m, row in OF_SCHOOL.items()}
        packs: list[list[dict[str, object]]] = [
            [{"n": "present", "v": of["present"] + 100}, {"n": "late", "v": of["late"] + 1000}],
            [{"n": "present", "v": of["present"]}, {"n": "late", "v": of["present"] + of["late"]}],
            [{"n": "absent", "v": -of["absent"]}, {"n": "nothing", "v": of["late"]}],
            [{"n": "absent", "bv": of["absent"], "s": of["late"], "child": of["excused"]}],
        ]
        at_us = stage.now_us()
        messages = [Message(topic, msgspec.json.encode(p), at_us + i) for i, p in enumerate(packs)]
        refused += accept(messages, registry, AcceptanceLimits()).rejected
        detail = (
            f"present {of['present']:g} + absent {of['absent']:g} is more than enrolled {of['enrolled']:g}"
        )
        excerpt = msgspec.json.encode([{"n": "", "v": of["present"]}, {"n": "", "v": of["absent"]}]).decode()
        refused.append(Rejected(Reason.INCONSISTENT, topic, detail, at_us, OLD, excerpt))
    await stage.commit(QUARANTINE_LOG, rejected=tuple(refused))
    await save_fleet(stage.conn, fleet)
    while await keep_figures(stage.conn, fleet, own, stage.calendar):
        pass


def _alerts(stage: Stage) -> list[AlertChanged]:
    """Return an alert of every metric about pupils at every school, all numbers of which are marked.

    They were opened two minutes and a half ago: how long people need, in minutes, is near to no mark.
    """
    found, at_us = [], stage.now_us() - 150_000_000
    for metric, row in OF_SCHOOL.items():
        rule = "attendance_low" if metric == "attendance_ratio" else f"own_{metric}"
        for place, value in enumerate(row):
            school, series = stage.fleet.schools[place], _series(stage.fleet, place, metric, stage.catalogue)
            alert_id = alert_id_of(rule, series, at_us)
            alert = Alert(
                alert_id, rule, series, school.id, 2, at_us, at_us, value, value, value, SCORE, school.pupils
            )
            found.append(AlertChanged(alert, AlertEvent(alert_id, "opened", at_us, "eduops", "", value)))
    return found


def _kpis(stage: Stage) -> dict[str, Kpi]:
    """Return the sums as the fold makes them."""
    n, pupils = len(PUPILS), np.array(PUPILS)

    def kpi(name: str, row: tuple[float, ...]) -> Kpi:
        metric = stage.catalogue.named(name)
        hidden = (
            hidden_in(np.rint(row).astype(np.int64), pupils, metric) if metric.unit == "count" else Hidden()
        )
        return Kpi(n, n, sum(row), hidden)

    return {name: kpi(name, row) for name, row in OF_SCHOOL.items()}


def _ward_sums(stage: Stage) -> dict[str, WardSums]:
    """Return the sums by ward as the fold makes them."""
    ward, wards = stage.fleet.ward_index, len(stage.fleet.wards)
    schools = np.bincount(ward, minlength=wards).tolist()
    found = {}
    for name in WARD_METRICS:
        if name in OF_SCHOOL:
            row = np.array(OF_SCHOOL[name])
            total = np.bincount(ward, row, minlength=wards).tolist()
            people = np.rint(row).astype(np.int64)
            hidden = hidden_by(people, np.array(PUPILS), stage.catalogue.named(name), ward, wards)
            columns = [column.tolist() for column in hidden]
            found[name] = WardSums(schools, schools, total, [stage.now_us()] * wards, *columns)
    return found


SHAPES: Final = re.compile(r'<svg.*?</svg>|style="[^"]*"|(?:"|&quot;)x(?:"|&quot;):\[[^]]*\]', re.DOTALL)
"""Shapes, and places of points, in HTML and in what a page's script reads."""


def numbers_in(value: object) -> Iterator[float]:
    """Yield every number in an answer: of JSON and of its texts.

    Places of shapes are left out: thousands of numbers between 0 and 1,000, of which some are near a mark
    by chance. A shape's values stand beside it as numbers, and follow from nothing else.
    """
    if isinstance(value, bool | None):
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        for word in re.findall(r"\d+(?:[.,]\d+)?", SHAPES.sub("", value)):
            yield float(word.replace(",", "."))
    elif isinstance(value, list):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from numbers_in(name)
            if name != "style":
                yield from numbers_in(one)


def marks_in(value: object) -> set[float]:
    """Return the marks that an answer tells, as they are or as percents."""
    found = np.array(list(numbers_in(value)))
    near = np.abs(found[:, None] - MARKS) < NEAR
    percent = np.abs(found[:, None] / 100 - MARKS[MARKS < 1]) < NEAR
    return {*MARKS[near.any(axis=0)].tolist(), *MARKS[MARKS < 1][percent.any(axis=0)].tolist()}


def _answer(answer: httpx.Response) -> object:
    kind = answer.headers.get("content-type", "")
    if "csv" in kind:  # cell by cell: a comma between two of them is no decimal one
        lines = answer.text.splitlines()
        return list(csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ","))
    return answer.json() if "json" in kind else answer.text


Paths = Callable[[Fleet, Catalogue, list[AlertChanged]], list[str]]
SHEET_TABLES: Final = (
    *("incidents", "figures", "metrics", "schools", "troubled", "coverage", "devices"),
    *("own_devices", "neighbours", "line", "received", "alerts"),
)


def _sheet_paths(path: str, end: str) -> Paths:
    """Return how the addresses of a sheet, or of its tables, are made."""

    def paths(fleet: Fleet, _: Catalogue, alerts: list[AlertChanged]) -> list[str]:
        names = {
            "provider/{name}": {school.isp for school in fleet.schools},
            "area/{name}": {w.code for w in fleet.wards} | {c.code for c in fleet.clusters},
            "system/{name}": {kind.value for kind in DeviceKind},
            "school/{name}": {school.code for school in fleet.schools},
        }.get(path, {""})
        ends = [end.replace("{table}", table) for table in SHEET_TABLES] if end else [""]
        of = sorted(path.replace("{name}", name) for name in names)
        return [f"/api/sheets/{one}{last}" for one in of[:20] for last in ends]

    return paths


ROUTES: Final[Mapping[str, Paths]] = {
    "/api/alerts/{alert_id}": lambda _f, _c, alerts: [f"/api/alerts/{a.alert.alert_id}" for a in alerts],
    "/api/incidents/{incident_id}": lambda _f, _c, alerts: [
        f"/api/incidents/{a.alert.alert_id}" for a in alerts
    ],
    "/api/incidents/{incident_id}/notices": lambda _f, _c, alerts: [
        f"/api/incidents/{a.alert.alert_id}/notices" for a in alerts
    ],
    "/api/v2/silence/{silence_id}": lambda _f, _c, _a: [
        "/api/v2/silence/5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a11"
    ],
    "/api/series/{school}/{device}/{metric}": lambda fleet, own, _a: [
        f"/api/series/{s.code}/{d.code}/{m.name}{span}"
        for s in fleet.schools[:-1]
        for d in fleet.devices
        if d.school_id == s.id
        for stream in STREAMS_OF[d.kind]
        for m in own.of_stream(stream)
        for span in ("", "?from_us=1795300000000000&to_us=1795500000000000")
    ],
    **{
        f"/api/sheets/{path}{end}": _sheet_paths(path, end)
        for path in ("provider/{name}", "area/{name}", "system/{name}", "school/{name}", "systems", "quality")
        for end in ("", "/{table}.csv")
    },
    "/api/incidents/{incident_id}/members.csv": lambda _f, _c, alerts: [
        f"/api/incidents/{a.alert.alert_id}/members.csv" for a in alerts
    ],
    **{
        f"/{name}/{{name}}": lambda _f, _c, _a, name=name: [f"/{name}/x"]  # type: ignore[misc]
        for name in ("provider", "area", "system")
    },
    "/api/cap/{incident_id}": lambda _f, _c, alerts: [f"/api/cap/{a.alert.alert_id}" for a in alerts],
    "/incidents/{incident_id}": lambda _f, _c, alerts: [f"/incidents/{a.alert.alert_id}" for a in alerts],
    "/enter/{secret}": lambda _f, _c, _a: ["/enter/nothing"],
    "/api/charts/school/{code}": lambda fleet, _c, _a: [
        f"/api/charts/school/{s.code}?range={name}" for s in fleet.schools for name in RANGES
    ],
    "/api/charts/incident/{incident_id}": lambda _f, _c, alerts: [
        f"/api/charts/incident/{a.alert.alert_id}" for a in alerts
    ],
    "/api/views/{page}": lambda _f, _c, _a: ["/api/views/incidents"],
    "/school/{code}": lambda fleet, _c, _a: [f"/school/{s.code}" for s in fleet.schools],
    **{
        path: lambda _f, _c, _a, path=path: [  # type: ignore[misc]
            f"{path}?span={span}&by={by}" for span in SpanKind for by in OUTER
        ]
        for path in ("/api/leadership", "/api/leadership.csv", "/kpi")
    },
    # The words of the table as a picture: told by `eduops report` as well.
    "/api/leadership.pdf": lambda _f, _c, _a: ["/api/leadership.pdf"],
    # Dash's own programs: no data.
    "/_dash-component-suites/{package_name}/{fingerprinted_path:path}": lambda _f, _c, _a: [],
    **{
        path: lambda _f, _c, _a, path=path: [path]  # type: ignore[misc]
        for path in (
            *(
                "/openapi.json",
                "/api/fleet",
                "/api/wards",
                *("/api/me", "/account", "/users", "/pair", "/screens", "/tokens", "/audit", "/audit.csv"),
                *("/sign-in", "/sign-in/oidc", "/sign-in/oidc/back"),
                "/api/alerts",
                "/api/incidents",
                "/api/inbox",
                "/api/response",
                "/api/oncall",
                "/api/oncall.ics",
                "/api/city/bandwidth",
                "/api/day",
                "/api/wall",
                "/api/find",
                *("/api/alerts.csv", "/api/incidents.csv", "/api/quarantine.csv", "/api/response.csv"),
                "/api/quarantine",
                "/api/calendar",
                "/api/silences",
                "/api/silences.csv",
                "/api/maintenance.ics",
                "/api/cap.atom",
                "/api/v2/status",
                "/api/v2/alerts",
                "/api/v2/alerts/groups",
                "/api/v2/receivers",
                "/api/v2/silences",
            ),
            *(
                "/healthz",
                "/api/status",
                "/",
                "/alerts",
                "/incidents",
                "/inbox",
                "/oncall",
                "/response",
                "/silences",
                "/calendar",
                "/quarantine",
                *("/systems", "/quality"),
            ),
            *("/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/_favicon.ico"),
        )
    },
}


async def test_no_route_tells_a_small_number(
    stage: Stage, client: httpx.AsyncClient, calendar: SchoolCalendar, rules: tuple[Rule, ...]
) -> None:
    config = DashboardConfig("", PARTITIONS, "")
    table = create_app(config, stage.log, stage.live, stage.fleet, stage.catalogue, calendar, rules).routes
    gets = {path for path, methods in route_table(table) if "GET" in methods}
    assert gets == ROUTES.keys(), "a new route needs a case here"
    alerts = _alerts(stage)
    await stage.change(*alerts)
    for path, paths in ROUTES.items():
        for url in paths(stage.fleet, stage.catalogue, alerts):
            answer = await client.get(url)
            assert answer.status_code < 500, url
            # Alerts of the large school bear its values, and the same score.
            assert not marks_in(_answer(answer)), (path, url)


async def test_no_page_tells_a_small_number(stage: Stage, client: httpx.AsyncClient) -> None:
    await stage.change(*_alerts(stage))
    for school in stage.fleet.schools:
        for page in PAGES:
            path, _, search = page.format(school=school.code).partition("?")
            body = {
                "output": "page.children",
                "outputs": {"id": "page", "property": "children"},
                "inputs": [{"id": "address", "property": "pathname", "value": path}],
                "changedPropIds": ["address.pathname"],
                "state": [{"id": "address", "property": "search", "value": f"?{search}"}],
            }
            answer = await client.post("/_dash-update-component", json=body)
            assert answer.status_code == 200, answer.text
            assert not marks_in(answer.json()), page
            if school == stage.fleet.schools[-1] and "range=1h" in page:
                assert {88.0, 90.0} <= set(numbers_in(answer.json()))


async def test_the_push_tells_no_small_number(stage: Stage) -> None:
    async with connect(
        stage.url.replace("http", "ws") + "/ws/live?alerts=1",
        origin=Origin(stage.url),
        additional_headers=stage.headers,
    ) as socket:
        await stage.say_summaries(kpis=_kpis(stage), partitions=[0])
        await stage.say_summaries(kpis={}, partitions=[1])
        await stage.change(*_alerts(stage))
        heard: set[str] = set()
        async with asyncio.timeout(30):
            while heard < {"hello", "changes", "full"}:
                message = msgspec.json.decode(await socket.recv())
                assert not marks_in(message)
                heard.add(message["kind"])
                if message["kind"] == "snapshot" and message["elearning"]["expected"] == len(PUPILS):
                    # All that the others are not told of is 38 of 47: too near the end to hide the largest.
                    told = [message["attendance"][name] for name in ("value", "reporting", "expected")]
                    assert told == [None, 5, 5]
                    heard.add("full")


async def test_the_push_of_an_area_tells_no_small_number(stage: Stage) -> None:
    fleet = stage.fleet
    wards = [fleet.ward_by_code[school.ward_code] for school in fleet.schools]
    for area in sorted({w.code for w in wards} | {w.cluster_code for w in wards}):
        address = stage.url.replace("http", "ws") + f"/ws/live?area={area}"
        async with (
            connect(address, origin=Origin(stage.url), additional_headers=stage.headers) as socket,
            asyncio.timeout(30),
        ):
            await stage.say_summaries(kpis=_kpis(stage), partitions=[0], wards=_ward_sums(stage))
            await stage.say_summaries(kpis={}, partitions=[1])
            expected = 0
            while not expected:
                message = msgspec.json.decode(await socket.recv())
                assert not marks_in(message)
                if message["kind"] == "snapshot":
                    assert message["area"] == area
                    expected = message["elearning"]["expected"]
            large = fleet.schools[-1].ward_code
            own = {large, fleet.ward_by_code[large].cluster_code}
            assert message["elearning"]["value"] is None or area in own


async def test_an_area_that_the_fleet_does_not_have_is_refused(stage: Stage) -> None:
    address = stage.url.replace("http", "ws") + "/ws/live?area=Atlantis"
    async with connect(address, origin=Origin(stage.url), additional_headers=stage.headers) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_what_is_kept_of_refusals_has_no_small_number(stage: Stage) -> None:
    found = await stage.conn.execute(
        "select detail, excerpt from quarantine where payload_bytes <> %s", [OLD]
    )
    rows = [list(row) for row in await found.fetchall()]
    assert len(rows) >= 4 * (len(PUPILS) - 1)
    assert not marks_in(rows)


async def test_no_verb_tells_a_small_number(stage: Stage, tmp_path: Path, postgres_url: str) -> None:
    assert set(_verbs()) == VERBS_THAT_TELL | VERBS_THAT_DO_NOT, "a new verb needs a case here"
    await stage.change(*(acknowledged(a, "Lan", stage.now_us()) for a in _alerts(stage)))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "metrics.toml").write_text(_metrics(), encoding="utf-8")
    settings = {"EDUOPS_DATABASE_URL": postgres_url, "EDUOPS_NATS_URL": "nats://127.0.0.1:1"}
    labels, folder = tmp_path / "labels.csv", tmp_path / "series"
    table = tmp_path / "table.csv"
    for arguments in (
        ["quarantine"],
        ["calendar", "suggest", "--json"],
        ["feedback", "export", str(labels), "--series", str(folder)],
        ["report", "week", "--csv", "--day", "2026-11-23", "--out", str(table)],
    ):
        whole = [*arguments, "--data", str(tmp_path)]
        result = await asyncio.to_thread(CliRunner().invoke, app, whole, env=settings)
        assert result.exit_code == 0, result.output
        assert not marks_in(result.output), arguments
    written = {path.name: path.read_text(encoding="utf-8") for path in [labels, table, *folder.iterdir()]}
    assert not marks_in(list(written.values()))
    own = written[f"{stage.fleet.schools[-1].code}.att-1.attendance_ratio.csv"]
    assert own.count(",0.9\n") == 3


def test_explained_openings_tell_no_small_number(
    schools: Fleet, own: Catalogue, calendar: SchoolCalendar
) -> None:
    openings = tuple(
        Opening("0" * 16, "r", _series(schools, i, m, own), schools.schools[i].id, 0, 0, None, True, v, v, v)
        for m, row in OF_SCHOOL.items()
        for i, v in enumerate(row)
    )
    nothing = AlertLoad(0, 0, 0, 0, 0, None, None, 0, ())
    compared = Compared("r", None, nothing, openings, openings)
    report = Report(RewindTerms(0, 1), len(PUPILS), 1.0, 1.0, nothing, nothing, (compared,))
    text = explained(report, Surroundings(schools, own, calendar))
    assert '"value":0.9,' in text
    assert not marks_in(text)


def test_the_marks_are_found() -> None:
    points = '{"lines":[{"x":[1.0139,50.0],"y":[7.0573,1.0]}]}'
    assert marks_in({"a": [points, "vắng 98,8 %"], "style": {"left": "1.0139%"}}) == {7.0573, 0.987731}
    drawn = '<svg points="1.0139,7.0573"></svg><i style="left: 1.0139%">98.8</i>'
    assert marks_in(drawn) == {0.987731}
    assert marks_in({"b": {"c": 1.0139}}) == {1.0139}


def _verbs() -> Iterator[str]:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from [name] if inner is None else [f"{name} {one}" for one in inner]
