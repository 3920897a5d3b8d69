"""What routes know of an incident, and whether it is what a route asks for."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from alerting.incidents.groups import covers_school
from contract.fleet import LEVELS, Fleet, School
from contract.incident import Cause, CauseKind, Incident
from contract.routing.route import Matchers


class IncidentFacts(msgspec.Struct, frozen=True):
    """An incident as routes see it; what does not apply is empty and matches nothing."""

    priority: int
    """The worst it ever had, so that it stays with whoever was told first."""
    rule: str
    """What it is named after."""
    cause: CauseKind
    isp: str = ""
    cluster: tuple[str, ...] = ()
    """Names of the one cluster that it is within: code and name."""
    ward: tuple[str, ...] = ()
    """Names of the one ward that it is within: code, name and short name."""
    school: tuple[str, ...] = ()
    """Names of the school of an incident of one school by itself: code and name."""
    pupils: int = 0
    """The most it ever had."""
    levels: tuple[int, ...] = tuple(range(len(LEVELS)))
    """Positions in `LEVELS` of its schools: whose sessions count."""
    areas: frozenset[str] = frozenset()
    """Codes and names of the wards and clusters in which its cause has schools; empty for everywhere."""


class Mismatch(msgspec.Struct, frozen=True):
    """The first matcher that an incident does not satisfy."""

    field: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    """Empty where it does not apply to the incident."""


def facts_of(incident: Incident, fleet: Fleet) -> IncidentFacts:
    """Return what routes know of an incident."""
    cause, school = incident.cause, _school_of(incident.cause, fleet)
    if school is not None:
        schools = [school]
    else:
        schools = [s for s in fleet.schools if covers_school(cause, s, fleet)] or list(fleet.schools)
    isp, ward_code, cluster_code = cause.isp, cause.ward_code, cause.cluster_code
    if school is not None:
        isp, ward_code = school.isp, school.ward_code
    ward = fleet.ward_by_code.get(ward_code)
    cluster = fleet.cluster_by_code.get(cluster_code if ward is None else ward.cluster_code)
    return IncidentFacts(
        priority=incident.worst_priority,
        rule=incident.rule,
        cause=cause.kind,
        isp=isp,
        cluster=() if cluster is None else (cluster.code, cluster.name),
        ward=() if ward is None else (ward.code, ward.name, ward.short_name),
        school=() if school is None else (school.code, school.name),
        pupils=incident.most_pupils,
        levels=tuple(sorted({LEVELS.index(s.level) for s in schools})),
        areas=frozenset() if len(schools) == len(fleet.schools) else _areas_of(schools, fleet),
    )


def is_outside(area: str, facts: IncidentFacts) -> bool:
    """Return whether an incident is none of an area's: a ward or cluster, by any of its names."""
    return bool(area and facts.areas) and area not in facts.areas


def _areas_of(schools: list[School], fleet: Fleet) -> frozenset[str]:
    wards = [fleet.ward_by_code[code] for code in {school.ward_code for school in schools}]
    clusters = [fleet.cluster_by_code[code] for code in {ward.cluster_code for ward in wards}]
    return frozenset(
        [
            *(name for ward in wards for name in (ward.code, ward.name, ward.short_name)),
            *(name for cluster in clusters for name in (cluster.code, cluster.name)),
        ]
    )


def mismatch(match: Matchers, facts: IncidentFacts) -> Mismatch | None:
    """Return the first matcher that an incident does not satisfy; None if it satisfies all of them."""
    if match.priority and facts.priority not in match.priority:
        return Mismatch("priority", tuple(map(str, match.priority)), (str(facts.priority),))
    for field, patterns, names in _texts(match, facts):
        if patterns and not any(fnmatchcase(name, pattern) for name in names for pattern in patterns):
            return Mismatch(field, patterns, names)
    if facts.pupils < match.pupils_from:
        return Mismatch("pupils_from", (str(match.pupils_from),), (str(facts.pupils),))
    return None


def _texts(match: Matchers, facts: IncidentFacts) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    yield "rule", match.rule, (facts.rule,)
    yield "cause", match.cause, (facts.cause.value,)
    yield "cluster", match.cluster, facts.cluster
    yield "ward", match.ward, facts.ward
    yield "isp", match.isp, (facts.isp,) if facts.isp else ()
    yield "school", match.school, facts.school


def _school_of(cause: Cause, fleet: Fleet) -> School | None:
    if cause.school_id is None:
        return None
    former = (f.school for f in fleet.former if f.school.id == cause.school_id)
    return fleet.school_by_id.get(cause.school_id) or next(former, None)
