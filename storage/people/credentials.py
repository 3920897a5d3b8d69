"""Sessions, screens, tokens and links: secrets of 256 random bits, of which only a hash is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.area import CITY, Area, check_area, parse_area, write_area
from contract.access.decision import Principal
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Role, TokenScope
from contract.access.user import DAY_S, LIMITS, SessionLimits, check_name
from contract.fleet import Fleet
from storage.queries import query, value_of

LINK_LIMITS: Final = SessionLimits(DAY_S, DAY_S)
"""A link lasts a day: chosen, somebody reads their mail within one."""


class CredentialKind(StrEnum):
    """What a credential is for."""

    SESSION = "session"
    """A person who signed in, in one browser."""
    SCREEN = "screen"
    """A paired wall."""
    TOKEN = "token"
    """A program."""
    LINK = "link"
    """Lets a person in once, to choose a password."""


class AccessCredential(NamedTuple):
    """A credential that is in force, without its secret."""

    credential_id: str
    kind: CredentialKind
    name: str
    """Of the user, the screen or the token."""
    grade: str
    """Role of a screen, scope of a token; else empty."""
    area: str
    """Of a screen or a token; else empty."""
    created_at_us: int
    created_by: str
    address: str
    agent: str
    seen_at_us: int | None
    ends_at_us: int
    """When it ends unless it is used before."""


def hash_of(secret: str) -> bytes:
    """Return what is kept of a secret. One SHA-256 will do: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


async def start_session(
    conn: AsyncConnection[Any],
    user: str,
    role: Role,
    address: str = "",
    agent: str = "",
    id_token: str | None = None,
) -> str:
    """Begin a session of a user and return its secret; `id_token` is of who came by the city's sign-in."""
    limits = LIMITS[role]
    secret = await _add(conn, CredentialKind.SESSION, user, "", "", user, limits, address, agent, id_token)
    await conn.execute(query("note_sign_in"), {"name": user})
    await conn.execute(query("forget_credentials"))
    await conn.execute(query("forget_id_tokens"))
    await conn.execute(query("forget_browsers"), {"name": None})
    return secret


async def issue_token(
    conn: AsyncConnection[Any], name: str, scope: TokenScope, area: Area, days: int, by: str
) -> str:
    """Issue a token for a program and return it; nobody sees it again."""
    limits = SessionLimits(days * DAY_S, days * DAY_S)
    return await _add(conn, CredentialKind.TOKEN, name, scope.value, write_area(area), by, limits)


async def add_token(
    conn: AsyncConnection[Any],
    name: str,
    scope: TokenScope,
    area: Area,
    days: int,
    by: str,
    fleet: Fleet,
) -> tuple[str, str]:
    """Issue a token that somebody asks for; return its name in the one form, and the token.

    Raises:
        AccessError: the name or the area cannot be, or another token has the name.
    """
    known = check_name(name)
    check_area(area, fleet)
    if await list_credentials(conn, CredentialKind.TOKEN, known):
        raise AccessError(
            AccessFault.TOKEN_TAKEN,
            f"there is a token {known} already: revoke it first, or choose another name",
            name=known,
        )
    return known, await issue_token(conn, known, scope, area, days, by)


async def issue_link(conn: AsyncConnection[Any], user: str, by: str) -> str:
    """Issue a link that lets a user in once, and return its secret; earlier ones of that user end.

    Raises:
        AccessError: they sign in at the city's provider: here nothing goes around it.
    """
    if await value_of(conn, "subject_of", name=user) is not None:
        raise AccessError(
            AccessFault.CITY_ACCOUNT, f"{user} signs in with the city's account, which has no links here"
        )
    await end_credentials(conn, (CredentialKind.LINK,), by, name=user)
    return await _add(conn, CredentialKind.LINK, user, "", "", by, LINK_LIMITS)


async def admit_screen(conn: AsyncConnection[Any], name: str, area: Area, by: str, address: str) -> str:
    """Let a wall in and return the secret of its session."""
    limits = LIMITS[Role.SCREEN]
    return await _add(
        conn, CredentialKind.SCREEN, name, Role.SCREEN.value, write_area(area), by, limits, address
    )


async def find_principals(
    conn: AsyncConnection[Any], hashes: Sequence[bytes]
) -> dict[bytes, tuple[CredentialKind, Principal]]:
    """Return who stands behind hashes of secrets; those that are not in force are left out."""
    cursor = await conn.execute(query("find_credentials"), {"hashes": list(hashes)})
    return {
        bytes(hashed): (
            CredentialKind(kind),
            Principal(
                name,
                TokenScope(grade) if kind == CredentialKind.TOKEN else Role(grade),
                parse_area(area) if area else CITY,
                credential_id,
                has_code,
            ),
        )
        for hashed, kind, credential_id, name, grade, area, has_code in await cursor.fetchall()
    }


async def touch_credentials(conn: AsyncConnection[Any], hashes: Sequence[bytes]) -> None:
    """Note that credentials are in use, to the minute."""
    await conn.execute(query("touch_credentials"), {"hashes": list(hashes)})


async def find_link(conn: AsyncConnection[Any], secret: str) -> str | None:
    """Return whose a link is, and leave it as it is; None if it is none, or was used."""
    found: str | None = await value_of(conn, "find_link", secret_hash=hash_of(secret))
    return found


async def take_link(conn: AsyncConnection[Any], secret: str) -> str | None:
    """Use a link up and return whose it was; None if it is none, or was used."""
    found: str | None = await value_of(conn, "take_link", secret_hash=hash_of(secret))
    return found


async def list_credentials(
    conn: AsyncConnection[Any], kind: CredentialKind, name: str | None = None
) -> list[AccessCredential]:
    """Return the credentials of a kind that are in force, of one name or all, the newest first."""
    cursor = await conn.execute(query("access_credentials"), {"kind": kind.value, "name": name})
    return [AccessCredential(row[0], CredentialKind(row[1]), *row[2:]) for row in await cursor.fetchall()]


async def end_credentials(
    conn: AsyncConnection[Any],
    kinds: Sequence[CredentialKind],
    by: str,
    *,
    name: str | None = None,
    credential_id: str | None = None,
    but: str = "",
) -> int:
    """End credentials of some kinds, of one name or all, or a single one, and return how many.

    Args:
        conn: to the database.
        kinds: which.
        by: who ends them.
        name: whose.
        credential_id: the one.
        but: one that stays.
    """
    values = {"kinds": [k.value for k in kinds], "by": by, "name": name, "credential_id": credential_id}
    cursor = await conn.execute(query("end_credentials"), {**values, "but": but})
    return cursor.rowcount


async def end_secret(conn: AsyncConnection[Any], secret: str, by: str) -> None:
    """End the session of a secret, if it is one in force."""
    await conn.execute(query("end_secret"), {"secret_hash": hash_of(secret), "by": by})


async def _add(
    conn: AsyncConnection[Any],
    kind: CredentialKind,
    name: str,
    grade: str,
    area: str,
    by: str,
    limits: SessionLimits,
    address: str = "",
    agent: str = "",
    id_token: str | None = None,
) -> str:
    secret = secrets.token_urlsafe(32)
    await conn.execute(
        query("add_credential"),
        {
            "credential_id": secrets.token_hex(8), "secret_hash": hash_of(secret), "kind": kind.value,
            "name": name, "grade": grade, "area": area, "created_by": by, "address": address,
            "agent": agent[:200], "idle_s": limits.idle_s, "whole_s": limits.whole_s,
            "id_token": id_token,
        },
    )  # fmt: skip
    return secret
