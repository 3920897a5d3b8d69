"""Which metric has which number and unit, for ever: both are part of what was stored."""

from typing import Any

from psycopg import AsyncConnection

from contract.catalogue import Catalogue, Metric
from contract.errors import ConfigurationError
from storage.queries import query

_Name = tuple[str, str]
"""Stream and name of a metric."""


async def claim_metrics(conn: AsyncConnection[Any], catalogue: Catalogue) -> None:
    """Note numbers and units of a catalogue; a number that was another metric's stays with its history.

    Raises:
        ConfigurationError: the catalogue gives a number away that was used, or a metric another number or
            unit.
    """
    async with conn.transaction(), conn.cursor() as cursor:
        # One writer at a time, without the right to change what is there.
        await cursor.execute("select pg_advisory_xact_lock(hashtext('eduops/metric'))")
        await cursor.execute(query("metrics"))
        rows = await cursor.fetchall()
        known: dict[int, _Name] = {number: (stream, name) for number, stream, name, _ in rows}
        units: dict[int, str | None] = {number: unit for number, *_, unit in rows}
        for metric in catalogue.metrics:
            _check(metric, known, units.get(metric.id))
            claim = {
                "id": metric.id,
                "stream": metric.stream.value,
                "name": metric.name,
                "unit": metric.unit,
            }
            if metric.id not in known:
                await cursor.execute(query("claim_metric"), claim)
            if units.get(metric.id) is None:
                await cursor.execute(query("claim_metric_unit"), claim)


def _check(metric: Metric, known: dict[int, _Name], unit: str | None) -> None:
    whose, name = (metric.stream.value, metric.name), f"{metric.stream.value}/{metric.name}"
    kept = next((number for number, owner in known.items() if owner == whose), metric.id)
    free = next(number for number in range(1, 257) if number not in known)
    if kept != metric.id:
        raise ConfigurationError(
            f"metrics.toml: {name} has id {kept} for ever, for its history is stored under it; "
            f"not {metric.id}"
        )
    if known.get(metric.id, whose) != whose:
        owner = "/".join(known[metric.id])
        raise ConfigurationError(
            f"metrics.toml: id {metric.id} is {owner}'s for ever; "
            f"give {name} one that is free, such as {free}"
        )
    if unit not in {None, metric.unit}:
        raise ConfigurationError(
            f'metrics.toml: {name} is stored in "{unit}" since its first reading, not in "{metric.unit}"; '
            f"leave its unit, or give what comes in another one a name and an id of its own, such as {free}"
        )
