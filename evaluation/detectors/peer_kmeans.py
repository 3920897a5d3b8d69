"""A peer after Netdata's agent: k-means on short shapes, many models that must agree."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMOOTHED: Final = 3
LAGS: Final = 5
CENTRES: Final = 2
MODELS: Final = 9
"""Netdata keeps 18 models of three hours each; here half as many, for corpora of some weeks."""
TRAINED_ON: Final = 720
EVERY: Final = 180
"""Readings between two models; Netdata trains every three hours on the last six, each second a reading."""
ROUNDS: Final = 20


def netdata_kmeans(
    time_us: NDArray[np.int64], value: Floats, every: int = EVERY, memory_us: int | None = None
) -> tuple[Floats, int]:
    """Return how far a shape lies from the centres of every model, the least over the models.

    A shape is the reading and the five before it, of differences smoothed over three readings.
    Its mean distance to a model's two centres is scaled by the least and the greatest distance
    in training, so 1 is "as strange as the strangest known". All models must agree, hence the
    least of them. A model is trained `every` so many readings on the 720 before, or on all of the last
    `memory_us`; unknown until the first one stands.

    Source: Netdata agent documentation, "ML models and anomaly detection" (k = 2, differences,
    smoothing 3, five lags, consensus of models). S. P. Lloyd, IEEE Trans. Inf. Theory 28(2), 1982.
    """
    score, known = np.full(len(value), np.nan), np.flatnonzero(~np.isnan(value))
    lost = SMOOTHED + LAGS
    size = TRAINED_ON * 8 + MODELS * (CENTRES * (LAGS + 1) + 2) * 8
    if len(known) <= lost:
        return score, size
    smooth = np.convolve(np.diff(value[known]), np.full(SMOOTHED, 1.0 / SMOOTHED), "valid")
    shapes = np.lib.stride_tricks.sliding_window_view(smooth, LAGS + 1)
    models: list[tuple[Floats, float, float]] = []
    for start in range(every, len(shapes), every):
        since = max(0, start - TRAINED_ON)
        if memory_us is not None:
            since = int(np.searchsorted(time_us[known], time_us[known[start]] - memory_us))
        models = [*models[1 - MODELS :], _train(shapes[since:start])]
        block = shapes[start : start + every]
        agreed = np.min([_strangeness(block, *model) for model in models], axis=0)
        score[known[lost + start : lost + start + len(block)]] = agreed
    return score, size


def _train(shapes: Floats) -> tuple[Floats, float, float]:
    """Return the centres and the least and greatest mean distance of the shapes to them."""
    order = np.argsort(np.abs(shapes).sum(axis=1), kind="stable")
    centres = shapes[order[[0, -1]]].copy()
    for _ in range(ROUNDS):
        nearest = _distances(shapes, centres).argmin(axis=1)
        moved = np.array(
            [
                shapes[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k]
                for k in range(CENTRES)
            ]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    mean = _distances(shapes, centres).mean(axis=1)
    return centres, float(mean.min()), float(mean.max())


def _strangeness(shapes: Floats, centres: Floats, least: float, greatest: float) -> Floats:
    distance: Floats = _distances(shapes, centres).mean(axis=1)
    width = greatest - least
    # A series that never moved has no width: the least change is then as strange as can be.
    found: Floats = (distance - least) / max(width, 1e-9)
    return found


def _distances(shapes: Floats, centres: Floats) -> Floats:
    return np.stack([np.sqrt(((shapes - centre) ** 2).sum(axis=1)) for centre in centres], axis=1)
