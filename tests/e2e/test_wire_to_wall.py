"""One reading through all nine stops: a real MQTT client in, a real browser out.

A device loses its line, the alarm is painted on a wall that nobody reloads, an engineer takes it
in one browser and the other sees it, the line comes back and the alarm leaves by itself.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.async_api import Browser, expect

from tests.e2e.test_pages import open_page

PATIENCE_S = 60.0
PATIENCE_MS = PATIENCE_S * 1000
ROOT = Path(__file__).parents[2]


class RunningSystem:
    """`eduops up` in a data folder of its own, without the simulator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.addresses: dict[str, Any] = json.loads((folder / "addresses.json").read_text())
        self.url = f"http://127.0.0.1:{self.addresses['port']}"

    def status(self) -> dict[str, Any]:
        """Return what `eduops status --json` says."""
        done = eduops("status", "--data", str(self.folder), "--json")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def a_school(self) -> str:
        """Return the code of one of the fleet's schools."""
        return eduops("fleet", "export", "--data", str(self.folder)).stdout.splitlines()[1].split(",")[0]

    @contextmanager
    def device(self, name: str) -> Iterator[paho.Client]:
        """Connect as a device does."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.username_pw_set(self.addresses["device_user"], self.addresses["device_password"])
        client.connect(self.addresses["mqtt_host"], self.addresses["mqtt_port"])
        client.loop_start()
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()


def eduops(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    command = [sys.executable, "-m", "eduops", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("wire-to-wall")
    command = [sys.executable, "-m", "eduops", "up", "--data", str(folder), "--schools", "24"]
    command += ["--seed-days", "0", "--no-simulator", "--port", "0", "--at", "2026-11-25T09:00"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "http://" in line:
                break
        assert process.poll() is None, "".join(said)
        yield RunningSystem(folder)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def send(device: paho.Client, topic: str, payload: object, *, retain: bool = False) -> None:
    """Publish and wait until the broker has acknowledged it."""
    device.publish(topic, json.dumps(payload), qos=1, retain=retain).wait_for_publish(PATIENCE_S)


def wait_for(system: RunningSystem, **wanted: int) -> dict[str, Any]:
    """Return the status once it holds these figures."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        status = system.status()
        if all(status[name] == value for name, value in wanted.items()):
            return status
    raise AssertionError(f"{wanted} was not reached: {status}")


@pytest.mark.browser
async def test_a_fault_from_the_wire_to_two_walls_and_back(system: RunningSystem, browser: Browser) -> None:
    school = system.a_school()
    topic = f"edu/v1/79/{school}/gw-1/status"
    async with open_page(browser, system.url) as wall, open_page(browser, system.url) as desk:
        with system.device("line-1") as device:
            await wall.goto("/")
            await desk.goto("/alerts?lang=en")
            alarm = wall.locator("#alarms .alarm")
            send(device, topic, {"online": True}, retain=True)
            await expect(wall.locator("#alarms .calm")).to_be_visible(timeout=PATIENCE_MS)

            send(device, topic, {"online": False}, retain=True)
            await expect(alarm).to_have_count(1, timeout=PATIENCE_MS)
            await expect(alarm).to_contain_text("Mất kết nối WAN")
            await expect(alarm.locator(".badge")).to_have_text("P1")

            await desk.locator(".ag-row", has_text="WAN down").first.click(timeout=PATIENCE_MS)
            await desk.locator("#details").get_by_role("button", name="Acknowledge").click()
            await desk.locator("#action-name").fill("Lan")
            await desk.locator("#action-note").fill("calling the provider")
            await desk.locator("dialog button[type=submit]").click()
            await expect(alarm).to_contain_text("Lan", timeout=PATIENCE_MS)
            await expect(desk.locator("#details .history")).to_contain_text("calling the provider")

            send(device, topic, {"online": True}, retain=True)
            await expect(wall.locator("#alarms .calm")).to_be_visible(timeout=PATIENCE_MS)
    assert wait_for(system, in_flight=0)["alerts_open"] == 0


def test_what_is_refused_is_kept_with_its_reason_and_the_ledger_adds_up(system: RunningSystem) -> None:
    before = wait_for(system, in_flight=0)
    school = system.a_school()
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
    with system.device("line-2") as device:
        for _, topic, payload in wrong:
            send(device, topic, payload)
        for raw in (b'[{"n":"down_bps","v":NaN}]', b"\x00\xffgarbage", b"[" * 70_000):
            device.publish(here, raw, qos=1).wait_for_publish(PATIENCE_S)
        send(device, here, [{**good, "t": now}])
        send(device, here, [{**good, "t": now}])
    after = wait_for(
        system,
        quarantined=before["quarantined"] + len(wrong) + 3,
        stored=before["stored"] + 1,
        duplicate=before["duplicate"] + 1,
        in_flight=0,
    )
    assert after["received"] == after["stored"] + after["duplicate"] + after["quarantined"]
    listed = eduops("quarantine", "--data", str(system.folder), "--limit", "100").stdout
    for reason in {reason for reason, _, _ in wrong} | {"not_json", "oversized"}:
        assert reason in listed
    assert "Bí Mật" not in listed
    assert "pupil_name" in listed


def system_seconds(system: RunningSystem) -> float:
    """Return the log's clock, seconds since 1970."""
    kept = system.addresses
    real_us = time.time_ns() // 1000
    return float(kept["clock_origin_us"] + (real_us - kept["clock_real_origin_us"])) / 1e6


def test_doctor_finds_nothing_wrong_with_a_running_system(system: RunningSystem) -> None:
    said = eduops("doctor", "--data", str(system.folder)).stdout
    assert "stored" in said
