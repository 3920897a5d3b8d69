"""Walls that show a code until an administrator lets them in."""

from typing import NamedTuple

from ops_dashboard.borrowing import ReaderPool, borrowed
from storage.people.pairing import Pairing, begin_pairing, find_pairing, finish_pairing, was_screen

ANSWER_S = 10.0


class WaitingScreen(NamedTuple):
    """How it stands with a wall that asks."""

    secret: str
    """Of its pairing; once it was let in, of its session."""
    pairing: Pairing | None
    """What it shows; None once it was let in."""
    was_ended: bool
    """Whether it was a screen before, and somebody ended it."""


class WaitingScreens:
    """Asks the tables for a wall."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def look(self, secret: str, session: str, address: str) -> WaitingScreen | None:
        """Return how it stands with a wall, which begins to wait if it does not yet; None while too many do.

        Args:
            secret: of its pairing; empty for none.
            session: of the screen that it may have been; empty for none.
            address: where it asks from.
        """
        async with borrowed(self._pool, ANSWER_S) as conn:
            admitted = await finish_pairing(conn, secret, address) if secret else None
            if admitted is not None:
                return WaitingScreen(admitted, None, was_ended=False)
            pairing = await find_pairing(conn, secret) if secret else None
            was_ended = bool(session) and await was_screen(conn, session)
            if pairing is None:
                begun = await begin_pairing(conn, address)
                if begun is None:
                    return None
                secret, pairing = begun
        return WaitingScreen(secret, pairing, was_ended)
