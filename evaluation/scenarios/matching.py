"""Incidents against labelled faults: what was found, how late, in how many pieces, and for nothing.

Definitions, exact:

- An alert is *explained* by a label if its school is one of the label's (or it is about the center, which may
  speak of what most schools do), it was noticed within
  [start, end + grace], and its rule speaks of what the label says (`spoken.SPEAKS_OF`). What was
  noticed before a fault cannot be about it, even if it is still open; a line that flaps says nothing
  of a register that was copied.
- An alert is *false* if nothing explains it that must be found or is reported apart: alerts under a
  label that must stay quiet (an exam surge, a holiday) are false too. They are counted one by one.
- An incident *belongs* to a label if the label explains one of its alerts. It is *false* if more than
  half of its alerts are: one true member does not excuse a line that speaks of other schools.
- A fault that must be found *is found* once alerts that it explains name at least half of its
  schools: one chance alert does not find a city-wide outage. The moment of the school that makes it
  half is the moment of detection; the delay is from the fault's start to it, in reporting intervals
  of what the fault changes. The delay *beyond the earliest* is from the moment at which anybody could
  know of it (`evaluation.scenarios.earliest`).
- *Incidents per outage*: incidents that belong to a found fault, mean over found faults.
- A *school-day* is a school on a day on which it has a session.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from contract.canary import SYSTEM_SCHOOL_ID

FOUND_SHARE: Final = 0.5
"""Share of a fault's schools that alerts must name: chosen, more than chance and less than all."""
MOST_FALSE: Final = 0.5
"""Share of an incident's alerts above which it is false: the majority speaks for the line."""


class Duty(StrEnum):
    """What is expected of a detector under a label."""

    FIND = "find"
    QUIET = "quiet"
    APART = "apart"
    """Neither: reported by kind, and in no overall figure."""


class Truth(NamedTuple):
    """A label."""

    kind: str
    variant: str
    school_ids: frozenset[int]
    start_us: int
    end_us: int
    duty: Duty
    interval_us: int
    """Between two reports of what the label changes: the unit of its delay."""
    rules: frozenset[str] | None = None
    """Names of the rules that speak of it; None for all, as under a day on which all must be quiet."""
    size_sd: float | None = None
    """Size of the change in standard deviations of the undisturbed series; None if it has none."""
    is_of_center: bool = False
    """Whether an alert about the center can be about it: one of what most schools of a level do."""
    earliest_us: int | None = None
    """When anybody could know of it; None if nobody can, or need not."""

    def explains(self, member: "IncidentAlert", grace_us: int) -> bool:
        """Return whether an alert of one of its schools is about it."""
        in_time = self.start_us <= member.detected_us <= self.end_us + grace_us
        return in_time and (self.rules is None or member.rule in self.rules)


class IncidentAlert(NamedTuple):
    """One alert of an incident."""

    school_id: int
    rule: str
    detected_us: int
    """When it was noticed, log time."""


class IncidentRecord(NamedTuple):
    """An incident of a run, from its first alert to its last."""

    incident_id: int
    members: tuple[IncidentAlert, ...]
    """In the order in which they were noticed, at least one."""
    closed_us: int | None
    """When its last alert left; None if one was open to the end."""
    cause: str = ""
    """What its alerts share: a cause kind, such as isp."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one label."""

    truth: Truth
    incidents: tuple[IncidentRecord, ...]
    """Those that belong to it, by their first alert that does."""
    detected_us: int | None
    """When it was found; None if it was not, or need not be."""


@dataclass(frozen=True, slots=True)
class Matched:
    """All labels and all incidents, brought together."""

    findings: tuple[Finding, ...]
    """One a label, in their order."""
    false: tuple[IncidentRecord, ...]
    """Incidents most of whose alerts are false."""
    false_alerts: tuple[IncidentAlert, ...] = ()
    """Alerts of all incidents that nothing explains."""


@dataclass(frozen=True, slots=True)
class MatchQuality:
    """Quality over a set of labels; None where nothing could be measured."""

    event_recall: float | None
    """Found over all that must be found."""
    false_incidents_per_1000_school_days: float | None
    incidents_per_outage: float | None
    """Over found faults; 1 is what an engineer wants."""
    median_delay_intervals: float | None
    events: int
    """Labels that must be found; for what must stay quiet, its labels."""
    found: int
    false_incidents: int
    school_days: float
    false_alerts: int = 0
    false_alerts_per_1000_school_days: float | None = None
    median_beyond_intervals: float | None = None
    """Of found faults, from the moment at which anybody could know of it; below 0 where luck found it."""


def match(truths: Sequence[Truth], incidents: Sequence[IncidentRecord], grace_us: int) -> Matched:
    """Return what became of each label, and the false incidents.

    Args:
        truths: labels, in any order.
        incidents: in any order.
        grace_us: how long after a fault's end its effects may still be noticed, at least 0.
    """
    of_school: defaultdict[int, list[int]] = defaultdict(list)
    for t, truth in enumerate(truths):
        for school_id in truth.school_ids:
            of_school[school_id].append(t)
        if truth.is_of_center:
            of_school[SYSTEM_SCHOOL_ID].append(t)
    hits: list[list[tuple[IncidentRecord, IncidentAlert]]] = [[] for _ in truths]
    false: list[IncidentRecord] = []
    false_alerts: list[IncidentAlert] = []
    for incident in incidents:
        astray = []
        for member in incident.members:
            told = [t for t in of_school.get(member.school_id, ()) if truths[t].explains(member, grace_us)]
            for t in told:
                hits[t].append((incident, member))
            if all(truths[t].duty is Duty.QUIET for t in told):
                astray.append(member)
        false_alerts += astray
        if len(astray) > MOST_FALSE * len(incident.members):
            false.append(incident)
    findings = [_finding(truth, found) for truth, found in zip(truths, hits, strict=True)]
    return Matched(tuple(findings), tuple(false), tuple(false_alerts))


def _finding(truth: Truth, hits: list[tuple[IncidentRecord, IncidentAlert]]) -> Finding:
    hits = sorted(hits, key=lambda hit: hit[1].detected_us)
    incidents = {incident.incident_id: incident for incident, _ in hits}
    first: dict[int, int] = {}
    for _, member in hits:
        first.setdefault(member.school_id, member.detected_us)
    needed = max(1, int(np.ceil(FOUND_SHARE * len(truth.school_ids))))
    detected_us = sorted(first.values())[needed - 1] if len(first) >= needed else None
    return Finding(truth, tuple(incidents.values()), detected_us if truth.duty is Duty.FIND else None)


def overall(matched: Matched, school_days: float) -> MatchQuality:
    """Return the figures over all labels that must be found and all false incidents."""
    return figures(matched.findings, len(matched.false), school_days, len(matched.false_alerts))


def by_kind(
    matched: Matched,
    school_days_of: Mapping[int, float],
    false_of: Mapping[str, int],
    days: float,
) -> dict[str, MatchQuality]:
    """Return the figures by fault kind, and by `kind/variant` where a kind has variants.

    Args:
        matched: labels and incidents.
        school_days_of: school-days of each label that must stay quiet, by its position.
        false_of: false incidents by kind and by `kind/variant`, of what must be found: those whose rule
            speaks of it.
        days: school-days in all, which those are divided by.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for t, finding in enumerate(matched.findings):
        groups[finding.truth.kind].append(t)
        if finding.truth.variant:
            groups[f"{finding.truth.kind}/{finding.truth.variant}"].append(t)
    false_ids = {incident.incident_id for incident in matched.false}
    told: dict[str, MatchQuality] = {}
    for name, members in sorted(groups.items()):
        findings = [matched.findings[t] for t in members]
        if any(f.truth.duty is Duty.FIND for f in findings):
            told[name] = figures(findings, false_of.get(name, 0), days)
        else:
            within = {i.incident_id for f in findings for i in f.incidents}
            false = len(within & false_ids) if findings[0].truth.duty is Duty.QUIET else len(within)
            told[name] = figures(findings, false, sum(school_days_of[t] for t in members))
    return told


def figures(
    findings: Iterable[Finding], false: int, school_days: float, false_alerts: int = 0
) -> MatchQuality:
    """Return the figures of some labels, `false` incidents and false alerts in so many school-days."""
    findings = list(findings)
    due = [f for f in findings if f.truth.duty is Duty.FIND]
    found = [f for f in due if f.detected_us is not None]
    return MatchQuality(
        event_recall=len(found) / len(due) if due else None,
        false_incidents_per_1000_school_days=1000.0 * false / school_days if school_days else None,
        incidents_per_outage=float(np.mean([len(f.incidents) for f in found])) if found else None,
        median_delay_intervals=_median_after((f, f.truth.start_us) for f in found),
        events=len(due) if due else len(findings),
        found=len(found),
        false_incidents=false,
        school_days=school_days,
        false_alerts=false_alerts,
        false_alerts_per_1000_school_days=1000.0 * false_alerts / school_days if school_days else None,
        median_beyond_intervals=_median_after((f, f.truth.earliest_us) for f in found),
    )


def _median_after(found: Iterable[tuple[Finding, int | None]]) -> float | None:
    """Return the median intervals from a moment of each finding to its detection; None where neither is."""
    after = [
        (finding.detected_us - since_us) / finding.truth.interval_us
        for finding, since_us in found
        if finding.detected_us is not None and since_us is not None
    ]
    return float(np.median(after)) if after else None
