"""Recorded registers through the real fold: what schools share is nobody's alert, and drops are found."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.calendar import Context
from contract.errors import ConfigurationError
from evaluation.attendance.ceiling import hindsight
from evaluation.attendance.city_calendar import city_calendar
from evaluation.attendance.recorded import HALF, Registers, read_registers
from evaluation.attendance.report import AttendanceRow, render
from evaluation.attendance.run import AttendanceFigures, calendar_of, judge_registers, low_rule
from evaluation.scenarios.report import given
from tests.fold_world import CATALOGUE, packaged

FOLDER = Path(__file__).parents[3] / "shared/data"
SCHOOLS, DAYS = 20, 30
LOWERED = [(20, 3, 1), (22, 5, 2), (25, 7, 1)]
"""Day, school and kind."""


def registers() -> Registers:
    """Return six weeks around `HALF` of schools that are quiet but for a day that all share, the 19th."""
    rng = np.random.default_rng(1)
    days = HALF + np.arange(-20, 22)
    days = days[np.is_busday(days)][:DAYS]
    ratio = 0.93 + rng.normal(0, 0.005, (DAYS, SCHOOLS))
    ratio[18] -= 0.08
    kind, lowered = np.zeros(ratio.shape, np.int8), ratio.copy()
    for day, school, number in LOWERED:
        kind[day, school] = number
        lowered[day, school] *= 0.6 if number == 1 else 0.74
    lowered[10, 2] = np.nan
    return Registers(days, np.arange(SCHOOLS) // 10, ratio, kind, lowered)


def thin_day(level: float, cluster: float) -> tuple[int, int]:
    """Return alerts and lines of a day on which all fell by so much, and one of three districts by more."""
    rng = np.random.default_rng(2)
    days = HALF + np.arange(-20, 22)
    days = days[np.is_busday(days)][:DAYS]
    district = np.arange(30) // 10
    ratio = 0.93 + rng.normal(0, 0.005, (DAYS, 30))
    ratio[18] -= level + np.where(district == 2, cluster, 0.0)
    told = Registers(days, district, ratio, np.zeros(ratio.shape, np.int8), ratio)
    rule = low_rule(given().configuration.rules)
    halves = judge_registers(told, CATALOGUE, calendar_of(packaged("calendar.toml"), days), rule)
    return sum(half.alerts for half in halves), sum(half.lines for half in halves)


def test_a_thin_day_is_news_of_whoever_fell_as_far_by_itself() -> None:
    assert thin_day(0.08, 0.06) == (0, 0)  # only both together
    assert thin_day(0.01, 0.2) == (10, 1)  # the district
    assert thin_day(0.13, -0.06) == (20, 1)  # the city, but for a district that fell less
    assert thin_day(0.13, 0.02) == (30, 1)


def figures(z: float, *, less_shared: bool) -> tuple[AttendanceFigures, AttendanceFigures]:
    """Return what the packaged rule makes of the registers with a least deviation of 5 points."""
    rule = low_rule(given().configuration.rules, z, less_shared=less_shared)
    rule = msgspec.structs.replace(rule, least_deviation=0.05)
    return judge_registers(
        registers(), CATALOGUE, calendar_of(packaged("calendar.toml"), registers().day), rule
    )


def test_what_is_lowered_is_found_and_a_shared_day_is_one_line() -> None:
    _, second = figures(6.0, less_shared=True)
    assert (second.lowered, second.found) == ((2, 1), (2, 1))
    halves = figures(6.0, less_shared=True)
    assert sum(half.lines for half in halves) == 1  # of the day that all share
    assert sum(half.school_days for half in halves) == DAYS * SCHOOLS - len(LOWERED)
    row = AttendanceRow(True, 6.0, True, *halves)
    assert "less shared, z 6, calendar" in render([row], as_json=False)
    assert msgspec.json.decode(render([row], as_json=True))[0][1] == 6.0


def test_a_shared_day_within_the_least_deviation_is_nobodys() -> None:
    rule = low_rule(given().configuration.rules, 4.0)
    halves = judge_registers(
        registers(), CATALOGUE, calendar_of(packaged("calendar.toml"), registers().day), rule
    )
    assert [half.alerts for half in halves] == [0, 0]


def test_without_a_rule_or_data_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="anomaly on attendance_ratio"):
        low_rule([])
    with pytest.raises(ConfigurationError, match=r"holds no nyc_attendance/attendance\.parquet"):
        read_registers(tmp_path, 1)


@pytest.mark.skipif(not FOLDER.exists(), reason="the recorded data are not beside the project")
def test_recorded_registers_are_lowered_as_often_as_they_should_be() -> None:
    told = read_registers(FOLDER, 1)
    share = (told.kind > 0).sum() / np.isfinite(told.ratio).sum()
    assert 0.009 < share < 0.011
    assert (told.lowered[told.kind == 0] == told.ratio[told.kind == 0]).sum() == (
        np.isfinite(told.ratio) & (told.kind == 0)
    ).sum()
    assert (told.lowered[told.kind == 1] < 0.76 * told.ratio[told.kind == 1]).all()


def test_what_the_city_wrote_beforehand_is_an_event_and_a_storm_is_none() -> None:
    days = np.arange(np.datetime64("2014-01-06"), np.datetime64("2014-07-01"))
    lived = days[
        np.is_busday(days) & ~((days >= np.datetime64("2014-04-14")) & (days < np.datetime64("2014-04-23")))
    ]
    calendar = calendar_of(packaged("calendar.toml"), lived, city_calendar(lived))

    def is_event(on: str) -> bool:
        moment = datetime.fromisoformat(f"{on}T08:00").replace(tzinfo=calendar.timezone)
        return calendar.context_at(1, int(moment.timestamp()) // 60) is Context.EVENT

    assert all(map(is_event, ("2014-04-11", "2014-04-23", "2014-06-26", "2014-06-09")))
    assert not any(map(is_event, ("2014-01-22", "2014-02-05", "2014-04-10", "2014-06-11")))


def another_city(path: Path, days: int, heading: str, row: Callable[[np.datetime64, int], str]) -> Path:
    """Write the registers of 24 schools on so many weekdays of another decade, and return the file."""
    dates = np.datetime64("2023-09-05") + np.arange(3 * days)
    dates = dates[np.is_busday(dates)][:days]
    rows = [row(day, school) for day in dates for school in range(24)]
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def test_another_citys_registers_are_judged_as_they_come(tmp_path: Path) -> None:
    published = another_city(
        tmp_path / "published.csv",
        40,
        "School DBN,Date,Enrolled,Absent,Present,Released",
        lambda day, school: f"{school // 8:02}M{school:03},{str(day).replace('-', '')},400,20,380,0",
    )
    told = read_registers(published, 1)
    assert (told.ratio.shape, len(set(told.district.tolist()))) == ((40, 24), 3)
    np.testing.assert_allclose(told.ratio, 0.95)
    assert told.half == told.day[20]
    rule = low_rule(given().configuration.rules)
    with pytest.raises(ConfigurationError, match="of 40 days; 41 are the least"):
        hindsight(told, rule)
    calendar = calendar_of(packaged("calendar.toml"), told.day)
    halves = judge_registers(told, CATALOGUE, calendar, rule)
    assert all(half.school_days > 400 and half.alerts == 0 for half in halves)
    percents = another_city(
        tmp_path / "percents.csv",
        40,
        "day;school;ward;attendance rate",
        lambda day, school: f"{day};s{school};w{school // 12};95,0",
    )
    again = read_registers(percents, 1)
    np.testing.assert_allclose(again.ratio, told.ratio)
    quiet = another_city(
        tmp_path / "quiet.csv", 60, "day,school,ratio", lambda day, school: f"{day},{school},0.95"
    )
    found = hindsight(read_registers(quiet, 1), rule)
    assert {share for one in found for share in one.one_bound} == {1.0}, (
        "without a false alarm any bound will do"
    )
    assert len(set(again.district.tolist())) == 2


def test_a_file_of_no_registers_says_what_it_should_have(tmp_path: Path) -> None:
    few = another_city(
        tmp_path / "few.csv", 9, "date,school,ratio", lambda day, school: f"{day},{school},0.9"
    )
    with pytest.raises(ConfigurationError, match="24 schools have registers often enough, and 9 days"):
        read_registers(few, 1)
    other = another_city(
        tmp_path / "other.csv", 9, "date,school,mood", lambda day, school: f"{day},{school},1"
    )
    with pytest.raises(ConfigurationError, match=r"lacks a column of days.*there are: date, school, mood"):
        read_registers(other, 1)
    kept = tmp_path / "nyc_attendance" / "attendance.parquet"
    kept.parent.mkdir()
    kept.write_text("no parquet", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"attendance\.parquet cannot be read as Parquet"):
        read_registers(tmp_path, 1)
    pq.write_table(pa.table({"dbn": ["a"], "attendance_pct": [90.0]}), kept)
    with pytest.raises(ConfigurationError, match=r"there are: dbn, attendance_pct"):
        read_registers(tmp_path, 1)
