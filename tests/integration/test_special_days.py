"""Days for the calendar on real tables: proposed, decided, told to services, counted in figures."""

import asyncio
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from typer.testing import CliRunner

from contract.alert import Because
from contract.entry import ALERTS_LOG
from contract.errors import ConfigurationError
from contract.fleet import LEVELS
from contract.live import AlertChanged
from contract.special_days.special_day import DayKind, DayPlace, DayVerdict, PlaceKind
from eduops.cli import app
from storage.fleet import save_fleet
from storage.special_days.days import KnownCity, load_special_days, next_city
from stream_processor.figures import keep_figures
from tests.dashboard_stage import Stage, dismissed, real_us
from tests.measured_days import begun, measured, school_days
from tests.special_day_city import special_day

CITY: Final = DayPlace(PlaceKind.CITY)


async def test_a_closed_day_is_proposed_and_known_once_it_is_accepted(
    stage: Stage, client: httpx.AsyncClient, postgres_url: str
) -> None:
    everybody = range(len(stage.fleet.schools))
    newest, before = school_days(stage, 2)
    await measured(stage, {before: everybody, newest: everybody})
    told = (await client.get("/api/calendar")).json()
    (one,) = told["proposals"]
    assert (one["kind"], one["place"]["kind"]) == ("closure", "city")
    assert (one["first"], one["last"]) == (before.isoformat(), newest.isoformat())
    assert one["evidence"]["schools"] == one["evidence"]["of"] == len(everybody)
    assert one["evidence"]["traffic"] == 0.04

    seen = KnownCity(stage.fleet, ())
    waiting = asyncio.create_task(next_city(postgres_url, seen, with_days=True))
    until = newest + timedelta(2)
    wish = {"ids": [one["id"]], "verdict": "accepted", "name": "Ngập", "actor": "Lan", "last": str(until)}
    answer = await client.post("/api/calendar", json=wish)
    assert (answer.status_code, answer.json()) == (202, {"ids": [one["id"]]})
    (known,) = (await asyncio.wait_for(waiting, 30)).days
    assert (known.verdict, known.first, known.last, known.name) == (
        DayVerdict.ACCEPTED,
        before,
        until,
        "Ngập",
    )
    assert known.decided_by == "Lan"

    told = (await client.get("/api/calendar")).json()
    assert told["proposals"] == []
    assert [(d["id"], d["verdict"]) for d in told["decided"]] == [(one["id"], "accepted")]
    row = await (
        await stage.conn.execute("select action, subject, detail from audit order by seq desc limit 1")
    ).fetchone()
    assert row == (
        "POST /api/calendar",
        one["id"],
        f"accepted closure/city/{before}..{until}",
    )

    again = await client.post("/api/calendar", json={**wish, "last": None})
    assert (again.status_code, again.json()["code"]) == (409, "day_undecidable")
    back = {"ids": [one["id"]], "verdict": "withdrawn", "actor": "Lan"}
    assert (await client.post("/api/calendar", json=back)).status_code == 202
    told = (await client.get("/api/calendar")).json()
    assert [p["id"] for p in told["proposals"]] == [one["id"]]
    assert told["decided"] == []


async def test_bells_that_moved_are_proposed_and_ring_so_once_they_are_accepted(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    late = school_days(stage, 3)
    await begun(stage, dict.fromkeys(late, timedelta(minutes=30)))
    found = (await client.get("/api/calendar")).json()["proposals"]
    assert found
    assert {one["kind"] for one in found} == {"bells"}
    for one in found:
        bells = one["evidence"]["bells"]
        assert (bells["later_min"], bells["register"], bells["traffic"]) == ([30, 0], [30.0, None], 30.0)
        assert bells["learners"] is None
        assert (one["first"], one["last"], one["days"]) == (str(late[-1]), str(late[0]), 3)
        assert one["until"] == str(late[0] + timedelta(60))
    ids = [one["id"] for one in found]
    no = {"ids": ids, "verdict": "rejected", "actor": "Lan"}
    assert (await client.post("/api/calendar", json=no)).status_code == 202
    told = (await client.get("/api/calendar")).json()
    assert told["proposals"] == []
    assert {(one["verdict"], one["decided_by"]) for one in told["decided"]} == {("rejected", "Lan")}
    assert [one["evidence"]["bells"]["later_min"] for one in told["decided"]] == [[30, 0]] * len(ids)
    back = {"ids": ids, "verdict": "withdrawn", "actor": "Lan"}
    assert (await client.post("/api/calendar", json=back)).status_code == 202
    assert (await client.get("/api/calendar")).json()["proposals"] == found
    wish = {"ids": ids, "verdict": "accepted", "actor": "Lan"}
    assert (await client.post("/api/calendar", json=wish)).status_code == 202
    told = (await client.get("/api/calendar")).json()
    assert told["proposals"] == []
    assert {(one["kind"], one["last"]) for one in told["decided"]} == {("bells", found[0]["until"])}
    known = stage.calendar.with_days(await load_special_days(stage.conn), stage.fleet)
    level = LEVELS.index(found[0]["place"]["code"]) if found[0]["place"]["code"] else 0
    before, after = (one.sessions(level, late[0]) for one in (stage.calendar, known))
    assert [b.start_us - a.start_us for a, b in zip(before, after, strict=True)] == [1_800_000_000, 0]


async def test_a_dismissal_as_an_event_of_the_school_is_a_candidate(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    await measured(stage, {})
    at_us = stage.calendar.moment_us(school_days(stage, 1)[0], time(9))
    opened = stage.opened(3, "attendance_low", 3)
    opened = AlertChanged(msgspec.structs.replace(opened.alert, opened_at_us=at_us), opened.event)
    said = dismissed(opened, "An", Because.SCHOOL_EVENT, at_us + 60_000_000)
    await stage.commit(ALERTS_LOG, alerts=(opened, said))
    (one,) = (await client.get("/api/calendar")).json()["proposals"]
    code = stage.fleet.schools[3].code
    assert (one["kind"], one["place"]["code"], one["evidence"]["dismissed"]) == ("event", code, 1)
    assert one["evidence"]["register"] is None
    no = {"ids": [one["id"]], "verdict": "rejected", "actor": "Lan"}
    assert (await client.post("/api/calendar", json=no)).status_code == 202
    assert (await client.get("/api/calendar")).json()["proposals"] == []


async def test_the_command_line_decides_as_the_page_does(
    stage: Stage, postgres_url: str, tmp_path: Path
) -> None:
    await save_fleet(stage.conn, stage.fleet)
    settings = {
        "EDUOPS_DATABASE_URL": postgres_url,
        "EDUOPS_NATS_URL": "nats://127.0.0.1:1",
        "EDUOPS_CLOCK_ORIGIN_US": str(stage.now_us()),
        "EDUOPS_CLOCK_REAL_ORIGIN_US": str(real_us()),
    }

    async def said(*arguments: str) -> str:
        whole = ["calendar", *arguments, "--data", str(tmp_path)]
        result = await asyncio.to_thread(CliRunner().invoke, app, whole, env=settings)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    assert "too early to compare days: 0 have figures, and 5 are the least" in await said("suggest")
    newest = school_days(stage, 1)[0]
    await measured(stage, {newest: range(len(stage.fleet.schools))})
    proposed = await said("suggest")
    assert "closure" in proposed
    assert f"{len(stage.fleet.schools)} of {len(stage.fleet.schools)} schools" in proposed
    day_id = proposed.split()[0]
    assert f"{day_id} accepted" in await said("accept", "--all", "--name", "Ngập")
    assert "nothing to propose" in await said("suggest")
    assert "Ngập" in await said("list")
    assert f"{day_id} withdrawn" in await said("withdraw", day_id)
    assert f"{day_id} rejected" in await said("reject", day_id)
    cursor = await stage.conn.execute("select action from audit where grade = 'command line' order by seq")
    assert [a for (a,) in await cursor.fetchall()] == [
        "calendar accept",
        "calendar withdraw",
        "calendar reject",
    ]
    refused = await asyncio.to_thread(
        CliRunner().invoke, app, ["calendar", "accept", day_id, "--data", str(tmp_path)], env=settings
    )
    assert isinstance(refused.exception, ConfigurationError)
    assert day_id in str(refused.exception)


async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient) -> None:
    wishes: list[dict[str, Any]] = [
        {"ids": [], "verdict": "accepted"},
        {"ids": ["0" * 12, "1" * 12], "verdict": "accepted", "last": "2026-11-30"},
        {"ids": ["0" * 12], "verdict": "rejected", "last": "2026-11-30"},
        {"ids": ["x"], "verdict": "accepted"},
        {"ids": ["0" * 12], "verdict": "perhaps"},
        {"ids": ["0" * 12], "verdict": "accepted", "name": "a\nb"},
    ]
    for wish in wishes:
        answer = await client.post("/api/calendar", json={"actor": "Lan", **wish})
        assert answer.status_code == 422, wish


async def test_figures_of_an_accepted_day_are_made_anew(stage: Stage) -> None:
    """What was due on it is counted by what is known now; other days stay as they were."""
    newest, before = school_days(stage, 2)
    await measured(stage, {before: range(len(stage.fleet.schools))})
    await stage.commit("telemetry-0")
    calendar = stage.calendar
    for _ in range(60):
        if not await keep_figures(stage.conn, stage.fleet, stage.catalogue, calendar):
            break
    assert await scheduled(stage, before) > 0
    closed = special_day(DayKind.CLOSURE, CITY, before)._replace(decided_us=stage.now_us() + 3_600_000_000)
    known = calendar.with_days([closed], stage.fleet)
    made = await keep_figures(stage.conn, stage.fleet, stage.catalogue, known)
    assert before in made
    assert newest not in made
    assert await scheduled(stage, before) == 0
    assert await scheduled(stage, newest) > 0


async def scheduled(stage: Stage, day: date) -> float:
    """Return the school-minutes of the city's day."""
    cursor = await stage.conn.execute(
        "select coalesce(sum(scheduled_min), 0) from figure "
        "where kind = 'city' and part <> 'day' and day = %s",
        [day],
    )
    row = await cursor.fetchone()
    assert row is not None
    return float(row[0])
