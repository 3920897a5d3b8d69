"""Credentials of invented devices: issued as real ones, with secrets made of one key in the data folder."""

import secrets
from typing import Final

from contract.devices.credential import SECRET_BYTES, DeviceName, Origin, derived_secret
from contract.fleet import Fleet
from eduops.connections import database_url
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from storage.database import connect
from storage.devices.credentials import issue

_FILE: Final = "simulated_devices"


async def simulated_secrets(settings: Settings, fleet: Fleet) -> dict[DeviceName, str]:
    """Issue credentials to the devices of a fleet that have none and return the secrets of all such.

    A device with a credential of its own is not among them: nobody else may speak for it.

    Raises:
        ConfigurationError: no database is configured, or the data folder cannot be read.
        InfrastructureError: the database is out of reach.
    """
    key = _key(DataFolder(settings.data))
    code_of = {school.id: school.code for school in fleet.schools}
    names = [DeviceName(code_of[device.school_id], device.code) for device in fleet.devices]
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
