"""Devices' credentials in their table: issued, rotated, revoked; whoever follows them is told by name."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql

from contract.devices.credential import (
    Credential,
    DeviceName,
    Origin,
    digest_of,
    mosquitto_hash,
    parse_device_name,
)
from contract.errors import ConfigurationError, InfrastructureError
from storage.database import connect
from storage.queries import query, value_of

CHANNEL: Final = "eduops_devices"
"""Notifications of PostgreSQL that credentials are other ones: a JSON array of names, or nothing for many."""
LOOK_AGAIN_S: Final = 300.0
"""All credentials are read anew at least so often, whatever was told."""
COME_BACK_S: Final = 2.0
"""Pause before PostgreSQL is asked again."""
_MOST_TOLD: Final = 50
"""Names in one notification; its payload is below 8,000 bytes (PostgreSQL, NOTIFY)."""


class DeviceStanding(NamedTuple):
    """A device, for people; times are real, µs since 1970, None for never."""

    name: str
    origin: Origin
    issued_us: int
    former_until_us: int | None
    revoked_us: int | None
    connected_us: int | None
    address: str
    refused_us: int | None
    refused_for: str
    refusals: int
    twice_us: int | None


class DeviceTroubles(NamedTuple):
    """How many credentials there are, and whom to look at."""

    valid: int
    simulated: int
    """Of them, those of an invented city: for tests and demonstrations only."""
    refused: int
    """Devices that were not let in within the last day."""
    twice: int
    """Devices whose name two connections took from each other within the last day."""
    over_share: int
    """Devices of which the last refusal, within the last day, was that they sent more than their share."""
    gone: int
    """Valid credentials of devices that the fleet has no more: of closed schools, retired or replaced."""
    first_gone: str
    """The first of them by name; empty without one."""


async def issue(
    conn: AsyncConnection[Any], secrets: Mapping[DeviceName, str], origin: Origin = Origin.ISSUED
) -> list[DeviceName]:
    """Keep the digests of new secrets and return the names whose valid secret is the given one.

    A device that has a valid credential keeps it: rotate or revoke it first. A simulated one makes way.
    """
    rows = [{**_kept(name, secret), "origin": origin.value} for name, secret in secrets.items()]
    if not rows:
        return []
    async with conn.transaction(), conn.cursor() as cursor:
        await cursor.executemany(query("issue_device_credential"), rows)
        await cursor.execute(query("device_credentials_of"), {"names": [str(name) for name in secrets]})
        held = {name: bytes(digest) for name, digest, *_, revoked in await cursor.fetchall() if not revoked}
        issued = [name for name, secret in secrets.items() if held.get(str(name)) == digest_of(secret)]
        await _tell(cursor, issued)
    return issued


async def rotate(
    conn: AsyncConnection[Any], secrets: Mapping[DeviceName, str], overlap: timedelta
) -> list[DeviceName]:
    """Replace secrets, return the names that had one to replace; the former stay valid for `overlap`."""
    rotated: list[DeviceName] = []
    async with conn.transaction(), conn.cursor() as cursor:
        for name, secret in secrets.items():
            values = {**_kept(name, secret), "overlap": overlap}
            await cursor.execute(query("rotate_device_credential"), values)
            if cursor.rowcount:
                rotated.append(name)
        await _tell(cursor, rotated)
    return rotated


async def revoke(conn: AsyncConnection[Any], names: Iterable[DeviceName]) -> list[DeviceName]:
    """End credentials at once, and codes that nobody claimed; return the names that had one of both.

    Whoever stole a device may have its code as well, which would open again what was just shut.
    """
    values = {"names": [str(name) for name in names]}
    async with conn.transaction(), conn.cursor() as cursor:
        await cursor.execute(query("revoke_device_credentials"), values)
        revoked = [_name(row[0]) for row in await cursor.fetchall()]
        await _tell(cursor, revoked)
        await cursor.execute(query("end_claims"), values)
        ended = [_name(row[0]) for row in await cursor.fetchall()]
    return list(dict.fromkeys((*revoked, *ended)))


async def standings(conn: AsyncConnection[Any], beginning: str = "") -> list[DeviceStanding]:
    """Return the devices whose name begins so, by name: their credential and how they were seen."""
    cursor = await conn.execute(query("device_list"), {"like": beginning})
    return [DeviceStanding(row[0], Origin(row[1]), *row[2:]) for row in await cursor.fetchall()]


async def mosquitto_users(conn: AsyncConnection[Any]) -> list[tuple[DeviceName, str]]:
    """Return the devices that may connect, by name, with what mosquitto's password file keeps of each."""
    cursor = await conn.execute(query("mosquitto_users"))
    return [(_name(name), kept) for name, kept in await cursor.fetchall()]


async def device_troubles(conn: AsyncConnection[Any]) -> DeviceTroubles:
    """Return how many credentials are valid, and of how many devices something is wrong."""
    cursor = await conn.execute(query("device_troubles"))
    return DeviceTroubles(*(await cursor.fetchone() or (0, 0, 0, 0, 0, 0, "")))


async def keep_claim(conn: AsyncConnection[Any], name: DeviceName, code: str, valid: timedelta) -> None:
    """Keep the digest of a code with which a device gets its secret once; its earlier codes end."""
    await conn.execute(query("end_claims"), {"names": [str(name)]})
    await conn.execute(query("keep_claim"), {"digest": digest_of(code), "name": str(name), "valid": valid})


async def claim(conn: AsyncConnection[Any], code: str, secret: str) -> DeviceName | None:
    """Give the device of a code this secret and return its name; None where the code is wrong, used or old.

    Raises:
        ConfigurationError: the device has a credential already.
    """
    async with conn.transaction():
        cursor = await conn.execute(query("take_claim"), {"digest": digest_of(code)})
        row = await cursor.fetchone()
        if row is None:
            return None
        name = _name(row[0])
        if not await issue(conn, {name: secret}, Origin.CLAIMED):
            raise ConfigurationError(f"{name} has a credential already")
    return name


class CredentialChange(NamedTuple):
    """What whoever follows the credentials is told."""

    credentials: tuple[Credential, ...]
    is_all: bool
    """Whether these are all there are; else the others stay as they were."""
    province: str
    """In which the fleet's topics are; "" before there is a fleet."""


async def credential_changes(dsn: str) -> AsyncIterator[CredentialChange]:
    """Yield all credentials, then each change, for ever; outlives restarts of PostgreSQL."""
    while True:
        try:
            async with await connect(dsn, "eduops devices") as conn:
                await conn.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
                while True:
                    yield await _load(conn, None)
                    async for change in _told(conn):
                        yield change
        except (InfrastructureError, psycopg.OperationalError):
            await asyncio.sleep(COME_BACK_S)


async def _told(conn: AsyncConnection[Any]) -> AsyncIterator[CredentialChange]:
    """Yield what is told by name; ends where everything has to be read anew."""
    while True:
        payloads = [n.payload async for n in conn.notifies(timeout=LOOK_AGAIN_S, stop_after=1)]
        if not payloads or not all(payloads):
            return
        yield await _load(conn, [name for payload in payloads for name in json.loads(payload)])


async def _load(conn: AsyncConnection[Any], names: list[str] | None) -> CredentialChange:
    if names is None:
        cursor = await conn.execute(query("device_credentials"))
    else:
        cursor = await conn.execute(query("device_credentials_of"), {"names": names})
    found = tuple(
        Credential(_name(name), bytes(digest), issued_us, former and bytes(former), until_us or 0, revoked)
        for name, digest, issued_us, former, until_us, revoked in await cursor.fetchall()
    )
    province = await value_of(conn, "setting", name="province")
    return CredentialChange(found, names is None, str(province or ""))


async def _tell(cursor: AsyncCursor[Any], names: Sequence[DeviceName]) -> None:
    if names:
        told = json.dumps([str(name) for name in names]) if len(names) <= _MOST_TOLD else ""
        await cursor.execute(query("tell_devices"), {"names": told})


def _kept(name: DeviceName, secret: str) -> dict[str, Any]:
    return {"name": str(name), "digest": digest_of(secret), "mosquitto": mosquitto_hash(secret)}


def _name(text: str) -> DeviceName:
    name = parse_device_name(text)
    assert name is not None  # nothing else is ever written
    return name
