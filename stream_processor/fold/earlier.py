"""Words that were corrected about the marks of their series: said again, they are duplicates.

They are part of the state, because a correction at the mark is judged: a replay has to tell it from a
redelivery without the table, which knows by then what followed. Below the mark, `must_look_up`.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from contract.reading import Readings
from stream_processor.fold.layout import Layout
from stream_processor.fold.state import State


def earlier_of(layout: Layout, words: Iterable[tuple[int, int, float]]) -> dict[tuple[int, int], set[float]]:
    """Return `State.earlier` of corrected words (series, mark, value); strangers are left out."""
    found: dict[tuple[int, int], set[float]] = {}
    for series, mark_us, value in words:
        slot = int(layout.slots_of(np.array([series], np.int32))[0])
        if slot >= 0:
            found.setdefault((slot, mark_us), set()).add(value)
    return found


def keep_earlier(state: State, slot: NDArray[np.intp]) -> None:
    """Remember the words at the marks of some slots, which are about to be corrected."""
    for s in slot.tolist():
        state.earlier.setdefault((s, int(state.mark_us[s])), set()).add(float(state.value[s]))


def forget_passed(state: State) -> None:
    """Drop words about times that are no longer the mark of their series."""
    if state.earlier:
        kept = {key: words for key, words in state.earlier.items() if state.mark_us[key[0]] == key[1]}
        state.earlier = kept


def said_at_mark(state: State, slot: NDArray[np.intp], readings: Readings) -> NDArray[np.bool_]:
    """Return which readings, each at the mark of its slot, repeat a word about it, shape (n,)."""
    is_said: NDArray[np.bool_] = state.value[slot] == readings.value
    if state.earlier:
        for k in np.flatnonzero(~is_said).tolist():
            words = state.earlier.get((int(slot[k]), int(readings.time_us[k])), set())
            is_said[k] = float(readings.value[k]) in words
    return is_said
