"""What of a summary, an alert or an incident lies in an area (pure).

A figure that was counted over more schools than the area has is not told in it: sums of a partition are left
out, and an incident that reaches beyond the area is told by its own open alerts here.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from msgspec.structs import replace

from alerting.incidents.groups import covers_school
from contract.access.area import Area, narrow_fleet
from contract.alert import Alert
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident
from contract.live import Summary
from ops_dashboard.view.areas import WallArea, find_area, wards_of


class Narrowing:
    """A fleet as it is seen from an area."""

    def __init__(self, whole: Fleet, area: Area, partitions: int) -> None:
        self.area = area
        self.fleet = narrow_fleet(whole, area)
        """The part that lies in the area."""
        self._whole = whole
        self._own = {s.id for s in (*self.fleet.schools, *(f.school for f in self.fleet.former))}
        of_school = whole.partition_of_schools(partitions)
        self._chosen = [
            np.array([s.id in self._own for s, p in zip(whole.schools, of_school, strict=True) if p == part])
            for part in range(partitions)
        ]
        self._covers = lru_cache(maxsize=1000)(self._covers_cause)

    def summary(self, summary: Summary) -> Summary:
        """Return a partition's summary, one that fits, with the schools of the area and without sums."""
        states = np.frombuffer(summary.states.encode("ascii"), np.uint8)[self._chosen[summary.partition]]
        return replace(summary, states=states.tobytes().decode("ascii"), kpis={}, canary=None, wards={})

    def has(self, school_id: int) -> bool:
        """Return whether a school, of now or of before, lies in the area; the center itself does not."""
        return school_id in self._own

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

    def covers(self, incident: Incident) -> bool:
        """Return whether an incident can meet no school beyond the area."""
        return bool(self._covers(incident.cause))

    def alerts(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return the alerts of the area."""
        return [alert for alert in alerts if alert.school_id in self._own]

    def incident(self, incident: Incident, alerts: Iterable[Alert]) -> Incident | None:
        """Return an incident as it is seen from the area, None where nothing of it is.

        Args:
            incident: as it stands.
            alerts: open alerts of the area; which of them are its own follows from rule and cause alone.
        """
        if self.covers(incident):
            return incident
        own = [a for a in alerts if a.rule in incident.rules and self._may_be_of(incident.cause, a)]
        if not own or incident.ended_at_us is not None:
            return None
        pupils = {a.school_id: a.pupils for a in own}
        worst = min(own, key=lambda a: (a.priority, a.opened_at_us, a.alert_id))
        rules = tuple(sorted({a.rule for a in own}))
        return replace(
            incident,
            rule=incident.rule if incident.rule in rules else worst.rule,
            rules=rules,
            cause_rules=tuple(rule for rule in incident.cause_rules if rule in rules),
            priority=worst.priority,
            worst_priority=worst.priority,
            alerts=len(own),
            all_alerts=len(own),
            unacknowledged=sum(a.acknowledged_at_us is None for a in own),
            schools=len(pupils),
            most_schools=len(pupils),
            pupils=sum(pupils.values()),
            most_pupils=sum(pupils.values()),
            lost_pupil_s=0,
            opened_at_us=min(a.opened_at_us for a in own),
            last_opened_at_us=max(a.opened_at_us for a in own),
        )

    def _covers_cause(self, cause: Cause) -> bool:
        if cause.kind is CauseKind.SYSTEM:
            return False
        if cause.kind is CauseKind.SCHOOL:
            return cause.school_id in self._own
        met = [s.id for s in self._whole.schools if covers_school(cause, s, self._whole)]
        return bool(met) and self._own.issuperset(met)

    def _may_be_of(self, cause: Cause, alert: Alert) -> bool:
        school = self.fleet.school_by_id.get(alert.school_id)
        return school is not None and covers_school(cause, school, self.fleet)
