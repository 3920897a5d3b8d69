"""Reads CSV files of readings, and labels from JSON or CSV, as people have them lying around."""

import csv
import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from config.spreadsheet import SEPARATORS, decode_table, words_of
from contract.errors import ConfigurationError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
NO_VALUE: Final = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "-", "?", "\\n"})
"""Cells, in lower case, that say that a reading is missing."""
LARGEST_BYTES: Final = 1 << 30
"""Of a file, unpacked: some 40 million readings."""
LARGEST_VALUE: Final = 1e150
"""Its square is still a number."""
_GZIP: Final = b"\x1f\x8b"
_COUNT: Final = re.compile(r"(\d{9,11}|\d{13}|\d{16}|\d{19})(\.\d+)?")
"""What counts since 1970; eight, twelve and fourteen digits are a date."""
_POWER: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d{1,2}")
"""A count as NumPy writes it."""
_MICROSECONDS: Final = {13: Decimal(1000), 16: Decimal(1), 19: Decimal("0.001")}
"""What one is worth that has so many digits: ms, µs or ns; with fewer, a second."""
SECOND_DIGITS: Final = 10
"""Of seconds since 1970, from 2001 to 2286."""
_DATE: Final = re.compile(
    r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,]\d+)?)?)?(?: ?UTC)?"
)
"""As spreadsheet programs write a moment; what is below a second is left."""
_DAY_FIRST: Final = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\b.*")


@dataclass(frozen=True, slots=True)
class FileRows:
    """A CSV file, read row by row each time that columns are asked for."""

    path: Path
    text: str
    separator: str
    heading: Sequence[str]
    """Names of its columns; those of a file without them are empty."""
    is_headed: bool

    def place_of(self, column: str) -> int:
        """Return where the column of that heading stands.

        Raises:
            ConfigurationError: there is none.
        """
        if column not in self.heading:
            there = ", ".join(self.heading)
            raise ConfigurationError(f"{self.path} has no column {column!r}; there are: {there}")
        return self.heading.index(column)

    def first_of(self, usual: Sequence[str]) -> int | None:
        """Return where the first of some headings stands that is there, compared by words; None without."""
        headings = [words_of(heading) for heading in self.heading]
        return next((headings.index(word) for word in usual if word in headings), None)

    def number(self, text: str) -> float:
        """Return the number of a cell, NaN where it says that there is none.

        A comma is a decimal one where columns are separated by something else.

        Raises:
            ValueError: it is no number, or one without a square.
        """
        if text.lower() in NO_VALUE:
            return math.nan
        is_decimal = self.separator != "," and text.count(",") == 1 and "." not in text
        try:
            # Python's own mark between thousands is nobody else's.
            value = float(text.replace(",", ".") if is_decimal else text.replace("_", " _"))
        except ValueError:
            how = "; write 1234.5, with nothing between thousands" if "," in text else ""
            raise ValueError(f"{text!r} is no number{how}") from None
        if abs(value) > LARGEST_VALUE:
            raise ValueError(f"{text!r} is no number that can be judged; leave the cell empty")
        return value

    def read(self, *columns: tuple[int, Callable[[str], Any]]) -> list[list[Any]]:
        """Return what the cells of some columns mean: a list a column.

        Args:
            columns: where each stands, and what its cell means.

        Raises:
            ConfigurationError: a row has no such cell, or ValueError was raised of one; the message names
                the line.
        """
        found: list[list[Any]] = [[] for _ in columns]
        for line, cells in islice(self._rows(), int(self.is_headed), None):
            try:
                for own, (place, of) in zip(found, columns, strict=True):
                    own.append(of(cells[place].strip()))
            except IndexError:
                said = f"the row {','.join(cells)!r} has {len(cells)} of {len(self.heading)} cells"
                raise ConfigurationError(f"{self.path}, line {line}: {said}") from None
            except ValueError as error:
                raise ConfigurationError(f"{self.path}, line {line}: {error}") from error
        return found

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line of each row in the file, and its cells; rows of nothing are left out."""
        lines = io.TextIOWrapper(io.BytesIO(self.text.encode()), encoding="utf-8", newline="")
        reader = csv.reader(lines, delimiter=self.separator, strict=True)
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, row
        except csv.Error as error:
            odd = (n for n, line in enumerate(self.text.splitlines(), 1) if line.count('"') % 2)
            if line := next(odd, 0):
                said = "a quotation mark is opened and not closed"
                raise ConfigurationError(f"{self.path}, line {line}: {said}") from None
            raise ConfigurationError(f"{self.path}, line {reader.line_num}: {error}") from error


def read_rows(path: Path) -> FileRows:
    """Return a CSV file, as spreadsheet programs and databases write them; one may be packed by gzip.

    Raises:
        ConfigurationError: it cannot be read, or holds nothing.
    """
    text = _read_text(path)
    lines = (line.strip() for line in io.StringIO(text))
    first = next((line for line in lines if line), "")
    separator = max(SEPARATORS, key=first.count)
    if first.lower().startswith("sep=") and len(first) == 5:
        # An empty line in its place, so that lines keep their numbers.
        separator, text = first[4], text.replace(first, "", 1)
    elif not any(map(first.count, SEPARATORS)) and " " in first and next(lines, None) is None:
        text = "\n".join(text.split())  # one line of numbers, as some of the UCR archive
    table = FileRows(path, text, separator, (), is_headed=True)
    heading = next((cells for _, cells in table._rows()), None)
    if heading is None:
        raise ConfigurationError(f"{path} is empty; it should have a heading and rows of time,value")
    if all(map(_is_read, heading)):
        return FileRows(path, text, separator, [""] * len(heading), is_headed=False)
    return FileRows(path, text, separator, [name.strip() for name in heading], is_headed=True)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(LARGEST_BYTES + 1)
        return decode_table(content, LARGEST_BYTES)[0]
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{path} cannot be read: {why}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _is_read(cell: str) -> bool:
    """Return whether a cell is of a reading and of no heading."""
    try:
        float(cell.strip().replace(",", ".", 1) or "0")
    except ValueError:
        return _is_moment(cell)
    return True


def _is_moment(cell: str) -> bool:
    try:
        moment_us(cell)
    except ValueError:
        return False
    return True


def read_columns(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the first column of a CSV file as moments in µs, the second as values; an empty one is NaN.

    Raises:
        ConfigurationError: a line cannot be read; the message names it.
    """
    table = read_rows(path)
    time_us, value = table.read((0, moment_us), (1, table.number))
    return np.array(time_us, np.int64), np.array(value, np.float64)


def moment_us(text: str) -> int:
    """Return a moment in µs since 1970: the year first, without a zone in UTC; or seconds, ms, µs or ns.

    Raises:
        ValueError: the text is no moment.
    """
    text = text.strip()
    if len(text) == SECOND_DIGITS and text.isdecimal():  # most files, and Decimal is slow
        return int(text) * 1_000_000
    if _POWER.fullmatch(text):
        text = f"{Decimal(text):f}"
    if counted := _COUNT.fullmatch(text):
        return int(Decimal(text) * _MICROSECONDS.get(len(counted[1]), Decimal(1_000_000)))
    try:
        moment = _moment(text)
    except ValueError:
        said = "is no moment: give ISO 8601, such as 2026-09-07 08:00, or seconds since 1970"
        if _DAY_FIRST.fullmatch(text):
            said = "is no moment that is certain: write the year first, such as 2026-09-07 08:00"
        raise ValueError(f"{text!r} {said}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


def _moment(text: str) -> datetime:
    if text.isdecimal() and len(text) in (12, 14):
        return datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if not (told := _DATE.fullmatch(text)):
            raise
        year, _, month, day, *clock = told.groups(default="0")
        hour, minute, second = map(int, clock)
        return datetime(int(year), int(month), int(day), hour, minute, second)


def iso_of(moment: int) -> str:
    """Return a moment in µs as ISO 8601 in UTC."""
    return (EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def read_spans_us(path: Path) -> NDArray[np.int64]:
    """Return the first and last moment of each label of a file, both in µs, shape (s, 2).

    Args:
        path: JSON, a list of [first, last] moments, or of moments, or an object with one under `windows`;
            or CSV with a heading and these two columns, or one.

    Raises:
        ConfigurationError: it cannot be read, or a label ends before it begins.
    """
    if path.suffix.lower() != ".json":
        table = read_rows(path)
        ends = table.read((0, moment_us), (min(1, len(table.heading) - 1), moment_us))
        spans = list(zip(*ends, strict=True))
    else:
        found = read_json(path)
        listed = found.get("windows") if isinstance(found, dict) else found
        if not isinstance(listed, list):
            raise ConfigurationError(f"{path} holds no list of [first, last] moments")
        spans = [_span_us(path, label) for label in listed]
    for first, last in spans:
        if last < first:
            raise ConfigurationError(f"{path}: a label ends at {iso_of(last)}, before it begins")
    return np.array(spans, np.int64).reshape(-1, 2)


def _span_us(path: Path, label: Any) -> tuple[int, int]:
    ends = label if isinstance(label, list) else [label, label]
    try:
        first, last = (moment_us(str(end)) for end in ends)
    except ValueError as error:
        raise ConfigurationError(f"{path}: a label is not a pair of moments: {error}") from error
    return first, last
