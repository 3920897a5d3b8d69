"""The example in the paper of the detector runs, and no silence makes the next reading the whole truth."""

import doctest

import numpy as np

import anomaly.ew
from anomaly.ew import ExponentiallyWeighted
from anomaly.moments import NO_PHASE, Moments

CELLS = 400
READINGS = 48
"""In a school day's eight hours."""


def test_the_example_of_the_docstring_holds() -> None:
    result = doctest.testmod(anomaly.ew)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_after_a_summer_the_first_readings_are_judged_by_more_than_each_other() -> None:
    detector, rng = ExponentiallyWeighted(), np.random.default_rng(1)
    memory, phase = detector.empty(CELLS), np.full(CELLS, NO_PHASE, np.int16)
    far = 0
    for day in [*range(14), 14 + 97]:
        for nth in range(READINGS):
            time_us = np.full(CELLS, (day * 86_400 + nth * 600) * 1_000_000)
            at, value = Moments(np.arange(CELLS), time_us, phase), rng.normal(100.0, 15.0, CELLS)
            told = detector.judge(memory, at, value)
            far += int((np.abs(told.z) > 5.0).sum()) if day > 14 else 0
            detector.learn(memory, at, value, np.ones(CELLS))
    # Of 19,200 readings; where a summer is forgotten like any other gap there are 28.
    assert far <= 3
