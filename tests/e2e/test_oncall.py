"""The page of duty in a real Chromium: swapped, seen before it is sent, ended."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, set_size, sizes_of
from tests.dashboard_stage import open_stage
from tests.e2e.test_incidents import desk_of
from tests.e2e.test_incidents import settings as settings_of_few
from tests.e2e.test_pages import Settings, settle, talking
from tests.unit.test_ops_dashboard_oncall import ROUTES

__all__ = ["settings_of_few"]
pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings_of_few: Settings) -> Settings:
    return settings_of_few


@pytest.fixture
def own_config(tmp_path: Path) -> dict[str, Any]:
    """Return the setting that names a folder with a rota of An and Bình."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "routes.toml").write_text(ROUTES, encoding="utf-8")
    return {"own_config": tmp_path / "config"}


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_duty_is_swapped_and_given_back_and_the_page_follows(
    settings: Settings, browser: Browser, own_config: dict[str, Any], language: str
) -> None:
    async with (
        open_stage(*settings, **own_config) as stage,
        talking(stage),
        open_page(browser, stage.url, *FIRST_SIZE[language]) as page,
    ):
        desk = await desk_of(stage)
        await settle(page, f"/oncall?lang={language}")
        await expect(page.locator(".duty-now strong")).to_have_text("An")
        await page.locator("#swap-new").focus()
        await page.keyboard.press("Enter")
        dialog = page.locator("dialog")
        await dialog.locator("#swap-person").select_option("Bình")
        await expect(page.locator(".swap-after li").first).to_contain_text("Bình")
        await expect(page.locator(".swap-before li").first).to_contain_text("An")
        await dialog.locator("#action-note").fill("An ốm")
        await set_size(page, *FIRST_SIZE[language])
        await expect_accessible(page)
        async for width in sizes_of(page, language):
            await expect_fitting(page, width)
        await dialog.locator("[type=submit]").click()
        await expect(dialog).to_have_count(0)
        await desk.fold()
        await expect(page.locator(".duty-now strong")).to_have_text("Bình")
        row = page.locator(".swaps li[data-state=active]")
        await expect(row).to_contain_text("An ốm")
        await set_size(page, *FIRST_SIZE[language])
        await expect_accessible(page)
        async for width in sizes_of(page, language):
            await expect_fitting(page, width)
        await row.locator(".swap-end").click()
        await dialog.locator("[type=submit]").click()
        await expect(dialog).to_have_count(0)
        await desk.fold()
        await expect(page.locator(".duty-now strong")).to_have_text("An")
        await expect(page.locator(".swaps li[data-state=over]")).to_contain_text("An ốm")
