"""What a data folder's first start fixes for ever: the clock of the log and the number of partitions."""

from datetime import datetime
from typing import Any, Final

from contract.errors import ConfigurationError
from eduops.data_folder import DataFolder
from eduops.settings import Settings

_FILE = "first_start"
FIXED: Final = ("partitions", "clock_origin_us", "clock_real_origin_us", "clock_factor")


def fix_first_start(
    folder: DataFolder, settings: Settings, real_us: int, at: datetime | None, speed: float | None
) -> Settings:
    """Return the settings with what the folder's first start chose, choosing it now if this is the first.

    Args:
        folder: The data folder, locked.
        settings: As given now.
        real_us: The machine's time, µs since 1970.
        at: What the log's clock should show now, aware; None for the settings' clock.
        speed: Log seconds per real second; None for the settings' factor.

    Raises:
        ConfigurationError: a later start asks for another clock or another number of partitions.
    """
    asked = {"at": at.isoformat() if at else None, "speed": speed}
    fixed = folder.read(_FILE, *FIXED, "asked")
    if not fixed:
        chosen = settings.but(**_clock(settings, real_us, at, speed))
        fixed = {name: getattr(chosen, name) for name in FIXED} | {"asked": asked}
        folder.write(_FILE, fixed)
        return chosen
    for name, value in asked.items():
        if value is not None and value != fixed["asked"].get(name):
            first = fixed["asked"].get(name) or "the real clock"
            raise ConfigurationError(
                f"--{name} belongs to the first start of a data folder; {folder.path} was started with "
                f"{first}: leave it out, or choose another folder with --data"
            )
    default = Settings.model_fields["partitions"].default
    if settings.partitions not in (default, fixed["partitions"]):
        raise ConfigurationError(
            f"partitions is {settings.partitions}, but {folder.path} has {fixed['partitions']}: "
            "its schools would change their logs; choose another folder with --data"
        )
    return settings.but(**{name: fixed[name] for name in FIXED})


def _clock(settings: Settings, real_us: int, at: datetime | None, speed: float | None) -> dict[str, Any]:
    if at is None and speed is None:
        return {}
    origin_us = round(at.timestamp() * 1e6) if at else settings.clock.log_us(real_us)
    return {
        "clock_origin_us": origin_us,
        "clock_real_origin_us": real_us,
        "clock_factor": settings.clock_factor if speed is None else speed,
    }
