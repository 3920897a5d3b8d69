"""A school's sheet from stored readings: its line in session beside its contract, its devices, its charts."""

import asyncio
from datetime import time, timedelta
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from contract.entry import telemetry_log
from contract.fleet import LEVELS, DeviceKind, School
from contract.reading import Readings, Scored
from contract.series import series_of
from storage.queries import query
from tests.dashboard_stage import PARTITIONS, Stage

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US


async def measure(stage: Stage, metric: str, time_us: Any, value: Any, position: int = 0) -> None:
    """Store what the gateway of a school measured."""
    school = stage.fleet.schools[position]
    gateway = next(
        d for d in stage.fleet.devices if d.school_id == school.id and d.kind is DeviceKind.GATEWAY
    )
    n, number = len(time_us), series_of(gateway.id, stage.catalogue.named(metric).id)
    rows = Readings(np.asarray(time_us, np.int64), np.full(n, number, np.int32), np.asarray(value, float))
    log = telemetry_log(stage.fleet.partition_of_schools(PARTITIONS)[position])
    await stage.commit(log, rows=Scored(rows, np.full(n, np.nan, np.float32)))


def last_morning_us(stage: Stage, school: School) -> int:
    """Return nine o'clock of the last day before today on which a school has sessions: well within one."""
    day = stage.calendar.local_day(stage.now_us()) - timedelta(1)
    while not stage.calendar.sessions(LEVELS.index(school.level), day):
        day -= timedelta(1)
    return stage.calendar.moment_us(day, time(9))


def cells(sheet: dict[str, Any], table: str, row: int) -> list[str]:
    found = next(one for one in sheet["tables"] if one["name"] == table)
    return [cell["text"] for cell in found["rows"][row]["cells"]]


async def test_a_line_in_session_stands_beside_its_contract(stage: Stage, client: httpx.AsyncClient) -> None:
    school = stage.fleet.schools[0]
    morning_us = last_morning_us(stage, school)
    hour = morning_us + MINUTE_US * np.arange(60)
    half_bps = school.contracted_down_bps / 2
    await measure(stage, "down_bps", hour, np.full(60, half_bps))
    await measure(stage, "loss_ratio", hour, np.repeat([0.05, 0.0], 30))  # two quarters lose packets
    night = morning_us - 9 * 60 * MINUTE_US + MINUTE_US * np.arange(60)
    await measure(stage, "down_bps", night, np.full(60, 1.0))
    await measure(stage, "loss_ratio", night, np.full(60, 0.5))
    sheet = (await client.get(f"/api/sheets/school/{school.code}?lang=en")).json()
    told = f"{half_bps / 1e6:.1f}"
    assert cells(sheet, "line", 0) == ["Down", f"{school.contracted_down_bps / 1e6:.0f}", told, told, told]
    about = next(one["about"] for one in sheet["tables"] if one["name"] == "line")
    assert "30 of 60 minutes" in about
    file = await client.get(f"/api/sheets/school/{school.code}/line.csv?lang=en")
    assert file.text.splitlines()[1].split(",")[0] == "Down"


async def test_devices_are_heard_and_what_came_is_counted(stage: Stage, client: httpx.AsyncClient) -> None:
    school, now_us = stage.fleet.schools[0], stage.now_us()
    await measure(stage, "down_bps", now_us - 10_000_000 * np.arange(180, 0, -1), np.full(180, 5e6))
    sheet = (await client.get(f"/api/sheets/school/{school.code}?lang=en")).json()
    states = ["works", "waits for a session", "not heard"]  # no register of the city has come yet
    assert [cells(sheet, "own_devices", n)[1] for n in range(3)] == states
    share = next(one for one in sheet["tables"] if one["name"] == "received")["rows"][0]["cells"][1]
    assert (share["text"], share["note"]) == ("50.0 %", "180/360")
    charts = (await client.get(f"/api/charts/school/{school.code}?range=1h&lang=en")).text
    assert charts.count("<svg") == 8
    assert (await client.get("/api/charts/school/none")).status_code == 404


async def test_what_days_alike_were_is_usual_in_the_chart(stage: Stage, client: httpx.AsyncClient) -> None:
    school, today = stage.fleet.schools[0], stage.calendar.local_day(stage.now_us())
    days, level = [today - timedelta(n) for n in range(28)], LEVELS.index(school.level)
    sessions = {day: bool(stage.calendar.sessions(level, day)) for day in days}
    same = [day for day in days[1:] if sessions[day] == sessions[today]]
    at = [stage.calendar.moment_us(day, time(0, 5)) for day in sorted(same)]
    await measure(stage, "down_bps", at, np.full(len(at), 7e6))
    charts = (await client.get(f"/api/charts/school/{school.code}?lang=en")).text
    assert ("9 of 10 days" in charts) == (len(same) >= 5)
    assert "9 of 10 days" not in (await client.get(f"/api/charts/school/{school.code}?range=7d&lang=en")).text


async def test_fifty_who_look_at_a_school_cost_one_read_of_its_weeks(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, question: Any, asked: Any = None, **more: Any) -> Any:
        if question == query("history_15m") and asked["end"] - asked["first"] > timedelta(days=2):
            read.append(asked["series"])
        return await execute(self, question, asked, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    one, other = stage.fleet.schools[:2]
    pages = (f"/api/sheets/school/{one.code}", f"/api/charts/school/{one.code}")
    answers = await asyncio.gather(*(client.get(page) for page in pages * 25))
    assert {answer.status_code for answer in answers} == {200}
    assert len(read) == 1
    assert (await client.get(f"/api/sheets/school/{other.code}")).status_code == 200
    assert (await client.get(pages[0])).status_code == 200
    assert len(read) == 2, "that of the other school"


async def test_fifty_who_look_at_the_datas_quality_cost_one_read_of_all_devices(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, question: Any, asked: Any = None, **more: Any) -> Any:
        if question == query("heard_series"):
            read.append(len(asked["series"]))
        return await execute(self, question, asked, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    answers = await asyncio.gather(*(client.get("/api/sheets/quality") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert read == [len(stage.fleet.devices)]
