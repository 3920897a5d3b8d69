"""`eduops fleet`: the fleet as a spreadsheet, in and out."""

from pathlib import Path
from typing import Final

from config.files import read_config
from config.fleet_csv import parse_areas, parse_fleet_csv, write_fleet_csv
from contract.errors import ConfigurationError
from eduops.data_folder import DataFolder
from eduops.machine.sync_choice import note_schools
from eduops.settings import Settings
from eduops.wiring import database_url, saved_fleet
from storage.database import connect
from storage.fleet import save_fleet

SHOWN_ROWS: Final = 20
"""Bad rows named in the message; more would scroll the first ones away."""


async def import_fleet(settings: Settings, file: Path) -> str:
    """Replace the fleet by that of a CSV file, all of it or nothing; return what was done.

    Raises:
        ConfigurationError: the file cannot be read, or has bad rows; each is named by its line.
    """
    own = DataFolder(settings.data).config
    fleet, bad = parse_fleet_csv(_read(file), parse_areas(read_config(own, "areas.csv")))
    if fleet is None or bad:
        shown = "\n".join(f"  line {row.line}: {row.message}" for row in bad[:SHOWN_ROWS])
        more = f"\n  and {len(bad) - SHOWN_ROWS} more" if len(bad) > SHOWN_ROWS else ""
        raise ConfigurationError(f"{file} has bad rows, nothing was changed:\n{shown}{more}")
    async with await connect(database_url(settings)) as connection:
        await save_fleet(connection, fleet)
    note_schools(DataFolder(settings.data), len(fleet.schools))
    return (
        f"saved {len(fleet.schools):,} schools with {len(fleet.devices):,} devices; "
        "restart the services to monitor them"
    )


async def export_fleet(settings: Settings) -> str:
    """Return the fleet as CSV text."""
    return write_fleet_csv(await saved_fleet(settings))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read as UTF-8 text: {error}") from error
