"""Zalo Official Accounts, `zalooa://APP:SECRET@KIND/USER?refresh=TOKEN`, and their tokens, which work once.

KIND is `cs`, `transaction` or `promotion`: the kind of message that the account may send.
Source: developers.zalo.me, Official Account API v3 and OAuth v4: HTTP 200 with `error` other than 0 is a
failure; a refresh token works once, and its answer brings the next one.
"""

import asyncio
import fcntl
import hashlib
import re
import time
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlencode

import msgspec

from alerting.messages.wording import MessageForm
from config.private_file import write_private
from contract.routing.delivery import AttemptOutcome
from notifier.senders.outlet import TAKEN, AddressError, ChannelAnswer, Letter
from notifier.senders.web import WebError, judge, judge_error, post

API: Final = "https://openapi.zalo.me"
OAUTH: Final = "https://oauth.zaloapp.com"
MOST_CHARACTERS: Final = 2_000
PASSING: Final = frozenset({-1, -32, -100, -200})
"""Errors that pass: unknown ones of theirs, and too many requests. Else the next channel is asked."""
TOKEN_IS_OLD: Final = frozenset({-216, -220, -124})
"""The access token is not taken any more."""
EARLY_S: Final = 300.0
"""So long before its end an access token is renewed."""
LOCK_S: Final = 20.0
"""Longest wait for another notifier that renews the same token: longer than a request may take."""
LOOK_S: Final = 0.05
"""Between two looks whether it is done."""
_ADDRESS: Final = re.compile(
    r"zalooa://(?P<app>\d+):(?P<secret>[^@/?\s]+)@(?P<kind>cs|transaction|promotion)/(?P<user>[\w-]+)"
    r"\?refresh=(?P<refresh>[^&\s]+)"
)


class _Tokens(msgspec.Struct, frozen=True):
    """What is kept of an account's tokens."""

    origin: str
    """Hash of the refresh token of the address: another one there begins anew."""
    refresh: str
    access: str = ""
    until_s: float = 0.0
    """Unix time at which `access` ends."""


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str
    expires_in: str | int = 3600


class _Said(msgspec.Struct):
    error: int
    message: str = ""


class ZaloOaOutlet:
    """One follower of an Official Account."""

    form = MessageForm.CHAT

    def __init__(
        self, url: str, folder: Path, *, api: str = API, oauth: str = OAUTH, loopback: bool = False
    ) -> None:
        """Take the address; the tokens' chain is kept in `folder`.

        Raises:
            AddressError: it is none.
        """
        found = _ADDRESS.fullmatch(url)
        if found is None:
            raise AddressError("an Official Account is zalooa://APP:SECRET@cs/USER?refresh=TOKEN")
        self._url = f"{api}/v3.0/oa/message/{found['kind']}"
        self._oauth = f"{oauth}/v4/oa/access_token"
        self._app, self._secret, self._user = found["app"], unquote(found["secret"]), found["user"]
        self._first = unquote(found["refresh"])
        self._path = folder / f"zalo-{self._app}.json"
        self._loopback = loopback

    async def send(self, letter: Letter) -> ChannelAnswer:
        """See `Outlet`."""
        text = letter.text.whole[:MOST_CHARACTERS]
        body = msgspec.json.encode({"recipient": {"user_id": self._user}, "message": {"text": text}})
        try:
            access = await self._access()
            headers = {"Content-Type": "application/json", "access_token": access}
            answer = await post(self._url, headers, body, loopback=self._loopback)
        except WebError as error:
            return judge_error(error)
        except OSError as error:
            return ChannelAnswer(AttemptOutcome.FAILED, f"its tokens cannot be kept: {error.strerror}")
        if answer.status != 200:
            return judge(answer)
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
        except msgspec.MsgspecError:
            return ChannelAnswer(AttemptOutcome.FAILED, "its answer cannot be read")
        if said.error == 0:
            return TAKEN
        if said.error in TOKEN_IS_OLD:
            await asyncio.to_thread(self._forget, access)
        passes = said.error in PASSING | TOKEN_IS_OLD
        outcome = AttemptOutcome.FAILED if passes else AttemptOutcome.REFUSED
        return ChannelAnswer(outcome, f"it answered error {said.error}", answer.retry_after_s)

    async def _access(self) -> str:
        """Return an access token; renews it, alone among all notifiers of the folder, if it is old.

        Raises:
            WebError: none was granted.
            OSError: the next refresh token cannot be kept.
        """
        lock = await asyncio.to_thread(self._lock)
        with lock:
            tokens = self._read()
            if tokens.until_s - EARLY_S > time.time():
                return tokens.access
            granted = await self._renew(tokens.refresh)
            until_s = time.time() + float(granted.expires_in)
            # Kept before it is used: the former refresh token is worth nothing any more.
            self._write(_Tokens(tokens.origin, granted.refresh_token, granted.access_token, until_s))
            return granted.access_token

    async def _renew(self, refresh: str) -> _Granted:
        form = {"refresh_token": refresh, "app_id": self._app, "grant_type": "refresh_token"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "secret_key": self._secret}
        answer = await post(self._oauth, headers, urlencode(form).encode(), loopback=self._loopback)
        try:
            return msgspec.json.decode(answer.body, type=_Granted)
        except msgspec.MsgspecError:
            words = f"no access token is granted (it answered {answer.status}): a new refresh token is needed"
            raise WebError(words, is_final=answer.status < 500) from None

    def _lock(self) -> IO[bytes]:
        """Return a file that is locked until it is closed, or its process dies."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._path.with_suffix(".lock").open("ab")
        deadline_s = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    file.close()
                    raise WebError("another notifier renews its tokens and does not come to an end") from None
                time.sleep(LOOK_S)
            else:
                return file

    def _read(self) -> _Tokens:
        """Return the tokens that are kept, those of the address where that has others since."""
        origin = hashlib.blake2b(self._first.encode(), digest_size=16).hexdigest()
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Tokens)
        except (FileNotFoundError, msgspec.MsgspecError):
            return _Tokens(origin, self._first)
        return kept if kept.origin == origin else _Tokens(origin, self._first)

    def _write(self, tokens: _Tokens) -> None:
        write_private(self._path, msgspec.json.encode(tokens).decode())

    def _forget(self, access: str) -> None:
        """Have the next letter renew an access token, unless somebody did meanwhile."""
        with self._lock():
            tokens = self._read()
            if tokens.access == access:
                self._write(msgspec.structs.replace(tokens, until_s=0.0))
