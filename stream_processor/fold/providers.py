"""What a provider's lines share at a moment: taken out of a line's figure before the line is judged.

On an evening on which a provider is slow all of its lines grow slower, and no school has a fault. Of the
metrics that a line measures whose anomaly rule says `less_shared`, the differences of the newest readings
from what their series expect are compared over the lines of a provider; their median is the provider's part,
in the direction that the rule looks to. Each line is judged less it, and learns its readings as they are, so
that its tail knows how far out its provider's evenings lie.

*The provider itself is judged by the same lines.* A part as large as the rule's least deviation is news if it
is out of the rule's bound for the provider's typical line: unlike what such a line knows of its provider's
evenings. News is not taken out, and every line that moved as far is told, whatever its own bursts are like:
that they moved together is found in their alerts, as one line. Until a provider's typical line is known from
`NEWS_DAYS` days nothing is news: any provider has slow evenings, and its lines, all on one evening, have seen
none of them or one.

*A full line* makes those who use it wait: what its round trips are like while the school fills it says
nothing of the provider. They are neither judged nor learnt, so what is usual is of a line with room.

It crosses series, so it happens at ticks, what is shared once a minute of log time. A reading counts for a
quarter of an hour, as long as it speaks for; what a line that was cut sends afterwards is older and says
nothing of now. The lines are those of one partition, as with kin.

Source:
    Median polish: J. W. Tukey, "Exploratory Data Analysis", 1977, ch. 10-11. Sizes: docs/detection.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.moments import Moments
from contract.alert import Channel
from contract.calendar import MINUTE_US, in_session
from stream_processor.fold.constants import QUARTER_US, Fold
from stream_processor.fold.newcomers import group_medians
from stream_processor.fold.shared import count_days
from stream_processor.fold.state import State

Floats = NDArray[np.float64]

LEAST_LINES: Final = 5
"""Lines that know themselves before a provider's are compared. Chosen: two with a fault of their own do not
move the median of five."""
NEWS_DAYS: Final = 7
"""Days from which on a provider's rise can be news: chosen, a week has each weekday's evening."""


def follow_providers(fold: Fold, state: State, before_us: int, at_us: int) -> None:
    """Write which lines are full, and what each provider's share if a new minute began, into `state`.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    if not fold.line_slots:
        return
    rates = fold.rate_slots
    is_full = (state.value[rates] >= fold.full_bps[rates]) & (state.event_us[rates] >= at_us - QUARTER_US)
    is_new = at_us // MINUTE_US != before_us // MINUTE_US
    if not (is_full.any() or is_new):
        return
    full = np.zeros(fold.layout.schools, np.bool_)
    full[fold.layout.school[rates[is_full]]] = True
    for slots in fold.line_slots:
        if is_new:
            count_days(fold, state, slots, before_us, at_us)
            state.shared[slots] = _parts(fold, state, slots, at_us)
        state.shared[slots[full[fold.layout.school[slots]]]] = np.nan


def _parts(fold: Fold, state: State, slots: NDArray[np.intp], at_us: int) -> Floats:
    """Return the part of each line, shape (k,): 0 where nothing is known, infinite where it is news."""
    rules, metric = fold.rulebook.channels[Channel.ANOMALY], fold.layout.metric_id[slots[0]]
    of_slots = fold.layout.provider[fold.layout.school[slots]]
    providers = int(of_slots.max()) + 1
    heard = state.event_us[slots] >= at_us - QUARTER_US
    slot, provider = slots[heard], of_slots[heard]
    time_us = state.event_us[slot]
    context = fold.contexts(slot, time_us)
    cell = slot + len(fold.layout) * in_session(context)
    at = Moments(cell, time_us, fold.phases(context, time_us))
    expected = fold.detector.judge(state.detector, at, state.value[slot]).expected
    known = np.isfinite(expected)
    least = np.bincount(provider[known], minlength=providers) >= LEAST_LINES
    known &= least[provider]
    part = group_medians(provider[known], (state.value[slot] - expected)[known], providers)
    is_watched = np.where(part < 0, rules.looks_down[metric], rules.looks_up[metric])
    part = np.where(least & is_watched, part, 0.0)
    days = group_medians(provider[known], state.days[slot[known]].astype(np.float64), providers)
    large = (np.abs(part) >= rules.least_deviation[metric]) & (days >= NEWS_DAYS)
    if large.any():
        z = fold.detector.judge(state.detector, at, expected + part[provider]).z
        typical = np.abs(group_medians(provider[known], z[known], providers))
        part[large & (typical >= rules.bound[metric])] *= np.inf
    taken: Floats = part[of_slots]
    return taken
