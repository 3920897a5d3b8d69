"""How fast incidents are noticed, told, taken and over, and how many were none (pure)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from contract.fleet import Fleet
from contract.incident import SECOND_US, IncidentTimes


class GroupBy(StrEnum):
    """What incidents are compared by."""

    ALL = "all"
    ISP = "isp"
    CLUSTER = "cluster"
    OWNER = "owner"
    RULE = "rule"


class TimeSpread(msgspec.Struct, frozen=True):
    """The spread of a time over incidents that have it."""

    incidents: int
    median_s: float
    p90_s: float


class ResponseFigures(msgspec.Struct, frozen=True):
    """The incidents of one group."""

    group: str
    """Name of the provider, code of the cluster, name of the engineer or the rule; empty for none."""
    incidents: int
    detect: TimeSpread | None
    """From the first alert's event, or the injected fault, to the incident (MTTD)."""
    notify: TimeSpread | None
    """From the incident to the first message handed over (MTTN)."""
    acknowledge: TimeSpread | None
    """From the incident to the first who took it (MTTA)."""
    resolve: TimeSpread | None
    """From the first alert's event to the end of the last (MTTR)."""
    judged: int
    """Incidents that somebody took or dismissed."""
    right: int
    """Those of them that nobody dismissed: precision is `right / judged`."""
    dismissed: dict[str, int]
    """By reason."""


_PLACED_BY: Final = (GroupBy.ISP, GroupBy.CLUSTER)


def response_figures(
    times: Iterable[IncidentTimes], by: GroupBy, fleet: Fleet, *, exercises: bool = False
) -> list[ResponseFigures]:
    """Return the figures of each group, that with the most incidents first.

    Args:
        times: of incidents, open or over.
        by: what is compared.
        fleet: where single schools are.
        exercises: of exercises alone; else without them.
    """
    name, groups = _namer(by, fleet), dict[str, list[IncidentTimes]]()
    for one in times:
        if bool(one.exercise) is exercises:
            groups.setdefault(name(one), []).append(one)
    found = [_figures(group, members) for group, members in groups.items()]
    return sorted(found, key=lambda figures: (-figures.incidents, figures.group))


def _figures(group: str, times: Sequence[IncidentTimes]) -> ResponseFigures:
    judged = [one for one in times if one.because or one.taken_us is not None]
    return ResponseFigures(
        group,
        len(times),
        _spread([one.began_us - one.opened_us for one in times]),
        _spread([one.told_us - one.began_us for one in times if one.told_us is not None]),
        _spread([one.taken_us - one.began_us for one in times if one.taken_us is not None]),
        _spread([one.quiet_us - one.opened_us for one in times if one.quiet_us is not None]),
        len(judged),
        sum(not one.because for one in judged),
        dict(Counter(one.because for one in judged if one.because)),
    )


def _spread(spans_us: Sequence[int]) -> TimeSpread | None:
    if not spans_us:
        return None
    median, p90 = np.quantile(np.array(spans_us) / SECOND_US, (0.5, 0.9))
    return TimeSpread(len(spans_us), round(float(median), 1), round(float(p90), 1))


def _namer(by: GroupBy, fleet: Fleet) -> Callable[[IncidentTimes], str]:
    """Return how an incident's group is named; one that is in several has none."""
    schools = {f.school.id: f.school for f in fleet.former} | dict(fleet.school_by_id)

    def place(one: IncidentTimes) -> str:
        cause = one.cause
        school = None if cause.school_id is None else schools.get(cause.school_id)
        if by is GroupBy.ISP:
            return cause.isp if school is None else school.isp
        ward_code = cause.ward_code if school is None else school.ward_code
        ward = fleet.ward_by_code.get(ward_code)
        return cause.cluster_code if ward is None else ward.cluster_code

    if by in _PLACED_BY:
        return place
    if by is GroupBy.OWNER:
        return lambda one: one.owner
    return (lambda one: one.rule) if by is GroupBy.RULE else (lambda one: "")
