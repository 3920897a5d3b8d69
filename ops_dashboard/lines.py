"""The alarm lines of the wall, as the browser writes them (pure)."""

from collections.abc import Mapping, Sequence

import msgspec

from alerting.grouping import Line, group_alerts
from contract.alert import Alert
from contract.fleet import Fleet


class WallLine(msgspec.Struct, frozen=True):
    """One alarm, or many of one cause."""

    rule: str
    fate: str
    """What its alerts share: `system`, `fleet`, `provider` or `single` (alerting.grouping.Fate)."""
    priority: int
    school: int | None
    """Position of the school in the fleet; None for several schools, and for none."""
    isp: str
    """Provider of the school, or the common provider of a group; empty for any other fate."""
    alerts: int
    """Alerts in the line, 1 or more."""
    schools: int
    """Schools in the line; 0 for what concerns the center itself."""
    wards: int
    """Wards of these schools."""
    pupils: int
    opened_at_us: int
    """Event time of the earliest opening, µs since 1970."""
    unacknowledged: int
    """Alerts in the line that nobody has taken."""
    acknowledged_by: str
    """The engineer who took it; empty for several, or while someone should take it."""


def wall_lines(alerts: Mapping[str, Alert], fleet: Fleet) -> list[WallLine]:
    """Return the lines of the open alerts (by id), unacknowledged first, then by priority, then newest."""
    return [_wall_line(line, alerts, fleet) for line in group_alerts(alerts.values(), fleet)]


def _wall_line(line: Line, alerts: Mapping[str, Alert], fleet: Fleet) -> WallLine:
    single = line.school_ids[0] if len(line.school_ids) == 1 else None
    return WallLine(
        rule=line.rule,
        fate=line.fate.name.lower(),
        priority=line.priority,
        school=None if single is None else fleet.school_position[single],
        isp=line.isps[0] if len(line.isps) == 1 else "",
        alerts=line.count,
        schools=len(line.school_ids),
        wards=len(line.ward_codes),
        pupils=line.pupils,
        opened_at_us=line.oldest_us,
        unacknowledged=line.unacknowledged,
        acknowledged_by=_taken_by([alerts[alert_id] for alert_id in line.alert_ids]),
    )


def _taken_by(alerts: Sequence[Alert]) -> str:
    names = {alert.acknowledged_by or "" for alert in alerts}
    return names.pop() if len(names) == 1 else ""
