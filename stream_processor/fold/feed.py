"""Alerts about the center itself: a log that stood still, a broker that is out of reach or in trouble.

All are heard by ticks alone and belong to no school, so each partition raises its own and a wall
shows those of one rule as one line.
"""

from collections.abc import Sequence
from typing import Final

from contract.alert import Transition, TransitionKind, alert_id_of
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.entry import Trouble
from contract.rule import SystemRule
from stream_processor.fold.constants import Fold
from stream_processor.fold.state import NEVER_US, State

LOG_GAP: Final = "log_gap"
"""Rule of a log that stood still; without it in rules.toml no such alert is raised."""
FEED_DOWN: Final = "feed_down"
"""Rule of an ingest that has lost its broker."""
LOG_GAP_US: Final = 30_000_000
"""Ticks come once a second; further apart than this, the log itself stood still, not the schools."""
GAP_OVER_US: Final = 600_000_000
"""A gap is over after this long without another: restarts that follow each other are one alert."""
TROUBLE_OVER_US: Final = 600_000_000
"""A trouble is over after this long without another tick that tells of it, as a gap is."""
DEAF_US: Final = 15_000_000
"""Deaf ticks for this long are an alert; a broker that restarts is back within seconds."""


def hear_feed(
    fold: Fold, state: State, at_us: int, *, hears: bool, troubles: Sequence[Trouble] = ()
) -> list[Transition]:
    """Let a tick speak of the log and its ingest; to be called before `state.tick_us` moves.

    Silence is counted anew from a tick after a gap and from every deaf tick: nobody could be heard.

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        at_us: log time of the tick.
        hears: False for a tick of an ingest that has lost its broker.
        troubles: what the tick tells of the broker.
    """
    first = state.tick_us == NEVER_US
    gap_us = 0 if first else at_us - state.tick_us
    if first or gap_us > LOG_GAP_US or not hears:
        state.silence_from_us = at_us
    told = _follow_gaps(fold, state, at_us, gap_us) + _follow_deafness(fold, state, at_us, hears=hears)
    if troubles or state.troubles:
        told += _follow_troubles(fold, state, at_us, troubles)
    state.ticks_steadily = not first and gap_us <= LOG_GAP_US
    return told


def _follow_gaps(fold: Fold, state: State, at_us: int, gap_us: int) -> list[Transition]:
    rule = fold.rulebook.system.get(LOG_GAP)
    if gap_us > LOG_GAP_US:
        state.gap_until_us = at_us
        # Seeded history and a demonstration at a hundredfold speed tick seldom by nature.
        if rule is None or not state.ticks_steadily or state.gap_since_us != NEVER_US:
            return []
        state.gap_since_us = state.tick_us
        return [system_transition(fold, rule, TransitionKind.OPENED, state.gap_since_us, at_us, gap_us / 1e6)]
    if rule is None or state.gap_since_us == NEVER_US or at_us - state.gap_until_us < GAP_OVER_US:
        return []
    opened_at_us, state.gap_since_us = state.gap_since_us, NEVER_US
    return [system_transition(fold, rule, TransitionKind.RESOLVED, opened_at_us, at_us)]


def _follow_deafness(fold: Fold, state: State, at_us: int, *, hears: bool) -> list[Transition]:
    rule = fold.rulebook.system.get(FEED_DOWN)
    if not hears:
        if state.deaf_since_us == NEVER_US:
            state.deaf_since_us = at_us
        if rule is None or state.feed_is_down or at_us - state.deaf_since_us < DEAF_US:
            return []
        state.feed_is_down = True
        return [system_transition(fold, rule, TransitionKind.OPENED, state.deaf_since_us, at_us)]
    opened_at_us, state.deaf_since_us = state.deaf_since_us, NEVER_US
    was_down, state.feed_is_down = state.feed_is_down, False
    if rule is None or not was_down:
        return []
    return [system_transition(fold, rule, TransitionKind.RESOLVED, opened_at_us, at_us)]


def _follow_troubles(fold: Fold, state: State, at_us: int, troubles: Sequence[Trouble]) -> list[Transition]:
    """Open what the tick tells of, and resolve what no tick has told for `TROUBLE_OVER_US`."""
    told: list[Transition] = []
    open_now = dict(state.troubles)
    for name in map(str, troubles):
        rule = fold.rulebook.system.get(name)
        if rule is None:
            continue
        if name not in open_now:
            told.append(system_transition(fold, rule, TransitionKind.OPENED, at_us, at_us))
        opened_at_us, _ = open_now.get(name, (at_us, at_us))
        open_now[name] = (opened_at_us, at_us)
    for name, (opened_at_us, last_us) in state.troubles.items():
        if name not in troubles and at_us - last_us >= TROUBLE_OVER_US:
            del open_now[name]
            rule = fold.rulebook.system[name]
            told.append(system_transition(fold, rule, TransitionKind.RESOLVED, opened_at_us, at_us))
    state.troubles = open_now
    return told


def system_transition(
    fold: Fold,
    rule: SystemRule,
    kind: TransitionKind,
    opened_at_us: int,
    at_us: int,
    value: float | None = None,
) -> Transition:
    """Return that an alert about the center opens or resolves; `value` as its rule means it."""
    series = system_series(fold.layout.partition)
    return Transition(
        alert_id=alert_id_of(rule.name, series, opened_at_us),
        kind=kind,
        rule=rule.name,
        series=series,
        school_id=SYSTEM_SCHOOL_ID,
        priority=rule.priority,
        opened_at_us=opened_at_us,
        at_us=at_us,
        detected_at_us=at_us,
        value=value,
    )
