"""What engineers said of alerts, as a file of labels.

`eduops feedback export` writes it, `eduops evaluate series --labels` reads it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from config.spreadsheet import decode_table, read_table, write_table
from contract.errors import ConfigurationError
from evaluation.detectors.series_file import iso_of, moment_us

COLUMNS: Final = ("rule", "school", "device", "metric", "from", "to", "verdict", "because")
"""Columns of a file, RFC 4180 CSV in UTF-8. `school` and `device`: the codes of their topics. `from`,
`to`: ISO 8601 moments, UTC; `to` empty while the alert was open. `because`: a code of
`contract.alert.Because` where the verdict is `not_a_problem`, else empty."""
ACTOR: Final = "actor"
"""A last column, only with names."""


class LabelKind(StrEnum):
    """What engineers said of an alert."""

    PROBLEM = "problem"
    NOT_A_PROBLEM = "not_a_problem"


@dataclass(frozen=True, slots=True)
class AlertLabel:
    """One alert that engineers judged."""

    rule: str
    school: str
    """Code of the school."""
    device: str
    """Code of the device within its school."""
    metric: str
    from_us: int
    """Event time of the opening, µs since 1970."""
    to_us: int | None
    """Event time of the resolution; None while it was open."""
    kind: LabelKind
    """Column `verdict` of the file."""
    because: str = ""
    """Why it was no problem; empty for a problem."""
    actor: str = ""
    """Who said it; empty in a file without names."""

    @property
    def series(self) -> str:
        """Name of the series, `SCHOOL.DEVICE.METRIC`; no code has a dot."""
        return f"{self.school}.{self.device}.{self.metric}"


def write_labels(labels: Iterable[AlertLabel], *, with_names: bool = False) -> str:
    """Return the text of a file; who said it is left out unless it is asked for."""
    columns = (*COLUMNS, ACTOR) if with_names else COLUMNS
    return write_table(columns, (_row(label)[: len(columns)] for label in labels))


def _row(label: AlertLabel) -> tuple[str, ...]:
    to = "" if label.to_us is None else iso_of(label.to_us)
    series = (label.rule, label.school, label.device, label.metric)
    return (*series, iso_of(label.from_us), to, label.kind.value, label.because, label.actor)


def read_labels(path: Path) -> tuple[AlertLabel, ...]:
    """Return the labels of a file, in its order; columns may stand in any order, more are passed over.

    Raises:
        ConfigurationError: the file cannot be read, lacks a column, or has a bad row, named by its line.
    """
    try:
        text, _ = decode_table(path.read_bytes())
    except (OSError, ConfigurationError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    table = read_table(text, (*COLUMNS, ACTOR), {}, COLUMNS)
    if table.bad:
        raise ConfigurationError(f"{path}, line {table.bad[0].line}: {table.bad[0].message}")
    return tuple(_label(path, row.line, row.cells) for row in table.rows)


def _label(path: Path, line: int, cells: Mapping[str, str]) -> AlertLabel:
    try:
        kind = LabelKind(cells["verdict"])
        from_us = moment_us(cells["from"])
        to_us = moment_us(cells["to"]) if cells["to"] else None
    except ValueError as error:
        raise ConfigurationError(f"{path}, line {line}: {error}") from error
    if to_us is not None and to_us < from_us:
        raise ConfigurationError(f"{path}, line {line}: it ends at {cells['to']}, before it begins")
    named = (cells["rule"], cells["school"], cells["device"], cells["metric"])
    if not all(named):
        raise ConfigurationError(f"{path}, line {line}: rule, school, device and metric must all be named")
    return AlertLabel(*named, from_us, to_us, kind, cells["because"], cells[ACTOR])
