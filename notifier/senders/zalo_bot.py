"""Zalo bots, `zalobot://TOKEN/CHAT`: whoever wrote to the bot once can be written to.

Source: bot.zapps.me/docs, sendMessage: HTTP 200 with `ok` false is a failure; its `error_code` is as of HTTP.
"""

import re
from typing import Final

import msgspec

from alerting.messages.wording import MessageForm
from contract.routing.delivery import AttemptOutcome
from notifier.senders.outlet import AddressError, ChannelAnswer, Letter
from notifier.senders.web import WebAnswer, WebError, judge, judge_error, post

API: Final = "https://bot-api.zaloplatforms.com"
MOST_CHARACTERS: Final = 2_000
_ADDRESS: Final = re.compile(r"zalobot://(?P<token>\d+:[\w-]+)/(?P<chat>[\w-]+)")


class _Said(msgspec.Struct):
    ok: bool = False
    error_code: int = 0


class ZaloBotOutlet:
    """One chat of a bot."""

    form = MessageForm.CHAT

    def __init__(self, url: str, *, api: str = API, loopback: bool = False) -> None:
        """Take the address; `api` is where the bots' service is.

        Raises:
            AddressError: it is none.
        """
        found = _ADDRESS.fullmatch(url)
        if found is None:
            raise AddressError("a Zalo bot is zalobot://NUMBER:SECRET/CHAT")
        self._url = f"{api}/bot{found['token']}/sendMessage"
        self._chat = found["chat"]
        self._loopback = loopback

    async def send(self, letter: Letter) -> ChannelAnswer:
        """See `Outlet`."""
        body = msgspec.json.encode({"chat_id": self._chat, "text": letter.text.whole[:MOST_CHARACTERS]})
        try:
            answer = await post(
                self._url, {"Content-Type": "application/json"}, body, loopback=self._loopback
            )
        except WebError as error:
            return judge_error(error)
        if answer.status != 200:
            return judge(answer)
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
        except msgspec.MsgspecError:
            return ChannelAnswer(AttemptOutcome.FAILED, "its answer cannot be read")
        # A refusal without a code is one.
        return judge(answer if said.ok else WebAnswer(said.error_code or 400, answer.retry_after_s, b""))
