"""The page of silences in a real Chromium: made, seen before, changed, ended and imported."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from contract.entry import ALERTS_LOG
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, set_size, sizes_of
from tests.dashboard_stage import Stage, open_stage
from tests.e2e.test_incidents import Desk, desk_of
from tests.e2e.test_incidents import settings as settings_of_few
from tests.e2e.test_pages import Settings, settle, talking
from tests.silence_words import HOUR_US, recurring, silence

__all__ = ["settings_of_few"]
pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings_of_few: Settings) -> Settings:
    return settings_of_few


async def fill_conditions(page: Page, label: str, value: str) -> None:
    """Ask for one label by `=`."""
    await page.locator(".condition-label").first.select_option(label)
    await page.locator(".condition-value").first.fill(value)


async def send(page: Page) -> None:
    """Send what the dialog holds, and wait until the log has it."""
    await page.locator("dialog [type=submit]").click()
    await expect(page.locator("dialog")).to_have_count(0)


async def test_a_silence_is_previewed_made_changed_and_ended_without_a_reload(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        await desk.open(stage.opened(0))
        await settle(page, "/silences?lang=en")
        await expect(page.locator("#silences-none")).to_be_visible()
        await page.locator("#silence-new").focus()
        await page.keyboard.press("Enter")
        dialog, effect = page.locator("dialog"), page.locator(".effect")
        await fill_conditions(page, "school", stage.fleet.schools[0].code + "9")
        await expect(effect).to_contain_text("Near to it")
        await fill_conditions(page, "school", stage.fleet.schools[0].code)
        await expect(effect).to_contain_text("It mutes 1 open alerts now")
        await expect(effect).to_contain_text("at any hour it matches 1")
        await dialog.locator("#action-note").fill("nhà mạng bảo trì")
        await send(page)
        await desk.fold()
        row = page.locator("tr.silence[data-state=active]")
        await expect(row).to_contain_text("nhà mạng bảo trì")
        await expect(row.locator(".cell-mutes")).to_have_text("1")
        await expect(page.locator("#silences-count")).to_have_text("1 open alerts are muted")
        await row.get_by_role("button", name="Change").click()
        await dialog.locator("#silence-recurs").select_option("weekly")
        await send(page)
        await desk.fold()
        await expect(row).to_contain_text("Every week, 2 h each")
        await expect(row).to_contain_text("next")
        await row.get_by_role("button", name="End").click()
        await send(page)
        await desk.fold()
        await expect(page.locator("tr.silence[data-state=expired]")).to_have_count(2)
        await expect(page.locator("#silences-count")).to_have_text("0 open alerts are muted")


async def import_file(page: Page, stage: Stage, desk: Desk, folder: Path) -> None:
    """Take over an event of tomorrow by the dialog, seen before it is sent."""
    file = folder / "vnpt.ics"
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:w1", "SUMMARY:Tuyến trục")
    times = ("DTSTART:20261125T180000Z", "DTEND:20261125T210000Z", "END:VEVENT", "END:VCALENDAR", "")
    file.write_text("\r\n".join((*lines, *times)), encoding="utf-8")
    await page.locator("#silence-import").click()
    await page.locator("#import-file").set_input_files(file)
    await fill_conditions(page, "isp", stage.fleet.schools[0].isp)
    await expect(page.locator(".import-works")).to_contain_text("Tuyến trục")


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_the_page_and_its_dialogs_fit_and_are_accessible(
    settings: Settings, browser: Browser, language: str, tmp_path: Path
) -> None:
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, *FIRST_SIZE[language]) as page,
    ):
        desk = await desk_of(stage)
        now_us = stage.now_us()
        weekly = recurring("b", now_us + HOUR_US, "FREQ=WEEKLY;BYDAY=SU", 3, not_in_exam=True)
        past = silence("c", now_us - 3 * HOUR_US, now_us - HOUR_US)
        made = (silence("a", now_us - HOUR_US, now_us + HOUR_US), weekly, past)
        await stage.commit(ALERTS_LOG, silences=made)
        await settle(page, f"/silences?lang={language}")
        await expect(page.locator("tr.silence")).to_have_count(3)
        await look(page, language)
        await page.locator("#silence-new").click()
        await page.locator("#silence-recurs").select_option("rule")
        await page.locator("#silence-rule").fill("FREQ=WEEKLY;BYDAY=SU;COUNT=4")
        await fill_conditions(page, "isp", "VNTP")
        await expect(page.locator(".effect .form-error")).to_be_visible()
        await look(page, language)
        await page.keyboard.press("Escape")
        await set_size(page, *FIRST_SIZE[language])
        await import_file(page, stage, desk, tmp_path)
        await look(page, language)


async def look(page: Page, language: str) -> None:
    """Expect that what is shown is accessible, and fits at every size."""
    await set_size(page, *FIRST_SIZE[language])
    await expect_accessible(page)
    async for width in sizes_of(page, language):
        await expect_fitting(page, width)
