"""The channels of notices at real sockets: what is asked, what an answer means, what is never dialled."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from alerting.messages.webhook import WebhookBody
from alerting.messages.wording import MessageForm, NoticeText
from contract.routing.delivery import AttemptOutcome
from contract.routing.report import ReportFile
from eduops.log_lines import hush_libraries
from eduops.machine.ports import free_ports
from notifier.senders.alertmanager import AlertmanagerOutlet
from notifier.senders.apprise import open_apprise
from notifier.senders.outlet import AddressError, Letter
from notifier.senders.web import WebAnswer, WebError, is_allowed, judge, parse_retry_after, post
from notifier.senders.zalo_bot import ZaloBotOutlet
from notifier.senders.zalo_oa import ZaloOaOutlet
from tests.mailbox import Mailbox, attached_to, open_mailbox, text_of
from tests.webhook_receiver import HANG, open_receiver

TEXT = NoticeText("P1 Mất kết nối: FPT · Thủ Đức", "Từ 08:01\nhttp://wall.example/incidents/1")
LETTER = Letter("key-1", "An", TEXT, WebhookBody("4", "", 0, "firing", "An", {}, {}, {}, "", ()))


class WebService:
    """A web server that answers each path with what a test put there, the last answer again and again."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, dict[str, str], str]] = []
        """Path, headers and body of every request."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        self.asked.append((path, headers, body.decode()))
        answers = self.answers[path]
        status, said = answers.pop(0) if len(answers) > 1 else answers[0]
        told = json.dumps(said).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(told)}\r\n\r\n".encode() + told)
        await writer.drain()
        writer.close()

    def paths(self) -> list[str]:
        """Return what was asked, in order."""
        return [path for path, _, _ in self.asked]


@asynccontextmanager
async def open_service() -> AsyncIterator[WebService]:
    service = WebService()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield service


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "fd00:ec2::254"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "240.0.0.1"),
        *("127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "127.8.9.10"),
    ],
)
def test_an_address_that_is_never_dialled(address: str) -> None:
    assert not is_allowed(ip_address(address), loopback=False)


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::7", "fd12::1", "64:ff9b::a00:7"])
def test_an_address_that_is(address: str) -> None:
    assert is_allowed(ip_address(address), loopback=False)


def test_this_machine_only_where_it_is_allowed() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert is_allowed(ip_address(address), loopback=True)
    assert not is_allowed(ip_address("169.254.169.254"), loopback=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_a_name_that_means_this_machine_is_refused_before_it_is_asked(host: str) -> None:
    async with open_receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        answer = await AlertmanagerOutlet(f"alertmanager+{url}", loopback=False).send(LETTER)
        assert answer.outcome is AttemptOutcome.REFUSED
        assert "not asked" in answer.words
        assert receiver.tries == []


async def test_the_name_stays_in_the_request_and_the_password_in_its_header() -> None:
    async with open_receiver() as receiver:
        url = receiver.url.replace("http://127.0.0.1", "http://crew:s%3Acret@localhost")
        answer = await AlertmanagerOutlet(f"alertmanager+{url}", loopback=True).send(LETTER)
        assert answer.outcome is AttemptOutcome.SENT
    (headers,) = receiver.headers
    assert headers["host"] == receiver.url.split("/")[2].replace("127.0.0.1", "localhost")
    assert headers["authorization"] == "Basic Y3JldzpzOmNyZXQ="
    assert receiver.tries[0][0] == "key-1"


async def test_redirects_and_proxies_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_receiver() as receiver, open_receiver() as other:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, other.url)
        receiver.answer = f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\n\r\n".encode()
        answer = await AlertmanagerOutlet(f"alertmanager+{receiver.url}", loopback=True).send(LETTER)
        assert answer == (AttemptOutcome.REFUSED, "it answered 302", None)
        assert (len(receiver.tries), other.tries) == (1, [])


@pytest.mark.parametrize(
    ("answer", "endless", "pause_s", "why"),
    [
        (HANG, b"", 0.0, "no answer within 0.5 s"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05, "no answer within 0.5 s"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"z", 0.05, "no answer within 0.5 s"),
        (b"SSH-2.0-nonsense\r\n", b"", 0.0, "not HTTP"),
    ],
    ids=["hangs", "drips headers", "drips a body", "nonsense"],
)
async def test_a_request_is_bounded(answer: bytes, endless: bytes, pause_s: float, why: str) -> None:
    async with open_receiver() as receiver:
        receiver.answer, receiver.endless, receiver.pause_s = answer, endless, pause_s
        with pytest.raises(WebError, match=why) as failed:
            await post(receiver.url, {}, b"{}", loopback=True, timeout_s=0.5)
        assert not failed.value.is_final


async def test_of_an_endless_answer_the_beginning_is_read() -> None:
    async with open_receiver() as receiver:
        receiver.answer, receiver.endless = b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 65_536
        assert (await post(receiver.url, {}, b"{}", loopback=True, timeout_s=60.0)).status == 200


async def test_nobody_there_and_no_such_name_are_failures_that_pass() -> None:
    for url in (f"http://127.0.0.1:{free_ports(1)[0]}/", "http://no-such-name.invalid/"):
        with pytest.raises(WebError) as failed:
            await post(url, {}, b"{}", loopback=True)
        assert not failed.value.is_final
        assert "http" not in str(failed.value).lower().replace("httpx", "")


@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        ("sent", (200, 201, 204)),
        ("refused", (301, 302, 400, 401, 403, 404, 410)),
        ("failed", (408, 425, 429, 500, 502, 503)),
    ],
)
def test_what_a_status_means(outcome: str, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        assert judge(WebAnswer(status, 7.0, b"")).outcome.value == outcome, status


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("99999999", 3600.0),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_in_both_forms(text: str | None, wait_s: float | None) -> None:
    assert parse_retry_after(text, 1445412480.0) == wait_s


async def test_a_zalo_bot_says_no_with_status_200() -> None:
    async with open_service() as service:
        outlet = ZaloBotOutlet("zalobot://123:s-ecret/chat_9", api=service.url, loopback=True)
        path = "/bot123:s-ecret/sendMessage"
        for said, outcome in (
            ({"ok": True, "result": {}}, AttemptOutcome.SENT),
            ({"ok": False, "error_code": 429, "description": "slow down"}, AttemptOutcome.FAILED),
            ({"ok": False, "error_code": 400, "description": "chat not found"}, AttemptOutcome.REFUSED),
            ({"ok": False}, AttemptOutcome.REFUSED),
        ):
            service.answers[path] = [(200, said)]
            answer = await outlet.send(LETTER)
            assert answer.outcome is outcome, said
            assert "s-ecret" not in answer.words
    assert json.loads(service.asked[0][2]) == {"chat_id": "chat_9", "text": TEXT.whole}


def account(service: WebService, folder: Path, refresh: str = "r1") -> ZaloOaOutlet:
    return ZaloOaOutlet(
        f"zalooa://42:s-ecret@cs/user9?refresh={refresh}",
        folder,
        api=service.url,
        oauth=service.url,
        loopback=True,
    )


def granted(n: int) -> tuple[int, dict[str, str]]:
    return 200, {"access_token": f"a{n}", "refresh_token": f"r{n}", "expires_in": "90000"}


CS, OAUTH = "/v3.0/oa/message/cs", "/v4/oa/access_token"


async def test_a_refresh_token_is_used_once_and_the_next_one_is_kept(
    tmp_path: Path,
) -> None:
    async with open_service() as service:
        service.answers = {CS: [(200, {"error": 0})], OAUTH: [granted(2)]}
        answers = await asyncio.gather(*(account(service, tmp_path).send(LETTER) for _ in range(5)))
        assert {answer.outcome for answer in answers} == {AttemptOutcome.SENT}
        assert service.paths().count(OAUTH) == 1
        _, headers, body = service.asked[0]
        assert (headers["secret_key"], "refresh_token=r1" in body) == ("s-ecret", True)
        assert {h["access_token"] for path, h, _ in service.asked if path == CS} == {"a2"}
        # The access token is old: the kept refresh token is used, not that of the address.
        service.answers = {CS: [(200, {"error": -216}), (200, {"error": 0})], OAUTH: [granted(3)]}
        assert (await account(service, tmp_path).send(LETTER)).outcome is AttemptOutcome.FAILED
        assert (await account(service, tmp_path).send(LETTER)).outcome is AttemptOutcome.SENT
        assert [body for path, _, body in service.asked if path == OAUTH][1].startswith("refresh_token=r2")
        # Another one in the address begins anew.
        service.answers = {CS: [(200, {"error": 0})], OAUTH: [granted(8)]}
        assert (await account(service, tmp_path, "r7").send(LETTER)).outcome is AttemptOutcome.SENT
        assert [body for path, _, body in service.asked if path == OAUTH][2].startswith("refresh_token=r7")
    assert oct((tmp_path / "zalo-42.json").stat().st_mode)[-3:] == "600"


async def test_an_official_account_says_no_with_status_200(tmp_path: Path) -> None:
    async with open_service() as service:
        service.answers = {OAUTH: [granted(2)]}
        for error, outcome in ((-213, "refused"), (-230, "refused"), (-32, "failed"), (-200, "failed")):
            service.answers[CS] = [(200, {"error": error, "message": "no"})]
            answer = await account(service, tmp_path).send(LETTER)
            assert (answer.outcome.value, answer.words) == (outcome, f"it answered error {error}")
        service.answers[OAUTH] = [(200, {"error": -14014, "error_name": "Invalid refresh token"})]
        answer = await account(service, tmp_path, "r9").send(LETTER)
        assert (answer.outcome.value, "new refresh token" in answer.words) == ("refused", True)


@pytest.mark.parametrize("url", ["zalobot://x/1", "zalobot://1:s/", "zalooa://1:s@mail/2?refresh=t"])
def test_a_zalo_address_that_cannot_be_meant(url: str, tmp_path: Path) -> None:
    with pytest.raises(AddressError) as refused:
        ZaloBotOutlet(url) if url.startswith("zalobot") else ZaloOaOutlet(url, tmp_path)
    assert url not in str(refused.value)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


async def test_a_mail_arrives_with_subject_and_text(mailbox: Mailbox) -> None:
    outlet = await open_apprise(mailbox.url)
    assert outlet.form is MessageForm.MAIL
    assert (await outlet.send(LETTER)).outcome is AttemptOutcome.SENT
    (mail,) = mailbox.mails
    assert (mail["subject"], mail["to"]) == (TEXT.title, "an@school.example")
    assert text_of(mail) == TEXT.body.splitlines()
    mailbox.answer = "451 try again later"
    assert (await outlet.send(LETTER)).outcome is AttemptOutcome.FAILED


async def test_files_go_with_their_mail(mailbox: Mailbox) -> None:
    files = (
        ReportFile("day.pdf", b"%PDF-1.7 made up"),
        ReportFile("day-excel.csv", "\ufeffTỷ lệ;1,5\r\n".encode()),
    )
    outlet = await open_apprise(mailbox.url)
    assert (await outlet.send(replace(LETTER, files=files))).outcome is AttemptOutcome.SENT
    (mail,) = mailbox.mails
    assert attached_to(mail) == dict(files)


async def test_a_mail_server_that_is_away_or_hangs_is_a_failure() -> None:
    away = await open_apprise(f"mailto://127.0.0.1:{free_ports(1)[0]}?from=a@b.example&to=c@d.example")
    assert (await away.send(LETTER)).outcome is AttemptOutcome.FAILED

    over, handlers = asyncio.Event(), list[asyncio.Task[Any] | None]()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        hung = await open_apprise(f"mailto://127.0.0.1:{port}?from=a@b.example&to=c@d.example", timeout_s=0.5)
        answer = await hung.send(LETTER)
        assert answer == (AttemptOutcome.FAILED, "no answer within 0.5 s", None)
        over.set()
        await asyncio.gather(*filter(None, handlers))


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("vonage://key12345:secret1234567890@+84900000001/+84900000002", MessageForm.SMS),
        ("tgram://123456789:abcdefg_hijklmnopqrstuvwxyzABCDEFGH/12315544", MessageForm.CHAT),
        ("ntfy://topic", MessageForm.CHAT),
    ],
)
async def test_the_room_of_a_channel_is_known(url: str, form: MessageForm) -> None:
    assert (await open_apprise(url)).form is form


@pytest.mark.parametrize("url", ["json://127.0.0.1/", "forms://a.example/", "nothing://x", "tgram://token"])
async def test_an_address_that_apprise_does_not_get_or_understand(
    url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hush_libraries()  # as every service does
    with pytest.raises(AddressError) as refused:
        await open_apprise(url)
    assert url not in str(refused.value) + "".join(capfd.readouterr()) + caplog.text


async def test_the_status_that_a_service_answered_is_read_and_nothing_else() -> None:
    async with open_service() as service:
        service.answers = {"/": [(403, {"code": 40301, "error": "no"})]}
        port = service.url.rpartition(":")[2]
        outlet = await open_apprise(f"ntfy://crew:s-ecret@127.0.0.1:{port}/topic")
        answer = await outlet.send(LETTER)
        assert answer == (AttemptOutcome.REFUSED, "it answered 403", None)
        service.answers = {"/": [(429, {"code": 42901, "error": "no"})]}
        assert (await outlet.send(LETTER)).outcome is AttemptOutcome.FAILED
