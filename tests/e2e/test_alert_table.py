"""The table of alerts in a real Chromium: what it says, and the ways in, through and out of it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from eduops.stories.registry import story_named
from tests.browser_page import open_page
from tests.story_pages import served_stories, tell

pytestmark = pytest.mark.browser
STORY = story_named("alerts")
COLUMN = "els => els.map(e => e.textContent)"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stories() -> AsyncIterator[str]:
    async with served_stories() as url:
        yield url


async def test_a_row_says_the_clock_of_the_centers_day_and_a_lost_line_in_a_word(
    stories: str, browser: Browser
) -> None:
    assert STORY is not None
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, STORY)
        rows = page.locator(".ag-center-cols-container .ag-row")
        await expect(rows.first.locator("[col-id=since]")).to_have_text("09:08")  # the browser's day is another
        await expect(rows.first.locator("[col-id=value]")).to_have_text("mất")
        told = await page.locator(".ag-center-cols-container [col-id=value]").evaluate_all(COLUMN)
        assert "0,0 %" not in told
        orders = await page.locator(".ag-sort-order:not(.ag-hidden)").evaluate_all(COLUMN)
        assert sorted(orders) == ["1", "2", "3"]


async def test_the_address_holds_order_and_choice_and_keys_lead_out(stories: str, browser: Browser) -> None:
    assert STORY is not None
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, STORY)
        await page.locator(".ag-header-cell[col-id=pupils]").click()
        await page.wait_for_url("**/alerts?*sort=pupils")
        rows = page.locator(".ag-center-cols-container .ag-row")
        await rows.first.locator("[col-id=school]").click()
        await page.wait_for_url("**/alerts?*alert=*")
        title = page.locator("#details .facts dd").first
        told = await title.inner_text()
        await page.keyboard.press("Tab")  # from the grid into the details
        assert await page.evaluate("document.activeElement.closest('#details') !== null")
        await page.reload()
        await expect(title).to_have_text(told)
        await expect(page.locator(".ag-header-cell[col-id=pupils]")).to_have_attribute("aria-sort", "ascending")
        await page.keyboard.press("Escape")
        await expect(title).to_have_count(0)
        assert "alert=" not in page.url


async def test_the_way_back_on_a_phone_leads_from_an_alert_to_the_list(
    stories: str, browser: Browser
) -> None:
    assert STORY is not None
    async with open_page(browser, stories, 390, 844) as page:
        await tell(page, STORY)
        await page.locator(".card").nth(1).click()
        opened = page.locator("#details.open")
        await expect(opened).to_be_visible()
        await page.go_back()
        await expect(opened).to_have_count(0)
        await expect(page.locator(".card").first).to_be_visible()
        await page.go_forward()
        await expect(opened).to_be_visible()
        await page.get_by_role("button", name="Đóng").click()
        await expect(opened).to_have_count(0)
        assert "alert=" not in page.url
