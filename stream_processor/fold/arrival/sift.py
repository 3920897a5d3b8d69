"""Which readings are new, late, duplicate or corrections: by high-water marks and the table.

A word that was said before says nothing new, even where another has corrected it since: a message that
MQTT delivers again is no change of mind. So of the words about one (series, time) the one whose first
arrival is the latest holds.
"""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.reading import Held, Readings
from stream_processor.fold.layout import Layout
from stream_processor.fold.state import NEVER_US, State


class Fate(IntEnum):
    """What becomes of a reading; a word is its value, for its (series, time)."""

    NEW = 0
    """Later than its series' mark, and the first word about its time: stored, scored and remembered."""
    LATE = 1
    """Earlier than its series' mark, and not stored yet: stored only."""
    DUPLICATE = 2
    """A word that was said before, corrected since or not: dropped and counted."""
    CORRECTION = 3
    """Another word about the newest judged reading: kept in place of the one before, and judged."""
    LATE_CORRECTION = 4
    """Another word about another time that is stored: kept in place of the one before."""


def must_look_up(layout: Layout, state: State, readings: Readings) -> NDArray[np.bool_]:
    """Return where only the table can tell late, duplicate and corrected apart, shape (n,).

    These are readings before the mark of their series, and readings of series that the fleet
    does not have (any more): ingest accepted them, so they are kept, although no slot knows them.
    Words about the mark itself are in the state, so that a replay judges them as they were judged.
    """
    slot = layout.slots_of(readings.series)
    before: NDArray[np.bool_] = readings.time_us < _marks(state, slot)
    return before | (slot < 0)


def sift(
    state: State, slot: NDArray[np.intp], readings: Readings, held: NDArray[np.int8] | None
) -> NDArray[np.int8]:
    """Return the `Fate` of each reading, in log order, shape (n,), as far as marks and values tell.

    Args:
        state: the state before the first of the readings.
        slot: slot of each reading, -1 where the partition has none.
        readings: all readings of one step, in log order.
        held: what the table held before this step, see `Held`; None for nothing.
    """
    mark = _marks(state, slot)
    late = (readings.time_us < mark) | (slot < 0)
    has_word = readings.time_us == mark
    is_said = np.zeros(len(slot), np.bool_)
    is_said[has_word] = state.value[slot[has_word]] == readings.value[has_word]
    if held is not None:
        has_word |= held != Held.NOTHING
        is_said |= held == Held.SAME
    order = np.empty(0, np.intp) if are_apart(slot) else np.argsort(readings.series, kind="stable")
    series, time_us = readings.series[order], readings.time_us[order]
    if np.any((series[1:] == series[:-1]) & (time_us[1:] <= time_us[:-1])):
        late[order[_overtaken(series, time_us)]] = True
        has_word |= _again(readings.time_us, readings.series)
        is_said |= _again(readings.value, readings.time_us, readings.series)
    fate = np.where(late, Fate.LATE, Fate.NEW).astype(np.int8)
    if has_word.any():
        fate[has_word] = np.where(late[has_word], Fate.LATE_CORRECTION, Fate.CORRECTION)
        fate[is_said] = Fate.DUPLICATE
    return fate


def are_apart(slot: NDArray[np.intp]) -> bool:
    """Return whether no two elements are the same slot, and none is unknown."""
    if slot.min(initial=0) < 0:
        return False
    seen = np.zeros(slot.max(initial=-1) + 1, np.bool_)
    seen[slot] = True
    return int(np.count_nonzero(seen)) == len(slot)


def occurrence(slot: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many earlier elements equal each element, shape (n,): the round it is folded in."""
    if are_apart(slot):
        return np.zeros(len(slot), np.intp)
    order = np.argsort(slot, kind="stable")
    ordered = slot[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    found = np.empty(len(slot), np.intp)
    found[order] = np.arange(len(slot)) - np.repeat(starts, lengths)
    return found


def _again(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where an earlier element has the same keys, shape (n,)."""
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in keys])
    found = np.zeros(len(order), np.bool_)
    found[order[1:][same]] = True
    return found


def _overtaken(series: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where an earlier reading of the same series has a later time; input by series."""
    _, rank = np.unique(time_us, return_inverse=True)
    _, group = np.unique(series, return_inverse=True)
    key = group.astype(np.int64) * (len(series) + 1) + rank
    highest: NDArray[Any] = np.maximum.accumulate(key)
    behind = np.zeros(len(series), np.bool_)
    behind[1:] = (group[1:] == group[:-1]) & (highest[:-1] > key[1:])
    return behind


def _marks(state: State, slot: NDArray[np.intp]) -> NDArray[np.int64]:
    if not len(state.mark_us):
        return np.full(len(slot), NEVER_US)
    return np.where(slot < 0, NEVER_US, state.mark_us[np.maximum(slot, 0)])
