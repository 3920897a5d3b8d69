"""The calibrated score: from deviations to a number that means the same for every metric."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Z_LIMIT: Final = 1000.0
"""Deviations are cut here: beyond a thousand nothing more is learnt, and float32 stays exact enough."""
MAD_TO_DEVIATION: Final = 1.4826
"""Standard deviation over median absolute deviation of the normal distribution. Source: Hampel 1974."""


def deviations(difference: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return differences in deviations, within `Z_LIMIT` of 0.

    Args:
        difference: from the expected value, any shape; NaN stays NaN.
        deviation: of a shape that fits; where it is 0 any difference counts as the limit.
    """
    z = np.sign(difference) * Z_LIMIT
    np.divide(difference, deviation, out=z, where=deviation > 0)
    return np.clip(z, -Z_LIMIT, Z_LIMIT)


def score_of(z: NDArray[np.float64], bound: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the anomaly score `1 - 2 ** (-|z| / bound)` of each reading, in [0, 1], shape (n,).

    0 is "as expected", 0.5 is "exactly at the bound of this metric's rule", and every further
    bound halves what is left of 1. Under Laplace noise the surprise -log P(|Z| > |z|) grows
    linearly in |z|, so equal steps of surprise are equal steps of -log(1 - score).

    Args:
        z: signed deviations from the expected value, shape (n,); NaN where unknown.
        bound: deviations that count as out of bounds, above 0, shape (n,).

    Returns:
        Scores; NaN where `z` is NaN: unknown is never 0.
    """
    return (1.0 - np.exp2(-np.abs(z) / bound)).astype(np.float32)
