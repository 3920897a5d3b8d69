"""The store of figures: equal to the pure functions over the raw week, right after a late correction."""

import asyncio
import csv
import time as clock
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import AsyncConnection
from typer.testing import CliRunner

from alerting.silences.maintenance import maintenance_quarters
from contract.access.area import Area
from contract.access.permission import Role
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.commit import Commit, Counts
from contract.figures.spans import DaySpan
from contract.figures.sums import COLUMNS, DayPart, FigureRow, FigureSums, GroupKind, add_sums
from contract.fleet import Fleet
from contract.reading import Corrections, Readings, Scored
from contract.routing.silence import Silence, SilenceKind, SilenceMatcher
from eduops.cli import app
from storage.database import connect
from storage.figures.rows import figure_days, figure_rows, keep_day, summed_figures
from storage.fleet import save_fleet
from storage.people.users import add_user
from storage.results import commit, load_position
from storage.upkeep.maintenance import maintain
from stream_processor.figures import keep_figures
from tests.figure_week import DAYS, MONDAY, OUTAGES, FigureWeek, make_week

HOUR_US = 3_600_000_000
WEEK = DaySpan(DAYS[0], DAYS[-1])
CITY = (GroupKind.CITY, "")


@pytest.fixture(scope="module")
def week(calendar: SchoolCalendar, catalogue: Catalogue) -> FigureWeek:
    return make_week(calendar, catalogue)


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect(postgres_url) as connection:
        yield connection


async def store(conn: AsyncConnection[Any], readings: Readings, log_time_us: int, **more: Any) -> None:
    position = await load_position(conn, "telemetry-0")
    rows, n = Scored(readings, np.full(len(readings), np.nan, np.float32)), len(readings)
    counts = Counts(n, n) if n else Counts(1, corrected=1)
    what = Commit("telemetry-0", position.seq, position.seq + 1, log_time_us, counts, rows, **more)
    await commit(conn, what)


async def keep_all(conn: AsyncConnection[Any], week: FigureWeek, fleet: Fleet | None = None) -> list[date]:
    made: list[date] = []
    while days := await keep_figures(conn, fleet or week.fleet, week.catalogue, week.calendar):
        made += days
    return made


async def test_the_store_says_what_the_week_was(
    conn: AsyncConnection[Any], week: FigureWeek, postgres_url: str, tmp_path: Path
) -> None:
    """One test for a whole life: a system with this week's readings is dear to make."""
    end_us = week.start_us(DAYS[-1] + timedelta(1)) + HOUR_US
    await save_fleet(conn, week.fleet)
    await store(conn, week.readings, end_us)
    await maintain(conn, end_us)
    assert set(await keep_all(conn, week)) >= set(DAYS)
    assert await keep_figures(conn, week.fleet, week.catalogue, week.calendar) == []
    found = [row for day in DAYS for row in await figure_rows(conn, *CITY, DaySpan(day, day))]
    await check_lost_minutes(week, found)
    await check_sums(conn, found)

    await check_a_late_correction(conn, week, end_us)
    await check_the_provider_of_that_time(conn, week, end_us)
    await check_the_report(week, postgres_url, tmp_path, end_us)
    await check_the_evidence(week, postgres_url, tmp_path, end_us)


async def said(dsn: str, end_us: int, folder: Path, *words: str) -> Any:
    """Run a verb whose clock shows the end of the week."""
    settings = {
        "EDUOPS_DATABASE_URL": dsn,
        "EDUOPS_NATS_URL": "nats://127.0.0.1:1",
        "EDUOPS_CLOCK_ORIGIN_US": str(end_us),
        "EDUOPS_CLOCK_REAL_ORIGIN_US": str(clock.time_ns() // 1000),
    }
    whole = [*words, "--data", str(folder)]
    return await asyncio.to_thread(CliRunner().invoke, app, whole, env=settings)


async def check_the_report(week: FigureWeek, dsn: str, folder: Path, end_us: int) -> None:
    asked = ("report", "week", "--day", DAYS[-1].isoformat())
    table, document = folder / "week.csv", folder / "week.pdf"
    for words in (("--excel", "--out", str(table)), ("--pdf", "--lang", "en", "--out", str(document))):
        result = await said(dsn, end_us, folder, *asked, *words)
        assert result.exit_code == 0, result.output
    lines = table.read_text(encoding="utf-8").removeprefix("\ufeff").splitlines()
    assert [line.split(";")[2] for line in lines if line.startswith("Băng thông đủ chuẩn;;")] != [""]
    assert document.read_bytes().startswith(b"%PDF-")
    sent = await said(dsn, end_us, folder, *asked, "--pdf", "--out", str(document), "--to", "inbox")
    assert "inbox (inbox): sent" in sent.output, sent.exception
    assert "/kpi" in next((folder / "inbox").iterdir()).read_text(encoding="utf-8")
    code = week.fleet.clusters[0].code
    async with await connect(dsn) as conn:
        await add_user(conn, "an", Role.LEADER, Area(clusters=(code,)), week.fleet)
    (folder / "config").mkdir(exist_ok=True)
    an = '[[person]]\nname = "An"\nuser = "an"\nchannels = ["inbox://"]\n'
    rest = '[[route]]\nname = "all"\ncontacts = ["An"]\n'
    (folder / "config" / "routes.toml").write_text(an + rest, encoding="utf-8")
    to_an = (*asked, "--pdf", "--out", str(document), "--to", "An")
    refused = await said(dsn, end_us, folder, *to_an)
    assert "the account an may not see these figures" in str(refused.exception)
    sent = await said(dsn, end_us, folder, *to_an, "--cluster", code)
    assert "An (inbox): sent" in sent.output, sent.exception
    refused = await said(dsn, end_us, folder, *asked, "--cluster", "Không có")
    assert "no cluster is called" in str(refused.exception)


async def check_the_evidence(week: FigureWeek, dsn: str, folder: Path, end_us: int) -> None:
    """A month of a provider is sealed, holds, is counted again, and breaks where somebody touches it."""
    isp = week.fleet.schools[OUTAGES[3][0]].isp
    table, document = folder / "evidence.csv", folder / "evidence.pdf"
    made = await said(
        dsn, end_us, folder, "evidence", "export", "--isp", isp, "--month", "2026-11",
        "--out", str(table), "--pdf", str(document),
    )  # fmt: skip
    assert made.exit_code == 0, made.exception or made.output
    seal = made.output.split("seal ")[1].strip()
    assert document.read_bytes().startswith(b"%PDF-")
    verify = ("evidence", "verify", str(table))
    held = await said(dsn, end_us, folder, *verify, "--seal", seal, "--recount")
    assert "the store says the same" in held.output, held.exception
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()[:-1]))
    assert any(float(row["outage_min"]) > 0 for row in rows)
    other = await said(dsn, end_us, folder, *verify, "--seal", "0" * 64)
    assert "its seal is" in str(other.exception)
    table.write_bytes(table.read_bytes().replace(b",0.0,", b",9.0,", 1))
    assert "line 2" in str((await said(dsn, end_us, folder, *verify)).exception)


async def check_lost_minutes(week: FigureWeek, rows: list[FigureRow]) -> None:
    """The plain computation of `test_figures` is the judge of the functions; this one of their inputs."""
    thursday = [r.sums for r in rows if r.day == DAYS[3] and r.part is not DayPart.DAY]
    school = week.fleet.schools[OUTAGES[3][0]]
    sessions = week.calendar.sessions(1, DAYS[3])
    hit = (
        sum(
            min(s.end_us, week.calendar.moment_us(DAYS[3], OUTAGES[3][4]))
            - max(s.start_us, week.calendar.moment_us(DAYS[3], OUTAGES[3][2]))
            for s in sessions
        )
        / 60e6
    )
    assert add_sums(thursday).lost_pupil_min == pytest.approx(hit * school.pupils, rel=0.1)
    assert sum(r.sums.enrolled for r in rows) > 1000


async def check_sums(conn: AsyncConnection[Any], rows: list[FigureRow]) -> None:
    summed = await summed_figures(conn, *CITY, WEEK)
    assert summed[""]._asdict() == pytest.approx(add_sums(r.sums for r in rows)._asdict())
    for kind in (GroupKind.CLUSTER, GroupKind.LEVEL, GroupKind.ISP):
        groups = await summed_figures(conn, kind, "", WEEK)
        assert sum(g.lost_pupil_min for g in groups.values()) == pytest.approx(summed[""].lost_pupil_min)
    mornings = await summed_figures(conn, *CITY, WEEK, [DayPart.MORNING])
    assert mornings[""].submitted == sum(r.sums.submitted for r in rows if r.part is DayPart.MORNING)


async def check_a_late_correction(conn: AsyncConnection[Any], week: FigureWeek, end_us: int) -> None:
    """A school corrects what it said of Saturday's line: the day is made again at once, and no other."""
    saturday = DAYS[5]
    before = (await summed_figures(conn, *CITY, DaySpan(saturday, saturday)))[""]
    place = {position: s for s, position in week.series("down_bps").items()}
    position = next(
        i for i, s in enumerate(week.fleet.schools) if s.level.value == "lower_secondary" and i > 4
    )
    at_us = week.calendar.moment_us(saturday, OUTAGES[0][2].replace(hour=9, minute=0))
    peak = week.fleet.schools[position].contracted_down_bps * 0.99
    words = Readings(np.array([at_us]), np.array([place[position]], np.int32), np.array([peak]))
    said_us = end_us + 60_000_000
    what = Corrections(Scored(words, np.full(1, np.nan, np.float32)), np.array([said_us]))
    await store(conn, Readings.empty(), said_us, corrections=what)
    await maintain(conn, said_us)
    assert saturday in await keep_all(conn, week)
    after = (await summed_figures(conn, *CITY, DaySpan(saturday, saturday)))[""]
    assert after.peak_bps > before.peak_bps
    same = {name: getattr(after, name) for name in COLUMNS if name not in ("peak_bps", "proven")}
    assert same == pytest.approx({name: getattr(before, name) for name in same})
    assert await keep_figures(conn, week.fleet, week.catalogue, week.calendar) == []


async def check_the_provider_of_that_time(conn: AsyncConnection[Any], week: FigureWeek, end_us: int) -> None:
    """A school that goes to another provider on Thursday leaves its lost minutes of Monday with the first."""
    position = OUTAGES[0][0]
    school = week.fleet.schools[position]
    moved = replace(school, isp="Khác")
    fleet = Fleet(
        week.fleet.province,
        week.fleet.clusters,
        week.fleet.wards,
        tuple(moved if s is school else s for s in week.fleet.schools),
        week.fleet.devices,
    )
    await save_fleet(conn, fleet, week.start_us(DAYS[3]))
    await conn.execute("delete from figure_day")
    await keep_all(conn, week, fleet)
    monday = await summed_figures(conn, GroupKind.ISP, "", DaySpan(MONDAY, MONDAY))
    assert monday[school.isp].lost_pupil_min > 0
    assert "Khác" not in monday
    friday = await summed_figures(conn, GroupKind.ISP, "", DaySpan(DAYS[4], DAYS[4]))
    assert friday["Khác"].pupils == school.pupils


async def test_a_row_is_read_as_it_was_written(conn: AsyncConnection[Any]) -> None:
    sums = FigureSums(*(n / 8 for n in range(1, len(COLUMNS) + 1)))
    row = FigureRow(MONDAY, DayPart.DAY, GroupKind.CITY, "", "", 5_000_000, sums, (0.5, 1.5))
    await keep_day(conn, MONDAY, [row], 7_000_000, 5_000_000)
    await keep_day(conn, MONDAY, [row], 8_000_000, 5_000_000)
    assert await figure_rows(conn, *CITY, DaySpan(MONDAY, MONDAY)) == [row]
    assert await summed_figures(conn, *CITY, DaySpan(MONDAY, MONDAY)) == {"": sums}
    assert await figure_days(conn, MONDAY) == [(MONDAY, 8_000_000, 5_000_000)]


def test_maintenance_is_of_the_line_and_of_whom_it_names(week: FigureWeek) -> None:
    start_us, fleet = week.start_us(MONDAY), week.fleet
    middles_us = start_us + 900_000_000 * np.arange(96) + 450_000_000
    isp = fleet.schools[0].isp

    def silence(kind: SilenceKind, *matchers: SilenceMatcher) -> Silence:
        return Silence("x", kind, matchers, start_us, start_us + 4 * HOUR_US, "An", "thay cáp", start_us)

    of_isp = SilenceMatcher("isp", isp)
    whole = silence(SilenceKind.MAINTENANCE, of_isp, SilenceMatcher("system", "gateway"))
    found = maintenance_quarters([whole], fleet.schools, fleet, week.calendar, middles_us)
    assert found.sum(axis=1).tolist() == [16 * (s.isp == isp) for s in fleet.schools]
    for other in (
        silence(SilenceKind.SILENCE, of_isp),
        silence(SilenceKind.MAINTENANCE, of_isp, SilenceMatcher("system", "attendance")),
        silence(SilenceKind.MAINTENANCE, of_isp, SilenceMatcher("rule", "latency_high")),
    ):
        assert not maintenance_quarters([other], fleet.schools, fleet, week.calendar, middles_us).any()
