"""What schools share on a day: taken out of a figure before a school is judged by it.

On an eve of a holiday or in a storm all schools have fewer pupils, and none of them has a fault. Of the
metrics whose anomaly rule says `less_shared`, the differences of the session's newest readings from what
their series expect are compared over the schools of a level: their median is the level's part, and the
median of what is left in a cluster, shrunk by n / (n + 4), is the cluster's. A reading is then judged less
both. Until `LEAST_KIN` schools of the level have reported nothing is known, for at most `PATIENCE_US` of a
session; what came by then is judged at the tick at which it is. Where fewer schools than that know
themselves, nothing is shared.

*A shared drop is news itself.* Where it is as large as the rule's least deviation it is not taken out, and
every school that fell as far is told, however much it moves otherwise: that they fell together is found in
their alerts, as one line. It is the level's news or a cluster's: what only both together make as large is
taken out, or at the brink of a thin day each of a city's worse clusters would be told by itself.

*Only drops.* On a day on which more come than usual, a school where nearly all come every day has nothing to
gain; what the others gained would make it look low.

*Young levels.* All registers of a day tell the same, so a level that is known from n days is itself wrong by
the root of 1 / n of a day's deviation, and a reading is as unlike it as it is far from it in deviations that
are wider by the root of 1 + 1 / n (`State.days`): by four tenths on a school's second day, by a twentieth
after two weeks.

*Learning.* A series learns its values less three quarters of what was shared: a storm hardly moves what is
expected of a school, and what stays is learnt four times as slowly as by one school alone.

It crosses series, so it happens at ticks, once a minute of log time, and only what was measured in the
session counts, so that redelivery changes nothing; the schools are those of one partition, as with kin.

Source:
    Median polish: J. W. Tukey, "Exploratory Data Analysis", 1977, ch. 10-11. Sizes: New York's registers,
    2013 to 2015; docs/detection.md.
"""

from datetime import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.absence import absence_deviations, attended_at
from anomaly.judgement import Judgement
from anomaly.moments import NO_PHASE, Moments
from contract.alert import Channel
from contract.calendar import MINUTE_US
from contract.fleet import LEVELS
from stream_processor.fold.constants import Fold
from stream_processor.fold.newcomers import LEAST_KIN, group_medians
from stream_processor.fold.rulebook import ChannelRules
from stream_processor.fold.state import NEVER_US, State

Floats = NDArray[np.float64]

PATIENCE_US: Final = 60 * MINUTE_US
"""After a session's edge begins, half an hour before its bell, judged without the others; chosen."""
SHRINK: Final = 4.0
"""Schools that a cluster of no difference weighs against its own."""
NEARLY: Final = 0.999
"""Of the least deviation, what is surely not as large in four bytes."""
LEARNT: Final = 0.25
"""Part of what is shared that a series learns."""
MANY_DAYS: Final = 255
"""Beyond so many days nothing more is learnt of a deviation."""
_NOBODY: Final = np.empty(0, np.intp)


def follow_shared(fold: Fold, state: State, before_us: int, at_us: int) -> NDArray[np.intp]:
    """Write what the schools share into `state`, if a new minute began since the last tick.

    Returns the slots that reported in this session before it was known: their newest readings wait to be
    judged, shape (k,). A school that sends its register once a session is judged all the same.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        before_us: log time of the last tick.
        at_us: log time of this one.
    """
    if at_us // MINUTE_US == before_us // MINUTE_US:
        return _NOBODY
    waiting = [_NOBODY]
    for slots in fold.shared_slots:
        count_days(fold, state, slots, before_us, at_us)
        found = _parts(fold, state, slots, at_us)
        is_new = np.isnan(state.shared[slots]) & ~np.isnan(found) & _reported(fold, state, slots)
        waiting.append(slots[is_new])
        state.shared[slots] = found
    return np.concatenate(waiting)


def count_days(fold: Fold, state: State, slots: NDArray[np.intp], before_us: int, at_us: int) -> None:
    """Count the day of the last tick, if another has begun since, where something came on it."""
    local_day = fold.calendar.local_day
    if before_us == NEVER_US or local_day(before_us) == local_day(at_us):
        return
    came = slots[state.event_us[slots] >= fold.calendar.moment_us(local_day(before_us), time.min)]
    state.days[came] = np.minimum(state.days[came], MANY_DAYS - 1) + 1


def _reported(fold: Fold, state: State, slots: NDArray[np.intp]) -> NDArray[np.bool_]:
    begun_us = state.session_from_us[fold.layout.level[slots]]
    reported: NDArray[np.bool_] = (begun_us != NEVER_US) & (state.event_us[slots] >= begun_us)
    return reported


def _parts(fold: Fold, state: State, slots: NDArray[np.intp], at_us: int) -> NDArray[np.float32]:
    level = fold.layout.level[slots]
    begun_us = state.session_from_us[level]
    at = Moments(
        slots + len(fold.layout), np.full(len(slots), at_us), np.full(len(slots), NO_PHASE, np.int16)
    )
    expected = fold.detector.judge(state.detector, at, state.value[slots]).expected
    among = np.bincount(level[np.isfinite(expected)], minlength=len(LEVELS))
    left = state.value[slots] - expected
    left[~_reported(fold, state, slots)] = np.nan
    part = np.zeros(len(slots))
    known = np.flatnonzero(np.isfinite(left))
    of_level = group_medians(level[known].astype(np.intp), left[known], len(LEVELS))
    count = np.bincount(level[known], minlength=len(LEVELS))
    part = np.where(count[level] >= LEAST_KIN, of_level[level], np.nan)
    of_cluster = _of_clusters(fold, slots, left - part)
    least = fold.rulebook.channels[Channel.ANOMALY].least_deviation[fold.layout.metric_id[slots]]
    part = _together(part, of_cluster, least)
    # Nobody to compare with, or not by now.
    alone = (among[level] < LEAST_KIN) | ((begun_us != NEVER_US) & (at_us - begun_us >= PATIENCE_US))
    return np.where(np.isnan(part) & alone, 0.0, part).astype(np.float32)


def _together(of_level: Floats, of_cluster: Floats, least: Floats) -> Floats:
    """Return what a level and a cluster share together, a drop of `least` and more where it is news, (k,).

    News is of whoever fell as far: of a whole level, in each of its clusters, or of one cluster by more than
    its level. On a thin day that only both together fell as far, none of the clusters is told for the city.
    """
    both = of_level + of_cluster
    whole, brink = of_level <= -least, of_cluster > -least
    both = np.where(brink & ~whole, np.maximum(both, -NEARLY * least), both)
    return np.where(whole, np.minimum(both, -least / NEARLY), both)


def _of_clusters(fold: Fold, slots: NDArray[np.intp], left: Floats) -> Floats:
    """Return what each school's cluster shares of what its level leaves, shape (k,)."""
    cluster = fold.layout.cluster[fold.layout.school[slots]]
    groups = int(cluster.max(initial=-1)) + 1
    known = np.flatnonzero(np.isfinite(left))
    count = np.bincount(cluster[known], minlength=groups)
    middle = group_medians(cluster[known], left[known], groups)
    shrunk = np.where(count >= LEAST_KIN, middle * count / (count + SHRINK), 0.0)
    found: Floats = shrunk[cluster]
    return found


def parts_taken(
    rules: ChannelRules, state: State, slot: NDArray[np.intp], metric: NDArray[np.int32]
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is taken out of values before they are judged and before they are learnt, shape (n,).

    And where that is known, elsewhere it is 0 and nobody is judged; and where what is shared is news.
    """
    part, taken = np.zeros(len(slot)), np.zeros(len(slot))
    known, is_news = np.ones(len(slot), np.bool_), np.zeros(len(slot), np.bool_)
    less = np.flatnonzero(rules.less_shared[metric])
    if len(less):
        shared = state.shared[slot[less]].astype(np.float64)
        known[less] = ~np.isnan(shared)
        shared = np.where(known[less], np.minimum(shared, 0.0), 0.0)
        is_news[less] = shared <= -rules.least_deviation[metric[less]]
        part[less] = np.where(is_news[less], 0.0, shared)
        taken[less] = (1.0 - LEARNT) * shared
    lines = np.flatnonzero(rules.less_provider[metric])
    if len(lines):
        shared = state.shared[slot[lines]].astype(np.float64)
        is_news[lines] = np.isinf(shared)
        part[lines] = np.where(np.isfinite(shared), shared, 0.0)
        known[lines] = ~np.isnan(shared)
    return part, taken, known, is_news


def told_less(
    rules: ChannelRules,
    state: State,
    slot: NDArray[np.intp],
    metric: NDArray[np.int32],
    value: Floats,
    judgement: Judgement,
    part: Floats,
) -> Judgement:
    """Return what was judged less `part` as it is told of the values themselves; columns are its own."""
    z, expected = judgement.z.copy(), judgement.expected + part
    deviation = judgement.deviation.copy()
    # Registers of all schools have tails alike, and one a day is too little to learn a school's own.
    less = rules.less_shared[metric]
    z[less] = judgement.plain[less]
    share = np.flatnonzero(rules.of_absence[metric])
    if len(share):
        usual, bound = expected[share], rules.bound[metric[share]]
        wider = np.sqrt(1.0 + 1.0 / np.maximum(state.days[slot[share]], 1))
        z[share] = absence_deviations(value[share], usual) / wider
        deviation[share] = (usual - attended_at(usual, bound * wider)) / bound
    return judgement._replace(z=z, expected=expected, deviation=deviation)
