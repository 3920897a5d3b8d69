"""`eduops silence`: from the command line into the log, by the owner into the tables, and back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alerting.incidents.groups import Groups
from bus.jetstream import JetStreamLog
from bus.log import Log
from contract.entry import ALERTS_LOG
from contract.fleet import Fleet
from eduops.cli import app
from storage.database import connect
from storage.fleet import save_fleet
from tests.alerts_owner import fold_to_end
from tests.conftest import TestNats

BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)


class System:
    """A database, a log, and the owner of alerts in between, who works when he is told to."""

    def __init__(self, log: Log, dsn: str, fleet: Fleet, settings: dict[str, str], folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        self._log = log
        self._dsn = dsn
        self._settings = settings

    async def said(self, *words: str, fails: bool = False) -> str:
        """Run a verb and let the owner fold what it appended; return what it printed."""
        whole = ["silence", *words, "--data", str(self.folder)]
        result = await asyncio.to_thread(CliRunner().invoke, app, whole, env=self._settings)
        if fails:
            return str(result.exception)
        assert result.exit_code == 0, result.exception or result.output
        async with await connect(self._dsn) as conn:
            await fold_to_end(conn, self._log, Groups(self.fleet), lambda: time.time_ns() // 1000)
        return result.output

    async def listed(self) -> list[dict[str, Any]]:
        """Return the silences as `list --json` tells them, by their beginning."""
        found: list[dict[str, Any]] = json.loads(await self.said("list", "--json"))
        return found

    def write(self, *events: str) -> str:
        """Write a calendar file of these events; return its path."""
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:vnpt", *events, "END:VCALENDAR", ""]
        path = self.folder / "work.ics"
        path.write_text("\r\n".join(lines), encoding="utf-8")
        return str(path)


@pytest.fixture
async def system(nats: TestNats, postgres_url: str, city: Fleet, tmp_path: Path) -> AsyncIterator[System]:
    settings = {
        "EDUOPS_DATABASE_URL": postgres_url,
        "EDUOPS_NATS_URL": nats.url,
        "EDUOPS_NATS_USER": nats.operator_user,
        "EDUOPS_NATS_PASSWORD": nats.operator_password,
    }
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    user, password = nats.operator_user, nats.operator_password
    async with JetStreamLog.connect(nats.url, user=user, password=password) as log:
        await log.create([ALERTS_LOG], 1 << 20)
        yield System(log, postgres_url, city, settings, tmp_path)


def event(uid: str, begin: datetime, hours: int = 3, *more: str) -> str:
    """Return an event of a calendar file."""
    first, last = (t.strftime("%Y%m%dT%H%M%SZ") for t in (begin, begin + timedelta(hours=hours)))
    words = (f"UID:{uid}", f"DTSTART:{first}", f"DTEND:{last}", "SUMMARY:Bảo trì tuyến trục", *more)
    return "\r\n".join(("BEGIN:VEVENT", *words, "END:VEVENT"))


WHO = ("--owner", "Lan", "--reason", "bảo trì")


async def test_a_silence_is_added_changed_listed_and_ended(system: System) -> None:
    isp = system.fleet.schools[0].isp
    first = (await system.said("add", "--isp", isp, "--for", "2h", *WHO)).strip()
    words = ("--match", 'school=~"79.*"', "--rrule", "FREQ=WEEKLY;BYDAY=SU;COUNT=4", "--for", "3h")
    second = (await system.said("add", *words, "--not-in-exam", "--replaces", first, *WHO)).strip()
    by_id = {s["silence_id"]: s for s in await system.listed()}
    assert (by_id[first]["state"], by_id[first]["replaced_by"]) == ("expired", second)
    assert by_id[second]["matchers"] == [
        {"name": "school", "value": "79.*", "is_regex": True, "is_equal": True}
    ]
    assert by_id[second]["recurrence"]["not_in_exam"]
    shown = await system.said("list")
    assert "0 of 0 open alerts are muted" in shown
    assert 'school=~"79.*"' in shown
    await system.said("end", second, "--owner", "Minh")
    assert {s["ended_by"] for s in await system.listed()} == {"Lan", "Minh"}
    assert "is over" in await system.said("end", second, "--owner", "Minh", fails=True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--isp", "FPT"), "needs an end"),
        (("--for", "2h"), "what should be muted"),
        (("--match", "isp", "--for", "2h"), "write it like"),
        (("--match", 'isp=~"("', "--for", "2h"), "missing )"),
        (("--isp", "FPT", "--for", "2 hours"), "is not a duration"),
        (("--isp", "FPT", "--for", "31d"), "30 days"),
        (("--isp", "FPT", "--from", "tomorrow", "--for", "2h"), "--from is 'tomorrow'"),
        (("--isp", "FPT", "--for", "2h", "--not-in-exam"), "need --rrule"),
        (("--isp", "FPT", "--for", "2h", "--replaces", "x"), "no silence has the id 'x'"),
    ],
)
async def test_what_is_refused_is_said_and_changes_nothing(
    system: System, words: tuple[str, ...], why: str
) -> None:
    assert why in await system.said("add", *words, *WHO, fails=True)
    assert await system.listed() == []


async def test_a_preview_changes_nothing(system: System) -> None:
    told = await system.said("preview", "--rule", "wan_down", "--for", "2h")
    assert "mutes 0 open alerts now" in told
    mistyped = await system.said("preview", "--isp", "VNTP", "--for", "2h")
    assert mistyped.startswith("The center knows no isp called “VNTP”")
    assert (
        json.loads(await system.said("preview", "--rule", "wan_down", "--for", "2h", "--json"))["matched"]
        == 0
    )
    assert await system.listed() == []


async def test_announced_work_is_taken_over_once_and_moves(system: System) -> None:
    """Imported, again, moved, moved back, ended by hand, cancelled: one silence at most is not over."""

    async def imported(*events: str, isp: str = "VNPT") -> str:
        return await system.said("import", system.write(*events), "--isp", isp, "--owner", "Lan")

    async def in_force() -> list[tuple[str, int]]:
        return [(s["uid"], s["from_us"]) for s in await system.listed() if s["state"] != "expired"]

    def begins_us(begin: datetime) -> int:
        return round(begin.timestamp() * 1e6)

    later = BEGIN + timedelta(days=1)
    one, other = event("1@vnpt", BEGIN), event("2@vnpt", later)
    assert (await imported(one, other)).count("new ") == 2
    assert (await imported(one, other)).count("as before") == 2
    assert await in_force() == [("1@vnpt", begins_us(BEGIN)), ("2@vnpt", begins_us(later))]
    assert "moved" in await imported(event("1@vnpt", later))
    assert "moved" in await imported(one)
    assert await in_force() == [("1@vnpt", begins_us(BEGIN)), ("2@vnpt", begins_us(later))]
    ids = {s["uid"]: s["silence_id"] for s in await system.listed() if s["state"] != "expired"}
    await system.said("end", ids["1@vnpt"], "--owner", "Minh")
    assert "stays ended" in await imported(one)
    assert "its silence ends now" in await imported(event("2@vnpt", later, 3, "STATUS:CANCELLED"))
    assert "there is no silence of it" in await imported(event("2@vnpt", later, 3, "STATUS:CANCELLED"))
    assert await in_force() == []


async def test_what_cannot_be_taken_over_is_said_and_the_rest_is(system: System) -> None:
    zone = "TZID=Asia/Ho_Chi_Minh"
    weekly = (
        "BEGIN:VEVENT\r\nUID:weekly\r\n"
        f"DTSTART;{zone}:20200105T010000\r\nDTEND;{zone}:20200105T040000\r\n"
        "RRULE:FREQ=WEEKLY;BYDAY=SU\r\nEND:VEVENT"
    )
    endless = f"BEGIN:VEVENT\r\nUID:endless\r\nDTSTART:{BEGIN:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT"
    file = system.write(
        weekly, endless, event("past", BEGIN - timedelta(days=9)), event("long", BEGIN, 24 * 31),
        event("often", BEGIN, 1, "RRULE:FREQ=MINUTELY"),
    )  # fmt: skip
    told = (await system.said("import", file, "--isp", "VNPT", "--owner", "Lan")).splitlines()
    said = {line.split()[0]: line for line in told if not line.startswith("event ")}
    assert " new " in said["weekly"]
    assert "is past" in said["past"]
    assert "30 days" in said["long"]
    assert "FREQ of DAILY" in said["often"]
    assert [line for line in told if line.startswith("event endless")]
    (made,) = await system.listed()
    assert (made["uid"], made["recurrence"]["timezone"]) == ("weekly", "Asia/Ho_Chi_Minh")
    assert "as before" in await system.said("import", system.write(weekly), "--isp", "VNPT", "--owner", "Lan")
    (system.folder / "no.ics").write_text("hello", encoding="utf-8")
    refused = await system.said("import", str(system.folder / "no.ics"), "--owner", "Lan", fails=True)
    assert "cannot be read" in refused
