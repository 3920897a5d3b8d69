"""Seeded history: the world's past at a coarse cadence, so that a first start has charts and baselines."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue, Metric
from contract.fleet import Fleet
from contract.reading import Readings
from contract.series import METRIC_BITS
from contract.topic import Stream
from device_simulator.world.city import Measured, World
from device_simulator.world.publishers import Publishers

EVERY_STEP: Final = frozenset(
    {"down_bps", "up_bps", "latency_ms", "active_users", "success_ratio"}
    | {"enrolled", "present", "late", "absent", "attendance_ratio"}
)
"""Metrics told at every step: those that rules learn from or walls draw."""
COARSE_STEPS: Final = 4
"""The other metrics are told at every fourth step: some 4 million readings for three days in all."""
RECENT_US: Final = 3_600_000_000
"""The stretch before now that is told at the finer step."""


def history_entries(
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    partitions: int,
    now_us: int,
    days: float = 3,
    step_s: int = 1800,
    recent_step_s: int = 120,
    seed: int = 79,
) -> Iterator[tuple[int, Mapping[int, Readings]]]:
    """Yield (log time, readings by partition) in time order, all of them before `now_us`.

    The readings follow the same world as the live simulator with the same seed, so the charts
    join without a step. Every reading's time is its entry's log time.

    Args:
        fleet: Whose devices measure.
        catalogue: Gives the metric ids.
        calendar: Gives the timetable.
        partitions: Partitions of the log, at least 1.
        now_us: Where the live readings begin, µs since 1970.
        days: How far back, above 0.
        step_s: Seconds between two entries, aligned to the clock.
        recent_step_s: The same for the last hour, which the wall and the school pages draw first.
        seed: The world's.
    """
    world = World(fleet, calendar, seed)
    publishers = Publishers(fleet, catalogue)
    partition = fleet.partition_of_schools(partitions)
    begin_us = now_us - round(days * 86_400e6)
    recent_us = max(begin_us, now_us - RECENT_US)
    times_us = [*_steps(begin_us, recent_us, step_s), *_steps(recent_us, now_us, recent_step_s)]
    for time_us in times_us:
        everything = time_us % (step_s * 1_000_000 * COARSE_STEPS) == 0 or time_us == times_us[-1]
        found = _readings(world, publishers, time_us, everything)
        if len(found):
            position_partition = partition[_positions(found, fleet)]
            yield (
                time_us,
                {int(p): found.take(position_partition == p) for p in np.unique(position_partition)},
            )


def _steps(from_us: int, to_us: int, step_s: int) -> range:
    """Return the multiples of a step from one time up to, not including, another."""
    step_us = step_s * 1_000_000
    return range(-(-from_us // step_us) * step_us, to_us, step_us)


def _readings(world: World, publishers: Publishers, time_us: int, everything: bool) -> Readings:
    parts: list[Readings] = []
    for stream, metrics in publishers.metrics.items():
        if stream is Stream.ATTENDANCE and not world.in_register(time_us):
            continue
        wanted = [m for m in metrics if everything or m.name in EVERY_STEP]
        if not wanted:
            continue
        measured = world.measure(stream, time_us, publishers.positions(stream))
        parts += columns_of(publishers, measured, wanted)
    return Readings.concat(parts)


def columns_of(
    publishers: Publishers, measured: Measured, wanted: Iterable[Metric], skew_us: int | NDArray[np.int64] = 0
) -> list[Readings]:
    """Return the wanted metrics of what was measured, a part a metric; what is NaN is no reading.

    Args:
        publishers: give the devices.
        measured: values by school position.
        wanted: metrics of the stream; one that the world does not measure is left out.
        skew_us: error of the devices' clocks, for all or by school measured.
    """
    base = publishers.device_ids[measured.stream][measured.positions] << np.int32(METRIC_BITS)
    time_us = np.full(len(base), measured.time_us, np.int64) + skew_us
    parts: list[Readings] = []
    for metric in wanted:
        value = measured.values.get(metric.name)
        if value is None:
            continue
        known = ~np.isnan(value)
        series = (base[known] | np.int32(metric.id)).astype(np.int32)
        parts.append(Readings(time_us[known], series, value[known]))
    return parts


def _positions(readings: Readings, fleet: Fleet) -> NDArray[np.intp]:
    """Return the school position of each reading, shape (n,)."""
    device = readings.series >> np.int32(METRIC_BITS)
    ids = np.array([d.id for d in fleet.devices], np.int32)
    position = np.array([fleet.school_position[d.school_id] for d in fleet.devices], np.intp)
    return position[np.searchsorted(ids, device)]
