"""Which rules speak of which fault: what finds it, and what explains an alert.

A rule is told here by its channel and its metric, of which there is at most one, or its name if it is about
the center, so that rules of an
operator's own file count like the packaged ones.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from contract.rule import MetricRule, Rule
from device_simulator.world.everyday import AWAY, CHRONIC, UNSENT
from device_simulator.world.fault_specs import NEW, NEW_READER
from device_simulator.world.faults import FaultKind
from device_simulator.world.scenarios import BELLS

_LINE: Final = ("down_bps", "up_bps", "latency_ms", "loss_ratio")
"""What the gateway measures of its line."""
_USE: Final = ("down_bps", "up_bps", "active_users", "events")
"""What falls when pupils are not there."""


def _rules(channels: str, metrics: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Return (channel, metric) pairs, each channel with each metric."""
    return frozenset((channel, metric) for channel in channels.split() for metric in metrics)


_VALUES: Final = "threshold anomaly rate"
_NOTHING_COMES: Final = _rules("silence", (*_LINE, "active_users", "success_ratio", "attendance_ratio"))
_NOTHING_PASSES: Final = (
    _rules(_VALUES, ("online", "down_bps", "up_bps", "active_users", "events")) | _NOTHING_COMES
)
_REGISTER: Final = _rules(f"{_VALUES} joint", ("attendance_ratio", "present", "absent", "late"))
_FEWER: Final = _REGISTER | _rules(_VALUES, _USE)
_WHOLE_LEVELS: Final = _rules("system", ("off_calendar",))
"""Told of the center, for what most schools of a level do."""
_NOBODY_THERE: Final = _FEWER | _rules("silence", ("attendance_ratio", "active_users"))

SPEAKS_OF: Final[Mapping[str, frozenset[tuple[str, str]]]] = {
    FaultKind.LINK_CUT: _NOTHING_PASSES,
    FaultKind.ISP_OUTAGE: _NOTHING_PASSES,
    FaultKind.SLOW_DEGRADATION: _rules(_VALUES, _LINE),
    f"{FaultKind.SILENT_DEVICE}/gateway": _rules("silence", _LINE),
    f"{FaultKind.SILENT_DEVICE}/elearning": _rules("silence", ("active_users", "success_ratio")),
    f"{FaultKind.SILENT_DEVICE}/attendance": _rules("silence", ("attendance_ratio",)),
    f"{FaultKind.SILENT_DEVICE}/{NEW}": _rules("silence", _LINE),
    FaultKind.STUCK_SENSOR: _rules("stuck", _LINE)
    | _rules("anomaly", _LINE)
    | _rules("joint", ("attendance_ratio",)),
    # Pupils who are there but not read use the line as ever; those who are missing do not.
    f"{FaultKind.ATTENDANCE_DROP}/reader": _REGISTER,
    f"{FaultKind.ATTENDANCE_DROP}/faint": _REGISTER,
    f"{FaultKind.ATTENDANCE_DROP}/{NEW_READER}": _REGISTER,
    FaultKind.ATTENDANCE_DROP: _FEWER,
    FaultKind.LMS_OUTAGE: _rules(
        _VALUES, ("success_ratio", "response_ms", "active_users", "events", "sync_age_s")
    ),
    f"{FaultKind.CLOCK_SKEW}/behind": _rules("clock", _LINE),
    # What comes from the future is refused, so the center is blind there.
    FaultKind.CLOCK_SKEW: _rules("clock", _LINE) | _NOTHING_COMES,
    "unannounced-half-day": _NOBODY_THERE | _WHOLE_LEVELS,
    "unannounced-closure": _NOBODY_THERE,
    BELLS: _NOBODY_THERE | _WHOLE_LEVELS,
    AWAY: _FEWER,
    UNSENT: _rules("silence", ("attendance_ratio",)),
    f"{CHRONIC}/bad": _rules(f"{_VALUES} chronic", _LINE),
    f"{CHRONIC}/flapping": _NOTHING_PASSES | _rules("chronic", _LINE),
    f"{CHRONIC}/silent": _rules("silence chronic", _LINE),
}
"""(channel, metric) of the rules that speak of a label, by `kind/variant` or, for the variants that
have no entry of their own, by kind. Kinds without any (known days of the calendar) are spoken of by all."""


def rules_that_speak(kind: str, variant: str, rules: Iterable[Rule]) -> frozenset[str] | None:
    """Return the names of the rules that speak of a label; None if all do."""
    told = SPEAKS_OF.get(f"{kind}/{variant}", SPEAKS_OF.get(kind))
    if told is None:
        return None
    return frozenset(r.name for r in rules if _subject(r) in told)


def _subject(rule: Rule) -> tuple[str, str]:
    return rule.channel, rule.metric if isinstance(rule, MetricRule) else rule.name
