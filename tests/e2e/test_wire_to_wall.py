"""One reading through all nine stops: a real MQTT client in, a real browser out.

A device loses its line, the alarm is painted on a wall that nobody reloads, an engineer takes it
in one browser and the other sees it, the line comes back and the alarm leaves by itself. At last parts of
the system stand still or are lost: the wall turns grey by its own clock, and says why.
"""

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.async_api import Browser, Page, expect

from tests.browser_page import open_page
from tests.faults.checker import Broker
from tests.running_system import PATIENCE_S, RunningSystem, eventually

PATIENCE_MS = PATIENCE_S * 1000
GREY_MS = 40_000
"""The wall promises fifteen seconds; the rest is for a machine that does other things."""


@pytest.fixture(scope="module")
def system(servers_folder: Path) -> Iterator[RunningSystem]:
    running = RunningSystem(servers_folder / "wall", "--at", "2026-11-25T09:00")
    yield running
    assert running.stop() == 0
    running.end()


@contextmanager
def device(system: RunningSystem, topic: str) -> Iterator[paho.Client]:
    """Connect as the device that publishes there does."""
    user, password = Broker.of(system.addresses).login(topic)
    with _connected(system, user, user, password) as client:
        yield client


@contextmanager
def speaker_for_all(system: RunningSystem) -> Iterator[paho.Client]:
    """Connect as who may publish anything: what is refused afterwards is no matter of the broker."""
    addresses = system.addresses
    with _connected(system, "line-2", addresses["nats_user"], addresses["nats_password"]) as client:
        yield client


@contextmanager
def _connected(system: RunningSystem, client_id: str, user: str, password: str) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.username_pw_set(user, password)
    client.connect(system.addresses["mqtt_host"], system.addresses["mqtt_port"])
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def a_school(system: RunningSystem) -> str:
    """Return the code of one of the fleet's schools."""
    return system.command("fleet", "export").stdout.splitlines()[1].split(",")[0]


def send(client: paho.Client, topic: str, payload: object, *, retain: bool = False) -> None:
    """Publish and wait until the broker has acknowledged it."""
    client.publish(topic, json.dumps(payload), qos=1, retain=retain).wait_for_publish(PATIENCE_S)


@pytest.mark.browser
async def test_a_fault_from_the_wire_to_two_walls_and_back(system: RunningSystem, browser: Browser) -> None:
    school = a_school(system)
    topic = f"edu/v1/79/{school}/gw-1/status"
    async with open_page(browser, system.url) as wall, open_page(browser, system.url) as desk:
        with device(system, topic) as client:
            await wall.goto("/")
            await desk.goto("/alerts?lang=en")
            alarm = wall.locator("#alarms .alarm")
            send(client, topic, {"online": True}, retain=True)
            await expect(wall.locator("#day")).to_be_visible(timeout=PATIENCE_MS)

            send(client, topic, {"online": False}, retain=True)
            await expect(alarm).to_have_count(1, timeout=PATIENCE_MS)
            await expect(alarm).to_contain_text("Mất kết nối WAN")
            await expect(alarm.locator(".badge-word")).to_have_text("P1")

            await desk.locator(".ag-row", has_text="WAN down").first.click(timeout=PATIENCE_MS)
            await desk.locator("#details").get_by_role("button", name="Acknowledge").click()
            await desk.locator("#action-note").fill("calling the provider")
            await desk.locator("dialog button[type=submit]").click()
            await expect(alarm).to_contain_text("admin", timeout=PATIENCE_MS)
            await expect(desk.locator("#details .history")).to_contain_text("calling the provider")

            send(client, topic, {"online": True}, retain=True)
            await expect(wall.locator("#day")).to_be_visible(timeout=PATIENCE_MS)
    eventually(lambda: system.status()["alerts_open"] == 0, "the alert is resolved in the table")


def test_what_is_refused_is_kept_with_its_reason_and_the_ledger_adds_up(system: RunningSystem) -> None:
    eventually(lambda: system.status()["in_flight"] == 0, "what came before is folded")
    before = system.status()
    school = a_school(system)
    here = f"edu/v1/79/{school}/gw-1/bandwidth"
    now = system_seconds(system)
    good = {"n": "down_bps", "u": "bit/s", "v": 4e7}
    wrong: list[tuple[str, str, object]] = [
        ("unknown_school", "edu/v1/79/79999999/gw-1/bandwidth", [good]),
        ("unknown_metric", here, [{"n": "sunshine", "v": 1}]),
        ("wrong_unit", here, [{"n": "latency_ms", "u": "Cel", "v": 20}]),
        ("future_time", here, [{**good, "t": now + 3600}]),
        ("too_old", here, [{**good, "t": now - 90 * 86400}]),
        ("out_of_range", here, [{"n": "loss_ratio", "u": "/", "v": 7}]),
        (
            "unknown_field",
            f"edu/v1/79/{school}/att-1/attendance",
            [{"n": "present", "v": 3, "pupil_name": "Bí Mật"}],
        ),
    ]
    with speaker_for_all(system) as client:
        for _, topic, payload in wrong:
            send(client, topic, payload)
        for raw in (b'[{"n":"down_bps","v":NaN}]', b"\x00\xffgarbage", b"[" * 1_100_000):
            client.publish(here, raw, qos=1).wait_for_publish(PATIENCE_S)
        send(client, here, [{**good, "t": now}])
        send(client, here, [{**good, "t": now}])
    wanted = {
        "quarantined": before["quarantined"] + len(wrong) + 3,
        "stored": before["stored"] + 1,
        "duplicate": before["duplicate"] + 1,
        "in_flight": 0,
    }
    eventually(lambda: wanted.items() <= system.status().items(), f"the ledger says {wanted}")
    after = system.status()
    assert after["received"] == sum(
        after[kind] for kind in ("stored", "duplicate", "corrected", "quarantined")
    )
    listed = system.command("quarantine", "--limit", "100").stdout
    for reason in {reason for reason, _, _ in wrong} | {"not_json", "oversized"}:
        assert reason in listed
    assert "Bí Mật" not in listed
    assert "pupil_name" in listed


def test_the_broker_refused_no_service_what_it_needs(system: RunningSystem) -> None:
    told = (system.data / "logs" / "nats.log").read_text(errors="replace")
    assert "Violation" not in told


def system_seconds(system: RunningSystem) -> float:
    """Return the log's clock, seconds since 1970."""
    kept = system.addresses
    real_us = time.time_ns() // 1000
    return float(kept["clock_origin_us"] + (real_us - kept["clock_real_origin_us"])) / 1e6


def test_doctor_finds_nothing_wrong_with_a_running_system(system: RunningSystem) -> None:
    done = system.command("doctor")
    assert done.returncode == 0, done.stdout
    assert "received = " in done.stdout


def test_what_no_ingest_can_take_is_told_by_doctor_and_by_alerts_about_the_center(
    system: RunningSystem,
) -> None:
    school = a_school(system)
    stray, foreign = f"edu/v1/79/{school}/gw-1/bandwith", f"EDU/v1/79/{school}/gw-1/bandwidth"
    with device(system, stray) as client:
        send(client, stray, [])
        send(client, foreign, [])
        client.publish("edu/v1/79/TH Nguyen Hue/gw-1/bandwidth", b"[]", qos=1)
        eventually(lambda: system.status()["broker"]["refused"] > 1, "the broker's refusals are counted")

    def told() -> set[str]:
        asked = urllib.request.Request(f"{system.url}/api/alerts", headers=system.headers)
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return {a["rule"] for a in json.load(answer)["alerts"] if a["resolved_at_us"] is None}

    eventually(lambda: {"stray_topics", "broker_refuses"} <= told(), "two alerts about the center", seen=told)
    done = system.command("doctor")
    assert done.returncode == 1
    for why in ("has a blank", "publishes where it has no right to"):
        assert re.search(rf"WRONG the broker refused {school}/gw-1 [\d,]+ times: it {why}", done.stdout)
    assert f"WRONG 1 messages of the last day came on '{stray}'" in done.stdout
    plan = system.command("broker", "clear", "--days", "0").stdout
    assert "nothing was cleared" in plan or "nothing to clear" in plan


async def expect_live(page: Page) -> None:
    await expect(page.locator("html")).to_have_attribute("data-stale", "ok", timeout=PATIENCE_MS)
    await expect(page.locator("#stale-bar")).to_be_hidden()


async def expect_grey(page: Page, sentence: str) -> None:
    await expect(page.locator("html")).to_have_attribute("data-stale", "stale", timeout=GREY_MS)
    await expect(page.locator("#stale-bar")).to_contain_text(sentence)
    assert "grayscale(1)" in await page.locator("main").evaluate("e => getComputedStyle(e).filter")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "path", "sentence"),
    [
        ("dashboard", "/?lang=vi", "SỐ LIỆU CŨ"),
        ("processor", "/?lang=en", "STALE DATA"),
        pytest.param("nats", "/?lang=vi", "SỐ LIỆU CŨ", marks=pytest.mark.slow),
        pytest.param("ingest", "/alerts?lang=en", "STALE DATA", marks=pytest.mark.slow),
    ],
)
async def test_the_wall_turns_grey_by_itself_and_comes_back(
    system: RunningSystem, browser: Browser, name: str, path: str, sentence: str
) -> None:
    async with open_page(browser, system.url, quiet=False) as page:
        await page.goto(path)
        await expect_live(page)
        with system.paused(name):
            await expect_grey(page, sentence)
        await expect_live(page)


@pytest.mark.browser
async def test_the_wall_goes_on_without_its_database(system: RunningSystem, browser: Browser) -> None:
    """The dashboard alone has lost PostgreSQL: what the log says is still shown, old alerts included."""
    async with open_page(browser, system.url, quiet=False) as page:
        await page.goto("/")
        await expect_live(page)
        pid = system.processes()["postgres"]["pid"]
        os.kill(pid, signal.SIGKILL)
        await page.reload()
        await expect(page.locator("#tile-affected .tile-coverage")).not_to_be_empty(timeout=PATIENCE_MS)
        await expect_live(page)
