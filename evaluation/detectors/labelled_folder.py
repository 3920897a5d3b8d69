"""Reads a folder of CSV files, a series each, whose readings carry labels of their own.

So public collections of operations figures come, and so does what an operations room has marked by hand: a
moment, a value, and 1 where the reading is anomalous. Labelled readings in a row are one window.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.spreadsheet import words_of
from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.nab import probation
from evaluation.detectors.series_file import FileRows, moment_us, read_rows

MOMENTS: Final = ("timestamp", "time", "datetime", "date", "moment")
VALUES: Final = ("value",)
LABELS: Final = ("label", "labels", "is anomaly", "anomaly")
"""Headings that are understood, in lower case, `_` as a blank, the earlier ones first."""
LEAST_DISTINCT: Final = 0.6
"""Share of moments that differ: two series in one file have half, a clock set back hardly less than 1."""
_LABELS: Final = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}


def read_folder(folder: Path, label: str = "", column: str = "") -> list[Labelled]:
    """Return the series of all CSV files of a folder and of those in it, by name.

    Args:
        folder: files with a heading, in any order of moments, with any steps and gaps.
        label: heading of the labels, 1 or 0 for each reading; one of `LABELS` without it.
        column: heading of the values; `value` without it, or else the first column that is left.

    Raises:
        ConfigurationError: there is no file, or one cannot be read; the message names the line.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".csv" and file.is_file())
    if not files:
        raise ConfigurationError(f"{folder} holds no CSV file, nor do the folders in it")
    return [_series(file, str(file.relative_to(folder).with_suffix("")), label, column) for file in files]


def check_halves(folder: Path, corpus: Sequence[Labelled], budget: float) -> None:
    """Refuse a corpus of which one half cannot give a threshold or the other no figure.

    Args:
        folder: where it is from.
        corpus: series with labels.
        budget: alarms a series and week.

    Raises:
        ConfigurationError: a half holds no series, or no window that counts, or may not alarm once.
    """
    if len(corpus) < 2:
        raise ConfigurationError(f"{folder} holds one series; thresholds of one half need two at least")
    for half, name in ((corpus[::2], "1, 3, 5"), (corpus[1::2], "2, 4, 6")):
        if not any((series.windows[:, 0] >= probation(len(series.value))).any() for series in half):
            raise ConfigurationError(
                f"{folder}: of its files {name} and so on, by name, none has a labelled reading that counts"
                " (not the first 15 % of a series, at most 750); both halves need one"
            )
    weeks = sum(series.weeks for series in corpus[::2])
    if budget * weeks < 1.0:
        raise ConfigurationError(
            f"{folder}: at {budget:g} alarms a series and week the {len(corpus[::2])} series that thresholds"
            f" are of, {weeks:.3g} weeks together, may not alarm once; give a larger --budget"
            f" ({_windows_a_week(corpus[::2]):.3g} are as many alarms as they have labelled windows)"
        )


def described(corpus: Sequence[Labelled]) -> str:
    """Return a sentence on what is judged by what."""
    readings = sum(len(series.value) for series in corpus)
    windows = [sum(len(series.windows) for series in half) for half in (corpus[::2], corpus[1::2])]
    return (
        f"{len(corpus)} series, {readings:,} readings; thresholds of {len(corpus[::2])} with {windows[0]:,}"
        f" labelled windows ({_windows_a_week(corpus[::2]):.3g} a series and week), figures of"
        f" {len(corpus[1::2])} with {windows[1]:,}"
    )


def _windows_a_week(corpus: Sequence[Labelled]) -> float:
    weeks = sum(series.weeks for series in corpus)
    return sum(len(series.windows) for series in corpus) / weeks if weeks else float("inf")


def _series(path: Path, name: str, label: str, column: str) -> Labelled:
    table = read_rows(path)
    _refuse_no_heading(table)
    when, values, labels = _places(table, label, column)
    if not table.rows:
        raise ConfigurationError(f"{path} holds a heading and no reading")
    time_us, value = table.moments_us(when), table.values(values)
    if (distinct := len(np.unique(time_us))) < LEAST_DISTINCT * len(time_us):
        raise ConfigurationError(
            f"{path}: its {len(time_us):,} readings are of {distinct:,} moments; if several series are in one"
            " file, give each a file of its own"
        )
    is_labelled = np.array(table.read(labels, _label), np.bool_)
    order = np.argsort(time_us, kind="stable")
    return Labelled(name, time_us[order], value[order], _runs(is_labelled[order]))


def _refuse_no_heading(table: FileRows) -> None:
    try:
        moment_us(table.heading[0])
    except ValueError:
        return
    raise ConfigurationError(
        f"{table.path} begins with a reading; give it a heading, such as timestamp,value,label"
    )


def _places(table: FileRows, label: str, column: str) -> tuple[int, int, int]:
    """Return where moments, values and labels stand.

    Raises:
        ConfigurationError: one of them does not.
    """
    labels = table.place_of(label) if label else _first(table, LABELS)
    values = table.place_of(column) if column else _first(table, VALUES)
    left = [k for k in range(len(table.heading)) if k not in (labels, values)]
    when = next((k for k in (_first(table, MOMENTS), *left) if k in left), None)
    if values is None:
        values = next((k for k in left if k != when), None)
    if when is not None and values is not None and labels is not None:
        return when, values, labels
    lacks = "moments beside these"
    if values is None or labels is None:
        lacks = (
            "labels, or say by --label which it is"
            if labels is None
            else "values, or say by --column which it is"
        )
    there = ", ".join(table.heading)
    raise ConfigurationError(f"{table.path} has no column of {lacks}; there are: {there}")


def _first(table: FileRows, usual: Sequence[str]) -> int | None:
    headings = [words_of(heading) for heading in table.heading]
    return next((headings.index(word) for word in usual if word in headings), None)


def _label(text: str) -> bool:
    if (label := _LABELS.get(text.lower())) is None:
        raise ValueError(f"{text!r} is no label: 1 is anomalous, 0 is not")
    return label


def _runs(is_labelled: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the first and last reading of each run of labelled ones, shape (w, 2)."""
    edges = np.diff(np.concatenate(([0], is_labelled.astype(np.int8), [0])))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1), axis=1)
