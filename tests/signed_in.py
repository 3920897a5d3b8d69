"""Whoever asks a dashboard in a test is signed in: one session a dashboard, found by its address."""

from typing import Any, Final

from psycopg import AsyncConnection

from contract.access.area import CITY, Area
from contract.access.permission import Role
from contract.fleet import Fleet
from ops_dashboard.access.door import SESSION_COOKIE
from storage.people.credentials import start_session
from storage.people.users import add_user, find_user

NOWHERE: Final = Fleet("", (), (), (), ())
"""Enough of a fleet for people of the whole city."""
_sessions: dict[str, str] = {}


def remember(url: str, secret: str) -> None:
    """Ask a dashboard with this session from now on."""
    _sessions[url] = secret


def cookies(url: str) -> dict[str, str]:
    """Return the cookies of whoever is signed in at a dashboard."""
    return {SESSION_COOKIE: _sessions[url]} if url in _sessions else {}


def headers(url: str) -> dict[str, str]:
    """Return the headers that bear those cookies."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies(url).items())}


async def session_of(
    conn: AsyncConnection[Any], name: str, role: Role, area: Area = CITY, fleet: Fleet = NOWHERE
) -> str:
    """Return the secret of a new session of a user, who is added if there is none of that name."""
    if await find_user(conn, name) is None:
        await add_user(conn, name, role, area, fleet)
    return await start_session(conn, name, role, "127.0.0.1", "test")
