"""The fleet in its tables: kept as a whole, loaded as a whole; numbers that were given stay."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from typing import Any, Final

from psycopg import AsyncConnection, AsyncCursor, sql

from contract.errors import ConfigurationError
from contract.fleet import Cluster, Coordinates, Device, DeviceKind, Fleet, Former, Level, School, Ward
from storage.moment import moment
from storage.queries import query

CHANNEL: Final = "eduops_fleet"
"""Notifications of PostgreSQL that the fleet is another one."""
LOOK_AGAIN_S: Final = 60.0
"""Longest wait for a notification before the version is read once more: a half-open line brings none."""
COME_BACK_S: Final = 2.0
"""Pause before PostgreSQL is asked again."""
_KEPT: Final = (
    "keep_areas", "keep_schools", "free_device_codes", "keep_devices", "keep_periods", "drop_areas",
)  # fmt: skip
"""Statements that make the tables what is given, in order."""
_GIVEN: Final = {
    "given_cluster": "code text, name text, ordinal int",
    "given_ward": "code text, name text, short_name text, cluster_code text, ordinal int",
    "given_school": "id int, code text, name text, level text, ward_code text, pupils int, isp text,"
    " contracted_down_bps float8, contracted_up_bps float8, lat float8, lon float8,"
    " closed_at timestamptz, merged_into int",
    "given_device": "id int, school_id int, code text, kind text, retired bool",
}
"""Tables that live for one transaction, with what is to be kept."""


async def save_fleet(
    conn: AsyncConnection[Any], fleet: Fleet, at_us: int = 0, *, instead_of: str | None = None
) -> None:
    """Keep a fleet in one transaction and tell every service; the same version again changes nothing.

    Rows are never removed: what the fleet lacks is told by `Fleet.former` and `Fleet.former_devices`.

    Args:
        conn: a connection.
        fleet: the whole of it; made from the one that is there, so that numbers stay.
        at_us: log time from which it holds, µs since 1970.
        instead_of: version of the fleet that it was made from; None for any.

    Raises:
        ConfigurationError: another fleet was saved meanwhile, or this one lacks a number that was given.
    """
    async with conn.transaction(), conn.cursor() as cursor:
        # One writer at a time; readers go on with the fleet before.
        await cursor.execute("select pg_advisory_xact_lock(hashtext('eduops/fleet'))")
        there = await _setting(cursor, "fleet_version")
        if there == fleet.version:
            return
        if instead_of is not None and there != instead_of:
            raise ConfigurationError(
                "the fleet was changed by somebody else meanwhile: look at it and try again"
            )
        await _give(cursor, fleet)
        at = {"at": moment(at_us)}
        for name in _KEPT:
            await cursor.execute(query(name), at)
        for name, value in (("province", fleet.province), ("fleet_version", fleet.version)):
            await cursor.execute(query("save_setting"), {"name": name, "value": value})
        await cursor.execute(query("tell_fleet"), {"version": fleet.version})


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
        schools, former = [], []
        for i, code, name, level, *rest, lat, lon, closed_us, into in await _rows(cursor, "schools"):
            place = None if lat is None else Coordinates(lat, lon)
            school = replace(School(i, code, name, Level(level), *rest), place=place)
            if closed_us is None:
                schools.append(school)
            else:
                former.append(Former(school, closed_us, into))
        devices: dict[bool, list[Device]] = {False: [], True: []}
        for i, school_id, code, kind, retired in await _rows(cursor, "devices"):
            devices[retired].append(Device(i, school_id, code, DeviceKind(kind)))
    return Fleet(
        province, clusters, wards, tuple(schools), tuple(devices[False]), tuple(former), tuple(devices[True])
    )


async def schools_then(conn: AsyncConnection[Any], fleet: Fleet, at_us: int) -> dict[int, School]:
    """Return every school there ever was by its number, with name, ward and provider as they were then."""
    now = {s.id: s for s in (*fleet.schools, *(f.school for f in fleet.former))}
    async with conn.cursor() as cursor:
        await cursor.execute(query("schools_then"), {"at": moment(at_us)})
        for school_id, name, level, *rest in await cursor.fetchall():
            if school_id in now:
                of_now = now[school_id]
                then = School(school_id, of_now.code, name, Level(level), *rest)
                now[school_id] = replace(then, place=of_now.place)
    return now


async def fleet_version(conn: AsyncConnection[Any]) -> str | None:
    """Return the version of the fleet that is saved, None if none is."""
    async with conn.cursor() as cursor:
        return await _setting(cursor, "fleet_version")


async def _give(cursor: AsyncCursor[Any], fleet: Fleet) -> None:
    for table, columns in _GIVEN.items():
        name = sql.Identifier(table)
        # A literal of this module; nothing of it comes from outside.
        made = sql.SQL("create temp table {} ({}) on commit drop").format(name, sql.SQL(columns))
        await cursor.execute(made)
    schools = [_school_row(s, None, None) for s in fleet.schools]
    schools += [_school_row(f.school, f.closed_us, f.merged_into) for f in fleet.former]
    devices = [(d.id, d.school_id, d.code, d.kind.value, False) for d in fleet.devices]
    devices += [(d.id, d.school_id, d.code, d.kind.value, True) for d in fleet.former_devices]
    await _copy(cursor, "given_cluster", [(*astuple(c), i) for i, c in enumerate(fleet.clusters)])
    await _copy(cursor, "given_ward", [(*astuple(w), i) for i, w in enumerate(fleet.wards)])
    await _copy(cursor, "given_school", schools)
    await _copy(cursor, "given_device", devices)
    for table, lost in (("school", "lost_school"), ("device", "lost_device")):
        await cursor.execute(query(lost))
        if (row := await cursor.fetchone()) is not None:
            raise ConfigurationError(f"{table} {row[0]!r} has a number that the new fleet lacks")


def _school_row(s: School, closed_us: int | None, into: int | None) -> tuple[object, ...]:
    return (
        s.id, s.code, s.name, s.level.value, s.ward_code, s.pupils, s.isp,
        s.contracted_down_bps, s.contracted_up_bps, *(s.place or (None, None)), moment(closed_us), into,
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
