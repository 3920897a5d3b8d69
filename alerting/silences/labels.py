"""The labels of an alert, by which silences choose."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from alerting.outside.placing import cause_of_center
from contract.alert import EXTERNAL, Alert
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import Fleet, School
from contract.incident import Cause

Labels = Mapping[str, tuple[str, ...]]
"""Names of each label, of one thing; a label that is missing does not apply."""
CENTER: Final = "center"
"""The `system` of alerts about the operations center itself."""


def labels_of(alert: Alert, fleet: Fleet) -> Labels:
    """Return all labels of an alert.

    `alertname` (also `rule`), `priority` (`1`, `P1`), `system` (the kind of device: `gateway`, `attendance`,
    `elearning`, or `center`), `device` (its code), and those of its school, see `school_labels`. One from
    outside has its own besides, which come first; its `rule` is `external` as well.
    """
    found = {**subject_labels(alert, fleet), **school_labels(alert.school_id, fleet)}
    if alert.outside is None:
        return found
    found["rule"] = (alert.rule, EXTERNAL)
    if alert.school_id == SYSTEM_SCHOOL_ID:
        found |= _cause_labels(cause_of_center(alert, fleet), fleet)
    return found | {name: (value, *found.get(name, ())) for name, value in alert.outside.labels}


def subject_labels(alert: Alert, fleet: Fleet) -> Labels:
    """Return the labels that tell what an alert is about, wherever it is."""
    found = {
        "alertname": (alert.rule,),
        "rule": (alert.rule,),
        "priority": (str(alert.priority), f"P{alert.priority}"),
    }
    if alert.school_id == SYSTEM_SCHOOL_ID:
        return found | {"system": (CENTER,)}
    device = fleet.device_of(alert.series)
    if device is None:
        return found
    return found | {"system": (device.kind.value,), "device": (device.code,)}


def _cause_labels(cause: Cause, fleet: Fleet) -> Labels:
    """Return `isp`, `ward` and `cluster` of what an alert at no school is about, as far as it says."""
    ward, cluster = fleet.ward_by_code.get(cause.ward_code), fleet.cluster_by_code.get(cause.cluster_code)
    found = {
        "isp": (cause.isp,) if cause.isp else (),
        "ward": () if ward is None else (ward.code, ward.name, ward.short_name),
        "cluster": () if cluster is None else (cluster.code, cluster.name),
    }
    return {name: names for name, names in found.items() if names}


def school_labels(school_id: int, fleet: Fleet) -> Labels:
    """Return `school`, `ward`, `cluster` (code and names), `isp` and `level` of a school that is or was.

    The center itself, and a school that nobody knows, have none.
    """
    return _labels_of_schools(fleet).get(school_id, {})


@lru_cache(maxsize=4)
def _labels_of_schools(fleet: Fleet) -> Mapping[int, Labels]:
    schools = (*(former.school for former in fleet.former), *fleet.schools)
    return {school.id: _labels_of_school(school, fleet) for school in schools}


def _labels_of_school(school: School, fleet: Fleet) -> Labels:
    ward = fleet.ward_by_code[school.ward_code]
    cluster = fleet.cluster_by_code[ward.cluster_code]
    return {
        "school": (school.code, school.name),
        "ward": (ward.code, ward.name, ward.short_name),
        "cluster": (cluster.code, cluster.name),
        "isp": (school.isp,),
        "level": (school.level.value,),
    }
