"""What people chose in a list and keep under a name."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from storage.queries import query


class SavedView(NamedTuple):
    """What is chosen in a list."""

    name: str
    query: str
    """Of the address of its page, without `?`."""


async def saved_views(conn: AsyncConnection[Any], user: str, page: str) -> list[SavedView]:
    """Return what a user keeps of a page, in the order in which it was kept."""
    cursor = await conn.execute(query("saved_views"), {"user_name": user, "page": page})
    return [SavedView(*row) for row in await cursor.fetchall()]


async def add_saved_view(conn: AsyncConnection[Any], user: str, page: str, view: SavedView) -> bool:
    """Keep a choice; return whether its name was free."""
    return await _changed(conn, "add_saved_view", user, page, name=view.name, query=view.query)


async def rename_saved_view(conn: AsyncConnection[Any], user: str, page: str, former: str, name: str) -> bool:
    """Give a kept choice another name; return whether there is one, and the other name was free."""
    return await _changed(conn, "rename_saved_view", user, page, former=former, name=name)


async def drop_saved_view(conn: AsyncConnection[Any], user: str, page: str, name: str) -> None:
    """Forget a kept choice, if there is one."""
    await conn.execute(query("drop_saved_view"), {"user_name": user, "page": page, "name": name})


async def _changed(conn: AsyncConnection[Any], what: str, user: str, page: str, **values: str) -> bool:
    cursor = await conn.execute(query(what), {"user_name": user, "page": page, **values})
    return await cursor.fetchone() is not None
