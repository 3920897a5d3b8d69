"""A recording: measurements that were made elsewhere and earlier, as columns in time order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.spreadsheet import BadRow
from contract.catalogue import Catalogue, Metric
from contract.errors import ConfigurationError
from contract.fleet import PUPILS_UNKNOWN, STREAMS_OF, Cluster, Device, DeviceKind, Fleet, Level, School, Ward

BAD_ROWS_KEPT: Final = 1000
"""Bad rows of which the line and sentence are kept; all are counted."""
CODE_OF_KIND: Final[Mapping[DeviceKind, str]] = {
    DeviceKind.GATEWAY: "gw-1",
    DeviceKind.ATTENDANCE: "att-1",
    DeviceKind.ELEARNING: "lms-1",
}
"""Device codes in recorded fleets."""
LINE_UNKNOWN_BPS: Final = 1e9
"""Contracted speed of a recorded school: not known, so fast enough to be no limit."""


class RecordedRows(NamedTuple):
    """A stretch of a recording, columns of shape (n,)."""

    time_us: NDArray[np.int64]
    school: NDArray[np.intp]
    """Position in the recording's fleet."""
    metric: NDArray[np.int16]
    """Metric id."""
    value: NDArray[np.float64]

    def take(self, index: NDArray[np.intp] | slice) -> "RecordedRows":
        """Return the rows at the given positions."""
        return RecordedRows(self.time_us[index], self.school[index], self.metric[index], self.value[index])


class Place(NamedTuple):
    """A recorded school, and where it stands."""

    code: str
    name: str
    ward_code: str
    level: Level = Level.PRIMARY


@dataclass(slots=True)
class BadRows:
    """Rows that could not be used: the first thousand in words, all by number."""

    kept: list[BadRow] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str) -> None:
        """Note one bad row."""
        self.count += 1
        if len(self.kept) < BAD_ROWS_KEPT:
            self.kept.append(BadRow(line, message))


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded, ready to be published."""

    name: str
    fleet: Fleet
    calendar_toml: str | None
    """Calendar of the recorded schools; None if the city's own serves."""
    columns: RecordedRows
    """All readings, ascending in time."""
    bad: tuple[BadRow, ...]
    """The first thousand rows that were left out, with their line and a sentence."""
    bad_count: int

    @property
    def readings(self) -> int:
        """Number of readings."""
        return len(self.columns.time_us)

    @property
    def first_us(self) -> int:
        """Time of the first reading, µs since 1970."""
        return int(self.columns.time_us[0])

    @property
    def last_us(self) -> int:
        """Time of the last reading, µs since 1970."""
        return int(self.columns.time_us[-1])

    def batches(self, moments: int = 1) -> Iterator[RecordedRows]:
        """Yield the readings in time order, those of `moments` distinct times together."""
        _, starts = np.unique(self.columns.time_us, return_index=True)
        edges = [*starts[::moments].tolist(), self.readings]
        for start, end in pairwise(edges):
            yield self.columns.take(slice(start, end))


def build(
    name: str,
    clusters: tuple[Cluster, ...],
    wards: tuple[Ward, ...],
    places: Sequence[Place],
    metrics: Sequence[Metric],
    columns: RecordedRows,
    bad: BadRows,
    calendar_toml: str | None,
    province: str,
) -> Recording:
    """Return a recording whose fleet has, in each place, the devices that its metrics need.

    Args:
        name: How the recording is called.
        clusters: Areas of the fleet.
        wards: Wards of the fleet.
        places: Schools; `columns.school` are positions in this sequence.
        metrics: Metrics that occur.
        columns: Readings in any order.
        bad: Rows that were left out.
        calendar_toml: See `Recording`.
        province: Token of the topics.

    Raises:
        ConfigurationError: there is no reading at all.
    """
    if not len(columns.time_us):
        said = f" ({bad.kept[0].message})" if bad.kept else ""
        raise ConfigurationError(f"{name}: no reading is left to replay; {bad.count} rows are bad{said}")
    schools = tuple(_school(i + 1, place) for i, place in enumerate(places))
    streams = {m.stream for m in metrics}
    kinds = [k for k in DeviceKind if streams & set(STREAMS_OF[k])]
    devices = tuple(
        Device(i * len(kinds) + k + 1, i + 1, CODE_OF_KIND[kind], kind)
        for i in range(len(schools))
        for k, kind in enumerate(kinds)
    )
    order = np.argsort(columns.time_us, kind="stable")
    fleet = Fleet(province, clusters, wards, schools, devices)
    return Recording(name, fleet, calendar_toml, columns.take(order), tuple(bad.kept), bad.count)


def _school(number: int, place: Place) -> School:
    """Return a place as a school, of which a recording knows neither pupils nor line."""
    line = (LINE_UNKNOWN_BPS, LINE_UNKNOWN_BPS)
    return School(number, place.code, place.name, place.level, place.ward_code, PUPILS_UNKNOWN, "-", *line)


def known_metrics(catalogue: Catalogue) -> dict[str, Metric]:
    """Return the metrics that a recording may hold, by name."""
    simulated = {stream for kind in DeviceKind for stream in STREAMS_OF[kind]}
    return {m.name: m for m in catalogue.metrics if m.stream in simulated}
