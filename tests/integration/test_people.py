"""Signing in and out, sessions, users and tokens, at a running dashboard."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final
from unicodedata import normalize

import httpx
import msgspec
import psycopg
import pyotp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contract.access.area import CITY
from contract.access.permission import Role, TokenScope
from contract.access.waiting import FREE_TRIES, LONGEST_WAIT_S, try_keys, wait_s
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from eduops.verbs.people.tables import render_audit
from ops_dashboard.access.door import CLOSE_ENDED, SESSION_COOKIE
from storage.database import connect as storage_connect
from storage.people.audit import AuditChoice, add_audit, read_audit, verify_audit
from storage.people.credentials import (
    CredentialKind,
    end_credentials,
    issue_link,
    issue_token,
    list_credentials,
)
from storage.people.failures import claim_try
from storage.people.pairing import MOST_OF_ADDRESS, begin_pairing
from storage.people.users import find_user
from tests.asking import asking
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, open_stage, program
from tests.running_system import until
from tests.signed_in import cookies, session_of

PASSWORD: Final = "tháp rùa hồ gươm 1954"
PERSON: Final = {"Accept": "text/html"}
ENDED_S: Final = 5.0
"""What is promised: so long after its end a session is no use."""


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of an administrator, Lan."""
    async with asking(timeout=60.0, base_url=stage.url, cookies=cookies(stage.url)) as opened:
        yield opened


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with."""
    async with asking(timeout=60.0, base_url=stage.url) as opened:
        yield opened


async def enter(stage: Stage, browser: httpx.AsyncClient, name: str, role: Role, password: str = "") -> None:
    """Let a new user in by a link, and choose a password."""
    await session_of(stage.conn, name, role)
    secret = await issue_link(stage.conn, name, "test")
    assert (await browser.post(f"/enter/{secret}", data={})).headers["Location"] == "/account"
    if password:
        answer = await browser.post("/account/password", data={"new": password})
        assert answer.status_code == 303, answer.text


async def sign_in(browser: httpx.AsyncClient, name: str, password: str, **more: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password, **more})


async def test_a_stranger_is_sent_to_sign_in_and_told_nothing(
    stage: Stage, stranger: httpx.AsyncClient
) -> None:
    answer = await stranger.get("/alerts?state=open", headers=PERSON)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/alerts%3Fstate%3Dopen")
    for path in ("/api/alerts", "/api/nowhere", "/_dash-layout", "/openapi.json"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_first"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), path
    for path in ("/healthz", "/sign-in", "/assets/people.css"):
        assert (await stranger.get(path)).status_code == 200, path
    with pytest.raises(InvalidStatus):
        async with connect(stage.url.replace("http", "ws") + "/ws/live"):
            pass


async def test_a_link_lets_in_once_and_a_password_again(stage: Stage, stranger: httpx.AsyncClient) -> None:
    await session_of(stage.conn, "Hoa", Role.OPERATOR)
    secret = await issue_link(stage.conn, "Hoa", "test")
    assert 'id="enter"' in (await stranger.get(f"/enter/{secret}?next=/")).text  # looked at, not used up
    assert (await stranger.post(f"/enter/{secret}", data={"next": "/"})).headers["Location"] == "/"
    assert (await stranger.get("/api/me")).json()["name"] == "Hoa"
    assert (await stranger.post(f"/enter/{secret}", data={})).status_code == 410
    for new in ("short", "hoa hoa hoa hoa", "aaaaaaaaaaaaaaaa"):
        assert (await stranger.post("/account/password", data={"new": new})).status_code == 422, new
    assert (await stranger.post("/account/password", data={"new": PASSWORD})).status_code == 303
    answer = await stranger.post("/account/password", data={"old": "wrong", "new": PASSWORD})
    assert answer.status_code == 422
    assert (await stranger.post("/sign-out")).headers["Location"] == "/sign-in"
    assert (await stranger.get("/api/me")).status_code == 401
    wrong = await sign_in(stranger, "Hoa", "not " + PASSWORD)
    unknown = await sign_in(stranger, "Nobody", PASSWORD)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text.replace("Hoa", "") == unknown.text.replace("Nobody", "")
    right = await sign_in(stranger, "hoa", PASSWORD, next="//elsewhere.example/")
    assert (right.status_code, right.headers["Location"]) == (303, "/")
    cookie = next(c for c in right.headers.get_list("Set-Cookie") if c.startswith(SESSION_COOKIE))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert (await stranger.get("/api/me")).json()["grade"] == "operator"


async def test_what_is_kept_of_secrets_cannot_be_used(stage: Stage, stranger: httpx.AsyncClient) -> None:
    await enter(stage, stranger, "Hoa", Role.OPERATOR, PASSWORD)
    token = await issue_token(stage.conn, "grafana", TokenScope.READ, CITY, 1, "test")
    link = await issue_link(stage.conn, "Hoa", "test")
    cursor = await stage.conn.execute("select c::text from credential c union select u::text from app_user u")
    kept = "\n".join(row[0] for row in await cursor.fetchall())
    for secret in (token, link, stranger.cookies[SESSION_COOKIE], PASSWORD):
        assert secret not in kept
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    async with asking(base_url=stage.url) as other:
        for secret in (link, token):  # a link is no session, and a token none either
            cookie = {"Cookie": f"{SESSION_COOKIE}={secret}"}
            assert (await other.get("/api/me", headers=cookie)).status_code == 401
        bearer = {"Authorization": f"Bearer {stranger.cookies[SESSION_COOKIE]}"}
        assert (await other.get("/api/me", headers=bearer)).status_code == 401


async def test_guessing_is_slowed_for_whoever_guesses(stage: Stage, stranger: httpx.AsyncClient) -> None:
    await enter(stage, stranger, "Hoa", Role.OPERATOR, PASSWORD)
    async with asking(base_url=stage.url, timeout=60.0) as guesser:
        for _ in range(FREE_TRIES):
            assert (await sign_in(guesser, "HOA", "a guess at it")).status_code == 401
        await stage.conn.execute("update sign_in_failure set failures = 20")  # as if he had gone on
        # Neither with the right password, nor under another name from there.
        for name, password in (("Hoa", PASSWORD), ("Minh", "another guess")):
            answer = await sign_in(guesser, name, password)
            assert answer.status_code == 429, name
            assert LONGEST_WAIT_S - 60 <= int(answer.headers["Retry-After"]) <= LONGEST_WAIT_S
    # Whoever has signed in in this browser before is not kept waiting by it.
    stranger.cookies.delete(SESSION_COOKIE)
    assert (await sign_in(stranger, "Hoa", PASSWORD)).status_code == 303


async def test_tries_side_by_side_are_counted_one_by_one(postgres_url: str) -> None:
    async def claim() -> float:
        async with await storage_connect(postgres_url) as conn:
            return await claim_try(
                conn, ["name:hoa", "address:x"], lambda n: 0.0 if n < FREE_TRIES else 900.0
            )

    left_s = await asyncio.gather(*(claim() for _ in range(12)))
    assert sum(one == 0.0 for one in left_s) == FREE_TRIES


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (4, 0), (5, 1), (8, 8), (40, LONGEST_WAIT_S)])
def test_waits_double_up_to_the_longest(failures: int, seconds: float) -> None:
    assert wait_s(failures) == seconds


@pytest.mark.parametrize(
    ("address", "key"),
    [("10.0.0.7", "10.0.0.7"), ("2001:db8::1:2:3:4", "2001:db8::"), ("unix", "unknown")],
)
def test_a_household_is_one_address(address: str, key: str) -> None:
    assert try_keys(" HOA ", address, "") == ["name:hoa", f"address:{key}"]
    assert try_keys("Hoa", address, "b") == ["browser:b:hoa"]


async def heard(stage: Stage, secret: str, end: Any) -> ConnectionClosed:
    """Return how the line of a session was closed after `end` was awaited."""
    address, cookie = stage.url.replace("http", "ws") + "/ws/live", {"Cookie": f"{SESSION_COOKIE}={secret}"}
    async with connect(address, additional_headers=cookie) as socket:
        await socket.recv()
        await end
        async with asyncio.timeout(ENDED_S):
            with pytest.raises(ConnectionClosed) as closed:
                await _listen(socket)
    return closed.value


async def _listen(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_a_session_ends_at_once_and_its_live_line_too(stage: Stage, client: httpx.AsyncClient) -> None:
    for change in (
        {"role": "leader", "area": "city"},
        {"role": "operator", "area": f"school:{stage.fleet.schools[0].code}"},
        {"role": "operator", "area": "city", "disabled": "yes"},
    ):
        secret = await session_of(stage.conn, "Hoa", Role.OPERATOR)
        closed = await heard(stage, secret, client.post("/users/change", data={"name": "Hoa", **change}))
        assert closed.rcvd is not None
        assert closed.rcvd.code == CLOSE_ENDED
        async with asking(base_url=stage.url, cookies={SESSION_COOKIE: secret}) as ended:
            assert (await ended.get("/api/me")).status_code == 401


async def test_a_person_ends_their_other_sessions(stage: Stage, stranger: httpx.AsyncClient) -> None:
    await enter(stage, stranger, "Hoa", Role.LEADER, PASSWORD)
    other = await session_of(stage.conn, "Hoa", Role.LEADER)
    page = (await stranger.get("/account")).text
    (theirs,) = re.findall(r'name="id" value="([0-9a-f]+)"', page)
    await stranger.post("/account/end", data={"id": theirs})
    assert len(await list_credentials(stage.conn, CredentialKind.SESSION, "Hoa")) == 1
    async with asking(base_url=stage.url, cookies={SESSION_COOKIE: other}) as ended:
        assert (await ended.get("/api/me")).status_code == 401
    admin = (await list_credentials(stage.conn, CredentialKind.SESSION, "Lan"))[0]
    await stranger.post("/account/end", data={"id": admin.credential_id})  # nobody else's
    assert await list_credentials(stage.conn, CredentialKind.SESSION, "Lan")


@pytest.mark.parametrize(
    "column",
    ["seen_at = now() - interval '13 hours', created_at = now() - interval '13 hours'", "expires_at = now()"],
)
async def test_a_session_lasts_as_long_as_its_limits(stage: Stage, column: str) -> None:
    secret = await session_of(stage.conn, "Hoa", Role.OPERATOR)
    await stage.conn.execute(f"update credential set {column} where name = 'Hoa'")
    async with asking(base_url=stage.url, cookies={SESSION_COOKIE: secret}) as late:
        assert (await late.get("/api/me")).status_code == 401


async def test_an_administrator_adds_changes_and_lets_in(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    school = stage.fleet.schools[0].code
    wrong = (
        {"name": "Hoa\u202e", "role": "operator", "area": "city"},
        {"name": "Hoa", "role": "screen", "area": "city"},
        {"name": "Hoa", "role": "operator", "area": "ward:nowhere"},
        {"name": "Hoa", "role": "operator", "area": "town"},
        {"name": "Hoa", "role": "school", "area": "city"},
        {"name": "LAN", "role": "operator", "area": "city"},
    )
    for fields in wrong:
        answer = await client.post("/users", data=fields)
        assert answer.status_code == 422, fields
        assert 'role="alert"' in answer.text
    page = await client.post("/users", data={"name": "Hoa", "role": "school", "area": f"school:{school}"})
    (link,) = re.findall(r"<code>(http\S+)</code>", page.text)
    assert (await stranger.post(link, data={})).status_code == 303
    assert (await stranger.get("/users")).status_code == 403
    assert "Không được phép" in (await stranger.get("/users", headers=PERSON)).text
    last = await client.post("/users/change", data={"name": "Lan", "role": "leader", "area": "city"})
    assert last.status_code == 422
    user = await find_user(stage.conn, "Lan")
    assert user is not None
    assert user.role is Role.ADMINISTRATOR


async def test_a_name_is_known_however_a_keyboard_writes_it(
    stage: Stage, stranger: httpx.AsyncClient
) -> None:
    await enter(stage, stranger, "Nguyễn Thị Hòa", Role.OPERATOR, PASSWORD)
    for form in ("NFC", "NFD"):
        written = normalize(form, "NGUYỄN THỊ HÒA"), normalize(form, PASSWORD)
        assert (await sign_in(stranger, *written)).status_code == 303, form
        assert (await stranger.get("/api/me")).json()["name"] == "Nguyễn Thị Hòa"
    keys = [try_keys(normalize(form, "Hòa"), "192.0.2.1", "") for form in ("NFC", "NFD")]
    assert keys[0] == keys[1]  # else a guesser has as many counts as a name has forms


@pytest.mark.parametrize("other", ['consent={"a":[1,"b"]}', "tên=Hòa", "[x]=1", 'y="a', "z", "=", "a=b=c"])
async def test_a_cookie_of_another_program_signs_nobody_out(
    stage: Stage, stranger: httpx.AsyncClient, other: str
) -> None:
    own = stage.headers["Cookie"]
    for cookie in (f"{other}; {own}", f"{own}; {other}"):
        answer = await stranger.get("/api/me", headers=[(b"Cookie", cookie.encode())])
        assert answer.status_code == 200, cookie


async def test_nobody_acts_under_the_name_of_the_center(stage: Stage, client: httpx.AsyncClient) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    (incident,) = (i.incident.incident_id for i in stage.incidents.kept.values())
    refused = await client.post("/users", data={"name": "Eduops", "role": "operator", "area": "city"})
    assert refused.status_code == 422
    assert await find_user(stage.conn, "eduops") is None
    async with asking(base_url=stage.url, headers=await program(stage)) as other:
        for path, deed in (
            (f"/api/alerts/{changed.alert.alert_id}/acknowledge", {}),
            (f"/api/incidents/{incident}/actions", {"kind": "acknowledged"}),
        ):
            answer = await other.post(path, json={"actor": " EduOps ", **deed})
            assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), path
            assert (await other.post(path, json={"actor": "Lan", **deed})).status_code == 202, path


async def test_names_are_shown_as_text(stage: Stage, client: httpx.AsyncClient) -> None:
    await session_of(stage.conn, "<b onclick='x'>", Role.LEADER)
    page = (await client.get("/users")).text
    assert "<b onclick" not in page
    assert "&lt;b onclick=" in page


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        (TokenScope.READ, "/api/alerts", 200),
        (TokenScope.READ, "/api/v2/status", 200),
        (TokenScope.READ, "/users", 403),
        (TokenScope.WALL, "/api/alerts", 403),
        (TokenScope.WALL, "/api/fleet", 200),
        (TokenScope.ADMIN, "/users", 403),
        (TokenScope.INGEST, "/api/fleet", 403),
    ],
)
async def test_a_token_may_what_its_scope_says(
    stage: Stage, scope: TokenScope, path: str, status: int
) -> None:
    token = await issue_token(stage.conn, "program", scope, CITY, 1, "test")
    async with asking(base_url=stage.url) as program:
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await program.get(path, headers=bearer)).status_code == status
        assert (await program.get(path, auth=("anything", token))).status_code == status
        await end_credentials(stage.conn, (CredentialKind.TOKEN,), "test", name="program")

        async def is_over() -> bool:
            return (await program.get(path, headers=bearer)).status_code == 401

        await until(is_over, "a revoked token is no use", patience_s=ENDED_S)


async def test_an_administrator_issues_a_token_and_ends_it_on_the_page(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    ward = f"ward:{stage.fleet.schools[0].ward_code}"
    wanted = {"name": "grafana", "scope": "read", "area": ward, "days": "30"}
    days = (("days", wrong) for wrong in ("0", "401", "x"))
    for field, wrong in (("scope", "everything"), ("area", "ward:0"), ("name", "a\u202eb"), *days):
        assert (await client.post("/tokens", data={**wanted, field: wrong})).status_code == 422, field
    shown = await client.post("/tokens", data=wanted)
    assert shown.headers["cache-control"] == "no-store"
    (token,) = re.findall(r"<code>([\w-]{43})</code>", shown.text)
    stranger.headers["Authorization"] = f"Bearer {token}"
    assert 1 <= len((await stranger.get("/api/fleet")).json()["schools"]) < len(stage.fleet.schools)
    assert (await client.post("/tokens", data=wanted)).status_code == 422, "the name is taken"
    page = (await client.get("/tokens")).text
    assert "grafana" in page
    assert token not in page
    (kept,) = await list_credentials(stage.conn, CredentialKind.TOKEN)
    await client.post("/tokens/end", data={"id": kept.credential_id})
    assert await list_credentials(stage.conn, CredentialKind.TOKEN) == []
    entries = await read_audit(stage.conn, AuditChoice(action="POST /tokens"), 10)
    told = [(e.action, e.subject) for e in entries[:3]]
    assert told == [("POST /tokens/end", kept.credential_id), *[("POST /tokens", "grafana")] * 2]
    assert all(token not in str(e) for e in entries)


async def test_a_token_of_garbage_is_nobody(stage: Stage, stranger: httpx.AsyncClient) -> None:
    for value in ("Bearer", "Bearer x y", "Basic !", "Basic Og==", "Digest x", "Bearer " + "x" * 5000):
        answer = await stranger.get("/api/me", headers={"Authorization": value})
        assert answer.status_code == 401, value
    for value in (f"{SESSION_COOKIE}=;", "=;=", f'{SESSION_COOKIE}="'):
        assert (await stranger.get("/api/me", headers={"Cookie": value})).status_code == 401, value


async def test_who_was_known_stays_known_while_the_tables_are_away(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/api/me")).status_code == 200
    await stage.conn.execute("alter table credential rename to credential_away")
    assert msgspec.json.decode((await client.get("/api/me")).content)["name"] == "Lan"
    async with asking(base_url=stage.url, cookies={SESSION_COOKIE: "x"}) as other:
        assert (await other.get("/api/me")).status_code == 503
    await stage.conn.execute("alter table credential_away rename to credential")


async def pair(stage: Stage, wall: httpx.AsyncClient) -> str:
    """Return the code that a wall shows."""
    shown = await wall.get("/pair")
    assert "<svg" in shown.text
    (code,) = re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", shown.text)
    return str(code)


async def test_a_wall_is_paired_by_its_code_and_ended_calmly(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    code = await pair(stage, stranger)
    assert await pair(stage, stranger) == code  # the page asks again, and shows the same
    named = {"name": "Phòng trực, màn 1", "area": f"ward:{stage.fleet.schools[0].ward_code}"}
    assert (await client.post("/screens", data={"code": "BBBB-BBBB", **named})).status_code == 422
    unknown = {"code": code, "name": "Màn 2", "area": "ward:0"}
    assert (await client.post("/screens", data=unknown)).status_code == 422, "the fleet has no such ward"
    assert (await client.post("/screens", data={"code": code.lower(), **named})).status_code == 200
    assert (await client.post("/screens", data={"code": code, **named})).status_code == 422
    let_in = await stranger.get("/pair")
    assert (let_in.status_code, let_in.headers["Location"]) == (303, "/")
    assert (await stranger.get("/", headers=PERSON)).status_code == 200
    topology = (await stranger.get("/api/fleet")).json()
    assert 1 <= len(topology["schools"]) < len(stage.fleet.schools)
    assert (await stranger.get("/api/alerts")).status_code == 403
    (screen,) = await list_credentials(stage.conn, CredentialKind.SCREEN)
    secret = stranger.cookies[SESSION_COOKIE]
    ending = client.post("/screens/end", data={"id": screen.credential_id})
    closed = await heard(stage, secret, ending)
    assert closed.rcvd is not None
    assert closed.rcvd.code == CLOSE_ENDED
    assert (await stranger.get("/sign-in", headers=PERSON)).headers["Location"] == "/pair"
    assert "Không có gì hỏng" in (await stranger.get("/pair")).text


async def test_a_code_is_worth_nothing_late_or_in_another_browser(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    code = await pair(stage, stranger)
    await stage.conn.execute("update screen_pairing set expires_at = now()")
    named = {"name": "Màn 1", "area": "city"}
    assert (await client.post("/screens", data={"code": code, **named})).status_code == 422
    code = await pair(stage, stranger)
    assert (await client.post("/screens", data={"code": code, **named})).status_code == 200
    async with asking(base_url=stage.url) as other:
        assert (await other.get("/pair")).status_code == 200
        assert SESSION_COOKIE not in other.cookies


async def test_not_all_walls_of_the_world_may_wait(stage: Stage) -> None:
    async with asking(base_url=stage.url) as flood:
        for _ in range(MOST_OF_ADDRESS):
            assert (await flood.get("/pair")).status_code == 200
            flood.cookies.clear()
        assert (await flood.get("/pair")).status_code == 503
    household = [await begin_pairing(stage.conn, f"2001:db8::{n:x}") for n in range(MOST_OF_ADDRESS + 1)]
    assert [one is None for one in household] == [False] * MOST_OF_ADDRESS + [True]
    assert await begin_pairing(stage.conn, "2001:db8:0:1::1") is not None


async def test_what_each_did_is_on_record(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    url = f"/api/alerts/{changed.alert.alert_id}"
    await client.post(f"{url}/acknowledge", json={"note": "Đã gọi"})
    await client.post("/users", data={"name": "Hoa", "role": "leader", "area": "city"})
    await sign_in(stranger, "Hoa", "a guess at it")
    hoa = await session_of(stage.conn, "Hoa", Role.LEADER)
    async with asking(base_url=stage.url, cookies={SESSION_COOKIE: hoa}) as leader:
        await leader.post(f"{url}/acknowledge", json={})
        await leader.get("/users")
        await leader.get(url)
    assert (await stranger.post(f"{url}/acknowledge", json={})).status_code == 401
    school = stage.fleet.schools[0].code
    for file in ("/audit.csv", "/api/alerts.csv", f"/api/sheets/school/{school}/alerts.csv"):
        await client.get(file)
    entries = (await read_audit(stage.conn, AuditChoice(), 100))[::-1]
    told = [(e.actor, e.grade, e.action.partition(" ")[2], e.subject, e.result) for e in entries]
    alert, sheet = "/api/alerts/{alert_id}/acknowledge", "/api/sheets/school/{name}/{table}.csv"
    assert told == [
        ("Lan", "administrator", alert, changed.alert.alert_id, "done"),
        ("Lan", "administrator", "/users", "Hoa", "done"),
        ("Hoa", "stranger", "/sign-in", "", "wrong"),
        ("Hoa", "leader", alert, changed.alert.alert_id, "not_your_role"),
        ("Hoa", "leader", "/users", "", "not_your_role"),
        ("Lan", "administrator", "/audit.csv", "", "done"),
        ("Lan", "administrator", "/api/alerts.csv", "", "done"),
        ("Lan", "administrator", sheet, f"{school} alerts", "done"),
    ]
    assert {e.address for e in entries} == {"127.0.0.1"}
    page = (await client.get("/audit?actor=Hoa&result=wrong")).text
    assert page.count("POST /sign-in") == 1
    assert "role=leader area=city" not in page
    file = (await client.get("/audit.csv?action=/users")).text
    assert file.startswith("\ufeffseq,at_us,actor")
    assert file.count("/users") == 2


async def test_what_a_stranger_types_is_on_record_as_letters_that_can_be_seen(
    stage: Stage, stranger: httpx.AsyncClient
) -> None:
    await sign_in(stranger, "\x1b]0;x\x07\n999 2026-11-28 Lan (administrator) \u202edone", "a guess at it")
    (entry,) = await read_audit(stage.conn, AuditChoice(result="wrong"), 10)
    assert entry.actor == "\\u001b]0;x\\u0007\\u000a999 2026-11-28 Lan (administrator) \\u202edone"
    older = msgspec.structs.replace(entry, actor="\x1b[2J\nLan")
    assert render_audit([older]).isprintable()
    assert (await verify_audit(stage.conn)).broken_at is None


async def test_the_record_cannot_be_changed_and_shows_it_if_it_was(stage: Stage) -> None:
    for n in range(4):
        await add_audit(stage.conn, actor="Lan", grade="test", action=f"đã làm {n}", detail="a:1b")
    found = await verify_audit(stage.conn)
    assert (found.entries, found.broken_at) == (4, None)
    for deed in ("update audit set actor = 'x'", "delete from audit", "truncate audit"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await stage.conn.execute(deed)
    head = (4, found.head)
    for tamper, broken_at in (
        ("update audit set actor = 'Minh' where seq = 2", 2),
        ("update audit set hash = sha256('x') where seq = 3", 3),
        ("delete from audit where seq = 3", 3),
        ("delete from audit where seq = 4", 4),
    ):
        async with stage.conn.transaction(force_rollback=True):
            await stage.conn.execute("alter table audit disable trigger user")
            await stage.conn.execute(tamper)
            assert (await verify_audit(stage.conn, head)).broken_at == broken_at, tamper


def code_of(app: pyotp.TOTP, ahead: int = 0) -> str:
    """Return the app's code of this moment, or of so many steps later.

    It is good until the step after its own is over, so whoever computes it just before it is used need not
    know where in a step the clock stands.
    """
    return app.generate_otp(app.timecode(datetime.now(UTC)) + ahead)


async def set_up_code(browser: httpx.AsyncClient, password: str = "") -> tuple[pyotp.TOTP, str, list[str]]:
    """Set a second factor up, and return the app, the code that it took, and the recovery codes."""
    page = (await browser.post("/account/code/begin")).text
    assert "<svg" in page
    (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", page)
    app = pyotp.TOTP(secret)
    form = {"secret": secret, "old": password}
    wrongs = [{"code": "12345"}] + [{"old": "not it at all"}, {"old": ""}] * bool(password)
    for wrong in wrongs:
        said = form | {"code": code_of(app)} | wrong
        assert (await browser.post("/account/code", data=said)).status_code == 422
    code = code_of(app)
    page = (await browser.post("/account/code", data=form | {"code": code})).text
    (recovery,) = re.findall(r"<code>([a-z2-7 ]{100,})</code>", page)
    return app, code, recovery.split()


async def test_a_second_factor_is_asked_for_and_taken_once(
    stage: Stage, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await enter(stage, stranger, "Hoa", Role.OPERATOR, PASSWORD)
    app, used, recovery = await set_up_code(stranger, PASSWORD)
    assert [len(code) for code in recovery] == [24] * 10
    (field,) = re.findall(r'<input name="code"[^>]*>', (await stranger.get("/sign-in")).text)
    assert 'maxlength="40"' in field, "a recovery code fits"
    assert "numeric" not in field, "and a phone has letters for it"

    async def status_with(code: str) -> int:
        await stage.conn.execute("delete from sign_in_failure")
        return (await sign_in(stranger, "Hoa", PASSWORD, code=code)).status_code

    for code, status in (("", 401), (used, 401), ("000000", 401), (recovery[0], 303), (recovery[0], 401)):
        assert await status_with(code) == status, code
    later = code_of(app, 1)  # within what clocks may be off, and of a later step than the one that was taken
    assert await status_with(f" {later[:3]} {later[3:]} ") == 303
    assert await status_with(later) == 401
    assert (await sign_in(stranger, "Hoa", "not it at all", code=recovery[1])).status_code == 401
    # A link does not go around it, and is not used up by a wrong code.
    secret = await issue_link(stage.conn, "Hoa", "test")
    page = (await stranger.get(f"/enter/{secret}")).text
    assert "enter.js" not in page
    assert (await stranger.post(f"/enter/{secret}", data={"code": "000000"})).status_code == 401
    assert (await stranger.post(f"/enter/{secret}", data={"code": recovery[2]})).status_code == 303
    assert (await stranger.post("/account/code/end", data={"code": "000000"})).status_code == 422
    await client.post("/users/code", data={"name": "Hoa"})
    assert (await stranger.get("/api/me")).status_code == 401
    assert (await sign_in(stranger, "Hoa", PASSWORD)).status_code == 303


async def test_whoever_changes_something_needs_one_where_the_network_is(
    nats: TestNats, postgres_url: str, city: Fleet, catalogue: Catalogue,
    calendar: SchoolCalendar, rules: tuple[Rule, ...],
) -> None:  # fmt: skip
    world = (nats, postgres_url, city, catalogue, calendar, rules)
    async with open_stage(*world, secure_cookies=True) as stage:
        for role, status in ((Role.OPERATOR, 403), (Role.LEADER, 200)):
            secret = await session_of(stage.conn, role.value, role)
            cookie = {"Cookie": f"__Host-{SESSION_COOKIE}={secret}"}
            async with asking(base_url=stage.url, headers=cookie) as browser:
                assert (await browser.get("/api/alerts")).status_code == status, role
                assert (await browser.get("/account")).status_code == 200
                if status == 403:
                    sent = await browser.get("/alerts", headers=PERSON)
                    assert (sent.status_code, sent.headers["Location"]) == (303, "/account")
                    await set_up_code(browser)
                    await until_ok(browser, "/api/alerts")
        async with asking(base_url=stage.url) as browser:
            link = await issue_link(stage.conn, "leader", "test")
            let_in = await browser.post(f"/enter/{link}", data={})
            cookies_set = let_in.headers.get_list("Set-Cookie")
            assert len(cookies_set) == 2
            assert all(one.startswith("__Host-") and "Secure" in one for one in cookies_set)


async def until_ok(browser: httpx.AsyncClient, path: str) -> None:
    async def is_ok() -> bool:
        return (await browser.get(path)).status_code == 200

    await until(is_ok, f"{path} is answered", patience_s=30.0)
