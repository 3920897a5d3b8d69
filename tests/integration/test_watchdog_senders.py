"""The watchdog's ways out against a real socket and real programs."""

import json
import sys
import time
from pathlib import Path

import pytest

from alerting.senders.senders import Command, SendError, Webhook, http_status, retry_wait_s
from contract.errors import ConfigurationError
from tests.dashboard_stage import free_port
from tests.webhook_receiver import HANG, REFUSED, TAKEN, open_receiver
from watchdog.config import make_senders

BODY = '{"kind":"alarm","text_vi":"Hệ thống ngừng"}'.encode()


@pytest.mark.parametrize(
    "answer",
    [TAKEN, b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.0 202 Ok\r\n\r\n"],
)
async def test_a_webhook_gets_body_and_key(answer: bytes) -> None:
    async with open_receiver() as receiver:
        receiver.answer = answer
        await Webhook(receiver.url).send(BODY, "key-1")
        assert receiver.tries == [("key-1", json.loads(BODY))]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (REFUSED, "answered 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "answered 302"),
        (b"SSH-2.0-nonsense\r\n", "not HTTP"),
        (b"HTTP/1.1 " + b"2" * 100_000, "no answer"),
        (HANG, "no answer"),
    ],
    ids=["500", "redirect", "nonsense", "endless", "hangs"],
)
async def test_anything_else_is_a_failure_within_its_time(answer: bytes, why: str) -> None:
    async with open_receiver() as receiver:
        receiver.answer = answer
        began_s = time.monotonic()
        with pytest.raises(SendError, match=why):
            await Webhook(receiver.url, timeout_s=1.0).send(BODY, "key-1")
        assert time.monotonic() - began_s < 30


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/"])
async def test_nobody_there_is_a_failure(url: str) -> None:
    with pytest.raises(SendError):
        await Webhook(url.format(port=free_port()), timeout_s=5.0).send(BODY, "key-1")


async def test_an_address_that_is_no_web_address_is_named() -> None:
    with pytest.raises(ValueError, match="ftp"):
        await http_status("GET", "ftp://127.0.0.1/", {}, b"", 1.0)


async def test_a_command_gets_body_and_key_but_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDUOPS_DATABASE_URL", "postgresql://secret")
    program = (
        "import os, sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read() + b'|' "
        "+ os.environ['EDUOPS_NOTICE_KEY'].encode() + b'|' "
        "+ str('EDUOPS_DATABASE_URL' in os.environ).encode())"
    )
    out = tmp_path / "a file; rm -rf"
    await Command([sys.executable, "-c", program, str(out)]).send(BODY, "key-1")
    assert out.read_bytes() == BODY + b"|key-1|False"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/bin/sh", "-c", "exit 3"], "code 3"),
        (["/bin/sh", "-c", "sleep 600"], "took longer than 0.5 s"),
        (["/bin/sh", "-c", "sleep 600 & wait"], "took longer than 0.5 s"),
        (["/nowhere/to/be/found"], "cannot be run"),
    ],
)
async def test_a_command_that_fails_or_hangs_is_a_failure(argv: list[str], why: str) -> None:
    with pytest.raises(SendError, match=why):
        await Command(argv, timeout_s=0.5).send(BODY, "key-1")


def test_the_pauses_grow_to_a_minute() -> None:
    assert [retry_wait_s(n) for n in (1, 2, 3, 7, 8, 10_000)] == [1, 2, 4, 60, 60, 60]


def test_an_alarm_leaves_the_machine_only_encrypted() -> None:
    for url in ("http://alarms.example/hook", "http://10.0.0.7/"):
        with pytest.raises(ConfigurationError, match="https"):
            make_senders(url, None)
    for url in (
        "https://alarms.example/hook",
        "http://127.0.0.1:9/",
        "http://localhost:9/x",
        "http://[::1]:9/",
    ):
        assert [sender.name for sender in make_senders(url, None)] == ["webhook"]


@pytest.mark.parametrize("command", ["", "  ", "echo 'open"])
def test_a_command_that_cannot_be_meant_is_named(command: str) -> None:
    with pytest.raises(ConfigurationError, match="watchdog_command"):
        make_senders(None, command)
