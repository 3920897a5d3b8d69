"""Absent or offline: whether an attendance alert speaks of pupils or of a device (pure).

Only alerts make a device incident and only fresh readings make it attendance; whatever lies between
is unknown, and said to be.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from contract.alert import Alert
from contract.catalogue import Catalogue
from contract.fleet import Device, DeviceKind
from contract.rule import ClockRule, JointRule, Rule, SilenceRule, StuckRule, SystemRule
from contract.series import series_of
from contract.topic import Stream

HEARD_CADENCES: Final = 3.0
"""A stream is heard while its newest reading is no older than this many cadences: chosen, so that two
lost messages do not make it unknown; for registers that is half an hour."""
HEARD_LEAST_S: Final = 60.0
"""The same in seconds where cadences are short: chosen, what the silence of a gateway may last."""
HEARTBEAT_OF: Final[Mapping[Stream, DeviceKind]] = {
    Stream.BANDWIDTH: DeviceKind.GATEWAY,
    Stream.ATTENDANCE: DeviceKind.ATTENDANCE,
}
"""Streams whose heartbeat shows that line and reader work."""


class Verdict(StrEnum):
    """What an attendance alert speaks of; each has texts in texts.toml."""

    LINK = "link"
    """A device incident: the school's line is down or its gateway silent."""
    READER = "reader"
    """A device incident: the attendance system is silent or repeats itself."""
    ATTENDANCE = "attendance"
    """Line and reader work: it is about the pupils."""
    UNKNOWN = "unknown"


class LineFault(StrEnum):
    """What a rule says of a school's line."""

    LOST = "lost"
    """Nothing comes through it."""
    POOR = "poor"
    """It is slow, loses packets or carries what it usually does not."""


def line_fault(rule: Rule | None, catalogue: Catalogue) -> LineFault | None:
    """Return what an alert of a rule says of the line; None for what is no matter of the provider."""
    if rule is None or _stream_of(rule, catalogue) not in (Stream.STATUS, Stream.BANDWIDTH):
        return None
    if _device_at_fault(rule, catalogue) is DeviceKind.GATEWAY:
        return LineFault.LOST
    is_of_meter = isinstance(rule, StuckRule | ClockRule | JointRule)
    return None if is_of_meter else LineFault.POOR


def is_about_attendance(rule: Rule | None, catalogue: Catalogue) -> bool:
    """Return whether a rule watches an attendance metric."""
    return rule is not None and _stream_of(rule, catalogue) is Stream.ATTENDANCE


def absent_or_offline(
    rules: Iterable[Rule | None], heard: Collection[DeviceKind], catalogue: Catalogue
) -> Verdict:
    """Return what the alerts of one school say together.

    Args:
        rules: of all alerts of the school at that time, the attendance alert's own among them; None
            for a rule that is gone.
        heard: kinds of the school's devices with a fresh reading (`heartbeats`).
        catalogue: metrics.
    """
    found = {_device_at_fault(rule, catalogue) for rule in rules if rule is not None}
    if DeviceKind.GATEWAY in found:
        return Verdict.LINK
    if DeviceKind.ATTENDANCE in found:
        return Verdict.READER
    if {DeviceKind.GATEWAY, DeviceKind.ATTENDANCE} <= set(heard):
        return Verdict.ATTENDANCE
    return Verdict.UNKNOWN


def heartbeats(devices: Iterable[Device], now_us: int, catalogue: Catalogue) -> dict[int, int]:
    """Return since when each heartbeat must have a reading to be heard, µs since 1970, by series.

    Args:
        devices: of a school.
        now_us: log time.
        catalogue: metrics.
    """
    return {
        series_of(device.id, metric.id): now_us
        - round(max(HEARD_LEAST_S, HEARD_CADENCES * metric.cadence_s) * 1e6)
        for device in devices
        for metric in catalogue.metrics
        if metric.heartbeat and HEARTBEAT_OF.get(metric.stream) is device.kind
    }


def stands_beside(other: Alert, alert: Alert) -> bool:
    """Return whether another alert counts: now beside an open one, else within its life."""
    if alert.resolved_at_us is None:
        return other.resolved_at_us is None
    return not (_ended_before(alert, other) or _ended_before(other, alert))


def _ended_before(first: Alert, second: Alert) -> bool:
    return first.resolved_at_us is not None and first.resolved_at_us < second.opened_at_us


def _device_at_fault(rule: Rule, catalogue: Catalogue) -> DeviceKind | None:
    """Return the kind of device that a rule's alert says is silent, offline or stuck."""
    stream = _stream_of(rule, catalogue)
    if stream is Stream.STATUS or (stream is Stream.BANDWIDTH and isinstance(rule, SilenceRule)):
        return DeviceKind.GATEWAY
    if stream is Stream.ATTENDANCE and isinstance(rule, SilenceRule | StuckRule):
        return DeviceKind.ATTENDANCE
    return None


def _stream_of(rule: Rule, catalogue: Catalogue) -> Stream | None:
    return None if isinstance(rule, SystemRule) else catalogue.named(rule.metric).stream
