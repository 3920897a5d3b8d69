"""Signing in, out, pairing a wall, a changed role: in a real Chromium, on the phone and on 4K."""

import asyncio
import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from contract.access.area import CITY, Area
from contract.access.permission import Role, TokenScope
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from storage.people.credentials import admit_screen, issue_link, issue_token
from tests import signed_in
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, set_size, sizes_of
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, open_stage

pytestmark = pytest.mark.browser
PATIENCE_MS = 30_000
PASSWORD = "tháp rùa hồ gươm 1954"
SHOTS = os.environ.get("EDUOPS_TEST_SHOTS")
"""Folder that gets a picture of each page and size, for whoever wants to look at them."""


Settings = tuple[TestNats, str, Fleet, Catalogue, SchoolCalendar, Sequence[Rule]]


@pytest.fixture
def settings(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> Settings:
    """A dashboard for forty schools."""
    return nats, postgres_url, city, catalogue, calendar, rules


async def fill(stage: Stage) -> None:
    """Let there be people, programs and walls of all kinds."""
    ward = Area(wards=(stage.fleet.schools[0].ward_code,))
    school = Area(schools=(stage.fleet.schools[0].code,))
    for name, role, area in (
        ("Nguyễn Thị Hồng Nhung", Role.OPERATOR, ward),
        ("Ban Giám hiệu Trường Tiểu học Nguyễn Bỉnh Khiêm", Role.SCHOOL, school),
        ("Minh", Role.LEADER, CITY),
    ):
        await signed_in.session_of(stage.conn, name, role, area, stage.fleet)
    await issue_token(stage.conn, "grafana", TokenScope.READ, CITY, 30, "Lan")
    await admit_screen(stage.conn, "Phòng trực, màn 1", ward, "Lan", "10.0.0.7")


async def test_every_page_of_people_fits_and_is_accessible(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, open_page(browser, stage.url, quiet=False) as page:
        await fill(stage)
        paths = "/account", "/users", "/screens", "/tokens", "/audit", "/sign-in", "/pair", "/enter/x"
        for language, path in product(FIRST_SIZE, paths):
            await set_size(page, *FIRST_SIZE[language])
            if path == "/enter/x":  # its script would be gone before anybody looks
                await page.route("**/enter.js", lambda route: route.abort())
            await page.goto(f"{path}?lang={language}")
            await expect(page.locator("main h1")).to_be_visible(timeout=PATIENCE_MS)
            assert await page.evaluate("document.documentElement.lang") == language
            await page.evaluate("document.fonts.ready.then(() => true)")
            await expect_accessible(page)
            async for width in sizes_of(page, language):
                await expect_fitting(page, width)
                if SHOTS:
                    name = f"{path.strip('/').replace('/', '-')}-{language}-{width}.png"
                    await page.screenshot(path=str(Path(SHOTS) / name))


async def test_a_newcomer_reaches_the_wall_with_one_click_and_comes_again(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, open_page(browser, stage.url, quiet=False) as page:
        await signed_in.session_of(stage.conn, "Hoa", Role.OPERATOR)
        secret = await issue_link(stage.conn, "Hoa", "test")
        await page.context.clear_cookies()
        await page.goto(f"/enter/{secret}?next=/")  # the printed address: nothing else is clicked
        await expect(page.locator("#honeycomb")).to_be_visible(timeout=PATIENCE_MS)
        assert page.url == f"{stage.url}/"
        await page.get_by_text("Khác").click()
        await expect(page.get_by_role("link", name="Người dùng")).to_have_count(0)  # not an operator's
        await page.get_by_role("link", name="Hoa · Tài khoản").click()
        await page.get_by_label("Mật khẩu mới").fill(PASSWORD)
        await page.get_by_role("button", name="Lưu mật khẩu").click()
        await expect(page.get_by_text("Đổi mật khẩu")).to_be_visible(timeout=PATIENCE_MS)
        await page.get_by_role("button", name="Đăng xuất").click()
        await expect(page.get_by_role("heading", name="Đăng nhập")).to_be_visible(timeout=PATIENCE_MS)
        await page.goto("/incidents?state=open")
        await page.get_by_label("Tên").fill("hoa")
        await page.get_by_label("Mật khẩu").fill("nhầm " + PASSWORD)
        await page.get_by_role("button", name="Đăng nhập").click()
        await expect(page.get_by_role("alert")).to_contain_text("không đúng", timeout=PATIENCE_MS)
        await page.get_by_label("Mật khẩu").fill(PASSWORD)
        await page.get_by_role("button", name="Đăng nhập").click()
        await page.wait_for_url("**/incidents?state=open", timeout=PATIENCE_MS)
        await expect(page.locator("#group-untaken, main").first).to_be_visible(timeout=PATIENCE_MS)


async def test_a_changed_role_ends_the_page_that_is_open(settings: Settings, browser: Browser) -> None:
    async with (
        open_stage(*settings) as stage,
        open_page(browser, stage.url, quiet=False) as page,
        open_page(browser, stage.url) as head,
    ):
        secret = await signed_in.session_of(stage.conn, "Hoa", Role.ENGINEER)
        await page.context.add_cookies([{"name": "eduops_session", "value": secret, "url": stage.url}])
        await page.goto("/quarantine")
        await expect(page.locator("#link-state")).to_be_visible(timeout=PATIENCE_MS)
        await head.goto("/users")
        row = head.locator("li", has_text="Hoa")
        await row.get_by_label("Vai trò").select_option("leader")
        await row.get_by_role("button", name="Lưu").click()
        await page.wait_for_url("**/sign-in?next=%2Fquarantine", timeout=PATIENCE_MS)


async def test_a_wall_is_paired_and_ended_in_the_browser(settings: Settings, browser: Browser) -> None:
    async with (
        open_stage(*settings) as stage,
        open_page(browser, stage.url, 3840, 2160, quiet=False) as wall,
        open_page(browser, stage.url, 390, 844) as phone,
    ):
        await wall.context.clear_cookies()
        await wall.goto("/")
        await wall.get_by_role("link", name="Đây là màn hình của phòng trực").click()
        code = await wall.locator(".people-code").inner_text(timeout=PATIENCE_MS)
        await phone.goto(f"/screens?code={code}")
        await phone.get_by_label("Tên").fill("Phòng trực, màn 1")
        await phone.get_by_role("button", name="Ghép", exact=True).click()
        await expect(phone.get_by_role("status")).to_contain_text("Phòng trực, màn 1", timeout=PATIENCE_MS)
        await expect(wall.locator("#honeycomb")).to_be_visible(timeout=PATIENCE_MS)
        await phone.goto("/screens")
        assert await wall.get_by_role("link", name="Cảnh báo", exact=True).count() == 0
        await asyncio.gather(
            wall.wait_for_url("**/pair", timeout=PATIENCE_MS),
            phone.get_by_role("button", name="Kết thúc").click(),
        )
        await expect(wall.get_by_text("Không có gì hỏng")).to_be_visible(timeout=PATIENCE_MS)
