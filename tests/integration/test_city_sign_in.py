"""Signing in with the city's account: a dashboard and a real OpenID Connect provider."""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contract.access.permission import Role
from contract.access.waiting import FREE_TRIES
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from eduops.settings import load_settings
from eduops.verbs.people.checks import provider_sentence
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.config import OidcConfig
from ops_dashboard.people.city.identity import IdentityRefusedError
from ops_dashboard.people.city.provider import LOGGED_OUT, IdentityProvider
from ops_dashboard.people.forms import AWAY_COOKIE
from storage.people.audit import AuditChoice, read_audit
from storage.people.city_accounts import id_token_of
from storage.people.credentials import CredentialKind, hash_of, list_credentials
from storage.people.users import find_user
from tests.asking import asking
from tests.conftest import TestPostgres, running_nats
from tests.dashboard_stage import Stage, open_stage
from tests.identity_provider import CLIENT, SECRET, TestProvider, running_provider, there
from tests.running_system import PATIENCE_S, until
from tests.signed_in import session_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "hoa": {"preferred_username": "hoa", "groups": ["everybody", "eduops-operators"]},
    "minh": {"preferred_username": "minh", "email": "minh@city.example", "groups": ["everybody"]},
    "lan": {"preferred_username": "Lan", "groups": ["eduops-operators"]},
}
FILE: Final = """
contact = "Tổ vận hành, 028 0000 0000"

[[mapping]]
claim = "groups"
has = "eduops-administrators"
role = "administrator"
area = "city"

[[mapping]]
claim = "groups"
has = "eduops-operators"
role = "operator"
area = "city"

[[mapping]]
claim = "school_code"
role = "school"
area = "school:{school_code}"
"""
SILENT: Final = "Hệ thống đăng nhập của thành phố chưa trả lời"
NewBrowser = Callable[[], httpx.AsyncClient]


@pytest.fixture(scope="module")
def provider(pytestconfig: pytest.Config) -> Iterator[TestProvider]:
    """The city's provider, for all tests of the module."""
    with running_provider(pytestconfig) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    provider: TestProvider,
    postgres: TestPostgres,
    tmp_path_factory: pytest.TempPathFactory,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    """A dashboard that has that provider; Lan is a local administrator."""
    name, own = postgres.clone(), tmp_path_factory.mktemp("own")
    (own / "sign_in.toml").write_text(FILE, encoding="utf-8")
    with running_nats(tmp_path_factory.mktemp("nats")) as nats:
        dsn, more = postgres.postgres.url(name), {"oidc": provider.config, "own_config": own}
        async with open_stage(nats, dsn, city, catalogue, calendar, rules, **more) as opened:
            provider.tell(redirect=opened.url, people=PEOPLE)
            yield opened
    postgres.drop(name)


@pytest_asyncio.fixture(loop_scope="module")
async def browser(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with; its tries are counted anew."""
    await stage.conn.execute("delete from sign_in_failure")
    headers = {"Accept": "text/html"}
    async with asking(timeout=60.0, base_url=stage.url, headers=headers) as opened:
        yield opened


async def away(browser: httpx.AsyncClient, to: str = "/") -> str:
    """Press the button of the sign-in page, and return where it leads."""
    answer = await browser.get("/sign-in/oidc", params={"next": to})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


async def sign_in(browser: httpx.AsyncClient, login: str, to: str = "/") -> httpx.Response:
    """Sign in with the city's account, and return the dashboard's answer to who comes back."""
    return await browser.get(await there(browser, await away(browser, to), login))


async def recorded(stage: Stage, *wanted: str) -> None:
    """Wait until the newest sign-in on record is of an actor, with a result and a detail."""
    newest: list[tuple[str, ...]] = []

    async def is_written() -> bool:  # an entry is kept after its answer went out
        found = await read_audit(stage.conn, AuditChoice(action="GET /sign-in/oidc/back"), 1)
        newest[:] = [(one.actor, one.result, one.detail) for one in found]
        return newest == [wanted]

    await until(is_written, f"{wanted} on record", seen=lambda: newest)


async def proof_of(stage: Stage, name: str) -> str:
    """Return the id_token of somebody's newest session."""
    newest = (await list_credentials(stage.conn, CredentialKind.SESSION, name))[0]
    return await id_token_of(stage.conn, newest.credential_id) or ""


async def proof_of_cookie(stage: Stage, browser: httpx.AsyncClient) -> str:
    """Return the id_token of a browser's session."""
    found = await stage.conn.execute(
        "select id_token from credential where secret_hash = %s", [hash_of(browser.cookies[SESSION_COOKIE])]
    )
    row = await found.fetchone()
    assert row is not None
    return str(row[0])


async def signs_out_there(browser: httpx.AsyncClient, proof: str) -> None:
    """Sign a browser out at the provider's own page."""
    place = f"{read(proof.split('.')[1])['iss']}/session/end"
    page = await browser.get(place, params={"id_token_hint": proof})
    (token,) = re.findall(r'name="xsrf" value="(\w+)"', page.text)
    done = await browser.post(f"{place}/confirm", data={"xsrf": token, "logout": "yes"})
    assert done.status_code in (200, 303), done.text


def read(part: str) -> dict[str, Any]:
    """Return what a part of a token says."""
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(found, dict)
    return found


def written(part: dict[str, Any]) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_a_person_signs_in_as_what_the_mapping_says(stage: Stage, browser: httpx.AsyncClient) -> None:
    assert 'href="/sign-in/oidc?next=/alerts"' in (await browser.get("/sign-in?next=/alerts")).text
    address = await away(browser, "/alerts")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["scope"] == "openid profile email"
    back = await browser.get(await there(browser, address, "hoa"))
    assert (back.status_code, back.headers["Location"]) == (303, "/alerts")
    me = (await browser.get("/api/me")).json()
    assert (me["name"], me["grade"]) == ("hoa", "operator")
    cookie = next(c for c in back.headers.get_list("Set-Cookie") if c.startswith(SESSION_COOKIE))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    await recorded(stage, "hoa", "done", "role=operator")


async def test_password_link_and_second_factor_are_the_citys(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, "hoa")
    page = (await browser.get("/account")).text
    assert "tài khoản thành phố" in page
    assert 'type="password"' not in page
    for path, fields in (
        ("/account/password", {"new": "tháp rùa hồ gươm 1954"}),
        ("/account/code/begin", {}),
        ("/account/code", {"secret": "A" * 32, "code": "000000"}),
    ):
        assert (await browser.post(path, data=fields)).status_code == 403, path
    async with asking(base_url=stage.url, headers=stage.headers) as administrator:
        assert (await administrator.post("/users/link", data={"name": "hoa"})).status_code == 422


async def test_a_person_is_what_the_claims_say_at_each_sign_in(
    stage: Stage, browser: httpx.AsyncClient, provider: TestProvider
) -> None:
    school = stage.fleet.schools[0].code
    for claims, grade in (
        ({"groups": ["eduops-administrators"]}, "administrator"),
        ({"school_code": school}, "school"),
    ):
        before = browser.cookies.get(SESSION_COOKIE)
        provider.tell(people=PEOPLE | {"hoa": {"preferred_username": "hoa", **claims}})
        assert (await sign_in(browser, "hoa")).status_code == 303
        me = (await browser.get("/api/me")).json()
        assert (me["name"], me["grade"]) == ("hoa", grade)
        if before:  # what was begun with the former role has ended
            async with asking(base_url=stage.url, cookies={SESSION_COOKIE: before}) as former:
                assert (await former.get("/api/me")).status_code == 401
    assert me["area"]["schools"] == [school]
    provider.tell(people=PEOPLE | {"hoa": {"preferred_username": "hoa"}})
    assert (await sign_in(browser, "hoa")).status_code == 403
    assert not await list_credentials(stage.conn, CredentialKind.SESSION, "hoa")
    provider.tell(people=PEOPLE)


async def test_who_is_nothing_here_is_told_whom_to_ask(stage: Stage, browser: httpx.AsyncClient) -> None:
    for language, words in (("vi", "Chưa có quyền vào"), ("en", "Not admitted yet")):
        await browser.get("/sign-in", params={"lang": language})
        answer = await sign_in(browser, "minh")
        assert answer.status_code == 403
        for told in (words, "Tổ vận hành, 028 0000 0000", "minh@city.example", "<dd>minh</dd>"):
            assert told in answer.text, told
    assert 'href="/sign-in/oidc?lang=vi"' in answer.text
    assert SESSION_COOKIE not in browser.cookies
    assert await find_user(stage.conn, "minh") is None
    await recorded(stage, "minh", "unmapped", "")


async def test_a_name_proves_nothing(stage: Stage, browser: httpx.AsyncClient) -> None:
    assert (await sign_in(browser, "lan")).status_code == 303
    me = (await browser.get("/api/me")).json()
    assert me["name"].startswith("Lan (")  # the local Lan is somebody else
    assert me["grade"] == "operator"
    user = await find_user(stage.conn, "Lan")
    assert user is not None
    assert (user.role, user.subject) == (Role.ADMINISTRATOR, "")


async def test_nobody_is_sent_to_another_host(browser: httpx.AsyncClient) -> None:
    for to in ("//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example"):
        assert (await sign_in(browser, "hoa", to)).headers["Location"] == "/", to


@pytest.mark.parametrize("part", ["nonce", "code_challenge"])
async def test_a_visit_with_another_nonce_or_challenge_proves_nothing(
    stage: Stage, browser: httpx.AsyncClient, part: str
) -> None:
    address = await away(browser)
    wanted = parse_qs(urlsplit(address).query)[part][0]
    answer = await browser.get(await there(browser, address.replace(wanted, "x" * 43), "hoa"))
    assert answer.status_code == 401
    assert SESSION_COOKIE not in browser.cookies
    await recorded(stage, "stranger", "wrong", "")


async def test_an_answer_belongs_to_one_visit_of_one_browser(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    back = await there(browser, await away(browser), "hoa")
    state = parse_qs(urlsplit(back).query)["state"][0]
    for wrong in (
        back.replace(state, "x" * len(state)),
        back + "&iss=https://elsewhere.example",
        "/sign-in/oidc/back",
    ):
        assert (await browser.get(wrong)).status_code == 400, wrong
    async with asking(base_url=stage.url) as other:  # whoever is handed the address
        assert (await other.get(back)).status_code == 400
        await away(other)
        assert (await other.get(back)).status_code == 400
    mark = browser.cookies[AWAY_COOKIE]
    assert (await browser.get(back)).status_code == 303
    browser.cookies.set(AWAY_COOKIE, mark)
    assert (await browser.get(back)).status_code == 400  # once


async def test_who_takes_too_long_begins_again(stage: Stage, browser: httpx.AsyncClient) -> None:
    back = await there(browser, await away(browser), "hoa")
    await stage.conn.execute("update oidc_sign_in set expires_at = now()")
    assert (await browser.get(back)).status_code == 400


async def test_tries_in_a_row_are_slowed(stage: Stage, browser: httpx.AsyncClient) -> None:
    for n in range(FREE_TRIES + 1):
        state = parse_qs(urlsplit(await away(browser)).query)["state"][0]
        answer = await browser.get("/sign-in/oidc/back", params={"state": state, "code": "guessed"})
        assert answer.status_code == (401 if n < FREE_TRIES else 429), n
    assert "Retry-After" in answer.headers


async def test_a_person_who_says_no_there_comes_back_to_the_sign_in(browser: httpx.AsyncClient) -> None:
    state = parse_qs(urlsplit(await away(browser)).query)["state"][0]
    answer = await browser.get("/sign-in/oidc/back", params={"state": state, "error": "access_denied"})
    assert answer.status_code == 401
    assert 'name="password"' in answer.text


async def test_a_token_that_is_over_is_refused(browser: httpx.AsyncClient, provider: TestProvider) -> None:
    back = await there(browser, await away(browser), "hoa")
    provider.tell(clock_s=-7200)
    try:
        assert (await browser.get(back)).status_code == 401
    finally:
        provider.tell(clock_s=0)


async def test_only_what_the_provider_signed_for_us_is_believed(
    stage: Stage, browser: httpx.AsyncClient, provider: TestProvider
) -> None:
    await sign_in(browser, "hoa")
    proof = await proof_of(stage, "hoa")
    head, body, _ = proof.split(".")
    nonce = read(body)["nonce"]
    ours = IdentityProvider(provider.config)
    claims = dict(await ours.proven_claims(proof, nonce))
    assert claims["sub"] == "hoa"
    stranger = IdentityProvider(OidcConfig(provider.issuer, "another client", SECRET))
    with pytest.raises(IdentityRefusedError):
        await stranger.proven_claims(proof, nonce)
    with pytest.raises(IdentityRefusedError):
        await ours.proven_claims(proof, "another visit")
    kid = read(head)["kid"]
    secret, foreign = OctKey.import_key(SECRET), RSAKey.generate_key(2048)
    forged = [
        jwt.encode({"alg": "RS256", "kid": kid}, claims, foreign),
        jwt.encode({"alg": "HS256", "kid": kid}, claims, secret, algorithms=["HS256"]),
        f"{written({'alg': 'none'})}.{body}.",
        proof[:-4] + "AAAA",
        "no.token",
    ]
    for token in forged:
        with pytest.raises(IdentityRefusedError):
            await ours.proven_claims(token, nonce)


async def test_new_keys_are_fetched(browser: httpx.AsyncClient, provider: TestProvider) -> None:
    assert (await sign_in(browser, "hoa")).status_code == 303
    provider.tell(rotate=True)
    assert (await sign_in(browser, "hoa")).status_code == 303


async def test_signing_out_here_signs_out_there(
    stage: Stage, browser: httpx.AsyncClient, provider: TestProvider
) -> None:
    await sign_in(browser, "hoa")
    proof = await proof_of(stage, "hoa")
    page = await browser.post("/sign-out")
    assert page.status_code == 200
    address = page.text.split('content="0; url=')[1].split('"')[0].replace("&amp;", "&")
    asked = parse_qs(urlsplit(address).query)
    assert asked["id_token_hint"] == [proof]
    assert asked["post_logout_redirect_uri"] == [f"{stage.url}/sign-in"]
    assert (await browser.get("/api/me")).status_code == 401
    there_now = await browser.get(address)
    assert there_now.status_code == 200, there_now.text
    assert 'id="op.logoutForm"' in there_now.text
    cursor = await stage.conn.execute("select count(*) from credential where id_token = %s", [proof])
    assert await cursor.fetchone() == (0,)


async def test_signing_out_there_signs_out_here(stage: Stage, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "hoa")
    async with asking(base_url=stage.url, headers={"Accept": "text/html"}) as telephone:
        await sign_in(telephone, "hoa")  # with another session at the provider
        cookie = {"Cookie": f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}"}
        async with connect(stage.url.replace("http", "ws") + "/ws/live", additional_headers=cookie) as line:
            await line.recv()
            await signs_out_there(browser, await proof_of_cookie(stage, browser))
            async with asyncio.timeout(PATIENCE_S):
                with suppress(ConnectionClosed):
                    async for _ in line:
                        pass
            assert line.close_code == 4401
        assert (await browser.get("/api/me")).status_code == 401
        assert (await telephone.get("/api/me")).json()["name"] == "hoa"

    async def is_written() -> bool:
        found = await read_audit(stage.conn, AuditChoice(action="POST /sign-in/oidc/logout"), 1)
        return [(one.actor, one.result, one.detail) for one in found] == [("hoa", "done", "sessions=1")]

    await until(is_written, "the logout is on record")


async def test_only_the_provider_ends_sessions(
    stage: Stage, browser: httpx.AsyncClient, provider: TestProvider
) -> None:
    await sign_in(browser, "hoa")
    proof = await proof_of_cookie(stage, browser)
    sid, iat = read(proof.split(".")[1])["sid"], int(time.time())
    key = RSAKey.import_key(provider.tell(sign=True)["key"])
    right: dict[str, Any] = {
        "iss": provider.issuer, "aud": CLIENT, "iat": iat, "exp": iat + 120, "jti": "1", "sub": "hoa",
        "events": {LOGGED_OUT: {}},
    }  # fmt: skip
    wrong = [
        {**right, "iss": "https://elsewhere.example"}, {**right, "aud": "another client"},
        {**right, "nonce": "x"}, {**right, "events": {"other": {}}}, {**right, "events": LOGGED_OUT},
        {**right, "exp": iat - 120}, {**right, "iat": iat - 900, "exp": iat + 120}, {**right, "sub": 7},
        {name: value for name, value in right.items() if name != "sub"},
        {name: value for name, value in right.items() if name != "iat"},
    ]  # fmt: skip
    head = {"alg": "RS256", "typ": "logout+jwt", "kid": read(proof.split(".")[0])["kid"]}
    tokens = [jwt.encode(head, claims, key) for claims in wrong]
    tokens += [jwt.encode(head, right, RSAKey.generate_key(2048)), proof, "no.token", ""]
    for token in tokens:
        answer = await browser.post("/sign-in/oidc/logout", data={"logout_token": token})
        assert answer.status_code == 400, token
    another = {**right, "sid": f"{sid}x"}
    for claims, status in (
        (another, 200),
        ({**right, "iat": iat - 200}, 200),
        ({**right, "sub": "lan"}, 200),
    ):
        token = jwt.encode(head, claims, key)  # of another session, of one before ours, of somebody else
        answer = await browser.post("/sign-in/oidc/logout", data={"logout_token": token})
        assert answer.status_code == status, answer.text
        assert (await browser.get("/api/me")).json()["name"] == "hoa"
    for claims in ({**right, "sid": sid}, right):
        answer = await browser.post(
            "/sign-in/oidc/logout", data={"logout_token": jwt.encode(head, claims, key)}
        )
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert (await browser.get("/api/me")).status_code == 401
        await sign_in(browser, "hoa")


async def test_a_mistake_in_the_file_leaves_the_one_before_in_force(
    stage: Stage,
    browser: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    (own,) = tmp_path_factory.getbasetemp().glob("own[0-9]/sign_in.toml")
    own.write_text(FILE.replace('"operator"', '"boss"'), encoding="utf-8")
    try:
        assert (await sign_in(browser, "hoa")).status_code == 303
    finally:
        own.write_text(FILE, encoding="utf-8")
    assert "event=sign_in_file_refused file=sign_in.toml: " in caplog.text
    assert "line 13: mapping 2" in caplog.text


async def test_doctor_says_whether_the_provider_answers(provider: TestProvider, tmp_path: Path) -> None:
    given = {
        "data": tmp_path, "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
    }  # fmt: skip
    assert await provider_sentence(load_settings(overrides={"data": tmp_path})) is None
    found = await provider_sentence(load_settings(overrides=given))
    assert found == (True, f"the city's sign-in answers as {provider.issuer}")
    lost = await provider_sentence(
        load_settings(overrides=given | {"oidc_issuer": f"{provider.issuer}/other"})
    )
    assert lost is not None
    assert not lost[0]


async def test_while_the_provider_is_down_local_people_sign_in(
    stage: Stage, browser: httpx.AsyncClient, provider: TestProvider
) -> None:
    await sign_in(browser, "hoa")
    back = await there(browser, await away(browser), "hoa")
    provider.tell(down=True)
    try:
        answer = await browser.get(back)
        assert (answer.status_code, SILENT in answer.text) == (503, True)
        assert 'name="password"' in answer.text
        left = await browser.post("/sign-out")
        assert (left.status_code, "http-equiv" in left.text) == (200, False)
        local = await session_of(stage.conn, "Bình", Role.LEADER)
        async with asking(base_url=stage.url, cookies={SESSION_COOKIE: local}) as other:
            assert (await other.get("/api/me")).json()["name"] == "Bình"
    finally:
        provider.tell(down=False)
