"""What `eduops device …` does: credentials drawn, replaced, ended."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import AsyncConnection

from contract.devices.credential import (
    SECRET_BYTES,
    DeviceName,
    Origin,
    fleet_names,
    parse_device_name,
    write_secret,
)
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from device_simulator.world.faults import parse_duration_s
from eduops.connections import database_url, saved_fleet
from eduops.settings import Settings
from eduops.verbs.devices.files import csv_text, read_secrets
from eduops.verbs.people.running import operator
from storage.database import connect
from storage.devices import credentials
from storage.people.audit import add_audit

CLAIM_BYTES: Final = 15
"""120 bits: 24 letters and digits, few enough to type where no camera reads them."""
NAMED: Final = 20
"""Devices that an entry of the record names; of a whole fleet it says how many more there were."""
_SECRETS: Final = ("school", "device", "user", "secret")
_CODES: Final = ("school", "device", "code")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, to be shown once."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    refused: tuple[str, ...] = ()
    """A sentence for each device that got nothing."""
    note: str = ""
    """What else to do now."""

    @property
    def csv(self) -> str:
        """As a file."""
        return csv_text(self.columns, self.rows)

    @property
    def text(self) -> str:
        """As the terminal shows it: the last two columns."""
        return "".join(f"{row[-2]}  {row[-1]}\n" for row in self.rows)


async def issue_devices(settings: Settings, names: Sequence[str], *, missing: bool) -> Drawn:
    """Draw secrets for devices of the fleet.

    Raises:
        ConfigurationError: a name is none of the fleet's, or nobody is named.
    """
    if bool(names) == missing:
        raise ConfigurationError("name devices as SCHOOL/DEVICE, or all that have none with --missing")
    fleet = await saved_fleet(settings)
    wanted = fleet_names(fleet) if missing else known_names(fleet, names)
    return await _issue(settings, {name: draw_secret() for name in wanted}, quietly=missing)


async def import_secrets(settings: Settings, path: Path) -> Drawn:
    """Issue to the devices of a CSV file; only drawn secrets are shown.

    Raises:
        ConfigurationError: the file is wrong, or names a device that the fleet does not have.
    """
    given = read_secrets(path)
    known_names(await saved_fleet(settings), map(str, given))
    return await _issue(settings, {name: secret or draw_secret() for name, secret in given.items()})


async def rotate_devices(settings: Settings, names: Sequence[str], overlap: str) -> Drawn:
    """Replace the secrets of devices.

    Raises:
        ConfigurationError: a name or the overlap cannot be read.
    """
    drawn = {_parsed(name): draw_secret() for name in names}
    async with await connect(database_url(settings)) as conn, conn.transaction():
        rotated = await credentials.rotate(conn, drawn, _duration(overlap))
        await _record(conn, "device rotate", rotated, f"overlap={overlap}")
    refused = [f"{name} has no valid credential: issue one" for name in drawn if name not in rotated]
    return Drawn(_SECRETS, tuple(_row(name, drawn[name]) for name in rotated), tuple(refused))


async def revoke_devices(settings: Settings, names: Sequence[str]) -> str:
    """End the credentials of devices.

    Raises:
        ConfigurationError: a name cannot be read, or a device has no valid credential.
    """
    parsed = [_parsed(name) for name in names]
    async with await connect(database_url(settings)) as conn, conn.transaction():
        revoked = await credentials.revoke(conn, parsed)
        await _record(conn, "device revoke", revoked)
    if lacking := [str(name) for name in parsed if name not in revoked]:
        raise ConfigurationError(
            f"no valid credential and no code: {', '.join(lacking)}; revoked: {len(revoked)}"
        )
    return f"revoked {', '.join(map(str, revoked))}"


async def draw_claim_codes(settings: Settings, names: Sequence[str], valid: str) -> Drawn:
    """Draw a code for each device.

    Raises:
        ConfigurationError: a name is none of the fleet's, or the duration cannot be read.
    """
    wanted, length = known_names(await saved_fleet(settings), names), _duration(valid)
    drawn = {name: write_secret(secrets.token_bytes(CLAIM_BYTES)) for name in wanted}
    async with await connect(database_url(settings)) as conn, conn.transaction():
        for name, code in drawn.items():
            await credentials.keep_claim(conn, name, code, length)
        await _record(conn, "device claim-code", list(drawn), f"valid={valid}")
    return Drawn(_CODES, tuple((name.school, str(name), code) for name, code in drawn.items()))


def draw_secret() -> str:
    """Return a new secret."""
    return write_secret(secrets.token_bytes(SECRET_BYTES))


def known_names(fleet: Fleet, names: Iterable[str]) -> list[DeviceName]:
    """Return names of devices that the fleet has.

    Raises:
        ConfigurationError: a name cannot be read, or the fleet has no such device.
    """
    found = [_parsed(name) for name in names]
    for name in found:
        if tuple(name) not in fleet.device_by_path:
            raise ConfigurationError(f"the fleet has no device {name}: `eduops fleet export` lists them")
    return found


async def _issue(settings: Settings, drawn: dict[DeviceName, str], *, quietly: bool = False) -> Drawn:
    async with await connect(database_url(settings)) as conn, conn.transaction():
        simulated = {s.name for s in await credentials.standings(conn) if s.origin is Origin.SIMULATED}
        issued = await credentials.issue(conn, drawn)
        await _record(conn, "device issue", issued)
    refused = [] if quietly else [
        f"{name} has a valid credential: rotate or revoke it" for name in drawn if name not in set(issued)
    ]  # fmt: skip
    taken = sum(str(name) in simulated for name in issued)
    note = f"simulated until now: {taken:,}; the simulation leaves them to you within a minute"
    rows = tuple(_row(name, drawn[name]) for name in issued)
    return Drawn(_SECRETS, rows, tuple(refused), note if taken else "")


async def _record(
    conn: AsyncConnection[Any], action: str, names: Sequence[DeviceName], detail: str = ""
) -> None:
    """Put on record what was done to devices, in the transaction of the deed."""
    if names:
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        subject = ", ".join(map(str, names[:NAMED])) + more
        await add_audit(
            conn, actor=operator(), grade="command line", action=action, subject=subject, detail=detail
        )


def _row(name: DeviceName, secret: str) -> tuple[str, ...]:
    return name.school, name.device, str(name), secret


def _parsed(text: str) -> DeviceName:
    name = parse_device_name(text)
    if name is None:
        raise ConfigurationError(f"{text!r} is no device; write SCHOOL/DEVICE, such as 79010042/gw-1")
    return name


def _duration(text: str) -> timedelta:
    try:
        return timedelta(seconds=parse_duration_s(text))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
