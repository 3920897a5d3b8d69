"""Clocks that lie: readings ahead of the log, and devices whose clock is off by the same again and again.

*Ahead of the log.* A reading that claims a time yet to come is judged as of its arrival, and its time waits
in `State.ahead` instead of being the mark of its series, so that it hides nothing that is measured before
that time has come. What waits is known to be stored, so copies are told apart without a look at the table.

*The clock of a device.* A line delays and never hastens, so of some readings the one that claims the latest
time against its arrival was delayed least, and shows the clock best. Twice a minute a look takes it from
what came since the last. A clock is wrong where two looks find it off by the same: what a device had kept
for an outage arrives ever later-measured, and ends with readings of now. Where most devices of a partition
are off, the delay is our own. While a clock is wrong, and before one was ever right, readings as far off
as that are judged as of their arrival; they are stored as claimed.

Source: D. L. Mills et al., RFC 5905 "Network Time Protocol Version 4" (2010), section 10, the clock filter.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Transition
from contract.reading import Readings
from stream_processor.fold.channels import Batch, Evidence, judge_at_tick
from stream_processor.fold.constants import Fold
from stream_processor.fold.joint import batch_of_look
from stream_processor.fold.sift import Fate
from stream_processor.fold.state import NEVER_US, NO_SKEW, State

AHEAD_US: Final = 30_000_000
"""Further ahead of its arrival than this, a time has not come: chosen, three readings of a gateway."""
MOST_AHEAD: Final = 1_000
"""Times of one series that wait at most: chosen, three a second for the five minutes that ingest allows."""
LOOK_US: Final = 30_000_000
"""Between two looks: chosen, three readings of a gateway."""
STEADY_S: Final = 30
"""Two looks that differ by no more find the same clock: chosen, above what a busy line adds to a delay,
and below what a device that empties its store gains on the clock in one look."""
MANY: Final = 5
"""Devices of which most do not have wrong clocks at once: chosen, so that small installations profit too."""


def follow_ahead(
    state: State,
    slot: NDArray[np.intp],
    readings: Readings,
    arrival_us: NDArray[np.int64],
    fate: NDArray[np.int8],
) -> NDArray[np.int64]:
    """Mend the fate of series with times ahead of the log; return the mark after each reading, shape (n,).

    Args:
        state: `ahead` is written to; the caller owns it.
        slot: slot of each reading, -1 where the partition has none.
        readings: all readings of one step, in log order.
        arrival_us: log time of each.
        fate: of each as `sift` finds it; written to.
    """
    is_ahead = (readings.time_us > arrival_us + AHEAD_US) & (slot >= 0)
    if not state.ahead and not is_ahead.any():
        return readings.time_us
    mark_us = readings.time_us.copy()
    concerned = np.isin(slot, [*state.ahead, *np.unique(slot[is_ahead]).tolist()])
    marks: dict[int, int] = {}
    waiting: dict[int, set[int]] = {}
    for i in np.flatnonzero(concerned & (fate != Fate.DUPLICATE)).tolist():
        s, time_us = int(slot[i]), int(readings.time_us[i])
        waits = waiting.setdefault(s, set(state.ahead.get(s, ())))
        mark = marks.setdefault(s, int(state.mark_us[s]))
        if time_us in waits:
            fate[i] = Fate.DUPLICATE
            continue
        newest = max(waits, default=mark) if is_ahead[i] else mark
        fate[i] = Fate.NEW if time_us > max(newest, mark) else Fate.LATE
        if is_ahead[i] and len(waits) < MOST_AHEAD:
            waits.add(time_us)
        if fate[i] == Fate.NEW:
            mark = mark if is_ahead[i] else time_us
            come = {t for t in waits if t <= max(mark, int(arrival_us[i]))}
            marks[s] = mark_us[i] = max(mark, *come, NEVER_US)
            waits -= come
    ahead = state.ahead | {s: tuple(sorted(waits)) for s, waits in waiting.items()}
    state.ahead = {s: times for s, times in ahead.items() if times}
    return mark_us


def note_skews(
    fold: Fold,
    state: State,
    slot: NDArray[np.intp],
    time_us: NDArray[np.int64],
    arrival_us: NDArray[np.int64],
) -> None:
    """Remember the least delayed of some readings of the clocks that they were measured by.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        slot: slots of readings, none negative, shape (n,).
        time_us: measured times, shape (n,).
        arrival_us: log times, shape (n,).
    """
    carrier = fold.clock_slots[slot]
    told = carrier >= 0
    skew_s = np.clip((time_us - arrival_us) // 1_000_000, NO_SKEW + 1, -NO_SKEW - 1).astype(np.int32)
    np.maximum.at(state.skew_s, carrier[told], skew_s[told])


def doubt_times(fold: Fold, state: State, batch: Batch, index: NDArray[np.intp]) -> None:
    """Let the readings at `index` that no clock can have stamped so be events of their arrival."""
    slot = batch.slot[index]
    late_us = batch.arrival_us[index] - batch.time_us[index]
    doubted = late_us < -AHEAD_US
    far = late_us > fold.clock_off_us[slot]
    if far.any():
        doubted |= far & ~state.clock_is_right[fold.clock_slots[slot]]
    if not doubted.any():
        return
    mine = index[doubted]
    batch.time_us[mine] = batch.arrival_us[mine]
    batch.context[mine] = fold.contexts(batch.slot[mine], batch.time_us[mine])
    batch.phase[mine] = fold.phases(batch.context[mine], batch.time_us[mine])


def hear_clocks(fold: Fold, state: State, before_us: int, at_us: int) -> list[Transition]:
    """Look at the clocks if a new look is due since the last tick; write to `state`.

    Args:
        fold: rules and slots.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    if not len(fold.clock_carriers) or at_us // LOOK_US == before_us // LOOK_US:
        return []
    slot = fold.clock_carriers[state.skew_s[fold.clock_carriers] != NO_SKEW]
    skew_s, before_s = state.skew_s[slot].astype(np.int64), state.offset_s[slot].astype(np.int64)
    bound_s = fold.clock_off_us[slot] / 1e6
    off = np.abs(skew_s) > bound_s
    state.offset_s[slot], state.skew_s[slot] = state.skew_s[slot], NO_SKEW
    if not len(slot) or (len(slot) >= MANY and off.mean() > 0.5):
        return []
    steady = np.abs(skew_s - before_s) <= STEADY_S
    evidence = Evidence(
        np.arange(len(slot)), off & steady, ~off, -bound_s, bound_s, steady | ~off, skew_s.astype(np.float64)
    )
    context, unknown = fold.contexts(slot, np.full(len(slot), at_us)), np.full(len(slot), np.nan, np.float32)
    batch = batch_of_look(fold, state, slot, context, unknown, at_us)
    told = judge_at_tick(fold, state, batch, evidence, Channel.CLOCK)
    state.clock_is_right[slot] = (state.clock_is_right[slot] | ~off) & ~state.is_open[Channel.CLOCK, slot]
    return told
