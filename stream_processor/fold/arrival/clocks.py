"""Clocks that lie: devices whose clock is ahead, or behind by the same again and again.

A line delays and never hastens, so of some readings the one that claims the latest time against its arrival
was delayed least, and shows the clock best. Twice a minute a look takes it from what came since the last. A
clock is wrong where a look finds it ahead, or two looks find it behind by the same, or behind and standing
still: the times of what a device had kept for an outage run faster than ours, and end with readings of now.
One that was right until then, and does not go back before what it has told, is found behind by three looks:
of packs that each come after the next one, or come twice, two looks in a row may see the same delay. Looks
between which the device was silent, by the rule that says so, are none in a row: the newest of what waited
for a line is as old each time as the time between two messages. Where most devices of a partition are off,
the delay is our own. While a clock is wrong, and before one was ever right, readings as far behind as that
are judged as of their arrival, and so is what is ahead of the log, see `words`; all are stored as claimed.

Source: D. L. Mills et al., RFC 5905 "Network Time Protocol Version 4" (2010), section 10, the clock filter.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Transition
from stream_processor.fold.arrival.words import AHEAD_US
from stream_processor.fold.channels import Batch, Evidence, judge_at_tick
from stream_processor.fold.constants import LAST_US, Fold
from stream_processor.fold.joint import batch_of_look
from stream_processor.fold.state import NEVER_US, NO_SKEW, State

LOOK_US: Final = 30_000_000
"""Between two looks: chosen, three readings of a gateway."""
STEADY_S: Final = 30
"""Two looks that differ by no more find the same clock: chosen, above what a busy line adds to a delay."""
STEADY_SHARE: Final = 0.5
"""And by no more of the time from what one look saw to what the next saw: chosen, far below the speeds at
which devices empty their stores, however soon they are cut off again."""
STILL_SHARE: Final = 0.1
"""A clock stands still that went on by no more of that time: chosen, far below the speed of any store."""
STILL_US: Final = 2 * LOOK_US
"""And was seen no longer ago: between, a line may have been cut and a store have waited."""
MOST_S: Final = (1 << 31) - 1
"""Seconds of the greatest skew that is told apart."""
ROUNDED_S: Final = 2
"""Seconds by which a time may be later than skew and log time in whole seconds say."""
AT_BITS: Final = 32
"""Of a skew, those that hold the log time in seconds since 1970, until 2106."""
MANY: Final = 5
"""Devices of which most do not have wrong clocks at once: chosen, so that small installations profit too."""


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
    time_us, arrival_us = time_us[told], arrival_us[told]
    skew_s = np.clip((time_us - arrival_us) // 1_000_000, -MOST_S, MOST_S)
    np.maximum.at(state.skew, carrier[told], skew_s << AT_BITS | arrival_us // 1_000_000)


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


def wrong_clock_heard_us(state: State, carrier: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the log time, whole seconds as µs, of the last reading by each clock that is known to be wrong.

    Such a reading may lie before its series' mark for hours and is no news then, and yet it came.

    Args:
        state: read only.
        carrier: slots that carry clocks, -1 for none, shape (k,).

    Returns:
        Shape (k,); `NEVER_US` where there is no clock or it is not told to be wrong.
    """
    low = (1 << AT_BITS) - 1
    last_s = np.maximum(state.skew[carrier] & low, state.seen_skew[carrier] & low)
    is_wrong = (carrier >= 0) & state.is_open[Channel.CLOCK, carrier]
    return np.where(is_wrong, last_s * 1_000_000, NEVER_US)


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
    slot = fold.clock_carriers[state.skew[fold.clock_carriers] != NO_SKEW]
    skew_s, bound_s = state.skew[slot] >> AT_BITS, fold.clock_off_us[slot] / 1e6
    steady = _is_steady(state.seen_skew[slot], state.skew[slot], _silent_s(fold, slot))
    still = _stands_still(state.seen_skew[slot], state.skew[slot], bound_s)
    off = np.abs(skew_s) > bound_s
    behind = off & steady & (skew_s <= 0)
    doubted = _goes_back(state.skew[slot], state.mark_us[slot]) | ~state.clock_is_right[slot]
    state.seen_skew[slot], state.skew[slot] = state.skew[slot], NO_SKEW
    if not len(slot) or (len(slot) >= MANY and off.mean() > 0.5):
        return []
    wrong = (off & ((skew_s > 0) | still)) | (behind & doubted)
    evidence = Evidence(
        np.arange(len(slot)), wrong, ~off, -bound_s, bound_s, wrong | ~off, skew_s.astype(np.float64)
    )
    context, unknown = fold.contexts(slot, np.full(len(slot), at_us)), np.full(len(slot), np.nan, np.float32)
    batch = batch_of_look(fold, state, slot, context, unknown, at_us)
    told = judge_at_tick(fold, state, batch, evidence, Channel.CLOCK)
    is_right = (state.clock_is_right[slot] & ~behind) | ~off
    state.clock_is_right[slot] = is_right & ~state.is_open[Channel.CLOCK, slot]
    return told


def _silent_s(fold: Fold, slot: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return after how long without a word a device is silent, seconds, shape (n,); ages if no rule says."""
    rules, metric = fold.rulebook.channels[Channel.SILENCE], fold.layout.metric_id[slot]
    return np.where(rules.exists[metric], rules.silent_us[metric], LAST_US) / 1e6


def _is_steady(
    before: NDArray[np.int64], now: NDArray[np.int64], silent_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return where two looks found the same clock, with no silence in between, shape (n,)."""
    moved_s, passed_s = _between(before, now)
    steady: NDArray[np.bool_] = np.abs(moved_s) <= np.minimum(STEADY_S, STEADY_SHARE * passed_s)
    return steady & (passed_s <= silent_s)


def _stands_still(
    before: NDArray[np.int64], now: NDArray[np.int64], bound_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return where two looks found the same time on a clock that was behind at both, shape (n,)."""
    moved_s, passed_s = _between(before, now)
    still: NDArray[np.bool_] = np.abs(moved_s + passed_s) <= STILL_SHARE * passed_s
    return still & (passed_s <= STILL_US // 1_000_000) & (before >> AT_BITS < -bound_s)


def _goes_back(skew: NDArray[np.int64], mark_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where the least delayed reading claims a time before its series' mark, shape (n,)."""
    claimed_s = (skew >> AT_BITS) + (skew & (1 << AT_BITS) - 1)
    back: NDArray[np.bool_] = claimed_s + ROUNDED_S < mark_us // 1_000_000
    return back


def _between(
    before: NDArray[np.int64], now: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return by how much skews moved, and the time between what showed them, both in seconds, shape (n,)."""
    at = (1 << AT_BITS) - 1
    return (now >> AT_BITS) - (before >> AT_BITS), (now & at) - (before & at)
