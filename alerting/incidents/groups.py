"""The groups of schools that may share a cause, as columns over the schools of a fleet."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.fleet import DeviceKind, Fleet, School


class CauseKind(StrEnum):
    """What the alerts of an incident share, the broadest first; each has texts in texts.toml."""

    SYSTEM = "system"
    """They are about the operations center itself, and about no school."""
    FLEET = "fleet"
    """Nearly all schools, of several providers: what these share is the center's own line."""
    CITY = "city"
    """The whole city, and none of the groups below more than others."""
    PLATFORM = "platform"
    """The e-learning platform, and none of the groups below: its schools are everywhere. The fleet does not
    say which platform a school uses, so one is assumed."""
    ISP = "isp"
    """One internet provider, wherever its schools are."""
    CLUSTER = "cluster"
    """One professional cluster of wards, whatever the provider."""
    ISP_CLUSTER = "isp_cluster"
    """One provider within one cluster."""
    WARD = "ward"
    """One ward, whatever the provider: power, a flood, a day off."""
    ISP_WARD = "isp_ward"
    """One provider within one ward: a street cabinet."""
    SCHOOL = "school"
    """One school by itself."""


GROUP_KINDS: Final = (
    CauseKind.ISP,
    CauseKind.CLUSTER,
    CauseKind.ISP_CLUSTER,
    CauseKind.WARD,
    CauseKind.ISP_WARD,
)
"""Kinds with groups of schools, the broader first."""
CHILDREN: Final = {
    CauseKind.ISP: (CauseKind.ISP_CLUSTER, CauseKind.ISP_WARD),
    CauseKind.CLUSTER: (CauseKind.ISP_CLUSTER, CauseKind.WARD, CauseKind.ISP_WARD),
    CauseKind.ISP_CLUSTER: (CauseKind.ISP_WARD,),
    CauseKind.WARD: (CauseKind.ISP_WARD,),
    CauseKind.ISP_WARD: (),
}
"""Kinds each of whose groups lies within one group of the kind."""
LEAST_SCHOOLS: Final = 3
"""Schools that make a group: two at once are read faster than explained, and happen by chance."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What is thought to be behind an incident; names that do not apply are empty."""

    kind: CauseKind
    isp: str = ""
    cluster_code: str = ""
    ward_code: str = ""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The fleet cut into groups of one kind."""

    kind: CauseKind
    causes: tuple[Cause, ...]
    """Of each group."""
    group: NDArray[np.int32]
    """Group of each school, by school position, shape (schools,)."""
    size: NDArray[np.int64]
    """Schools of each group, shape (groups,)."""
    member: NDArray[np.intp]
    """Position of one school of each group, shape (groups,): its groups of broader kinds are the
    group's."""


class Groups:
    """All groups of a fleet that are tested."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.schools = len(fleet.schools)
        self.isp = tuple(school.isp for school in fleet.schools)
        """Provider by school position."""
        self.on_platform = len({d.school_id for d in fleet.devices if d.kind is DeviceKind.ELEARNING})
        """Schools with an e-learning connector."""
        self.by_kind = {kind: _cut(fleet, kind) for kind in GROUP_KINDS}
        tested = sum(int((p.size >= LEAST_SCHOOLS).sum()) for p in self.by_kind.values())
        self.tested = tested + 1
        """Groups that a test may name, the city among them: what significance is corrected for."""


def cause_of(school: School, kind: CauseKind, fleet: Fleet) -> Cause:
    """Return the group of a kind that a school belongs to."""
    cluster = fleet.ward_by_code[school.ward_code].cluster_code
    has_isp = kind in (CauseKind.ISP, CauseKind.ISP_CLUSTER, CauseKind.ISP_WARD)
    has_ward = kind in (CauseKind.WARD, CauseKind.ISP_WARD)
    has_cluster = has_ward or kind in (CauseKind.CLUSTER, CauseKind.ISP_CLUSTER)
    return Cause(
        kind,
        isp=school.isp if has_isp else "",
        cluster_code=cluster if has_cluster else "",
        ward_code=school.ward_code if has_ward else "",
    )


def place_of(cause: Cause, fleet: Fleet) -> str:
    """Return the name of the ward or cluster that is a cause or a part of it; else an empty text."""
    if cause.ward_code:
        return fleet.ward_by_code[cause.ward_code].name
    return fleet.cluster_by_code[cause.cluster_code].name if cause.cluster_code else ""


def _cut(fleet: Fleet, kind: CauseKind) -> Grouping:
    number: dict[Cause, int] = {}
    member: list[int] = []
    group = np.empty(len(fleet.schools), np.int32)
    for position, school in enumerate(fleet.schools):
        cause = cause_of(school, kind, fleet)
        found = number.setdefault(cause, len(number))
        if found == len(member):
            member.append(position)
        group[position] = found
    size = np.bincount(group, minlength=len(number)).astype(np.int64)
    return Grouping(kind, tuple(number), group, size, np.array(member, np.intp))
