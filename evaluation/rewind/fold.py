"""Stored history through the real fold under several sets of rules at once (pure)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contract.alert import Transition, TransitionKind
from contract.calendar import MINUTE_US, SchoolCalendar, in_session
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.rule import MetricRule, Rule
from evaluation.rewind.entries import Stretch, entries_of, pieces
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.state import State
from stream_processor.fold.step import advance

SAMPLE_SEED = 79
"""Chooses the schools of a sample: the same ones each time, so that two runs compare."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the running system knows."""

    fleet: Fleet
    """The chosen schools."""
    catalogue: Catalogue
    calendar: SchoolCalendar
    factor: float = 1.0
    """Schools that each chosen one stands for; above 1 for a sample."""


@dataclass(slots=True)
class Side:
    """One set of rules on its way through history."""

    rules: tuple[MetricRule, ...]
    """Those that speak of schools."""
    fold: Fold
    state: State
    transitions: list[Transition] = field(default_factory=list)
    """All so far, in log order."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that opened within the stretch that was asked for."""

    alert_id: str
    rule: str
    series: int
    school_id: int
    opened_us: int
    detected_us: int
    resolved_us: int | None
    """None: still open at the end."""
    in_school_hours: bool
    """Whether its school was in session when it was noticed."""
    value: float | None
    expected_low: float | None
    expected_high: float | None


def choose_schools(
    fleet: Fleet, codes: Collection[str] = (), cluster: str = "", sample: int = 0
) -> tuple[Fleet, float]:
    """Return the chosen schools as a fleet, and how many schools each stands for.

    Args:
        fleet: all schools.
        codes: only these; all if empty.
        cluster: only schools of the cluster with this code or name; all if empty.
        sample: so many of them, by a fixed seed; 0 for all.

    Raises:
        ConfigurationError: a code or the cluster is unknown.
    """
    unknown = sorted(set(codes) - fleet.school_by_code.keys())
    if unknown:
        raise ConfigurationError(f"no school has the code {', '.join(unknown)}")
    clusters = {c.code for c in fleet.clusters if cluster in (c.code, c.name)}
    if cluster and not clusters:
        raise ConfigurationError(f"no cluster is called {cluster!r}")
    chosen = [
        s
        for s in fleet.schools
        if (not codes or s.code in codes)
        and (not clusters or fleet.ward_by_code[s.ward_code].cluster_code in clusters)
    ]
    if not chosen:
        raise ConfigurationError(f"no school of --schools lies in the cluster {cluster!r}")
    of = len(chosen)
    if 0 < sample < of:
        place = np.random.default_rng(SAMPLE_SEED).choice(of, sample, replace=False)
        chosen = [chosen[i] for i in np.sort(place)]
    ids = {school.id for school in chosen}
    devices = tuple(device for device in fleet.devices if device.school_id in ids)
    return Fleet(fleet.province, fleet.clusters, fleet.wards, tuple(chosen), devices), of / len(chosen)


def new_side(world: Surroundings, rules: Iterable[Rule], detector: str = "ew") -> Side:
    """Return a set of rules before all history; rules about the center itself are left out."""
    own = tuple(rule for rule in rules if isinstance(rule, MetricRule))
    fold = build_fold(world.fleet, world.catalogue, world.calendar, own, 0, 1, detector)
    return Side(own, fold, fold.initial_state())


def watched_series(sides: Sequence[Side]) -> NDArray[np.int32]:
    """Return the series that any of the rules looks at, rising, shape (n,)."""
    layout, catalogue = sides[0].fold.layout, sides[0].fold.catalogue
    ids = {catalogue.named(name).id for side in sides for rule in side.rules for name in rule.metrics}
    return layout.series[np.isin(layout.metric_id, sorted(ids))]


def take(sides: Sequence[Side], stretch: Stretch) -> None:
    """Fold a stretch of history under each set of rules."""
    for piece in pieces(entries_of(stretch)):
        for side in sides:
            side.transitions += advance(side.fold, side.state, piece).transitions


def openings_of(
    transitions: Iterable[Transition], world: Surroundings, from_us: int, to_us: int
) -> tuple[Opening, ...]:
    """Return the alerts that were noticed from `from_us` until before `to_us`, in that order."""
    opened: list[Transition] = []
    resolved_us: dict[str, int] = {}
    for transition in transitions:
        if transition.kind is TransitionKind.RESOLVED:
            resolved_us[transition.alert_id] = transition.at_us
        elif from_us <= transition.detected_at_us < to_us:
            opened.append(transition)
    return tuple(
        Opening(
            t.alert_id,
            t.rule,
            t.series,
            t.school_id,
            t.opened_at_us,
            t.detected_at_us,
            resolved_us.get(t.alert_id),
            is_in_session(world, t.school_id, t.detected_at_us),
            t.value,
            t.expected_low,
            t.expected_high,
        )
        for t in sorted(opened, key=lambda t: t.detected_at_us)
    )


def is_in_session(world: Surroundings, school_id: int, at_us: int) -> bool:
    """Return whether a school was in session, or about to be, at a moment."""
    fleet, calendar = world.fleet, world.calendar
    school = fleet.school_by_id[school_id]
    level = int(fleet.level_index[fleet.school_position[school_id]])
    if calendar.is_shut(school.code, level, at_us):
        return False
    return bool(in_session(np.array([calendar.context_at(level, at_us // MINUTE_US)], np.int8))[0])


def school_hours(world: Surroundings, from_us: int, to_us: int) -> float:
    """Return the hours between two moments in which schools of any level are in session."""
    levels = sorted(set(world.fleet.level_index.tolist()))
    minutes = range(from_us // MINUTE_US, to_us // MINUTE_US)
    context = np.array(
        [[world.calendar.context_at(level, minute) for minute in minutes] for level in levels], np.int8
    )
    return float(in_session(context).any(axis=0).sum()) / 60.0
