"""What of a summary lies in an area (pure); of alerts and incidents `alerting.incidents.area_view` says it.

A figure that was counted over more schools than the area has is not told in it: sums of a partition are left
out, and an incident that reaches beyond the area is told by its own open alerts here.
"""

import numpy as np
from msgspec.structs import replace

from alerting.incidents.area_view import AreaView
from contract.access.area import Area
from contract.fleet import Fleet
from contract.live import Summary
from ops_dashboard.view.areas import WallArea, find_area, wards_of


class Narrowing(AreaView):
    """A fleet as it is seen from an area, with the summaries of its partitions."""

    def __init__(self, whole: Fleet, area: Area, partitions: int) -> None:
        super().__init__(whole, area)
        of_school = whole.partition_of_schools(partitions)
        self._chosen = [
            np.array([s.id in self._own for s, p in zip(whole.schools, of_school, strict=True) if p == part])
            for part in range(partitions)
        ]

    def summary(self, summary: Summary) -> Summary:
        """Return a partition's summary, one that fits, with the schools of the area and without sums."""
        states = np.frombuffer(summary.states.encode("ascii"), np.uint8)[self._chosen[summary.partition]]
        return replace(summary, states=states.tobytes().decode("ascii"), kpis={}, canary=None, wards={})

    def whole_part(self, part: WallArea | None) -> WallArea | None:
        """Return the cluster or ward that is looked at, if all of its schools are of the area; else None.

        Args:
            part: of the area; None for all of it, which may be a single cluster or ward.
        """
        area = self.area
        if part is None and len(area.clusters) + len(area.wards) == 1 and not area.schools:
            codes = {*area.clusters, *area.wards}
            part = next(iter(find_area(code, self._whole) for code in codes), None)
        if part is None:
            return None
        met = self._whole.ids_of_wards(wards_of(part, self._whole))
        return part if self._own.issuperset(met) else None
