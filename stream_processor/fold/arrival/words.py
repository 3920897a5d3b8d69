"""Words about times from the mark of a series on, where its mark and its value alone do not tell them.

*Corrected at the mark.* A word that was corrected there is a duplicate when it is said again.

*Ahead of the log.* A reading that claims a time yet to come is judged as of its arrival, and its time waits
instead of being the mark of its series, so that it hides nothing that is measured before that time has come.
Order among such times means nothing. Another word about one is a correction as any other, judged where
nothing was judged since.

Both are part of the state: a replay has to tell news, copies and corrections apart without the table, which
knows by then what followed. Below the mark, `must_look_up`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.reading import Readings
from stream_processor.fold.arrival.sift import Fate
from stream_processor.fold.layout import Layout
from stream_processor.fold.state import NEVER_US, Said, State

AHEAD_US: Final = 30_000_000
"""Further ahead of its arrival than this, a time has not come: chosen, three readings of a gateway."""
MOST_AHEAD: Final = 1_000
"""Times of one series that wait at most, of more the first has come: chosen, three a second for the five
minutes that ingest allows."""


@dataclass
class _Series:
    """One series on its way through a step."""

    mark_us: int
    newest_us: int
    """Measured time of what was judged last; it is never before the mark."""
    words: dict[int, tuple[float, ...]]

    def take(self, time_us: int, word: float, arrival_us: int) -> Fate:
        """Take a reading in that is not before the mark at which the step began."""
        said = self.words.get(time_us, ())
        if word in said:
            return Fate.DUPLICATE
        self.words[time_us] = (*said, word)
        if said:
            return Fate.CORRECTION if time_us == self.newest_us else Fate.LATE_CORRECTION
        if time_us <= self.mark_us:
            return Fate.LATE
        self.newest_us = time_us
        if time_us <= arrival_us + AHEAD_US:
            self.mark_us = time_us
            return Fate.NEW
        self.mark_us = max([self.mark_us, 0, *(t for t in self.words if t <= arrival_us)])
        waiting = [t for t in self.words if t > self.mark_us]
        if len(waiting) > MOST_AHEAD:
            self.mark_us = min(waiting)
        return Fate.NEW


def follow_words(
    state: State,
    slot: NDArray[np.intp],
    readings: Readings,
    arrival_us: NDArray[np.int64],
    fate: NDArray[np.int8],
) -> NDArray[np.int64]:
    """Keep the words of a step in mind; return the mark of its series after each reading, shape (n,).

    Args:
        state: `said` is written to; the caller owns it.
        slot: slot of each reading, -1 where the partition has none.
        readings: all readings of one step, in log order.
        arrival_us: log time of each.
        fate: of each as `sift` finds it; mended where it depends on more than mark and value.
    """
    tells = (fate == Fate.CORRECTION) | ((readings.time_us > arrival_us + AHEAD_US) & (slot >= 0))
    if not state.said and not tells.any():
        return readings.time_us
    mark_us = readings.time_us.copy()
    followed: dict[int, _Series] = {}
    for i in np.flatnonzero(_are_among(state, [*state.said, *slot[tells].tolist()])[slot]).tolist():
        s = int(slot[i])
        one = followed.get(s) or followed.setdefault(s, _series(state, s))
        if readings.time_us[i] >= state.mark_us[s]:
            fate[i] = one.take(int(readings.time_us[i]), float(readings.value[i]), int(arrival_us[i]))
        mark_us[i] = one.mark_us
    state.said |= {s: Said(one.newest_us, one.words) for s, one in followed.items()}
    return mark_us


def keep_word(state: State, slot: int) -> None:
    """Remember what was said last of a slot, whose value is about to be taken for another."""
    one = _series(state, slot)
    state.said[slot] = Said(one.newest_us, one.words)


def add_words(layout: Layout, state: State, words: Iterable[tuple[int, int, float]]) -> None:
    """Add corrected words (series, time, value) about times from the marks on; strangers are left out."""
    for series, time_us, word in words:
        slot = int(layout.slots_of(np.array([series], np.int32))[0])
        if slot < 0:
            continue
        keep_word(state, slot)
        said = state.said[slot].words
        said[time_us] = (*(known for known in said.get(time_us, ()) if known != word), word)


def forget_passed(state: State, slot: NDArray[np.intp]) -> None:
    """Drop what mark and value tell by themselves, or the table by now, of slots that were heard."""
    if not state.said:
        return
    heard = _are_among(state, slot)
    for s in [s for s in state.said if heard[s]]:
        mark_us, value = int(state.mark_us[s]), float(state.value[s])
        newest_us, words = state.said[s]
        kept = {time_us: said for time_us, said in words.items() if time_us >= mark_us}
        if not kept or (newest_us == mark_us and kept == {mark_us: (value,)}):
            del state.said[s]
        else:
            state.said[s] = Said(newest_us, kept)


def is_said(state: State, slot: NDArray[np.intp], readings: Readings) -> NDArray[np.bool_]:
    """Return which readings, none before the mark of its slot, repeat a word, shape (n,)."""
    found: NDArray[np.bool_] = (state.mark_us[slot] == readings.time_us) & (
        state.value[slot] == readings.value
    )
    for k in np.flatnonzero(np.isin(slot, [*state.said])).tolist():
        words = state.said[int(slot[k])].words
        found[k] = float(readings.value[k]) in words.get(int(readings.time_us[k]), ())
    return found


def _are_among(state: State, slots: NDArray[np.intp] | list[int]) -> NDArray[np.bool_]:
    """Return which slots are among some, shape (n + 1,); the last is that of unknown ones, -1."""
    found = np.zeros(len(state.mark_us) + 1, np.bool_)
    found[slots] = True
    return found


def _series(state: State, slot: int) -> _Series:
    """Return all that is known of a slot from its mark on, in columns of its own."""
    mark_us, said = int(state.mark_us[slot]), state.said.get(slot)
    if said is not None and said.newest_us >= mark_us:  # else the mark has passed it in this very step
        return _Series(mark_us, said.newest_us, dict(said.words))
    one = _Series(mark_us, mark_us, {})
    if mark_us != NEVER_US:
        one.words[mark_us] = (float(state.value[slot]),)
    return one
