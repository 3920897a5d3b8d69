"""A scenario through the real fold and the real grouping, and what came of it.

Rules are written for the cadence of their metric (ten seconds for a line). Here devices report once
an interval, so what a rule counts in readings stays as it is (`open_after`, `close_after`), and the
seconds of silence are scaled with the interval: 45 s are four and a half intervals here as there. A
`refractory_s` is people's time and stays. All delays are therefore told in intervals.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.evaluation.matching import Duty, Incident, Truth
from anomaly.evaluation.peer_columns import peer_named
from contract.alert import Transition
from contract.catalogue import Catalogue
from contract.entry import Entry, ReadingsEntry
from contract.fleet import Fleet
from contract.rule import Rule
from device_simulator.faults import Label
from device_simulator.fleet import generate_fleet
from device_simulator.scenarios import HOUR_US, Scenario, draw_scenario, duty_name
from eduops.configuration import Configuration
from eduops.scenario_incidents import Watcher
from eduops.scenario_log import ScenarioLog
from stream_processor.fold import Fold, build_fold
from stream_processor.state import State
from stream_processor.step import advance

BARE: Final = (
    ("down_bps", "down"),
    ("latency_ms", "up"),
    ("loss_ratio", "up"),
    ("success_ratio", "down"),
    ("active_users", "down"),
    ("attendance_ratio", "down"),
)
"""Metrics and directions of `bare_rules`."""
DEFAULT_DETECTOR: Final = "ew"
GRACE_INTERVALS: Final = 6
"""After a fault's end its effects may be noticed for so long: as many readings as the slowest rule
counts, and what waited for a line arrives."""
DAY_US: Final = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class Terms:
    """What is run."""

    seed: int
    schools: int
    days: int
    interval_us: int
    detector: str
    partitions: int
    """Results do not depend on it (law 4); the speed does, for small arrays cost more an element."""
    unannounced: bool
    mild: bool
    all_metrics: bool
    """False: only metrics that a rule watches."""
    z_times: float = 1.0
    """Factor of `z` in every anomaly rule: below 1 more alarms."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the run took."""

    readings: int
    refused: int
    fold_s: float
    world_s: float
    grouping_s: float
    bytes_a_series: float

    @property
    def readings_per_s(self) -> float:
        """Readings through the fold a second of its time."""
        return self.readings / self.fold_s if self.fold_s else 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario and what the center made of it."""

    terms: Terms
    scenario: Scenario
    rules: tuple[Rule, ...]
    incidents: tuple[Incident, ...]
    cost: Cost


def run_scenario(terms: Terms, configuration: Configuration, calendar_text: str) -> Told:
    """Draw the scenario of a seed and fold it."""
    fleet = generate_fleet(terms.schools, seed=terms.seed)
    scenario = draw_scenario(
        fleet, calendar_text, terms.seed, terms.days, unannounced=terms.unannounced, mild=terms.mild
    )
    catalogue = configuration.catalogue
    rules = scaled(configuration.rules, catalogue, terms.interval_us, terms.z_times)
    folds = _folds(terms, fleet, catalogue, scenario, rules)
    watched = frozenset(rule.metric for rule in rules)
    wanted = frozenset(m.name for m in catalogue.metrics) if terms.all_metrics else watched
    log = ScenarioLog(scenario, catalogue, wanted, terms.interval_us, terms.seed)
    states = [fold.initial_state() for fold in folds]
    incidents, spent = _follow(fleet, log, folds, states)
    state_bytes = sum(s.nbytes for s in states) / sum(len(f.layout) for f in folds)
    cost = Cost(log.readings, log.refused, *spent, state_bytes)
    return Told(terms, scenario, rules, incidents, cost)


def _folds(
    terms: Terms, fleet: Fleet, catalogue: Catalogue, scenario: Scenario, rules: tuple[Rule, ...]
) -> list[Fold]:
    peer = peer_named(terms.detector)
    name = DEFAULT_DETECTOR if peer is not None else terms.detector
    folds = [
        build_fold(fleet, catalogue, scenario.known, rules, p, terms.partitions, name)
        for p in range(terms.partitions)
    ]
    if peer is None:
        return folds
    return [Fold(f.layout, f.rulebook, f.catalogue, f.calendar, peer) for f in folds]


def _follow(
    fleet: Fleet, log: ScenarioLog, folds: Sequence[Fold], states: Sequence[State]
) -> tuple[tuple[Incident, ...], tuple[float, float, float]]:
    """Return the incidents, and the seconds that fold, world and grouping took."""
    watcher = Watcher(fleet)
    partition = fleet.partition_of_schools(len(folds))
    fold_s = world_s = grouping_s = 0.0
    before = time.perf_counter()
    for entries in log.chunks():
        made = time.perf_counter()
        transitions: list[Transition] = []
        for p, (fold, state) in enumerate(zip(folds, states, strict=True)):
            own = entries if len(folds) == 1 else [_of_partition(log, e, partition == p) for e in entries]
            transitions += advance(fold, state, own).transitions
        folded = time.perf_counter()
        watcher.hear(transitions)
        world_s, fold_s = world_s + made - before, fold_s + folded - made
        before = time.perf_counter()
        grouping_s += before - folded
    return tuple(watcher.incidents()), (fold_s, world_s, grouping_s)


def _of_partition(log: ScenarioLog, entry: Entry, mine: NDArray[np.bool_]) -> Entry:
    if not isinstance(entry, ReadingsEntry):
        return entry
    return ReadingsEntry(entry.at_us, entry.readings.take(mine[log.school_of(entry.readings)]))


def scaled(
    rules: Sequence[Rule], catalogue: Catalogue, interval_us: int, z_times: float = 1.0
) -> tuple[Rule, ...]:
    """Return the rules for devices that report once an interval, or at their metric's cadence if longer.

    Args:
        rules: as written in rules.toml.
        catalogue: gives the cadences that they are written for.
        interval_us: between two reports.
        z_times: factor of `z`, above 0.
    """
    return tuple(
        rule
        if rule.is_system
        else msgspec.structs.replace(
            rule,
            silent_s=rule.silent_s * max(1.0, interval_us / 1e6 / catalogue.named(rule.metric).cadence_s),
            z=rule.z * z_times,
        )
        for rule in rules
    )


def bare_rules() -> tuple[Rule, ...]:
    """Return one anomaly rule a metric and nothing else, so that detectors alone decide.

    No least deviation, no hours, no thresholds: three readings in a row (one for registers, which
    are few) beyond 6 deviations, and no second alert of a series within six hours.
    """
    return tuple(
        Rule(
            name=f"{metric}_unusual",
            channel="anomaly",
            priority=3,
            priority_in_session=3,
            title_vi=metric,
            title_en=metric,
            advice_vi="-",
            advice_en="-",
            metric=metric,
            direction=direction,
            open_after=1 if metric == "attendance_ratio" else 3,
            refractory_s=6 * 3600.0,
        )
        for metric, direction in BARE
    )


REGISTERED: Final = frozenset({"attendance-drop", "silent-device/attendance"})
"""Labels, by kind or `kind/variant`, of what is told by registers."""
REGISTER_US: Final = 600_000_000
"""Registers are sent every ten minutes: `cadence_s` of their metrics."""


def truths_of(scenario: Scenario, interval_us: int) -> list[Truth]:
    """Return the labels of a scenario as what is expected of a detector."""
    id_of = {school.code: school.id for school in scenario.fleet.schools}

    def truth(label: Label) -> Truth:
        ids = frozenset(id_of[code] for code in label.schools)
        told = {label.kind, f"{label.kind}/{label.variant}"} & REGISTERED
        period_us = max(interval_us, REGISTER_US) if told else interval_us
        duty = Duty(duty_name(label))
        return Truth(label.kind, label.variant, ids, label.start_us, label.end_us, duty, period_us)

    return [truth(label) for label in scenario.labels]


def school_days(scenario: Scenario) -> float:
    """Return on how many days how many schools had a session."""
    level = scenario.fleet.level_index
    total = 0
    for day in range(scenario.days):
        on = scenario.lived.local_day(scenario.start_us + day * DAY_US)
        closed = scenario.lived.closed_schools(on)
        opens = np.array([bool(scenario.lived.sessions(i, on)) for i in range(int(level.max()) + 1)])
        total += int(opens[level].sum())
        total -= sum(bool(opens[level[i]]) for i, s in enumerate(scenario.fleet.schools) if s.code in closed)
    return float(total)


def label_days(truth: Truth) -> float:
    """Return the schools of a label times its days, each begun day counted."""
    return float(len(truth.school_ids) * -(-(truth.end_us - truth.start_us) // DAY_US))
