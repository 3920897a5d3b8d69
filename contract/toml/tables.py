"""The tables of an operator's TOML file, and the sentences about what is wrong with them."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple, TypeVar

from contract.errors import ConfigurationError
from contract.toml.positions import Path
from contract.toml.text import TomlText

Table = TypeVar("Table")
Whole = TypeVar("Whole")
"""All tables of a file, and what stands above them."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that nobody sees: controls, formats, line ends."""
_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS_S: Final = (604_800, 86_400, 3_600, 60, 1)
MOST_S: Final = 366 * 86_400
"""No wait, interval or turn is longer than a year."""


class TablePlace(NamedTuple):
    """A table of the file."""

    kind: str
    """The name in its head, such as `person` or `route`."""
    nth: int
    """Which one of its kind, from 0."""
    inner: str = ""
    """`layer`, `override` or `step` within it."""
    inner_nth: int = 0

    @property
    def path(self) -> Path:
        """The way to it."""
        outer: Path = (self.kind, self.nth)
        return (*outer, self.inner, self.inner_nth) if self.inner else outer


class TablesText(TomlText, Generic[Whole]):
    """A file that is lists of tables, each with a name of its own."""

    def __init__(self, file: str, text: str, whole: type[Whole]) -> None:
        """Read it.

        Args:
            file: its name, for sentences.
            text: what is in it.
            whole: its fields; each kind of tables is a list of dicts.

        Raises:
            ConfigurationError: it is not TOML, or has a table of another kind.
        """
        super().__init__(file, text)
        self.whole = self.read_at((), whole)

    def places(self, kind: str) -> Iterator[tuple[TablePlace, dict[str, Any]]]:
        """Yield each table of a kind, in the file's order."""
        tables: list[dict[str, Any]] = getattr(self.whole, kind)
        return ((TablePlace(kind, nth), table) for nth, table in enumerate(tables))

    def read(self, place: TablePlace, into: type[Table], inner: str = "") -> Table:
        """Return a table, or the one that is called `inner` in it, as a struct.

        Raises:
            ConfigurationError: a field is missing, unknown or wrong; names its line.
        """
        path = (*place.path, inner) if inner else place.path
        table = self.at(path)
        for field, value in table.items():
            if (why := _unclean(value)) is not None:
                raise self.refusal(place, field, f"`{field}` {why}")
        found: Table = self.read_at(path, into, self._told(place))
        return found

    def duration_us(self, place: TablePlace, field: str, text: str, *, least_s: int = 1) -> int:
        """Return a duration such as `30s`, `1h30m` or `7d` in µs.

        Raises:
            ConfigurationError: it is none, or not within `least_s` and a year.
        """
        found = _DURATION.fullmatch(text)
        if not text or found is None:
            raise self.refusal(place, field, f"`{field}` is {text!r}; write it like 30s, 5m, 1h30m or 7d")
        seconds = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _UNITS_S, strict=True))
        if not least_s <= seconds <= MOST_S:
            raise self.refusal(place, field, f"`{field}` is {text!r}; it is from {least_s} s to 366 days")
        return seconds * 1_000_000

    def line_of(self, place: TablePlace) -> int | None:
        """Return the line of a table."""
        return self.line(place.path)

    def refusal(self, place: TablePlace, field: str, why: str) -> ConfigurationError:
        """Return the error that names a table, the line of its field, and what is wrong with it."""
        return self.refused(self.field_path(place.path, field), self._told(place) + why)

    def _told(self, place: TablePlace) -> str:
        table = self.at((place.kind, place.nth))
        name = repr(table["name"]) if "name" in table else place.nth + 1
        inner = f", {place.inner} {place.inner_nth + 1}" if place.inner else ""
        return f"{place.kind} {name}{inner}: "


def unseen_character(text: str) -> str:
    """Return the first character of a text that nobody sees, such as `U+202E`; empty where there is none."""
    unseen = next((letter for letter in text if unicodedata.category(letter) in _UNSEEN), None)
    return "" if unseen is None else f"U+{ord(unseen):04X}"


def _unclean(value: object) -> str | None:
    """Return what is wrong with the characters of a value or of those in its list, or None."""
    if isinstance(value, list):
        return next(filter(None, map(_unclean, value)), None)
    if not isinstance(value, str):
        return None
    unseen = unseen_character(value)
    if unseen:
        return f"has a control character ({unseen})"
    return "has spaces around it" if value != value.strip() else None
