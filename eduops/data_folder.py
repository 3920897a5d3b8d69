"""What eduops keeps in its data folder beside the servers' own files."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.private_file import write_private
from contract.errors import ConfigurationError, InfrastructureError


class DataFolder:
    """A data folder: `config/` of the operator, `logs/`, and small files of state."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def config(self) -> Path:
        """Files here take precedence over the packaged ones of the same name."""
        return self.path / "config"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.path / "logs"

    @property
    def state_file(self) -> Path:
        """Running processes, for `eduops status`."""
        return self.path / "state.json"

    def mark_ready(self, name: str) -> None:
        """Note that this process serves; the supervisor waits for it."""
        (self.path / "ready").mkdir(mode=0o700, exist_ok=True)
        (self.path / "ready" / name).write_text(str(os.getpid()))

    def clear_ready(self, name: str) -> None:
        """Forget the mark of an earlier process."""
        (self.path / "ready" / name).unlink(missing_ok=True)

    def is_ready(self, name: str) -> bool:
        """Return whether the process of that name has said that it serves."""
        return (self.path / "ready" / name).exists()

    def create(self) -> None:
        """Create the folder; others may pass through it, for PostgreSQL's user may have to.

        Raises:
            ConfigurationError: it cannot be created or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the system lets go of it even if we are killed.

        Raises:
            InfrastructureError: another eduops holds it.
        """
        with (self.path / "eduops.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise InfrastructureError(
                    f"another eduops (process {file.read().strip() or '?'}) runs on {self.path}: stop it "
                    "with Ctrl-C, or run beside it in another folder: `eduops up --data FOLDER`, "
                    '`make run ARGS="--data FOLDER"`'
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def read(self, name: str, *needed: str) -> dict[str, Any]:
        """Return what `name`.json holds, {} if it is not there.

        Raises:
            ConfigurationError: the folder cannot be read, or the file is damaged or lacks what is `needed`.
        """
        try:
            found = json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error) from error
        except ValueError as error:
            raise ConfigurationError(f"{self.path / name}.json is damaged: {error}") from error
        if not isinstance(found, dict) or (found and not found.keys() >= set(needed)):
            raise ConfigurationError(
                f"{self.path / name}.json is of another version of eduops or damaged: use that version, "
                "or choose another folder with --data"
            )
        return found

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"the data folder {self.path} cannot be used ({error.strerror}); choose one with --data"
        )

    def forget(self, name: str) -> None:
        """Remove `name`.json if it is there."""
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write `name`.json, whole or not at all, readable by its owner only."""
        path = self.path / f"{name}.json"
        write_private(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
