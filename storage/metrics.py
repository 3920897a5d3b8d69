"""Which metric has which number, for ever: a number is part of every series that was stored."""

from typing import Any

from psycopg import AsyncConnection

from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from storage.queries import query


async def claim_metrics(conn: AsyncConnection[Any], catalogue: Catalogue) -> None:
    """Note the numbers of a catalogue; a number that was another metric's stays with its history.

    Raises:
        ConfigurationError: the catalogue gives a number away that was used, or a metric another number.
    """
    async with conn.transaction(), conn.cursor() as cursor:
        # One writer at a time, without the right to change what is there.
        await cursor.execute("select pg_advisory_xact_lock(hashtext('eduops/metric'))")
        await cursor.execute(query("metrics"))
        known = {number: (stream, name) for number, stream, name in await cursor.fetchall()}
        number_of = {whose: number for number, whose in known.items()}
        for metric in catalogue.metrics:
            whose = (metric.stream.value, metric.name)
            if known.get(metric.id, whose) != whose or number_of.get(whose, metric.id) != metric.id:
                raise ConfigurationError(_sentence(metric.id, whose, known, number_of))
            if metric.id not in known:
                claim = {"id": metric.id, "stream": whose[0], "name": whose[1]}
                await cursor.execute(query("claim_metric"), claim)


def _sentence(
    number: int,
    whose: tuple[str, str],
    known: dict[int, tuple[str, str]],
    number_of: dict[tuple[str, str], int],
) -> str:
    name = "/".join(whose)
    if whose in number_of:
        kept = number_of[whose]
        return (
            f"metrics.toml: {name} has id {kept} for ever, for its history is stored under it; not {number}"
        )
    free = next(n for n in range(1, 257) if n not in known)
    owner = "/".join(known[number])
    return f"metrics.toml: id {number} is {owner}'s for ever; give {name} one that is free, such as {free}"
