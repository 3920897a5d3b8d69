"""Registers of a real city through the real fold and the product's own incidents.

Each school's register of a day is sent at half past seven and again ten, twenty and thirty minutes later, as
a reader sends it. Districts stand for clusters, all schools are of one level, and the calendar knows no day
off, or what is written into it (`city_calendar`): without it what its city's calendar would have explained is
an alert. Days on which Vietnam has a holiday are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.detector import detector_named
from contract.calendar import SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.reading import Readings
from contract.rule import AnomalyRule, Rule
from contract.series import series_of
from evaluation.attendance.recorded import STORMS, Registers
from evaluation.scenarios.incidents import IncidentLog
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.rulebook import compile_rules
from stream_processor.fold.step import advance

METRIC: Final = "attendance_ratio"
SENT_MIN: Final = (450, 460, 470, 480)
"""Minutes of the day at which a register is sent."""
TICKS_MIN: Final = (405, 420, *(minute + 1 for minute in SENT_MIN), 490, 1200)
MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class AttendanceFigures:
    """What a rule made of one half of the days."""

    school_days: int
    """Registers that were not lowered."""
    alerts: int
    """Alerts of such registers."""
    lines: int
    """Incidents that hold such an alert."""
    lowered: tuple[int, int]
    """Registers lowered much, and a little."""
    found: tuple[int, int]
    """Of them, those on whose day an alert of the school was open."""
    storm_lines: tuple[int, ...]
    """Incidents with an alert that opened on the day of a storm, of each storm of the half."""

    def a_thousand(self, number: int) -> float:
        """Return a number in 1,000 school-days."""
        return 1000.0 * number / max(1, self.school_days)


def fleet_of(registers: Registers) -> Fleet:
    """Return a fleet with a school a column and a cluster a district."""
    numbers = range(int(registers.district.max()) + 1)
    return Fleet(
        "79",
        tuple(Cluster(f"c{i}", f"District {i}") for i in numbers),
        tuple(Ward(f"w{i}", f"Ward {i}", f"W. {i}", f"c{i}") for i in numbers),
        tuple(
            School(i + 1, f"79{i:06d}", f"School {i}", Level.PRIMARY, f"w{d}", 500, f"isp{i % 3}", 1e8, 1e8)
            for i, d in enumerate(registers.district.tolist())
        ),
        tuple(Device(i + 1, i + 1, "att-1", DeviceKind.ATTENDANCE) for i in range(len(registers.district))),
    )


def calendar_of(packaged: str, days: NDArray[np.datetime64], written: str = "") -> SchoolCalendar:
    """Return a calendar in which every day of these years may be one of school, but for what is `written`."""
    first, last = days.min().astype(date).year, days.max().astype(date).year
    head = 'timezone = "Asia/Ho_Chi_Minh"\ncountry = "VN"\n'
    term = f'[[term]]\nfirst = {first}-01-01\nlast = {last}-12-31\nname = "all"\n'
    return parse_calendar(f"{head}{term}{written}{packaged[packaged.index('[level.') :]}")


def low_rule(rules: Sequence[Rule], z: float | None = None, *, less_shared: bool = True) -> AnomalyRule:
    """Return the anomaly rule of registers, with another bound if one is given.

    Raises:
        ConfigurationError: there is none.
    """
    found = next((r for r in rules if isinstance(r, AnomalyRule) and r.metric == METRIC), None)
    if found is None:
        raise ConfigurationError(f"The rules have none of channel anomaly on {METRIC}")
    return msgspec.structs.replace(found, z=found.z if z is None else z, less_shared=less_shared)


def judge_registers(
    registers: Registers, catalogue: Catalogue, calendar: SchoolCalendar, rule: AnomalyRule
) -> tuple[AttendanceFigures, AttendanceFigures]:
    """Return what one rule makes of the days before `registers.half`, and of those after it."""
    fleet = fleet_of(registers)
    layout = lay_out(fleet, catalogue, 0, 1)
    fold = Fold(layout, compile_rules([rule], catalogue), catalogue, calendar, detector_named("ew"))
    state, heard = fold.initial_state(), IncidentLog(fleet)
    metric_id = catalogue.named(METRIC).id
    series = np.array([series_of(d.id, metric_id) for d in fleet.devices], np.int32)
    slot = layout.slots_of(series)
    lived = np.array([bool(calendar.sessions(1, day.astype(date))) for day in registers.day])
    alarmed = np.zeros(registers.ratio.shape, np.bool_)
    midnights: dict[int, int] = {}
    for d in np.flatnonzero(lived).tolist():
        midnight_us = calendar.moment_us(registers.day[d].astype(date), time.min)
        midnights[midnight_us] = d
        sent = np.flatnonzero(np.isfinite(registers.lowered[d]))
        transitions = advance(fold, state, _day(midnight_us, series[sent], registers.lowered[d, sent]))
        alarmed[d] = state.is_open[:, slot].any(axis=0)
        heard.hear(transitions.transitions)
    opened = np.zeros(alarmed.shape, np.bool_)
    lines: list[tuple[set[int], bool]] = []
    for incident in heard.finish():
        places = [
            (_day_before(midnights, member.detected_us), member.school_id - 1) for member in incident.members
        ]
        for place in places:
            opened[place] = True
        lines.append(({day for day, _ in places}, any(registers.kind[place] == 0 for place in places)))
    early = registers.day < registers.half
    first, second = (_figures(registers, lived & half, alarmed, opened, lines) for half in (early, ~early))
    return first, second


def _figures(
    registers: Registers,
    days: NDArray[np.bool_],
    alarmed: NDArray[np.bool_],
    opened: NDArray[np.bool_],
    lines: Sequence[tuple[set[int], bool]],
) -> AttendanceFigures:
    kind, known = registers.kind, np.isfinite(registers.ratio) & days[:, None]
    own = known & (kind == 0)
    lowered = [known & (kind == number) for number in (1, 2)]
    storms = [
        int(np.flatnonzero(registers.day == storm)[0]) for storm in STORMS if storm in registers.day[days]
    ]
    return AttendanceFigures(
        school_days=int(own.sum()),
        alerts=int((opened & own).sum()),
        lines=sum(is_own for told, is_own in lines if days[min(told)]),
        lowered=(int(lowered[0].sum()), int(lowered[1].sum())),
        found=(int((alarmed & lowered[0]).sum()), int((alarmed & lowered[1]).sum())),
        storm_lines=tuple(sum(storm in told for told, _ in lines) for storm in storms),
    )


def _day(midnight_us: int, series: NDArray[np.int32], ratio: NDArray[np.float64]) -> list[Entry]:
    entries: list[Entry] = [
        ReadingsEntry(at_us, Readings(np.full(len(series), at_us), series, ratio))
        for at_us in (midnight_us + minute * MINUTE_US for minute in SENT_MIN)
    ]
    entries += [TickEntry(midnight_us + minute * MINUTE_US) for minute in TICKS_MIN]
    return sorted(entries, key=lambda entry: entry.at_us)


def _day_before(midnights: dict[int, int], at_us: int) -> int:
    return midnights[max(m for m in midnights if m <= at_us)]
