"""The wall in a real Chromium: five lines that are read from afar, areas, small cities, honest when stale."""

import re
from collections.abc import Iterator
from itertools import combinations

import msgspec
import pytest
from playwright.async_api import Browser, FloatRect, Page, expect

from contract.entry import ALERTS_LOG
from contract.fleet import Fleet
from contract.live import INCIDENT_SUBJECT, SILENCE_SUBJECT, IncidentChanged
from contract.routing.silence import SilenceMatcher
from device_simulator.world.fleet import generate_fleet
from eduops.machine.ports import free_ports
from tests.browser_page import FIRST_SIZE, expect_fitting, open_page, sign_in, sizes_of
from tests.dashboard_stage import acknowledged, open_stage, resolved
from tests.e2e.test_pages import (
    PATIENCE_MS,
    Settings,
    crowded,
    fill,
    settings,
    settle,
    settle_calm,
    talking,
    whole_city,
)
from tests.silence_words import HOUR_US, silence

__all__ = ["crowded", "settings", "whole_city"]
pytestmark = pytest.mark.browser
OVERLAPS = """() => {
  const boxes = ['.tile-number', '.tile-coverage', '.muted']
    .map(name => document.querySelector(`#tile-affected ${name}`))
    .map(e => { const r = document.createRange(); r.selectNodeContents(e); return [r, e]; })
    .map(([r, e]) => [r.getBoundingClientRect(), e.getBoundingClientRect()]) // as its text, as its line
    .map(([text, line]) => ({ left: text.left, right: text.right, top: line.top, bottom: line.bottom }));
  const [number, coverage, muted] = boxes;
  const meet = (a, b) => a.right > b.left && a.left < b.right && a.bottom > b.top && a.top < b.bottom;
  return meet(number, coverage) || meet(number, muted) || meet(coverage, muted);
}"""
CUT_LINES = """() => [...document.querySelectorAll('.alarm')]
  .flatMap(row => [...row.querySelectorAll('*')].map(part => [row.getBoundingClientRect(), part]))
  .map(([row, part]) => [row, part.getBoundingClientRect(), part])
  .filter(([row, box]) => box.height > 0
    && (box.top < row.top - 1 || box.bottom > row.bottom + 1 || box.right > row.right + 1))
  .map(([, , part]) => part.textContent)"""
"""Parts of an incident's line that stand out of its row."""
SMALL_TYPE = """() => [...document.querySelectorAll('main *')]
  .filter(part => part.checkVisibility() && !part.closest('.visually-hidden, .tip'))
  .filter(part => [...part.childNodes].some(one => one.nodeType === 3 && one.textContent.trim()))
  .filter(part => parseFloat(getComputedStyle(part).fontSize) < 6.49 * innerWidth / 384)
  .map(part => `${part.className} ${part.textContent}`)"""
"""Texts of a wall that are too small to be read from five metres. Source: ISO 9241-303, 16 arcminutes."""


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_our_own_fault_and_the_whole_city_are_two_lines_that_fit(
    crowded: Settings, browser: Browser, language: str
) -> None:
    async with open_stage(*crowded) as stage, talking(stage):
        own = [stage.opened_about_the_center(p) for p in range(2)]
        await stage.change(*own, *map(stage.opened, range(len(stage.fleet.schools))))
        async with open_page(browser, stage.url, *FIRST_SIZE[language]) as page:
            await settle(page, f"/?lang={language}")
            alarms = page.locator("#alarms .alarm")
            await expect(page.locator("#alarms")).to_contain_text(
                {"vi": "3.541/3.541 trường", "en": "3,541 of 3,541 schools"}[language], timeout=PATIENCE_MS
            )
            await expect(alarms).to_have_count(2)
            await expect(alarms.first).to_contain_text({"vi": "trung tâm", "en": "of our own"}[language])
            await expect(page.locator("#muted")).to_have_text("0")
            everything = SilenceMatcher("rule", ".+", is_regex=True)
            made = silence("a", stage.now_us(), stage.now_us() + HOUR_US, everything)
            await stage.commit(ALERTS_LOG, silences=(made,))
            await stage.live.publish(SILENCE_SUBJECT, msgspec.msgpack.encode(made))
            number, word = {"vi": ("3.542", "tắt thông báo"), "en": ("3,542", "silenced")}[language]
            alerts = {"vi": "cảnh báo", "en": "alerts"}[language]
            await expect(page.locator("#muted")).to_have_text(number, timeout=PATIENCE_MS)
            await expect(page.locator("#muted")).to_have_attribute("aria-label", f"{number} {alerts} {word}")
            await expect(page.locator("#alarms .alarm-who")).to_have_text([word] * 2)
            async for width in sizes_of(page, language):
                await expect_fitting(page, width)
                assert not await page.evaluate(OVERLAPS)


async def test_all_schools_of_the_city_are_on_the_wall(crowded: Settings, browser: Browser) -> None:
    async with open_stage(*crowded) as stage, talking(stage):
        await fill(stage)
        others = [i for i, s in enumerate(stage.fleet.schools) if s.isp != stage.fleet.schools[0].isp]
        rules = ("latency_unusual", 3), ("line_errors", 3), ("clock_wrong", 3), ("register_missing", 2)
        of_many = [
            stage.opened(others[99 * n], rule, priority) for n, (rule, priority) in enumerate(rules, 1)
        ]
        await stage.change(*of_many, stage.opened(others[999], "latency_high", 2))
        for width, height in ((3840, 2160), (1920, 1080)):
            async with open_page(browser, stage.url, width, height) as page:
                await _expect_every_school(page, stage.fleet, width, height)


async def _expect_every_school(page: Page, fleet: Fleet, width: int, height: int) -> None:
    await settle(page, "/")
    names = await page.locator(".area-name").all_text_contents()
    assert sorted(names) == sorted(c.name for c in fleet.clusters)
    place = await page.locator("#map").bounding_box()
    assert place is not None
    assert place["width"] >= 0.54 * width
    rows = await page.locator("#map-table tbody tr").all_text_contents()
    assert len(rows) == len(fleet.clusters)
    shown = await page.evaluate(
        "[...document.querySelectorAll('#map-table tbody tr td:nth-child(2)')]"
        ".reduce((sum, td) => sum + Number(td.textContent.replace(/\\D/g, '')), 0)"
    )
    assert shown == len(fleet.schools)
    assert await page.evaluate("document.documentElement.scrollHeight") <= height
    await expect(page.locator("#alarms .alarm")).to_have_count(5)
    await expect(page.locator("#alarms-more")).to_have_text("+3:P21P32")
    await expect(page).to_have_title(re.compile("^1 P1 · Tổng quan · "))
    assert await page.evaluate(CUT_LINES) == []
    assert await page.evaluate(SMALL_TYPE) == []
    await expect(page.locator("#tile-connected .tile-number")).to_have_text("100,0")
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(one => one.name).join()")
    assert "dash_html_components" in loaded
    assert "dash_ag_grid" not in loaded
    assert "dash_core_components" not in loaded


async def test_an_alert_reaches_the_wall_and_leaves_it(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        await page.goto("/")
        await expect(page.locator("#day")).to_be_visible(timeout=PATIENCE_MS)
        changed = stage.opened(0)
        await stage.change(changed)
        alarm = page.locator("#alarms .alarm")
        await expect(alarm).to_have_count(1)
        await expect(alarm.locator(".badge-word")).to_have_class("badge-word waiting")
        (kept,) = stage.incidents.kept.values()
        practised = IncidentChanged(msgspec.structs.replace(kept.incident, exercise="e1"), ())
        await stage.live.publish(INCIDENT_SUBJECT, msgspec.msgpack.encode([practised]))
        await expect(alarm).to_contain_text("DIỄN TẬP · Mất kết nối WAN")
        taken = acknowledged(changed, "Lan", stage.now_us())
        await stage.change(taken)
        await expect(alarm).to_contain_text("Lan")
        await stage.change(resolved(taken, stage.now_us()))
        await expect(alarm).to_have_count(0)


async def pass_time(page: Page, seconds: float) -> None:
    await page.clock.fast_forward(round(seconds * 1000))


async def test_a_wall_without_pushes_says_so_and_recovers(settings: Settings, browser: Browser) -> None:
    port = free_ports(1)[0]
    async with open_page(browser, f"http://127.0.0.1:{port}", quiet=False) as page:
        await page.clock.install()
        async with open_stage(*settings, port=port) as stage, talking(stage):
            await sign_in(page, stage.url)
            await stage.change(stage.opened(0))
            await settle(page, "/")
            await expect(page.locator("#link-state")).to_have_text("Trực tiếp")
        bar, number = page.locator("#stale-bar"), page.locator("#tile-connected .tile-number")
        await pass_time(page, 6)
        await expect(page.locator("#link-state")).to_have_attribute("data-state", "late")
        await expect(bar).to_be_hidden()
        await pass_time(page, 10)
        await expect(bar).to_contain_text("SỐ LIỆU CŨ")
        assert "grayscale(1)" in await page.locator("main").evaluate("e => getComputedStyle(e).filter")
        await expect(number).to_have_text("100,0")
        await expect(page.get_by_role("link", name="Cảnh báo")).to_be_visible()
        await page.get_by_role("link", name="Cảnh báo").click(trial=True)
        await pass_time(page, 45)
        await expect(number).to_have_text("–")
        await expect(page.locator("#clock")).to_have_text("–")
        await expect(page.locator("#alarms-title")).to_have_text("Sự cố: không rõ")
        await expect(page.locator("#alarms .alarm")).to_be_hidden()
        assert set(await page.locator("#legend b").all_text_contents()) == {"–"}
        async with open_stage(*settings, port=port) as stage, talking(stage):
            await pass_time(page, 16)
            await expect(number).to_have_text("100,0", timeout=PATIENCE_MS)
            await expect(bar).to_be_hidden()
            await expect(page.locator("#link-state")).to_have_text("Trực tiếp")


async def test_a_stalled_processor_is_seen_although_the_line_lives(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings, summary_stale_s=2.0) as stage, open_page(browser, stage.url) as page:
        async with talking(stage):
            await settle_calm(page)
        # Summaries have ended; snapshots go on and carry their age.
        await expect(page.locator("#tile-connected .tile-number")).to_have_text(
            "Không rõ", timeout=PATIENCE_MS
        )
        await expect(page.locator("#link-state")).to_have_attribute("data-state", "late", timeout=PATIENCE_MS)


async def test_sound_is_for_the_screen_that_asks(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        await stage.change(stage.opened(0))
        # A headless browser plays without a touch, so the button is there but has nothing to ask.
        start = page.locator("#sound-start")
        await settle(page, "/?sound=1")
        await expect(start).to_have_count(1)
        await settle(page, "/")
        await expect(start).to_have_count(0)


async def test_a_wall_says_its_area_and_what_of_its_address_it_does_not_understand(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        inside, outside = stage.opened(0), stage.opened(next(other_clusters(stage.fleet)))
        await stage.change(inside, outside)
        cluster = stage.fleet.clusters[stage.fleet.cluster_of_wards[stage.fleet.ward_index[0]]]
        await settle(page, f"/?area={cluster.name}&colour=red")
        await expect(page.locator("#said")).to_contain_text("không hiểu phần này của địa chỉ: colour")
        await expect(page.locator("#map-title")).to_contain_text(cluster.name)
        await expect(page.locator("#alarms .alarm")).to_have_count(1)
        await settle(page, "/?view=wards")
        wards = page.locator(".ward-map")
        await expect(wards.locator(".ward")).to_have_count(len(stage.fleet.wards))
        await expect(wards.locator(".ward-count")).to_have_text(["1", "1"])
        async for width in sizes_of(page, "vi"):
            await expect_fitting(page, width)
        await page.goto("/?area=Atlantis&view=traffic")
        await expect(page.locator("#said")).to_contain_text("Không có cụm hay phường/xã nào là “Atlantis”")
        await expect(page.locator("#alarms .alarm")).to_have_count(2, timeout=PATIENCE_MS)
        await expect(page.locator("#chart-title")).to_be_visible()


def other_clusters(fleet: Fleet) -> Iterator[int]:
    """Yield the positions of schools that are in another cluster than the first one."""
    cluster = fleet.cluster_of_wards[fleet.ward_index]
    yield from (i for i in range(len(fleet.schools)) if cluster[i] != cluster[0])


@pytest.mark.parametrize("schools", [1, 40])
async def test_a_small_city_fits_and_has_no_empty_clusters(
    settings: Settings, browser: Browser, schools: int
) -> None:
    nats, dsn, _, catalogue, calendar, rules = settings
    fleet = generate_fleet(schools=schools)
    async with (
        open_stage(nats, dsn, fleet, catalogue, calendar, rules) as stage,
        open_page(browser, stage.url) as page,
    ):
        await page.goto("/")  # nothing has been heard yet
        await expect(page.locator(".area")).not_to_have_count(0, timeout=PATIENCE_MS)
        await expect_fitting(page, 1920)
        async with talking(stage):
            await settle_calm(page)
            await expect(page.locator("#alarms-title")).to_have_text("Không có sự cố mở")
            boxes = [await label.bounding_box() for label in await page.locator(".area-name").all()]
            assert len(boxes) == len(clusters_of(fleet))
            assert not any(meet(a, b) for a, b in combinations(boxes, 2))
            await expect_fitting(page, 1920)


def clusters_of(fleet: Fleet) -> list[int]:
    """Return the positions of the clusters that have schools."""
    return sorted(set(fleet.cluster_of_wards[fleet.ward_index].tolist()))


def meet(a: FloatRect | None, b: FloatRect | None) -> bool:
    """Return whether two boxes overlap."""
    assert a is not None
    assert b is not None
    return (
        a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    )
