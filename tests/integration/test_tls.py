"""HTTPS by a dashboard's own certificate: handshake, cookies, websocket, and another one while it runs."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from config.tls import TlsFiles
from contract.access.permission import Role
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from ops_dashboard.people.forms import BROWSER_COOKIE
from storage.people.credentials import issue_link
from tests.certificates import Authority
from tests.conftest import TestPostgres, running_nats
from tests.dashboard_stage import Stage, open_stage
from tests.running_system import until
from tests.signed_in import session_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def files(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """The dashboard's certificate and key."""
    return authority.sign(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def trust(authority: Authority) -> ssl.SSLContext:
    """What a browser trusts."""
    return ssl.create_default_context(cafile=str(authority.file))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    files: TlsFiles,
    postgres: TestPostgres,
    tmp_path_factory: pytest.TempPathFactory,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    """A dashboard that speaks HTTPS alone."""
    name = postgres.clone()
    with running_nats(tmp_path_factory.mktemp("nats")) as nats:
        dsn = postgres.postgres.url(name)
        more = {"tls": files, "tls_look_s": 0.05, "secure_cookies": True}
        async with open_stage(nats, dsn, city, catalogue, calendar, rules, **more) as opened:
            yield opened
    postgres.drop(name)


async def served(stage: Stage, trust: ssl.SSLContext) -> bytes:
    """Return the certificate that a new connection gets."""
    port = int(stage.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return bytes(found)


async def test_who_trusts_the_authority_is_served_and_nobody_in_clear(
    stage: Stage, trust: ssl.SSLContext
) -> None:
    async with httpx.AsyncClient(base_url=stage.url, verify=trust) as client:
        answer = await client.get("/sign-in")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers  # it is on loopback
    async with httpx.AsyncClient(base_url=stage.url) as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get("/sign-in")
    async with httpx.AsyncClient(base_url=stage.url.replace("https", "http")) as clear:
        with pytest.raises(httpx.RemoteProtocolError):
            await clear.get("/sign-in")


async def test_cookies_are_of_this_host_alone(stage: Stage, trust: ssl.SSLContext) -> None:
    await session_of(stage.conn, "Hoa", Role.LEADER)
    async with httpx.AsyncClient(base_url=stage.url, verify=trust) as browser:
        answer = await browser.post(f"/enter/{await issue_link(stage.conn, 'Hoa', 'test')}", data={})
        set_by_us = {c.partition("=")[0]: c.split("; ") for c in answer.headers.get_list("Set-Cookie")}
        assert set_by_us.keys() == {"__Host-eduops_session", f"__Host-{BROWSER_COOKIE}"}
        assert all({"Secure", "HttpOnly", "Path=/"} <= set(parts) for parts in set_by_us.values())
        assert (await browser.get("/api/me")).json()["name"] == "Hoa"
        session = browser.cookies["__Host-eduops_session"]
    address, cookie = (
        stage.url.replace("http", "ws", 1) + "/ws/live",
        {"Cookie": f"__Host-eduops_session={session}"},
    )
    async with connect(address, ssl=trust, additional_headers=cookie) as line:
        assert await line.recv()


async def test_another_certificate_is_served_without_a_restart(
    stage: Stage, trust: ssl.SSLContext, authority: Authority, files: TlsFiles, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    first = await served(stage, trust)
    other = authority.sign(tmp_path)
    files.key.write_bytes(other.key.read_bytes())  # the chain is yet to come: they do not belong together
    await until(lambda: "event=certificate_refused" in caplog.text, "a half-written pair is told")
    assert await served(stage, trust) == first
    files.chain.write_bytes(other.chain.read_bytes())

    async def is_other() -> bool:
        return await served(stage, trust) != first

    await until(is_other, "new connections get the new certificate")
