"""Every figure equals a slow plain computation from the raw readings of a simulated week."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.day import USER_METRICS, DayFigures
from contract.figures.definitions import FigureName, figure_of
from contract.figures.evidence import EvidenceMonth, EvidenceRow
from contract.figures.lines import QuarterGrid
from contract.figures.school_day import QUARTER_US, school_day
from contract.figures.sums import DayPart, FigureRow, FigureSums, GroupKind, add_sums
from contract.fleet import LEVELS, Level, School
from eduops.verbs.reporting.evidence import table_lines, whose
from tests.figure_week import DAYS, LOSSY, OUTAGES, FigureWeek, make_week

SESSIONS = (DayPart.MORNING, DayPart.AFTERNOON)
MINUTE_US = 60_000_000
ISP, MAINTAINED = "VNPT", DAYS[4]
"""A provider, and the day on whose first two hours of school it works on its lines."""


@pytest.fixture(scope="module")
def week(calendar: SchoolCalendar, catalogue: Catalogue) -> FigureWeek:
    return make_week(calendar, catalogue)


@pytest.fixture(scope="module")
def rows(week: FigureWeek) -> list[FigureRow]:
    return [row for day in DAYS for row in rows_of(week, day)]


def is_maintained(week: FigureWeek, school: School, at_us: int) -> bool:
    start_us = week.start_us(MAINTAINED)
    return school.isp == ISP and start_us + 28 * QUARTER_US <= at_us < start_us + 36 * QUARTER_US


def rows_of(week: FigureWeek, day: date, through_us: int | None = None) -> list[FigureRow]:
    return figures_of(week, day, slice(None), through_us).rows(week.catalogue)


def figures_of(week: FigureWeek, day: date, which: slice, through_us: int | None = None) -> DayFigures:
    fleet, start_us = week.fleet, week.start_us(day)
    schools = fleet.schools[which]

    def grid(name: str, on: date = day) -> QuarterGrid:
        return QuarterGrid(*(table[which] for table in week.grid(name, on)))

    plan = school_day(week.calendar, day, schools, through_us or start_us + 96 * QUARTER_US)
    idle = np.array(
        [[is_maintained(week, s, start_us + q * QUARTER_US) for q in range(96)] for s in schools], bool
    )
    figures = DayFigures(plan, schools, {w.code: w.cluster_code for w in fleet.wards}, idle)
    before = grid("online", day - timedelta(1))
    heard = before.n > 0
    last = 95 - np.argmax(heard[:, ::-1], axis=1)
    was_down = heard.any(axis=1) & (before.min[np.arange(len(schools)), last] < 0.5)
    figures.take_online(grid("online"), was_down)
    figures.take_line(*[grid(name) for name in ("down_bps", "up_bps", "loss_ratio")])
    figures.take_registers(grid("enrolled"), grid("present"))
    figures.take_learning(grid("active_users"), {n: grid(n) for n in USER_METRICS})
    figures.take_platform(*[grid(n) for n in ("success_ratio", "response_ms", "sync_age_s")])
    return figures


def of_city(rows: list[FigureRow], day: date | None = None) -> FigureSums:
    return add_sums(r.sums for r in rows if r.kind is GroupKind.CITY and day in (None, r.day))


@cache
def by_quarter(week: FigureWeek, name: str, day: date) -> dict[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for school, time_us, value in week.of(name, day):
        found[school.code, (time_us - week.start_us(day)) // QUARTER_US].append(value)
    return found


def session_minutes(week: FigureWeek, school: School, day: date, quarter: int) -> float:
    return minutes_of_level(week, school.level, day, quarter)


@cache
def minutes_of_level(week: FigureWeek, level: Level, day: date, quarter: int) -> float:
    """Return the minutes of a quarter hour that are school, minute by minute."""
    start_us = week.start_us(day) + quarter * QUARTER_US
    sessions = week.calendar.sessions(LEVELS.index(level), day)
    minutes = [start_us + i * MINUTE_US for i in range(15)]
    return sum(any(s.start_us <= m < s.end_us for s in sessions) for m in minutes)


def plain_availability(week: FigureWeek, day: date) -> Mapping[str, tuple[float, float, float]]:
    """Return (scheduled, up, lost) minutes of each school, walking through its quarter hours."""
    found = {}
    for school in week.fleet.schools:
        scheduled = up = lost = 0.0
        is_down = False
        for past in (day - timedelta(1), day):
            said = by_quarter(week, "online", past) if past in DAYS else {}
            for quarter in range(96):
                values = said.get((school.code, quarter), [])
                minutes = session_minutes(week, school, past, quarter) if past == day else 0.0
                if is_maintained(week, school, week.start_us(past) + quarter * QUARTER_US):
                    minutes = 0.0
                scheduled += minutes
                if values and min(values) == 1:
                    up, is_down = up + minutes, False
                elif values:
                    online = 15 * sum(values) / max(len(values), 15)
                    up, lost, is_down = up + minutes * online / 15, lost + minutes * (1 - online / 15), True
                elif is_down:
                    lost += minutes
        found[school.code] = (scheduled, up, lost)
    return found


@pytest.mark.parametrize("day", [DAYS[0], DAYS[2], DAYS[3], MAINTAINED])
def test_minutes_of_the_calendar_less_maintenance(week: FigureWeek, rows: list[FigureRow], day: date) -> None:
    plain = plain_availability(week, day)
    pupils = {s.code: s.pupils for s in week.fleet.schools}
    for kind, member_of in (
        (GroupKind.CITY, lambda s: ""),
        (GroupKind.LEVEL, lambda s: s.level.value),
        (GroupKind.ISP, lambda s: s.isp),
    ):
        groups: dict[str, Any] = defaultdict(lambda: np.zeros(4))
        for school in week.fleet.schools:
            scheduled, up, lost = plain[school.code]
            groups[member_of(school)] += [scheduled, up, lost, lost * pupils[school.code]]
        for member, expected in groups.items():
            own = [r.sums for r in rows if (r.kind, r.scope, r.member, r.day) == (kind, "", member, day)]
            s = add_sums(own)
            assert (s.scheduled_min, s.up_min, s.lost_min, s.lost_pupil_min) == pytest.approx(tuple(expected))
            known = expected[1] + expected[2]
            share = figure_of(FigureName.AVAILABILITY, s, 0.0).value
            assert share == (pytest.approx(expected[1] / known) if known else None)


def test_what_was_lost_is_what_fell_to_the_quarter_hour(week: FigureWeek, rows: list[FigureRow]) -> None:
    """A school that fell from 8:05 to 9:40 lost these 95 minutes, give or take the quarter at each end."""
    position, *_ = OUTAGES[0]
    school = week.fleet.schools[position]
    own = [r for r in rows if r.kind is GroupKind.WARD and r.member == school.ward_code and r.day == DAYS[0]]
    assert sum(r.sums.lost_min for r in own) == pytest.approx(95, abs=15)


def test_a_silent_school_is_unknown_and_not_lost(week: FigureWeek, rows: list[FigureRow]) -> None:
    monday = of_city(rows, DAYS[0])
    assert (monday.unknown_schools, monday.down_schools) == (1.0, 1.0)
    assert monday.down_pupils == week.fleet.schools[OUTAGES[0][0]].pupils


def test_the_day_by_quarter_hours_adds_up(rows: list[FigureRow]) -> None:
    for day in DAYS:
        (whole,) = [r for r in rows if r.kind is GroupKind.CITY and r.day == day and r.part is DayPart.DAY]
        assert sum(whole.profile) == pytest.approx(of_city(rows, day).lost_pupil_min)


def test_a_day_so_far_is_the_beginning_of_the_day(week: FigureWeek, rows: list[FigureRow]) -> None:
    until = 38
    so_far = rows_of(week, DAYS[0], week.start_us(DAYS[0]) + until * QUARTER_US + 7 * MINUTE_US)
    (whole,) = [r for r in rows if r.kind is GroupKind.CITY and r.day == DAYS[0] and r.part is DayPart.DAY]
    assert of_city(so_far).lost_pupil_min == pytest.approx(sum(whole.profile[:until]))
    assert {r.part for r in so_far} == {DayPart.MORNING, DayPart.DAY}
    assert {r.through_us for r in so_far} == {week.start_us(DAYS[0]) + until * QUARTER_US}


def test_bands_and_kept_contracts(week: FigureWeek, rows: list[FigureRow]) -> None:
    day = DAYS[LOSSY[1]]
    loss, down, up = (by_quarter(week, n, day) for n in ("loss_ratio", "down_bps", "up_bps"))
    expected: dict[str, float] = defaultdict(float)
    for school in week.fleet.schools:
        seen = impaired = 0.0
        peak_down = peak_up = 0.0
        for quarter in range(96):
            minutes = session_minutes(week, school, day, quarter)
            key = school.code, quarter
            if not minutes or key not in down:
                continue
            peak_down, peak_up = max(peak_down, *down[key]), max(peak_up, *up[key])
            seen += minutes
            mean_loss, mean_down = np.mean(loss[key]), np.mean(down[key])
            if mean_loss >= 0.01 and mean_down < 0.9 * school.contracted_down_bps:
                impaired += minutes
        if not seen:
            continue
        kept = impaired / seen < 0.05
        rate = school.contracted_down_bps if kept else min(school.contracted_down_bps, peak_down)
        back = school.contracted_up_bps if kept else min(school.contracted_up_bps, peak_up)
        need = max(20e6, 50e3 * school.pupils)
        is_small = school.level in (Level.PRESCHOOL, Level.PRIMARY)
        expected["measured"] += 1
        expected["observed_min"] += seen
        expected["impaired_min"] += impaired
        expected["adequate"] += rate >= need
        expected["proven"] += peak_down >= need
        expected["good"] += rate >= (100e6 if is_small else 1e9) and back >= (30e6 if is_small else 1e9)
        expected["excellent"] += rate >= 1e6 * school.pupils
        expected["contracted_bps"] += school.contracted_down_bps
        expected["peak_bps"] += peak_down
    found = of_city(rows, day)._asdict()
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert expected["impaired_min"] > 0
    assert figure_of(FigureName.USE, of_city(rows, day), 0.0).value == pytest.approx(
        expected["peak_bps"] / expected["contracted_bps"]
    )


def test_attendance_is_of_the_last_register_of_each_session(week: FigureWeek, rows: list[FigureRow]) -> None:
    for day in (DAYS[0], *DAYS[2:5]):
        enrolled, present = (by_quarter(week, n, day) for n in ("enrolled", "present"))
        for nth, part in enumerate(SESSIONS):
            total = np.zeros(3)
            for school in week.fleet.schools:
                sessions = week.calendar.sessions(LEVELS.index(school.level), day)
                begin_us = sessions[nth].start_us
                end_us = (
                    sessions[nth + 1].start_us
                    if nth + 1 < len(sessions)
                    else week.start_us(day) + 96 * QUARTER_US
                )
                quarters = [
                    q
                    for q in range(96)
                    if begin_us < week.start_us(day) + (q + 1) * QUARTER_US
                    and week.start_us(day) + q * QUARTER_US < end_us
                    and (school.code, q) in enrolled
                ]
                if quarters:
                    key = school.code, quarters[-1]
                    total += [1, max(enrolled[key]), max(present[key])]
            (found,) = [r.sums for r in rows if r.kind is GroupKind.CITY and (r.day, r.part) == (day, part)]
            assert found.submitted == total[0]
            assert (found.told_schools, found.enrolled, found.present) in (tuple(total), (0, 0, 0))
    assert of_city(rows).enrolled > 0


def test_learners_and_their_minutes(week: FigureWeek, rows: list[FigureRow]) -> None:
    day = DAYS[3]
    active = by_quarter(week, "active_users", day)
    minutes = sum(15 * float(np.mean(values)) for values in active.values())
    last: dict[str, dict[str, float]] = {n: defaultdict(float) for n in USER_METRICS}
    for name, of_school in last.items():
        for school, _, value in week.of(name, day):
            of_school[school.code] = value
    found = of_city(rows, day)
    assert found.active_min == pytest.approx(minutes)
    assert [found.day_users, found.week_users, found.month_users] == pytest.approx(
        [sum(of_school.values()) for of_school in last.values()]
    )
    dose = figure_of(FigureName.DOSE, found, 0.0).value
    assert dose == pytest.approx(7 * minutes / sum(last["active_week"].values()))


def test_systems(week: FigureWeek, rows: list[FigureRow]) -> None:
    day = DAYS[3]
    success, response, age = (
        by_quarter(week, n, day) for n in ("success_ratio", "response_ms", "sync_age_s")
    )
    good = slow = synced = answering = 0.0
    for school in week.fleet.schools:
        quarters = [
            q for q in range(96) if session_minutes(week, school, day, q) and (school.code, q) in success
        ]
        if not quarters:
            continue
        answering += 1
        good += float(np.mean([np.mean(success[school.code, q]) for q in quarters]))
        slow += float(np.mean([np.mean(response[school.code, q]) for q in quarters]))
        synced += all(max(age[school.code, q]) <= 86_400 for q in quarters)
    found = of_city(rows, day)
    assert (found.answering, found.success, found.response_ms, found.synced) == pytest.approx(
        (answering, good, slow, synced)
    )


def test_a_figure_below_its_coverage_has_no_value(rows: list[FigureRow]) -> None:
    sums = of_city(rows, DAYS[0])
    figure = figure_of(FigureName.AVAILABILITY, sums, 0.9)
    assert figure.value is not None
    assert figure.coverage == (sums.up_min + sums.lost_min) / sums.scheduled_min
    assert figure_of(FigureName.AVAILABILITY, sums, 0.999).value is None
    assert figure_of(FigureName.AVAILABILITY, FigureSums(), 0.0).value is None


def test_groups_side_by_side_add_up_to_the_one_around_them(rows: list[FigureRow]) -> None:
    for kind in (GroupKind.CLUSTER, GroupKind.LEVEL, GroupKind.ISP):
        own = [r.sums.lost_pupil_min for r in rows if r.kind is kind and not r.scope]
        assert sum(own) == pytest.approx(of_city(rows).lost_pupil_min)


def test_evidence_is_what_a_plain_walk_finds(week: FigureWeek) -> None:
    day, position = DAYS[LOSSY[1]], LOSSY[0]
    school = week.fleet.schools[position]
    own = [s for s in week.fleet.schools if s.isp == school.isp]
    rows_at = [week.fleet.school_position[s.id] for s in own]
    evidence = EvidenceMonth()
    for one in (DAYS[2], day):
        start_us = week.start_us(one)
        plan = school_day(week.calendar, one, own, start_us + 96 * QUARTER_US)
        grids = [QuarterGrid(*(table[rows_at] for table in week.grid(n, one))) for n in EVIDENCE]
        online, down, loss = grids
        evidence.take(
            plan, own, np.zeros((len(own), 96), bool), (online, np.zeros(len(own), bool)), down, loss
        )
    (found,) = [row for row in evidence.rows() if row.school == school.code]
    means, minutes = [], 0.0
    for one in (DAYS[2], day):
        traffic = by_quarter(week, "down_bps", one)
        for quarter in range(96):
            if session_minutes(week, school, one, quarter):
                means.append(float(np.mean(traffic[school.code, quarter])) / 1e6)
                minutes += session_minutes(week, school, one, quarter) * (one == day)
    assert (found.days, found.below_contract_min) == (2, minutes)
    assert found.median_mbps == pytest.approx(float(np.median(means)), abs=0.001)
    assert found.p5_mbps == pytest.approx(float(np.quantile(means, 0.05)), abs=0.001)
    assert found.outage_min == 0
    assert found.known_min == found.scheduled_min
    fallen = [row for row in evidence.rows() if row.school == week.fleet.schools[OUTAGES[3][0]].code]
    assert len(evidence.rows()) == len(own)
    assert all(row.outage_min > 0 for row in fallen)


EVIDENCE = ("online", "down_bps", "loss_ratio")


def test_no_cell_of_evidence_is_a_formula_and_the_provider_is_read_back() -> None:
    rows = [EvidenceRow("-1", "=HYPERLINK(A1)", "26740", 1, 50.0, None, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    lines = table_lines("@Viễn thông", date(2026, 11, 1), rows)
    assert lines[1].startswith("'@Viễn thông,2026-11,'-1,'=HYPERLINK(A1),26740,1,50.0,,,")
    assert whose(lines) == ("@Viễn thông", date(2026, 11, 1))


def test_a_fleet_in_parts_is_the_whole_fleet(week: FigureWeek, rows: list[FigureRow]) -> None:
    day = DAYS[3]
    first = figures_of(week, day, slice(0, 5))
    first.extend(figures_of(week, day, slice(5, None)))
    found = first.rows(week.catalogue)
    whole = [row for row in rows if row.day == day]
    assert [row[:6] for row in found] == [row[:6] for row in whole]
    for one, other in zip(found, whole, strict=True):
        assert one.sums == pytest.approx(other.sums)
        assert one.profile == pytest.approx(other.profile)
