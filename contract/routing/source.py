"""The text of an operator's TOML file: its tables, and their lines, for sentences that name them."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from contract.errors import ConfigurationError

Table = TypeVar("Table")
Whole = TypeVar("Whole")
"""All tables of a file, and what stands above them."""

_FIELD: Final = re.compile(r"`\$\.(\w+)|field `(\w+)`")
"""How msgspec names the field."""
_SECRET: Final = frozenset({"channels", "url"})
"""Fields whose values are never repeated: addresses of channels carry tokens."""
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


class TablesText(Generic[Whole]):
    """The tables of a file and where they stand, which the TOML reader does not tell."""

    def __init__(self, file: str, text: str, whole: type[Whole]) -> None:
        """Read it.

        Args:
            file: its name, for sentences.
            text: what is in it.
            whole: its fields; each kind of tables is a list of dicts.

        Raises:
            ConfigurationError: it is not TOML, or has a table of another kind.
        """
        text = unicodedata.normalize("NFC", text)
        self._file = file
        self._lines = text.splitlines()
        try:
            self.whole = msgspec.convert(tomllib.loads(text), whole)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{file}: {error}") from error
        except msgspec.ValidationError as error:
            of_value, of_table = found.groups() if (found := _FIELD.search(str(error))) else ("", "")
            raise self.refused_value(of_value or of_table or "", str(error)) from error

    def places(self, kind: str) -> Iterator[tuple[TablePlace, dict[str, Any]]]:
        """Yield each table of a kind, in the file's order."""
        tables: list[dict[str, Any]] = getattr(self.whole, kind)
        return ((TablePlace(kind, nth), table) for nth, table in enumerate(tables))

    def read(self, place: TablePlace, table: dict[str, Any], into: type[Table]) -> Table:
        """Return a table as a struct.

        Raises:
            ConfigurationError: a field is missing, unknown or wrong; names its line.
        """
        for field, value in table.items():
            if (why := _unclean(value)) is not None:
                raise self.refusal(place, field, f"`{field}` {why}")
        try:
            return msgspec.convert(table, into)
        except msgspec.ValidationError as error:
            found = _FIELD.search(str(error))
            of_value, of_table = found.groups() if found else ("", "")
            shown = of_value and of_value in table and of_value not in _SECRET
            value = f", not {table[of_value]!r}" if shown else ""
            raise self.refusal(place, of_value or of_table, f"{error}{value}") from error

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

    def line_of(self, place: TablePlace, field: str = "") -> int | None:
        """Return the line of a table's field, or of its head where the field is not found.

        None for tables that are not written with a head each.
        """
        span = self._span(place)
        if span is None:
            return None
        start, end = span
        name = rf"""["']?{re.escape(field)}["']?\s*="""
        for pattern in (rf"\s*{name}", rf"[^#]*[{{,]\s*{name}") if field else ():
            for n in range(start, end):
                if re.match(pattern, self._lines[n]):
                    return n + 1
        return start + 1

    def refusal(self, place: TablePlace, field: str, why: str) -> ConfigurationError:
        """Return the error that names a table, the line of its field, and what is wrong with it."""
        line = self.line_of(place, field)
        where = self._file if line is None else f"{self._file}, line {line}"
        table = getattr(self.whole, place.kind)[place.nth]
        name = repr(table["name"]) if "name" in table else place.nth + 1
        inner = f", {place.inner} {place.inner_nth + 1}" if place.inner else ""
        return ConfigurationError(f"{where}: {place.kind} {name}{inner}: {why}")

    def refused_value(self, field: str, why: str) -> ConfigurationError:
        """Return the error that names the line of a field above all tables, and what is wrong with it."""
        head = re.compile(rf"\s*(\[+\s*)?{re.escape(field)}\b") if field else None
        line = next((n for n, text in enumerate(self._lines, 1) if head and head.match(text)), None)
        where = self._file if line is None else f"{self._file}, line {line}"
        return ConfigurationError(f"{where}: {why}")

    def _span(self, place: TablePlace) -> tuple[int, int] | None:
        """Return the lines of a table, from its head to before the next one of its rank."""
        heads = self._heads(rf"{place.kind}", 0, len(self._lines))
        if len(heads) != len(getattr(self.whole, place.kind)):
            return None
        start = heads[place.nth]
        end = next(iter(self._heads(r"\w+", start + 1, len(self._lines))), len(self._lines))
        if not place.inner:
            return start, end
        inner = self._heads(rf"{place.kind}\s*\.\s*{place.inner}", start, end)
        if not inner:
            return self._listed(place, start, end)
        if len(inner) <= place.inner_nth:
            return start, end  # written in a way that is not followed
        after = [n for n in range(inner[place.inner_nth] + 1, end) if re.match(r"\s*\[", self._lines[n])]
        return inner[place.inner_nth], after[0] if after else end

    def _listed(self, place: TablePlace, start: int, end: int) -> tuple[int, int]:
        """Return the line of an inner table that is written in braces, one after the other in a list."""
        key = re.compile(rf"\s*{place.inner}\s*=")
        start = next((n for n in range(start, end) if key.match(self._lines[n])), start)
        opened = 0
        for n in range(start, end):
            opened += self._lines[n].count("{")
            if opened > place.inner_nth:
                return n, n + 1
        return start, start + 1

    def _heads(self, name: str, start: int, end: int) -> list[int]:
        head = re.compile(rf"\s*\[\[\s*{name}\s*\]\]")
        return [n for n in range(start, end) if head.match(self._lines[n])]


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
