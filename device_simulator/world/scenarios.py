"""A month of a city with labelled faults: drawn by a seed, each fault far enough from the next.

Pure: the same fleet, calendar and seed give the same scenario. A scenario has two calendars: the one
that the center knows, and the one that the city lives by; they differ where something was not
announced. Days of the calendar are labels too, for a detector must stay quiet on them.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar, parse_calendar
from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Fleet, Level
from device_simulator.world.everyday import EVERYDAY, everyday_labels
from device_simulator.world.fault_specs import (
    MILD_SPECS,
    NEW,
    NEW_DAYS,
    NEW_SPECS,
    RATE_DAYS,
    SPECS,
    FaultSpec,
)
from device_simulator.world.faults import Fault, FaultKind, FaultLabel, label_of
from device_simulator.world.mess import Mess
from device_simulator.world.moves import Move, Moves, draw_moves
from device_simulator.world.severity import MESS, Severity
from device_simulator.world.stretches import STRETCHES, stretch_labels

FIRST_DAY: Final = date(2026, 10, 5)
"""A Monday with ten weeks of term before it ends; chosen, no public holiday within `LONGEST_DAYS` of it."""
LONGEST_DAYS: Final = 45
LONGEST_YEAR: Final = 366
"""Days of a scenario that begins on a day of one's own."""
PROBATION: Final = 0.15
"""Share of the days before the first fault: detectors may learn. Source: NAB's probationary period,
Lavin & Ahmad 2015."""
APART_H: Final = 12
"""Hours between two labels of one school: chosen, aftershocks of one are over before the next."""
TRIES: Final = 200
HOUR_US: Final = 3_600_000_000
MINUTE_US: Final = 60_000_000

QUIET: Final = frozenset({"exam-surge", "exam-days", "holiday", "half-day", "closure", *STRETCHES})
"""Labels, by kind or `kind/variant`, under which no alarm is right."""
_SHIFT: Final = re.compile(r'\{ name = "(\w+)", start = ([\d:]+), end = ([\d:]+)(?= \})')
BELLS: Final = "unannounced-bells"
BELL_DAYS: Final = 2
"""Days after which everybody should have learnt when bells ring now: chosen. What is told later is false."""
APART: Final = frozenset({"unannounced-half-day", "unannounced-closure", BELLS} | EVERYDAY)
"""Labels of what nobody told the center, and of what is wrong without a fault: reported apart."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and what the center knows of it."""

    fleet: Fleet
    known: SchoolCalendar
    """The calendar of the center."""
    lived: SchoolCalendar
    """The calendar of the city."""
    start_us: int
    """Local midnight of the first day."""
    days: int
    faults: tuple[Fault, ...]
    """By start."""
    labels: tuple[FaultLabel, ...]
    """Of the faults, in their order, then of calendar days, everyday mess and stretches of the year."""
    severity: Severity = Severity.CALM
    """Of the city."""
    moves: tuple[Move, ...] = ()
    """Of schools that join, close or merge; `fleet` has all of them."""

    @property
    def end_us(self) -> int:
        """Local midnight after the last day; no time zone of Vietnam shifts within a year."""
        return self.start_us + self.days * 24 * HOUR_US


def draw_scenario(
    fleet: Fleet,
    calendar_text: str,
    seed: int,
    days: int = 30,
    *,
    unannounced: bool = False,
    mild: bool = False,
    severity: Severity = Severity.CALM,
    bells_later: timedelta = timedelta(0),
    first_day: date | None = None,
) -> Scenario:
    """Return the scenario of a seed.

    Args:
        fleet: whose schools it meets.
        calendar_text: a city's calendar in TOML, which days are added to.
        seed: chooses everything.
        days: 1 to `LONGEST_DAYS`, with a first day of one's own to `LONGEST_YEAR`.
        unannounced: also a half day and a closure that the center's calendar does not know.
        mild: also faults within the fixed thresholds (`MILD_SPECS`); the others stay as they are.
        severity: of the city. In one that is not calm half days and closures come unannounced, faults
            of several kinds meet in one school, and what is wrong without a fault has labels too:
            chronic lines, registers that never come, days on which the whole city stays away.
        bells_later: how much later all bells ring from the middle day on, which nobody tells the center.
        first_day: `FIRST_DAY` if None, and then no school joins, closes or merges, so that what a seed says
            stays comparable; else in a city that is not calm some do, and some faults meet those that join.

    Raises:
        ConfigurationError: the days are too many or none is a school day, or the calendar cannot be read.
    """
    rng = np.random.default_rng([seed, 4])
    is_calm = severity is Severity.CALM
    draw = _Draw(fleet, parse_calendar(calendar_text), days, rng, is_calm, first_day or FIRST_DAY)
    draw.check_days(LONGEST_YEAR if first_day else LONGEST_DAYS)
    if first_day and not is_calm:
        draw.move(seed)
    known_text = calendar_text + draw.calendar_days(unannounced=False)
    lived_text = known_text + (draw.calendar_days(unannounced=True) if unannounced or not is_calm else "")
    if bells_later:
        lived_text = draw.bells(lived_text, bells_later)
    faults, labels = draw.place_all(SPECS + (MILD_SPECS if mild else ()) + (NEW_SPECS if draw.moves else ()))
    labels += tuple(draw.day_labels)
    lived = parse_calendar(lived_text)
    if severity in MESS:
        labels += everyday_labels(fleet, lived, Mess(fleet, lived, MESS[severity], seed), draw.dates)
    if first_day:
        labels += stretch_labels(fleet, lived, draw.dates, draw.moves)
    known, start_us = parse_calendar(known_text), draw.start_us
    return Scenario(fleet, known, lived, start_us, days, faults, labels, severity, draw.moves)


@dataclass
class _Draw:
    """A scenario while it is drawn: which school is taken in which hour."""

    fleet: Fleet
    calendar: SchoolCalendar
    days: int
    rng: np.random.Generator
    is_calm: bool
    """Nothing happens to a school within `APART_H` of anything else; else only faults of a kind are apart."""
    first_day: date
    faults: list[tuple[Fault, FaultLabel]] = field(default_factory=list)
    day_labels: list[FaultLabel] = field(default_factory=list)
    moves: tuple[Move, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.fleet.schools)
        self.dates = [self.first_day + timedelta(days=d) for d in range(self.days)]
        midnight = datetime.combine(self.first_day, time.min, self.calendar.timezone)
        self.start_us = int(midnight.timestamp()) * 1_000_000
        self._taken: defaultdict[str, NDArray[np.bool_]] = defaultdict(
            lambda: np.zeros((n, self.days * 24), np.bool_)
        )
        self._cluster = np.array(
            [self.fleet.ward_by_code[s.ward_code].cluster_code for s in self.fleet.schools]
        )
        self._isp = np.array([s.isp for s in self.fleet.schools])
        self._secondary = self.fleet.level_index >= LEVELS.index(Level.LOWER_SECONDARY)
        first = int(PROBATION * self.days)
        self._days = list(range(first, self.days))
        self._school_days = [d for d in self._days if self._all_in_school(d)]

    def _all_in_school(self, day: int) -> bool:
        on = self.dates[day]
        return all(self.calendar.sessions(i, on) for i in range(len(LEVELS)))

    def check_days(self, most: int) -> None:
        """Refuse days that are too many, or of which none is a school day.

        Raises:
            ConfigurationError: they are.
        """
        if not 1 <= self.days <= most:
            raise ConfigurationError(f"a scenario lasts 1 to {most} days, not {self.days}")
        if not any(self.calendar.is_school_day(on) for on in self.dates):
            raise ConfigurationError(
                f"the calendar knows no school day from {self.dates[0]} to {self.dates[-1]}: give --from and "
                "--days that lie within a term"
            )

    def move(self, seed: int) -> None:
        """Draw which schools join, close and merge, on the first three quarters of the school days."""
        days = self._school_days[: -(-3 * len(self._school_days) // 4)]
        midnights_us = [self.start_us + d * 24 * HOUR_US for d in days]
        self.moves = draw_moves(self.fleet, midnights_us, np.random.default_rng([seed, 5]))
        self._moves = Moves(self.fleet, self.moves)

    def calendar_days(self, *, unannounced: bool) -> str:
        """Return drawn days in the words of calendar.toml; label them and keep faults away from them."""
        half, closure = "half-day", "closure"
        everybody = np.arange(len(self.fleet.schools), dtype=np.intp)
        text = ""
        wanted = [half, closure] if unannounced else [half, "holiday", closure, "exam-days"]
        for kind in wanted[: max(0, len(self._school_days) // 3)]:
            day = self._school_days.pop(int(self.rng.integers(len(self._school_days))))
            on, name = self.dates[day], f"unannounced-{kind}" if unannounced else kind
            span = f'first = {on}\nlast = {on}\nname = "{name}"\n'
            positions = everybody
            if kind == closure:
                positions = self._one_cluster()[:: 3 if unannounced else 1]
                codes = [self.fleet.schools[i].code for i in positions]
                text += "".join(f'[[closure."{code}"]]\n{span}' for code in codes)
                self._school_days.append(day)
            else:
                table = {half: "half_day", "holiday": "break", "exam-days": "exam"}[kind]
                text += f"[[{table}]]\n{span}"
            self._label_day(name, day, positions)
        return "\n" + text

    def bells(self, text: str, later: timedelta) -> str:
        """Return a calendar's text by which all bells ring so much later from the middle day on; label it."""
        nth = self.days // 2
        day = self.dates[nth]

        def moved(shift: re.Match[str]) -> str:
            ends = (datetime.combine(day, time.fromisoformat(told)) + later for told in shift.groups()[1:])
            name, (start, end) = shift[1], (at.time().isoformat() for at in ends)
            until = f"{shift[0]}, last = {day - timedelta(days=1)} }},"
            return f'{until}\n    {{ name = "{name}", start = {start}, end = {end}, first = {day}'

        text, shifts = _SHIFT.subn(moved, text)
        if not shifts:
            raise ConfigurationError("calendar.toml has no shift like { name = …, start = …, end = … }")
        for n in range(nth, min(nth + BELL_DAYS, self.days)):
            self._label_day(BELLS, n, np.arange(len(self.fleet.schools), dtype=np.intp))
        return text

    def _label_day(self, name: str, day: int, positions: NDArray[np.intp]) -> None:
        begin_us = self.start_us + day * 24 * HOUR_US
        codes = tuple(self.fleet.schools[i].code for i in positions)
        self.day_labels.append(FaultLabel(name, "", codes, begin_us, begin_us + 24 * HOUR_US, 1.0))
        if self.is_calm:
            self._taken[""][positions, day * 24 : day * 24 + 24] = True

    def place_all(self, specs: Sequence[FaultSpec]) -> tuple[tuple[Fault, ...], tuple[FaultLabel, ...]]:
        """Draw all faults; return them by their start, and their labels. A recess has no share in them."""
        levels = range(len(LEVELS))
        days = sum(not all(self.calendar.is_recess(i, on) for i in levels) for on in self.dates)
        for spec in specs:
            for _ in range(max(1, round(spec.number * days * len(self.fleet.schools) / RATE_DAYS))):
                self.place(spec)
        drawn = sorted(self.faults, key=lambda d: (d[0].start_us, d[0].positions))
        return tuple(fault for fault, _ in drawn), tuple(label for _, label in drawn)

    def place(self, spec: FaultSpec) -> None:
        """Draw one fault where and when its schools are free; none if that fails too often."""
        days = self._school_days if spec.school_days_only else self._days
        taken = self._taken["" if self.is_calm else spec.kind]
        for _ in range(TRIES if days else 0):
            begin_h = 24 * int(self.rng.choice(days)) + self.rng.uniform(*spec.begins_h)
            end_h = begin_h + self.rng.uniform(*spec.lasts_h)
            positions = self._where(spec.where)
            if self.moves:
                positions = self._there(positions, begin_h, end_h, is_new=spec.where == NEW)
            if spec.kind is FaultKind.EXAM_SURGE:
                positions = positions[self._secondary[positions]]
            first, last = int(begin_h), int(np.ceil(end_h))
            around = slice(max(0, first - APART_H), last + APART_H)
            if last > self.days * 24 or not len(positions) or taken[positions, around].any():
                continue
            taken[positions, first:last] = True
            fault = self._fault(spec, begin_h, end_h, positions)
            label = label_of(fault, self.fleet)
            self.faults.append((fault, msgspec.structs.replace(label, variant=spec.label or label.variant)))
            return

    def _there(
        self, positions: NDArray[np.intp], begin_h: float, end_h: float, *, is_new: bool
    ) -> NDArray[np.intp]:
        """Return which of some schools are there from one hour to another, or of them those that are new."""
        start_us, end_us = (self.start_us + round(hour * HOUR_US) for hour in (begin_h, end_h))
        there = self._moves.there_throughout(start_us, end_us)[positions]
        if is_new:
            there &= start_us < self._moves.opens_us[positions] + NEW_DAYS * 24 * HOUR_US
        return positions[there]

    def _fault(self, spec: FaultSpec, begin_h: float, end_h: float, positions: NDArray[np.intp]) -> Fault:
        start_us, end_us = (
            self.start_us + round(hour * HOUR_US / MINUTE_US) * MINUTE_US for hour in (begin_h, end_h)
        )
        strength = float(np.round(self.rng.uniform(*spec.strength), 3))
        return Fault(spec.kind, start_us, end_us, tuple(positions.tolist()), strength, spec.variant)

    def _where(self, where: str) -> NDArray[np.intp]:
        everybody = np.arange(len(self.fleet.schools), dtype=np.intp)
        if where == "city":
            return everybody
        if where == "cluster":
            return self._one_cluster()
        if where == "part":
            return self._part_of_provider()
        if where == NEW:
            return np.array([self.rng.choice([m.position for m in self.moves if m.joins])], np.intp)
        return everybody[[int(self.rng.integers(len(everybody)))]]

    def _one_cluster(self) -> NDArray[np.intp]:
        cluster = self.rng.choice(self._cluster)
        return np.flatnonzero(self._cluster == cluster)

    def _part_of_provider(self) -> NDArray[np.intp]:
        """Return the schools of one provider in two to five clusters."""
        clusters = np.unique(self._cluster)
        some = self.rng.choice(clusters, min(len(clusters), int(self.rng.integers(2, 6))), replace=False)
        return np.flatnonzero((self._isp == self.rng.choice(self._isp)) & np.isin(self._cluster, some))


def duty_name(label: FaultLabel) -> str:
    """Return `find`, `quiet` or `apart`: what a detector should make of a label."""
    names: Sequence[str] = (label.kind, f"{label.kind}/{label.variant}")
    if any(name in QUIET for name in names):
        return "quiet"
    return "apart" if label.kind in APART else "find"
