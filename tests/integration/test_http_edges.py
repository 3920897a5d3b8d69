"""What is asked wrongly is refused with a reason, and nothing that is asked breaks the dashboard."""

import asyncio
import itertools
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
import schemathesis.specs.openapi.adapter.validators  # read in the midst of a test, CPython 3.11.2 may fail
from fastapi import FastAPI, Response
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from config.files import shipped_texts
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from eduops.machine.ports import free_ports
from ops_dashboard.access.guard import security_headers
from ops_dashboard.api.answers import install_refusals
from ops_dashboard.app import create_app, serve
from ops_dashboard.config import DashboardConfig
from tests import signed_in
from tests.asking import asking
from tests.conftest import TestNats
from tests.dashboard_stage import PARTITIONS, Stage, open_stage, program, route_table, until_answers

STRANGER: Final = {"Host": "stranger.example"}
CROSS: Final = {"Sec-Fetch-Site": "cross-site"}
NOTE: Final = {"actor": "a", "note": "b"}
PATIENCE_S: Final = 30.0
GUARDS: Final = security_headers([]).keys()


def check_guarded(answer: httpx.Response) -> None:
    """Check what every answer has, whoever gave it."""
    told = f"{answer.request.method} {answer.request.url}: {answer.status_code}"
    assert answer.headers.keys() >= {name.lower() for name in GUARDS}, told
    if answer.request.url.path.startswith("/api/"):
        kept = answer.headers.get("Cache-Control")
        assert kept == ("no-cache" if "ETag" in answer.headers else "no-store"), told
    if answer.status_code == 405:
        assert answer.headers["Allow"], told


CASES: Final[Sequence[tuple[str, str, Mapping[str, str], int]]] = (
    (
        "GET",
        "/api/series/{S}/gw-1/down_bps?from_us=9223372036854775806&to_us=9223372036854775807",
        {},
        422,
    ),
    ("GET", "/api/series/{S}/gw-1/down_bps?from_us=253402300799999999&to_us=253402300800000000", {}, 422),
    ("GET", "/api/quarantine?before_id=9223372036854775807", {}, 200),
    ("GET", "/api/quarantine?before_id=9223372036854775808", {}, 422),
    ("GET", "/_dash-component-suites/os/path", {}, 404),
    ("GET", "/_dash-component-suites/dash/nothing.js", {}, 404),
    ("HEAD", "/", {}, 200),
    ("HEAD", "/nowhere", {}, 404),
    ("TRACE", "/api/alerts", {}, 405),
    ("DELETE", "/api/fleet", {}, 405),
    ("POST", "/assets/base.css", {}, 405),
    ("GET", "/api/alerts/0123456789abcdef/note", {}, 405),
    ("GET", "/api/alerts", STRANGER, 421),
    ("GET", "/healthz", {"Host": ""}, 421),
    ("GET", "/api/alerts", {"Host": "[::1]:80"}, 200),
    ("GET", "/api/alerts", {"Host": "[::1"}, 421),
    ("GET", "/api/alerts", {"Host": "localhost.stranger.example"}, 421),
    ("POST", "/api/alerts/{A}/note", {**STRANGER, "Origin": "http://stranger.example"}, 421),
    ("POST", "/api/alerts/{A}/note", CROSS, 403),
    ("POST", "/api/incidents/0123456789abcdef/actions", CROSS, 403),
    ("POST", "/api/alerts/{A}/note", {"Sec-Fetch-Site": "same-site"}, 403),
    ("POST", "/api/alerts/{A}/note", {"Sec-Fetch-Site": "same-origin"}, 202),
    ("GET", "/pair", {**CROSS, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
    ("GET", "/healthz", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
    ("HEAD", "/pair", CROSS, 403),
    ("GET", "/sign-in", {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
    ("GET", "/healthz", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ("POST", "/api/alerts/{A}/note", {"Origin": "http://["}, 403),
    ("POST", "/api/alerts/{A}/note", {"Origin": "null"}, 403),
    ("GET", "/sign-in?next=//[", {}, 200),
    ("GET", "/sign-in?next=//%E2%84%80.example", {}, 200),
    ("GET", "/api/alerts", {"Authorization": "Basic \xe9"}, 401),
    ("GET", "/api/alerts", {"Authorization": "Basic :"}, 401),
)


async def test_a_case_has_its_answer(stage: Stage, client: httpx.AsyncClient) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    for method, path, headers, status in CASES:
        url = path.format(S=stage.fleet.schools[0].code, A=changed.alert.alert_id)
        sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await client.request(method, url, headers=sent, json=NOTE if method == "POST" else None)
        assert answer.status_code == status, (method, path, headers, answer.text)
        check_guarded(answer)


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    for path in ("/api/fleet", "/assets/base.css", "/healthz"):
        got, headed = await client.get(path), await client.head(path)
        assert (headed.status_code, headed.content) == (got.status_code, b"")
        same = {"content-type", "content-length", "etag", "cache-control"}
        assert {n: headed.headers.get(n) for n in same} == {n: got.headers.get(n) for n in same}, path


async def test_nowhere_is_a_page_for_a_person_and_json_for_a_program(client: httpx.AsyncClient) -> None:
    person = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for language, word in (("vi", "Không có địa chỉ này"), ("en", "nothing at this address")):
        answer = await client.get("/nowhere", headers=person, params={"lang": language})
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert f'<html lang="{language}"' in answer.text
        shown = await client.post("/_dash-update-component", json=page_call("/nowhere", f"?lang={language}"))
        page = json.dumps(shown.json(), ensure_ascii=False)
        assert word in page
        assert '"href": "/' in page
        said = await client.get("/nowhere", params={"lang": language})
        assert said.json()["code"] == "not_found"
        assert word in said.json()["sentence"]
    assert (await client.get("/api/nowhere", headers=person)).json()["code"] == "not_found"


def page_call(path: object, search: object) -> dict[str, Any]:
    """Return what the script of a page sends."""
    return {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "address", "property": "pathname", "value": path}],
        "changedPropIds": ["address.pathname"],
        "state": [{"id": "address", "property": "search", "value": search}],
    }


def wrong_calls() -> list[Any]:
    """Return bodies that no page sends: each part of the right one gone, or of every wrong kind."""
    right = page_call("/", "")
    wrong: list[Any] = [None, [], {}, "page.children", 1, [right]]
    wrong += [{k: v for k, v in right.items() if k != name} for name in right if name != "changedPropIds"]
    odd: tuple[Any, ...] = (
        None,
        1,
        "",
        [],
        {},
        [[]],
        [None],
        [1],
        "..x..",
        {"id": {}},
        [{}],
        [{"id": "address"}],
    )
    wrong += [{**right, name: value} for name in right if name != "outputs" for value in odd if value != []]
    paths: tuple[Any, ...] = (None, 1, [], {}, "\ud800")
    searches: tuple[Any, ...] = (1, [], {}, "\udfff")
    wrong += [page_call(path, "") for path in paths] + [page_call("/", search) for search in searches]
    return wrong


async def test_a_callback_that_no_page_makes_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/_dash-update-component", json=page_call("/", None))).status_code == 200
    for body in wrong_calls():
        headers = {"Content-Type": "application/json"}  # httpx itself does not send half a character
        answer = await client.post("/_dash-update-component", content=json.dumps(body), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), body
        check_guarded(answer)
    for raw in (b"", b"{", b"\xff", b"NaN", b"[" * 60_000, b'{"output": "page.children"}'):
        for kind in ("application/json", "text/plain"):
            answer = await client.post("/_dash-update-component", content=raw, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, raw[:20]


async def test_a_socket_is_refused_as_a_request_is(stage: Stage) -> None:
    url = urlsplit(stage.url)
    for name, headers in (("stranger.example", {}), ("localhost", CROSS)):
        address = f"ws://{name}:{url.port}/ws/live"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                address, host=url.hostname, port=url.port, additional_headers={**stage.headers, **headers}
            ):
                pass
        answer = refused.value.response
        assert answer.status_code == 403
        for name in security_headers([]):
            assert name in answer.headers, "a refusal is an answer like any other"
    async with connect(
        f"ws://localhost:{url.port}/ws/live",
        host=url.hostname,
        port=url.port,
        additional_headers=stage.headers,
    ) as socket:
        await socket.recv()


async def test_a_name_that_is_allowed_is_answered(
    nats: TestNats, postgres_url: str, city: Fleet, catalogue: Catalogue,
    calendar: SchoolCalendar, rules: tuple[Rule, ...],
) -> None:  # fmt: skip
    world = (nats, postgres_url, city, catalogue, calendar, rules)
    async with (
        open_stage(*world, allowed_hosts=("Wall.example",)) as stage,
        asking(base_url=stage.url, headers=await program(stage)) as client,
    ):
        for host in ("wall.example", "WALL.example:8443"):
            assert (await client.get("/healthz", headers={"Host": host})).status_code == 200
        assert (await client.get("/healthz", headers={"Host": "x.wall.example"})).status_code == 421


async def say(stage: Stage, *parts: bytes) -> bytes:
    """Say bytes to the dashboard, each after an answer's head; return what it says until it ends."""
    url, heard = urlsplit(stage.url), b""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            for part in parts:
                writer.write(part)
                await writer.drain()
                if part.endswith(b"\r\n\r\n"):
                    heard += await reader.readuntil(b"\r\n\r\n")
            return heard + await reader.read()
    finally:
        writer.close()


async def test_a_request_that_does_not_end_is_ended(
    nats: TestNats, postgres_url: str, city: Fleet, catalogue: Catalogue,
    calendar: SchoolCalendar, rules: tuple[Rule, ...],
) -> None:  # fmt: skip
    world = (nats, postgres_url, city, catalogue, calendar, rules)
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    slow_body = (
        b"POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        b"Content-Type: application/json\r\n"
    )
    async with open_stage(*world, request_s=0.5) as stage:
        slow_body += f"Cookie: {stage.headers['Cookie']}\r\n".encode()
        for parts in (
            (b"",),
            (b"GET / HTTP/1.1\r\nHo",),
            (whole, b"GET"),
            (slow_body + b"\r\n{",),
        ):
            answers = (await say(stage, *parts)).count(b"HTTP/1.1 ")
            assert answers == parts.count(whole), parts
        async with connect(
            stage.url.replace("http", "ws") + "/ws/live", additional_headers=stage.headers
        ) as socket:
            # A wall says nothing for hours; three times the deadline passes by the pushes of a second.
            for _ in range(3):
                await socket.recv()


async def test_connections_are_counted(
    nats: TestNats, postgres_url: str, city: Fleet, catalogue: Catalogue,
    calendar: SchoolCalendar, rules: tuple[Rule, ...],
) -> None:  # fmt: skip
    world = (nats, postgres_url, city, catalogue, calendar, rules)
    async with open_stage(*world, connections_max=4) as stage:
        url = urlsplit(stage.url)
        opened = [await asyncio.open_connection(url.hostname, url.port) for _ in range(12)]
        answers = await asyncio.gather(*(_ask(*one) for one in opened))
        assert 1 <= sum(b" 200 " in answer for answer in answers) <= 4
        for _, writer in opened:
            writer.close()
        await until_answers(stage.url, asyncio.create_task(asyncio.sleep(PATIENCE_S)))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the first line of an answer, nothing where the connection was ended."""
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            return await reader.readline()
    except ConnectionError:
        return b""


async def test_an_answer_waits_for_no_acknowledgement(stage: Stage) -> None:
    """A connection sends its second packet at once, though the asker acknowledges the first 40 ms later."""
    port = urlsplit(stage.url).port
    async with connect(stage.url.replace("http", "ws") + "/ws/live", additional_headers=stage.headers):
        served = [delayed for own, delayed in delays_of_this_process() if own == port]
        assert len(served) > 1, "the dashboard listens, and holds a connection"
        assert not any(served)


def delays_of_this_process() -> Iterator[tuple[int, bool]]:
    """Yield of each TCP socket of this process its port, and whether it waits to send."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as own:  # no socket, or closed by now
            if own.family == socket.AF_INET:
                yield own.getsockname()[1], not own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_is_no_http_is_refused_with_all_headers(stage: Stage) -> None:
    answer = (await say(stage, b"NONSENSE\r\n\r\n")).lower()
    assert answer.startswith(b"http/1.1 400 ")
    assert all(name.lower().encode() in answer for name in GUARDS)


async def test_a_failure_has_all_headers() -> None:
    app = FastAPI()
    app.state.headers = security_headers([])
    app.state.ended = asyncio.Queue()
    install_refusals(
        app, shipped_texts(), lambda _request, _language: "", lambda _request, _refusal: Response()
    )

    @app.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    config = DashboardConfig("", 1, "b", port=free_ports(1)[0])
    stop, url = asyncio.Event(), f"http://127.0.0.1:{config.port}"
    serving = asyncio.create_task(serve(app, config, stop))
    await until_answers(url, serving)
    async with asking(base_url=url) as client:
        answer = await client.get("/api/broken")
    stop.set()
    await serving
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    check_guarded(answer)


ODD_PARTS: Final = ("", "%00", "..", "%2e%2e%2f", "a" * 300, "%ff", "%ED%A0%80", "😀", "'", "1;--", "gw-1")
ODD_QUERIES: Final = (
    *("lang=%00", "lang=fr", "limit=0", "limit=1e9", "before_id=-1", "before_id=" + "9" * 5000),
    *("from_us=0&to_us=1", "from_us=NaN", "to_us=253402214400000000", "reason=%ff", "range=%00", "&&=;%"),
)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


async def test_no_route_breaks_whatever_it_is_asked(
    stage: Stage, client: httpx.AsyncClient, calendar: SchoolCalendar, rules: tuple[Rule, ...]
) -> None:
    """Every route by every method, each place filled oddly, with odd queries."""
    config = DashboardConfig("", PARTITIONS, "")
    app = create_app(config, stage.log, stage.live, stage.fleet, stage.catalogue, calendar, rules)
    paths = sorted({path for path, _ in route_table(app.routes)})
    assert {"/", "/healthz", "/_dash-update-component", "/school/{code}"} <= set(paths)
    urls = [re.sub(r"\{[^}]+\}", part, path) for path in paths for part in ODD_PARTS if "{" in path]
    urls += [f"/assets/{part}" for part in ODD_PARTS]
    asked = [(method, path, "") for method, path in itertools.product(METHODS, paths)]
    asked += [(method, url, "") for method, url in itertools.product(("GET", "POST"), urls)]
    series = f"/api/series/{stage.fleet.schools[0].code}/gw-1/down_bps"
    queried = (series, "/api/quarantine", "/api/alerts", "/quarantine")
    asked += [("GET", path, query) for path, query in itertools.product(queried, ODD_QUERIES)]
    bodies = itertools.cycle((b"", b"{", b"\xff", b"null", b'{"actor": "\\ud800", "\\ud800": 1}'))
    for (method, path, query), body in zip(asked, bodies, strict=False):
        answer = await client.request(
            method,
            path + "?" + query if query else path,
            content=body if method == "POST" else None,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code < 500, (method, path, query, answer.text)
        check_guarded(answer)


# The dashboard, in the other thread, draws random numbers while Hypothesis looks whether a strategy does.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
async def test_the_document_of_the_interface_is_kept(stage: Stage) -> None:
    """What the OpenAPI document allows, and what it forbids, is answered without a failure."""
    await asyncio.to_thread(ask_all, stage.url)


def ask_all(url: str) -> None:
    """Ask every operation of a dashboard's document for some things that it allows and forbids."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=signed_in.headers(url))
    operations = [one.ok() for one in document.get_all_operations() if isinstance(one, Ok)]
    assert {one.path for one in operations} >= {"/api/alerts", "/api/alerts/{alert_id}/note"}
    few = settings(
        max_examples=4,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation, mode in itertools.product(operations, GenerationMode):
        if mode is GenerationMode.NEGATIVE and not operation.definition.raw.keys() & {
            "parameters",
            "requestBody",
        }:
            continue  # there is nothing that could be forbidden

        @few
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            answer = case.call(base_url=url, headers=signed_in.headers(url))
            assert answer.status_code < 500, case.as_curl_command()
            assert {name.lower() for name in GUARDS} <= answer.headers.keys()

        ask()
