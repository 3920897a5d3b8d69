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
