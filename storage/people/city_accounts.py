"""People of the city's own sign-in: who was sent to the provider, and the users that they are here."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.fault import AccessError, AccessFault
from contract.access.mapping import Entitlement
from contract.access.user import MOST_NAME, User
from contract.fleet import Fleet
from storage.people.credentials import CredentialKind, end_credentials, hash_of
from storage.people.users import add_user, change_user, find_subject, find_user
from storage.queries import query, value_of

AWAY_S: Final = 600
"""So long somebody may take at the provider, seconds: chosen, a password is looked up and a phone fetched."""
MOST_AWAY: Final = 10_000
"""Browsers that may be at the provider at once."""
MOST_OF_ADDRESS: Final = 500


async def send_away(conn: AsyncConnection[Any], secret: str, next_path: str, address: str) -> bool:
    """Expect the browser that holds a secret back from the provider; False while too many are away."""
    await conn.execute(query("forget_oidc_sign_ins"))
    values = {
        "secret_hash": hash_of(secret), "next_path": next_path, "address": address, "whole_s": AWAY_S,
        "most": MOST_AWAY, "most_of_address": MOST_OF_ADDRESS,
    }  # fmt: skip
    cursor = await conn.execute(query("begin_oidc_sign_in"), values)
    return cursor.rowcount == 1


async def take_back(conn: AsyncConnection[Any], secret: str) -> str | None:
    """Return where the browser that holds a secret wanted to go, once; None if it is not expected."""
    cursor = await conn.execute(query("take_oidc_sign_in"), {"secret_hash": hash_of(secret)})
    row = await cursor.fetchone()
    return row[0] if row is not None and row[1] else None


async def admit(
    conn: AsyncConnection[Any], subject: str, name: str, entitled: Entitlement, fleet: Fleet
) -> User:
    """Return the user that somebody of the provider is here, with the role and area that they have now.

    Whose name somebody else has already gets eight digits behind it: a name proves nothing.

    Raises:
        AccessError: they are disabled here, their area is not in the fleet, or nobody would be left to
            administer.
    """
    user = await find_subject(conn, subject)
    if user is None:
        await _add(conn, subject, name, entitled, fleet)
        user = await find_subject(conn, subject)
        assert user is not None
    if user.disabled:
        raise AccessError(AccessFault.DISABLED, f"{user.name} is disabled")
    if (user.role, user.area) != entitled:
        await change_user(conn, user, fleet, user.name, role=entitled.role, area=entitled.area)
    return await find_user(conn, user.name) or user


async def id_token_of(conn: AsyncConnection[Any], session: str) -> str | None:
    """Return what the provider wants back when the person of a session signs out; None of a local user."""
    found: str | None = await value_of(conn, "id_token_of", credential_id=session)
    return found


class CityLogout(NamedTuple):
    """Somebody signed out at the provider: of one session there, or of all."""

    issuer: str
    subject: str | None
    """Their `sub`; None where `session` alone says whose."""
    session: str | None
    """The provider's `sid`; None for all sessions."""
    at_us: int
    """When, µs since 1970: sessions that began later stay, so that saying it twice ends nothing more."""

    def means(self, claims: Mapping[str, Any], began_us: int) -> bool:
        """Return whether a session ends that began with an id_token of these claims."""
        is_theirs = self.subject is None or claims.get("sub") == self.subject
        sid = claims.get("sid")
        is_it = self.session == sid if self.session and sid else self.subject is not None
        return claims.get("iss") == self.issuer and is_theirs and is_it and began_us <= self.at_us


async def end_city_sessions(conn: AsyncConnection[Any], logout: CityLogout) -> list[str]:
    """End the sessions that somebody's logout at the provider means, and return the name of each."""
    cursor = await conn.execute(query("city_sessions"))
    names: list[str] = []
    for session, name, id_token, began_us in await cursor.fetchall():
        if logout.means(_claims(id_token), began_us):
            await end_credentials(conn, (CredentialKind.SESSION,), name, credential_id=session)
            names.append(name)
    return names


def _claims(id_token: str) -> dict[str, Any]:
    """Return what a token says that was verified before it was kept."""
    body = id_token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


async def _add(
    conn: AsyncConnection[Any], subject: str, name: str, entitled: Entitlement, fleet: Fleet
) -> None:
    digits = hashlib.sha256(subject.encode()).hexdigest()[:8]
    for wanted in (name, f"{name[: MOST_NAME - 11]} ({digits})"):
        try:
            await add_user(conn, wanted, entitled.role, entitled.area, fleet, subject)
        except AccessError as error:
            if error.fault is not AccessFault.NAME_TAKEN:
                raise
        else:
            return
