"""The detectors that `eduops evaluate` compares: our own by their names, others' as `peer-…`."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import DETECTORS
from anomaly.evaluation.labelled import Labelled
from anomaly.evaluation.own import run_detector
from anomaly.evaluation.peers import PEERS
from contract.errors import ConfigurationError


class Run(NamedTuple):
    """A detector's scores over a corpus and what they cost."""

    name: str
    source: str
    scores: list[NDArray[np.float64]]
    readings_per_s: float
    """Over the whole corpus on this machine now; our own detectors go side by side, peers one by one."""
    bytes_a_series: float


def names_of(wanted: Sequence[str]) -> list[str]:
    """Return the detectors that are meant: `all`, `own`, `peers`, or names.

    Raises:
        ConfigurationError: there is no such detector.
    """
    groups = {"all": [*DETECTORS, *PEERS], "own": [*DETECTORS], "peers": [*PEERS]}
    names = [name for word in wanted for name in groups.get(word, [word])]
    for name in names:
        if name not in DETECTORS and name not in PEERS:
            there = ", ".join([*groups["all"], *groups])
            raise ConfigurationError(f"no detector is called {name!r}; there are: {there}")
    return list(dict.fromkeys(names))


def run(name: str, corpus: Sequence[Labelled]) -> Run:
    """Score every reading of the corpus once, in order."""
    begun = time.perf_counter()
    if name in DETECTORS:
        source = DETECTORS[name].source
        scores, state_bytes = run_detector(DETECTORS[name].detector, corpus)
    else:
        source = PEERS[name].source
        found = [PEERS[name].score(series.time_us, series.value) for series in corpus]
        scores, state_bytes = [score for score, _ in found], sum(size for _, size in found)
    elapsed_s = time.perf_counter() - begun
    readings = sum(len(series.value) for series in corpus)
    return Run(name, source, scores, readings / elapsed_s, state_bytes / max(len(corpus), 1))
