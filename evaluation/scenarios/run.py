"""A scenario through the real fold and the real grouping, and what came of it.

Rules are written for the cadence of their metric (ten seconds for a line). Here devices report once
an interval, so what a rule counts in readings stays as it is (`open_after`, `close_after`), and the
seconds of silence are scaled with the interval: 45 s are four and a half intervals here as there. A
`refractory_s` is people's time and stays. All delays are therefore told in intervals.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Detector, detector_named
from config.files import Configuration
from contract.alert import Priority, Transition
from contract.catalogue import Catalogue
from contract.entry import Entry, ReadingsEntry
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.rule import AnomalyRule, Direction, JointRule, MetricRule, Rule, SilenceRule, SystemRule
from device_simulator.world.faults import FaultLabel
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.moves import Moves
from device_simulator.world.scenarios import HOUR_US, Scenario, draw_scenario, duty_name
from device_simulator.world.severity import Severity
from evaluation.detectors.peer_columns import peer_named
from evaluation.detectors.peer_replay import REPLAY_PEERS, Collector, Replayed
from evaluation.scenarios.earliest import earliest_of
from evaluation.scenarios.entries import TICK_US, ScenarioLog
from evaluation.scenarios.incidents import IncidentLog
from evaluation.scenarios.matching import Duty, IncidentRecord, Truth
from evaluation.scenarios.sizes import sizes_of
from evaluation.scenarios.spoken import rules_that_speak
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import columns_of, lay_out
from stream_processor.fold.reconcile import ending_of
from stream_processor.fold.rulebook import compile_rules
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import State
from stream_processor.fold.step import advance

BARE: Final[tuple[tuple[str, Direction], ...]] = (
    ("down_bps", "down"),
    ("latency_ms", "up"),
    ("loss_ratio", "up"),
    ("success_ratio", "down"),
    ("active_users", "down"),
    ("attendance_ratio", "down"),
)
"""Metrics and directions of `bare_rules`."""
GRACE_INTERVALS: Final = 6
"""After a fault's end its effects may be noticed for so long: as many readings as the slowest rule
counts, and what waited for a line arrives."""
DAY_US: Final = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class ScenarioTerms:
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
    severity: Severity = Severity.REAL
    """How messy the city is."""
    z_times: float = 1.0
    """Factor of `z` in every anomaly rule: below 1 more alarms."""
    bells_later_min: int = 0
    """How much later all bells ring from the middle day on, minutes; nobody tells the center."""
    first_day: date | None = None
    """Of the days; None for those of autumn in which no school joins, closes or merges."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the run took."""

    readings: int
    refused: int
    fold_s: float
    world_s: float
    grouping_s: float
    bytes_a_series: float
    """The fold's state with the detector's memory."""
    detector_bytes_a_series: float

    @property
    def readings_per_s(self) -> float:
        """Readings through the fold a second of its time."""
        return self.readings / self.fold_s if self.fold_s else 0.0


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A scenario and what the center made of it."""

    terms: ScenarioTerms
    scenario: Scenario
    rules: tuple[Rule, ...]
    incidents: tuple[IncidentRecord, ...]
    cost: Cost
    sizes: tuple[float | None, ...]
    """Of the labels' changes: `sizes.sizes_of`."""
    earliest_us: tuple[int | None, ...]
    """When anybody could know of each label: `earliest.earliest_of`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A scenario whose entries are made once and folded as often as one likes."""

    terms: ScenarioTerms
    scenario: Scenario
    catalogue: Catalogue
    rules: tuple[Rule, ...]
    """As written; see `scaled`."""
    log: ScenarioLog
    sizes: tuple[float | None, ...]
    """Of the labels' changes."""
    earliest_us: tuple[int | None, ...]
    """When anybody could know of each label."""
    chunks: Iterable[list[Entry]]
    made_s: float = 0.0
    """Seconds that the chunks took, if they are kept."""

    def kept(self) -> "Stage":
        """Return the same with its entries in memory, some 20 bytes a reading."""
        before = time.perf_counter()
        chunks = list(self.chunks)
        return replace(self, chunks=chunks, made_s=time.perf_counter() - before)

    def detectors(self, name: str) -> list[Detector]:
        """Return the detector of that name, ready for each partition.

        Peers that look at one series at a time are scored here, which reads all entries: the stage
        must be `kept`.
        """
        if name in REPLAY_PEERS:
            if self.scenario.moves:
                raise ConfigurationError(
                    f"{name} looks at one series at a time and knows no fleet that changes"
                )
            collectors = [Collector() for _ in range(self.terms.partitions)]
            fold_stage(self, collectors, 1.0)
            return [collector.replayed(name) for collector in collectors]
        return [peer_named(name) or detector_named(name)] * self.terms.partitions


def run_scenario(terms: ScenarioTerms, configuration: Configuration, calendar_text: str) -> ScenarioResult:
    """Draw the scenario of a seed and fold it."""
    stage = set_stage(terms, configuration, calendar_text)
    if terms.detector in REPLAY_PEERS:
        stage = stage.kept()
    return fold_stage(stage, stage.detectors(terms.detector), terms.z_times)


def set_stage(terms: ScenarioTerms, configuration: Configuration, calendar_text: str) -> Stage:
    """Draw the scenario of a seed; its entries are made when they are asked for, and only once."""
    fleet = generate_fleet(terms.schools, seed=terms.seed)
    scenario = draw_scenario(
        fleet,
        calendar_text,
        terms.seed,
        terms.days,
        unannounced=terms.unannounced,
        mild=terms.mild,
        severity=terms.severity,
        bells_later=timedelta(minutes=terms.bells_later_min),
        first_day=terms.first_day,
    )
    catalogue, rules = configuration.catalogue, configuration.rules
    watched = frozenset(name for rule in rules if isinstance(rule, MetricRule) for name in rule.metrics)
    wanted = frozenset(m.name for m in catalogue.metrics) if terms.all_metrics else watched
    tick_us = TICK_US if any(map(_needs_ticks, rules)) else terms.interval_us
    log = ScenarioLog(scenario, catalogue, wanted, terms.interval_us, terms.seed, tick_us)
    sizes = sizes_of(scenario, terms.seed)
    return Stage(terms, scenario, catalogue, rules, log, sizes, earliest_of(log), log.chunks())


def _needs_ticks(rule: Rule) -> bool:
    """Return whether a rule hears of anything between two reports; those of `bare_rules` do not."""
    return not isinstance(rule, MetricRule) or isinstance(rule, SilenceRule) or bool(rule.suppressed_by)


def fold_stage(stage: Stage, detectors: Sequence[Detector], z_times: float) -> ScenarioResult:
    """Fold a stage with one detector a partition and a factor of z in every anomaly rule."""
    terms = stage.terms
    rules = scaled(stage.rules, stage.catalogue, terms.interval_us, z_times)
    center = _Center(stage, rules, detectors)
    incidents, (fold_s, world_s, grouping_s) = _follow(stage, center)
    folds, states = center.folds, center.states
    series = sum(len(fold.layout) for fold in folds)
    cost = Cost(
        readings=stage.log.readings,
        refused=stage.log.refused,
        fold_s=fold_s,
        world_s=stage.made_s + world_s,
        grouping_s=grouping_s,
        bytes_a_series=sum(state.nbytes for state in states) / series,
        detector_bytes_a_series=sum(map(_detector_bytes, detectors, states)) / series,
    )
    terms = replace(terms, detector=detectors[0].name, z_times=z_times)
    return ScenarioResult(terms, stage.scenario, rules, incidents, cost, stage.sizes, stage.earliest_us)


def _detector_bytes(detector: Detector, state: State) -> int:
    if isinstance(detector, Replayed):
        return detector.peer_bytes
    return sum(column.nbytes for column in state.detector.values())


class _Center:
    """The partitions' folds with their states, and what becomes of them when the fleet changes."""

    def __init__(self, stage: Stage, rules: Sequence[Rule], detectors: Sequence[Detector]) -> None:
        self._stage, self._detectors = stage, detectors
        self._rulebook = compile_rules(rules, stage.catalogue)
        self._names = frozenset(rule.name for rule in rules)
        fleet = stage.log.moves.fleet_at(stage.scenario.start_us)
        self.folds = self._folds(fleet)
        self.states = [fold.initial_state() for fold in self.folds]
        self.heard = IncidentLog(fleet)

    def _folds(self, fleet: Fleet) -> list[Fold]:
        catalogue, partitions = self._stage.catalogue, len(self._detectors)
        columns = columns_of(fleet, partitions)
        return [
            Fold(
                lay_out(fleet, catalogue, p, partitions, columns),
                self._rulebook,
                catalogue,
                self._stage.scenario.known,
                detector,
            )
            for p, detector in enumerate(self._detectors)
        ]

    def move(self, at_us: int) -> None:
        """Go on with the fleet of a moment, as processors do that start again after an import."""
        fleet = self._stage.log.moves.fleet_at(at_us)
        catalogue, partitions = self._stage.catalogue, len(self._detectors)
        before, self.folds = self.folds, self._folds(fleet)
        kept = [encode(fold, state) for fold, state in zip(before, self.states, strict=True)]
        self.states = [decode(fold, snapshot) for fold, snapshot in zip(self.folds, kept, strict=True)]
        self.heard.move(
            fleet, at_us, lambda alert: ending_of(alert, fleet, catalogue, self._names, partitions)
        )


def _follow(stage: Stage, center: _Center) -> tuple[tuple[IncidentRecord, ...], tuple[float, float, float]]:
    """Return the incidents, and the seconds that fold, world and grouping took."""
    log, heard = stage.log, center.heard
    partition = stage.scenario.fleet.partition_of_schools(len(center.folds))
    moments_us = set(log.moves.moments_us)
    fold_s = world_s = grouping_s = 0.0
    before = time.perf_counter()
    for entries in stage.chunks:
        made = time.perf_counter()
        if entries[0].at_us in moments_us:
            center.move(entries[0].at_us)
        transitions: list[Transition] = []
        for p, (fold, state) in enumerate(zip(center.folds, center.states, strict=True)):
            own = entries
            if len(center.folds) > 1:
                own = [_of_partition(log, entry, partition == p) for entry in entries]
            transitions += advance(fold, state, own).transitions
        folded = time.perf_counter()
        heard.hear(transitions)
        world_s, fold_s = world_s + made - before, fold_s + folded - made
        before = time.perf_counter()
        grouping_s += before - folded
    return tuple(heard.finish()), (fold_s, world_s, grouping_s)


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

    def at_interval(rule: Rule) -> Rule:
        match rule:
            case SilenceRule():
                times = max(1.0, interval_us / 1e6 / catalogue.named(rule.metric).cadence_s)
                return msgspec.structs.replace(rule, silent_s=rule.silent_s * times)
            case AnomalyRule() | JointRule():
                return msgspec.structs.replace(rule, z=rule.z * z_times)
            case _:
                return rule

    return tuple(map(at_interval, rules))


def bare_rules() -> tuple[Rule, ...]:
    """Return one anomaly rule a metric and nothing else, so that detectors alone decide.

    No least deviation, no hours, no thresholds: three readings in a row (one for registers, which
    are few) beyond 6 deviations, and no second alert of a series within six hours.
    """
    return tuple(
        AnomalyRule(
            name=f"{metric}_unusual",
            priority=Priority.P3,
            priority_in_session=Priority.P3,
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


def truths_of(told: ScenarioResult) -> list[Truth]:
    """Return the labels of a run's scenario as what is expected of its detector and its rules."""
    scenario, interval_us = told.scenario, told.terms.interval_us
    id_of = {school.code: school.id for school in scenario.fleet.schools}

    def truth(label: FaultLabel, size_sd: float | None, earliest_us: int | None) -> Truth:
        ids = frozenset(id_of[code] for code in label.schools)
        registered = {label.kind, f"{label.kind}/{label.variant}"} & REGISTERED
        period_us = max(interval_us, REGISTER_US) if registered else interval_us
        duty = Duty(duty_name(label))
        spoken = rules_that_speak(label.kind, label.variant, told.rules)
        span_us = label.start_us, label.end_us
        of_center = any(isinstance(r, SystemRule) and r.name in (spoken or ()) for r in told.rules)
        return Truth(
            label.kind, label.variant, ids, *span_us, duty, period_us, spoken, size_sd, of_center, earliest_us
        )

    return list(map(truth, scenario.labels, told.sizes, told.earliest_us))


def school_days(scenario: Scenario) -> float:
    """Return on how many days how many schools had a session."""
    level, moves = scenario.fleet.level_index, Moves(scenario.fleet, scenario.moves)
    total = 0
    for day in range(scenario.days):
        begin_us = scenario.start_us + day * DAY_US
        on = scenario.lived.local_day(begin_us)
        closed, there = scenario.lived.closed_schools(on), moves.there(begin_us)
        opens = np.array([bool(scenario.lived.sessions(i, on)) for i in range(int(level.max()) + 1)])
        is_open = opens[level] & there
        total += int(is_open.sum())
        total -= sum(bool(is_open[i]) for i, s in enumerate(scenario.fleet.schools) if s.code in closed)
    return float(total)


def label_days(truth: Truth) -> float:
    """Return the schools of a label times its days, each begun day counted."""
    return float(len(truth.school_ids) * -(-(truth.end_us - truth.start_us) // DAY_US))
