"""Peers made of random trees; they need `eduops[evaluate]`."""

import importlib
import pickle
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError

Floats = NDArray[np.float64]
SEED = 7
"""Any number: it makes runs repeatable."""


def needed(name: str) -> ModuleType:
    """Return a module of an optional package.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ConfigurationError(
            f"this peer needs the package {package}, which is not installed; "
            "`make setup` installs it, or the optional part eduops[evaluate]"
        ) from error


def half_space_trees(time_us: NDArray[np.int64], value: Floats, window: int = 250) -> tuple[Floats, int]:
    """Return the score of river's streaming half-space trees with their default size.

    Values are scaled by the least and the greatest seen so far, for the trees split [0, 1]. Unknown
    during the first window of readings (250 by default), which the trees need to have any mass at all.

    Source: S. C. Tan, K. M. Ting, T. F. Liu, "Fast anomaly detection for streaming data", IJCAI 2011.
    """
    trees = needed("river.anomaly").HalfSpaceTrees(n_trees=10, height=8, window_size=window, seed=SEED)
    score, low, high = np.full(len(value), np.nan), np.inf, -np.inf
    for seen, i in enumerate(np.flatnonzero(~np.isnan(value))):
        x = float(value[i])
        low, high = min(low, x), max(high, x)
        features = {"x": (x - low) / (high - low) if high > low else 0.5}
        if seen >= window:
            score[i] = trees.score_one(features)
        trees.learn_one(features)
    return score, len(pickle.dumps(trees))


def isolation_forest(
    time_us: NDArray[np.int64], value: Floats, first: int = 500, memory_us: int | None = None
) -> tuple[Floats, int]:
    """Return the score of scikit-learn's isolation forest over the last four values of a reading.

    The forest of 50 trees stands after `first` readings, is grown anew whenever there are twice as
    many, and every 500 readings at the latest, from the 2,000 before, or from all of the last
    `memory_us`; it has seen no reading that it scores. Unknown until it first stands.

    Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008. Shingles of four: S. Guha
    et al., "Robust random cut forest based anomaly detection on streams", ICML 2016.
    """
    lags, past, every = 4, 2000, 500
    ensemble = needed("sklearn.ensemble")
    score, known, size = np.full(len(value), np.nan), np.flatnonzero(~np.isnan(value)), 0
    if len(known) < lags:
        return score, size
    shingles = np.lib.stride_tricks.sliding_window_view(value[known], lags)
    start = first
    while start < len(shingles):
        forest = ensemble.IsolationForest(n_estimators=50, random_state=SEED)
        since = max(0, start - past)
        if memory_us is not None:
            since = int(np.searchsorted(time_us[known], time_us[known[start]] - memory_us))
        forest.fit(shingles[since:start])
        block = shingles[start : start + min(start, every)]
        score[known[lags - 1 + start : lags - 1 + start + len(block)]] = -forest.score_samples(block)
        start += len(block)
        if not size:
            size = len(pickle.dumps(forest))
    return score, size + past * 8
