"""The page of days for the school calendar in a real Chromium: seen, accepted by keyboard, taken back."""

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from contract.alert import Because
from contract.entry import ALERTS_LOG
from contract.live import AlertChanged
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, sizes_of
from tests.dashboard_stage import Stage, dismissed, open_stage
from tests.e2e.test_incidents import settings as settings_of_few
from tests.e2e.test_pages import PATIENCE_MS, Settings, settle, talking
from tests.measured_days import AT, measured, school_days

__all__ = ["settings_of_few"]
pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings_of_few: Settings) -> Settings:
    return settings_of_few


EFFECT = {"vi": "được tính là nghỉ: không xét", "en": "count as closed: nothing is judged"}
"""What accepting a closure changes."""


async def fill(stage: Stage) -> None:
    """Store a closed day, a half day, a school that was closed, and a school's event that somebody named."""
    everybody = range(len(stage.fleet.schools))
    days = school_days(stage, 6)
    await measured(stage, {days[0]: everybody, days[1]: everybody, days[5]: [4]}, {days[3]: everybody})
    at_us = stage.calendar.moment_us(days[4], AT[0])
    opened = stage.opened(2, "attendance_low", 3)
    opened = AlertChanged(msgspec.structs.replace(opened.alert, opened_at_us=at_us), opened.event)
    said = dismissed(opened, "An", Because.SCHOOL_EVENT, at_us + 60_000_000)
    await stage.commit(ALERTS_LOG, alerts=(opened, said))


async def decided(page: Page, key: str, name: str = "", effect: str = "") -> None:
    """Press a button by the keyboard and send the dialog that opens and says what it changes."""
    await page.locator(f"[data-key^={key}]").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_contain_text(effect)
    if name:
        await page.locator("#day-name").fill(name)
        await page.locator("#day-name").press("Enter")
    else:
        await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_days_are_seen_accepted_and_taken_back(
    settings: Settings, browser: Browser, language: str
) -> None:
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, *FIRST_SIZE[language]) as page,
    ):
        await settle(page, f"/calendar?lang={language}")
        early = {"vi": "Chưa so sánh được", "en": "Too early"}[language]
        await expect(page.locator("#proposals-none")).to_contain_text(early, timeout=PATIENCE_MS)
        await expect(page.locator("#decided-none")).to_be_visible()
        await expect_accessible(page)
    async with open_stage(*settings) as stage, talking(stage):
        await fill(stage)
        async with open_page(browser, stage.url, *FIRST_SIZE[language]) as page:
            await settle(page, f"/calendar?lang={language}")
            rows = page.locator("#proposals tr")
            await expect(rows).to_have_count(4, timeout=PATIENCE_MS)
            await decided(page, "accept-", "Ngập toàn thành phố", EFFECT[language])
            await expect(rows).to_have_count(3, timeout=PATIENCE_MS)
            await expect(page.locator("#decided tr")).to_contain_text("Ngập")
            await decided(page, "reject-")
            await expect(page.locator("#decided tr")).to_have_count(2, timeout=PATIENCE_MS)
            await expect_accessible(page)
            async for width in sizes_of(page, language):
                await expect_fitting(page, width)
            await decided(page, "withdraw-")
            await expect(rows).to_have_count(3, timeout=PATIENCE_MS)
