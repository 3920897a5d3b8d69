"""How heavy and how fast the screens are, in a real browser: `python -m tests.measure_screens LINK`.

LINK is what `make run` prints; it is used up. Everything runs on one machine: the system, the city that it
simulates, the browser and all clients share its cores, so a push waits for whatever else is due.

    python -m tests.measure_screens LINK [--data FOLDER] [--clients 1 50 200] [--seconds 60] [--updates 20000]

FOLDER is the system's data folder, for one that was started with another clock (`--at`).
"""

import argparse
import asyncio
import multiprocessing
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, CDPSession, Page, async_playwright
from websockets.asyncio.client import connect

from eduops.data_folder import DataFolder
from tests.e2e.conftest import FLAGS

WALL, PHONE = (1920, 1080), (390, 844)
LOADS = 3
"""Loads of a page whose median is told."""
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
"""A phone's line: 1.6 Mbit/s down, 0.75 up, 150 ms; Lighthouse calls it slow 4G."""
PATIENCE_MS = 60_000
LISTEN = """() => {
  const Plain = WebSocket;
  window.painted = [];
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      window.line = this;
      this.addEventListener('message', ({ data }) => {
        const message = JSON.parse(data);
        if (message.kind !== 'snapshot') return;
        window.newest = data;
        requestAnimationFrame(() => setTimeout(() => painted.push(Date.now() - message.at_us / 1000)));
      });
    }
  };
}"""
"""Notes how old each snapshot is when the frame after it has been drawn."""


@dataclass
class Load:
    """One load of a page."""

    size: dict[str, int] = field(default_factory=dict)
    """Bytes on the wire by request."""
    heard: list[tuple[float, int]] = field(default_factory=list)
    """Bytes as they came, by the browser's monotonic clock."""
    paint_s: float | None = None
    """First contentful paint, by the same clock."""

    async def watch(self, page: Page) -> CDPSession:
        line = await page.context.new_cdp_session(page)
        for domain in ("Network", "Page"):
            await line.send(f"{domain}.enable")
        await line.send("Page.setLifecycleEventsEnabled", {"enabled": True})
        line.on("Network.dataReceived", self._data)
        line.on("Network.loadingFinished", self._done)
        line.on("Page.lifecycleEvent", self._mark)
        return line

    @property
    def before_paint(self) -> int:
        """Bytes that had come when something was first to be seen."""
        assert self.paint_s is not None
        return sum(n for at_s, n in self.heard if at_s <= self.paint_s)

    def _data(self, event: dict[str, Any]) -> None:
        self.heard.append((event["timestamp"], event["encodedDataLength"]))

    def _done(self, event: dict[str, Any]) -> None:
        self.size[event["requestId"]] = event["encodedDataLength"]

    def _mark(self, event: dict[str, Any]) -> None:
        if event["name"] == "firstContentfulPaint":
            self.paint_s = event["timestamp"]


async def open_context(browser: Browser, base: str, cookies: dict[str, str], size: tuple[int, int]) -> Page:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", base_url=base
    )
    await context.add_cookies([{"name": n, "value": v, "url": base} for n, v in cookies.items()])
    return await context.new_page()


async def weigh(browser: Browser, base: str, cookies: dict[str, str], code: str) -> None:
    """Print weight and times of the pages with an empty cache."""
    print("| page | kB | requests | kB until first paint, slow line | first paint | live | charts |")
    print("|---|---|---|---|---|---|---|")
    for name, path, size, chart in (
        ("wall", "/", WALL, "#chart > *"),
        ("wall, phone", "/", PHONE, ""),
        ("leadership, phone", "/kpi", PHONE, ".mark svg"),
        ("incidents, phone", "/incidents", PHONE, ""),
        ("alerts", "/alerts", WALL, ""),
        ("school", f"/school/{code}", WALL, ".plot-svg svg"),
    ):
        loads, times = [], []
        for n in range(LOADS + 1):
            page, load = await open_context(browser, base, cookies, size), Load()
            line = await load.watch(page)
            if n == LOADS:
                await line.send("Network.emulateNetworkConditions", SLOW)
            began_s = time.perf_counter()
            await page.goto(path, wait_until="commit")
            live = page.locator('html[data-stale="ok"]')
            await live.wait_for(state="attached", timeout=PATIENCE_MS)
            live_s, charts_s = time.perf_counter() - began_s, float("nan")
            if chart:
                await page.locator(chart).first.wait_for(state="attached", timeout=PATIENCE_MS)
                charts_s = time.perf_counter() - began_s
            await page.wait_for_timeout(2000)
            paints = await page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
            loads.append(load)
            times.append((paints / 1000, live_s, charts_s))
            await page.context.close()
        paint_s, live_s, charts_s = (median(t[i] for t in times[:LOADS]) for i in range(3))
        charts = f"{charts_s:.1f} s" if charts_s == charts_s else "–"
        print(
            f"| {name} | {median(sum(one.size.values()) for one in loads[:LOADS]) / 1000:.0f} "
            f"| {median(len(one.size) for one in loads[:LOADS]):.0f} | {loads[-1].before_paint / 1000:.0f} "
            f"| {paint_s:.1f} s | {live_s:.1f} s | {charts} |"
        )


class _Kind(msgspec.Struct):
    kind: str
    at_us: int = 0


def ahead_ms(data: Path | None) -> float:
    """Return how far the machine's clock is ahead of the system's, ms: its ages are told in log time."""
    began = DataFolder(data).read("first_start") if data else {}
    return float(began.get("clock_real_origin_us", 0) - began.get("clock_origin_us", 0)) / 1000


async def listen(base: str, cookies: dict[str, str], clients: int, seconds: float) -> list[float]:
    """Return how old each snapshot is when each of many clients has it, ms by the machine's clock."""
    url, ages = base.replace("http", "ws", 1) + "/ws/live", list[float]()
    header = {"Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items()), "Origin": base}

    async def one() -> None:
        async with connect(url, additional_headers=header, max_size=None) as socket:
            seen = 0
            async for data in socket:
                now_us = time.time_ns() // 1000
                message = msgspec.json.decode(data, type=_Kind)
                seen += message.kind == "snapshot"
                if message.kind == "snapshot" and seen > 1:  # the first is the one that was there already
                    ages.append((now_us - message.at_us) / 1000)

    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(one()) for _ in range(clients)]
        stack.callback(lambda: [task.cancel() for task in tasks])
        await asyncio.sleep(seconds)
        for task in tasks:
            if task.done():
                task.result()
    return ages


def _listen(way: Connection, base: str, cookies: dict[str, str], clients: int, seconds: float) -> None:
    way.send(asyncio.run(listen(base, cookies, clients, seconds)))


async def push(
    browser: Browser,
    base: str,
    cookies: dict[str, str],
    crowds: Sequence[int],
    seconds: float,
    ahead: float,
) -> None:
    """Print how old a snapshot is at the clients and in the browser, by how many listen."""
    print("\n| clients | server → client p50 / p99 | server → painted p50 / p99 | snapshots |")
    print("|---|---|---|---|")
    for clients in crowds:
        page = await open_context(browser, base, cookies, WALL)
        await page.add_init_script(f"({LISTEN})()")
        await page.goto("/")
        await page.locator('html[data-stale="ok"]').wait_for(state="attached", timeout=PATIENCE_MS)
        ours, theirs = multiprocessing.Pipe()
        crowd = multiprocessing.get_context("spawn").Process(
            target=_listen, args=(theirs, base, cookies, clients - 1, seconds)
        )
        crowd.start()
        await asyncio.sleep(5.0)
        await page.evaluate("painted.length = 0")
        ages = await asyncio.to_thread(ours.recv) or [float("nan")]
        painted = await page.evaluate("painted")
        crowd.join()
        await page.context.close()
        told = [_quantiles(np.asarray(found) - ahead) for found in (ages, painted)]
        print(f"| {clients} | {told[0]} | {told[1]} | {len(painted)} |")


def _quantiles(ages_ms: NDArray[np.float64]) -> str:
    return f"{np.quantile(ages_ms, 0.5):.0f} / {np.quantile(ages_ms, 0.99):.0f} ms"


async def heap(browser: Browser, base: str, cookies: dict[str, str], updates: int) -> None:
    """Print the wall's heap before and after many snapshots, each handed to the page as the line would."""
    page = await open_context(browser, base, cookies, WALL)
    await page.add_init_script(f"({LISTEN})()")
    await page.goto("/")
    await page.locator('html[data-stale="ok"]').wait_for(state="attached", timeout=PATIENCE_MS)
    line = await page.context.new_cdp_session(page)
    await page.wait_for_function("window.newest", timeout=PATIENCE_MS)
    sizes, began_s = [], time.perf_counter()
    for _ in range(4):
        await page.evaluate(
            """async (count) => {
              for (let n = 0; n < count; n += 1) {
                line.dispatchEvent(new MessageEvent('message', { data: newest }));
                painted.length = 0;
                if (n % 20 === 0) await new Promise(done => requestAnimationFrame(done));
              }
            }""",
            updates // 4,
        )
        await line.send("HeapProfiler.collectGarbage")
        sizes.append((await line.send("Runtime.getHeapUsage"))["usedSize"] / 1e6)
    took_ms = (time.perf_counter() - began_s) * 1000 / updates
    told = ", ".join(f"{size:.1f}" for size in sizes)
    print(f"\nheap after each quarter of {updates:,} snapshots: {told} MB; {took_ms:.1f} ms a snapshot")
    await page.context.close()


async def measure(link: str, crowds: Sequence[int], seconds: float, updates: int, ahead: float) -> None:
    base = f"{urlsplit(link).scheme}://127.0.0.1:{urlsplit(link).port}"
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as client:
        await client.post(urlsplit(link).path, data={"next": "/"})
        cookies = dict(client.cookies)
        code = (await client.get("/api/fleet")).json()["schools"][0][1]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        await weigh(browser, base, cookies, code)
        await push(browser, base, cookies, crowds, seconds, ahead)
        await heap(browser, base, cookies, updates)
        await browser.close()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("link")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--clients", type=int, nargs="+", default=[1, 50, 200])
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--updates", type=int, default=20_000)
    given = arguments.parse_args()
    asyncio.run(measure(given.link, given.clients, given.seconds, given.updates, ahead_ms(given.data)))


if __name__ == "__main__":
    main()
