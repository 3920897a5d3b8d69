"""What is costly to read, read once for all who look at the same."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class KeptReads(Generic[Key, Value]):
    """Answers by what was asked, the last ones; who asks while one is read waits for that one."""

    def __init__(self, age_s: float, most: int, now_s: Callable[[], float] = time.monotonic) -> None:
        """Keep at most so many answers, each so long, seconds, by a clock that only goes forward."""
        self._age_s, self._most, self._now_s = age_s, most, now_s
        self._kept = OrderedDict[Key, tuple[float, asyncio.Task[Value]]]()

    async def get(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """Return the answer to a question; `read` gets it where none is kept.

        Raises:
            InfrastructureError: the database does not answer; the next one to ask tries again.
        """
        found, now_s = self._kept.get(key), self._now_s()
        if found is None or now_s - found[0] > self._age_s or _has_failed(found[1]):
            found = self._kept[key] = now_s, asyncio.create_task(_run(read))
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return await asyncio.shield(found[1])  # who goes away does not end it for the others


async def _run(read: Callable[[], Awaitable[Value]]) -> Value:
    return await read()


def _has_failed(read: asyncio.Task[Value]) -> bool:
    return read.done() and (read.cancelled() or read.exception() is not None)
