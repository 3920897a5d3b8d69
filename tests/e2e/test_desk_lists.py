"""The lists of the desk in a real Chromium: what they say, and the ways in, through and out of them."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from eduops.stories.registry import story_named
from eduops.stories.story import ScreenStory
from tests.browser_page import open_page
from tests.story_pages import served_stories, tell

pytestmark = pytest.mark.browser
COLUMN = "els => els.map(e => e.textContent)"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stories() -> AsyncIterator[str]:
    async with served_stories() as url:
        yield url


def named(name: str) -> ScreenStory:
    story = story_named(name)
    assert story is not None
    return story


async def test_an_incident_says_whether_it_grows_and_what_is_to_be_done(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incidents-many"))
        line = page.locator("tr.incident").first
        await expect(line.get_by_role("img", name="Đang lan rộng")).to_be_visible()
        await expect(line.locator(".cell-todo")).to_contain_text("Gọi FPT, báo")
        file = page.locator(".sheet-downloads a").first
        rows = (await (await page.request.get(await file.get_attribute("href") or "")).text()).splitlines()
        assert rows[0].endswith("Việc cần làm")
        assert "Đang lan rộng" in rows[1]
        await expect(page.locator("tr.incident").nth(1).locator(".trend")).to_have_count(0)


async def test_a_list_without_anything_says_so_and_blames_the_filter_only_where_there_is_one(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incidents-none"))
        nothing = page.locator("#incidents-none")
        await expect(nothing).to_have_text("Không có sự cố nào: không có gì phải làm")
        await page.locator("#filter-priority").select_option("1")
        await expect(nothing).to_have_text("Không có sự cố nào khớp bộ lọc")
        await page.goto("/alerts")
        await expect(page.locator("#alerts-none")).to_have_text("Không có cảnh báo nào đang mở")


async def test_what_was_refused_is_told_in_the_readers_words_and_by_the_schools_name(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("quarantine"))
        row = page.locator("main .table").nth(1).locator("tbody tr").first
        await expect(row.get_by_role("link", name="Giá trị nằm ngoài khoảng")).to_have_attribute(
            "href", "?reason=out_of_range"
        )
        await expect(row).to_contain_text("down_bps 1e+12 không nằm trong khoảng 0 đến 1e+11")
        await expect(row.get_by_role("link", name="Trường TH")).to_have_attribute("href", "/school/79010001")
        await expect(page.locator("main")).not_to_contain_text("is not within")


async def test_a_silence_is_told_by_the_name_of_its_school(stories: str, browser: Browser) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("silences"))
        what = page.locator("tr.silence", has_text="79010007").locator(".cell-what strong")
        await expect(what).to_have_text(re.compile("^Trường "))


async def test_a_row_says_the_clock_of_the_centers_day_and_a_lost_line_in_a_word(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("alerts"))
        rows = page.locator(".ag-center-cols-container .ag-row")
        await expect(rows.first.locator("[col-id=since]")).to_have_text(
            "09:08"
        )  # the browser's day is another
        await expect(rows.first.locator("[col-id=value]")).to_have_text("mất")
        told = await page.locator(".ag-center-cols-container [col-id=value]").evaluate_all(COLUMN)
        assert "0,0 %" not in told
        orders = await page.locator(".ag-sort-order:not(.ag-hidden)").evaluate_all(COLUMN)
        assert sorted(orders) == ["1", "2", "3"]


async def test_the_address_holds_order_and_choice_and_keys_lead_out(stories: str, browser: Browser) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("alerts"))
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
        await expect(page.locator(".ag-header-cell[col-id=pupils]")).to_have_attribute(
            "aria-sort", "ascending"
        )
        await page.keyboard.press("Escape")
        await expect(title).to_have_count(0)
        assert "alert=" not in page.url


async def test_the_way_back_on_a_phone_leads_from_an_alert_to_the_list(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 390, 844) as page:
        await tell(page, named("alerts"))
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


async def test_the_list_of_incidents_is_sorted_by_its_heads_and_the_address_keeps_it(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incidents-many"))
        names = page.locator("#incidents tbody:nth-of-type(1) .incident-link")
        head = page.locator("#incidents th", has_text="Học sinh")
        await head.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await expect(head).to_have_attribute("aria-sort", "ascending")
        await expect(names.first).to_have_text("Mầm non 30/4")
        await page.keyboard.press("Enter")  # the keyboard stays on the head
        await expect(head).to_have_attribute("aria-sort", "descending")
        await expect(names.first).to_have_text("FPT")
        assert page.url.endswith("sort=-pupils")
        sorted_names = await names.evaluate_all(COLUMN)
        await page.reload()
        await expect(names).to_have_text(sorted_names)
        file = page.locator(".sheet-downloads a").first
        rows = (await (await page.request.get(await file.get_attribute("href") or "")).text()).splitlines()
        assert [row.split(",")[2] for row in rows[1 : len(sorted_names) + 1]] == sorted_names
        await page.get_by_label("Sắp xếp").select_option("")
        await expect(page.locator("#incidents [aria-sort]")).to_have_count(0)


async def test_a_kept_choice_is_a_link_and_says_when_it_is_the_one(stories: str, browser: Browser) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incidents-kept"))
        views = page.locator("#views")
        await expect(views.locator("[aria-current]")).to_have_text("Rộng nhất trước")
        await page.locator("#filter-priority").select_option("1")
        await expect(views.locator("[aria-current]")).to_have_count(0)
        await expect(views.get_by_role("button", name="Lưu lựa chọn này…")).to_be_visible()
        await views.get_by_role("link", name="P1 chưa ai nhận").click()
        await page.wait_for_url("**/incidents?state=open&priority=1")
        await expect(views.locator("[aria-current]")).to_have_text("P1 chưa ai nhận")
        await expect(page.locator("tr.incident")).to_have_count(2)


async def test_keys_act_on_the_line_and_say_why_they_do_not(stories: str, browser: Browser) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incidents-many"))
        result, lines = page.locator("#deed-result"), page.locator(".incident-link")
        await expect(lines.first).to_be_visible()
        await page.keyboard.press("a")
        await expect(result).to_contain_text("Hãy chọn một dòng trước")
        await page.keyboard.press("j")
        await expect(lines.first).to_be_focused()
        assert "line=" in page.url
        await page.keyboard.press("s")  # the viewer is an operator: silences are for engineers
        await expect(result).to_have_text("Vai trò của bạn không được xem hay làm việc này.")
        await page.keyboard.press("a")
        dialog = page.locator("dialog")
        await expect(dialog).to_contain_text("FPT")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(lines.first).to_be_focused()
        taken = page.locator("tr.incident[data-group=acknowledged] .incident-link").first
        await taken.focus()
        await page.keyboard.press("a")
        await expect(result).to_have_text("Sự cố này đã có người nhận.")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/*")
        await expect(page.locator("#said")).to_contain_text("đã nhận xử lý")
        await page.keyboard.press("Escape")
        await page.wait_for_url("**/incidents?*line=*")
        await expect(taken).to_be_focused()


async def test_the_worst_members_are_drawn_with_the_moment_and_a_way_to_the_school(
    stories: str, browser: Browser
) -> None:
    async with open_page(browser, stories, 1366, 768) as page:
        await tell(page, named("incident-slow"))
        charts = page.locator(".worst-chart")
        await expect(charts).to_have_count(8)
        await expect(page.locator(".worst")).to_contain_text("8 trong 33 trường")
        await expect(page.locator(".worst-chart .plot-span")).to_have_count(8)
        await expect(page.locator(".worst-chart polygon")).to_have_count(8)  # what is usual
        first = charts.first
        await expect(first.locator(".plot")).to_have_attribute("aria-label", re.compile("ms lúc 09:1"))
        name = await first.locator(".worst-school a").first.inner_text()
        await first.locator(".worst-school a").first.click()
        await expect(page.locator("#sheet-title")).to_have_text(name)
