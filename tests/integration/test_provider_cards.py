"""Whom to call at a provider: on the page of its incidents, of a line alone, and on its own."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.fleet import Fleet
from tests.dashboard_stage import Stage

PHONE = "1800 1166"
CARD = '[[provider]]\nname = "{}"\nphone = "{}"\ncontract = "12/HĐ"\nrunbook = "https://intranet.example/x"\n'


@pytest.fixture
def stage_settings(tmp_path: Path, stage_isp: str) -> dict[str, Any]:
    (tmp_path / "providers.toml").write_text(CARD.format(stage_isp.lower(), PHONE), encoding="utf-8")
    return {"own_config": tmp_path}


@pytest.fixture
def stage_isp(city: Fleet) -> str:
    return city.schools[0].isp


async def test_whom_to_call_stands_where_a_line_is_the_cause(
    stage: Stage, client: httpx.AsyncClient, stage_isp: str
) -> None:
    schools = stage.fleet.schools
    other, third = [i for i, s in enumerate(schools) if s.isp != stage_isp][:2]
    outage = [stage.opened(i) for i, s in enumerate(schools) if s.isp == stage_isp][:30]
    await stage.change(*outage, stage.opened(other), stage.opened(third, "attendance_low", 2, value=0.4))
    cards = {}
    for one in (await client.get("/api/incidents")).json()["incidents"]:
        page = (await client.get(f"/api/incidents/{one['incident_id']}")).json()
        cards[one["cause"]["isp"] or one["words"]["what"]] = page["provider"]
    assert cards.pop(stage_isp)["phone"] == PHONE
    assert sorted(card["name"] for card in cards.values() if card) == [schools[other].isp]
    assert None in cards.values(), "of a register nobody at a provider is asked"
    sheet = (await client.get(f"/api/sheets/provider/{stage_isp}?lang=en")).json()
    assert sheet["about"].endswith(f"{PHONE} · 12/HĐ")
