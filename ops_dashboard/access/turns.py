"""Nobody keeps the others waiting: of each who asks so many requests are answered at once, more wait."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

AT_ONCE: Final = 8
"""A browser has six connections to a host. Source: the usual limit of browsers over HTTP/1.1."""


class Turns:
    """Counts the requests of each; used in one event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Answer `at_once` requests of each at a time, at least 1."""
        self._at_once = at_once
        self._rooms: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """Of whoever has a request; forgotten with the last one."""

    def __len__(self) -> int:
        return len(self._rooms)

    @asynccontextmanager
    async def of(self, who: Hashable) -> AsyncIterator[None]:
        """Answer within the block a request of `who`, once it is its turn."""
        room = self._rooms.get(who)
        if room is None:
            room = self._rooms[who] = asyncio.Semaphore(self._at_once)
        async with room:
            yield
