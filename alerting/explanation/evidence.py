"""Why an alert is there, from what the center knows: found, shared, alone, absent or offline (pure).

The structure holds codes and numbers; `alerting.explanation.sentences` puts it into sentences. Nothing
is guessed: what the center does not know stays None, empty or `unknown`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from alerting.explanation.verdict import (
    LineFault,
    Verdict,
    absent_or_offline,
    is_about_attendance,
    line_fault,
    stands_beside,
)
from alerting.incidents.groups import Groups, place_of
from contract.alert import Alert, Dismissal
from contract.catalogue import Catalogue
from contract.fleet import DeviceKind, Fleet, School
from contract.incident import CauseKind, Incident
from contract.live import STATE_UNKNOWN
from contract.rule import AnomalyRule, ClockRule, JointRule, Rule

DISMISSALS_SHOWN: Final = 3
"""Earlier dismissals told: chosen, what is read at a glance."""
NEARBY_DAYS: Final = 90
"""Days in which dismissals at similar schools count: chosen, about a school term."""
MOST_DEVIATIONS: Final = 99.0
"""Deviations are told up to this; the score no longer tells more apart."""


class PeerKind(StrEnum):
    """What similar schools share with a school; each has texts in texts.toml."""

    ISP = "isp"
    WARD = "ward"
    LEVEL = "level"


PEERS_OF: Final[Mapping[DeviceKind, tuple[PeerKind, ...]]] = {
    DeviceKind.GATEWAY: (PeerKind.ISP, PeerKind.WARD),
    DeviceKind.ATTENDANCE: (PeerKind.WARD, PeerKind.LEVEL),
    DeviceKind.ELEARNING: (PeerKind.LEVEL, PeerKind.ISP),
}
"""Groups that tell a school's own fault from another's: for a line provider and neighbourhood, for
attendance weather, floods and exams, for e-learning the platform of a level, then the line to it. Chosen."""


@dataclass(frozen=True, slots=True)
class Similar:
    """The schools that share something with a school, itself among them."""

    kind: PeerKind
    name: str
    """Provider or ward; the level's code."""
    school_ids: frozenset[int]


@dataclass(frozen=True)
class Known:
    """What the center knows around one alert; what it does not know is left at its default."""

    groups: Groups
    """Of the fleet."""
    catalogue: Catalogue
    rules: Mapping[str, Rule]
    """Rules in force, by name."""
    open_alerts: Mapping[str, Alert] = field(default_factory=dict)
    """All that are open now, by id. An open alert that is not among them is compared with none."""
    of_school: Sequence[Alert] = ()
    """Alerts of the same school, open or resolved, the alert itself among them or not."""
    incident: Incident | None = None
    """The incident that the alert is in."""
    elsewhere: frozenset[str] = frozenset()
    """Ids of open alerts of other incidents with a shared cause."""
    states: str = ""
    """State of each school now, in fleet order (contract.live); empty if unknown."""
    heard: frozenset[DeviceKind] = frozenset()
    """Kinds of the school's devices with a fresh reading."""
    dismissals: Sequence[Dismissal] = ()
    """Last dismissals of the same rule at the same school, newest first."""
    dismissed_nearby: int = 0
    """Alerts of the same rule at similar schools that were dismissed within `NEARBY_DAYS`."""

    @property
    def fleet(self) -> Fleet:
        """The fleet."""
        return self.groups.fleet


class SharedCause(msgspec.Struct, frozen=True):
    """The cause that an alert shares with others."""

    kind: str
    """One of `contract.incident.CauseKind`."""
    isp: str
    """The provider that is the cause or a part of it; else empty."""
    place: str
    """The ward or cluster that is the cause or a part of it; else empty."""
    schools: int
    """Schools of the incident now; of a resolved alert's the most that it had at once."""
    of: int
    """Schools of the group."""


class Peers(msgspec.Struct, frozen=True):
    """Similar schools now."""

    kind: str
    """One of `PeerKind`."""
    name: str
    failing: int
    """Schools with an open alert of the same rule, this one among them: 1 is only this one."""
    elsewhere: int
    """Schools that have one for another cause; they are not counted as failing."""
    unknown: int
    """Others of them that nothing fresh comes from: they may fail too."""
    of: int
    """Schools in all, 2 or more; those of another cause are left out."""


class Explanation(msgspec.Struct, frozen=True):
    """Why an alert is there."""

    verdict: Verdict | None
    """Absent or offline; None for what is not about attendance."""
    channel: str
    """What decided: the `channel` of the rule; empty if the rule is gone."""
    metric: str
    """Name in the catalogue; empty for alerts about the center itself."""
    unit: str
    """SenML unit of the values."""
    value: float | None
    expected_low: float | None
    expected_high: float | None
    score: float | None
    """Anomaly score in [0, 1]; None where the rule does not score or the score may not be shown."""
    deviations: float | None
    """Deviations from the expected value, 0 to `MOST_DEVIATIONS`; None as for the score."""
    since_us: int
    """Event time of the opening; for silence of the last reading, µs since 1970."""
    cause: SharedCause | None
    """None while it stands alone."""
    peers: tuple[Peers, ...]
    """Empty for resolved alerts, alerts about the center itself, and while the center is not in step."""
    dismissals: tuple[Dismissal, ...]
    """At most `DISMISSALS_SHOWN`."""
    dismissed_nearby: int
    outside: str = ""
    """What somebody outside says of it, one line; empty for our own alerts."""
    line: LineFault | None = None
    """What it says of the school's line; None for what is no matter of the provider."""


def explain(alert: Alert, known: Known) -> Explanation:
    """Return why an alert is there.

    Args:
        alert: as it may be shown: its numbers go into the explanation.
        known: what the center knows around it.
    """
    rule = known.rules.get(alert.rule)
    metric = known.catalogue.of_series(alert.series)
    is_over = alert.resolved_at_us is not None
    return Explanation(
        verdict=_verdict(alert, rule, known),
        channel="" if rule is None else rule.channel,
        metric="" if metric is None else metric.name,
        unit="s" if isinstance(rule, ClockRule) else "" if metric is None else metric.unit,
        value=alert.value,
        expected_low=alert.expected_low,
        expected_high=alert.expected_high,
        score=alert.score,
        deviations=_deviations(alert.score, rule),
        since_us=alert.opened_at_us,
        cause=None if known.incident is None else shared_cause(known.incident, known.groups, is_over=is_over),
        peers=_peers(alert, known),
        dismissals=tuple(known.dismissals[:DISMISSALS_SHOWN]),
        dismissed_nearby=known.dismissed_nearby,
        outside=_said(alert),
        line=line_fault(rule, known.catalogue),
    )


def _said(alert: Alert) -> str:
    """Return the summary or the description of an alert from outside; its labels where it has neither."""
    if alert.outside is None:
        return ""
    labels = ", ".join(f"{name}={value}" for name, value in alert.outside.labels)
    return next(filter(None, map(alert.outside.says, ("summary", "description", "message"))), labels)


def similar_schools(alert: Alert, fleet: Fleet) -> tuple[Similar, ...]:
    """Return the groups of schools that an alert is compared with; none for the center itself."""
    school = fleet.school_by_id.get(alert.school_id)
    device = fleet.device_of(alert.series)
    if school is None or device is None:
        return ()
    return tuple(_similar(kind, school, fleet) for kind in PEERS_OF[device.kind])


def nearby_ids(alert: Alert, fleet: Fleet) -> list[int]:
    """Return the ids of all similar schools but the alert's own, rising."""
    found = frozenset[int]().union(*(group.school_ids for group in similar_schools(alert, fleet)))
    return sorted(found - {alert.school_id})


def _similar(kind: PeerKind, school: School, fleet: Fleet) -> Similar:
    key = {PeerKind.ISP: "isp", PeerKind.WARD: "ward_code", PeerKind.LEVEL: "level"}[kind]
    shared: str = getattr(school, key)
    ids = frozenset(other.id for other in fleet.schools if getattr(other, key) == shared)
    name = fleet.ward_by_code[shared].name if kind is PeerKind.WARD else str(shared)
    return Similar(kind, name, ids)


def _verdict(alert: Alert, rule: Rule | None, known: Known) -> Verdict | None:
    if not is_about_attendance(rule, known.catalogue):
        return None
    beside = [other for other in known.of_school if stands_beside(other, alert)]
    rules = [known.rules.get(one.rule) for one in [alert, *beside]]
    # What is heard now says nothing of an alert that is over.
    heard = known.heard if alert.resolved_at_us is None else frozenset[DeviceKind]()
    return absent_or_offline(rules, heard, known.catalogue)


def _deviations(score: float | None, rule: Rule | None) -> float | None:
    """Return |z| from a score: `1 - 2 ** (-|z| / bound)`, the bound being the rule's `z`, turned round."""
    if score is None or not isinstance(rule, AnomalyRule | JointRule):
        return None
    return MOST_DEVIATIONS if score >= 1 else min(MOST_DEVIATIONS, -rule.z * math.log2(1 - score))


def shared_cause(incident: Incident, groups: Groups, *, is_over: bool = False) -> SharedCause | None:
    """Return what the schools of an incident share; None for one school by itself, or the center."""
    cause = incident.cause
    if cause.kind in (CauseKind.SCHOOL, CauseKind.SYSTEM):
        return None
    # Of what is over nobody wants to know how many are left.
    schools = incident.most_schools if is_over else incident.schools
    return SharedCause(
        cause.kind.value, cause.isp, place_of(cause, groups.fleet), schools, groups.size(cause)
    )


def _peers(alert: Alert, known: Known) -> tuple[Peers, ...]:
    if alert.alert_id not in known.open_alerts:
        return ()
    same = [other for other in known.open_alerts.values() if other.rule == alert.rule]
    failing = {other.school_id for other in same if other.alert_id not in known.elsewhere}
    explained = {other.school_id for other in same} - failing
    unknown = {
        school.id
        for school, state in zip(known.fleet.schools, known.states, strict=False)
        if state == STATE_UNKNOWN
    }
    return tuple(
        Peers(
            group.kind.value,
            group.name,
            len(failing & group.school_ids),
            len(explained & group.school_ids),
            len((unknown - failing - explained) & group.school_ids),
            len(group.school_ids - explained),
        )
        for group in similar_schools(alert, known.fleet)
        if len(group.school_ids) > 1
    )
