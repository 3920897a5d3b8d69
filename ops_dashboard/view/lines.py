"""The alarm lines of the wall, as the browser writes them (pure)."""

from collections.abc import Mapping, Sequence

import msgspec

from alerting.incidents.groups import place_of
from alerting.incidents.lines import Line
from contract.alert import Alert
from contract.fleet import Fleet


class WallLine(msgspec.Struct, frozen=True):
    """One alarm, or many of one cause."""

    rule: str
    """The rule that the line is named after."""
    others: int
    """Further rules with alerts in the line."""
    cause: str
    """What its alerts share, such as `isp` or `ward` (contract.incident.CauseKind)."""
    priority: int
    school: int | None
    """Position of the school in the fleet; None for several schools, and for none."""
    isp: str
    """The provider that is the cause or a part of it, or the single school's; else empty."""
    place: str
    """The cluster or ward that is the cause or a part of it; else empty."""
    alerts: int
    """Alerts in the line, 1 or more."""
    schools: int
    """Schools in the line; 0 for what concerns the center itself."""
    pupils: int
    opened_at_us: int
    """Event time of the earliest opening, µs since 1970."""
    unacknowledged: int
    """Alerts in the line that nobody has taken."""
    acknowledged_by: str
    """The engineer who took it; empty for several, or while someone should take it."""


def wall_line(line: Line, alerts: Mapping[str, Alert], fleet: Fleet) -> WallLine:
    """Return a line of the open alerts (by id) as the browser writes it."""
    single = line.school_ids[0] if len(line.school_ids) == 1 else None
    return WallLine(
        rule=line.rule,
        others=len(line.rules) - 1,
        cause=line.cause.kind.value,
        priority=line.priority,
        school=None if single is None else fleet.school_position[single],
        isp=line.cause.isp if single is None else fleet.school_by_id[single].isp,
        place=place_of(line.cause, fleet),
        alerts=line.count,
        schools=len(line.school_ids),
        pupils=line.pupils,
        opened_at_us=line.oldest_us,
        unacknowledged=line.unacknowledged,
        acknowledged_by=_taken_by([alerts[alert_id] for alert_id in line.alert_ids]),
    )


def _taken_by(alerts: Sequence[Alert]) -> str:
    names = {alert.acknowledged_by or "" for alert in alerts}
    return names.pop() if len(names) == 1 else ""
