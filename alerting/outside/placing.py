"""Where an alert from outside belongs, and how urgent it is, by its labels (pure)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from contract.alert import EXTERNAL, Alert, Outside, Priority
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import Device, Fleet
from contract.incident import Cause, CauseKind
from contract.series import MAX_METRIC_ID, series_of

_BY_PRIORITY: Final = {str(int(p)): p for p in Priority} | {f"P{int(p)}": p for p in Priority}
_BY_SEVERITY: Final = {
    "critical": Priority.P1,
    "page": Priority.P1,
    "warning": Priority.P2,
    "info": Priority.P3,
    "none": Priority.P3,
}
"""Severities that rules of Prometheus use. Source: prometheus.io/docs/practices/rules and the alerts of
prometheus-operator/kube-prometheus, whose ever-firing Watchdog has `none`."""
_PROVIDER: Final = ("isp", "provider")
"""Labels that may name an internet provider."""


def rule_of(outside: Outside) -> str:
    """Return the rule of an alert from outside: those with one `alertname` are grouped like ours."""
    name = dict(outside.labels).get("alertname", "")
    return f"{EXTERNAL}/{name}" if name else EXTERNAL


def outside_title(rule: str) -> str:
    """Return what a rule that is none of rules.toml is called: of alerts from outside their `alertname`."""
    return rule.removeprefix(f"{EXTERNAL}/")


def priority_of(outside: Outside) -> Priority:
    """Return how urgent it is: by the label `priority` (1 to 3, P1 to P3), else by `severity`, else 2.

    Two is what somebody should look at soon: whoever says nothing must not be read a day later.
    """
    labels = dict(outside.labels)
    by_severity = _BY_SEVERITY.get(labels.get("severity", "").lower(), Priority.P2)
    return _BY_PRIORITY.get(labels.get("priority", ""), by_severity)


def place_of_report(outside: Outside, fleet: Fleet) -> tuple[int, int]:
    """Return the school and the series of an alert: of the school whose code the label `school` is, if any.

    With the label `device` (a code) or `system` (a kind of device) it is about that device, and about no
    metric of it. Without a school that we know it is the center's.
    """
    labels = dict(outside.labels)
    school = fleet.school_by_code.get(labels.get("school", ""))
    if school is None:
        return SYSTEM_SCHOOL_ID, series_of(0, MAX_METRIC_ID)
    device = next((d for d in _devices(fleet).get(school.id, ()) if _is_meant(d, labels)), None)
    return school.id, series_of(0 if device is None else device.id, MAX_METRIC_ID)


def cause_of_center(alert: Alert, fleet: Fleet) -> Cause:
    """Return the cause of an alert at no school: what its labels name of places, else the center itself.

    Labels: `isp` or `provider` (a name that a school of ours has), `ward`, `cluster` (codes).
    """
    labels = {} if alert.outside is None else dict(alert.outside.labels)
    isp = next((labels[name] for name in _PROVIDER if labels.get(name) in _providers(fleet)), "")
    ward = fleet.ward_by_code.get(labels.get("ward", ""))
    cluster = fleet.cluster_by_code.get(labels.get("cluster", "") if ward is None else ward.cluster_code)
    if ward is not None:
        kind = CauseKind.ISP_WARD if isp else CauseKind.WARD
    elif cluster is not None:
        kind = CauseKind.ISP_CLUSTER if isp else CauseKind.CLUSTER
    else:
        kind = CauseKind.ISP if isp else CauseKind.SYSTEM
    return Cause(kind, isp, "" if cluster is None else cluster.code, "" if ward is None else ward.code)


def _is_meant(device: Device, labels: Mapping[str, str]) -> bool:
    if "device" in labels:
        return device.code == labels["device"]
    return device.kind.value == labels.get("system")


@lru_cache(maxsize=4)
def _devices(fleet: Fleet) -> Mapping[int, tuple[Device, ...]]:
    found: dict[int, tuple[Device, ...]] = {}
    for device in fleet.devices:
        found[device.school_id] = (*found.get(device.school_id, ()), device)
    return found


@lru_cache(maxsize=4)
def _providers(fleet: Fleet) -> frozenset[str]:
    return frozenset(school.isp for school in fleet.schools)
