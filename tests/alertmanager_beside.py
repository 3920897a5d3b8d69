"""An Alertmanager and ours side by side: the same reports and silences to both, a receiver for each."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from alerting.incidents.groups import Groups
from config.files import load_configuration
from config.routing import follow_routing
from contract.entry import ALERTS_LOG
from eduops.machine.ports import free_ports
from storage.database import connect
from stream_processor.owners.alerts import AlertsOwner
from stream_processor.owners.owner import Tally
from tests.asking import asking
from tests.dashboard_stage import Stage
from tests.outbox import Post
from tests.running_owner import folding
from tests.running_system import until

FACTOR = 10.0
"""Our log's clock runs ten times as fast: our minute of quiet takes six seconds."""
GROUP_WAIT_S, GROUP_INTERVAL_S, REPEAT_S = 1, 2, 6
"""Real seconds, of both."""
GOOD_FOR_S = 8
"""Each report is good for so long; it is sent again every second, as Prometheus does."""
Labels = Mapping[str, str]


class Message(NamedTuple):
    """What a receiver took."""

    at_s: float
    """Since the story began."""
    is_over: bool
    why: str
    """Ours: the reason of the notice; Alertmanager says none."""

    def __str__(self) -> str:
        return f"{'over' if self.is_over else self.why or 'open'} {self.at_s:.0f} s"


@dataclass
class Inbox:
    """A webhook receiver; each path is a story's, and may be down."""

    url: str = ""
    taken: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests until the caller has no more."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                story = head[0].split()[1].lstrip("/")
                is_down = story in self.down
                if not is_down:
                    self.taken.setdefault(story, []).append((time.monotonic(), body))
                status = b"500 Internal Server Error" if is_down else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()

    def messages(self, story: str, began_s: float) -> list[Message]:
        """Return what came about a story."""
        return [
            Message(
                at_s - began_s,
                body["status"] == "resolved",
                body["alerts"][0]["annotations"].get("reason", "").replace("_", " "),
            )
            for at_s, body in self.taken.get(story, [])
        ]


@asynccontextmanager
async def open_inbox() -> AsyncIterator[Inbox]:
    """Run a receiver for the length of the block."""
    inbox = Inbox()
    server = await asyncio.start_server(inbox.serve, "127.0.0.1", 0)
    inbox.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield inbox
    finally:
        server.close()


class Side:
    """One of the two."""

    name = ""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.url = ""

    async def start(self) -> None:
        """Begin, or go on after a stop."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End, and keep what is on disk."""
        raise NotImplementedError


class Theirs(Side):
    """Alertmanager, as Debian has it."""

    name = "Alertmanager"

    def __init__(self, inbox: Inbox, program: str, folder: Path, stories: Iterator[str]) -> None:
        super().__init__(inbox)
        self._program = program
        self._folder = folder
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        (folder / "alertmanager.yml").write_text(self._config(list(stories)), encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Run it, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            self._program, f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'data'}", f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=", "--log.level=error",
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        async with asking() as client:

            async def answers() -> bool:
                assert self._process is not None
                assert self._process.returncode is None, "Alertmanager ended"
                with suppress(httpx.TransportError):
                    return (await client.get(f"{self.url}/-/ready")).status_code == 200
                return False

            await until(answers, "Alertmanager answers")

    async def stop(self) -> None:
        """Ask it to end, so that it writes down what it knows."""
        if self._process is not None:
            process, self._process = self._process, None
            if process.returncode is None:
                process.terminate()
            await process.wait()

    def _config(self, stories: list[str]) -> str:
        def hook(story: str) -> dict[str, Any]:
            return {"name": story, "webhook_configs": [{"url": f"{self.inbox.url}/{story}"}]}

        routes = [{"receiver": story, "matchers": [f'story="{story}"']} for story in stories]
        usual = {"source_matchers": ['severity="critical"'], "target_matchers": ['severity="warning"']}
        return json.dumps(
            {
                "route": {
                    "receiver": "nobody",
                    "group_by": ["alertname"],
                    "group_wait": f"{GROUP_WAIT_S}s",
                    "group_interval": f"{GROUP_INTERVAL_S}s",
                    "repeat_interval": f"{REPEAT_S}s",
                    "routes": routes,
                },
                "receivers": [{"name": "nobody"}, *map(hook, stories)],
                # That of Debian's file is equal in alertname, dev and instance.
                "inhibit_rules": [usual | {"equal": ["story", "instance"]}],
            }
        )


class Ours(Side):
    """The dashboard, the owner of the alerts log and the notifier."""

    name = "eduops"

    def __init__(self, inbox: Inbox, stage: Stage, post: Post, stories: Iterator[str]) -> None:
        super().__init__(inbox)
        self.url = stage.url
        self._stage = stage
        self._post = post
        routes = post.folder / "config" / "routes.toml"
        routes.write_text(self._routes(list(stories)), encoding="utf-8")
        self._running: AsyncExitStack | None = None

    async def start(self) -> None:
        """Run the owner and the notifier; the dashboard runs on."""
        self._running = AsyncExitStack()
        await self._running.enter_async_context(self._owner())
        await self._running.enter_async_context(self._post.notifier())

    async def stop(self) -> None:
        """End both."""
        if self._running is not None:
            await self._running.aclose()
            self._running = None

    @asynccontextmanager
    async def _owner(self) -> AsyncIterator[None]:
        stage, own = self._stage, load_configuration(None)
        routing = follow_routing(self._post.folder / "config")
        async with await connect(self._post.dsn) as conn:
            owner = AlertsOwner(
                conn, stage.log, stage.live.publish, Groups(stage.fleet), own.calendar, routing.current,
                stage.now_us, Tally(ALERTS_LOG),
            )  # fmt: skip
            async with folding(owner, stage):
                yield

    def _routes(self, stories: list[str]) -> str:
        def seconds(real_s: float) -> str:
            return f"{real_s * FACTOR:.0f}s"

        text = '[[channel]]\nname = "nobody"\nurl = "inbox://"\n'
        for story in stories:
            text += f'[[channel]]\nname = "{story}"\nurl = "alertmanager+{self.inbox.url}/{story}"\n'
        text += f"""[[route]]
name = "all"
contacts = ["nobody"]
group_wait = "{seconds(GROUP_WAIT_S)}"
group_interval = "{seconds(GROUP_INTERVAL_S)}"
repeat_interval = "{seconds(REPEAT_S)}"
"""
        for story in stories:
            text += (
                f'[[route]]\nname = "{story}"\nmatch = {{ rule = ["external/{story}*"] }}\n'
                f'contacts = ["{story}"]\n'
            )
        return text


class Story:
    """What happens to one kind of alert, told to both sides alike."""

    def __init__(self, name: str, sides: tuple[Side, Side], client: httpx.AsyncClient) -> None:
        self.name = name
        self.sides = sides
        self.began_s = time.monotonic()
        self._firing: dict[Any, dict[str, Any]] = {}
        self._client = client

    async def at(self, second: float) -> None:
        """Wait until a second of the story; what fires is reported again meanwhile."""
        while (left_s := self.began_s + second - time.monotonic()) > 0:
            await asyncio.sleep(min(1.0, left_s))
            await self.report()

    async def fire(self, *labels: Labels, kind: str = "") -> None:
        """Begin to report alerts."""
        now = datetime.now(UTC)
        for own in labels or ({},):
            named = {"alertname": f"{self.name}{kind}", "story": self.name, **own}
            if "instance" in own:  # of this story alone
                named["instance"] = f"{self.name}-{own['instance']}"
            self._firing[tuple(sorted(named.items()))] = {"labels": named, "startsAt": now.isoformat()}
        await self.report()

    async def clear(self, kind: str | None = None) -> None:
        """Say that alerts of a kind, or all, are over, and go on saying so."""
        now = datetime.now(UTC).isoformat()
        for alert in self._firing.values():
            if kind is None or alert["labels"]["alertname"] == f"{self.name}{kind}":
                alert.setdefault("endsAt", now)
        await self.report()

    async def report(self) -> None:
        """Report everything to both; whoever does not answer is told next time."""
        until_at = (datetime.now(UTC) + timedelta(seconds=GOOD_FOR_S)).isoformat()
        body = [{"endsAt": until_at} | alert for alert in self._firing.values()]
        await asyncio.gather(*(self._report(side, body) for side in self.sides))

    async def _report(self, side: Side, body: list[dict[str, Any]]) -> None:
        with suppress(httpx.TransportError):
            (await self._client.post(f"{side.url}/api/v2/alerts", json=body)).raise_for_status()

    async def silence(self, seconds: float) -> None:
        """Silence the story at both."""
        now = datetime.now(UTC)
        wanted = {
            "matchers": [{"name": "story", "value": self.name, "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
            "createdBy": "Lan",
            "comment": "bảo trì",
        }
        for side in self.sides:
            (await self._client.post(f"{side.url}/api/v2/silences", json=wanted)).raise_for_status()

    def break_receivers(self, is_down: bool) -> None:
        """Let the receivers of this story answer 500, or 200 again."""
        for side in self.sides:
            (side.inbox.down.add if is_down else side.inbox.down.discard)(self.name)

    def told(self) -> list[list[Message]]:
        """Return what both sides said."""
        return [side.inbox.messages(self.name, self.began_s) for side in self.sides]
