"""The fleet: city → cluster → ward → school → device, and each school's internet provider."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.series import METRIC_BITS
from contract.topic import Stream


class Level(StrEnum):
    """School levels, in the order of `LEVELS`; the position is the level's number in columns."""

    PRESCHOOL = "preschool"
    PRIMARY = "primary"
    LOWER_SECONDARY = "lower_secondary"
    UPPER_SECONDARY = "upper_secondary"


LEVELS: Final = tuple(Level)


class DeviceKind(StrEnum):
    """What stands in a school and publishes."""

    GATEWAY = "gateway"
    """The router at the school's internet line."""
    ATTENDANCE = "attendance"
    """The school's attendance system; it publishes counts only."""
    ELEARNING = "elearning"
    """The connector of the school's e-learning platform."""


STREAMS_OF: Final[Mapping[DeviceKind, tuple[Stream, ...]]] = {
    DeviceKind.GATEWAY: (Stream.BANDWIDTH, Stream.STATUS),
    DeviceKind.ATTENDANCE: (Stream.ATTENDANCE,),
    DeviceKind.ELEARNING: (Stream.ELEARNING,),
}
"""Streams that a device of each kind may publish."""


PUPILS_UNKNOWN: Final = 1
"""Pupils of a school whose number nobody knows: 1 keeps sums of pupils equal to sums of schools."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A professional cluster (cụm chuyên môn) of wards; the honeycomb's area."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward, commune or special zone (phường, xã, đặc khu)."""

    code: str
    """Code of the General Statistics Office, such as `26740`."""
    name: str
    short_name: str
    """Curated for narrow places, never cut with an ellipsis."""
    cluster_code: str


class Coordinates(NamedTuple):
    """Where a school stands, degrees of WGS 84."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class School:
    """One school."""

    id: int
    """Number from 1, given once by its code and never again; the fleet is sorted by it."""
    code: str
    """Token of its topics, such as `79010042`."""
    name: str
    level: Level
    ward_code: str
    pupils: int
    """By the fleet file; `PUPILS_UNKNOWN` or less where nobody knows."""
    isp: str
    contracted_down_bps: float
    contracted_up_bps: float
    place: Coordinates | None = field(default=None, repr=False)
    """None where nobody said. Kept out of `repr`: the version of a fleet without places stays as it was."""


@dataclass(frozen=True, slots=True)
class Device:
    """One publisher in a school."""

    id: int
    """Number, 1 to 8,388,607, given once and never again; part of its series numbers."""
    school_id: int
    code: str
    """Token of its topics, such as `gw-1`; unique within its school."""
    kind: DeviceKind


@dataclass(frozen=True, slots=True)
class Former:
    """A school that is no more; its history stays under its number."""

    school: School
    """As it was last."""
    closed_us: int
    """Log time from which it is no longer expected, µs since 1970."""
    merged_into: int | None = None
    """Number of the school that it became part of; None if it closed."""


class Fleet:
    """All that is monitored, with look-ups by identity and columns by school position."""

    def __init__(
        self,
        province: str,
        clusters: tuple[Cluster, ...],
        wards: tuple[Ward, ...],
        schools: tuple[School, ...],
        devices: tuple[Device, ...],
        former: tuple[Former, ...] = (),
        former_devices: tuple[Device, ...] = (),
    ) -> None:
        self.province = province
        """Token of the province in topics, such as `79` for Ho Chi Minh City."""
        self.clusters = clusters
        self.wards = wards
        self.schools = tuple(sorted(schools, key=lambda s: s.id))
        self.devices = tuple(sorted(devices, key=lambda d: d.id))
        self.former = tuple(sorted(former, key=lambda f: f.school.id))
        """Schools that are no more; nothing is expected of them, and no column has them."""
        self.former_devices = tuple(sorted(former_devices, key=lambda d: d.id))
        """Devices that publish no more, those of former schools among them."""

    @cached_property
    def version(self) -> str:
        """Eight hex digits that change when anything in the fleet changes."""
        parts: tuple[object, ...] = (self.province, self.clusters, self.wards, self.schools, self.devices)
        if self.former or self.former_devices:
            parts += (self.former, self.former_devices)
        everyone = (*self.schools, *(f.school for f in self.former))
        parts += tuple((s.id, *s.place) for s in everyone if s.place is not None)
        return f"{zlib.crc32(repr(parts).encode()):08x}"

    @cached_property
    def ward_by_code(self) -> Mapping[str, Ward]:
        return {w.code: w for w in self.wards}

    @cached_property
    def cluster_by_code(self) -> Mapping[str, Cluster]:
        return {c.code: c for c in self.clusters}

    @cached_property
    def school_by_code(self) -> Mapping[str, School]:
        return {s.code: s for s in self.schools}

    @cached_property
    def school_by_id(self) -> Mapping[int, School]:
        return {s.id: s for s in self.schools}

    @cached_property
    def former_by_code(self) -> Mapping[str, Former]:
        return {f.school.code: f for f in self.former}

    def school_ever(self, code: str) -> School | None:
        """Return the school of a code, also one that is no more; None if there never was one."""
        former = self.former_by_code.get(code)
        return self.school_by_code.get(code) or (None if former is None else former.school)

    def school_of(self, school_id: int) -> School | None:
        """Return the school of an id, also one that is no more; None for the center itself."""
        former = (f.school for f in self.former if f.school.id == school_id)
        return self.school_by_id.get(school_id) or next(former, None)

    def keeper_of(self, former: Former) -> School | None:
        """Return the school that one that is no more is part of now, however often it was merged; or None."""
        by_id, into = {f.school.id: f for f in self.former}, former.merged_into
        for _ in self.former:  # in a ring of merges there is none
            if into not in by_id:
                break
            into = by_id[into].merged_into
        return None if into is None else self.school_by_id.get(into)

    def devices_ever(self, school_id: int) -> list[Device]:
        """Return the devices that a school has or had, the present ones last."""
        return [d for d in (*self.former_devices, *self.devices) if d.school_id == school_id]

    @cached_property
    def device_by_id(self) -> Mapping[int, Device]:
        return {d.id: d for d in self.devices}

    def device_of(self, series: int) -> Device | None:
        """Return the device whose metric a series is; None if it left the fleet."""
        return self.device_by_id.get(series >> METRIC_BITS)

    @cached_property
    def device_by_path(self) -> Mapping[tuple[str, str], Device]:
        """Devices by (school code, device code)."""
        return {(self.school_by_id[d.school_id].code, d.code): d for d in self.devices}

    @cached_property
    def school_position(self) -> Mapping[int, int]:
        """Position of each school id in `schools`, and so in every per-school column."""
        return {s.id: i for i, s in enumerate(self.schools)}

    @cached_property
    def pupils(self) -> NDArray[np.int64]:
        """Pupils by school position, shape (schools,)."""
        return np.array([s.pupils for s in self.schools], np.int64)

    @cached_property
    def contracted_down_bps(self) -> NDArray[np.float64]:
        """Contracted rate towards the school by school position, bit/s, shape (schools,)."""
        return np.array([s.contracted_down_bps for s in self.schools], np.float64)

    @cached_property
    def contracted_up_bps(self) -> NDArray[np.float64]:
        """Contracted rate from the school by school position, bit/s, shape (schools,)."""
        return np.array([s.contracted_up_bps for s in self.schools], np.float64)

    @cached_property
    def level_index(self) -> NDArray[np.int8]:
        """Position of each school's level in `LEVELS`, by school position, shape (schools,)."""
        return np.array([LEVELS.index(s.level) for s in self.schools], np.int8)

    @cached_property
    def ward_index(self) -> NDArray[np.intp]:
        """Position of each school's ward in `wards`, by school position, shape (schools,)."""
        position = {ward.code: i for i, ward in enumerate(self.wards)}
        return np.array([position[s.ward_code] for s in self.schools], np.intp)

    @cached_property
    def cluster_of_wards(self) -> NDArray[np.intp]:
        """Position in `clusters` of each ward's cluster, by ward position, shape (wards,)."""
        position = {cluster.code: i for i, cluster in enumerate(self.clusters)}
        return np.array([position[w.cluster_code] for w in self.wards], np.intp)

    @cached_property
    def provider_index(self) -> NDArray[np.intp]:
        """Position of each school's provider among their names, by school position, shape (schools,)."""
        return np.unique([s.isp for s in self.schools], return_inverse=True)[1].astype(np.intp)

    def ids_of_wards(self, wards: NDArray[np.intp]) -> frozenset[int]:
        """Return the ids of the schools in wards, given by their positions."""
        own = np.flatnonzero(np.isin(self.ward_index, wards))
        return frozenset(self.schools[i].id for i in own)

    def partition_of_schools(self, partitions: int) -> NDArray[np.int16]:
        """Return the partition of each school, by school position, shape (schools,)."""
        return np.array([partition_of(s.code, partitions) for s in self.schools], np.int16)


_FNV_OFFSET: Final = 0x811C9DC5
_FNV_PRIME: Final = 0x01000193


def partition_of(school_code: str, partitions: int) -> int:
    """Return the log partition of a school: FNV-1a (32 bits) of its code, as nats-server's `partition`.

    A broker that slices topics by the same hash gives each slice whole partitions.
    Source: draft-eastlake-fnv; nats-server, server/subject_transform.go.
    """
    digest = _FNV_OFFSET
    for byte in school_code.encode():
        digest = (digest ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return digest % partitions
