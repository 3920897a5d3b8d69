"""What the HTTP interface refuses, and what it says to everybody: one dashboard that nobody changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG
from contract.fleet import Fleet
from contract.rule import Rule
from tests.asking import asking
from tests.conftest import TestPostgres, running_nats
from tests.dashboard_stage import Stage, open_stage, program

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    postgres: TestPostgres,
    tmp_path_factory: pytest.TempPathFactory,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    """A dashboard for all tests of the module: none of them gets anything done."""
    name = postgres.clone()
    with running_nats(tmp_path_factory.mktemp("nats")) as nats:
        async with open_stage(nats, postgres.postgres.url(name), city, catalogue, calendar, rules) as opened:
            yield opened
    postgres.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alert_id(stage: Stage) -> str:
    """The one alert there is, of the one incident."""
    changed = stage.opened(0)
    await stage.change(changed)
    return changed.alert.alert_id


@pytest_asyncio.fixture(loop_scope="module")
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of that dashboard, without a cookie."""
    async with asking(timeout=60.0, base_url=stage.url, headers=await program(stage)) as opened:
        yield opened


async def test_the_fleet_comes_once(stage: Stage, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/fleet")
    assert answer.json()["version"] == stage.fleet.version
    assert [row[1] for row in answer.json()["schools"]] == [s.code for s in stage.fleet.schools]
    again = await client.get("/api/fleet", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


async def test_every_answer_is_guarded(client: httpx.AsyncClient) -> None:
    for path in ("/", "/alerts", "/api/fleet", "/nothing", "/assets/js/main.js"):
        headers = (await client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [f"/api/{word}/0123456789abcdef" for word in ("alerts", "incidents")]
    + ["/api/nothing", "/nothing", "/docs", "/redoc"],
)
async def test_what_is_not_there_is_said_in_both_languages(client: httpx.AsyncClient, path: str) -> None:
    vietnamese = await client.get(path)
    english = await client.get(path, params={"lang": "en"})
    assert vietnamese.status_code == english.status_code == 404
    assert vietnamese.json()["code"] == english.json()["code"]
    assert vietnamese.json()["sentence"] != english.json()["sentence"]


async def test_the_language_is_remembered(client: httpx.AsyncClient) -> None:
    first = (await client.get("/")).text
    assert '<html lang="vi"' in first
    assert ">eduops build-1</footer>" in first
    assert '<html lang="en"' in (await client.get("/alerts", params={"lang": "en"})).text
    assert '<html lang="en"' in (await client.get("/")).text
    assert '<html lang="vi"' in (await client.get("/", params={"lang": "vi"})).text


@pytest.mark.parametrize(
    "deed",
    [
        {"kind": "acknowledged"},
        {"actor": "Lan"},
        {"actor": "Lan", "kind": "noted"},
        {"actor": "Lan\n", "kind": "assigned", "assignee": "a\x00"},
        {"actor": "Lan", "kind": "assigned"},
        {"actor": "Lan", "kind": "commented"},
        {"actor": "Lan", "kind": "commented", "note": "x" * 501},
        {"actor": "Lan", "kind": "dismissed", "because": "boredom"},
        {"actor": "Lan", "kind": "split", "alert_id": "1"},
        {"actor": "Lan", "kind": "merged"},
        {"actor": "Lan", "kind": "resolved", "because": "other"},
    ],
)
async def test_a_deed_that_lacks_something_is_refused(
    stage: Stage, client: httpx.AsyncClient, alert_id: str, deed: dict[str, str]
) -> None:
    (incident_id,) = stage.incidents.kept
    answer = await client.post(f"/api/incidents/{incident_id}/actions", json=deed)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
    assert await stage.log.last_seq(ALERTS_LOG) == 0


async def test_a_deed_for_no_incident_is_refused(client: httpx.AsyncClient) -> None:
    url = "/api/incidents/0123456789abcdef/actions"
    answer = await client.post(url, json={"actor": "Lan", "kind": "acknowledged"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_incident")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("acknowledge", {}),
        ("acknowledge", {"actor": "  "}),
        ("acknowledge", {"actor": "a" * 81}),
        ("acknowledge", {"actor": "a\nb"}),
        ("acknowledge", {"actor": "An", "note": "x" * 501}),
        ("acknowledge", {"actor": "An", "priority": 1}),
        ("note", {"actor": "An"}),
        ("note", {"actor": "An", "note": " "}),
        ("note", {"actor": ["An"], "note": "x"}),
        ("dismiss", {"actor": "An"}),
        ("dismiss", {"actor": "An", "because": "it_is_friday"}),
        ("dismiss", {"because": "planned_work"}),
        ("acknowledge", {"actor": "An", "because": "planned_work"}),
    ],
)
async def test_a_wrong_action_is_refused(
    stage: Stage, client: httpx.AsyncClient, alert_id: str, action: str, body: dict[str, object]
) -> None:
    answer = await client.post(f"/api/alerts/{alert_id}/{action}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
    assert await stage.log.last_seq(ALERTS_LOG) == 0


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/alerts/0123456789abcdef/note", content=b" " * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("{school}/gw-9/down_bps", 404, "unknown_school"),
        ("{school}/gw-1/nothing", 404, "unknown_metric"),
        ("{school}/att-1/absent", 403, "suppressed"),
        ("{school}/gw-1/down_bps?from_us=5&to_us=5", 422, "bad_request"),
        ("{school}/gw-1/down_bps?from_us=x", 422, "bad_request"),
    ],
)
async def test_a_wrong_series_is_refused(
    stage: Stage, client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.get("/api/series/" + path.format(school=stage.fleet.schools[0].code))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_font_and_the_scripts_are_served_here(client: httpx.AsyncClient) -> None:
    assets = Path(__file__).parents[2] / "ops_dashboard" / "assets"
    for path in sorted(p for p in assets.rglob("*") if p.is_file()):
        answer = await client.get(f"/assets/{path.relative_to(assets)}")
        assert answer.status_code == 200, path
        assert answer.content == path.read_bytes()
