"""Reads one series from a CSV file, and labels from JSON or CSV, as people have them lying around."""

import csv
import io
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from config.spreadsheet import SEPARATORS, decode_table
from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled, windows_between

Number = TypeVar("Number", int, float, bool)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
NO_VALUE: Final = frozenset({"", "nan", "na", "null", "none"})
"""Cells, in lower case, that say that a reading is missing."""
MILLISECONDS_FROM: Final = 100_000_000_000
"""A number from here on counts milliseconds since 1970 (from March 1973), one below it seconds."""
_COUNT: Final = re.compile(r"\d{9,13}(\.\d+)?")
"""Not eight digits, which are a date."""


def read_series(path: Path, labels: Path | None, column: str = "") -> Labelled:
    """Return the series of a CSV file in the order of its moments, with its labels.

    Args:
        path: CSV with a heading; moments stand in its first column.
        labels: JSON, a list of [first, last] moments or an object with one under `windows`; or CSV with
            a heading and these two columns; both ends count as labelled.
        column: heading of the values; the second column without it.

    Raises:
        ConfigurationError: a file cannot be read; the message names the place.
    """
    time_us, value = read_columns(path, column)
    order = np.argsort(time_us, kind="stable")
    time_us, value = time_us[order], value[order]
    spans_us = np.zeros((0, 2), np.int64) if labels is None else _read_spans_us(labels)
    return Labelled(path.stem, time_us, value, windows_between(time_us, spans_us))


def read_columns(path: Path, column: str = "") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return moments in µs and values of a CSV file with a heading; an empty value is NaN.

    Raises:
        ConfigurationError: a line cannot be read; the message names it.
    """
    table = read_rows(path)
    place = table.place_of(column) if column else 1
    return table.moments_us(0), table.values(place)


class FileRows(NamedTuple):
    """A CSV file with a heading."""

    path: Path
    heading: list[str]
    rows: list[tuple[int, list[str]]]
    """Line in the file, and cells; rows of nothing are left out."""

    def place_of(self, column: str) -> int:
        """Return where the column of that heading stands.

        Raises:
            ConfigurationError: there is none.
        """
        if column not in self.heading:
            there = ", ".join(self.heading)
            raise ConfigurationError(f"{self.path} has no column {column!r}; there are: {there}")
        return self.heading.index(column)

    def moments_us(self, place: int) -> NDArray[np.int64]:
        """Return a column of moments in µs since 1970, shape (n,)."""
        return np.array(self.read(place, moment_us), np.int64)

    def values(self, place: int) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a cell says that there is none, shape (n,)."""
        return np.array(self.read(place, _value), np.float64)

    def read(self, place: int, of: Callable[[str], Number]) -> list[Number]:
        """Return what each cell of a column means.

        Raises:
            ConfigurationError: a row has no such cell, or `of` raises ValueError; the message names the line.
        """
        found = []
        for line, cells in self.rows:
            try:
                found.append(of(cells[place].strip()))
            except IndexError:
                said = f"the row {','.join(cells)!r} has {len(cells)} of {len(self.heading)} cells"
                raise ConfigurationError(f"{self.path}, line {line}: {said}") from None
            except ValueError as error:
                raise ConfigurationError(f"{self.path}, line {line}: {error}") from error
        return found


def read_rows(path: Path) -> FileRows:
    """Return the heading and the rows of a CSV file, as spreadsheet programs and databases write them.

    Raises:
        ConfigurationError: it cannot be read, or has no heading.
    """
    try:
        text, _ = decode_table(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    first = text.lstrip().split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=first.count), strict=True
    )
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ConfigurationError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise ConfigurationError(f"{path} is empty; it should have a heading and rows of time,value")
    return FileRows(path, [name.strip() for name in rows[0][1]], rows[1:])


def moment_us(text: str) -> int:
    """Return a moment in µs since 1970: ISO 8601, without a zone in UTC, or a number of (milli)seconds.

    Raises:
        ValueError: the text is no moment.
    """
    text = text.strip()
    if _COUNT.fullmatch(text):
        count = Decimal(text)
        return int(count * (1_000_000 if count < MILLISECONDS_FROM else 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        said = "is no moment: give ISO 8601, such as 2026-09-07 08:00, or seconds since 1970"
        raise ValueError(f"{text!r} {said}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


def _value(text: str) -> float:
    if text.lower() in NO_VALUE:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if math.isinf(value):
        raise ValueError(f"{text!r} is no number that can be judged; leave the cell empty")
    return value


def iso_of(moment: int) -> str:
    """Return a moment in µs as ISO 8601 in UTC."""
    return (EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _read_spans_us(path: Path) -> NDArray[np.int64]:
    if path.suffix.lower() == ".json":
        found = read_json(path)
        spans = found.get("windows") if isinstance(found, dict) else found
    else:
        spans = [row[:2] for _, row in read_rows(path).rows]
    if not isinstance(spans, list):
        raise ConfigurationError(f"{path} holds no list of [first, last] moments")
    try:
        limits = [(moment_us(first), moment_us(last)) for first, last in spans]
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: a label is not a pair of moments: {error}") from error
    return np.array(limits, np.int64).reshape(-1, 2)
