"""The files that an operator edits, as they are now: content, whose they are, whether services take them."""

import hashlib
import pwd
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from config.files import EDITABLE, load_plan, load_providers, load_sign_in, load_targets, read_config
from config.fleet_csv import parse_areas
from config.ward_map import read_ward_map
from contract.calendar import parse_calendar
from contract.catalogue import parse_catalogue
from contract.fleet import Fleet
from contract.routing.routes_file import parse_routes
from contract.rule import parse_rules

SETTINGS_FILE: Final = "eduops.toml"
"""In the data folder, beside `config/`."""
WATCHED: Final = (*EDITABLE, SETTINGS_FILE)
FOLLOWED: Final = frozenset({"routes.toml", "sign_in.toml"})
"""Files that services take while they run; of the others each takes what it finds at its start."""
ABSENT: Final = "none"
"""Stands for the hash of a file that is not there and is not packaged."""
UNREADABLE: Final = "unreadable"

Stamp = tuple[int, int, int] | None


class FileFound(NamedTuple):
    """A file as it is now, the packaged one where the operator has none."""

    sha256: str
    """Hexadecimal, `ABSENT` or `UNREADABLE`."""
    text: str
    is_own: bool
    owner: str
    """Whom the file belongs to on the machine; empty for a packaged one."""


def path_of(own: Path, name: str) -> Path:
    """Return where the operator's file of that name is, or would be; `own` is the folder `config/`."""
    return own.parent / name if name == SETTINGS_FILE else own / name


def stamp_of(own: Path, name: str) -> Stamp:
    """Return what tells one content of a file from another; None while there is none."""
    try:
        found = path_of(own, name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def find_file(own: Path, name: str) -> FileFound:
    """Return a file as it is now."""
    path = path_of(own, name)
    try:
        content, owner = path.read_bytes(), path.stat().st_uid
    except FileNotFoundError:
        return packaged_file(name)
    except OSError:
        return FileFound(UNREADABLE, "", is_own=True, owner="")
    digest = hashlib.sha256(content).hexdigest()
    return FileFound(digest, content.decode("utf-8-sig", "replace"), is_own=True, owner=_name_of(owner))


def packaged_file(name: str) -> FileFound:
    """Return the file that comes with the program; an empty one where none does."""
    packaged = files("config") / name
    if not packaged.is_file():
        return FileFound(ABSENT, "", is_own=False, owner="")
    content = packaged.read_bytes()
    return FileFound(hashlib.sha256(content).hexdigest(), content.decode(), is_own=False, owner="")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # an account of another machine, as in a container
        return str(uid)


def check_file(own: Path, name: str, fleet: Fleet) -> None:
    """Read a file as the services do; the settings are read by whoever starts them.

    Raises:
        ConfigurationError: they would refuse it.
    """
    match name:
        case "metrics.toml":
            parse_catalogue(read_config(own, name))
        case "rules.toml":
            parse_rules(read_config(own, name), parse_catalogue(read_config(own, "metrics.toml")))
        case "calendar.toml":
            parse_calendar(read_config(own, name)).check_schools(fleet)
        case "areas.csv":
            parse_areas(read_config(own, name))
        case "routes.toml":
            parse_routes(read_config(own, name))
        case "targets.toml":
            load_targets(own)
            load_plan(own)
        case "sign_in.toml":
            load_sign_in(own)
        case "providers.toml":
            load_providers(own)
        case "boundaries.geojson":
            read_ward_map(own)
