"""The alarm lines of the wall, as the browser writes them (pure)."""

from collections.abc import Mapping

import msgspec

from alerting.grouping import Line, group_alerts
from contract.alert import Alert
from contract.fleet import Fleet


class WallLine(msgspec.Struct, frozen=True):
    """One alarm, or many of one cause."""

    rule: str
    priority: int
    school: int | None
    """Position of the school in the fleet; None for several schools."""
    isp: str
    """Provider of the school, or the common provider of a group."""
    alerts: int
    """Alerts in the line, 1 or more."""
    schools: int
    """Schools in the line, 1 or more."""
    wards: int
    """Wards of these schools, 1 or more."""
    pupils: int
    opened_at_us: int
    """Event time of the earliest opening, µs since 1970."""
    unacknowledged: int
    """Alerts in the line that nobody has taken."""
    acknowledged_by: str
    """The engineer who took it; empty for a group, or while someone should take it."""


def wall_lines(alerts: Mapping[str, Alert], fleet: Fleet) -> list[WallLine]:
    """Return the lines of the open alerts (by id), unacknowledged first, then by priority, then newest."""
    return [_wall_line(line, alerts, fleet) for line in group_alerts(alerts.values(), fleet)]


def _wall_line(line: Line, alerts: Mapping[str, Alert], fleet: Fleet) -> WallLine:
    single = line.school_ids[0] if len(line.school_ids) == 1 else None
    taken_by = alerts[line.alert_ids[0]].acknowledged_by if line.count == 1 else None
    return WallLine(
        rule=line.rule,
        priority=line.priority,
        school=None if single is None else fleet.school_position[single],
        isp=line.isp or fleet.school_by_id[line.school_ids[0]].isp,
        alerts=line.count,
        schools=len(line.school_ids),
        wards=len(line.ward_codes),
        pupils=line.pupils,
        opened_at_us=line.oldest_us,
        unacknowledged=line.unacknowledged,
        acknowledged_by=taken_by or "",
    )
