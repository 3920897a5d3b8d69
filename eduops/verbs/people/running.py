"""What the verbs about people do in the tables of the system that runs."""

import getpass
from typing import Any

from psycopg import AsyncConnection

from contract.access.area import CITY, parse_area
from contract.access.audit import AuditEntry
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Role, TokenScope
from contract.access.user import User
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from eduops.connections import open_tables, saved_fleet
from eduops.machine.people import entry_address
from eduops.settings import Settings
from storage.people.audit import AuditChoice, Verified, add_audit, read_audit, verify_audit
from storage.people.credentials import (
    AccessCredential,
    CredentialKind,
    add_token,
    end_credentials,
    issue_link,
    list_credentials,
)
from storage.people.second_factor import drop
from storage.people.users import add_user, change_user, find_user, list_users


def operator() -> str:
    """Return who runs the command line, as the machine knows them."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # an account without a name
        return "command line"


async def _note(conn: AsyncConnection[Any], action: str, subject: str, detail: str = "") -> None:
    """Put on record what was done from the command line."""
    await add_audit(
        conn, actor=operator(), grade="command line", action=action, subject=subject, detail=detail
    )


async def _named(conn: AsyncConnection[Any], name: str) -> User:
    user = await find_user(conn, name)
    if user is None:
        raise AccessError(AccessFault.UNKNOWN_USER, f"there is no user {name}; `eduops user list` shows all")
    return user


async def add(settings: Settings, name: str, role: Role, area: str) -> str:
    """Add a user and return the address that lets them in once."""
    wanted, fleet = parse_area(area), await _fleet(settings, area)
    async with open_tables(settings) as conn:
        known = await add_user(conn, name, role, wanted, fleet)
        await _note(conn, "user add", known, f"role={role.value} area={area}")
        return entry_address(settings, await issue_link(conn, known, operator()))


async def let_in(settings: Settings, name: str) -> str:
    """Return a new address that lets a user in once."""
    async with open_tables(settings) as conn:
        user = await _named(conn, name)
        if user.disabled:
            raise ConfigurationError(
                f"{user.name} is disabled; `eduops user role {user.name} ROLE` lets them in"
            )
        await _note(conn, "user link", user.name)
        return entry_address(settings, await issue_link(conn, user.name, operator()))


async def users(settings: Settings) -> tuple[list[User], list[AccessCredential]]:
    """Return all users, and the sessions that last."""
    async with open_tables(settings) as conn:
        return await list_users(conn), await list_credentials(conn, CredentialKind.SESSION)


async def change(
    settings: Settings, name: str, role: Role | None, area: str | None, *, disabled: bool
) -> None:
    """Change a user's role and area, or disable them; their sessions end."""
    wanted = None if area is None else parse_area(area)
    async with open_tables(settings) as conn:
        user = await _named(conn, name)
        fleet = await _fleet(settings, area or ("city" if user.area == CITY else "its own"))
        await change_user(conn, user, fleet, operator(), role=role, area=wanted, disabled=disabled)
        said = f"role={role.value if role else user.role.value}" + (f" area={area}" if area else "")
        await _note(conn, "user disable" if disabled else "user role", user.name, said)


async def end_sessions(settings: Settings, name: str) -> int:
    """End all sessions and links of a user and return how many."""
    async with open_tables(settings) as conn:
        user = await _named(conn, name)
        await _note(conn, "user end-sessions", user.name)
        return await end_credentials(
            conn, (CredentialKind.SESSION, CredentialKind.LINK), operator(), name=user.name
        )


async def drop_code(settings: Settings, name: str) -> None:
    """Drop a user's second factor, and end their sessions."""
    async with open_tables(settings) as conn:
        user = await _named(conn, name)
        await drop(conn, user.name)
        await _note(conn, "user drop-code", user.name)
        await end_credentials(conn, (CredentialKind.SESSION,), operator(), name=user.name)


async def issue(settings: Settings, name: str, scope: TokenScope, area: str, days: int) -> str:
    """Issue a token and return it."""
    wanted, fleet = parse_area(area), await _fleet(settings, area)
    async with open_tables(settings) as conn:
        known, token = await add_token(conn, name, scope, wanted, days, operator(), fleet)
        await _note(conn, "token issue", known, f"scope={scope.value} area={area} days={days}")
        return token


async def credentials(settings: Settings, kind: CredentialKind) -> list[AccessCredential]:
    """Return the tokens or screens that are in force."""
    async with open_tables(settings) as conn:
        return await list_credentials(conn, kind)


async def revoke(settings: Settings, kind: CredentialKind, name: str) -> None:
    """End the tokens or screens of a name."""
    async with open_tables(settings) as conn:
        if not await end_credentials(conn, (kind,), operator(), name=name):
            raise ConfigurationError(f"there is no {kind.value} {name}; `eduops {kind.value} list` shows all")
        await _note(conn, "token revoke" if kind is CredentialKind.TOKEN else "screen end", name)


async def _fleet(settings: Settings, area: str) -> Fleet:
    """Return the fleet that an area is checked against; for the whole city none has to be there."""
    return Fleet("", (), (), (), ()) if area.strip() == "city" else await saved_fleet(settings)


async def verify(settings: Settings, expect: str) -> Verified:
    """Read the whole record and return what that shows; `expect` is `NUMBER:HASH` of an earlier run."""
    number, _, digest = expect.partition(":")
    try:
        expected = (int(number), bytes.fromhex(digest)) if expect else None
    except ValueError:
        raise ConfigurationError(f"{expect!r} is not NUMBER:HASH as `eduops audit verify` tells it") from None
    async with open_tables(settings) as conn:
        return await verify_audit(conn, expected)


async def record(settings: Settings, actor: str, action: str, limit: int) -> list[AuditEntry]:
    """Return the latest entries of the record, the newest first."""
    async with open_tables(settings) as conn:
        return await read_audit(conn, AuditChoice(actor, action), limit)
