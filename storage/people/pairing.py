"""Walls that wait to be let in: a code on the wall, a secret in its browser.

Source: the shape of RFC 8628, OAuth 2.0 device authorization grant.
"""

import secrets
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.area import Area, parse_area, write_area
from contract.access.fault import AccessError, AccessFault
from contract.access.user import check_name
from contract.access.waiting import network_of
from storage.people.credentials import CredentialKind, admit_screen, hash_of, list_credentials
from storage.queries import query

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, no digits that look like letters. Source: RFC 8628, section 6.1."""
CODE_LENGTH: Final = 8
PAIRING_S: Final = 900
"""So long a code may be typed, seconds."""
MOST_WAITING: Final = 200
"""Walls that may wait at once."""
MOST_OF_ADDRESS: Final = 20


class Pairing(NamedTuple):
    """A wall that waits."""

    code: str
    is_approved: bool

    @property
    def shown(self) -> str:
        """The code as people read it."""
        return f"{self.code[:4]}-{self.code[4:]}"


async def begin_pairing(conn: AsyncConnection[Any], address: str) -> tuple[str, Pairing] | None:
    """Let a wall wait and return its secret and code; None while too many wait."""
    await conn.execute(query("forget_pairings"))
    network = network_of(address)
    cursor = await conn.execute(query("count_pairings"), {"address": network})
    waiting, of_address = await cursor.fetchone() or (0, 0)
    if waiting >= MOST_WAITING or of_address >= MOST_OF_ADDRESS:
        return None
    secret = secrets.token_urlsafe(32)
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    values = {"code": code, "secret_hash": hash_of(secret), "address": network, "whole_s": PAIRING_S}
    cursor = await conn.execute(query("add_pairing"), values)
    return (secret, Pairing(code, False)) if cursor.rowcount else None


async def find_pairing(conn: AsyncConnection[Any], secret: str) -> Pairing | None:
    """Return how it stands with the wall of a secret, None where it does not wait."""
    cursor = await conn.execute(query("find_pairing"), {"secret_hash": hash_of(secret)})
    row = await cursor.fetchone()
    return None if row is None else Pairing(row[0], row[3] is not None)


async def approve_pairing(conn: AsyncConnection[Any], code: str, name: str, area: Area, by: str) -> str:
    """Let the wall with a code in, as a screen of a name and an area; return the name in its one form.

    Raises:
        AccessError: no wall shows that code, or a screen has that name.
    """
    known = check_name(name)
    if await list_credentials(conn, CredentialKind.SCREEN, known):
        raise AccessError(AccessFault.SCREEN_TAKEN, f"there is a screen {known} already", name=known)
    plain = "".join(letter for letter in code.upper() if letter in LETTERS)
    values = {"code": plain, "name": known, "area": write_area(area), "by": by}
    cursor = await conn.execute(query("approve_pairing"), values)
    if not cursor.rowcount:
        raise AccessError(AccessFault.UNKNOWN_CODE, "no wall shows this code, or it was typed too late")
    return known


async def finish_pairing(conn: AsyncConnection[Any], secret: str, address: str) -> str | None:
    """Return the session's secret of a wall that was let in, once; None if it was not."""
    async with conn.transaction():
        cursor = await conn.execute(query("take_pairing"), {"secret_hash": hash_of(secret)})
        row = await cursor.fetchone()
        if row is None:
            return None
        name, area, by = row
        return await admit_screen(conn, name, parse_area(area), by, address)


async def was_screen(conn: AsyncConnection[Any], secret: str) -> bool:
    """Return whether a secret was that of a screen that was ended."""
    cursor = await conn.execute(query("ended_kind"), {"secret_hash": hash_of(secret)})
    return await cursor.fetchone() == (CredentialKind.SCREEN.value,)
