"""The groups of schools that may share a cause, as columns over the schools of a fleet."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.fleet import DeviceKind, Fleet, School
from contract.incident import Cause, CauseKind

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
_RANK: Final = {kind: rank for rank, kind in enumerate(CauseKind)}
LEAST_SCHOOLS: Final = 3
"""Schools that make a group: two at once are read faster than explained, and happen by chance."""


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
        parts = self.by_kind.values()
        self._size = {c: int(n) for part in parts for c, n in zip(part.causes, part.size, strict=True)}

    def size(self, cause: Cause) -> int:
        """Return how many schools a cause meets if it meets all that it can; 0 for the center itself."""
        if cause.kind is CauseKind.PLATFORM:
            return self.on_platform
        if cause.kind in (CauseKind.SYSTEM, CauseKind.SCHOOL):
            return int(cause.kind is CauseKind.SCHOOL)
        # A group that left the fleet has no schools any more.
        return self._size.get(cause, 0) if cause.kind in self.by_kind else self.schools


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


def covers(outer: Cause, inner: Cause) -> bool:
    """Return whether all schools of one cause are the other's as well; a cause covers itself."""
    if outer == inner:
        return True
    if CauseKind.SYSTEM in (outer.kind, inner.kind) or outer.kind is CauseKind.SCHOOL:
        return False
    if outer.kind not in CHILDREN:
        return _RANK[outer.kind] < _RANK[inner.kind]
    if inner.kind not in CHILDREN[outer.kind]:
        return False
    return all(mine in ("", theirs) for mine, theirs in zip(_names(outer), _names(inner), strict=True))


def covers_school(cause: Cause, school: School, fleet: Fleet) -> bool:
    """Return whether a school is among those that a cause meets."""
    if cause.kind is CauseKind.SYSTEM:
        return False
    if cause.kind is CauseKind.SCHOOL:
        return cause.school_id == school.id
    return cause.kind not in CHILDREN or cause_of(school, cause.kind, fleet) == cause


def is_within(inner: Cause, outer: Cause, fleet: Fleet) -> bool:
    """Return whether a cause, or the school that it is about, is among what another one meets."""
    school = None if inner.school_id is None else fleet.school_by_id.get(inner.school_id)
    return covers(outer, inner) if school is None else covers_school(outer, school, fleet)


def _names(cause: Cause) -> tuple[str, str, str]:
    return cause.isp, cause.cluster_code, cause.ward_code


def place_of(cause: Cause, fleet: Fleet) -> str:
    """Return the name of the ward or cluster that is a cause or a part of it; else an empty text.

    One that left the fleet while its incident was open has its code for a name.
    """
    if cause.ward_code:
        ward = fleet.ward_by_code.get(cause.ward_code)
        return cause.ward_code if ward is None else ward.name
    cluster = fleet.cluster_by_code.get(cause.cluster_code)
    return cause.cluster_code if cluster is None else cluster.name


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
