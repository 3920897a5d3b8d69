"""Receivers of Alertmanager's webhook, `alertmanager+https://…`: tickets, chat bots, other centers."""

from typing import Final

import msgspec

from alerting.messages.wording import MessageForm
from notifier.senders.outlet import AddressError, ChannelAnswer, Letter
from notifier.senders.web import WebError, judge, judge_error, post

_PREFIX: Final = "alertmanager+"


class AlertmanagerOutlet:
    """Posts version "4" of the body; the key is the header `Idempotency-Key`.

    Source: draft-ietf-httpapi-idempotency-key-header.
    """

    form = MessageForm.CHAT

    def __init__(self, url: str, *, loopback: bool) -> None:
        """Take the address.

        Args:
            url: `alertmanager+https://[user:password@]host/path`, or `alertmanager+http://`.
            loopback: whether it may be on this machine.

        Raises:
            AddressError: it is none.
        """
        self._url = url.removeprefix(_PREFIX)
        if not self._url.startswith(("http://", "https://")):
            raise AddressError("after `alertmanager+` comes https:// or http://")
        self._loopback = loopback

    async def send(self, letter: Letter) -> ChannelAnswer:
        """See `Outlet`."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": letter.key}
        try:
            answer = await post(self._url, headers, msgspec.json.encode(letter.body), loopback=self._loopback)
        except WebError as error:
            return judge_error(error)
        return judge(answer)
