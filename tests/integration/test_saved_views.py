"""What people keep of a list's choice under a name: each their own, gone with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from contract.access.permission import Role
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.saved_views import keeping
from tests.asking import asking
from tests.dashboard_stage import Stage
from tests.signed_in import session_of

VIEWS = "/api/views/incidents"


@asynccontextmanager
async def browser_of(stage: Stage, name: str) -> AsyncIterator[httpx.AsyncClient]:
    secret = await session_of(stage.conn, name, Role.LEADER)
    async with asking(timeout=60.0, base_url=stage.url, cookies={SESSION_COOKIE: secret}) as opened:
        yield opened


async def kept(browser: httpx.AsyncClient) -> list[tuple[str, str]]:
    answer = await browser.get(VIEWS)
    assert answer.status_code == 200, answer.text
    return [(view["name"], view["query"]) for view in answer.json()["views"]]


async def test_a_choice_is_kept_renamed_and_forgotten_by_its_owner_alone(stage: Stage) -> None:
    async with browser_of(stage, "Nhung") as nhung, browser_of(stage, "Minh") as minh:
        wide = {"name": " Rộng nhất ", "query": "state=open&sort=-reach"}
        assert (await nhung.post(VIEWS, json=wide)).json()["views"] == [
            {"name": "Rộng nhất", "query": "state=open&sort=-reach"}
        ]
        taken = await nhung.post(VIEWS, json=wide)
        assert (taken.status_code, taken.json()["code"]) == (409, "view_name_taken")
        assert "Rộng nhất" in taken.json()["sentence"]
        assert await kept(minh) == []
        assert (await minh.post(VIEWS, json=wide)).status_code == 200
        await nhung.post(VIEWS, json={"name": "Viettel", "query": "isp=Viettel"})
        clash = await nhung.post(VIEWS, json={"name": "Viettel", "former": "Rộng nhất"})
        assert clash.status_code == 409
        same = await nhung.post(VIEWS, json={"name": "Viettel", "former": "Viettel"})
        assert same.status_code == 200
        assert same.json()["views"][1] == {"name": "Viettel", "query": "isp=Viettel"}
        await nhung.post(VIEWS, json={"name": "Sáng nay", "former": "Rộng nhất"})
        assert await kept(nhung) == [("Sáng nay", "state=open&sort=-reach"), ("Viettel", "isp=Viettel")]
        await nhung.delete(VIEWS, params={"name": "Sáng nay"})
        assert await kept(nhung) == [("Viettel", "isp=Viettel")]
        assert await kept(minh) == [("Rộng nhất", "state=open&sort=-reach")]
        await stage.conn.execute("delete from app_user where name = 'Minh'")
        cursor = await stage.conn.execute("select user_name from saved_view")
        assert await cursor.fetchall() == [("Nhung",)]


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "", "query": "a=b"},
        {"name": "x" * 61},
        {"name": "a\nb"},
        {"name": "x", "query": "//elsewhere.example"},
        {"name": "x", "query": '"><script>'},
        {"name": "x", "query": "a" * 501},
        {"name": "x", "more": 1},
    ],
)
async def test_what_is_no_choice_is_refused(stage: Stage, wanted: dict[str, object]) -> None:
    async with browser_of(stage, "Nhung") as nhung:
        assert (await nhung.post(VIEWS, json=wanted)).status_code == 422
        assert await kept(nhung) == []


async def test_there_is_an_end_to_it_and_pages_without_choices_have_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_VIEWS", 1)
    async with browser_of(stage, "Nhung") as nhung:
        await nhung.post(VIEWS, json={"name": "một"})
        full = await nhung.post(VIEWS, json={"name": "hai"})
        assert (full.status_code, full.json()["code"]) == (409, "too_many_views")
        assert (await nhung.get("/api/views/wall")).status_code == 422
