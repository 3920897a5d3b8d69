"""Reads series whose readings carry labels of their own, from a folder of CSV files or one of several series.

So public collections of operations figures come, and so does what an operations room has marked by hand: a
moment, a value, and 1 where the reading is anomalous. Labelled readings in a row are one window. Some have no
moments, no heading, or the label in the file's name.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled, windows_between
from evaluation.detectors.nab import probation
from evaluation.detectors.series_file import FileRows, iso_of, moment_us, read_rows, read_spans_us

ENDS: Final = ((".csv", ".tsv"), (".txt", ".out"))
"""Of names of files that are read, also before `.gz`: the first kind of which a folder has any."""
MOMENTS: Final = ("timestamp", "timestamps", "time", "datetime", "date", "moment")
VALUES: Final = ("value", "data")
LABELS: Final = ("label", "labels", "is anomaly", "anomaly")
"""Headings that are understood, in lower case, `_` as a blank, the earlier ones first."""
NO_HEADING: Final = (("value",), ("timestamp", "value"), ("timestamp", "value", "label"))
NO_MOMENTS: Final = (("value",), ("value", "label"))
"""Columns of a file that begins with a reading, by their number; the latter if none is a moment."""
LEAST_DISTINCT: Final = 0.6
"""Share of moments that differ: two series in one file have half, a clock set back hardly less than 1."""
_SAID: Final = {"0": False, "false": False, "f": False, "no": False} | {
    "1": True, "true": True, "t": True, "yes": True,
}  # fmt: skip
_UCR: Final = re.compile(r".*_\d+_(\d+)_(\d+)\.[a-z.]+", re.IGNORECASE)
"""Names in the UCR archive: where training ends, and the anomaly's first and last reading, counted from 1."""


class FileForm(NamedTuple):
    """What a person says of files that do not say it themselves."""

    label: str = ""
    """Heading of the labels, 1 or 0 for each reading; one of `LABELS` without it."""
    column: str = ""
    """Heading of the values; one of `VALUES` without it, or else the first column that is left."""
    by: str = ""
    """Heading of what tells the series of a file apart; a file is one series without it."""
    every_us: int = 0
    """Distance of two rows in µs, where they follow each other and moments do not count; 0: moments count."""


HOUR_US: Final = 3_600_000_000
AS_IT_IS: Final = FileForm()


class _Places(NamedTuple):
    """Where columns of a file stand."""

    value: int
    when: int | None
    label: int | None
    by: int | None


def read_folder(path: Path, form: FileForm = AS_IT_IS) -> list[Labelled]:
    """Return the series of all files of a folder and of those in it, by name; or of one file.

    Args:
        path: files in any order of moments, with any steps and gaps.
        form: what they do not say themselves.

    Raises:
        ConfigurationError: there is no file, or one cannot be read; the message names the line.
    """
    if path.is_file():
        return _read(path, path.name, form, must_be_labelled=True)
    there = sorted(file for file in path.rglob("*") if file.is_file())
    kinds = ([file for file in there if _bare(file.name, ends) != file.name] for ends in ENDS)
    files = next(filter(None, kinds), [])
    if not files:
        raise ConfigurationError(f"{path} holds no CSV file, nor do the folders in it")
    named = ((file, str(file.relative_to(path))) for file in files)
    return [one for file, name in named for one in _read(file, name, form, must_be_labelled=True)]


def read_series(path: Path, labels: Path | None = None, form: FileForm = AS_IT_IS) -> Labelled:
    """Return the series of a CSV file in the order of its moments, with its labels.

    Args:
        path: as in a folder; labels in it count if the form names their column.
        labels: a file of labels, see `read_spans_us`; both ends count as labelled.
        form: what the file does not say itself.

    Raises:
        ConfigurationError: a file cannot be read, or no label lies in the series; it names the place.
    """
    (series,) = _read(path, path.name, form, must_be_labelled=False)
    if labels is None:
        return series
    spans_us = read_spans_us(labels)
    series = series._replace(windows=windows_between(series.time_us, spans_us))
    if len(spans_us) and not len(series.windows):
        first, last = iso_of(int(series.time_us[0])), iso_of(int(series.time_us[-1]))
        raise ConfigurationError(
            f"{labels}: none of its {len(spans_us)} labels holds a reading of {path}, which are from {first}"
            f" to {last}; are both in one time zone?"
        )
    return series


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
        raise ConfigurationError(
            f"{folder} holds one series; thresholds of one half need two at least (eduops evaluate series"
            " judges one; --by names the column that tells several in one file apart)"
        )
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


def too_short(corpus: Sequence[Labelled], refractory_us: int) -> str:
    """Return a sentence if half of the series are shorter than what follows an alarm, else an empty one."""
    lasts_h = float(np.median([series.weeks for series in corpus])) * 168.0
    if lasts_h * HOUR_US >= refractory_us:
        return ""
    return (
        f"half of the series last {lasts_h:.3g} h at most, and for {refractory_us / HOUR_US:.3g} h after an"
        " alarm there is no other: give a shorter --refractory"
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


def _bare(name: str, ends: Sequence[str]) -> str:
    """Return a file's name without its end, if that is one of some."""
    bare = name[:-3] if name.lower().endswith(".gz") else name
    return next((bare[: -len(end)] for end in ends if bare.lower().endswith(end)), name)


def _read(path: Path, name: str, form: FileForm, *, must_be_labelled: bool) -> list[Labelled]:
    """Return the series of a file, each in the order of its moments; without `by` there is one."""
    table, ucr = _headed(read_rows(path), form), _UCR.fullmatch(path.name)
    places = _places(table, form, must_be_labelled=must_be_labelled and ucr is None)
    means: dict[int | None, Callable[[str], Any]] = {
        places.value: table.number,
        places.when: _moment_us,
        places.label: _label,
        places.by: str,
    }
    asked = {place: of for place, of in means.items() if place is not None}
    cells = dict(zip(asked, table.read(*asked.items()), strict=True))
    value = np.array(cells[places.value], np.float64)
    if not len(value):
        raise ConfigurationError(f"{path} holds a heading and no reading")
    steps = np.arange(len(value), dtype=np.int64)
    time_us = steps * form.every_us if places.when is None else np.array(cells[places.when], np.int64)
    is_labelled = np.zeros(len(value), np.bool_)
    if places.label is not None:
        is_labelled[:] = cells[places.label]
    elif ucr is not None:
        is_labelled[int(ucr[1]) - 1 : int(ucr[2])] = True
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(cells[places.by]) if places.by is not None else ():
        rows.setdefault(key, []).append(row)
    bare = _bare(name, [end for ends in ENDS for end in ends])
    whole = Labelled(bare, time_us, value, np.zeros((0, 2), np.intp))
    parts = {f"{bare}:{key}": np.array(own) for key, own in sorted(rows.items())} or {bare: steps}
    return [_part(path, whole._replace(name=key), is_labelled, own, form) for key, own in parts.items()]


def _part(
    path: Path, whole: Labelled, is_labelled: NDArray[np.bool_], own: NDArray[np.int64], form: FileForm
) -> Labelled:
    """Return the series of some rows of a file, in the order of its moments."""
    distinct = len(np.unique(whole.time_us[own]))
    if distinct < LEAST_DISTINCT * len(own):
        how = (
            ""
            if form.by
            else "; if several series are in one file, labelled --by tells them apart by a column"
        )
        raise ConfigurationError(f"{path}: its {len(own):,} readings are of {distinct:,} moments{how}")
    own = own[np.argsort(whole.time_us[own], kind="stable")]
    return Labelled(whole.name, whole.time_us[own], whole.value[own], _runs(is_labelled[own]))


def _headed(table: FileRows, form: FileForm) -> FileRows:
    if table.is_headed:
        return table
    usual = NO_MOMENTS if form.every_us and len(table.heading) < 3 else NO_HEADING
    if len(table.heading) > len(usual):
        raise ConfigurationError(
            f"{table.path} begins with a reading; give it a heading, such as timestamp,value,label"
        )
    return replace(table, heading=usual[len(table.heading) - 1])


def _places(table: FileRows, form: FileForm, *, must_be_labelled: bool) -> _Places:
    """Return where the columns stand that are read.

    Raises:
        ConfigurationError: one of them does not, or several may be the values of a folder.
    """
    by = table.place_of(form.by) if form.by else None
    label = table.place_of(form.label) if form.label else table.first_of(LABELS)
    value = table.place_of(form.column) if form.column else table.first_of(VALUES)
    left = [k for k in range(len(table.heading)) if k not in (by, label, value)]
    usual = table.first_of(MOMENTS)
    when = next((k for k in (usual, *(() if form.every_us else left)) if k in left), None)
    others = [k for k in left if k != when and (table.heading[k] or len(left) < 3)]
    lacks = ""
    if value is None and not others:
        lacks = "no column of values, or say by --column which it is"
    elif label is None and must_be_labelled:
        lacks = "no column of labels, or say by --label which it is"
    elif value is None and len(others) > 1 and must_be_labelled:
        lacks = "several columns that may be the values; say by --column which it is"
    elif when is None and not form.every_us:
        lacks = (
            "no column of moments beside these; if rows follow each other, say how far apart by --every 1m"
        )
    if lacks:
        raise ConfigurationError(f"{table.path} has {lacks}; there are: {', '.join(table.heading)}")
    is_labelled = must_be_labelled or bool(form.label)
    return _Places(
        others[0] if value is None else value,
        None if form.every_us else when,
        label if is_labelled else None,
        by,
    )


def _moment_us(text: str) -> int:
    try:
        return moment_us(text)
    except ValueError as error:
        how = "; if it counts rows, say by --every how far apart they are, such as --every 1h"
        raise ValueError(f"{error}{how if text.isdecimal() else ''}") from None


def _label(text: str) -> bool:
    said = _SAID.get(text.lower())
    if said is None:
        try:
            said = {0.0: False, 1.0: True}.get(float(text))
        except ValueError:
            said = None
    if said is None:
        raise ValueError(f"{text!r} is no label: 1 is anomalous, 0 is not")
    return said


def _runs(is_labelled: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the first and last reading of each run of labelled ones, shape (w, 2)."""
    edges = np.diff(np.concatenate(([0], is_labelled.astype(np.int8), [0])))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1), axis=1)
