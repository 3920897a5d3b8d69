"""The slots of one partition: every series that its schools can have, whether heard yet or not."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue
from contract.fleet import STREAMS_OF, DeviceKind, Fleet
from contract.series import METRIC_BITS
from contract.topic import Stream

UNKNOWN_SLOT = -1
KINDS = tuple(DeviceKind)


@dataclass(frozen=True)
class Layout:
    """Columns by slot (n of them, sorted by series) and by school of the partition (m, in fleet order)."""

    partition: int
    series: NDArray[np.int32]
    """Series number of each slot, rising, shape (n,)."""
    metric_id: NDArray[np.int32]
    """Metric of each slot, shape (n,)."""
    school: NDArray[np.int32]
    """Position of each slot's school among the partition's schools, shape (n,)."""
    level: NDArray[np.int8]
    """Position of each slot's school level in `LEVELS`, shape (n,)."""
    sessional: NDArray[np.bool_]
    """Where a slot speaks of sessions and not of the moment (attendance), shape (n,)."""
    contracted_bps: NDArray[np.float64]
    """Contracted rate of the line whose traffic a slot tells, infinite for other metrics, shape (n,)."""
    school_ids: NDArray[np.int64]
    """Fleet id of each school of the partition, shape (m,)."""
    school_codes: tuple[str, ...]
    """Codes of the same schools."""
    pupils: NDArray[np.int64]
    """Pupils of the same schools, shape (m,)."""
    ward: NDArray[np.intp]
    """Position of the same schools' wards among the fleet's, shape (m,)."""
    cluster: NDArray[np.intp]
    """Position of the same schools' clusters among the fleet's, shape (m,)."""
    provider: NDArray[np.intp]
    """Position of the same schools' providers among the fleet's, shape (m,)."""
    wards: int
    """Wards of the fleet."""
    heartbeat_slot: NDArray[np.intp]
    """Slot whose freshness says that a school is heard: of its gateway, else of any device; -1 if none."""

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def schools(self) -> int:
        """Schools in the partition."""
        return len(self.school_codes)

    def slots_of(self, series: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the slot of each series, `UNKNOWN_SLOT` where the partition has none, shape (n,)."""
        if not len(self.series):
            return np.full(len(series), UNKNOWN_SLOT, np.intp)
        place = np.minimum(np.searchsorted(self.series, series), len(self.series) - 1)
        return np.where(self.series[place] == series, place, UNKNOWN_SLOT).astype(np.intp)


@dataclass(frozen=True)
class FleetColumns:
    """A fleet as columns, made once for the layouts of all partitions; schools and devices in fleet order."""

    partition: NDArray[np.int16]
    """Partition of each school, shape (schools,)."""
    device_id: NDArray[np.int32]
    """Shape (devices,)."""
    device_school: NDArray[np.int32]
    """Position of each device's school in the fleet, shape (devices,)."""
    device_kind: NDArray[np.int8]
    """Position of each device's kind in `KINDS`, shape (devices,)."""


def columns_of(fleet: Fleet, partitions: int) -> FleetColumns:
    """Return a fleet as columns: some 0.2 s for the nation's 43,000 schools."""
    kind = {kind: i for i, kind in enumerate(KINDS)}
    return FleetColumns(
        fleet.partition_of_schools(partitions),
        np.array([d.id for d in fleet.devices], np.int32),
        np.array([fleet.school_position[d.school_id] for d in fleet.devices], np.int32),
        np.array([kind[d.kind] for d in fleet.devices], np.int8),
    )


def lay_out(
    fleet: Fleet,
    catalogue: Catalogue,
    partition: int,
    partitions: int,
    columns: FleetColumns | None = None,
) -> Layout:
    """Return the slots of one partition: each of its devices times each metric of its streams.

    Args:
        fleet: the whole fleet.
        catalogue: its metrics.
        partition: from 0.
        partitions: how many there are.
        columns: `columns_of(fleet, partitions)`, where they are at hand.
    """
    columns = columns or columns_of(fleet, partitions)
    ours = np.flatnonzero(columns.partition == partition)
    position = np.full(len(fleet.schools), -1, np.int32)
    position[ours] = np.arange(len(ours), dtype=np.int32)
    school_of_device = position[columns.device_school]
    parts = [
        _of_kind(i, catalogue, columns.device_id[mine], school_of_device[mine])
        for i in range(len(KINDS))
        for mine in [np.flatnonzero((columns.device_kind == i) & (school_of_device >= 0))]
    ]
    series, school, kind = (np.concatenate([part[k] for part in parts]) for k in range(3))
    order = np.argsort(series)
    series, school, kind = series[order], school[order], kind[order]
    metric_id = series & np.int32((1 << METRIC_BITS) - 1)
    beats = _flags({m.id for m in catalogue.metrics if m.heartbeat})[metric_id]
    return Layout(
        partition=partition,
        series=series,
        metric_id=metric_id,
        school=school,
        level=fleet.level_index[ours][school],
        sessional=_flags({m.id for m in catalogue.of_stream(Stream.ATTENDANCE)})[metric_id],
        contracted_bps=_contracted_bps(fleet, catalogue, metric_id, ours[school]),
        school_ids=np.array([fleet.schools[i].id for i in ours], np.int64),
        school_codes=tuple(fleet.schools[i].code for i in ours),
        pupils=fleet.pupils[ours],
        ward=fleet.ward_index[ours],
        cluster=fleet.cluster_of_wards[fleet.ward_index[ours]],
        provider=fleet.provider_index[ours],
        wards=len(fleet.wards),
        heartbeat_slot=_heartbeat_slots(beats, school, kind == KINDS.index(DeviceKind.GATEWAY), len(ours)),
    )


def _contracted_bps(
    fleet: Fleet, catalogue: Catalogue, metric_id: NDArray[np.int32], school: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return what each series' line may carry, infinite where it is no rate of a line, shape (n,).

    Args:
        fleet: the whole fleet.
        catalogue: its metrics.
        metric_id: of each series, shape (n,).
        school: position of each series' school in the fleet, shape (n,).
    """
    lines = {"down_bps": fleet.contracted_down_bps, "up_bps": fleet.contracted_up_bps}
    contracted_bps = np.full(len(metric_id), np.inf)
    for metric in catalogue.metrics:
        if metric.name in lines:
            mine = metric_id == metric.id
            contracted_bps[mine] = lines[metric.name][school[mine]]
    return contracted_bps


def is_of_fleet(fleet: Fleet, catalogue: Catalogue, series: int) -> bool:
    """Return whether a device of the fleet can have this series."""
    device = fleet.device_of(series)
    metric = catalogue.by_id.get(series & ((1 << METRIC_BITS) - 1))
    return device is not None and metric is not None and metric.stream in STREAMS_OF[device.kind]


def _of_kind(
    kind: int, catalogue: Catalogue, device_id: NDArray[np.int32], school: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return series, school and kind of all slots of some devices of one kind."""
    metrics = [m.id for stream in STREAMS_OF[KINDS[kind]] for m in catalogue.of_stream(stream)]
    series = (device_id[:, None] << np.int32(METRIC_BITS)) | np.array(metrics, np.int32)[None, :]
    return (
        series.ravel(),
        np.repeat(school, len(metrics)),
        np.full(len(device_id) * len(metrics), kind, np.int8),
    )


def _flags(metric_ids: set[int]) -> NDArray[np.bool_]:
    """Return which metric ids are in a set, shape (256,)."""
    flags = np.zeros(1 << METRIC_BITS, np.bool_)
    flags[sorted(metric_ids)] = True
    return flags


def _heartbeat_slots(
    beats: NDArray[np.bool_], school: NDArray[np.int32], of_gateway: NDArray[np.bool_], schools: int
) -> NDArray[np.intp]:
    """Return each school's first slot of a gateway's heartbeat, else its first of any, shape (schools,)."""
    slots = np.flatnonzero(beats)
    ranked = slots[np.lexsort((slots, ~of_gateway[slots], school[slots]))]
    heard, first = np.unique(school[ranked], return_index=True)
    found = np.full(schools, UNKNOWN_SLOT, np.intp)
    found[heard] = ranked[first]
    return found
