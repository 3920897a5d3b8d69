"""Credentials of invented devices: issued as real ones, with secrets made of one key in the data folder."""

import secrets
from collections.abc import Iterable
from typing import Final

from contract.devices.credential import SECRET_BYTES, DeviceName, Origin, derived_secret
from eduops.connections import database_url
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from storage.database import connect
from storage.devices.credentials import issue

_FILE: Final = "simulated_devices"


async def simulated_secrets(settings: Settings, names: Iterable[DeviceName]) -> dict[DeviceName, str]:
    """Issue credentials to those devices that have none of their own and return the secrets of all such.

    One with a credential of its own is not among them: nobody else may speak for it. One whose simulated
    secret was changed by somebody has the former one again.

    Raises:
        ConfigurationError: no database is configured, or the data folder cannot be read.
        InfrastructureError: the database is out of reach.
    """
    key = _key(DataFolder(settings.data))
    drawn = {name: derived_secret(key, name) for name in names}
    async with await connect(database_url(settings)) as conn:
        issued = await issue(conn, drawn, Origin.SIMULATED)
    return {name: drawn[name] for name in issued}


def _key(folder: DataFolder) -> bytes:
    found = folder.read(_FILE, "key")
    if not found:
        found = {"key": secrets.token_hex(SECRET_BYTES)}
        folder.write(_FILE, found)
    return bytes.fromhex(found["key"])
