"""What mosquitto needs to know: whose password is what, and who may publish where."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bus.rights import BrokerUser
from config.private_file import write_private
from contract.devices.credential import DeviceName, mosquitto_hash
from contract.errors import ConfigurationError
from eduops.connections import database_url, saved_fleet
from eduops.settings import Settings
from storage.database import connect
from storage.devices.credentials import mosquitto_users

PASSWORDS: Final = "eduops.passwd"
RIGHTS: Final = "eduops.acl"


async def write_files(settings: Settings, folder: Path) -> str:
    """Write both files, each whole or not at all.

    Raises:
        ConfigurationError: a password of ours is not set, or the folder cannot be written.
    """
    user, password = settings.mqtt_user, settings.mqtt_password
    if not user or not password or not settings.watchdog_password:
        raise ConfigurationError(
            "set mqtt_user, mqtt_password and watchdog_password: they stand in the files"
        )
    fleet = await saved_fleet(settings)
    async with await connect(database_url(settings)) as conn:
        devices = await mosquitto_users(conn)
    own = {user: password, BrokerUser.WATCHDOG: settings.watchdog_password}
    ours = [(who, mosquitto_hash(secret)) for who, secret in own.items()]
    kept = [*ours, *((str(name), hashed) for name, hashed in devices)]
    try:
        write_private(folder / PASSWORDS, "".join(f"{who}:{hashed}\n" for who, hashed in kept))
        write_private(folder / RIGHTS, rights(user, fleet.province, [name for name, _ in devices]))
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}") from error
    return (
        f"wrote {PASSWORDS} and {RIGHTS} of {len(devices):,} devices to {folder}: have mosquitto reload them"
    )


def rights(user: str, province: str, devices: Sequence[DeviceName]) -> str:
    """Return the file of rights: services read, the watchdog publishes canaries, a device its own."""
    lines = [
        f"user {user}", "topic read #", "topic write edu/v1/probe/#", "topic write edu/v1/probe", "",
        f"user {BrokerUser.WATCHDOG}", f"topic write edu/v1/{province}/+/canary/bandwidth", "",
    ]  # fmt: skip
    for name in devices:
        lines += [f"user {name}", f"topic write {name.topics(province)}#", ""]
    return "\n".join(lines)
