"""Who is on duty, over HTTP: by the routes that are in force."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from tests.dashboard_stage import Stage
from tests.unit.test_ops_dashboard_oncall import ROUTES


@pytest.fixture
def stage_settings(tmp_path: Path) -> dict[str, Any]:
    return {"own_config": tmp_path / "config"}


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
