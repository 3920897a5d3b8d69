"""The watchdog's ways out against a real socket and real programs."""

import json
import logging
import shutil
import ssl
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from contract.errors import ConfigurationError, InfrastructureError
from eduops.log_lines import hush_libraries
from eduops.machine.ports import free_ports
from eduops.settings import command_environment
from tests.webhook_receiver import HANG, REFUSED, TAKEN, open_receiver
from watchdog.config import make_senders
from watchdog.senders.command import Command
from watchdog.senders.http import http_status
from watchdog.senders.sender import RETRY, SendError
from watchdog.senders.webhook import Webhook

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
        (HANG, "no answer within 1 s"),
    ],
    ids=["500", "redirect", "nonsense", "hangs"],
)
async def test_anything_else_is_a_failure(answer: bytes, why: str) -> None:
    async with open_receiver() as receiver:
        receiver.answer = answer
        with pytest.raises(SendError, match=why):
            await Webhook(receiver.url, timeout_s=1.0).send(BODY, "key-1")


@pytest.mark.parametrize(
    ("answer", "endless", "pause_s", "why"),
    [
        (b"HTTP/1.1 ", b"2" * 1000, 0.0, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Flood: " + b"y" * 1000 + b"\r\n", 0.0, "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01, "no answer within 2 s"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05, "no answer within 2 s"),
    ],
    ids=["status line", "headers", "interim answers", "headers, drop by drop"],
)
async def test_an_answer_without_end_is_given_up(
    answer: bytes, endless: bytes, pause_s: float, why: str
) -> None:
    async with open_receiver() as receiver:
        receiver.answer, receiver.endless, receiver.pause_s = answer, endless, pause_s
        with pytest.raises(SendError, match=why):
            await Webhook(receiver.url, timeout_s=60.0 if why == "not HTTP" else 2.0).send(BODY, "key-1")


async def test_a_body_without_end_is_not_read() -> None:
    async with open_receiver() as receiver:
        receiver.answer, receiver.endless = b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 65_536
        await Webhook(receiver.url, timeout_s=60.0).send(BODY, "key-1")


async def test_user_and_password_of_the_address_are_sent_and_never_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    hush_libraries()  # as every service does
    async with open_receiver() as receiver:
        url = receiver.url.replace("http://", "http://trực%20ca:s%3Acret%2F@").replace("/hook", "/h00k-token")
        await Webhook(url).send(BODY, "key-1")
        receiver.endless, receiver.answer = b"", REFUSED
        with pytest.raises(SendError) as refused:
            await Webhook(url).send(BODY, "key-2")
    expected = "Basic " + b64encode("trực ca:s:cret/".encode()).decode()
    assert [headers["authorization"] for headers in receiver.headers] == [expected] * 2
    assert receiver.headers[0]["host"] == receiver.url.split("/")[2]
    said = caplog.text + str(refused.value)
    assert not [word for word in ("cret", "h00k", expected.split()[1]) if word in said]


async def test_no_authorization_where_the_address_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with open_receiver() as receiver:
        await Webhook(receiver.url).send(BODY, "key-1")
    assert "authorization" not in receiver.headers[0]


async def test_proxies_of_the_environment_hear_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_receiver() as receiver, open_receiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        await Webhook(receiver.url).send(BODY, "key-1")
        assert (len(receiver.tries), len(proxy.tries)) == (1, 0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by itself, with its key in the same file."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "this test makes a certificate with the openssl command (package openssl)"
    made = tmp_path_factory.mktemp("tls") / "localhost.pem"
    options = f"req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {made} -out {made}.crt -subj /CN=localhost"
    named = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([openssl, *options.split(), *named], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + Path(f"{made}.crt").read_bytes())
    return made


@pytest.mark.parametrize(
    ("trusted", "host", "why"),
    [(True, "localhost", None), (False, "localhost", "CERTIFICATE"), (True, "127.0.0.1", "CERTIFICATE")],
    ids=["known", "unknown", "of another name"],
)
async def test_only_a_certificate_that_the_system_trusts_gets_the_notice(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, host: str, why: str | None
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with open_receiver(context) as receiver:
        webhook = Webhook(receiver.url.replace("127.0.0.1", host))
        if why is None:
            await webhook.send(BODY, "key-1")
        else:
            with pytest.raises(SendError, match=why):
                await webhook.send(BODY, "key-1")
        assert len(receiver.tries) == (why is None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/"])
async def test_nobody_there_is_a_failure(url: str) -> None:
    with pytest.raises(SendError):
        await Webhook(url.format(port=free_ports(1)[0]), timeout_s=5.0).send(BODY, "key-1")


async def test_an_address_that_is_no_web_address_is_named() -> None:
    for url in ("ftp://127.0.0.1/", "127.0.0.1", "http://u:pa/ss@127.0.0.1/", "http://127.0.0.1:99999/"):
        with pytest.raises(InfrastructureError, match="address") as failed:
            await http_status("GET", url, {}, b"", 5.0)
        assert "pa" not in str(failed.value)


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
    await Command([sys.executable, "-c", program, str(out)], command_environment()).send(BODY, "key-1")
    assert out.read_bytes() == BODY + b"|key-1|False"
    assert command_environment()["PATH"]


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
    assert [RETRY.wait_s(n) for n in (1, 2, 3, 7, 8, 10_000)] == [1, 2, 4, 60, 60, 60]


def test_an_alarm_leaves_the_machine_only_encrypted() -> None:
    for url in ("http://alarms.example/hook", "http://10.0.0.7/"):
        with pytest.raises(ConfigurationError, match="https"):
            make_senders(url, None, {})
    for url in (
        "https://alarms.example/hook",
        "http://127.0.0.1:9/",
        "http://localhost:9/x",
        "http://[::1]:9/",
    ):
        assert [sender.name for sender in make_senders(url, None, {})] == ["webhook"]


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://u:secret/@alarms.example/",
        "https://u:secret@alarms.example:99999/",
        "https://u:secret@alarms.example/\n",
        "http://127.0.0.1\\@secret.example/",
    ],
)
def test_an_address_that_cannot_be_meant_is_told_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="watchdog_url") as refused:
        make_senders(url, None, {})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("command", ["", "  ", "echo 'open"])
def test_a_command_that_cannot_be_meant_is_named(command: str) -> None:
    with pytest.raises(ConfigurationError, match="watchdog_command"):
        make_senders(None, command, {})
