"""What a silence of an incident matches: its rules, where its cause is."""

import re

from alerting.silences.labels import CENTER
from contract.fleet import Fleet
from contract.incident import CauseKind, Incident
from contract.routing.silence import MOST_VALUE, SilenceMatcher


def cause_matchers(incident: Incident, fleet: Fleet) -> tuple[SilenceMatcher, ...]:
    """Return the conditions of a silence that mutes an incident's alerts, and those that may yet join it.

    Other rules at the same schools are still told: a line that is worked on says nothing of attendance.
    """
    cause = incident.cause
    school = None if cause.school_id is None else fleet.school_by_id.get(cause.school_id)
    labels = {
        "system": CENTER if cause.kind is CauseKind.SYSTEM else "",
        "school": "" if school is None else school.code,
        "isp": cause.isp,
        "cluster": cause.cluster_code,
        "ward": cause.ward_code,
    }
    places = tuple(SilenceMatcher(name, value) for name, value in labels.items() if value)
    return (_rules(incident), *places)


def _rules(incident: Incident) -> SilenceMatcher:
    """Return the condition on the rule: all that it ever had, unless they are too many for one."""
    if len(incident.rules) == 1:
        return SilenceMatcher("rule", incident.rules[0])
    pattern = "|".join(map(re.escape, incident.rules))
    if len(pattern) > MOST_VALUE:
        pattern = "|".join(map(re.escape, incident.cause_rules))
    return SilenceMatcher("rule", pattern, is_regex=True)
