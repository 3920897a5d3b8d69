"""A recess ends what only school days could end.

Registers come in sessions alone, and a series is judged by its past on school days alone. So what was told of
either on the last day before Tết would stand for two weeks of which nobody can say anything; and by the
first register after it, it would have lasted so long that its level counts as a new one. It is resolved at
the first tick of the recess (`Ending.RECESS`). What is still so when school begins is told then.

Nor is a level waited for any more whose last session nobody began.

Ticks, because nothing arrives. Threshold rules of lines and silent devices go on as ever.

Source: stale alarms, ANSI/ISA-18.2-2016.
"""

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Ending, Transition, TransitionKind
from contract.fleet import LEVELS
from stream_processor.fold.channels import transition_of
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import NEVER_US, State


def hear_recess(fold: Fold, state: State, before_us: int, at_us: int) -> list[Transition]:
    """Resolve what a recess ends, if a local day of one began since the last tick; write to `state`.

    Args:
        fold: calendar and slots.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    day = fold.calendar.local_day(at_us)
    if before_us == NEVER_US or fold.calendar.local_day(before_us) == day:
        return []
    is_off = np.array([fold.calendar.is_recess(level, day) for level in range(len(LEVELS))])
    state.not_begun[is_off] = False
    ends: NDArray[np.bool_] = state.is_open & is_off[fold.layout.level]
    ends &= fold.layout.sessional | (np.arange(len(ends)) == Channel.ANOMALY)[:, None]
    told = []
    for channel, slot in np.argwhere(ends).tolist():
        state.is_open[channel, slot] = False
        state.run[channel, slot] = 0
        ended_us = max(at_us, int(state.since_us[channel, slot]))
        told.append(
            transition_of(
                fold, state, Channel(channel), slot, TransitionKind.RESOLVED, ended_us, at_us,
                Ending.RECESS.value,
            )
        )  # fmt: skip
    return told
