"""What was decided about days beside the calendar file, and how services hear of it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from psycopg import AsyncConnection, sql

from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.special_days.special_day import (
    DayEvidence,
    DayKind,
    DayPlace,
    DayVerdict,
    PlaceKind,
    SpecialDay,
)
from storage.database import connect
from storage.fleet import CHANNEL, COME_BACK_S, LOOK_AGAIN_S, fleet_version, load_fleet
from storage.moment import moment
from storage.queries import query

DAYS_CHANNEL: Final = "eduops_special_days"
"""Notifications of PostgreSQL that something was decided about a day."""
_evidence: Final = msgspec.json.Decoder(DayEvidence)


class KnownCity(NamedTuple):
    """What a service runs with: the fleet, and days that the calendar file does not have."""

    fleet: Fleet
    days: tuple[SpecialDay, ...]


async def load_special_days(conn: AsyncConnection[Any]) -> tuple[SpecialDay, ...]:
    """Return the last word about every day, by its first day."""
    cursor = await conn.execute(query("special_days"))
    return tuple(_special_day(*row) for row in await cursor.fetchall())


async def decide(conn: AsyncConnection[Any], days: Sequence[SpecialDay]) -> None:
    """Write down what was decided, in one transaction, and tell every service."""
    async with conn.transaction(), conn.cursor() as cursor:
        await cursor.executemany(query("decide_special_day"), [_values(day) for day in days])
        await cursor.execute(query("tell_special_days"))


async def next_city(dsn: str, seen: KnownCity, *, with_days: bool) -> KnownCity:
    """Return fleet and days once they are others than those seen; outlives restarts of PostgreSQL.

    Args:
        dsn: connection string.
        seen: what is known.
        with_days: whether other days are heard of, too.
    """
    while True:
        try:
            async with await connect(dsn, "eduops fleet") as conn:
                for channel in (CHANNEL, DAYS_CHANNEL):
                    await conn.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                while True:
                    found = await _look(conn, seen, with_days=with_days)
                    if found != seen:
                        return found
                    async for _ in conn.notifies(timeout=LOOK_AGAIN_S, stop_after=1):
                        pass
        except (InfrastructureError, psycopg.OperationalError):
            await asyncio.sleep(COME_BACK_S)


async def _look(conn: AsyncConnection[Any], seen: KnownCity, *, with_days: bool) -> KnownCity:
    is_new = await fleet_version(conn) != seen.fleet.version
    fleet = await load_fleet(conn) if is_new else None
    days = await load_special_days(conn) if with_days else seen.days
    return KnownCity(fleet or seen.fleet, days)


def _special_day(day_id: str, kind: str, place_kind: str, place_code: str, *rest: Any) -> SpecialDay:
    first, last, name, verdict, decided_us, decided_by, evidence = rest
    return SpecialDay(
        day_id, DayKind(kind), DayPlace(PlaceKind(place_kind), place_code), first, last, name,
        DayVerdict(verdict), decided_us, decided_by, _evidence.decode(evidence),
    )  # fmt: skip


def _values(day: SpecialDay) -> tuple[object, ...]:
    return (
        day.day_id, day.kind.value, day.place.kind.value, day.place.code, day.first, day.last, day.name,
        day.verdict.value, moment(day.decided_us), day.decided_by, msgspec.json.encode(day.evidence).decode(),
    )  # fmt: skip
