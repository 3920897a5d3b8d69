"""The fleet in its tables: saved as a whole, loaded as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, sql

from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from storage.queries import query

TABLES = ("device", "school", "ward", "cluster")
"""Tables of the fleet, those that refer before those referred to."""


async def save_fleet(conn: AsyncConnection[Any], fleet: Fleet) -> None:
    """Replace the fleet in one transaction; does nothing when the same version is there already."""
    async with conn.transaction(), conn.cursor() as cursor:
        # One writer at a time; readers go on with the fleet before.
        await cursor.execute("select pg_advisory_xact_lock(hashtext('eduops/fleet'))")
        if await _setting(cursor, "fleet_version") == fleet.version:
            return
        for table in TABLES:
            await cursor.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
        await _copy(cursor, "cluster", [(*astuple(c), i) for i, c in enumerate(fleet.clusters)])
        await _copy(cursor, "ward", [(*astuple(w), i) for i, w in enumerate(fleet.wards)])
        await _copy(cursor, "school", [_school_row(s) for s in fleet.schools])
        await _copy(cursor, "device", [(d.id, d.school_id, d.code, d.kind.value) for d in fleet.devices])
        for name, value in (("province", fleet.province), ("fleet_version", fleet.version)):
            await cursor.execute(query("save_setting"), {"name": name, "value": value})


async def load_fleet(conn: AsyncConnection[Any]) -> Fleet | None:
    """Return the fleet as last saved, equal in version, or None if none was saved yet."""
    async with conn.transaction(), conn.cursor() as cursor:
        # One snapshot for all tables: never half of one fleet and half of the next.
        await cursor.execute("set transaction isolation level repeatable read, read only")
        province = await _setting(cursor, "province")
        if province is None:
            return None
        clusters = tuple(Cluster(*row) for row in await _rows(cursor, "clusters"))
        wards = tuple(Ward(*row) for row in await _rows(cursor, "wards"))
        schools = tuple(
            School(i, code, name, Level(level), *rest)
            for i, code, name, level, *rest in await _rows(cursor, "schools")
        )
        devices = tuple(
            Device(i, school_id, code, DeviceKind(kind))
            for i, school_id, code, kind in await _rows(cursor, "devices")
        )
    return Fleet(province, clusters, wards, schools, devices)


def _school_row(s: School) -> tuple[object, ...]:
    return (
        s.id, s.code, s.name, s.level.value, s.ward_code, s.pupils, s.isp,
        s.contracted_down_bps, s.contracted_up_bps,
    )  # fmt: skip


async def _setting(cursor: AsyncCursor[Any], name: str) -> str | None:
    await cursor.execute(query("setting"), {"name": name})
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def _rows(cursor: AsyncCursor[Any], name: str) -> list[tuple[Any, ...]]:
    await cursor.execute(query(name))
    return await cursor.fetchall()


async def _copy(cursor: AsyncCursor[Any], table: str, rows: Iterable[Sequence[object]]) -> None:
    async with cursor.copy(sql.SQL("copy {} from stdin").format(sql.Identifier(table))) as copy:
        for row in rows:
            await copy.write_row(row)
