"""Rows of figures for as many days as wanted, made from a simulated day: for stories, tests, measurements."""

from collections.abc import Iterator
from datetime import date, time
from typing import Final

import numpy as np

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.day import USER_METRICS, DayFigures
from contract.figures.lines import QUARTERS, QuarterGrid
from contract.figures.school_day import QUARTER_US, school_day
from contract.figures.sums import COLUMNS, FigureRow, FigureSums, GroupKind
from contract.fleet import Fleet
from contract.topic import Stream
from device_simulator.world.city import World

BASE_DAY = date(2026, 11, 26)
"""A Thursday on which all schools are open."""
VARIED = ("lost_min", "lost_pupil_min", "down_schools", "down_pupils")
"""What is different every day; the rest moves by little."""
_MIDNIGHT: Final = time.min
HIT = 0.06
"""Share of schools that lose their line on a day that says nothing else."""


def base_rows(fleet: Fleet, calendar: SchoolCalendar, catalogue: Catalogue, seed: int = 1) -> list[FigureRow]:
    """Return the rows of a simulated day."""
    return day_figures(fleet, calendar, BASE_DAY, seed).rows(catalogue)


def day_figures(
    fleet: Fleet,
    calendar: SchoolCalendar,
    day: date,
    seed: int,
    through_us: int | None = None,
    hit: float = HIT,
) -> DayFigures:
    """Return a simulated day: a few schools fall for a while, a few say nothing."""
    rng, n = np.random.default_rng(seed), len(fleet.schools)
    start_us = calendar.moment_us(day, _MIDNIGHT)
    plan = school_day(calendar, day, fleet.schools, through_us or start_us + QUARTERS * QUARTER_US)
    figures = DayFigures(plan, fleet.schools, {w.code: w.cluster_code for w in fleet.wards})
    online = np.full((n, QUARTERS), 15.0)
    for school in rng.permutation(n)[: max(4 if hit else 0, round(hit * n))]:
        begin = int(rng.integers(29, 60))
        online[school, begin : begin + int(rng.integers(2, 16))] = -1.0
    for school in np.flatnonzero(rng.random(n) < 0.012):
        online[school, 20:] = 0.0
    figures.take_online(_online(online), np.zeros(n, bool))
    grids = _measured(World(fleet, calendar), start_us, n)
    figures.take_line(*[grids[name] for name in ("down_bps", "up_bps", "loss_ratio")])
    figures.take_registers(grids["enrolled"], grids["present"])
    figures.take_learning(grids["active_users"], {name: grids[name] for name in USER_METRICS})
    figures.take_platform(*[grids[name] for name in ("success_ratio", "response_ms", "sync_age_s")])
    return figures


def years_of_rows(
    base: list[FigureRow], calendar: SchoolCalendar, first: date, last: date, seed: int = 2
) -> Iterator[tuple[date, list[FigureRow]]]:
    """Yield the rows of each school day from first to last; clusters differ, and some days are bad ones."""
    rng = np.random.default_rng(seed)
    members = sorted({(r.kind, r.member) for r in base})
    habit = {key: float(np.exp(rng.normal(0.0, 0.5))) for key in members}
    varied = np.array([name in VARIED for name in COLUMNS])
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if not calendar.is_school_day(day):
            continue
        mood = float(np.exp(rng.normal(0.0, 0.4))) * (1.0 - 0.0006 * (ordinal - first.toordinal()))
        start_us = calendar.moment_us(day, _MIDNIGHT)
        rows = []
        for row in base:
            hit = mood * habit[row.kind, row.member] * float(np.exp(rng.normal(0.0, 0.3)))
            if row.kind is GroupKind.CITY:
                hit = mood
            sums = np.where(varied, np.array(row.sums) * hit, row.sums)
            through_us = start_us + QUARTERS * QUARTER_US
            profile = tuple(v * hit for v in row.profile)
            rows.append(
                row._replace(day=day, through_us=through_us, sums=_steady(sums, row), profile=profile)
            )
        yield day, rows


def _steady(sums: np.ndarray, row: FigureRow) -> FigureSums:
    """Return sums whose minutes online are what was not lost."""
    found = FigureSums(*sums.tolist())
    known = row.sums.up_min + row.sums.lost_min
    return found._replace(up_min=max(0.0, known - found.lost_min))


def _online(minutes: np.ndarray) -> QuarterGrid:
    """Return readings of `online`: -1 minutes are a quarter hour within an outage."""
    heard, down = minutes > 0, minutes < 0
    n = np.where(heard, 15.0, np.where(down, 1.0, 0.0))
    ones = np.where(heard, 15.0, 0.0)
    return QuarterGrid(n, ones, np.where(heard, 1.0, 0.0), np.where(heard, 1.0, 0.0))


def _measured(world: World, start_us: int, n: int) -> dict[str, QuarterGrid]:
    values: dict[str, np.ndarray] = {}
    at = np.arange(n)
    for quarter in range(QUARTERS):
        time_us = start_us + quarter * QUARTER_US
        for stream in (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE):
            if stream is Stream.ATTENDANCE and not world.in_register(time_us):
                continue
            for name, column in world.measure(stream, time_us, at).values.items():
                values.setdefault(name, np.full((n, QUARTERS), np.nan))[:, quarter] = column
    return {name: _grid(table) for name, table in values.items()}


def _grid(table: np.ndarray) -> QuarterGrid:
    heard = ~np.isnan(table)
    plain = np.where(heard, table, 0.0)
    return QuarterGrid(heard * 1.0, plain, plain, plain)
