"""Who is on duty, over HTTP: by the routes that are in force."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from bus.codec import decode_swap_word
from contract.entry import ALERTS_LOG, EntryKind
from contract.routing.swap import SwapEnded, SwapSet, SwapWord
from storage.people.audit import AuditChoice, read_audit
from tests.alerts_owner import payloads_of
from tests.dashboard_stage import Stage
from tests.silence_words import HOUR_US
from tests.unit.test_ops_dashboard_oncall import ROUTES

ID = "5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a11"


@pytest.fixture
def stage_settings(tmp_path: Path) -> dict[str, Any]:
    return {"own_config": tmp_path / "config"}


@pytest.fixture
def with_crew(tmp_path: Path) -> None:
    """Let the dashboard have routes with a rota."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "routes.toml").write_text(ROUTES, encoding="utf-8")


def wish(stage: Stage, **other: Any) -> dict[str, Any]:
    """Return the body that gives Bình the duty for an hour."""
    usual: dict[str, Any] = {
        "rota": "crew",
        "person": "Bình",
        "until_us": stage.now_us() + HOUR_US,
        "reason": "An ốm",
        "actor": "Lan",
    }
    return {name: value for name, value in (usual | other).items() if value is not None}


async def words(stage: Stage) -> list[SwapWord]:
    """Return what was said of swaps in the alerts log."""
    return [decode_swap_word(payload) for payload in await payloads_of(stage.log, EntryKind.SWAP)]


@pytest.mark.usefixtures("with_crew")
async def test_a_swap_is_an_entry_of_the_log_and_is_on_record(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/api/oncall/swaps", json=wish(stage, swap_id=ID, from_us=5))
    assert (answer.status_code, answer.json()) == (202, {"swap_id": ID})
    (word,) = await words(stage)
    assert isinstance(word, SwapSet)
    made = word.swap
    assert (made.swap_id, made.person, made.actor, made.reason) == (ID, "Bình", "Lan", "An ốm")
    assert made.from_us == made.created_at_us, "it changes nothing that is past"
    await stage.commit(ALERTS_LOG, swaps=(made,))
    told = (await client.get("/api/oncall")).json()
    now = told["rotas"]["crew"][0]
    assert (now["person"], now["swapped_by"], now["to_us"]) == ("Bình", "Lan", made.until_us)
    assert [(one["swap_id"], one["state"]) for one in told["swaps"]] == [(ID, "active")]
    feed = Calendar.from_ical((await client.get("/api/oncall.ics")).text).walk("VEVENT")
    begins = datetime.fromtimestamp(made.from_us // 1_000_000, UTC)
    assert [str(e["SUMMARY"]) for e in feed if e.decoded("DTSTART").replace(microsecond=0) == begins] == [
        "Trực crew: Bình"
    ]
    duty = {one["rota"]: one["person"] for one in (await client.get("/api/day")).json()["duty"]}
    assert duty == {"crew": "Bình"}
    assert (await client.delete(f"/api/oncall/swaps/{ID}", params={"actor": "Minh"})).status_code == 202
    ended = (await words(stage))[-1]
    assert isinstance(ended, SwapEnded)
    assert (ended.swap_id, ended.actor) == (ID, "Minh")
    rows = await read_audit(stage.conn, AuditChoice(action="/oncall/swaps"), 10)
    assert [(row.action, row.subject) for row in rows][:2] == [
        ("DELETE /api/oncall/swaps/{swap_id}", ID),
        ("POST /api/oncall/swaps", ID),
    ]


@pytest.mark.usefixtures("with_crew")
async def test_a_preview_says_before_and_after_and_keeps_nothing(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    body = wish(stage, reason=None, actor=None)
    told = (await client.post("/api/oncall/swaps/preview", json=body)).json()
    assert [(one["person"], one["to_us"]) for one in told["after"]] == [("Bình", body["until_us"])]
    assert {one["person"] for one in told["before"]} == {"An"}
    assert await words(stage) == []


@pytest.mark.usefixtures("with_crew")
@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"rota": "night"}, "swap_no_rota"),
        ({"person": "Chi"}, "swap_no_person"),
        ({"reason": " "}, "swap_no_reason"),
        ({"until_us": None}, "swap_no_end"),
        ({"until_us": 1}, "swap_is_over"),
        ({"until_us": 10**30}, "swap_too_far"),
        ({"actor": None}, "bad_request"),
        ({"surprise": 1}, "bad_request"),
    ],
)
async def test_what_is_refused_says_why_and_changes_nothing(
    stage: Stage, client: httpx.AsyncClient, other: dict[str, Any], code: str
) -> None:
    answer = await client.post("/api/oncall/swaps", json=wish(stage, **other))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await client.delete(f"/api/oncall/swaps/{ID}?actor=Lan")).json()["code"] == "unknown_swap"
    assert await words(stage) == []


async def test_duty_follows_the_file_and_is_a_calendar_of_one_or_all(
    stage: Stage, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await client.get("/api/oncall")).json()["rotas"] == {}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "routes.toml").write_text(ROUTES, encoding="utf-8")
    told = (await client.get("/api/oncall")).json()
    turns = told["rotas"]["crew"]
    assert (turns[0]["from_us"], turns[-1]["to_us"]) == (told["from_us"], told["to_us"])
    assert {turn["person"] for turn in turns} == {"An", "Bình"}
    assert any(turn["override"] for turn in turns)
    answer = await client.get("/api/oncall.ics", params={"lang": "en"})
    assert answer.headers["content-type"].startswith("text/calendar")
    every = Calendar.from_ical(answer.text).walk("VEVENT")
    own = Calendar.from_ical((await client.get("/api/oncall.ics", params={"person": "Bình"})).text).walk(
        "VEVENT"
    )
    assert 0 < len(own) < len(every)
    assert {str(event["SUMMARY"]) for event in own} == {"Trực crew: Bình"}
    refused = await client.get("/api/oncall.ics", params={"person": "crew", "lang": "en"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_person")
