"""What engineers said of alerts, as a file of labels.

`eduops feedback export` writes it, `eduops evaluate series --labels` reads it.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, ACTOR) if with_names else COLUMNS)
    for label in labels:
        to = "" if label.to_us is None else iso_of(label.to_us)
        row = (label.rule, label.school, label.device, label.metric, iso_of(label.from_us), to)
        said = (label.kind.value, label.because)
        writer.writerow((*row, *said, label.actor) if with_names else (*row, *said))
    return text.getvalue()


def read_labels(path: Path) -> tuple[AlertLabel, ...]:
    """Return the labels of a file, in its order; columns may stand in any order, more are passed over.

    Raises:
        ConfigurationError: the file cannot be read, lacks a column, or has a bad row, named by its line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{path} lacks the columns {', '.join(missing)}")
            return tuple(_label(path, reader.line_num, row) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _label(path: Path, line: int, row: dict[str, str | None]) -> AlertLabel:
    # A short row leaves None in its last columns.
    cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, ACTOR)}
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
