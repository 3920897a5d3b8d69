"""Leases on logs: which process works on which, by the clock of the database alone.

A lease spares two processes the same work. It is not what keeps results right: that is the
position, compared and set in every commit (`storage.results`). So a lease may be lost, taken over
too early or held by a process that hangs, and nothing is stored twice.

Every call is one statement or a few, each committed by itself: a process that is stopped between
two of them holds no lock that others wait for.
"""

from collections.abc import Collection
from itertools import count
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from storage.queries import query


class Roll(NamedTuple):
    """Who is there, and who has what, at one moment."""

    workers: tuple[str, ...]
    """Names of the workers that were heard within the length of a lease, sorted."""
    owners: dict[str, str]
    """Owner of each log whose lease has not ended."""


async def take_seat(conn: AsyncConnection[Any], name: str) -> str:
    """Return the name under which this connection may own logs: `name`, or `name#2`, `name#3` …

    The name is ours for as long as the connection lives, so a process that is started again after
    a kill finds its old name free, for the server has seen the old connection end, and goes on with
    its old leases at once; a second process of the same name gets a name of its own.
    """
    await conn.execute(query("forget_old_workers"))
    for number in count(1):
        seat = name if number == 1 else f"{name}#{number}"
        cursor = await conn.execute(query("try_seat"), {"worker": seat})
        if await cursor.fetchone() == (True,):
            break
    return seat


async def beat(conn: AsyncConnection[Any], worker: str, lease_s: float) -> Roll:
    """Say that a worker lives, renew the leases that it still has, and return the roll.

    Args:
        conn: a connection on which `worker` took its seat.
        worker: the name of the seat.
        lease_s: length of a lease from now, seconds above 0; a worker not heard for as long is gone.
    """
    asked = {"worker": worker, "lease_s": lease_s}
    await conn.execute(query("beat"), asked)
    await conn.execute(query("renew_leases"), asked)
    leases = await (await conn.execute(query("live_leases"))).fetchall()
    workers = await (await conn.execute(query("live_workers"), asked)).fetchall()
    return Roll(tuple(sorted(name for (name,) in workers)), dict(leases))


async def claim(conn: AsyncConnection[Any], worker: str, logs: Collection[str], lease_s: float) -> set[str]:
    """Lease those of the logs that nobody else has, and return them."""
    if not logs:
        return set()
    cursor = await conn.execute(
        query("claim_leases"), {"worker": worker, "logs": list(logs), "lease_s": lease_s}
    )
    return {log for (log,) in await cursor.fetchall()}


async def release(conn: AsyncConnection[Any], worker: str, logs: Collection[str]) -> None:
    """Give leases back, so that others need not wait for their end."""
    if logs:
        await conn.execute(query("release_leases"), {"worker": worker, "logs": list(logs)})


async def leave(conn: AsyncConnection[Any], worker: str) -> None:
    """Say that a worker goes, so that others count without it at once."""
    await conn.execute(query("forget_worker"), {"worker": worker})
