"""How a command finds the servers of a data folder: the running system leaves their addresses there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contract.errors import ConfigurationError, InfrastructureError
from eduops.data_folder import DataFolder
from eduops.machine.supervisor import is_alive
from eduops.settings import Settings, load_settings

_FILE: Final = "addresses"
_ADDRESSES: Final = (
    "database_url",
    "database_owner_url",
    "nats_url",
    "nats_user",
    "nats_password",
    "mqtt_host",
    "mqtt_port",
    "mqtt_user",
    "mqtt_password",
    "mqtt_listen",
    "mqtt_tls_dir",
    "mqtt_ca_file",
    "watchdog_password",
    "authoriser_password",
)
_CHOSEN: Final = ("sync_interval", "log_replicas", "mqtt_broker")
_CLOCK: Final = (
    "partitions",
    "clock_origin_us",
    "clock_real_origin_us",
    "clock_factor",
    "host",
    "port",
    "tls_dir",
)


def leave_addresses(folder: DataFolder, settings: Settings) -> None:
    """Write down where the servers are, readable by the owner only: it holds passwords."""
    left = settings.model_dump(mode="json", include={*_ADDRESSES, *_CHOSEN, *_CLOCK})
    folder.write(_FILE, left)


def attach(settings: Settings) -> Settings:
    """Return the settings, completed by what the system that runs on the data folder has left.

    With database and log configured elsewhere nothing is filled in.

    Raises:
        InfrastructureError: they are not configured, and no system runs on the data folder.
    """
    if settings.database_url is not None and settings.nats_url is not None:
        return settings
    folder = DataFolder(settings.data)
    if not is_running(folder):
        raise InfrastructureError(
            f"no eduops runs on {folder.path}: start it with `eduops up`, name its folder with --data, "
            "or set EDUOPS_DATABASE_URL and EDUOPS_NATS_URL"
        )
    return completed(folder, settings)


def attached(data: Path | None, config: Path | None, given: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of a command line, completed as by `attach`, which says what is raised."""
    return attach(load_settings(config, {"data": data, **(given or {})}))


def completed(folder: DataFolder, settings: Settings) -> Settings:
    """Return the settings with what the system that runs or ran on the folder has left there.

    Raises:
        ConfigurationError: another version of eduops left it.
    """
    left = folder.read(_FILE)
    unknown = sorted(left.keys() - Settings.model_fields.keys())
    if unknown:
        raise ConfigurationError(
            f"{folder.path / _FILE}.json is of another version of eduops ({', '.join(unknown)} is unknown to "
            "this one): use that version, or stop it and start `eduops up` of this one"
        )
    return settings.but(**left)


def is_running(folder: DataFolder) -> bool:
    """Return whether any process of `eduops up` lives on the folder; a watchdog left alone is no system."""
    processes = folder.read("state").get("processes", {})
    return any(is_alive(entry) for name, entry in processes.items() if name != "watchdog")
