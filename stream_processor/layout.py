"""The slots of one partition: every series that its schools can have, whether heard yet or not."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue
from contract.fleet import STREAMS_OF, Device, DeviceKind, Fleet
from contract.series import series_of
from contract.topic import Stream

UNKNOWN_SLOT = -1


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
    school_ids: NDArray[np.int64]
    """Fleet id of each school of the partition, shape (m,)."""
    school_codes: tuple[str, ...]
    """Codes of the same schools."""
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


def lay_out(fleet: Fleet, catalogue: Catalogue, partition: int, partitions: int) -> Layout:
    """Return the slots of one partition: each of its devices times each metric of its streams."""
    ours = np.flatnonzero(fleet.partition_of_schools(partitions) == partition)
    position = {fleet.schools[i].id: p for p, i in enumerate(ours)}
    slots = sorted(
        (series_of(device.id, metric.id), metric.id, position[device.school_id], metric.stream, device)
        for device in fleet.devices
        if device.school_id in position
        for stream in STREAMS_OF[device.kind]
        for metric in catalogue.of_stream(stream)
    )
    school = np.array([s[2] for s in slots], np.int32)
    levels = fleet.level_index[ours]
    return Layout(
        partition=partition,
        series=np.array([s[0] for s in slots], np.int32),
        metric_id=np.array([s[1] for s in slots], np.int32),
        school=school,
        level=levels[school] if len(school) else np.empty(0, np.int8),
        sessional=np.array([s[3] is Stream.ATTENDANCE for s in slots], np.bool_),
        school_ids=np.array([fleet.schools[i].id for i in ours], np.int64),
        school_codes=tuple(fleet.schools[i].code for i in ours),
        heartbeat_slot=_heartbeat_slots([(s[1], s[2], s[4]) for s in slots], len(ours), catalogue),
    )


def _heartbeat_slots(
    slots: list[tuple[int, int, Device]], schools: int, catalogue: Catalogue
) -> NDArray[np.intp]:
    found = np.full(schools, UNKNOWN_SLOT, np.intp)
    beats = [i for i, (metric_id, _, _) in enumerate(slots) if catalogue.by_id[metric_id].heartbeat]
    # Written last to first, gateways after all others, so that a school's first gateway stays.
    beats.sort(key=lambda i: (slots[i][2].kind is DeviceKind.GATEWAY, -i))
    for i in beats:
        found[slots[i][1]] = i
    return found
