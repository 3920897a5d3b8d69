"""The example in the paper of the detector runs."""

import doctest

import anomaly.ew


def test_the_example_of_the_docstring_holds() -> None:
    result = doctest.testmod(anomaly.ew)
    assert (result.failed, result.attempted > 0) == (0, True)
