"""Secrets in files of their own: `NAME_file` of a secret setting `NAME` names the file that holds it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from contract.errors import ConfigurationError

_SUFFIX = "_file"


def secrets_of(settings: type[BaseModel]) -> frozenset[str]:
    """Return the settings that hold a secret: those that are not shown."""
    return frozenset(name for name, field in settings.model_fields.items() if not field.repr)


def read_secret_files(given: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return what is given, with each `NAME_file` of a secret replaced by `NAME` and what the file holds.

    Raises:
        ConfigurationError: a file cannot be read, or the secret is given beside it.
    """
    files = {name: file for name, file in given.items() if name.removesuffix(_SUFFIX) in secrets - {name}}
    found = {name: value for name, value in given.items() if name not in files}
    for name, file in files.items():
        if found.get(secret := name.removesuffix(_SUFFIX)):
            raise ConfigurationError(f"both {secret} and {name} are set: leave one of them out")
        try:
            found[secret] = Path(str(file)).read_text(encoding="utf-8-sig").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{name} {file} cannot be read: {error}") from error
    return found


def secrets_named(given: Mapping[str, str], prefix: str, secrets: frozenset[str]) -> dict[str, Any]:
    """Return the secrets whose files these variables name, such as `EDUOPS_NATS_PASSWORD_FILE`.

    Raises:
        ConfigurationError: a file cannot be read, or the secret is given beside it.
    """
    names = [name + end for name in secrets for end in ("", _SUFFIX)]
    found = {name: value for name in names if (value := given.get(prefix + name.upper()))}
    return {name: value for name, value in read_secret_files(found, secrets).items() if name not in found}
