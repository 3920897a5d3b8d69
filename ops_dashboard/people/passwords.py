"""Passwords as argon2id: slow on purpose, a few at a time, and as slow for names that nobody has."""

import asyncio
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from ops_dashboard.api.answers import Refusal

MOST_AT_ONCE: Final = 2
"""Hashes at once: each takes 64 MiB and a good part of a core."""
MOST_WAITING: Final = 16
"""Sign-ins that may wait for one; more are sent away for a moment."""


class PasswordKeeper:
    """Hashes and verifies passwords. Source: RFC 9106, second recommended option."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting = 0
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._run(password, None)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Return whether a password is the one that is kept; None takes as long as a wrong one."""
        if not self._nobody:
            self._nobody = await self._run("nobody has this", None)
        is_right = bool(await self._run(password, kept or self._nobody))
        return is_right and kept is not None

    async def _run(self, password: str, kept: str | None) -> str:
        """Return the hash of a password; compared with one that is kept, something if it is the same."""
        if self._waiting >= MOST_WAITING:
            raise Refusal(503, "too_busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._work, unicodedata.normalize("NFC", password), kept)
        finally:
            self._waiting -= 1

    def _work(self, password: str, kept: str | None) -> str:
        if kept is None:
            return self._hasher.hash(password)
        try:
            return "right" if self._hasher.verify(kept, password) else ""
        except (VerificationError, InvalidHashError):
            return ""
