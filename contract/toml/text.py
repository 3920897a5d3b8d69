"""The text of a TOML file that an operator writes: its values as structs, and refusals that name lines."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from contract.errors import ConfigurationError
from contract.toml.positions import Path, value_lines

Read = TypeVar("Read")

_PLACE: Final = re.compile(r" - at (?P<key>`key` in )?`\$(?P<way>[^`]*)`")
"""Where msgspec says that something is wrong."""
_STEP: Final = re.compile(r"\.([\w-]+)|\[(\d+)\]|\[(\.{3})\]")
_FIELD: Final = re.compile(r"(unknown|required) field `([^`]+)`")
_NAMED: Final = re.compile(r"field `([^`]+)`")
"""Whom a rule of the table itself speaks of first, such as one field that must exceed another."""
_SYNTAX: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
"""Where tomllib says so."""
_SECRET: Final = frozenset({"channels", "url"})
"""Fields whose values are never repeated: addresses of channels carry tokens."""
_MOST_SHOWN: Final = 60
"""Characters of a value that is repeated: chosen, what fits a line."""
_AS: Final = {
    "Invalid RFC3339 encoded date": "write a day as 2026-09-05",
    "Invalid RFC3339 encoded time": "write a time as 07:15:00",
    "Expected `date`": "write a day as 2026-09-05",
    "Expected `time`": "write a time as 07:15:00",
    "Expected `bool`": "write true or false",
}
"""What to write in place of what is none."""


class TomlText:
    """A file's values, and where they stand."""

    def __init__(self, file: str, text: str) -> None:
        """Read it.

        Args:
            file: its name, for sentences.
            text: what is in it.

        Raises:
            ConfigurationError: it is not TOML; names the line.
        """
        self._file = file
        self._text = unicodedata.normalize("NFC", text)
        try:
            self._values = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            found = _SYNTAX.search(str(error))
            line = int(found[1]) if found and found[1] else self._text.rstrip().count("\n") + 1
            column = f", column {found[2]}" if found and found[2] else ""
            why = _SYNTAX.sub("", str(error))
            raise ConfigurationError(f"{file}, line {line}{column}: this is no TOML: {why}") from error

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return value_lines(self._text)

    def at(self, path: Path) -> Any:
        """Return the value at the end of a way that leads somewhere."""
        value: Any = self._values
        for step in path:
            value = value[step]
        return value

    def line(self, path: Path) -> int | None:
        """Return the line of a value, or of what it should stand in; None for what stands nowhere."""
        above = (path[:n] for n in range(len(path), 0, -1))
        return next((self._lines[way] for way in above if way in self._lines), None)

    def field_path(self, table: Path, field: str) -> Path:
        """Return the way to a field of a table, or of what is written in braces within it."""
        ways = (p for p in self._lines if p[: len(table)] == table and p[-1] == field and p != table)
        return min(ways, key=len, default=(*table, field))

    def refused(self, path: Path, why: str) -> ConfigurationError:
        """Return the error that names the line of a value, and says what is wrong with it."""
        line = self.line(path)
        return ConfigurationError(f"{self._file}{'' if line is None else f', line {line}'}: {why}")

    def read_at(self, path: Path, into: Any, told: str = "") -> Any:
        """Return a value as what it should be.

        Args:
            path: the way to it.
            into: a type that msgspec knows.
            told: what a refusal says before everything else, such as whose value it is.

        Raises:
            ConfigurationError: something in it is missing, unknown or wrong; names its line and the remedy.
        """
        value = self.at(path)
        try:
            return msgspec.convert(value, into)
        except msgspec.ValidationError as error:
            way, why = _explained(value, into, str(error))
            raise self.refused((*path, *way), told + why) from error


def _explained(value: Any, into: Any, said: str) -> tuple[Path, str]:
    """Return where in a value msgspec found something wrong, and what, with the remedy if one is known."""
    place = _PLACE.search(said)
    way = tuple(_way(value, into, place["way"] if place else ""))
    kind, inner = _walked(inspect.type_info(into), value, way)
    if place is not None and place["key"]:
        wrong = next(key for key in inner if key not in _words(kind.key_type))
        return (*way, wrong), f"{_PLACE.sub('', said)}{_one_of(kind.key_type)}"
    why = said if place is None else said.replace(place[0], f" - at `${_written(way)}`")
    if field := _FIELD.search(said):
        return (*way, field[2]), why + (_other_fields(kind, field[2]) if field[1] == "unknown" else "")
    named = _NAMED.search(said)
    if named and isinstance(inner, dict) and named[1] in inner:
        return (*way, named[1]), why
    is_told = said.startswith("Invalid") and repr(inner) in said
    if way and not is_told and not _SECRET.intersection(way) and len(repr(inner)) <= _MOST_SHOWN:
        why += f", not {inner!r}"
    remedy = next((f"; {words}" for start, words in _AS.items() if said.startswith(start)), "")
    return way, f"{why}{remedy or _one_of(kind)}"


def _way(value: Any, into: Any, written: str) -> Iterator[str | int]:
    """Yield the steps that msgspec writes; it leaves out which key of a table it means."""
    whole, above = value, list[str | int]()
    for name, place, hidden in _STEP.findall(written):
        step: str | int = name or (int(place) if place else "")
        if hidden:
            step = next(key for key in value if not _reads(_only(whole, above, key), into))
        above.append(step)
        yield step
        value = value[step]


def _only(value: Any, way: Sequence[str | int], key: str) -> Any:
    """Return a value whose table at the end of a way has one key alone."""
    if not way:
        return {key: value[key]}
    first, rest = way[0], way[1:]
    if isinstance(first, int):
        return [_only(one, rest, key) if n == first else one for n, one in enumerate(value)]
    return {**value, first: _only(value[first], rest, key)}


def _reads(value: Any, into: Any) -> bool:
    try:
        msgspec.convert(value, into)
    except msgspec.ValidationError:
        return False
    return True


def _walked(kind: Any, value: Any, way: Path) -> tuple[Any, Any]:
    """Return the type that is wanted at the end of a way, and the value there."""
    for step in way:
        kind = _chosen(kind, value)
        if isinstance(kind, inspect.StructType | inspect.DataclassType):
            kind = next((f.type for f in kind.fields if f.encode_name == step), inspect.AnyType())
        elif isinstance(kind, inspect.DictType):
            kind = kind.value_type
        elif not isinstance(kind, inspect.UnionType):  # else it is the tag that tells structs apart
            kind = getattr(kind, "item_type", inspect.AnyType())
        value = value[step] if not isinstance(value, dict) or step in value else None
    return _chosen(kind, value), value


def _chosen(kind: Any, value: Any) -> Any:
    """Return the one of several types that a value is meant to be: the struct of its tag, a list or none."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if not isinstance(kind, inspect.UnionType):
        return kind
    if isinstance(value, dict):
        tagged = (k for k in kind.types if isinstance(k, inspect.StructType))
        return next((k for k in tagged if k.tag is None or value.get(k.tag_field or "") == k.tag), kind)
    others = (k for k in kind.types if not isinstance(k, inspect.NoneType | inspect.StructType))
    return next((k for k in others if hasattr(k, "item_type") == isinstance(value, list)), kind)


def _words(kind: Any) -> list[Any]:
    """Return what alone may be written; empty where anything of a kind may."""
    if isinstance(kind, inspect.EnumType):
        return [one.value for one in kind.cls]
    if isinstance(kind, inspect.UnionType):  # of structs, told apart by a tag
        return [k.tag for k in kind.types if isinstance(k, inspect.StructType) and k.tag is not None]
    return list(kind.values) if isinstance(kind, inspect.LiteralType) else []


def _one_of(kind: Any) -> str:
    words = _words(kind)
    return f"; write one of {', '.join(map(str, words))}" if words else ""


def _other_fields(kind: Any, wrong: str) -> str:
    """Return which field was meant, or which ones there are."""
    names = [field.encode_name for field in getattr(kind, "fields", ())]
    close = get_close_matches(wrong, names, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; it may have {', '.join(names)}" if names else ""


def _written(way: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way)
