"""An alert's explanation and its dismissal in a real Chromium."""

import pytest
from playwright.async_api import Browser, expect

from bus.codec import decode_action
from contract.alert import Because
from contract.entry import ALERTS_LOG
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, set_size, sizes_of
from tests.dashboard_stage import dismissed, open_stage, resolved
from tests.e2e.test_pages import Settings, settings, settle, talking, whole_city

__all__ = ["settings", "whole_city"]
pytestmark = pytest.mark.browser


async def test_an_engineer_reads_why_and_says_that_it_is_no_problem(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        first = stage.opened(0, "latency_unusual", 3, value=60.0, low=20.0, high=40.0, score=0.75)
        await stage.change(first)
        await settle(page, f"/alerts?alert={first.alert.alert_id}")
        details = page.locator("#details")
        await expect(details.locator("[data-kind=found]")).to_contain_text("thường lệ 20 ms – 40 ms")
        await expect(details.locator("[data-kind=peers]").first).to_contain_text("chỉ trường này")
        await expect(details.locator("[data-kind=dismissed]")).to_have_count(0)
        await page.get_by_role("button", name="Không phải sự cố").click()
        dialog = page.locator("dialog")
        await dialog.locator("button[type=submit]").click()
        # A reason must be chosen, so nothing was sent.
        await expect(dialog).to_be_visible()
        await dialog.get_by_label("Bảo trì có kế hoạch").check()
        await dialog.locator("#action-note").fill("tủ mạng tầng 2")
        await dialog.locator("button[type=submit]").click()
        await expect(dialog).to_have_count(0)
        reader = await stage.log.reader(ALERTS_LOG, 0)
        (entry,) = await reader.fetch(2, 30.0)
        await reader.close()
        action = decode_action(entry.payload)
        assert (action.alert_id, action.kind, action.because) == (
            first.alert.alert_id,
            "dismissed",
            "planned_work",
        )
        said = dismissed(first, action.actor, action.because, action.at_us, action.note)
        await stage.change(said)
        history = details.locator(".history")
        await expect(history).to_contain_text("Không phải sự cố · Lan · Bảo trì có kế hoạch")
        await expect(history).to_contain_text("tủ mạng tầng 2")
        again = stage.opened(0, "latency_unusual", 3, value=61.0, low=20.0, high=40.0, score=0.75)
        await stage.change(resolved(said, stage.now_us()), again)
        await settle(page, f"/alerts?alert={again.alert.alert_id}")
        await expect(details.locator("[data-kind=dismissed]")).to_contain_text(
            "Bảo trì có kế hoạch (Lan, 23/11/2026). tủ mạng tầng 2"
        )


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_an_explanation_and_its_dialog_fit_and_are_accessible(
    settings: Settings, browser: Browser, language: str
) -> None:
    async with open_stage(*settings) as stage, talking(stage):
        longest = max(range(len(stage.fleet.schools)), key=lambda i: len(stage.fleet.schools[i].name))
        low = stage.opened(longest, "attendance_low", 2, value=0.4, low=0.9)
        before = dismissed(
            low, "Nguyễn Thị Hồng Nhung", "school_event", stage.now_us(), "Cả khối đi dã ngoại"
        )
        again = stage.opened(longest, "attendance_low", 2, value=0.5, low=0.9)
        await stage.change(low, before, resolved(before, stage.now_us()), again, stage.opened(longest))
        async with open_page(browser, stage.url, *FIRST_SIZE[language]) as page:
            await settle(page, f"/alerts?lang={language}&alert={again.alert.alert_id}")
            await expect(page.locator("#details .verdict")).to_have_attribute("data-verdict", "link")
            await expect(page.locator("#details [data-kind=dismissed]")).to_have_count(1)
            for opened in (False, True):
                await set_size(page, *FIRST_SIZE[language])
                if opened:
                    dismiss = {"vi": "Không phải sự cố", "en": "Not a problem"}[language]
                    await page.get_by_role("button", name=dismiss).click()
                    await expect(page.locator("dialog .reason")).to_have_count(len(Because))
                await expect_accessible(page)
                async for width in sizes_of(page, language):
                    await expect_fitting(page, width)
