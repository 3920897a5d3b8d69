"""Reads a folder of the Numenta Anomaly Benchmark: its series, labelled windows and scoring profiles."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.evaluation.labelled import Labelled
from anomaly.evaluation.nab import PROFILES, Profile
from contract.errors import ConfigurationError


def read_corpus(folder: Path) -> list[Labelled]:
    """Return the labelled series of a NAB folder, by name.

    Raises:
        ConfigurationError: the folder is no NAB corpus, or one of its files cannot be read.
    """
    labels = folder / "labels" / "combined_windows.json"
    if not labels.is_file():
        raise ConfigurationError(
            f"{folder} is no NAB corpus: {labels} is missing; give the folder that holds data/ and labels/"
        )
    windows = _json(labels)
    return [_series(folder / "data" / name, name, windows[name]) for name in sorted(windows)]


def read_profiles(folder: Path) -> tuple[Profile, ...]:
    """Return the folder's scoring profiles, from `profiles.json` or `config/profiles.json`; NAB's without."""
    for path in (folder / "profiles.json", folder / "config" / "profiles.json"):
        if path.is_file():
            return tuple(_profile(path, name, body) for name, body in _json(path).items())
    return PROFILES


def read_columns(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return moments in µs and values of a CSV file with a heading and the columns time, value.

    Times are ISO 8601 without a zone, taken as UTC, with `T` or a blank; an empty value is NaN.

    Raises:
        ConfigurationError: a line cannot be read; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    rows = [line.split(",") for line in lines if line.strip()]
    moments, values = np.empty(len(rows), "datetime64[us]"), np.empty(len(rows))
    for k, row in enumerate(rows):
        try:
            moments[k] = np.datetime64(row[0].strip().removesuffix("Z"), "us")
            values[k] = float(row[1]) if row[1].strip() else np.nan
        except (ValueError, IndexError) as error:
            raise ConfigurationError(
                f"{path}: the row {','.join(row)!r} is not `time,value` ({error})"
            ) from error
    return moments.astype(np.int64), values


def _series(path: Path, name: str, spans: Sequence[Sequence[str]]) -> Labelled:
    time_us, value = read_columns(path)
    # Clocks in the corpus step back and repeat an hour; a limit means the first reading that shows it.
    first: dict[int, int] = {}
    for row, moment in enumerate(time_us.tolist()):
        first.setdefault(moment, row)
    try:
        limits = [
            [first[int(np.datetime64(limit, "us").astype(np.int64))] for limit in span] for span in spans
        ]
    except KeyError as error:
        raise ConfigurationError(f"{path}: no reading at a label's limit, {error} µs") from error
    return Labelled(name, time_us, value, np.array(limits, np.intp).reshape(-1, 2))


def _profile(path: Path, name: str, body: Any) -> Profile:
    try:
        costs = body["CostMatrix"]
        return Profile(name, float(costs["tpWeight"]), float(costs["fpWeight"]), float(costs["fnWeight"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: profile {name!r} lacks its cost matrix ({error})") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
