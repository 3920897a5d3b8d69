"""How unlike its school a share of absent pupils is, in deviations that hold for every school.

Method. From day to day a school's absence a moves by about a ** 0.75: more points where many are absent,
more times where few are. So its fourth root moves by the same everywhere (the derivative of a ** 0.25 is
a ** -0.75 / 4), and one deviation of it, `DEVIATION`, is known before a school has sent a register:

    z = ((1 - expected) ** 0.25 - (1 - attended) ** 0.25) / DEVIATION

A school's own deviation is not asked. In a fortnight of days with a heavy tail it is known to within a third
at best, and a single bad day among them widens it for weeks; what is left of it, once the usual absence is
known, tells nothing.

Example:
    >>> attended, expected = np.array([0.69, 0.82]), np.array([0.91, 0.98])
    >>> absence_deviations(attended, expected).round(1).tolist()
    [-5.8, -8.1]

Source:
    Variance-stabilising transformations: M. S. Bartlett, "The use of transformations", Biometrics 3(1),
    39-52, 1947. Exponent and deviation: New York's registers; docs/decisions/0065-absence.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEVIATION: Final = 0.034
"""Of the fourth root of absence, the median school of New York: mean absolute deviation as a normal one."""
LEAST: Final = 0.01
"""Nobody is expected to have fewer absent: one pupil of a hundred is no news; chosen."""


def absence_deviations(attended: Floats, expected: Floats) -> Floats:
    """Return how far shares of pupils are from those expected, negative where fewer came, shape (n,).

    Args:
        attended: of those enrolled, 0 to 1, shape (n,).
        expected: shape (n,), NaN where unknown.
    """
    return (_root(_absent(expected)) - _root((1.0 - attended).clip(0.0, 1.0))) / DEVIATION


def attended_at(expected: Floats, z: Floats) -> Floats:
    """Return the share of pupils that is `z` deviations below the expected one, at least 0, shape (n,)."""
    found: Floats = 1.0 - ((_root(_absent(expected)) + z * DEVIATION) ** 4).clip(None, 1.0)
    return found


def _absent(expected: Floats) -> Floats:
    return (1.0 - expected).clip(LEAST, 1.0)


def _root(share: Floats) -> Floats:
    found: Floats = np.sqrt(np.sqrt(share))
    return found
