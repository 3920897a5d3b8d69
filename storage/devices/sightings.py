"""How the broker saw devices: written in batches by whoever lets them in."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from storage.queries import query


class Sighting(NamedTuple):
    """What was seen of a device since the batch before; times are real, µs since 1970, None for not."""

    name: str
    connected_us: int | None = None
    address: str = ""
    refused_us: int | None = None
    refused_for: str = ""
    refusals: int = 0
    twice_us: int | None = None


async def note_sightings(conn: AsyncConnection[Any], sightings: Iterable[Sighting]) -> None:
    """Keep what was seen; of names without a credential nothing is kept."""
    rows = [
        {
            "name": seen.name,
            "connected": seen.connected_us,
            "address": seen.address,
            "refused": seen.refused_us,
            "refused_for": seen.refused_for,
            "refusals": seen.refusals,
            "twice": seen.twice_us,
        }
        for seen in sightings
    ]
    async with conn.transaction(), conn.cursor() as cursor:
        await cursor.executemany(query("saw_device"), rows)


class TroubledDevice(NamedTuple):
    """What the broker had to do with a device within a day; times are real, µs since 1970."""

    name: str
    """`SCHOOL/DEVICE`."""
    refused_us: int | None
    refused_for: str
    refusals: int
    """As long as it is known."""
    twice_us: int | None
    """When two connections last took its name from each other."""


async def troubled_devices(conn: AsyncConnection[Any], limit: int) -> list[TroubledDevice]:
    """Return devices that were not let in, or whose name two had, within a day; the latest first."""
    cursor = await conn.execute(query("troubled_devices"), {"limit": limit})
    return [TroubledDevice(*row) for row in await cursor.fetchall()]
