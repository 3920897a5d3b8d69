"""Every route × role × area × method, from the table of routes; nothing of beyond an area in any answer."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from contract.access.area import CITY, Area, narrow_fleet, write_area
from contract.access.decision import NotAllowed, Principal, may
from contract.access.permission import Permission, Role, TokenScope
from contract.entry import ALERTS_LOG
from contract.errors import ConfigurationError
from contract.fleet import Fleet, School
from contract.incident import Cause, CauseKind
from contract.routing.delivery import AttemptOutcome, NoticeAttempt
from contract.routing.notice import NoticeReason
from ops_dashboard.access import permissions
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.access.permissions import PERMISSIONS, SOCKET, guarded_routes
from ops_dashboard.app import create_app
from ops_dashboard.config import DashboardConfig
from ops_dashboard.pages.registry import PAGES
from storage.outbox import claim_notice, end_sent, open_outbox, write_attempt
from storage.people.credentials import admit_screen, issue_token
from tests.asking import asking
from tests.dashboard_stage import PARTITIONS, Stage
from tests.outbox import incident_of, notice_of, put_incidents, put_notices
from tests.signed_in import session_of

ENDS_ITSELF: Final = "POST /sign-out"
"""Whoever asks this asks nothing afterwards."""
DEAR: Final = {
    "GET /api/leadership.pdf": "a report takes seconds to set; that it is let through is asked of its table"
}
NARROW: Final = (Role.SCREEN, Role.LEADER, Role.OPERATOR, Role.ENGINEER)


class Caller(NamedTuple):
    """Somebody, and what proves it."""

    principal: Principal | None
    headers: Mapping[str, str]

    @property
    def told(self) -> str:
        """Who it is, for a failure."""
        who = self.principal
        return "a stranger" if who is None else f"{who.grade.value} of {write_area(who.area)}"


def areas_of(fleet: Fleet) -> list[Area]:
    """Return an area of each kind around the first school, none of which is the city."""
    school = fleet.schools[0]
    cluster = fleet.ward_by_code[school.ward_code].cluster_code
    return [
        Area(clusters=(cluster,)),
        Area(wards=(school.ward_code,)),
        Area(schools=(school.code,)),
        Area(isp=school.isp),
    ]


async def caller(stage: Stage, grade: Role | TokenScope, area: Area) -> Caller:
    """Return somebody with what proves it."""
    name = f"{grade.value} of {write_area(area)}"[:80]
    if isinstance(grade, TokenScope):
        token = await issue_token(stage.conn, name, grade, area, 1, "test")
        return Caller(Principal(name, grade, area), {"Authorization": f"Bearer {token}"})
    if grade is Role.SCREEN:
        secret = await admit_screen(stage.conn, name, area, "test", "")
    else:
        secret = await session_of(stage.conn, name, grade, area, stage.fleet)
    return Caller(Principal(name, grade, area), {"Cookie": f"{SESSION_COOKIE}={secret}"})


async def everybody(stage: Stage) -> list[Caller]:
    """Return a stranger, and each role and scope in the city and in a part of it."""
    part = areas_of(stage.fleet)[2]
    found = [Caller(None, {})]
    for area, roles in ((CITY, [r for r in Role if r is not Role.SCHOOL]), (part, [*NARROW, Role.SCHOOL])):
        found += [await caller(stage, grade, area) for grade in (*roles, *TokenScope)]
    return found


async def narrow_callers(stage: Stage) -> list[Caller]:
    """Return those who see most of each kind of area, and a wall."""
    areas = areas_of(stage.fleet)
    found = [await caller(stage, Role.ENGINEER, area) for area in areas]
    return [
        *found,
        await caller(stage, TokenScope.READ, areas[1]),
        await caller(stage, Role.SCREEN, areas[0]),
    ]


@pytest.fixture
async def asker(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(timeout=60.0, base_url=stage.url) as opened:
        yield opened


def filled(path: str, stage: Stage, school: School, alert_id: str) -> str:
    """Return a route's address about a school and an alert."""
    subject = path.removeprefix("/api/sheets").split("/")[1]
    places = {
        "name": {"provider": school.isp, "area": school.ward_code, "school": school.code}.get(
            subject, "elearning"
        ),
        "table": {
            **{"systems": "systems", "system": "figures", "quality": "devices", "school": "alerts"}
        }.get(subject, "schools"),
        "alert_id": alert_id,
        "incident_id": next(iter(stage.incidents.kept)),
        "silence_id": "5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a11",
        "swap_id": "5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a11",
        "school": school.code,
        "code": school.code,
        "device": "gw-1",
        "metric": "down_bps",
        "page": "incidents",
        "secret": "nothing",
        "package_name": "dash",
        "fingerprinted_path:path": "dash-renderer/build/nothing.js",
    }
    more = {"/assets": "/x", "/api/find": "?q=truong"}.get(path, "")
    return re.sub(r"\{([^}]+)\}", lambda found: places[found[1]], path) + more


async def test_every_route_asks_for_its_permission(stage: Stage, asker: httpx.AsyncClient) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    for one in await everybody(stage):
        for route, what in PERMISSIONS.items():
            method, path = route.split(" ", 1)
            denied = may(one.principal, what)
            if method == SOCKET or route == ENDS_ITSELF or (denied is None and route in DEAR):
                continue
            url = filled(path, stage, stage.fleet.schools[0], changed.alert.alert_id)
            body = b"{}" if method != "GET" else None
            headers = {**one.headers, "Content-Type": "application/json"}
            answer = await asker.request(method, url, headers=headers, content=body)
            expected = 401 if denied is NotAllowed.SIGN_IN else 403
            said = f"{route} by {one.told}: {answer.status_code} {answer.text[:200]}"
            if denied is None:
                assert answer.status_code not in (401, 403) or what is Permission.ENTER, said
                assert answer.status_code < 500, said
            else:
                assert (answer.status_code, answer.json()["code"]) == (expected, denied.value), said


async def test_the_live_line_asks_too(stage: Stage) -> None:
    address = stage.url.replace("http", "ws") + "/ws/live"
    for one in await everybody(stage):
        if may(one.principal, Permission.SEE_WALL) is None:
            async with connect(address, additional_headers=one.headers) as socket:
                assert json.loads(await socket.recv())["kind"] == "hello", one.told
        else:
            with pytest.raises(InvalidStatus):
                async with connect(address, additional_headers=one.headers):
                    pass


def test_a_route_without_a_permission_does_not_start(
    city: Fleet, catalogue: Any, calendar: Any, rules: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DashboardConfig("", PARTITIONS, "")
    left = {route: what for route, what in PERMISSIONS.items() if route != "GET /api/alerts"}
    monkeypatch.setattr(permissions, "PERMISSIONS", left)
    with pytest.raises(ConfigurationError, match="GET /api/alerts"):
        create_app(config, None, None, city, catalogue, calendar, rules)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="differ"):
        guarded_routes([])


def beyond(fleet: Fleet, area: Area) -> School:
    """Return a school that lies in no part of an area."""
    return next(s for s in reversed(fleet.schools) if not area.covers(s, fleet))


async def troubled(stage: Stage) -> dict[int, str]:
    """Open an alert at every school and return their ids by school: single ones, and a provider's outage."""
    opened = {p: stage.opened(p, "latency_high", 2, value=900.0) for p in range(len(stage.fleet.schools))}
    isp = stage.fleet.schools[0].isp
    down = [stage.opened(p) for p, s in enumerate(stage.fleet.schools) if s.isp == isp]
    await stage.change(*opened.values(), *down)
    await stage.say_summaries("".join("2" for _ in stage.fleet.schools))
    return {stage.fleet.schools[p].id: changed.alert.alert_id for p, changed in opened.items()}


def marks(fleet: Fleet, area: Area, alerts: Mapping[int, str]) -> set[str]:
    """Return what must not be told in an area: codes and alerts of all schools beyond it."""
    own = {s.id for s in narrow_fleet(fleet, area).schools}
    foreign = [s for s in fleet.schools if s.id not in own]
    assert foreign
    return {s.code for s in foreign} | {alerts[s.id] for s in foreign}


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[0-9a-zA-Z]+", text))


def readings(path: str) -> bool:
    return not path.startswith(("/_dash", "/assets", "/enter", "/sign", "/openapi"))


async def test_no_answer_tells_of_beyond_an_area(stage: Stage, asker: httpx.AsyncClient) -> None:
    alerts = await troubled(stage)
    gets = [route.split(" ")[1] for route in PERMISSIONS if route.startswith("GET ")]
    for one in await narrow_callers(stage):
        who = one.principal
        assert who is not None
        foreign, here = marks(stage.fleet, who.area, alerts), stage.fleet.schools[0]
        there = beyond(stage.fleet, who.area)
        for path in (path for path in gets if readings(path) and f"GET {path}" not in DEAR):
            for school in (here, there) if "{" in path else (here,):
                url = filled(path, stage, school, alerts[school.id])
                answer = await asker.get(url, headers=one.headers)
                asked = words_of(url)
                assert not (words_of(answer.text) - asked) & foreign, (url, one.told)
                about = path in ("/api/alerts/{alert_id}", "/api/series/{school}/{device}/{metric}")
                if about and may(who, PERMISSIONS[f"GET {path}"]) is None:
                    assert answer.status_code == (404 if school is there else 200), (url, one.told)


async def test_no_page_tells_of_beyond_an_area(stage: Stage, asker: httpx.AsyncClient) -> None:
    alerts = await troubled(stage)
    for one in await narrow_callers(stage):
        who = one.principal
        assert who is not None
        foreign, there = marks(stage.fleet, who.area, alerts), beyond(stage.fleet, who.area)
        for page in PAGES:
            url = filled(page.route, stage, there, alerts[there.id])
            body = {
                "output": "page.children",
                "outputs": {"id": "page", "property": "children"},
                "inputs": [{"id": "address", "property": "pathname", "value": url}],
                "changedPropIds": ["address.pathname"],
                "state": [{"id": "address", "property": "search", "value": "?lang=en"}],
            }
            answer = await asker.post("/_dash-update-component", json=body, headers=one.headers)
            assert answer.status_code == 200, answer.text
            assert not (words_of(answer.text) - words_of(url)) & foreign, (page.name, one.told)
            denied = may(who, page.permission)
            said = {NotAllowed.ROLE: "Your role may not", NotAllowed.AREA: "beyond your area"}
            assert denied is None or said[denied] in answer.text, (page.name, one.told)


async def test_no_push_tells_of_beyond_an_area(stage: Stage) -> None:
    alerts = await troubled(stage)
    for area in areas_of(stage.fleet):
        secret = await session_of(stage.conn, write_area(area), Role.OPERATOR, area, stage.fleet)
        own = narrow_fleet(stage.fleet, area)
        foreign = marks(stage.fleet, area, alerts)
        async with connect(
            stage.url.replace("http", "ws") + "/ws/live?alerts=1",
            additional_headers={"Cookie": f"{SESSION_COOKIE}={secret}"},
        ) as socket:
            await stage.say_summaries("".join("2" for _ in stage.fleet.schools))
            at = stage.fleet.schools.index(beyond(stage.fleet, area))
            await stage.change(stage.opened(at, "line_errors"), stage.opened(0, "line_errors"))
            heard: list[dict[str, Any]] = []
            async with asyncio.timeout(30):
                while not _has_heard(heard, len(own.schools)):
                    message = await socket.recv()
                    assert not words_of(str(message)) & foreign, write_area(area)
                    heard.append(json.loads(message))
        told = [c["alert"]["school_id"] for m in heard if m["kind"] == "changes" for c in m["changes"]]
        assert set(told) == {stage.fleet.schools[0].id}
        last = [m for m in heard if m["kind"] == "snapshot"][-1]
        assert all(last[tile]["value"] is None for tile in ("connected", "attendance", "elearning", "down"))
        assert last["canary"] == {}
        assert all(line["schools"] <= len(own.schools) for line in last["open"]["lines"])
        isp_lines = [line for line in last["open"]["lines"] if line["cause"] == "isp"]
        served = sum(s.isp == stage.fleet.schools[0].isp for s in own.schools)
        assert all(line["schools"] == served for line in isp_lines)


def _has_heard(heard: list[dict[str, Any]], schools: int) -> bool:
    kinds = {message["kind"] for message in heard}
    states = [m["states"] for m in heard if m["kind"] == "snapshot"]
    return (
        {"hello", "changes", "snapshot"} <= kinds
        and bool(states)
        and len(states[-1]) == schools
        and "u" not in states[-1]
    )


async def test_nothing_beyond_an_area_is_acted_on(stage: Stage, asker: httpx.AsyncClient) -> None:
    fleet, isp = stage.fleet, stage.fleet.schools[0].isp
    down = {p: stage.opened(p) for p, s in enumerate(fleet.schools) if s.isp == isp}
    await stage.change(*down.values())
    (outage,) = (i.incident.incident_id for i in stage.incidents.kept.values())
    comment = {"kind": "commented", "note": "x"}
    for area in areas_of(fleet):
        secret = await session_of(stage.conn, write_area(area), Role.OPERATOR, area, fleet)
        cookie = {"Cookie": f"{SESSION_COOKIE}={secret}"}
        before = await stage.log.last_seq(ALERTS_LOG)
        # Of an outage that reaches further its own part is seen, and nothing of it is acted on.
        seen = (await asker.get(f"/api/incidents/{outage}", headers=cookie)).json()
        own = sum(s.isp == isp for s in narrow_fleet(fleet, area).schools)
        assert (seen["incident"]["schools"], len(seen["members"])) == (own, own), write_area(area)
        assert bool(seen["events"]) == bool(area.isp)
        answer = await asker.post(f"/api/incidents/{outage}/actions", json=comment, headers=cookie)
        assert answer.status_code == (202 if area.isp else 403), write_area(area)
        if not area.isp:
            foreign = next(p for p in down if not area.covers(fleet.schools[p], fleet))
            for verb, more in (("acknowledge", {}), ("note", {}), ("dismiss", {"because": "other"})):
                url = f"/api/alerts/{down[foreign].alert.alert_id}/{verb}"
                refused = await asker.post(url, json={"note": "x", **more}, headers=cookie)
                assert refused.status_code == 404, (write_area(area), verb)
            assert await stage.log.last_seq(ALERTS_LOG) == before
        url = f"/api/alerts/{down[0].alert.alert_id}/note"
        assert (await asker.post(url, json={"note": "x"}, headers=cookie)).status_code == 202


async def test_nothing_beyond_an_area_is_drawn_into_it(stage: Stage, asker: httpx.AsyncClient) -> None:
    fleet, areas = stage.fleet, areas_of(stage.fleet)
    there = next(s for s in reversed(fleet.schools) if not any(area.covers(s, fleet) for area in areas))
    own, foreign = (
        incident_of(n, Cause(CauseKind.SCHOOL, school_id=s.id))
        for n, s in ((1, fleet.schools[0]), (2, there))
    )
    wide = incident_of(3, Cause(CauseKind.CITY))
    await put_incidents(stage.conn, own, foreign, wide)
    path, before = f"/api/incidents/{own.incident_id}/actions", await stage.log.last_seq(ALERTS_LOG)
    for area in areas:
        headers = (await caller(stage, Role.OPERATOR, area)).headers
        for other in (foreign, wide):
            deed = {"kind": "merged", "with_id": other.incident_id}
            answer = await asker.post(path, json=deed, headers=headers)
            assert answer.status_code in (403, 404), (write_area(area), other.cause)
    assert await stage.log.last_seq(ALERTS_LOG) == before
    deed = {"kind": "merged", "with_id": foreign.incident_id}
    whole = (await caller(stage, Role.OPERATOR, CITY)).headers
    assert (await asker.post(path, json=deed, headers=whole)).status_code == 202


async def test_what_was_told_or_merged_with_something_beyond_is_not_told(
    stage: Stage, asker: httpx.AsyncClient, postgres_url: str
) -> None:
    fleet, areas = stage.fleet, areas_of(stage.fleet)
    here = fleet.schools[0]
    there = next(s for s in reversed(fleet.schools) if not any(area.covers(s, fleet) for area in areas))
    own, foreign = (
        incident_of(n, Cause(CauseKind.SCHOOL, school_id=s.id)) for n, s in ((1, here), (2, there))
    )
    merged = incident_of(3, own.cause, beyond_cause=True)
    await put_incidents(stage.conn, own, foreign, merged)
    both = (foreign.incident_id, own.incident_id)
    await put_notices(stage.conn, notice_of(foreign, "An", NoticeReason.DIGEST, incidents=both))
    async with await open_outbox(postgres_url, "test") as conn, conn.transaction():
        claim = await claim_notice(conn)
        assert claim is not None
        words = f"2 sự cố: {here.code}, {there.code}"
        attempt = NoticeAttempt(1, 0, "inbox", AttemptOutcome.SENT, "", words, words)
        await write_attempt(conn, claim.notice.notice_id, attempt, channel=0, tries=1)
        await end_sent(conn, claim)
    path = f"/api/incidents/{own.incident_id}/notices"
    whole = await caller(stage, Role.OPERATOR, CITY)
    assert there.code in (await asker.get(path, headers=whole.headers)).text
    for area in areas:
        headers = (await caller(stage, Role.OPERATOR, area)).headers
        answer = await asker.get(path, headers=headers)
        (told,) = answer.json()["notices"]
        assert (told["to"], told["fate"], told["incidents"]) == ("An", "sent", [])
        assert not words_of(answer.text) & {there.code, foreign.incident_id}, write_area(area)
        assert (await asker.get(f"/api/incidents/{merged.incident_id}", headers=headers)).status_code == 404
        listed = (await asker.get("/api/incidents", headers=headers)).json()["incidents"]
        assert [one["incident_id"] for one in listed] == [own.incident_id], write_area(area)
