"""What a device is said to be against what it sends: looked at by ticks, for it crosses series.

The last will of a connection that died comes when the broker notices, and by then the device may be back
for long: `offline` is what arrives last. What arrives through a line afterwards shows that the line is not
down; arrival decides and not the time of measuring, for the clocks of device and broker need not agree.
Readings that come a second time prove nothing. Those of a device that comes back with its clock behind are no
news for hours: they prove that the line is not down once the clock is known to be wrong, and so do those that
are refused for their time.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel, Ending, Transition, TransitionKind
from stream_processor.fold.arrival.clocks import wrong_clock_heard_us
from stream_processor.fold.arrival.words import keep_word
from stream_processor.fold.channels import transition_of
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import State
from stream_processor.fold.unrest.flapping import is_well, settles


def hear_contradictions(fold: Fold, state: State, at_us: int) -> list[Transition]:
    """End each alert of a claim that what arrived after it contradicts; write to `state`.

    The claim itself is taken for its opposite, so that figures say what the alerts say.
    """
    told: list[Transition] = []
    for claims in fold.claims:
        is_open = state.is_open[Channel.THRESHOLD, claims.slot]
        if not is_open.any():
            continue
        slot, proof = claims.slot[is_open], claims.proof[:, is_open]
        came_us = np.maximum(
            state.news_us[proof].max(axis=0), wrong_clock_heard_us(state, fold.clock_slots[proof[0]])
        )
        refuted: NDArray[np.bool_] = came_us > state.news_us[slot]
        for s in slot[refuted].tolist():
            told += _refute(fold, state, s, at_us)
    return told


def _refute(fold: Fold, state: State, slot: int, at_us: int) -> list[Transition]:
    rules, metric_id = fold.rulebook.channels[Channel.THRESHOLD], int(fold.layout.metric_id[slot])
    if is_well(rules, metric_id, int(state.run[Channel.THRESHOLD, slot])):
        return []  # flapping, and known to be well
    metric = fold.catalogue.by_id[metric_id]
    # What the device said stays its word: said again it is a copy, and its own word for the opposite is news.
    keep_word(state, slot)
    state.value[slot] = metric.low + metric.high - state.value[slot]
    if not settles(state.unrests, Channel.THRESHOLD, slot, at_us, is_fresh=True):
        state.run[Channel.THRESHOLD, slot] = 255
        return []
    state.run[Channel.THRESHOLD, slot] = 0
    state.is_open[Channel.THRESHOLD, slot] = False
    ended = transition_of(
        fold, state, Channel.THRESHOLD, slot, TransitionKind.RESOLVED, at_us, at_us, Ending.CONTRADICTED.value
    )
    return [msgspec.structs.replace(ended, at_us=max(at_us, ended.opened_at_us))]
