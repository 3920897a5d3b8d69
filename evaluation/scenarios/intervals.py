"""How sure a figure is: 95 % intervals of shares and of rates."""

from collections.abc import Sequence
from typing import Final

import numpy as np

Interval = tuple[float, float]
"""Lower and upper end."""

Z_95: Final = 1.959964
"""97.5 % quantile of the normal distribution."""
RESAMPLES: Final = 2000
"""Resamples of the bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13."""
LEAST_SEEDS: Final = 3
"""Seeds below which a bootstrap over them says nothing: chosen, two have three resamples."""


def wilson(found: int, events: int) -> Interval | None:
    """Return the 95 % interval of a share; None without events.

    It does not shrink to a point where all or none were found, as a bootstrap would.

    Source: E. B. Wilson, J. Amer. Stat. Assoc. 22(158), 1927.
    """
    if not events:
        return None
    share, extra = found / events, Z_95**2 / events
    middle = (share + extra / 2.0) / (1.0 + extra)
    half = Z_95 / (1.0 + extra) * float(np.sqrt(share * (1.0 - share) / events + extra / (4.0 * events)))
    return max(0.0, middle - half), min(1.0, middle + half)


def of_rate(counts: Sequence[int], days: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of what happens in 1,000 school-days; None of fewer than three seeds.

    Seeds are drawn with replacement (percentile bootstrap), since what is false comes in clusters: a
    count alone, taken for Poisson, would look surer than it is.

    Args:
        counts: of each seed.
        days: school-days of each seed, above 0 in all.
    """
    if len(counts) < LEAST_SEEDS:
        return None
    drawn = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
    rates = 1000.0 * np.array(counts)[drawn].sum(axis=1) / np.array(days)[drawn].sum(axis=1)
    low, high = np.quantile(rates, (0.025, 0.975))
    return float(low), float(high)
