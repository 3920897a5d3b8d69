"""Users, as pages and the command line keep them."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from contract.access.area import Area, check_area, parse_area, write_area
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Role
from contract.access.user import User, check_name, check_role, folded_name
from contract.alert import FOLD_ACTOR
from contract.fleet import Fleet
from storage.people.credentials import CredentialKind, end_credentials
from storage.queries import query, value_of


async def add_user(
    conn: AsyncConnection[Any], name: str, role: Role, area: Area, fleet: Fleet, subject: str | None = None
) -> str:
    """Add somebody who has no password yet, and return their name in its one form.

    Args:
        conn: to the database.
        name: of the new user.
        role: what they may do.
        area: where.
        fleet: the schools that there are.
        subject: as `User.subject`; None for a local user.

    Raises:
        AccessError: there is one of that name, or role and area do not go together.
    """
    known = check_name(name)
    check_role(role, area)
    check_area(area, fleet)
    if folded_name(known) == FOLD_ACTOR:
        raise AccessError(
            AccessFault.NAME_TAKEN,
            f"{known} is what the center does by itself: choose another name",
            name=known,
        )
    values = {
        "name": known, "folded": folded_name(known), "role": role.value, "area": write_area(area),
        "subject": subject,
    }  # fmt: skip
    cursor = await conn.execute(query("add_user"), values)
    if await cursor.fetchone() is None:
        raise AccessError(AccessFault.NAME_TAKEN, f"there is a user {known} already", name=known)
    return known


async def list_users(conn: AsyncConnection[Any]) -> list[User]:
    """Return all users by name, those that are disabled too."""
    cursor = await conn.execute(query("users") + " order by folded")
    return [_user(*row) for row in await cursor.fetchall()]


async def find_user(conn: AsyncConnection[Any], name: str) -> User | None:
    """Return a user by name, in whatever case it is written."""
    cursor = await conn.execute(query("users") + " where folded = %(folded)s", {"folded": folded_name(name)})
    row = await cursor.fetchone()
    return None if row is None else _user(*row)


class ContactUser(NamedTuple):
    """What who sends notices knows of a user."""

    area: Area
    disabled: bool


async def find_contact_user(conn: AsyncConnection[Any], name: str) -> ContactUser | None:
    """Return where a user may be told, by name, in whatever case it is written; None for a stranger."""
    row = await (await conn.execute(query("contact_user"), {"folded": folded_name(name)})).fetchone()
    return None if row is None else ContactUser(parse_area(row[0]), bool(row[1]))


async def find_subject(conn: AsyncConnection[Any], subject: str) -> User | None:
    """Return the user who signs in at the city's provider as `subject`."""
    cursor = await conn.execute(query("users") + " where subject = %(subject)s", {"subject": subject})
    row = await cursor.fetchone()
    return None if row is None else _user(*row)


async def change_user(
    conn: AsyncConnection[Any],
    user: User,
    fleet: Fleet,
    by: str,
    *,
    role: Role | None = None,
    area: Area | None = None,
    disabled: bool | None = None,
) -> None:
    """Change what is given; all sessions and links of the user end with it.

    Raises:
        AccessError: role and area do not go together, or nobody would be left to administer.
    """
    now = (role or user.role, user.area if area is None else area)
    gone = user.disabled if disabled is None else disabled
    check_role(*now)
    check_area(now[1], fleet)
    async with conn.transaction():
        await conn.execute("lock table app_user in share row exclusive mode")
        others = [u for u in await list_users(conn) if u.name != user.name and not u.disabled]
        is_last = not any(u.role is Role.ADMINISTRATOR for u in others)
        if user.role is Role.ADMINISTRATOR and is_last and (gone or now[0] is not Role.ADMINISTRATOR):
            raise AccessError(
                AccessFault.LAST_ADMINISTRATOR,
                f"{user.name} is the only administrator: make another one first",
                name=user.name,
            )
        values = {"name": user.name, "role": now[0].value, "area": write_area(now[1]), "disabled": gone}
        await conn.execute(query("change_user"), values)
        await end_credentials(conn, (CredentialKind.SESSION, CredentialKind.LINK), by, name=user.name)


async def password_of(conn: AsyncConnection[Any], name: str) -> str | None:
    """Return the hash of a user's password, None without one."""
    found: str | None = await value_of(conn, "password_of", name=name)
    return found


async def save_password(conn: AsyncConnection[Any], name: str, password_hash: str) -> None:
    """Keep the hash of a new password; browsers that knew the old one are strangers again."""
    async with conn.transaction():
        await conn.execute(query("save_password"), {"name": name, "password": password_hash})
        await conn.execute(query("forget_browsers"), {"name": name})


def _user(name: str, role: str, area: str, *rest: Any) -> User:
    return User(name, Role(role), parse_area(area), *rest)
