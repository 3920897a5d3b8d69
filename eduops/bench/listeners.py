"""The two ends that `eduops bench` listens at for latency: the table, and the wall's websocket.

Both compare the clock with a time that the publisher put into the message; one machine, one clock.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection
from websockets.asyncio.client import connect

from contract.live import AlertChanged
from eduops.bench.rows import new_probes

POLL_S: Final = 0.01
"""Between two looks at the table; latencies are too long by half of it on average."""
_OPEN_S: Final = 10.0
_MESSAGE_BYTES: Final = 64 * 1024**2
"""A snapshot of the nation has a character a school and a line an alert."""


class _Kind(msgspec.Struct):
    kind: str


class _Changes(msgspec.Struct):
    changes: list[AlertChanged]


async def stored_latencies_ms(
    connection: AsyncConnection[Any], series: int, enough: Callable[[int], bool]
) -> list[float]:
    """Return how old each reading of a series was when its row was first seen committed.

    Args:
        connection: a connection of its own.
        series: the probes' series; a reading's time is the moment of its publishing.
        enough: told how many were seen; True ends the watch.
    """
    found: list[float] = []
    seen_us = 0
    while not enough(len(found)):
        for time_us in await new_probes(connection, series, seen_us):
            found.append((time.time_ns() // 1000 - time_us) / 1000)
            seen_us = time_us
        await asyncio.sleep(POLL_S)
    return found


class PushListener:
    """A page of the engineers, as far as its websocket goes; use as `async with`."""

    def __init__(self, port: int, token: str, series: Collection[int], rule: str) -> None:
        self._url = f"ws://127.0.0.1:{port}/ws/live?alerts=1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._series = frozenset(series)
        self._rule = rule
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.latencies_ms: list[float] = []
        """Of each change of these alerts, from the device's publishing to the message at the page."""

    async def __aenter__(self) -> "PushListener":
        self._task = asyncio.create_task(self._listen())
        async with asyncio.timeout(_OPEN_S):
            waiting = asyncio.create_task(self._ready.wait())
            await asyncio.wait((waiting, self._task), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _listen(self) -> None:
        async with connect(self._url, additional_headers=self._headers, max_size=_MESSAGE_BYTES) as socket:
            async for message in socket:
                now_us = time.time_ns() // 1000
                self._ready.set()
                if msgspec.json.decode(message, type=_Kind).kind == "changes":
                    self._note(msgspec.json.decode(message, type=_Changes).changes, now_us)

    def _note(self, changes: list[AlertChanged], now_us: int) -> None:
        for changed in changes:
            alert = changed.alert
            if alert.series not in self._series or alert.rule != self._rule:
                continue
            published_us = alert.resolved_at_us or alert.opened_at_us
            self.latencies_ms.append((now_us - published_us) / 1000)
