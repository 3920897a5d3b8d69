"""Serves the stories: each is a dashboard of its own, made when it is first looked at."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Final, cast
from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from bus.live import Live
from bus.memory import MemoryLog
from contract.access.area import CITY, parse_area
from contract.access.decision import Principal
from contract.access.permission import Role
from contract.clock import LogClock
from eduops.stories.canned import SECRET, CannedLive, CannedTables
from eduops.stories.people import keep_messages
from eduops.stories.places import write_boundaries
from eduops.stories.registry import STORIES, story_named
from eduops.stories.story import ScreenStory, Workshop
from eduops.stories.telling import PARTITIONS, summaries_of
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.app import create_app
from ops_dashboard.config import DashboardConfig

STORY_COOKIE: Final = "eduops_story"
LIST_PATH: Final = "/stories"
_LIST: Final = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>eduops · stories</title>
<style>body {{ background: #14171B; color: #E8EDF2; font: 18px/1.6 sans-serif; margin: 2em; }}
a {{ color: inherit; }} [lang=en] {{ color: #A9B4C0; }}</style></head>
<body><h1>Mọi trạng thái của màn hình</h1><ul>{rows}</ul></body></html>"""


class StoryServer:
    """ASGI application: a request goes to the story that the browser's cookie names."""

    def __init__(self, config: DashboardConfig) -> None:
        self._config = config
        self._workshop = Workshop()
        self._told: dict[str, _ToldStory] = {}
        self._running = AsyncExitStack()
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """End all stories in the end."""
        async with self._running:
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the story does."""
        path = scope["path"]
        if path == LIST_PATH:
            await HTMLResponse(story_list())(scope, receive, send)
            return
        if path.startswith(f"{LIST_PATH}/"):
            await (await self._open(Request(scope)))(scope, receive, send)
            return
        story = story_named(cookie_parser(Headers(scope=scope).get("cookie", "")).get(STORY_COOKIE, ""))
        if story is None:
            answer = RedirectResponse(LIST_PATH, 303)
            await answer(scope, receive, send)
            return
        await (await self.told(story)).answer(scope, receive, send)

    async def _open(self, request: Request) -> Response:
        """Lead to a story's address, with the query that was given."""
        story = story_named(request.url.path.removeprefix(f"{LIST_PATH}/"))
        if story is None:
            return RedirectResponse(LIST_PATH, 303)
        path, query = (await self.told(story)).path, request.url.query
        answer = RedirectResponse(f"{path}{'&' if '?' in path else '?'}{query}" if query else path, 303)
        answer.set_cookie(STORY_COOKIE, story.name, samesite="lax")
        return answer

    async def told(self, story: ScreenStory) -> "_ToldStory":
        """Return a story that runs."""
        async with self._making:
            if story.name not in self._told:
                inbox = Path(self._running.enter_context(TemporaryDirectory(prefix="eduops-stories-")))
                made = _ToldStory(story, self._workshop, replace(self._config, inbox=inbox))
                await self._running.enter_async_context(made.app.router.lifespan_context(made.app))
                self._told[story.name] = made
        return self._told[story.name]


class _ToldStory:
    """A story as a dashboard."""

    def __init__(self, story: ScreenStory, workshop: Workshop, config: DashboardConfig) -> None:
        self._story = story
        self._is_silent = False
        scene, made = workshop.scene(story), workshop.configuration
        clock = LogClock(scene.now_us, time.time_ns() // 1000)
        city = workshop.city(story)
        said = summaries_of(scene, city) if story.speaks else []
        tables = CannedTables(scene, city, workshop.shelf(story, scene), clock, _viewer(story))
        keep_messages(config.inbox, scene, made)
        own = Path(str(files("eduops.stories") / "config"))
        if story.has_places:
            own = Path(copytree(own, config.inbox / "config"))
            write_boundaries(scene.fleet, own)
        self.path = story.path.format(quote(scene.subject, safe=""))
        self.app = create_app(
            DashboardConfig(
                "", PARTITIONS, config.build_id, config.host, config.port, clock=clock, inbox=config.inbox,
                own_config=own,
            ),
            MemoryLog(),
            cast(Live, CannedLive(said, clock.log_us, age_s=story.data_age_s)),  # what else it lacks fails
            scene.fleet, made.catalogue, made.calendar, made.rules,
            tables=tables,
        )  # fmt: skip

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as one of the viewer; a stranger has no session."""
        others = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
        cookies = [value for name, value in scope["headers"] if name == b"cookie"]
        if self._story.role is not None:
            cookies.insert(0, f"{SESSION_COOKIE}={SECRET}".encode())
        headers = [*others, (b"cookie", b"; ".join(cookies))]
        own = {**scope, "headers": headers}
        send = partial(self._send_headed, send)
        if self._story.silent_s == 0.0:
            await self.app(own, receive, send)
        elif scope["type"] != "websocket":
            self._is_silent = self._is_silent and scope["path"] != self.path.partition("?")[0]
            await self.app(own, receive, send)
        elif self._is_silent:
            await _say_nothing(receive, send)
        else:
            await self.app(own, receive, partial(self._send_once, send))

    async def _send_headed(self, send: Send, message: Message) -> None:
        """Add the headers that a dashboard's own server adds."""
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(self.app.state.headers)
        await send(message)

    async def _send_once(self, send: Send, message: Message) -> None:
        """Let one snapshot pass, and nothing after it, as a server that froze."""
        if self._is_silent and message["type"] == "websocket.send":
            return
        self._is_silent = self._is_silent or '"kind":"snapshot"' in message.get("text", "")
        await send(message)


def _viewer(story: ScreenStory) -> Principal:
    role = story.role or Role.SCREEN
    name = "Phòng trực, màn 1" if role is Role.SCREEN else "Trần Thị Lan"
    return Principal(name, role, parse_area(story.area) if story.area else CITY, "5e551011", has_code=True)


async def _say_nothing(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        continue


def story_list() -> str:
    """Return a page that leads to all stories."""
    rows = "".join(
        f'<li><a href="{LIST_PATH}/{one.name}">{escape(one.vi)}</a> '
        f'<a lang="en" href="{LIST_PATH}/{one.name}?lang=en">{escape(one.en)}</a></li>'
        for one in STORIES
    )
    return _LIST.format(rows=rows)


def make_server(config: DashboardConfig) -> FastAPI:
    """Return the application of all stories, for `ops_dashboard.app.serve`."""
    server = StoryServer(config)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=server.lifespan)
    app.mount("", server)
    app.state.ended = asyncio.Queue()
    app.state.headers = {}
    return app
