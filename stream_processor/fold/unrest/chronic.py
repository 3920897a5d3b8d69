"""Chronic: a device that is bad again and again for days is told once, and then judged by its own habits.

Each tick looks which devices have an open alert of the rules that a chronic rule names. A device with
`spells` of them within a week, on `on_days` days or more, is chronic: an alert of the chronic rule opens and
stays. From the next entry on what those rules open at it is *withheld*: the fold goes on as ever, suppresses
by it and counts its figures by it, and nobody is told. Two things still are: a spell that is worse than usual
(`spells.worse_us`), told with `Beginning.WORSE` when it has become that, and what anomaly rules say, for
those judge a series by its own past; a withheld alert does not hold them back. The chronic alert ends with
`Ending.STEADY` once the device is well and the week has no more than one spell.

Ticks, because it crosses series (law 2): what is withheld depends on what the last tick found.

Source: ANSI/ISA-18.2-2016 asks that alarms which come most often (bad actors) and stale ones are found and
dealt with apart from the others.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.alert import Beginning, Channel, Ending, Transition, TransitionKind
from contract.rule import ChronicRule
from stream_processor.fold.channels import transition_of
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import NEVER_US, State
from stream_processor.fold.unrest.spells import Spells

STEADY_SPELLS: Final = 1
"""So many spells a week any line may have: chosen, one who has no more is chronic no longer."""


def withhold(fold: Fold, state: State, told: Sequence[Transition]) -> list[Transition]:
    """Return the transitions that are told, in their order; remember in `state` what is withheld.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        told: what opened and resolved since the last tick, or at one, in log order.
    """
    if not told or not (state.withheld or state.is_open[Channel.CHRONIC, fold.chronic_carriers].any()):
        return list(told)
    return [one for one in told if not _is_withheld(fold, state, one)]


def _is_withheld(fold: Fold, state: State, transition: Transition) -> bool:
    channel = fold.chronic_channels.get(transition.rule)
    if channel is None:
        return False
    slot = int(fold.layout.slots_of(np.array([transition.series], np.int32))[0])
    if transition.kind is TransitionKind.RESOLVED:
        was = (channel, slot) in state.withheld
        state.withheld.discard((channel, slot))
        return was
    carrier = int(fold.chronic_slots[slot])
    if not state.is_open[Channel.CHRONIC, carrier] or state.spells.get(carrier, Spells()).is_told:
        return False
    state.withheld.add((channel, slot))
    return True


def hear_chronic(fold: Fold, state: State, before_us: int, at_us: int) -> list[Transition]:
    """Follow the spells of all devices at a tick; return what is told by it.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    carriers = fold.chronic_carriers
    if not len(carriers):
        return []
    bad: set[int] = set()
    for channel, slots in fold.chronic_watched:
        bad.update(fold.chronic_slots[slots[state.is_open[channel][slots]]].tolist())
    today = fold.calendar.local_day(at_us)
    asked = bad | state.spells.keys()
    if before_us != NEVER_US and fold.calendar.local_day(before_us) == today:
        turned = bad ^ {carrier for carrier, spells in state.spells.items() if spells.since_us}
        chronic = carriers[state.is_open[Channel.CHRONIC][carriers]].tolist()
        asked = turned | asked.intersection(chronic)
    told: list[Transition] = []
    for carrier in sorted(asked):
        told += _follow(fold, state, carrier, at_us, is_bad=carrier in bad)
    return told


def _follow(fold: Fold, state: State, carrier: int, at_us: int, *, is_bad: bool) -> list[Transition]:
    """Follow the spells of one device."""
    today = fold.calendar.local_day(at_us)
    was_chronic = bool(state.is_open[Channel.CHRONIC, carrier])
    spells = state.spells.get(carrier, Spells())
    if is_bad and not spells.since_us:
        spells = spells.begun(at_us, today, is_told=not was_chronic)
    elif spells.since_us and not is_bad:
        spells = spells.ended(at_us)
    spells = spells.on(today)
    state.spells[carrier] = spells
    if not was_chronic:
        if _is_chronic(fold, spells, carrier):
            return [_open(fold, state, carrier, at_us)]
        if not spells.times and not is_bad:
            del state.spells[carrier]
        return []
    if not is_bad and spells.times <= STEADY_SPELLS:
        return [_end(fold, state, carrier, at_us)]
    if is_bad and not spells.is_told and at_us - spells.since_us >= spells.worse_us:
        state.spells[carrier] = spells._replace(is_told=True)
        return _tell(fold, state, carrier, at_us)
    return []


def _is_chronic(fold: Fold, spells: Spells, carrier: int) -> bool:
    rule = fold.rulebook.channels[Channel.CHRONIC].by_metric[int(fold.layout.metric_id[carrier])]
    assert isinstance(rule, ChronicRule)
    return spells.times >= rule.spells and len(spells.by_day) >= rule.on_days


def _open(fold: Fold, state: State, carrier: int, at_us: int) -> Transition:
    rules, metric_id = fold.rulebook.channels[Channel.CHRONIC], int(fold.layout.metric_id[carrier])
    in_session = state.session_from_us[fold.layout.level[carrier]] != NEVER_US
    state.is_open[Channel.CHRONIC, carrier] = True
    state.since_us[Channel.CHRONIC, carrier] = at_us
    state.priority[Channel.CHRONIC, carrier] = (rules.priority_in_session if in_session else rules.priority)[
        metric_id
    ]
    return transition_of(fold, state, Channel.CHRONIC, carrier, TransitionKind.OPENED, at_us, at_us)


def _end(fold: Fold, state: State, carrier: int, at_us: int) -> Transition:
    state.is_open[Channel.CHRONIC, carrier] = False
    return transition_of(
        fold,
        state,
        Channel.CHRONIC,
        carrier,
        TransitionKind.RESOLVED,
        at_us,
        at_us,
        Ending.STEADY.value,
    )


def _tell(fold: Fold, state: State, carrier: int, at_us: int) -> list[Transition]:
    """Return the openings of what was withheld at a device until now."""
    mine = sorted(key for key in state.withheld if fold.chronic_slots[key[1]] == carrier)
    state.withheld -= set(mine)
    return [
        msgspec.structs.replace(
            transition_of(
                fold,
                state,
                Channel(channel),
                slot,
                TransitionKind.OPENED,
                at_us,
                at_us,
                Beginning.WORSE.value,
            ),
            at_us=max(at_us, int(state.since_us[channel, slot])),
            value=None if channel == Channel.SILENCE else float(state.value[slot]),
        )
        for channel, slot in mine
    ]


def take_up(fold: Fold, state: State, carrier: int, transition: Transition) -> None:
    """Take over from the tables that a device became chronic, or is so no longer.

    Its spells went with the log; they count as of that day, so that it ends a week later at the earliest.
    """
    state.spells.pop(carrier, None)
    if transition.kind is TransitionKind.OPENED:
        today = fold.calendar.local_day(transition.detected_at_us).toordinal()
        state.spells[carrier] = Spells(((today, STEADY_SPELLS + 1),))


def drop_untellable(fold: Fold, state: State) -> None:
    """Forget what is withheld at devices that are no longer chronic: the next evidence opens it again."""
    for channel, slot in list(state.withheld):
        carrier = int(fold.chronic_slots[slot])
        if carrier < 0 or not state.is_open[Channel.CHRONIC, carrier]:
            state.withheld.discard((channel, slot))
            state.is_open[channel, slot] = False
            state.run[channel, slot] = 0


def withheld_mask(state: State) -> NDArray[np.bool_]:
    """Return where an open alert is withheld, shape (c, n)."""
    found = np.zeros_like(state.is_open)
    for channel, slot in state.withheld:
        found[channel, slot] = True
    return found
