"""Every page in a real Chromium: nothing foreign, nothing clipped, accessible, honest when stale."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from playwright.async_api import Browser, Page, Route, expect

from bus.codec import decode_action
from config.inbox import InboxMessage, keep_message
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.fleet import Fleet, School
from contract.live import NOTICE_SUBJECT, NoticeTried
from contract.naming.plain import plain_name
from contract.reading import Readings, Scored
from contract.rejected import Reason, Rejected
from contract.rule import Rule
from contract.series import series_of
from device_simulator.world.fleet import generate_fleet
from eduops.machine.ports import free_ports
from eduops.stories.figure_days import base_rows, years_of_rows
from ops_dashboard.charts.school_charts import PLANS
from storage.figures.rows import keep_day
from tests.browser_page import (
    FIRST_SIZE,
    expect_accessible,
    expect_fitting,
    open_page,
    set_size,
    sign_in,
    sizes_of,
)
from tests.conftest import TestNats
from tests.dashboard_stage import PARTITIONS, Stage, acknowledged, open_stage, resolved

pytestmark = pytest.mark.browser
PATIENCE_MS = 30_000
SHEETS = ("/provider/", "/area/", "/system/", "/quality")


@pytest.fixture(scope="module")
def whole_city() -> Fleet:
    return generate_fleet()


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
    """A dashboard for forty schools: enough for what happens to one of them."""
    return nats, postgres_url, city, catalogue, calendar, rules


@pytest.fixture
def crowded(settings: Settings, whole_city: Fleet) -> Settings:
    """A dashboard for all schools of the city: whatever is to fit has to fit there."""
    nats, postgres_url, _, catalogue, calendar, rules = settings
    return nats, postgres_url, whole_city, catalogue, calendar, rules


@asynccontextmanager
async def talking(stage: Stage) -> AsyncIterator[None]:
    """Publish summaries once a second, as the processor does, for the length of the block."""

    async def talk() -> None:
        while True:
            await stage.say_summaries()
            await asyncio.sleep(1.0)

    task = asyncio.create_task(talk())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def fill(stage: Stage) -> None:
    """Write what a bad morning leaves: a common fate, single alerts, refusals."""
    isp = stage.fleet.schools[0].isp
    same = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp][:30]
    others = [i for i, s in enumerate(stage.fleet.schools) if s.isp != isp]
    longest = max(others, key=lambda i: len(stage.fleet.schools[i].name))
    changes = [stage.opened(i) for i in same] + [stage.opened(longest, "attendance_low", 2, value=0.4)]
    taken = acknowledged(stage.opened(others[0], "latency_high", 2), "Nguyễn Thị Hồng Nhung", stage.now_us())
    await stage.change(*changes, taken)
    rejected = tuple(
        Rejected(reason, "edu/v1/79/79010001/gw-1/bandwidth", "down_bps 1e12", stage.now_us(), 90, "[{}]")
        for reason in Reason
    )
    await stage.commit(QUARANTINE_LOG, rejected=rejected)


async def fill_line(stage: Stage, position: int) -> None:
    """Write what a school's line carried in the last half hour: 10 Mbit/s, then twice as much."""
    beat = stage.catalogue.named("down_bps").id
    gateway = next(d for d in stage.fleet.devices if d.school_id == stage.fleet.schools[position].id)
    n = 180
    time_us = stage.now_us() - 10_000_000 * np.arange(n, 0, -1)
    rows = Readings(time_us, np.full(n, series_of(gateway.id, beat), np.int32), np.repeat((1e7, 2e7), n // 2))
    partition = stage.fleet.partition_of_schools(PARTITIONS)[position]
    await stage.commit(telemetry_log(partition), rows=Scored(rows, np.full(n, np.nan, np.float32)))


async def fill_figures(stage: Stage) -> None:
    """Write what leadership sees after a week."""
    base = base_rows(stage.fleet, stage.calendar, stage.catalogue)
    today = stage.calendar.local_day(stage.now_us())
    for day, rows in years_of_rows(base, stage.calendar, today - timedelta(7), today):
        await keep_day(stage.conn, day, rows, stage.now_us(), stage.now_us())


async def settle(page: Page, path: str) -> None:
    """Go to a page and wait until it shows its live parts."""
    await page.goto(path)
    await expect(page.locator("html")).to_have_attribute("data-stale", "ok", timeout=PATIENCE_MS)
    await page.evaluate("document.fonts.ready.then(() => true)")
    if path.startswith("/alerts"):
        await expect(page.locator(".card").first).to_be_attached(timeout=PATIENCE_MS)
    if path.startswith(SHEETS):
        await expect(page.locator(".sheet-tables > .sheet-panel")).to_be_visible(timeout=PATIENCE_MS)
    if path.startswith("/school/"):
        await expect(page.locator(".plot-svg svg")).to_have_count(len(PLANS), timeout=PATIENCE_MS)
        await expect(page.locator("#sheet-main > .sheet-panel")).to_be_visible(timeout=PATIENCE_MS)
    if path == "/" or path.startswith("/?"):
        await expect(page.locator("#alarms .alarm").first).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_every_page_fits_and_is_accessible(
    crowded: Settings, browser: Browser, language: str, tmp_path: Path
) -> None:
    async with open_stage(*crowded, inbox=tmp_path / "inbox") as stage, talking(stage):
        await fill(stage)
        await fill_line(stage, 0)
        for n in range(3):
            keep_message(tmp_path / "inbox", message(n, stage.now_us()))
        await fill_figures(stage)
        school, cluster = stage.fleet.schools[0], stage.fleet.clusters[0].code
        async with open_page(browser, stage.url, *FIRST_SIZE[language]) as page:
            paths = (
                *("/alerts", f"/school/{school.code}", "/inbox", "/oncall", "/response"),
                *(f"/provider/{school.isp}", f"/area/{cluster}", "/system/elearning", "/quality"),
                *("/quarantine", "/incidents", "/kpi?span=week", "/school/none"),
            )
            for path in (f"/?lang={language}", *paths):
                await set_size(page, *FIRST_SIZE[language])
                await page.goto(path) if path.endswith("none") else await settle(page, path)
                await expect(page.locator("#main")).to_be_visible(timeout=PATIENCE_MS)
                await page.wait_for_load_state(
                    "networkidle"
                )  # a page that is drawn again has no main meanwhile
                assert await page.evaluate("document.documentElement.lang") == language
                await expect_accessible(page)
                async for width in sizes_of(page, language):
                    await expect_fitting(page, width)
            await find_by_keys(page, stage.fleet, language)
            if language == "en":
                await point_at_charts(page, school)
                await look_up(page, stage)
        # Its figures are asked for, and there are none: the browser says so too.
        async with open_page(browser, stage.url, *FIRST_SIZE[language], quiet=False) as page:
            await settle(page, f"/incidents/{'f' * 16}?lang={language}")
            await expect_accessible(page)
            async for width in sizes_of(page, language):
                await expect_fitting(page, width)


async def held(gate: asyncio.Event, route: Route) -> None:
    """Keep a request waiting for a gate."""
    await gate.wait()
    await route.continue_()


@pytest.mark.parametrize("path", ["/school/none", "/kpi"])
async def test_a_page_can_be_read_and_skipped_through_before_its_scripts(
    settings: Settings, browser: Browser, path: str
) -> None:
    """On a slow line, or a busy machine, a page is there for seconds before Dash puts itself in its place."""
    gates = {late: asyncio.Event() for late in ("**/_dash-update-component*", "**/js/main.js*")}

    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        for pattern, gate in gates.items():
            await page.route(pattern, partial(held, gate))
        page_call, own_script = gates.values()
        await page.goto(path, wait_until="commit")
        await expect(page.locator("main#early-main")).to_be_visible(timeout=PATIENCE_MS)
        await expect_accessible(page)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("#early-main$"))
        page_call.set()
        await expect(page.locator("main#main")).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.locator("main#early-main")).to_be_hidden()
        await expect_accessible(page)
        own_script.set()
        await expect(page).to_have_url(re.compile("#main$"), timeout=PATIENCE_MS)
        await expect(page.locator("main")).to_have_count(1)


async def find_by_keys(page: Page, fleet: Fleet, language: str) -> None:
    """Search without a mouse and without marks; the box fits and is accessible."""
    school = max(fleet.schools, key=lambda s: len(s.name))
    await page.keyboard.press("/")
    await page.keyboard.type("thu duc")
    hits = page.locator(".find-one")
    await expect(hits.first).to_contain_text("Thủ Đức", timeout=PATIENCE_MS)
    await expect_accessible(page)
    async for width in sizes_of(page, language):
        await expect_fitting(page, width)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.find")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await page.keyboard.type(f"{school.code[:-1]}")
    await page.keyboard.type(school.code[-1])
    await expect(hits.first).to_contain_text(school.name, timeout=PATIENCE_MS)
    await page.keyboard.press("ArrowDown")
    await expect(hits.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/school/{school.code}")


async def point_at_charts(page: Page, school: School) -> None:
    """Choose an hour and point at it: the values then are read; the address knows the hour."""
    await set_size(page, *FIRST_SIZE["en"])
    await settle(page, f"/school/{school.code}?lang=en")
    await expect(page.locator("#sheet-verdict")).to_contain_text("WAN")
    await expect(page.locator(".plot-span").first).to_be_attached()
    await page.get_by_role("link", name="1 hour").click()
    await expect(page.get_by_role("link", name="1 hour")).to_have_attribute("aria-current", "true")
    await expect(page).to_have_url(re.compile("range=1h"))
    now, when = page.locator(".plot-now b").first, page.locator("[data-when]").first
    await expect(now).to_have_text("20.0")
    before = await when.inner_text()
    box = await page.locator(".plot").first.bounding_box()
    assert box is not None
    for share, told in ((0.6, "10.0"), (0.9, "20.0"), (0.2, "–")):  # half an hour before there was nothing
        await page.mouse.move(box["x"] + share * box["width"], box["y"] + 5)
        await expect(now).to_have_text(told)
        await expect(when).not_to_have_text(before)
    await page.mouse.move(0, 0)
    await expect(now).to_have_text("20.0")
    await expect(when).to_have_text(before)


async def look_up(page: Page, stage: Stage) -> None:
    """Choose rows of a provider: address, way back and file know it; what opens comes by itself."""
    school = stage.fleet.schools[0]
    await set_size(page, *FIRST_SIZE["en"])
    await settle(page, f"/provider/{school.isp}?lang=en")
    rows = page.locator("[data-table=schools] tbody tr")
    await expect(rows).to_have_count(50, timeout=PATIENCE_MS)
    await page.get_by_role("button", name="Pupils").click()
    await page.locator("#sheet-q").fill(plain_name(school.name))
    await expect(rows.first).to_contain_text(school.name, timeout=PATIENCE_MS)
    await expect(page).to_have_url(re.compile("sort=pupils&q="))
    link = rows.first.get_by_role("link", name=school.name)
    told = await link.get_attribute("href")
    await link.click()
    await page.wait_for_url("**/school/*")
    await page.go_back()
    await expect(rows.first.get_by_role("link").first).to_have_attribute(
        "href", told or "", timeout=PATIENCE_MS
    )
    await expect(page.locator("#sheet-q")).to_have_value(plain_name(school.name))
    await expect(page.get_by_role("columnheader", name="Pupils").last).to_have_attribute(
        "aria-sort", "ascending"
    )
    file = await page.locator(".sheet-schools .sheet-downloads a").first.get_attribute("href")
    answer = await page.request.get(file or "")
    assert len((await answer.text()).splitlines()) == 1 + await rows.count()
    incidents = page.locator("[data-table=incidents] tbody tr")
    before = await incidents.count()
    last = max(i for i, s in enumerate(stage.fleet.schools) if s.isp == school.isp)
    await stage.change(stage.opened(last, "latency_high", 3))
    await expect(incidents).to_have_count(before + 1, timeout=PATIENCE_MS)


def message(n: int, at_us: int) -> InboxMessage:
    """Return a message as the notifier keeps it, with a long name and a link."""
    title = f"P{n + 1} Sự cố mới: THCS và THPT Trần Hưng Đạo Nguyễn Thị Minh Khai · Mất kết nối WAN"
    body = f"Từ 09:12\n782 học sinh\nhttp://localhost:8050/incidents/{n:016x}"
    return InboxMessage(f"{n:024x}", "Nguyễn Thị Hồng Nhung", at_us + n, n + 1, title, body, f"{n:016x}")


async def test_a_message_appears_in_the_inbox_as_it_is_sent(
    settings: Settings, browser: Browser, tmp_path: Path
) -> None:
    async with (
        open_stage(*settings, inbox=tmp_path / "inbox") as stage,
        talking(stage),
        open_page(browser, stage.url, 390, 844) as page,
    ):
        await settle(page, "/inbox?lang=vi")
        await expect(page.locator("#inbox-none")).to_be_visible(timeout=PATIENCE_MS)
        for n in range(2):
            keep_message(tmp_path / "inbox", message(n, stage.now_us()))
            tried = NoticeTried(f"{n:024x}", f"{n:016x}", "sent")
            await stage.live.publish(NOTICE_SUBJECT, msgspec.json.encode(tried))
            first = page.locator("#messages .bubble").first
            await expect(first).to_have_attribute("data-key", f"{n:024x}", timeout=PATIENCE_MS)
        await expect(first).to_contain_text("Gửi Nguyễn Thị Hồng Nhung")
        await expect(first.get_by_role("link")).to_have_attribute("href", message(1, 0).body.split("\n")[-1])
        await expect(page.locator("#inbox-none")).to_be_hidden()


async def test_an_engineer_takes_the_center_as_one_alert(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        own = [stage.opened_about_the_center(p, "log_gap", 2, value=95.0) for p in range(2)]
        await stage.change(*own)
        await settle(page, "/alerts?lang=en")
        rows = page.locator(".ag-center-cols-container .ag-row")
        await expect(rows).to_have_count(1)
        await rows.first.click()
        details = page.locator("#details")
        await expect(details.locator(".facts")).to_contain_text("The operations center (no school)")
        await expect(details.locator(".facts")).to_contain_text("1 min")
        await expect(details.locator(".advice")).to_contain_text("no school is at fault")
        await expect(details.get_by_role("link")).to_have_count(0)
        await page.get_by_role("button", name="Acknowledge").click()
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("dialog")).to_have_count(0)
        reader = await stage.log.reader(ALERTS_LOG, 0)
        actions = [decode_action(entry.payload) for entry in await reader.fetch(2, 30.0)]
        await reader.close()
        assert {action.alert_id for action in actions} <= {changed.alert.alert_id for changed in own}
        await stage.change(*(acknowledged(changed, "Lan", stage.now_us()) for changed in own))
        await expect(rows).to_have_count(1)
        await expect(rows.first).to_contain_text("Lan")


async def test_an_engineer_takes_an_alert(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        first, second = stage.opened(0), stage.opened(5, "latency_high", 2)
        await stage.change(first, second)
        await settle(page, "/alerts")
        rows = page.locator(".ag-center-cols-container .ag-row")
        await expect(rows).to_have_count(2)
        await page.locator("#filter-priority").select_option("1")
        await expect(rows).to_have_count(1)
        await rows.first.click()
        await expect(page.locator("#details .advice")).to_contain_text("Gọi nhà mạng")
        await page.get_by_role("button", name="Nhận xử lý").click()
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("dialog")).to_have_count(0)
        reader = await stage.log.reader(ALERTS_LOG, 0)
        action = decode_action((await reader.fetch(1, 30.0))[0].payload)
        await reader.close()
        assert (action.alert_id, action.actor) == (first.alert.alert_id, "Lan")
        await stage.change(acknowledged(first, action.actor, action.at_us))
        await expect(rows.first).to_contain_text("Đã nhận")
        await expect(page.locator("#details .history")).to_contain_text("Lan")
        await page.locator("#filter-priority").select_option("")
        await stage.change(resolved(second, stage.now_us()))
        await expect(rows).to_have_count(1)


async def test_what_is_no_value_of_its_metric_has_its_own_unit(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage):
        errors = stage.opened(3, "line_errors", 2, value=2.5)
        await stage.change(errors, stage.opened(5, "clock_wrong", 2, value=-25_200.0))
        async with open_page(browser, stage.url) as page:
            await settle(page, "/alerts")
            rows = page.locator(".ag-center-cols-container .ag-row")
            for position, told in ((3, "2,50/s"), (5, "chậm 7 giờ")):
                row = rows.filter(has_text=stage.fleet.schools[position].name)
                await expect(row).to_contain_text(told)


async def test_a_phone_takes_an_alert_from_its_cards(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage):
        await stage.change(stage.opened(0))
        async with open_page(browser, stage.url, 390, 844) as page:
            await settle(page, "/alerts")
            await page.locator(".card").first.click()
            await expect(page.locator("#details.open")).to_be_visible()
            await page.get_by_role("button", name="Đóng").click()
            await expect(page.locator("#details.open")).to_have_count(0)
            await settle(page, "/")
            parts = (page.locator(name) for name in (".tiles", "#alarms", "#map"))
            order = [await part.evaluate("e => e.getBoundingClientRect().top") for part in parts]
            assert order == sorted(order)


async def settle_calm(page: Page) -> None:
    await page.goto("/")
    await expect(page.locator("#tile-connected .tile-number")).to_have_text("100,0", timeout=PATIENCE_MS)


async def test_a_new_build_is_loaded(settings: Settings, browser: Browser) -> None:
    port = free_ports(1)[0]
    async with open_page(browser, f"http://127.0.0.1:{port}", quiet=False) as page:
        async with open_stage(*settings, port=port) as stage, talking(stage):
            await sign_in(page, stage.url)
            await settle_calm(page)
        async with open_stage(*settings, port=port, build_id="build-2") as stage, talking(stage):
            html = page.locator("html")
            await expect(html).to_have_attribute("data-build", "build-2", timeout=PATIENCE_MS)
