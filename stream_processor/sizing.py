"""What a fleet's state costs: bytes a series, bytes of a snapshot, seconds to build and to restore."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.fleet import Fleet
from contract.reading import Readings
from contract.rule import Rule
from stream_processor.fold import Fold, build_fold
from stream_processor.layout import columns_of
from stream_processor.snapshot import decode, encode
from stream_processor.state import State
from stream_processor.step import advance

ROUNDS: Final = 24
"""Readings of every series before the state is measured: enough for each baseline to be learnt."""
ROUND_US: Final = 900_000_000
"""Log time between two of them: the detector's longest weight."""


class StateCost(NamedTuple):
    """Sizes and times of all partitions together, one after the other on one core."""

    series: int
    state_bytes_per_series: float
    """Resident while a partition is owned."""
    snapshot_bytes: int
    """Written to the database by each round of snapshots."""
    encode_s: float
    build_s: float
    """The fleet as columns and every partition's fold."""
    restore_s: float
    """From the snapshots to states that can go on."""


def state_cost(
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
    partitions: int,
    start_us: int,
    clock: Callable[[], float],
) -> StateCost:
    """Return what the state of a fleet costs, by building, filling, encoding and decoding it.

    Args:
        fleet: all that is monitored.
        catalogue: its metrics.
        calendar: when schools are in session.
        rules: the alert rules.
        partitions: how many the fleet is cut into.
        start_us: log time of the first readings, µs since 1970.
        clock: real seconds, such as `time.perf_counter`.
    """
    begun_s = clock()
    columns = columns_of(fleet, partitions)
    build_s = clock() - begun_s
    series = state_bytes = snapshot_bytes = 0
    encode_s = restore_s = 0.0
    for partition in range(partitions):
        begun_s = clock()
        fold = build_fold(fleet, catalogue, calendar, rules, partition, partitions, columns=columns)
        build_s += clock() - begun_s
        state = _filled(fold, start_us)
        begun_s = clock()
        snapshot = encode(fold, state)
        encode_s += clock() - begun_s
        begun_s = clock()
        decode(fold, snapshot)
        restore_s += clock() - begun_s
        series += len(fold.layout)
        state_bytes += state.nbytes
        snapshot_bytes += len(snapshot)
    return StateCost(series, state_bytes / max(1, series), snapshot_bytes, encode_s, build_s, restore_s)


def _filled(fold: Fold, start_us: int) -> State:
    """Return a state in which every series has been heard, with values that do not compress well."""
    state, layout = fold.initial_state(), fold.layout
    metric_id = layout.metric_id
    low, high = fold.catalogue.low[metric_id], np.minimum(fold.catalogue.high[metric_id], 1e9)
    rng = np.random.default_rng(layout.partition)
    for number in range(ROUNDS):
        at_us = start_us + number * ROUND_US
        time_us = at_us - rng.integers(0, 10_000_000, len(layout))
        value = low + (high - low) * rng.normal(0.5, 0.02, len(layout))
        entries: list[Entry] = [
            ReadingsEntry(at_us, Readings(time_us, layout.series, value)),
            TickEntry(at_us),
        ]
        advance(fold, state, entries)
    return state
