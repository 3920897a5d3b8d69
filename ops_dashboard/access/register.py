"""Who stands behind a secret: asked of the tables, remembered for a moment, and told when it ends."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.decision import Principal
from contract.errors import InfrastructureError
from ops_dashboard.borrowing import borrowed
from storage.database import open_pool
from storage.people.credentials import CredentialKind, find_principals, hash_of, touch_credentials

FRESH_S: Final = 1.0
"""So long an answer of the tables is believed: a page asks for ten things at once."""
WATCH_S: Final = 2.0
"""Seconds between two looks at whoever has a live line: an ended session is noticed well within five."""
STALE_S: Final = 3600.0
"""So long who was known stays known while the tables do not answer: a wall goes on, grey."""
ANSWER_S: Final = 2.0
"""Longest wait for the tables, seconds."""
MOST_LINES: Final = 300
"""Live lines of one: a third of the dashboard's connections, as an address has."""
MOST_REMEMBERED: Final = 10_000
_SOCKETS_TOUCH: Final = (CredentialKind.SCREEN, CredentialKind.TOKEN)
"""Whose live line is use by itself; a person's page that stays open over night is none."""


class Bearer(NamedTuple):
    """Somebody with a credential in force."""

    kind: CredentialKind
    principal: Principal
    secret_hash: bytes


class _Remembered(NamedTuple):
    bearer: Bearer
    at_s: float


class _Line(NamedTuple):
    bearer: Bearer
    ended: asyncio.Event


class Register:
    """Finds principals by their secrets; `run` must run while anybody has a live line."""

    def __init__(self, dsn: str) -> None:
        # A pool of its own: who asks is known also while readers wait for slow answers.
        self._pool = open_pool(dsn, max_size=2)
        self._known: dict[bytes, _Remembered] = {}
        self._used: set[bytes] = set()
        self._lines: list[_Line] = []

    async def find(self, secret: str) -> Bearer | None:
        """Return who holds a secret, None where it is not in force.

        Raises:
            InfrastructureError: the tables do not answer, and it was not in use within the last hour.
        """
        hashed, now_s = hash_of(secret), time.monotonic()
        known = self._known.get(hashed)
        if known is not None and now_s - known.at_s < FRESH_S:
            return known.bearer
        try:
            found = await self._look([hashed])
        except InfrastructureError:
            if known is None or now_s - known.at_s > STALE_S:
                raise
            return known.bearer
        self._used.add(hashed)
        return found.get(hashed)

    def forget(self, name: str) -> None:
        """Ask the tables anew when a user, screen or token comes next."""
        self._known = {h: one for h, one in self._known.items() if one.bearer.principal.name != name}

    def has_room(self, bearer: Bearer) -> bool:
        """Return whether somebody may have another live line."""
        mine = sum(line.bearer.principal.name == bearer.principal.name for line in self._lines)
        return mine < MOST_LINES

    @contextmanager
    def line(self, bearer: Bearer) -> Iterator[asyncio.Event]:
        """Follow a credential for the length of the block; the event is set once it ends or changes."""
        line = _Line(bearer, asyncio.Event())
        self._lines.append(line)
        try:
            yield line.ended
        finally:
            self._lines.remove(line)

    async def run(self) -> None:
        """Look at whoever has a live line, again and again, until cancelled."""
        await self._pool.open(wait=False)
        try:
            while True:
                await asyncio.sleep(WATCH_S)
                try:
                    await self._watch()
                except InfrastructureError:
                    continue  # nobody knows better: those who are in stay in
        finally:
            await self._pool.close()

    async def _watch(self) -> None:
        hashes = {line.bearer.secret_hash for line in self._lines}
        found = await self._look(list(hashes)) if hashes else {}
        for line in self._lines:
            if line.bearer.secret_hash in hashes and found.get(line.bearer.secret_hash) != line.bearer:
                line.ended.set()
        self._used |= {h for h, bearer in found.items() if bearer.kind in _SOCKETS_TOUCH}
        used, self._used = self._used, set()
        if used:
            async with self._connection() as conn:
                await touch_credentials(conn, list(used))
        old_s = time.monotonic() - STALE_S
        self._known = {h: known for h, known in self._known.items() if known.at_s > old_s}

    async def _look(self, hashes: list[bytes]) -> dict[bytes, Bearer]:
        async with self._connection() as conn:
            found = await find_principals(conn, hashes)
        now_s = time.monotonic()
        bearers = {h: Bearer(kind, who, h) for h, (kind, who) in found.items()}
        for hashed in hashes:
            if hashed not in bearers:
                self._known.pop(hashed, None)
            elif len(self._known) < MOST_REMEMBERED:
                self._known[hashed] = _Remembered(bearers[hashed], now_s)
        return bearers

    def _connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        return borrowed(self._pool, ANSWER_S)
