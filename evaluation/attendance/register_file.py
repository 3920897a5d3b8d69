"""Reads a file of registers: what share of a school's pupils attended on a day, as cities publish it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from config.spreadsheet import words_of
from contract.errors import ConfigurationError
from evaluation.detectors.series_file import moment_us, read_rows

HEADINGS: Final[Mapping[str, Sequence[str]]] = {
    "day": ("date", "day", "school date"),
    "school": ("dbn", "school dbn", "school", "school id", "school code"),
    "share": ("attendance pct", "attendance ratio", "attendance rate", "ratio", "attendance"),
    "present": ("present",),
    "enrolled": ("enrolled", "enrollment", "enrolment"),
    "district": ("district", "cluster", "ward"),
}
"""Headings that are understood, in lower case, `_` as a blank, the earlier ones first."""
PERCENT_FROM: Final = 2.0
"""No school has twice the pupils that it has: a share above it is a percent."""


class RegisterRows(NamedTuple):
    """Registers of n school-days, in the order of the file."""

    day: NDArray[np.datetime64]
    """Shape (n,)."""
    school: NDArray[np.str_]
    """Its code, shape (n,)."""
    ratio: NDArray[np.float64]
    """Attended over enrolled; NaN where not submitted, shape (n,)."""
    district: NDArray[np.str_]
    """By the file, or else the first two letters of the code, as New York's are written; shape (n,)."""


def read_register_rows(path: Path) -> RegisterRows:
    """Return the registers of a CSV or Parquet file: day, school, and a share, or those present and enrolled.

    Raises:
        ConfigurationError: it cannot be read, or lacks a column.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    found = _of_parquet(path) if is_parquet or path.suffix == ".parquet" else _of_csv(path)
    ratio = found.get("share")
    if ratio is None:
        ratio = np.full(len(found["enrolled"]), np.nan)
        np.divide(found["present"], found["enrolled"], out=ratio, where=found["enrolled"] > 0)
    if not len(ratio):
        raise ConfigurationError(f"{path} holds no register")
    is_percent = np.nanmax(ratio, initial=0.0) > PERCENT_FROM
    school = found["school"]
    district = found.get("district", school.astype("U2"))
    return RegisterRows(found["day"], school, ratio / (100.0 if is_percent else 1.0), district)


def _places(path: Path, heading: Sequence[str]) -> dict[str, int]:
    """Return where the columns stand that are read, by what they are."""
    words = [words_of(name) for name in heading]
    places = {
        what: words.index(next(word for word in usual if word in words))
        for what, usual in HEADINGS.items()
        if set(usual) & set(words)
    }
    if not {"day", "school"} <= places.keys() or not (
        "share" in places or {"present", "enrolled"} <= places.keys()
    ):
        raise ConfigurationError(
            f"{path} lacks a column of days (date), of schools (school, dbn), or of shares (attendance_pct,"
            f" or present and enrolled); there are: {', '.join(heading)}"
        )
    return places


def _of_csv(path: Path) -> dict[str, NDArray[Any]]:
    table = read_rows(path)
    places = _places(path, table.heading)
    means: dict[str, Callable[[str], Any]] = {"day": moment_us, "school": str, "district": str}
    cells = table.read(*((place, means.get(what, table.number)) for what, place in places.items()))
    found = {what: np.array(column) for what, column in zip(places, cells, strict=True)}
    return found | {"day": found["day"].astype("datetime64[us]").astype("datetime64[D]")}


def _of_parquet(path: Path) -> dict[str, NDArray[Any]]:
    try:
        table = pq.read_table(path)
        places = _places(path, table.schema.names)
        found = {what: table.column(place) for what, place in places.items()}
        numbers = {
            what: column.cast(pa.float64()).to_numpy()
            for what, column in found.items()
            if what in ("share", "present", "enrolled")
        }
        words = {
            what: np.array(found[what].to_pylist(), np.str_)
            for what in ("school", "district")
            if what in found
        }
        day = found["day"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[D]")
    except pa.ArrowException as error:
        raise ConfigurationError(f"{path} cannot be read as Parquet: {error}") from error
    return numbers | words | {"day": day}
