"""Who is let in at first: the first administrator by a link, the watchdog by a token."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from contract.access.area import CITY
from contract.access.permission import Role, TokenScope
from contract.fleet import Fleet
from eduops.connections import database_url
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from storage.database import connect
from storage.people.credentials import find_principals, hash_of, issue_link, issue_token
from storage.people.users import add_user, list_users

FIRST_USER = "admin"
"""Name of the user that a data folder's first start makes."""
_TOKEN_FILE = "wall_token"
_TOKEN_DAYS = 400
"""As long as a school year: chosen; a start renews it once it is over."""


def entry_address(settings: Settings, secret: str, to: str = "") -> str:
    """Return the address that lets somebody in once."""
    return f"{people_url(settings)}/enter/{secret}" + (f"?next={to}" if to else "")


def people_url(settings: Settings) -> str:
    """Return the wall's address for people; always one host, for by its name a browser knows a session."""
    return (settings.public_url or _own_address(settings)).rstrip("/")


def _own_address(settings: Settings) -> str:
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.host
    return f"{'http' if settings.tls_dir is None else 'https'}://{host}:{settings.port}"


class Entrance(NamedTuple):
    """How people get to the wall."""

    address: str
    """As a person opens it."""
    lets_in: str
    """The user whom the address lets in once; empty once a local head has a password."""


async def make_entrance(settings: Settings) -> Entrance:
    """Return how people get to the wall; there is a first administrator from then on, if there was none."""
    async with await connect(database_url(settings)) as conn:
        if not await list_users(conn):
            await add_user(conn, FIRST_USER, Role.ADMINISTRATOR, CITY, Fleet("", (), (), (), ()))
        head = await head_without_password(conn)
        if not head:
            return Entrance(f"{_own_address(settings)}/", "")
        secret = await issue_link(conn, head, "eduops up")
    return Entrance(f"{_own_address(settings)}/enter/{secret}?next=/", head)


async def head_without_password(conn: AsyncConnection[Any]) -> str:
    """Return the first local administrator, if none of them has a password; else an empty text."""
    known = await list_users(conn)
    heads = [u for u in known if u.role is Role.ADMINISTRATOR and not (u.disabled or u.subject)]
    return "" if not heads or any(user.has_password for user in heads) else heads[0].name


async def keep_wall_token(folder: DataFolder, settings: Settings) -> None:
    """See to it that the watchdog of this folder has a token in force."""
    kept = str(folder.read(_TOKEN_FILE).get("token", ""))
    async with await connect(database_url(settings)) as conn:
        if not await find_principals(conn, [hash_of(kept)]):
            token = await issue_token(conn, "watchdog", TokenScope.WALL, CITY, _TOKEN_DAYS, "eduops")
            folder.write(_TOKEN_FILE, {"token": token})


def wall_token(folder: DataFolder, settings: Settings) -> str:
    """Return the token by which the watchdog sees the wall, empty where there is none."""
    return settings.wall_token or str(folder.read(_TOKEN_FILE).get("token", ""))
