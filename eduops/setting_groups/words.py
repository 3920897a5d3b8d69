"""Settings checked, and what a person reads of one that is refused."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from contract.entry import check_partitions
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
    shown = "" if name.endswith(("password", "url", "secret", "token")) else f" is {error['input']!r}:"
    return f"setting {name!r} (EDUOPS_{name.upper()}){shown} {str(error['msg']).lower()}"


def slice_of(text: str, partitions: int) -> tuple[int, int]:
    """Return which slice of how many `I/N` is.

    Raises:
        ConfigurationError: there is no such slice, or the slices do not hold whole partitions.
    """
    index, count = map(int, text.split("/"))
    if index >= count:
        raise ConfigurationError(
            f"ingest_slice is {text!r}; of {count} slices the last is '{count - 1}/{count}'"
        )
    check_partitions(partitions, count)
    return index, count


def addresses_of(hosts: str, port: int) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports that `host[:port],…` names; `port` where none is said."""
    parts = (text.partition(":") for text in hosts.split(","))
    return tuple((host, int(own) if own else port) for host, _, own in parts)
