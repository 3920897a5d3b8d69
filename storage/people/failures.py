"""Failed sign-ins: how many in a row, by whom and from where, and which browsers are known."""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

from storage.people.credentials import hash_of
from storage.queries import query


async def claim_try(conn: AsyncConnection[Any], keys: Sequence[str], wait_s: Callable[[int], float]) -> float:
    """Count a try as failed, before anybody knows, and return 0; or how many seconds it has to wait.

    Tries side by side are counted one after the other; one that has to wait is not counted.

    Args:
        conn: to the database.
        keys: by which it is counted.
        wait_s: seconds to wait after so many failures in a row.
    """
    async with conn.transaction():
        await conn.execute(query("lock_tries"), {"keys": sorted(keys)})
        cursor = await conn.execute(query("sign_in_failures"), {"keys": list(keys)})
        left = [float(wait_s(count) - age_s) for count, age_s in await cursor.fetchall()]
        if max(left, default=0.0) > 0:
            return max(left)
        await conn.execute(query("add_failure"), {"keys": list(keys)})
    return 0.0


async def forget_failures(conn: AsyncConnection[Any], keys: Sequence[str]) -> None:
    """Begin to count anew, and forget what is older than a day."""
    await conn.execute(query("forget_failures"), {"keys": list(keys)})


async def is_known_browser(conn: AsyncConnection[Any], secret: str, name: str) -> bool:
    """Return whether a user has signed in in the browser that holds a secret."""
    values = {"secret_hash": hash_of(secret), "name": name}
    cursor = await conn.execute(query("is_known_browser"), values)
    return await cursor.fetchone() is not None


async def know_browser(conn: AsyncConnection[Any], secret: str, name: str) -> None:
    """Remember that a user has signed in in the browser that holds a secret."""
    await conn.execute(query("know_browser"), {"secret_hash": hash_of(secret), "name": name})
