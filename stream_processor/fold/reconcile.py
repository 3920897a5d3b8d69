"""What the tables hold open against what the state holds open, under the rules in force (pure).

Both agree as long as nothing changes between two commits. Rules or a fleet that change while a processor
is dead are another fold: its silent replay may open what was never told, and forget what was.
"""

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from contract.alert import Alert, Ending, Transition, TransitionKind, alert_id_of
from contract.canary import system_series
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import is_of_fleet
from stream_processor.fold.state import State


def held_open(fold: Fold, state: State) -> dict[str, tuple[int, int]]:
    """Return the alerts that the state holds open and that are told: channel and slot by identity."""
    found = {}
    for channel, slot in zip(*np.nonzero(state.is_open), strict=True):
        rule = fold.rulebook.rule(int(channel), int(fold.layout.metric_id[slot]))
        if rule is not None and (int(channel), int(slot)) not in state.withheld:
            series, since_us = int(fold.layout.series[slot]), int(state.since_us[channel, slot])
            found[alert_id_of(rule.name, series, since_us)] = (int(channel), int(slot))
    return found


def close_untold(state: State, held: dict[str, tuple[int, int]], told: Collection[str]) -> None:
    """Forget what the state holds open and nobody was told of: it opens again by the next evidence.

    Args:
        state: changed in place.
        held: see `held_open`.
        told: identities of `held` that were stored as opened and not as resolved.
    """
    for alert_id in held.keys() - set(told):
        channel, slot = held[alert_id]
        state.is_open[channel, slot] = False
        state.run[channel, slot] = 0


def orphans(
    fold: Fold, held: Collection[str], stored_open: Iterable[Alert], at_us: int
) -> Iterator[Transition]:
    """Yield the end of each alert that is open in the tables and that nothing would ever end.

    Args:
        fold: rules and slots in force.
        held: identities that the state holds open.
        stored_open: alerts that are opened and not resolved in the tables, of any partition.
        at_us: log time.
    """
    known = {rule.name for rules in fold.rulebook.channels for rule in rules.by_metric.values()}
    for alert in stored_open:
        slot = fold.layout.slots_of(np.array([alert.series], np.int32))[0]
        # A rule or series that is gone is retired by the owner of the alerts, which knows all of them.
        if slot >= 0 and alert.rule in known and alert.alert_id not in held:
            yield ended(alert, at_us, Ending.RULES_CHANGED)


def ending_of(
    alert: Alert, fleet: Fleet, catalogue: Catalogue, rules: Collection[str], partitions: int
) -> Ending | None:
    """Return why an alert ends that no fold looks after; None for one that a fold does.

    Args:
        alert: of a partition.
        fleet: as it is now.
        catalogue: metrics.
        rules: names of the rules in force.
        partitions: how many there are.
    """
    if alert.rule not in rules:
        return Ending.RULE_GONE
    own = (system_series(p) for p in range(partitions))
    if alert.series in own or is_of_fleet(fleet, catalogue, alert.series):
        return None
    former = {f.school.id: f for f in fleet.former}.get(alert.school_id)
    if former is None:
        return Ending.DEVICE_RETIRED
    return Ending.SCHOOL_CLOSED if former.merged_into is None else Ending.SCHOOL_MERGED


def ended(alert: Alert, at_us: int, ending: Ending) -> Transition:
    """Return the transition that ends an alert which no reading will end."""
    return Transition(
        alert_id=alert.alert_id,
        kind=TransitionKind.RESOLVED,
        rule=alert.rule,
        series=alert.series,
        school_id=alert.school_id,
        priority=alert.priority,
        opened_at_us=alert.opened_at_us,
        at_us=at_us,
        detected_at_us=at_us,
        value=None,
        expected_low=None,
        expected_high=None,
        score=None,
        reason=ending.value,
    )
