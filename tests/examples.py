"""How many examples a property is tried with: few in every run, twenty times as many by `make laws`."""

import os

from hypothesis import settings

_TIMES = float(os.environ.get("EDUOPS_TEST_EXAMPLES", "1"))
USUAL = round(50 * _TIMES)
"""Examples of a property that names no number."""


def examples(count: int) -> settings:
    """Return the settings of a property that is dear, or needs more than the usual."""
    return settings(max_examples=max(1, round(count * _TIMES)))
