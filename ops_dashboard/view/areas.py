"""The part of the city that a wall speaks of, and its figures from sums by ward (pure)."""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.fleet import Fleet
from contract.live import WARD_METRICS, Hidden, Kpi, WardSums
from contract.naming.plain import plain_name
from contract.privacy import told_apart

_WORDS: Final = ("cum ", "phuong ", "xa ", "dac khu ")
"""What a name may begin with and need not."""


class WallArea(msgspec.Struct, frozen=True):
    """A cluster or a ward of the fleet."""

    code: str
    name: str
    is_ward: bool


def find_area(text: str, fleet: Fleet) -> WallArea | None:
    """Return the cluster or the ward that a code or a name means; a cluster before a ward of its name."""
    wanted = plain_name(text)
    names = {wanted, *(wanted.removeprefix(word) for word in _WORDS if wanted.startswith(word))}
    for cluster in fleet.clusters:
        if text == cluster.code or plain_name(cluster.name) in names:
            return WallArea(cluster.code, cluster.name, is_ward=False)
    for ward in fleet.wards:
        if text == ward.code or {plain_name(ward.name), plain_name(ward.short_name)} & names:
            return WallArea(ward.code, ward.short_name, is_ward=True)
    return None


def wards_of(area: WallArea, fleet: Fleet) -> NDArray[np.intp]:
    """Return the positions of an area's wards."""
    codes = [ward.code if area.is_ward else ward.cluster_code for ward in fleet.wards]
    return np.flatnonzero(np.array(codes) == area.code)


class CitySums:
    """The sums by ward of all partitions, each column of shape (wards,)."""

    def __init__(self, fleet: Fleet, parts: Iterable[tuple[dict[str, WardSums], bool]]) -> None:
        """Add up; a part that is not fresh still expects, and reports nothing."""
        self._fleet = fleet
        wards = len(fleet.wards)
        self._columns = {name: np.zeros((8, wards)) for name in WARD_METRICS}
        self._clusters: dict[str, list[Kpi]] = {}
        for sums, is_fresh in parts:
            for name, own in sums.items():
                if name in self._columns and len(own.expected) == wards:
                    _add(self._columns[name], own, is_fresh=is_fresh)

    def latest_us(self, metric: str, area: WallArea | None = None) -> int:
        """Return the event time of the youngest value, µs since 1970; 0 without any."""
        column = self._columns[metric][3]
        own = column if area is None else column[wards_of(area, self._fleet)]
        return int(own.max(initial=0.0))

    def kpis(self, area: WallArea) -> dict[str, Kpi]:
        """Return an area's sums by metric."""
        own = wards_of(area, self._fleet)
        return {name: _kpi(columns[:, own]) for name, columns in self._columns.items()}

    def tells(self, metric: str, area: WallArea) -> bool:
        """Return whether an area's sum of a metric may stand beside those of the city and of all others."""
        of_ward, columns = self._fleet.cluster_of_wards, self._columns[metric]
        by_cluster = told_apart([kpi.hidden for kpi in self._by_cluster(metric)])
        if not area.is_ward:
            return by_cluster[[c.code for c in self._fleet.clusters].index(area.code)]
        (own,) = wards_of(area, self._fleet)
        siblings = np.flatnonzero(of_ward == of_ward[own])
        told = told_apart([_kpi(columns[:, [w]]).hidden for w in siblings])
        return by_cluster[of_ward[own]] and told[siblings.tolist().index(own)]

    def attendance(self, coverage_min: float) -> tuple[list[float | None], list[int]]:
        """Return each cluster's share of pupils present, 0 to 1, in fleet order; None where none is told.

        Nor is one where fewer than `coverage_min` (0 to 1) of the registers that are due have come. The
        positions of those that are known and would tell of few pupils are the second part.
        """
        of_ward = self._fleet.cluster_of_wards
        found: list[float | None] = []
        withheld: list[int] = []
        enrolled, kpis = self._columns["enrolled"], self._by_cluster("present")
        for c, (kpi, is_told) in enumerate(zip(kpis, told_apart([k.hidden for k in kpis]), strict=True)):
            whole = enrolled[2, of_ward == c].sum()
            is_known = kpi.reporting > 0 and kpi.reporting >= coverage_min * kpi.expected
            is_known = is_known and whole > 0
            found.append(round(kpi.total / float(whole), 4) if is_told and is_known else None)
            if is_known and not is_told:
                withheld.append(c)
        return found, withheld

    def _by_cluster(self, metric: str) -> list[Kpi]:
        if metric not in self._clusters:
            of_ward, columns = self._fleet.cluster_of_wards, self._columns[metric]
            clusters = range(len(self._fleet.clusters))
            self._clusters[metric] = [_kpi(columns[:, of_ward == c]) for c in clusters]
        return self._clusters[metric]


def _add(columns: NDArray[np.float64], own: WardSums, *, is_fresh: bool) -> None:
    columns[0] += own.expected
    if not is_fresh:
        return
    columns[1] += own.reporting
    columns[2] += own.total
    np.maximum(columns[3], own.latest_us, out=columns[3])
    if own.people:
        columns[4] += own.people
        columns[5] += own.least
        columns[6] += own.most
        np.maximum(columns[7], own.widest, out=columns[7])


def _kpi(columns: NDArray[np.float64]) -> Kpi:
    expected, reporting, total = (columns[row].sum() for row in range(3))
    people, least, most = (int(columns[row].sum()) for row in range(4, 7))
    hidden = Hidden(people, least, most, int(columns[7].max(initial=0.0)))
    return Kpi(int(expected), int(reporting), float(total), hidden)
