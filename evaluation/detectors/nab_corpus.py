"""Reads a folder of the Numenta Anomaly Benchmark: its series, labelled windows and scoring profiles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.nab import PROFILES, Profile
from evaluation.detectors.series_file import iso_of, moment_us, read_columns, read_json


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
    windows = read_json(labels)
    if not isinstance(windows, dict) or not windows:
        raise ConfigurationError(f"{labels} names no series: it should be an object of windows by file")
    return [_series(folder / "data" / name, name, windows[name]) for name in sorted(windows)]


def read_profiles(folder: Path) -> tuple[Profile, ...]:
    """Return the folder's scoring profiles, from `profiles.json` or `config/profiles.json`; NAB's without."""
    for path in (folder / "profiles.json", folder / "config" / "profiles.json"):
        if path.is_file():
            found = read_json(path)
            if not isinstance(found, dict):
                raise ConfigurationError(f"{path} holds no profiles by name")
            return tuple(_profile(path, name, body) for name, body in found.items())
    return PROFILES


def _series(path: Path, name: str, spans: Sequence[Sequence[str]]) -> Labelled:
    time_us, value = read_columns(path)
    # Clocks in the corpus step back and repeat an hour; a limit means the first reading that shows it.
    first: dict[int, int] = {}
    for row, moment in enumerate(time_us.tolist()):
        first.setdefault(moment, row)
    try:
        limits = [(first[moment_us(left)], first[moment_us(right)]) for left, right in spans]
    except KeyError as error:
        raise ConfigurationError(
            f"{path} has no reading at a label's limit, {iso_of(error.args[0])}"
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: a label is not a pair of moments: {error}") from error
    return Labelled(name, time_us, value, np.array(limits, np.intp).reshape(-1, 2))


def _profile(path: Path, name: str, body: Any) -> Profile:
    try:
        costs = body["CostMatrix"]
        return Profile(name, float(costs["tpWeight"]), float(costs["fpWeight"]), float(costs["fnWeight"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: profile {name!r} lacks its cost matrix ({error})") from error
