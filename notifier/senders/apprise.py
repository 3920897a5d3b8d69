"""Every address that Apprise knows: mail, Telegram, SMS gateways and some 200 more.

Apprise blocks, and a call of it cannot be broken off: each has a thread of its own, which is given up after
`SEND_S`. It tells whether a message was taken, and in its log the status that the service answered; that
status alone is read from there, for the rest may have parts of the address.
"""

import asyncio
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from alerting.messages.wording import MessageForm
from contract.routing.delivery import AttemptOutcome
from contract.routing.report import ReportFile
from notifier.senders.outlet import TAKEN, AddressError, ChannelAnswer, Letter
from notifier.senders.web import PASSING

if TYPE_CHECKING:
    from apprise import AttachBase, NotifyBase

Result = TypeVar("Result")
SEND_S: Final = 30.0
"""Apprise waits 4 s for a connection and 4 s for an answer, for mail 15 s each; whoever drips is given up."""
SHORT_CHARACTERS: Final = 500
"""What takes less is an SMS gateway: they say 140 or 160, chats 1,000 and more."""
MOST_THREADS: Final = 16
"""So many calls that never came to an end, and no more are begun."""
OWN_WEB: Final = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Apprise's own webhooks dial whatever a name means: those of `notifier.senders.alertmanager` do not."""
_STATUS: Final = re.compile(r"\berror=([1-5]\d\d)(?:\d\d)?\b")
"""As of HTTP; ntfy puts two digits of its own behind it."""
_threads: Final = threading.BoundedSemaphore(MOST_THREADS)


class AppriseOutlet:
    """One address of Apprise's; made by `open_apprise`."""

    def __init__(self, service: "NotifyBase", *, is_mail: bool, timeout_s: float = SEND_S) -> None:
        self._service = service
        self._is_mail = is_mail
        self._timeout_s = timeout_s

    @property
    def form(self) -> MessageForm:
        """See `Outlet`."""
        if self._service.body_maxlen <= SHORT_CHARACTERS:
            return MessageForm.SMS
        return MessageForm.MAIL if self._is_mail else MessageForm.CHAT

    async def send(self, letter: Letter) -> ChannelAnswer:
        """See `Outlet`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await _in_thread(lambda: self._send(letter))
        except TimeoutError:
            return ChannelAnswer(AttemptOutcome.FAILED, f"no answer within {self._timeout_s:g} s")
        except _NoThreadError:
            return ChannelAnswer(AttemptOutcome.FAILED, "too many calls hang")

    def _send(self, letter: Letter) -> ChannelAnswer:
        from apprise import Apprise, AppriseAttachment, NotifyFormat

        caller = Apprise(asset=self._service.asset)
        caller.add(self._service)
        files = letter.files if self._is_mail else ()
        result = caller.notify(
            body=letter.text.body,
            title=letter.text.title,
            body_format=NotifyFormat.TEXT,
            attach=AppriseAttachment([_in_memory(file) for file in files]),
        )
        if result:
            return TAKEN
        said = " ".join(entry.message for entry in result.logs())
        statuses = [int(status) for status in _STATUS.findall(said)]
        if not statuses:
            return ChannelAnswer(AttemptOutcome.FAILED, "it was not taken")
        passes = any(status in PASSING or status >= 500 for status in statuses)
        outcome = AttemptOutcome.FAILED if passes else AttemptOutcome.REFUSED
        return ChannelAnswer(outcome, f"it answered {', '.join(map(str, dict.fromkeys(statuses)))}")


async def open_apprise(url: str, timeout_s: float = SEND_S) -> AppriseOutlet:
    """Return the outlet of an address; the first one loads the library, which takes a second.

    Raises:
        AddressError: Apprise does not understand it.
    """
    scheme = url.partition("://")[0]
    if scheme in OWN_WEB:
        raise AddressError(f"{scheme}:// is not taken; write alertmanager+https://…")
    service = await asyncio.to_thread(_instantiate, url)
    if service is None:
        raise AddressError(f"no channel of the kind {scheme}:// is written like this (docs of Apprise)")
    return AppriseOutlet(service, is_mail=scheme.startswith("mailto"), timeout_s=timeout_s)


def _in_memory(file: ReportFile) -> "AttachBase":
    from apprise.attachment.memory import AttachMemory

    return AttachMemory(file.content, name=file.name)  # type: ignore[no-untyped-call]


def _instantiate(url: str) -> "NotifyBase | None":
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    asset = AppriseAsset(
        async_mode=False,
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,
        app_id="eduops",
        app_desc="eduops",
        app_url="",
        image_url_mask="",  # else whoever reads the message fetches a picture from elsewhere
        image_url_logo="",
    )
    return Apprise.instantiate(url, asset=asset)


class _NoThreadError(Exception):
    """So many calls hang that no other is begun."""


async def _in_thread(call: Callable[[], Result]) -> Result:
    """Return what a call returns, from a thread that nobody waits for at the end of the process."""
    if not _threads.acquire(blocking=False):
        raise _NoThreadError
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        told: Callable[[], None]
        try:
            told = partial(done.set_result, call())
        except BaseException as error:  # whatever it is, it is told where it is waited for
            told = partial(done.set_exception, error)
        finally:
            _threads.release()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if done.done() else told())

    threading.Thread(target=run, daemon=True, name="apprise").start()
    return await done
