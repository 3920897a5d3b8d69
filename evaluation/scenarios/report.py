"""What came of scenarios, over all and by fault kind, as JSON, as a table, and incident by incident."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from config.files import Configuration, load_configuration, read_config, read_rules
from contract.fleet import Fleet
from contract.rule import MetricRule
from device_simulator.world.faults import FaultKind
from device_simulator.world.scenarios import Scenario
from device_simulator.world.stretches import STRETCHES
from evaluation.scenarios.intervals import Interval, of_rate, wilson
from evaluation.scenarios.matching import (
    Duty,
    Finding,
    IncidentRecord,
    Matched,
    MatchQuality,
    by_kind,
    figures,
    match,
    overall,
)
from evaluation.scenarios.run import (
    GRACE_INTERVALS,
    Cost,
    ScenarioResult,
    ScenarioTerms,
    bare_rules,
    label_days,
    run_scenario,
    school_days,
    truths_of,
)
from evaluation.scenarios.sizes import SIZES, SizeClass

VALUE_KINDS: Final = frozenset({FaultKind.SLOW_DEGRADATION, FaultKind.ATTENDANCE_DROP, FaultKind.LMS_OUTAGE})
"""Faults that change values while they last, and so say something of a detector of values. Cuts, silence
and clocks that run ahead let no value through; a stuck one is as likely as any other."""
RUN_IDS: Final = 1_000_000
MOST_SCHOOLS: Final = 20
"""School codes written out in an explanation; of more, their number is told."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run, matched with its labels."""

    told: ScenarioResult
    matched: Matched
    by_channel: Mapping[str, Matched]
    """The same as if the rules of one channel were all there were."""
    days: float
    """School-days."""


class Given(NamedTuple):
    """What all runs share."""

    configuration: Configuration
    calendar_text: str


def given(rules_file: Path | None = None, *, bare: bool = False) -> Given:
    """Return the packaged metrics and calendar with the rules to run with.

    Args:
        rules_file: a rules.toml; the packaged one if None.
        bare: `bare_rules` instead of either.
    """
    configuration = load_configuration(None)
    if rules_file is not None:
        rules, _ = read_rules(rules_file, configuration.catalogue)
        configuration = replace(configuration, rules=rules)
    if bare:
        configuration = replace(configuration, rules=bare_rules())
    return Given(configuration, read_config(None, "calendar.toml"))


def run_all(terms: Sequence[ScenarioTerms], shared: Given) -> list[Judged]:
    """Run the scenarios one after the other."""
    return [judge(run_scenario(each, *shared)) for each in terms]


def judge(told: ScenarioResult) -> Judged:
    """Bring the incidents of a run together with its labels."""
    terms = told.terms
    truths = truths_of(told)
    grace_us = GRACE_INTERVALS * terms.interval_us
    # Identities are a run's own; those of pooled runs must differ.
    incidents = [i._replace(incident_id=i.incident_id + terms.seed * RUN_IDS) for i in told.incidents]
    channels: dict[str, set[str]] = {}
    for rule in told.rules:
        if isinstance(rule, MetricRule):
            channels.setdefault(rule.channel, set()).add(rule.name)
    by_channel = {name: match(truths, _only(incidents, rules), grace_us) for name, rules in channels.items()}
    return Judged(told, match(truths, incidents, grace_us), by_channel, school_days(told.scenario))


def _only(incidents: Sequence[IncidentRecord], rules: set[str]) -> list[IncidentRecord]:
    """Return the incidents with the alerts of some rules only, none without any."""
    kept = [i._replace(members=tuple(m for m in i.members if m.rule in rules)) for i in incidents]
    return [incident for incident in kept if incident.members]


def _recall_by_channel(runs: Sequence[Judged]) -> dict[str, float | None]:
    """Return which share of the events the rules of each channel find alone."""
    return {
        channel: overall(
            Matched(tuple(f for run in runs for f in run.by_channel[channel].findings), ()), 0.0
        ).event_recall
        for channel in sorted(runs[0].by_channel)
    }


def pooled(runs: Sequence[Judged]) -> tuple[MatchQuality, dict[str, MatchQuality]]:
    """Return the figures over all runs' labels, and the same by kind."""
    findings = tuple(f for run in runs for f in run.matched.findings)
    false = tuple(i for run in runs for i in run.matched.false)
    astray = tuple(alert for run in runs for alert in run.matched.false_alerts)
    whole, days = Matched(findings, false, astray), sum(run.days for run in runs)
    label = {t: label_days(f.truth) for t, f in enumerate(findings)}
    return (
        overall(whole, days),
        by_kind(whole, label, _false_of(false, findings), days),
    )


def is_value_kind(name: str) -> bool:
    """Return whether a kind, or `kind/variant`, is one that values show."""
    return name.partition("/")[0] in VALUE_KINDS


def value_recall(runs: Sequence[Judged]) -> float | None:
    """Return the recall over faults that values show."""
    findings = [f for run in runs for f in run.matched.findings if is_value_kind(f.truth.kind)]
    return figures(findings, 0, 0.0).event_recall


def precision(runs: Sequence[Judged]) -> float | None:
    """Return the share of true incidents among those that are true or false; None without any.

    A true one belongs to a fault which must be found, and is not false for all that.
    """
    false = {incident.incident_id for run in runs for incident in run.matched.false}
    true = {
        incident.incident_id
        for run in runs
        for finding in run.matched.findings
        if finding.truth.duty is Duty.FIND
        for incident in finding.incidents
    } - false
    every = len(true) + len(false)
    return len(true) / every if every else None


def false_a_week(runs: Sequence[Judged]) -> float:
    """Return false incidents a week of the whole city, the mean over runs."""
    weeks = sum(run.told.terms.days for run in runs) / 7.0
    return sum(len(run.matched.false) for run in runs) / weeks


def _false_of(false: Sequence[IncidentRecord], findings: Sequence[Finding]) -> dict[str, int]:
    """Return by kind and by `kind/variant` the false incidents whose first rule speaks of it."""
    spoken: defaultdict[str, set[str]] = defaultdict(set)
    for truth in (finding.truth for finding in findings):
        for name in {truth.kind, f"{truth.kind}/{truth.variant}"}:
            spoken[name] |= truth.rules or frozenset()
    first = Counter(incident.members[0].rule for incident in false)
    return {name: sum(first[rule] for rule in rules) for name, rules in spoken.items()}


def render(runs: Sequence[Judged], *, as_json: bool) -> str:
    """Return the figures as JSON or as a table."""
    if as_json:
        return msgspec.json.encode(document(runs)).decode()
    whole, kinds = pooled(runs)
    terms = runs[0].told.terms
    lines = [
        f"{len(runs)} seed(s) from {terms.seed}, {terms.schools} schools, {terms.days} days, "
        f"every {terms.interval_us / 6e7:g} min, a {terms.severity} city, detector {terms.detector}",
        "",
        f"{'kind':<26}" + "".join(f"{head:>14}" for head in _HEADS),
        *[_row(name, f) for name, f in [("all", whole), *kinds.items()]],
        "",
        *_size_lines(runs),
        *_stretch_lines(runs),
        *_sure_lines(runs),
        f"Recall of what values show: {cell(value_recall(runs), 3)}; precision {cell(precision(runs), 3)}; "
        f"{false_a_week(runs):.2f} false incidents a week in the whole city",
        "Recall of each channel alone: "
        + ", ".join(f"{name} {cell(recall, 3)}" for name, recall in _recall_by_channel(runs).items()),
        *_false_lines(runs),
        *_cost_lines([run.told.cost for run in runs]),
    ]
    return "\n".join(lines)


_HEADS: Final = ("events", "recall", "95 %", "false lines", "lines/1000d", "per outage", "delay", "beyond")
"""`beyond`: of the delay, what lies beyond the earliest moment at which anybody could know."""


def _row(name: str, f: MatchQuality) -> str:
    cells = (
        f"{f.events}",
        cell(f.event_recall, 3),
        span(wilson(f.found, f.events) if f.event_recall is not None else None, 2),
        f"{f.false_incidents}",
        cell(f.false_incidents_per_1000_school_days, 2),
        cell(f.incidents_per_outage, 2),
        cell(f.median_delay_intervals, 1),
        cell(f.median_beyond_intervals, 1),
    )
    return f"{name:<26}" + "".join(f"{cell:>14}" for cell in cells)


def span(ends: Interval | None, digits: int) -> str:
    """Return an interval for a table, a dash for none."""
    return "–" if ends is None else f"{ends[0]:.{digits}f}–{ends[1]:.{digits}f}"


def by_size(runs: Sequence[Judged], classes: Sequence[SizeClass] = SIZES) -> dict[str, MatchQuality]:
    """Return the figures of what values show, by the size of the change in standard deviations."""
    findings = [f for run in runs for f in run.matched.findings]
    return {
        name: figures([f for f in findings if least <= (f.truth.size_sd or -1.0) < most], 0, 0.0)
        for name, least, most in classes
    }


def _size_lines(runs: Sequence[Judged]) -> list[str]:
    told = ", ".join(
        f"{name}: {f.found} of {f.events} ({span(wilson(f.found, f.events), 2)})"
        for name, f in by_size(runs).items()
    )
    return [f"Found by size of the change in standard deviations of the undisturbed series: {told}"]


def rates(runs: Sequence[Judged]) -> dict[str, Interval | None]:
    """Return the 95 % intervals of what is false in 1,000 school-days, over seeds."""
    days = [run.days for run in runs]
    return {
        "false_incidents": of_rate([len(run.matched.false) for run in runs], days),
        "false_alerts": of_rate([len(run.matched.false_alerts) for run in runs], days),
    }


def within_stretches(runs: Sequence[Judged]) -> dict[str, MatchQuality]:
    """Return the figures of faults that begin within a stretch of the year in one of its schools."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for run in runs:
        stretches = [f.truth for f in run.matched.findings if f.truth.kind in STRETCHES]
        for finding in run.matched.findings:
            fault = finding.truth
            around = (s for s in stretches if s.start_us <= fault.start_us < s.end_us)
            for kind in {s.kind for s in around if s.school_ids & fault.school_ids}:
                found[kind].append(finding)
    return {kind: figures(found[kind], 0, 0.0) for kind in STRETCHES if kind in found}


def _stretch_lines(runs: Sequence[Judged]) -> list[str]:
    told = [
        f"{kind} {f.found} of {f.events}"
        for kind, f in within_stretches(runs).items()
        if f.event_recall is not None
    ]
    return [f"Found of faults that began within: {', '.join(told)}"] if told else []


def _sure_lines(runs: Sequence[Judged]) -> list[str]:
    whole, ends = pooled(runs)[0], rates(runs)
    lines = cell(whole.false_incidents_per_1000_school_days, 2)
    alerts = cell(whole.false_alerts_per_1000_school_days, 2)
    return [
        f"False in 1,000 of {whole.school_days:,.0f} school-days (95 %, bootstrap over seeds): lines {lines} "
        f"({span(ends['false_incidents'], 2)}), alerts {alerts} ({span(ends['false_alerts'], 2)}); the "
        f"recall's 95 % are Wilson's",
    ]


def cell(figure: float | None, digits: int) -> str:
    """Return a figure for a table, a dash for none."""
    return "–" if figure is None else f"{figure:.{digits}f}"


def _false_lines(runs: Sequence[Judged]) -> list[str]:
    lines = Counter(i.members[0].rule for run in runs for i in run.matched.false)
    alerts = Counter(alert.rule for run in runs for alert in run.matched.false_alerts)
    return [
        f"False {what} by rule: " + (", ".join(f"{r} {n}" for r, n in rules.most_common()) or "none")
        for what, rules in (("lines", lines), ("alerts", alerts))
    ]


def _cost_lines(costs: Sequence[Cost]) -> list[str]:
    readings, fold_s = sum(c.readings for c in costs), sum(c.fold_s for c in costs)
    speed = readings / max(fold_s, 1e-9)
    return [
        f"{readings:,} readings; world {sum(c.world_s for c in costs):.0f} s, fold {fold_s:.0f} s, "
        f"grouping {sum(c.grouping_s for c in costs):.0f} s; {speed:,.0f} readings/s of the fold, "
        f"{costs[0].bytes_a_series:,.0f} bytes/series"
    ]


def document(runs: Sequence[Judged]) -> dict[str, Any]:
    """Return all figures of runs, pooled, by kind, size, channel, rule and seed, for JSON."""
    whole, kinds = pooled(runs)
    costs = [run.told.cost for run in runs]
    return asdict(whole) | {
        "value_recall": value_recall(runs),
        "precision": precision(runs),
        "event_recall_95": wilson(whole.found, whole.events),
        "per_1000_school_days_95": rates(runs),
        "false_incidents_per_week": false_a_week(runs),
        "by_kind": {name: asdict(of_kind) for name, of_kind in kinds.items()},
        "by_stretch": {name: asdict(within) for name, within in within_stretches(runs).items()},
        "by_size": {name: asdict(of_size) for name, of_size in by_size(runs).items()},
        "event_recall_by_channel": _recall_by_channel(runs),
        "false_by_rule": dict(Counter(i.members[0].rule for run in runs for i in run.matched.false)),
        "by_seed": {str(run.told.terms.seed): asdict(pooled([run])[0]) for run in runs},
        "terms": asdict(runs[0].told.terms) | {"seeds": len(runs)},
        "cost": {
            "readings": sum(c.readings for c in costs),
            "refused": sum(c.refused for c in costs),
            "world_s": sum(c.world_s for c in costs),
            "fold_s": sum(c.fold_s for c in costs),
            "grouping_s": sum(c.grouping_s for c in costs),
            "readings_per_s": sum(c.readings for c in costs) / max(sum(c.fold_s for c in costs), 1e-9),
            "bytes_a_series": costs[0].bytes_a_series,
        },
    }


def explained(runs: Sequence[Judged]) -> str:
    """Return one JSON line a label with what was opened under it, and one a false incident."""
    lines = [line for run in runs for line in _explanations(run)]
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def _explanations(run: Judged) -> Iterator[dict[str, Any]]:
    scenario, terms = run.told.scenario, run.told.terms
    told = {"seed": terms.seed, "detector": terms.detector}
    for finding in run.matched.findings:
        yield told | _of_label(finding, scenario)
    for incident in run.matched.false:
        yield told | {"false": True} | _of_incident(incident, scenario)


def _of_label(finding: Finding, scenario: Scenario) -> dict[str, Any]:
    truth = finding.truth
    return {
        "kind": truth.kind,
        "variant": truth.variant,
        "duty": truth.duty.value,
        "size_sd": truth.size_sd,
        "found": finding.detected_us is not None,
        "schools": _codes(truth.school_ids, scenario.fleet),
        "start": _local(truth.start_us, scenario),
        "earliest": None if truth.earliest_us is None else _local(truth.earliest_us, scenario),
        "end": _local(truth.end_us, scenario),
        "detected": None if finding.detected_us is None else _local(finding.detected_us, scenario),
        "incidents": [_of_incident(i, scenario) for i in finding.incidents],
    }


def _of_incident(incident: IncidentRecord, scenario: Scenario) -> dict[str, Any]:
    begun_us = incident.members[0].detected_us
    return {
        "incident": incident.incident_id,
        "cause": incident.cause,
        "alerts": len(incident.members),
        "rules": dict(Counter(m.rule for m in incident.members)),
        "schools": _codes({m.school_id for m in incident.members}, scenario.fleet),
        "detected": _local(begun_us, scenario),
        "lasted_h": None if incident.closed_us is None else round((incident.closed_us - begun_us) / 3.6e9, 2),
    }


def _codes(school_ids: frozenset[int] | set[int], fleet: Fleet) -> list[str] | int:
    if len(school_ids) > MOST_SCHOOLS:
        return len(school_ids)
    return sorted(fleet.school_by_id[i].code for i in school_ids if i in fleet.school_by_id)


def _local(time_us: int, scenario: Scenario) -> str:
    moment = datetime.fromtimestamp(time_us / 1e6, scenario.known.timezone)
    return moment.strftime("%a %Y-%m-%d %H:%M:%S")
