"""Reads one series from a CSV file, and labels from JSON or CSV, as people have them lying around."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled, windows_between

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


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
    rows = _rows(path)
    if not rows:
        raise ConfigurationError(f"{path} is empty; it should have a heading and rows of time,value")
    heading = [name.strip() for name in rows[0]]
    if column and column not in heading:
        raise ConfigurationError(f"{path} has no column {column!r}; there are: {', '.join(heading)}")
    place = heading.index(column) if column else 1
    moments, values = np.empty(len(rows) - 1, np.int64), np.empty(len(rows) - 1)
    for k, row in enumerate(rows[1:]):
        try:
            moments[k] = moment_us(row[0])
            values[k] = float(row[place]) if row[place].strip() else np.nan
        except (ValueError, IndexError) as error:
            raise ConfigurationError(f"{path}: cannot read the row {','.join(row)!r}: {error}") from error
    return moments, values


def moment_us(text: str) -> int:
    """Return an ISO 8601 moment in µs since 1970; without a zone it is UTC.

    Raises:
        ValueError: the text is no moment.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


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
        spans = [row[:2] for row in _rows(path)[1:]]
    if not isinstance(spans, list):
        raise ConfigurationError(f"{path} holds no list of [first, last] moments")
    try:
        limits = [(moment_us(first), moment_us(last)) for first, last in spans]
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: a label is not a pair of moments: {error}") from error
    return np.array(limits, np.int64).reshape(-1, 2)


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [row for row in csv.reader(file) if row]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
