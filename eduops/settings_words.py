"""Settings checked, and what a person reads of one that is refused."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from contract.errors import ConfigurationError

Kind = TypeVar("Kind")


def checked(kind: Callable[..., Kind], values: Mapping[str, Any]) -> Kind:
    """Return settings of these values.

    Raises:
        ConfigurationError: a value is unknown or out of its range, or the file is not TOML.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigurationError("; ".join(refusal(dict(e)) for e in error.errors())) from None
    except ValueError as error:
        raise ConfigurationError(f"the settings file is not TOML: {error}") from error


def refusal(error: Mapping[str, Any]) -> str:
    """Return the sentence on one error of pydantic's."""
    name = ".".join(str(part) for part in error["loc"]) or "settings"
    if error["type"] == "extra_forbidden":
        return f"the setting {name!r} is unknown; docs/configuration.md lists all"
    shown = "" if name.endswith(("password", "url")) else f" is {error['input']!r}:"
    return f"setting {name!r} (EDUOPS_{name.upper()}){shown} {str(error['msg']).lower()}"
