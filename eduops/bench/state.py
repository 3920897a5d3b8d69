"""How large the state of a million series is, and how long a snapshot of it takes, there and back.

A fleet is folded for real: every series gets readings, then the state is encoded and decoded as
the owners of the partitions do at a snapshot and at a start.
"""

import time
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from config.files import Configuration
from contract.alert import Channel
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.reading import Readings
from device_simulator.world.fleet import generate_fleet
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import State
from stream_processor.fold.step import step

SCHOOLS: Final = 65_625
"""16 series a school: 1.05 million."""
_ROUNDS: Final = 3
"""Readings of each series: enough that every column of the state holds something."""
_SECOND_US: Final = 1_000_000
_FROM_US: Final = 1_790_000_000 * _SECOND_US


class StateFigures(msgspec.Struct, frozen=True):
    """Of all partitions together."""

    series: int
    bytes_per_series: float
    """In memory."""
    snapshot_bytes: int
    """As they are stored."""
    encode_s: float
    restore_s: float
    """From the bytes to a state that folds."""
    fold_us_per_reading: float
    """CPU of the fold alone, a step a partition with a reading of each series."""


def measure_state(own: Configuration, partitions: int, schools: int = SCHOOLS) -> StateFigures:
    """Fold a fleet and return what its state costs; takes some ten seconds for a million series."""
    fleet = generate_fleet(schools)
    folds = [
        build_fold(fleet, own.catalogue, own.calendar, own.rules, p, partitions) for p in range(partitions)
    ]
    states, fold_s, readings = [], 0.0, 0
    for fold in folds:
        state, used_s, folded = _folded(fold)
        states.append(state)
        fold_s += used_s
        readings += folded
    began_s = time.process_time()
    snapshots = [encode(fold, state) for fold, state in zip(folds, states, strict=True)]
    encoded_s = time.process_time()
    for fold, snapshot in zip(folds, snapshots, strict=True):
        decode(fold, snapshot)
    series = sum(len(fold.layout) for fold in folds)
    return StateFigures(
        series=series,
        bytes_per_series=sum(state.nbytes for state in states) / series,
        snapshot_bytes=sum(map(len, snapshots)),
        encode_s=encoded_s - began_s,
        restore_s=time.process_time() - encoded_s,
        fold_us_per_reading=fold_s / readings * 1e6,
    )


def _folded(fold: Fold) -> tuple[State, float, int]:
    """Return a partition's state after some readings of every series, the CPU they took, and how many."""
    generator = np.random.default_rng(fold.layout.partition)
    state, used_s = fold.initial_state(), 0.0
    for number in range(_ROUNDS):
        at_us = _FROM_US + (number + 1) * 10 * _SECOND_US
        entries = _round(fold, at_us, generator)
        began_s = time.process_time()
        state, _ = step(fold, state, entries)
        used_s += time.process_time() - began_s
    return state, used_s, _ROUNDS * len(fold.layout)


def _round(fold: Fold, at_us: int, generator: np.random.Generator) -> Sequence[Entry]:
    """Return a reading of every series, plausible and within its thresholds, and a tick."""
    metric_id, n = fold.layout.metric_id, len(fold.layout)
    thresholds = fold.rulebook.channels[Channel.THRESHOLD]
    usual = fold.catalogue.high[metric_id] * generator.uniform(0.4, 0.6, n)
    value = np.fmin(np.fmax(usual, thresholds.clear_low[metric_id]), thresholds.clear_high[metric_id])
    time_us = at_us - generator.integers(0, 9 * _SECOND_US, n)
    readings = Readings(time_us, fold.layout.series, value)
    return [ReadingsEntry(at_us, readings), TickEntry(at_us + _SECOND_US)]
