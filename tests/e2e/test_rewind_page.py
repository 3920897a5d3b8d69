"""The past in a real Chromium: marked, apart from the push, without deeds, and a way through it by keys."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, Request, expect

from contract.calendar import MINUTE_US
from contract.commit import KpiMinute
from contract.entry import telemetry_log
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, sizes_of
from tests.dashboard_stage import NOW_US, PARTITIONS, Stage, open_stage
from tests.e2e.test_pages import PATIENCE_MS, Settings, fill, settings, settle, talking

__all__ = ["settings"]
pytestmark = pytest.mark.browser
MINUTES = 20


async def remember(stage: Stage) -> None:
    """Write the city's figures of the last minutes."""
    first_us = NOW_US // MINUTE_US * MINUTE_US - MINUTES * MINUTE_US
    online = stage.catalogue.named("online").id
    for partition in range(PARTITIONS):
        minutes = tuple(
            KpiMinute(first_us + n * MINUTE_US, partition, online, 20, 20, 20.0) for n in range(MINUTES)
        )
        await stage.commit(telemetry_log(partition), kpis=minutes)


async def test_the_past_is_marked_apart_from_the_push_and_only_looked_at(
    settings: Settings, browser: Browser
) -> None:
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, quiet=False) as page,  # what was not yet there is asked for, too
    ):
        await remember(stage)
        await fill(stage)
        incident = next(iter(stage.incidents.kept))
        sockets: list[str] = []
        sent: list[str] = []

        def watch(request: Request) -> None:
            if request.method != "GET" and "_dash" not in request.url:
                sent.append(request.url)

        page.on("request", watch)
        await settle(page, f"/incidents/{incident}")
        await expect(page.get_by_role("link", name="Xem lại từ lúc bắt đầu")).to_be_visible(
            timeout=PATIENCE_MS
        )
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await page.goto("/?at=-5")
        await expect(page.locator("#alarms-title")).to_have_text("Không có sự cố mở", timeout=PATIENCE_MS)
        await expect(page.locator("#tile-connected .tile-number")).to_have_text("100,0")
        await expect(page.locator("html")).to_have_attribute("data-past", "yes")
        shown = await page.locator("#past-at").inner_text()
        await page.keyboard.press(",")
        await expect(page.locator("#past-at")).not_to_have_text(shown)
        await page.keyboard.press(".")
        await expect(page.locator("#past-at")).to_have_text(shown)
        await page.keyboard.press("p")
        await expect(page.locator("#past-at")).not_to_have_text(shown, timeout=PATIENCE_MS)
        await page.keyboard.press("p")
        await expect(page).to_have_title(re.compile(r"^23/11 \d\d:\d\d · "), timeout=PATIENCE_MS)
        link = page.locator(".nav-link", has_text="Sự cố").first
        await link.hover()
        assert "?at=2026-" in (await link.get_attribute("href") or "")
        await settle(page, f"/incidents/{incident}?at=-5")
        await expect(page.locator("#incident-missing")).to_have_text("Lúc này chưa có sự cố ấy.")
        await expect(page.locator("#deed-bar")).to_be_hidden()
        for path in ("/incidents?at=-5", "/alerts?at=-5"):
            await page.goto(path)
            await expect(page.locator("#past-at")).to_be_visible(timeout=PATIENCE_MS)
        assert (sockets, sent) == ([], [])
        await page.get_by_role("link", name="Về hiện tại").click()
        await expect(page.locator(".card").first).to_be_attached(timeout=PATIENCE_MS)
        assert len(sockets) == 1


async def test_a_minute_is_chosen_as_people_here_write_it_whatever_the_browser_speaks(
    settings: Settings, browser: Browser
) -> None:
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url) as page,
    ):
        await remember(stage)
        await page.goto("/?at=-5")
        await expect(page.locator("#tile-connected .tile-number")).to_have_text("100,0", timeout=PATIENCE_MS)
        assert await page.evaluate("navigator.language") == "en-US"
        field = page.get_by_role("textbox", name="Chọn lúc xem")
        shown = datetime.fromtimestamp(NOW_US / 1e6, stage.calendar.timezone) - timedelta(minutes=5)
        await expect(field).to_have_value(re.compile(f"^{shown:%d/%m/%Y %H:}"), timeout=PATIENCE_MS)
        await field.fill("31/02/2026 09:07")
        await field.press("Enter")
        await expect(page.locator("#past-said")).to_have_text("Hãy viết như 23/11/2026 09:07.")
        await field.fill(f"{shown - timedelta(minutes=2):%d/%m/%Y %H:%M}")
        await field.press("Enter")
        await page.wait_for_url(f"**/?at={shown - timedelta(minutes=2):%Y-%m-%dT%H}%3A*")
        await expect(page.locator("#past-at")).to_contain_text(f"ngày {shown:%d/%m/%Y}")


async def test_the_bar_of_the_past_fits_and_a_wrong_minute_gets_a_sentence(
    settings: Settings, browser: Browser
) -> None:
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, *FIRST_SIZE["vi"], quiet=False) as page,
    ):
        await remember(stage)
        await page.goto("/?at=-5")
        await expect(page.locator("#tile-connected .tile-number")).to_have_text("100,0", timeout=PATIENCE_MS)
        await expect_accessible(page)
        async for width in sizes_of(page, "vi"):
            await expect_fitting(page, width)
        answer = await page.goto("/?at=2999-01-01")
        assert answer is not None
        assert answer.status == 422
        await expect(page.locator("main")).to_contain_text("Lúc ấy chưa đến", timeout=PATIENCE_MS)


async def click_school(page: Page) -> None:
    """Click the first cell of the honeycomb that is pointed at, row by row."""
    box = await page.locator("#honeycomb").bounding_box()
    assert box is not None
    for y in range(20, int(box["height"]), 20):
        for x in range(10, int(box["width"]) // 2, 20):
            await page.mouse.move(box["x"] + x, box["y"] + y)
            if await page.locator("#tip").is_visible():
                await page.mouse.click(box["x"] + x, box["y"] + y)
                return
    raise AssertionError("no school in the honeycomb")


async def test_whatever_leads_on_keeps_the_minute_and_the_rest_of_the_address(
    settings: Settings, browser: Browser
) -> None:
    at = re.compile(r"[?&]at=2026-11-2\dT\d\d(:|%3A)\d\d")
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, quiet=False) as page,
    ):
        await remember(stage)
        cluster = stage.fleet.clusters[0].code
        wall = f"/?area={cluster}&scale=0.9&at=-5"
        await page.goto(wall)
        await expect(page.locator("#tile-connected .tile-number")).not_to_have_text("", timeout=PATIENCE_MS)
        await expect(page).to_have_url(at, timeout=PATIENCE_MS)
        await click_school(page)
        await page.wait_for_url("**/school/**")
        await expect(page).to_have_url(at)
        await page.get_by_role("link", name="1 giờ").click()
        await expect(page).to_have_url(at)
        await expect(page.locator("#prerendered")).to_have_count(0, timeout=PATIENCE_MS)  # its keys are heard
        await page.wait_for_load_state("networkidle")
        await page.keyboard.press("/")
        await page.keyboard.type(stage.fleet.schools[0].code)
        await expect(page.locator(".find-one").first).to_be_visible(timeout=PATIENCE_MS)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/school/{stage.fleet.schools[0].code}*")
        await expect(page).to_have_url(at)
        # A page that shows now alone says so, and the way back into the past is there.
        await page.goto("/quality?at=-5")
        await expect(page.locator("#now-bar")).to_contain_text("chỉ có hiện tại", timeout=PATIENCE_MS)
        await page.locator(".nav-link", has_text="Sự cố").first.click()
        await page.wait_for_url("**/incidents?at=*")
        # Another language is another view of the same.
        await page.goto(wall)
        await expect(page).to_have_url(at, timeout=PATIENCE_MS)
        await page.locator(".nav-link[lang=en]").click()
        await page.wait_for_url("**lang=en**")
        assert {f"area={cluster}", "scale=0.9", "lang=en"} <= set(page.url.partition("?")[2].split("&"))
        await expect(page).to_have_url(at)
        await page.get_by_role("link", name="Back to now").click()
        await page.wait_for_url(lambda url: "at=" not in url)
        assert f"area={cluster}" in page.url
