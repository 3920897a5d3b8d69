"""Settings checked, and what a person reads of one that is refused."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contract.entry import check_partitions
from contract.errors import ConfigurationError
from contract.toml.text import TomlText

Kind = TypeVar("Kind", bound=BaseModel)


def checked(kind: type[Kind], values: Mapping[str, Any], file: TomlText | None = None) -> Kind:
    """Return settings of these values.

    Args:
        kind: of settings.
        values: the strongest, of the command line.
        file: the settings file that is read as well; a refusal of what stands there names its line.

    Raises:
        ConfigurationError: a value is unknown or out of its range.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        told = (_placed(dict(e), [*kind.model_fields], file) for e in error.errors())
        raise ConfigurationError("; ".join(told)) from None


def _placed(error: Mapping[str, Any], names: Sequence[str], file: TomlText | None) -> str:
    """Return the sentence on one error of pydantic's, with file and line if the value comes from there."""
    sentence = _refusal(error, names)
    name = error["loc"][0] if error["loc"] else ""
    found = {} if file is None else file.at(())
    if file is None or name not in found or found[name] != error["input"]:
        return sentence
    return str(file.refused((name,), sentence))


def _refusal(error: Mapping[str, Any], names: Sequence[str]) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "settings"
    if error["type"] == "extra_forbidden":
        close = get_close_matches(name, names, n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        return f"the setting {name!r} is unknown; {meant}docs/configuration.md lists all"
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
