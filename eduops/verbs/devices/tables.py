"""Devices as people look at them: a table, JSON, a CSV file, a sentence of `eduops doctor`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from eduops.connections import database_url, saved_fleet
from eduops.settings import Settings
from eduops.verbs.devices.files import csv_text
from storage.database import connect
from storage.devices.credentials import DeviceStanding, DeviceTroubles, device_troubles, standings

DAY_US: Final = 86_400_000_000
_COLUMNS: Final = (
    "school",
    "device",
    "kind",
    "credential",
    "issued",
    "last_connected",
    "address",
    "refusals",
)


async def device_table(settings: Settings, school: str, *, trouble: bool, as_json: bool) -> str:
    """Return the devices with a credential, one a line."""
    async with await connect(database_url(settings)) as conn:
        found = await standings(conn, f"{school}/" if school else "")
    now_us = time.time_ns() // 1000
    if trouble:
        found = [s for s in found if max(s.refused_us or 0, s.twice_us or 0) > now_us - DAY_US]
    if as_json:
        return msgspec.json.encode([s._asdict() for s in found]).decode()
    none = (
        "no such device was refused or seen twice within a day"
        if trouble
        else "no such device has a credential"
    )
    return "\n".join([_line(s, now_us) for s in found] or [none])


async def fleet_csv(settings: Settings) -> str:
    """Return all devices of the fleet as CSV, without any secret."""
    fleet = await saved_fleet(settings)
    async with await connect(database_url(settings)) as conn:
        held = {s.name: s for s in await standings(conn)}
    rows = []
    for (school, code), device in fleet.device_by_path.items():
        standing = held.get(f"{school}/{code}")
        own = ("none", "", "", "", "")
        if standing is not None:
            state = "revoked" if standing.revoked_us else standing.origin.value
            seen = (_at(standing.issued_us), _at(standing.connected_us))
            own = (state, *seen, standing.address, str(standing.refusals))
        rows.append((school, code, device.kind.value, *own))
    return csv_text(_COLUMNS, rows)


async def troubled(settings: Settings) -> DeviceTroubles:
    """Return how many credentials there are, and of how many devices something is wrong."""
    async with await connect(database_url(settings)) as conn:
        return await device_troubles(conn)


def told_troubles(found: DeviceTroubles) -> Iterator[str]:
    """Yield how many credentials there are, and what is wrong with some."""
    yield f"{found.valid:,} devices have a credential, {found.simulated:,} of them simulated ones"
    if found.refused or found.twice:
        yield (
            f"within a day {found.refused:,} were refused, and two connections took the name of "
            f"{found.twice:,} in turn: `eduops device list --trouble` names them"
        )
    if found.over_share:
        yield (
            f"{found.over_share:,} sent more than their share (device_share_mib) and are held off: "
            "`eduops device revoke` ends one for good"
        )
    if found.gone:
        yield (
            f"{found.gone:,} are of devices that the fleet has no more and still let them in: "
            f"`eduops device revoke {found.first_gone}`"
        )


def _line(s: DeviceStanding, now_us: int) -> str:
    parts = [f"{s.name:<24} {'revoked' if s.revoked_us else s.origin.value}"]
    parts.append(f"{(now_us - s.issued_us) / DAY_US:.0f} d old")
    if s.former_until_us is not None and s.former_until_us > now_us:
        parts.append(f"former secret until {_at(s.former_until_us)}")
    parts.append(f"connected {_at(s.connected_us)} from {s.address}" if s.connected_us else "never connected")
    if s.refusals:
        parts.append(f"refused {s.refusals:,} times, last {_at(s.refused_us)}: {s.refused_for}")
    if s.twice_us:
        parts.append(f"its name was taken in turn by two connections, last {_at(s.twice_us)}")
    return "; ".join(parts)


def _at(time_us: int | None) -> str:
    return (
        "" if time_us is None else datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
