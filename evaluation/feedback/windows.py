"""What engineers said of a series' alerts, as the labelled windows of an evaluation."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled, windows_between
from evaluation.detectors.labelled_folder import AS_IT_IS, FileForm, read_series
from evaluation.feedback.label_file import COLUMNS, AlertLabel, LabelKind, read_labels

NAMES_TOLD: Final = 5
"""Series that a message lists: chosen, what fits a terminal's lines."""


def holds_labels(path: Path) -> bool:
    """Return whether a file is one of `eduops feedback export`, by its heading."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return set(COLUMNS) <= set(next(csv.reader(file), []))
    except (OSError, UnicodeDecodeError):
        return False  # who reads it says why it cannot be read


def read_judged(path: Path, labels: Path, of: str = "", form: FileForm = AS_IT_IS) -> Labelled:
    """Return the series of a CSV file; its windows are the alerts that engineers took as problems.

    Alerts that they dismissed are no windows: an alarm there is a false one.

    Args:
        path: CSV file of the series.
        labels: file of `eduops feedback export`.
        of: `SCHOOL.DEVICE.METRIC` in the labels; the name of the series' file without it.
        form: what that file does not say itself.

    Raises:
        ConfigurationError: a file cannot be read, or no label is of the series.
    """
    series, found = read_series(path, None, form), read_labels(labels)
    own = [label for label in found if label.series == (of or path.stem)]
    if not own:
        names = list(dict.fromkeys(label.series for label in found))[:NAMES_TOLD]
        raise ConfigurationError(
            f"{labels} has no label of {of or path.stem!r}; say by --of which series it is,"
            f" such as {', '.join(names) or 'SCHOOL.DEVICE.METRIC'}"
        )
    return series._replace(windows=windows_between(series.time_us, _problems_us(own)))


def _problems_us(labels: Iterable[AlertLabel]) -> NDArray[np.int64]:
    """Return begin and end of each problem, shape (s, 2); an open one reaches to the last reading."""
    forever_us = np.iinfo(np.int64).max
    spans = [
        (label.from_us, forever_us if label.to_us is None else label.to_us)
        for label in labels
        if label.kind is LabelKind.PROBLEM
    ]
    return np.array(spans, np.int64).reshape(-1, 2)
