"""A scenario as entries of the log: what would arrive, when, under its faults.

Every device reports once an interval (registers every ten minutes, or at the interval if that is
longer), all at the same moment of it. A cut line does what the live simulator's lines do: the broker
publishes the last will, packs wait in the device and arrive when the line is back. Readings of the
future are refused as ingest refuses them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue, Metric
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.reading import Readings
from contract.series import METRIC_BITS
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.effects import Wire, apply
from device_simulator.world.history import columns_of
from device_simulator.world.moves import Moves
from device_simulator.world.publishers import Publishers
from device_simulator.world.scenarios import Scenario
from ingest.acceptance.validation import AcceptanceLimits
from stream_processor.fold.feed import LOG_GAP_US

CHUNK: Final = 12
"""Intervals that leave together: an hour at five minutes; law 2 says that it means nothing."""
TICK_US: Final = LOG_GAP_US
"""Ticks come as seldom as they may without being a gap: seconds would only cost time."""
ONLINE: Final = "online"


@dataclass(frozen=True, slots=True)
class ReportInterval:
    """How often devices report."""

    interval_us: int

    def is_due(self, metric: Metric, time_us: int) -> bool:
        """Return whether a metric is told at an interval's moment."""
        return time_us % self.period_us(metric) < self.interval_us

    def period_us(self, metric: Metric) -> int:
        """Return the metric's own cadence, or the interval if that is longer."""
        return max(self.interval_us, round(metric.cadence_s * 1e6))


class ScenarioLog:
    """Makes the entries of a scenario, chunk by chunk, in time order."""

    def __init__(
        self,
        scenario: Scenario,
        catalogue: Catalogue,
        wanted: frozenset[str],
        interval_us: int,
        seed: int,
        tick_us: int = TICK_US,
    ) -> None:
        """Prepare a scenario.

        Args:
            scenario: what happens.
            catalogue: metrics.
            wanted: names of the metrics that are told.
            interval_us: between two reports of a device, a divisor of a day.
            seed: the world's.
            tick_us: between two ticks; above `TICK_US` each is a gap of the log.
        """
        self.scenario = scenario
        self.world = World(scenario.fleet, scenario.lived, seed, scenario.severity, scenario.moves)
        self.moves = Moves(scenario.fleet, scenario.moves)
        """Between two chunks, so that a fold can go on with another fleet."""
        self.publishers = Publishers(scenario.fleet, catalogue)
        self.cadence = ReportInterval(interval_us)
        self._tick_us = tick_us
        self._wanted: Mapping[Stream, tuple[Metric, ...]] = {
            stream: tuple(m for m in metrics if m.name in wanted)
            for stream, metrics in self.publishers.metrics.items()
        }
        self._device_school = _school_of_devices(scenario)
        self._limits = AcceptanceLimits()
        self._cut = np.zeros(len(scenario.fleet.schools), np.bool_)
        self._held: list[Readings] = []
        self._mistimed: list[Readings] = []
        self._late: list[Readings] = []
        """What arrives after the next interval's readings."""
        self.readings = 0
        """Readings that arrived so far."""
        self.refused = 0
        """Readings of the future that ingest refused."""

    def chunks(self) -> Iterator[list[Entry]]:
        """Yield the entries of some intervals at a time."""
        interval_us = self.cadence.interval_us
        for times_us in self._stretches():
            entries: list[Entry] = []
            for time_us in times_us:
                found = self._arrivals(time_us)
                self.readings += len(found)
                entries.append(ReadingsEntry(time_us, found))
                if self._mistimed:
                    entries.append(MistimedEntry(time_us, Readings.concat(self._mistimed)))
                    self._mistimed.clear()
                entries += [TickEntry(at) for at in range(time_us, time_us + interval_us, self._tick_us)]
            yield entries

    def _stretches(self) -> Iterator[range]:
        """Yield the moments of intervals that leave together, never across one at which a school moves."""
        edges_us = [self.scenario.start_us, *self.moves.moments_us, self.scenario.end_us]
        for begin_us, end_us in pairwise(edges_us):
            times_us = range(begin_us, end_us, self.cadence.interval_us)
            for begin in range(0, len(times_us), CHUNK):
                yield times_us[begin : begin + CHUNK]

    def due(self, time_us: int) -> Iterator[tuple[Stream, list[Metric]]]:
        """Yield the metrics of each stream that its devices tell at an interval's moment, if any."""
        for stream, metrics in self._wanted.items():
            due = [m for m in metrics if self.cadence.is_due(m, time_us)]
            if due and (stream is not Stream.ATTENDANCE or self.world.in_register(time_us)):
                yield stream, due

    def school_of(self, readings: Readings) -> NDArray[np.intp]:
        """Return the school position of each reading, shape (n,)."""
        found: NDArray[np.intp] = self._device_school[readings.series >> np.int32(METRIC_BITS)]
        return found

    def _arrivals(self, time_us: int) -> Readings:
        overdue, self._late = self._late, []
        active = [fault for fault in self.scenario.faults if fault.is_active(time_us)]
        parts: list[Readings] = []
        cut, there = np.zeros(len(self._cut), np.bool_), self.moves.there(time_us)
        for stream, due in self.due(time_us):
            at = self.publishers.positions(stream)
            measured, wire = apply(self.world.measure(stream, time_us, at), active, self.world)
            away = ~there[at]
            if away.any():
                for column in measured.values.values():
                    column[away] = np.nan
            if stream is Stream.STATUS:
                cut[at] = ~wire.linked
                online = np.where(wire.linked, 1.0, np.where(self._cut[at], np.nan, 0.0))
                measured.values[ONLINE][:] = np.where(away, np.nan, online)
                told = columns_of(self.publishers, measured, due, np.where(wire.linked, wire.skew_us, 0))
                parts.append(self._accepted(Readings.concat(told), time_us))
                continue
            told = columns_of(self.publishers, measured, due, wire.skew_us)
            parts.append(self._sent(Readings.concat(told), at, wire, time_us))
        parts += self._released(cut)
        parts += overdue
        self._cut = cut
        return Readings.concat(parts)

    def _sent(self, readings: Readings, at: NDArray[np.intp], wire: Wire, time_us: int) -> Readings:
        """Return what arrives now of what was measured; keep what waits for its line."""
        if wire.linked.all() and wire.sends.all() and not (wire.skew_us.any() or wire.late.any()):
            return readings
        linked, sends = (np.ones(len(self._cut), np.bool_) for _ in range(2))
        linked[at], sends[at] = wire.linked, wire.sends
        school = self.school_of(readings)
        readings, school = readings.take(sends[school]), school[sends[school]]
        waits = ~linked[school]
        if waits.any():
            self._held.append(readings.take(waits))
        readings, school = readings.take(~waits), school[~waits]
        late, again = (np.zeros(len(self._cut), np.bool_) for _ in range(2))
        late[at], again[at] = wire.late, wire.copies > 1
        if late.any():
            self._late.append(readings.take(late[school]))
        if again.any():
            self._late.append(readings.take(again[school] & ~late[school]))
        return self._accepted(readings.take(~late[school]), time_us)

    def _accepted(self, readings: Readings, time_us: int) -> Readings:
        future = readings.time_us > time_us + self._limits.max_future_us
        if not future.any():
            return readings
        self.refused += int(future.sum())
        self._mistimed.append(readings.take(future))
        return readings.take(~future)

    def _released(self, cut: NDArray[np.bool_]) -> list[Readings]:
        """Return what had waited in schools whose line is back, oldest first."""
        if not (self._cut & ~cut).any():
            return []
        kept = Readings.concat(self._held)
        waits = cut[self.school_of(kept)]
        self._held = [kept.take(waits)] if waits.any() else []
        return [kept.take(~waits)]


def _school_of_devices(scenario: Scenario) -> NDArray[np.intp]:
    """Return the school position by device id, shape (highest id + 1,)."""
    fleet = scenario.fleet
    found = np.zeros(fleet.devices[-1].id + 1, np.intp)
    for device in fleet.devices:
        found[device.id] = fleet.school_position[device.school_id]
    return found
