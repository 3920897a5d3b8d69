"""How hard a fault is to see: the size of its change in standard deviations of the undisturbed series.

A recall says little where every change is ten deviations wide. The deviation is the robust one of the
school's own values on the scenario's school days without any fault; what no value shows (a cut, a
silence, a clock) has no size.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.score import MAD_TO_DEVIATION
from contract.fleet import LEVELS
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.faults import DEFAULT_STRENGTH, FaultKind, FaultLabel
from device_simulator.world.scenarios import Scenario

LEAST_DAYS: Final = 5
"""School days below which nothing is said of a deviation: chosen, a week."""
LESSONS: Final = (time(8, 40), time(9, 40), time(14, 20), time(15, 20))
"""When lines and e-learning are looked at: lessons of all levels."""
REGISTERS: Final = (time(8, 5), time(8, 20))
"""When registers are: see `evaluation.city.simulated`."""
SizeClass = tuple[str, float, float]
"""Name, least size and the least that is too large."""
SIZES: Final[tuple[SizeClass, ...]] = (
    ("below 2", 0.0, 2.0),
    ("2 to 4", 2.0, 4.0),
    ("4 and more", 4.0, np.inf),
)
"""Those that marks are set for."""
STEPS: Final[tuple[SizeClass, ...]] = (*SIZES[:2], ("4 to 8", 4.0, 8.0), ("8 and more", 8.0, np.inf))
"""The same, finer, for a curve."""

Column = NDArray[np.float64]


def sizes_of(scenario: Scenario, seed: int) -> tuple[float | None, ...]:
    """Return the size of each label's change in standard deviations, None if it has none.

    For a label of several schools it is their median. A line that wears out has the size that it
    reaches in the end.

    Args:
        scenario: whose labels.
        seed: its world's.
    """
    days = school_days(scenario)
    if len(days) < LEAST_DAYS:
        return tuple(None for _ in scenario.labels)
    world = World(scenario.fleet, scenario.lived, seed, scenario.severity)
    ratio = usual(world, days, REGISTERS, Stream.ATTENDANCE)["attendance_ratio"]
    latency = usual(world, days, LESSONS, Stream.BANDWIDTH)["latency_ms"]
    success = usual(world, days, LESSONS, Stream.ELEARNING)["success_ratio"]
    position = {school.code: i for i, school in enumerate(scenario.fleet.schools)}

    def size(label: FaultLabel) -> float | None:
        at = np.array([position[code] for code in label.schools], np.intp)
        match label.kind:
            case FaultKind.ATTENDANCE_DROP:
                return _size(label.strength * ratio[0][at], ratio[1][at])
            case FaultKind.LMS_OUTAGE:
                return _size(label.strength * success[0][at], success[1][at])
            case FaultKind.SLOW_DEGRADATION:
                longer = DEFAULT_STRENGTH[FaultKind.SLOW_LINK] + 0.5 * latency[0][at]
                return _size(label.strength * longer, latency[1][at])
            case _:
                return None

    return tuple(map(size, scenario.labels))


def step_of(size_sd: float) -> str:
    """Return the name of the class of `STEPS` that a size of 0 and more belongs to."""
    return next(name for name, least, most in STEPS if least <= size_sd < most)


def _size(change: Column, deviation: Column) -> float | None:
    known = np.isfinite(change) & (deviation > 0)
    return float(np.median(change[known] / deviation[known])) if known.any() else None


def school_days(scenario: Scenario) -> list[datetime]:
    """Return the local midnights of days on which all levels have school."""
    first = datetime.fromtimestamp(scenario.start_us / 1e6, scenario.lived.timezone)
    days = [first + timedelta(days=d) for d in range(scenario.days)]
    return [on for on in days if all(scenario.lived.sessions(i, on.date()) for i in range(len(LEVELS)))]


def usual(
    world: World, days: Sequence[datetime], moments: Sequence[time], stream: Stream
) -> dict[str, tuple[Column, Column]]:
    """Return (median, robust standard deviation) of a stream's metrics without any fault, by school position.

    Args:
        world: whose schools.
        days: local midnights, at least one.
        moments: of each day, at least one.
        stream: whose metrics.
    """
    everybody = np.arange(len(world.fleet.schools))
    times_us = [
        int(datetime.combine(on.date(), at, on.tzinfo).timestamp()) * 1_000_000
        for on in days
        for at in moments
    ]
    rows = [world.measure(stream, time_us, everybody).values for time_us in times_us]
    return {name: _middle(np.stack([row[name] for row in rows])) for name in rows[0]}


def _middle(values: Column) -> tuple[Column, Column]:
    told = np.isfinite(values).any(axis=0)
    middle, spread = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    middle[told] = np.nanmedian(values[:, told], axis=0)
    spread[told] = MAD_TO_DEVIATION * np.nanmedian(np.abs(values[:, told] - middle[told]), axis=0)
    return middle, spread
