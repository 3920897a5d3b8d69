"""Which readings are new, late or duplicate: de-duplication by high-water marks and the table."""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.reading import Readings
from stream_processor.fold.layout import Layout
from stream_processor.fold.state import NEVER_US, State


class Fate(IntEnum):
    """What becomes of a reading."""

    NEW = 0
    """Later than every reading of its series before it: stored, scored and remembered."""
    LATE = 1
    """Earlier than its series' mark, and not stored yet: stored only."""
    DUPLICATE = 2
    """Stored already: dropped and counted."""


def must_look_up(layout: Layout, state: State, readings: Readings) -> NDArray[np.bool_]:
    """Return where only the table can tell late from duplicate, shape (n,).

    These are readings before the mark of their series, and readings of series that the fleet
    does not have (any more): ingest accepted them, so they are kept, although no slot knows them.
    """
    slot = layout.slots_of(readings.series)
    before: NDArray[np.bool_] = readings.time_us < _marks(state, slot)
    return before | (slot < 0)


def sift(
    state: State, slot: NDArray[np.intp], readings: Readings, stored: NDArray[np.bool_] | None
) -> NDArray[np.int8]:
    """Return the `Fate` of each reading, in log order, shape (n,).

    Args:
        state: the state before the first of the readings.
        slot: slot of each reading, -1 where the partition has none.
        readings: all readings of one step, in log order.
        stored: where the table held the same series and time before this step; None for nowhere.
    """
    mark = _marks(state, slot)
    fate = np.where(readings.time_us > mark, Fate.NEW, Fate.LATE).astype(np.int8)
    order = np.argsort(readings.series, kind="stable")
    series, time_us = readings.series[order], readings.time_us[order]
    same = series[1:] == series[:-1]
    if np.any(same & (time_us[1:] <= time_us[:-1])):
        fate[order[_overtaken(series, time_us)]] = Fate.LATE
        by_time = np.lexsort((readings.time_us, readings.series))
        again = (np.diff(readings.series[by_time]) == 0) & (np.diff(readings.time_us[by_time]) == 0)
        fate[by_time[1:][again]] = Fate.DUPLICATE
    fate[(slot < 0) & (fate == Fate.NEW)] = Fate.LATE
    fate[readings.time_us == mark] = Fate.DUPLICATE
    if stored is not None:
        fate[stored] = Fate.DUPLICATE
    return fate


def occurrence(slot: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many earlier elements equal each element, shape (n,): the round it is folded in."""
    order = np.argsort(slot, kind="stable")
    ordered = slot[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    found = np.empty(len(slot), np.intp)
    found[order] = np.arange(len(slot)) - np.repeat(starts, lengths)
    return found


def _overtaken(series: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where an earlier reading of the same series has the same or a later time; input by series."""
    _, rank = np.unique(time_us, return_inverse=True)
    _, group = np.unique(series, return_inverse=True)
    key = group.astype(np.int64) * (len(series) + 1) + rank
    highest: NDArray[Any] = np.maximum.accumulate(key)
    behind = np.zeros(len(series), np.bool_)
    behind[1:] = (group[1:] == group[:-1]) & (highest[:-1] >= key[1:])
    return behind


def _marks(state: State, slot: NDArray[np.intp]) -> NDArray[np.int64]:
    if not len(state.mark_us):
        return np.full(len(slot), NEVER_US)
    return np.where(slot < 0, NEVER_US, state.mark_us[np.maximum(slot, 0)])
