"""The earliest moment at which anybody could know of a fault: the delay that no method undercuts.

A city is asked twice what reaches the center, with everything that goes on and without one of its faults, by
the same noise. As long as both are the same no causal method can tell them apart, whatever it is. From the
first difference on it depends on what differs:

- *What comes or not*: the last will of a cut line, a pack that is due and does not come, a reading that is
  refused or misdated. Known at the first. The center is granted what it does not have: that no pack is ever
  lost, and when a late register would have come.
- *A value that stands still*: known at the first reading that repeats the one before.
- *Another value*: known once the changes together, in robust standard deviations of the school's own
  undisturbed values at that hour, are `ENOUGH`: what one normal reading must depart by to be told, half of
  the time, at one false alarm in 1,000. Changes of several packs add up by their squares, as they do for
  whoever knows the change beforehand and sees it under independent normal noise (Neyman and Pearson). The
  registers of a fault are one draw, so of them the largest counts alone.

The first school of a fault counts, and of its readings those of metrics that some rule watches. It is a bound
and no detector: real noise has heavier tails, lasts for hours, and nobody knows the change beforehand. Where
the changes never come to `ENOUGH` there is no such moment, and a detector that finds the fault had luck.

Source:
    J. Neyman, E. S. Pearson, "On the problem of the most efficient tests of statistical hypotheses",
    Phil. Trans. R. Soc. A 231, 289-337, 1933.
"""

from collections.abc import Iterable
from datetime import datetime, time
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Metric
from contract.topic import Stream
from device_simulator.world.city import Measured
from device_simulator.world.effects import Wire, apply
from device_simulator.world.faults import Fault, FaultKind
from device_simulator.world.scenarios import duty_name
from evaluation.scenarios.entries import ScenarioLog
from evaluation.scenarios.sizes import LEAST_DAYS, Column, school_days, usual

ENOUGH: Final = 3.09
"""Standard deviations: the 0.999 quantile of the normal distribution."""
MOST_DAYS: Final = 10
"""School days that a deviation is taken from: two weeks, chosen; more cost time and say little."""

Mask = NDArray[np.bool_]


class _Pack(NamedTuple):
    """What the devices of one stream tell at one moment, by the n schools of a fault that have one."""

    measured: Measured
    wire: Wire

    @property
    def comes(self) -> Mask:
        """Where it reaches the center before the next one is due."""
        if self.measured.stream is Stream.STATUS:  # the broker speaks for the device
            return self.wire.linked
        return self.wire.linked & self.wire.sends & ~self.wire.late

    def says(self, due: Iterable[Metric]) -> Mask:
        """Return where anything was measured."""
        values = self.measured.values
        said: Mask = np.any([np.isfinite(values[m.name]) for m in due if m.name in values], axis=0)
        return said


def earliest_of(log: ScenarioLog) -> tuple[int | None, ...]:
    """Return the moment of each label of a scenario, log time in µs.

    None for what need not be found, and for what nobody could know of while it lasts.
    """
    scenario = log.scenario
    look = _Look(log)
    faults = len(scenario.faults)
    found = [
        look.earliest_us(fault) if duty_name(label) == "find" else None
        for fault, label in zip(scenario.faults, scenario.labels[:faults], strict=True)
    ]
    return (*found, *[None] * (len(scenario.labels) - faults))


class _Look:
    """Compares a scenario with itself without one fault."""

    def __init__(self, log: ScenarioLog) -> None:
        self._log = log
        self._days = school_days(log.scenario)[:MOST_DAYS]
        self._usual = lru_cache(maxsize=256)(self._usual_at)

    def earliest_us(self, fault: Fault) -> int | None:
        start_us, interval_us = self._log.scenario.start_us, self._log.cadence.interval_us
        first_us = start_us + -(-(fault.start_us - start_us) // interval_us) * interval_us
        schools = np.array(fault.positions, np.intp)
        shown: dict[Stream, Column] = {}
        """Of each stream, the square of what the packs of each school showed so far."""
        repeats = np.full(len(schools), -1)
        for time_us in range(first_us, fault.end_us, interval_us):
            for stream, due in self._log.due(time_us):
                here = np.isin(schools, self._log.publishers.positions(stream))
                under, without = self._twice(fault, stream, time_us, schools[here])
                if _differs(under, without, due).any():
                    return time_us
                comes = under.comes & without.comes
                if fault.kind is FaultKind.STUCK_SENSOR:
                    repeats[here] += comes & (stream is Stream.BANDWIDTH)
                    continue
                square = np.zeros(len(schools))
                square[here] = np.where(comes, self._deviations(under, without, due), 0.0) ** 2
                add = np.maximum if stream is Stream.ATTENDANCE else np.add
                shown[stream] = add(shown.get(stream, 0.0), square)
            if (repeats > 0).any() or (sum(shown.values(), np.zeros(1)) >= ENOUGH**2).any():
                return time_us
        return None

    def _twice(
        self, fault: Fault, stream: Stream, time_us: int, schools: NDArray[np.intp]
    ) -> tuple[_Pack, _Pack]:
        """Return what is told under all faults, and without one of them."""
        world = self._log.world
        measured = world.measure(stream, time_us, schools)
        active = [other for other in self._log.scenario.faults if other.is_active(time_us)]
        others = [other for other in active if other is not fault]
        return _Pack(*apply(measured, active, world)), _Pack(*apply(measured, others, world))

    def _deviations(self, under: _Pack, without: _Pack, due: Iterable[Metric]) -> Column:
        """Return by how much values differ, of each school its most different metric, 0 where none does."""
        measured = under.measured
        most = np.zeros(len(measured.positions))
        if len(self._days) < LEAST_DAYS:
            return most
        of_day = datetime.fromtimestamp(measured.time_us / 1e6, self._days[0].tzinfo).time()
        for name in (m.name for m in due if m.name in measured.values):
            change = np.abs(measured.values[name] - without.measured.values[name])
            if not (change > 0.0).any():
                continue
            spread = self._usual(measured.stream, of_day)[name][1][measured.positions]
            with np.errstate(divide="ignore", invalid="ignore"):
                most = np.fmax(most, np.where(change > 0.0, change / spread, 0.0))
        return most

    def _usual_at(self, stream: Stream, of_day: time) -> dict[str, tuple[Column, Column]]:
        return usual(self._log.world, self._days, (of_day,), stream)


def _differs(under: _Pack, without: _Pack, due: Iterable[Metric]) -> Mask:
    """Return where a pack comes in one of two worlds alone, or comes with another time."""
    misdated = under.comes & (under.wire.skew_us != without.wire.skew_us)
    differs: Mask = ((under.comes != without.comes) | misdated) & without.says(due)
    return differs
