"""The watchdog alone: every server dead, receivers that fail, and itself killed in the middle."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.service.metrics import SERVICE_METRICS, Meter
from eduops.machine.ports import free_ports
from eduops.settings import Settings
from eduops.wiring import watchdog_config
from tests.running_system import ROOT, eventually
from tests.webhook_receiver import HANG, REFUSED, TAKEN, open_receiver
from watchdog.journal import AlarmNotice, Journal, notice_body
from watchdog.shell import run_watchdog

SENT = "eduops_watchdog_notifications_total"


def lonely(data: Path, **more: Any) -> Settings:
    """Return settings in which nobody answers, with the least patience that is allowed."""
    ports: dict[str, Any] = {"mqtt_port": free_ports(1)[0], "port": free_ports(1)[0]}
    return Settings(
        **{
            "data": data,
            "watchdog_after_s": 5.0,
            "watchdog_every_s": 0.2,
            "log_level": "DEBUG",
            **ports,
            **more,
        }
    )


@asynccontextmanager
async def watching(settings: Settings, meter: Meter | None = None) -> AsyncIterator[None]:
    """Run a watchdog for the length of the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(
        run_watchdog(watchdog_config(settings), stop, meter=meter or Meter(), mark_ready=lambda: None)
    )
    try:
        yield
    finally:
        stop.set()
        await task


def value_of(meter: Meter, name: str, *labels: str) -> float | None:
    """Return a value of a meter."""
    metric = next(m for m in SERVICE_METRICS if m.name == name)
    return dict(meter.values(metric)).get(labels)


def leave_notice(settings: Settings, *to: str) -> AlarmNotice:
    """Leave a notice that an earlier watchdog could not hand over."""
    at = "2026-11-24T02:00:00.000+00:00"
    notice = AlarmNotice(
        "k1", "a1", "recovery", at, at, (), (), 4, 130.0, "Đã hoạt động lại.", "It is back.", to
    )
    Journal(settings.data / "watchdog").add(None, notice)
    return notice


async def test_with_every_server_dead_it_starts_and_says_so_twice_over(tmp_path: Path) -> None:
    out = tmp_path / "said.jsonl"
    meter = Meter()
    async with open_receiver() as receiver:
        command = f"/bin/sh -c 'cat >> {out}; echo >> {out}'"
        settings = lonely(tmp_path, watchdog_url=receiver.url, watchdog_command=command)
        async with watching(settings, meter):
            notice = await receiver.until_kind("alarm")
            # A watchdog that is stopped before it has noted a success sends again, and counts it only then.
            await receiver.until(lambda: value_of(meter, SENT, "sent") == 2.0, "webhook and command have it")
        assert notice["suspects"] == ["wall", "broker"]
        assert notice["late_partitions"] == [0, 1, 2, 3]
        assert "dashboard" in notice["text_vi"]
        assert notice["silent_s"] >= 5
        assert len(receiver.taken) == 1, "one alarm, not one a partition"
        assert f'"key":"{notice["key"]}"' in out.read_text()
    assert value_of(meter, "eduops_watchdog_alarm") == 1.0
    age_s = value_of(meter, "eduops_watchdog_canary_age_seconds", "3")
    assert age_s is not None
    assert age_s > 5


async def test_a_receiver_that_fails_gets_the_same_notice_until_it_takes_it(tmp_path: Path) -> None:
    async with open_receiver() as receiver:
        receiver.answer = REFUSED
        settings = lonely(tmp_path, watchdog_url=receiver.url)
        notice = leave_notice(settings, "webhook")
        async with watching(settings):
            await receiver.until(lambda: len(receiver.tries) >= 2, "two attempts")
            receiver.answer = TAKEN
            await receiver.until(lambda: Journal(tmp_path / "watchdog").is_told, "nothing waits")
        assert {key for key, _ in receiver.tries} == {notice.key}
        assert receiver.taken == [notice_fields(notice)]


def notice_fields(notice: AlarmNotice) -> dict[str, Any]:
    """Return what goes out."""
    fields: dict[str, Any] = json.loads(notice_body(notice))
    assert "to" not in fields
    return fields


async def test_a_receiver_that_hangs_does_not_hold_up_the_command(tmp_path: Path) -> None:
    out = tmp_path / "said.json"
    async with open_receiver() as receiver:
        receiver.answer = HANG
        settings = lonely(tmp_path, watchdog_url=receiver.url, watchdog_command=f"/usr/bin/tee {out}")
        leave_notice(settings, "webhook", "command")
        async with watching(settings):
            await receiver.until(lambda: len(receiver.tries) == 1, "the webhook is tried")
            await receiver.until(lambda: waits_for(settings) == ("webhook",), "the command has it")
        assert json.loads(out.read_text())["key"] == "k1"


def waits_for(settings: Settings) -> tuple[str, ...]:
    """Return the senders that the oldest notice waits for."""
    journal = Journal(settings.data / "watchdog")
    found = journal.first_for("webhook") or journal.first_for("command")
    return found.to if found else ()


async def test_what_waits_for_a_way_out_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    settings = lonely(tmp_path, watchdog_command="/bin/true")
    leave_notice(settings, "webhook")
    async with watching(settings):
        assert waits_for(settings) == ("webhook",)
        async with asyncio.timeout(30):
            await asyncio.to_thread(eventually, lambda: waits_for(settings) == (), "nothing waits")


async def start(settings: Settings) -> asyncio.subprocess.Process:
    """Start a watchdog in a process of its own."""
    env = {**os.environ, **settings.environment()}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "eduops", "watch", cwd=ROOT, env=env)


async def killed(process: asyncio.subprocess.Process) -> None:
    """Kill a process as a power cut would."""
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def test_killed_while_it_sends_it_sends_again_with_the_same_key(tmp_path: Path) -> None:
    async with open_receiver() as receiver:
        receiver.answer = HANG
        settings = lonely(tmp_path, watchdog_url=receiver.url)
        first = await start(settings)
        await receiver.until(lambda: len(receiver.tries) == 1, "the webhook is tried")
        await killed(first)
        receiver.answer = TAKEN
        second = await start(settings)
        await receiver.until(lambda: len(receiver.tries) == 2, "it is tried again")
        await receiver.until(lambda: Journal(tmp_path / "watchdog").is_told, "nothing waits")
        await killed(second)
        assert receiver.tries[0] == receiver.tries[1]
        alarm = Journal(tmp_path / "watchdog").alarm
        assert alarm is not None, "the alarm goes on: nothing has come back"
        assert alarm.id == receiver.tries[0][1]["alarm"]


@pytest.mark.slow
async def test_an_alarm_that_goes_on_is_said_again_under_another_key(tmp_path: Path) -> None:
    async with open_receiver() as receiver:
        settings = lonely(tmp_path, watchdog_url=receiver.url, watchdog_repeat_s=10.0)
        async with watching(settings):
            again = await receiver.until_kind("repeat")
        first = receiver.taken[0]
        assert (first["kind"], first["alarm"]) == ("alarm", again["alarm"])
        assert first["key"] != again["key"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"alarm": 7}', b"\xff\x00"])
async def test_a_damaged_journal_is_put_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    journal = Journal(tmp_path)
    assert (journal.alarm, journal.is_told, journal.province) == (None, True, "")
    assert (tmp_path / "state.damaged").read_bytes() == content
    journal.learn_province("79")
    assert Journal(tmp_path).province == "79"


async def test_without_a_way_out_it_watches_and_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> bool:
        return any("event=notice kind=alarm" in record.getMessage() for record in caplog.records)

    async with watching(lonely(tmp_path)):
        await asyncio.to_thread(eventually, said, "the alarm is in the log")
    assert Journal(tmp_path / "watchdog").is_told
