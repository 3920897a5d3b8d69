"""The detectors that `eduops evaluate` compares: our own by their names, others' as `peer-…`."""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import DETECTORS, Detector
from contract.errors import ConfigurationError
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.own import run_detector, run_rounds
from evaluation.detectors.peer_columns import peer_named
from evaluation.detectors.peer_replay import REPLAY_PEERS
from evaluation.detectors.peers import PEERS

FLEET: Final = 16_000
"""Side by side, a partition or so: beyond it the speed stays, for no cache holds their state."""
ROUNDS: Final = 60
CADENCE_US: Final = 900_000_000
ALONE: Final = 2_000
"""Readings of the series that the speed of a peer of one series is measured on."""
ROUND_S: Final = 0.0003
"""What a detector of ours takes for a reading of each series; measured, 0.1 to 0.5 ms on one core."""
SOON_S: Final = 60.0
"""Nobody needs to be told of a shorter wait."""


class Run(NamedTuple):
    """A detector's scores over a corpus and what they cost."""

    name: str
    source: str
    scores: list[NDArray[np.float64]]
    readings_per_s: float
    """On this machine now: our own detectors with `FLEET` series side by side, peers one series at a time."""
    bytes_a_series: float


def names_of(wanted: Sequence[str], tell: Callable[[str], None]) -> list[str]:
    """Return the detectors that are meant: `all`, `own`, `peers`, or names.

    Args:
        wanted: words of the command line.
        tell: gets a sentence for each peer of a group that cannot run for want of its package.

    Raises:
        ConfigurationError: there is no such detector.
    """
    there = [name for name, peer in PEERS.items() if not peer.needs or find_spec(peer.needs)]
    groups = {"all": [*DETECTORS, *there], "own": [*DETECTORS], "peers": there}
    names = [name for word in wanted for name in groups.get(word, [word])]
    for name in names:
        if name not in DETECTORS and name not in PEERS:
            known = ", ".join([*DETECTORS, *PEERS, *groups])
            raise ConfigurationError(f"no detector is called {name!r}; there are: {known}")
    if {"all", "peers"} & set(wanted):
        for name in sorted(set(PEERS) - set(names)):
            tell(f"{name} is left out: {PEERS[name].needs} is not installed; `make setup` installs it")
    return list(dict.fromkeys(names))


def patience(names: Sequence[str], corpus: Sequence[Labelled]) -> str:
    """Return a sentence on a long wait, empty for a short one: the readings of a series follow each other."""
    longest = max((len(series.value) for series in corpus), default=0)
    wait_s = ROUND_S * longest * len(names)
    if wait_s < SOON_S:
        return ""
    return (
        f"{longest:,} readings follow each other, and each of {len(names)} detectors judges one by one: this"
        f" takes some {wait_s / 60:.0f} minutes or more (--detector ew alone is the quickest)"
    )


def scores_of(name: str, corpus: Sequence[Labelled]) -> list[NDArray[np.float64]]:
    """Return a detector's or peer's score of every reading, without measuring what it costs."""
    detector = DETECTORS[name].detector if name in DETECTORS else peer_named(name)
    if detector is not None:
        return run_detector(detector, corpus).scores
    return [PEERS[name].score(series.time_us, series.value)[0] for series in corpus]


def run(name: str, corpus: Sequence[Labelled]) -> Run:
    """Score every reading of the corpus once, in order."""
    if name in DETECTORS:
        found = run_detector(DETECTORS[name].detector, corpus)
        per_series = found.state_bytes / max(len(corpus), 1)
        return Run(
            name, DETECTORS[name].source, found.scores, _fleet_speed(DETECTORS[name].detector), per_series
        )
    begun = time.perf_counter()
    results = [PEERS[name].score(series.time_us, series.value) for series in corpus]
    speed = sum(len(series.value) for series in corpus) / (time.perf_counter() - begun)
    state_bytes = sum(size for _, size in results)
    return Run(name, PEERS[name].source, [s for s, _ in results], speed, state_bytes / max(len(corpus), 1))


def speed_of(name: str) -> float:
    """Return readings a second that a detector or peer judges and learns on this machine now.

    Those that take columns, with as many series as a fleet has side by side; the others, one series.
    """
    detector = DETECTORS[name].detector if name in DETECTORS else peer_named(name)
    if detector is not None:
        return _fleet_speed(detector)
    value = np.random.default_rng(1).normal(100.0, 5.0, ALONE)
    time_us = np.arange(ALONE, dtype=np.int64) * CADENCE_US
    begun = time.perf_counter()
    REPLAY_PEERS[name].score(time_us, value)
    return ALONE / (time.perf_counter() - begun)


def _fleet_speed(detector: Detector) -> float:
    """Return judged and learnt readings a second, for as many series as a fleet has."""
    noise = np.random.default_rng(1).normal(100.0, 5.0, (ROUNDS, FLEET))
    time_us = np.broadcast_to(np.arange(ROUNDS, dtype=np.int64)[:, None] * CADENCE_US, noise.shape)
    begun = time.perf_counter()
    run_rounds(detector, time_us, noise)
    return noise.size / (time.perf_counter() - begun)
