"""What schools measured in the weeks before today, read once for all who look at the same school."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from storage.wall import SeriesHistory

WEEKS_US: Final = 28 * 86_400_000_000
"""So far back they go from a local midnight, µs."""
AGE_S: Final = 900.0
"""So long they are kept, seconds: what came late, or was corrected, of an earlier day is seen after that."""
MOST_SCHOOLS: Final = 16
"""Schools whose weeks are kept: a good megabyte each."""

Read = Callable[[Sequence[int], int, int], Awaitable[tuple[str, SeriesHistory]]]
_Key = tuple[tuple[int, ...], int]


class KeptWeeks:
    """Reads of weeks that end with a local midnight; who asks while one runs waits for that one."""

    def __init__(self, read: Read) -> None:
        """Take what reads series between two moments."""
        self._read = read
        self._kept = OrderedDict[_Key, tuple[float, asyncio.Task[SeriesHistory]]]()

    async def before(self, series: Sequence[int], midnight_us: int) -> SeriesHistory:
        """Return what series measured in the weeks before a midnight, µs since 1970.

        Raises:
            InfrastructureError: the database does not answer; the next one to ask tries again.
        """
        key, now_s = (tuple(series), midnight_us), time.monotonic()
        found = self._kept.get(key)
        if found is None or now_s - found[0] > AGE_S or _has_failed(found[1]):
            found = self._kept[key] = now_s, asyncio.create_task(self._weeks(*key))
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_SCHOOLS:
            self._kept.popitem(last=False)
        return await asyncio.shield(found[1])  # who goes away does not end it for the others

    async def _weeks(self, series: tuple[int, ...], midnight_us: int) -> SeriesHistory:
        _, history = await self._read(series, midnight_us - WEEKS_US, midnight_us)
        return history


def _has_failed(read: asyncio.Task[SeriesHistory]) -> bool:
    return read.done() and (read.cancelled() or read.exception() is not None)
