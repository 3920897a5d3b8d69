"""The server asks who a client is, and the other way round: who is there, and away with it.

The connection belongs to the server's system account, with the few subjects below and no other.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from bus.auth.jwt import CalloutQuestion, TokenSigner
from bus.connection import inbox_of, open_nats
from bus.mqtt_store import ns_of
from contract.devices.connecting import BrokerLine, ConnectRequest, DeviceRights
from contract.errors import InfrastructureError

_logger: Final = logging.getLogger(__name__)

QUESTIONS: Final = "$SYS.REQ.USER.AUTH"
GONE: Final = "$SYS.ACCOUNT.*.DISCONNECT"
CONNECTIONS: Final = "$SYS.REQ.SERVER.PING.CONNZ"
KICK: Final = "$SYS.REQ.SERVER.{server}.KICK"
HEARD: Final = (QUESTIONS, GONE, f"{inbox_of('authoriser')}.>")
"""Subjects that its user may hear."""
SAID: Final = (CONNECTIONS, KICK.format(server="*"))
"""Subjects on which its user may publish, besides answers."""
GROUP: Final = "authoriser"
"""Several divide the questions among them."""
TAKEN_OVER: Final = b'"reason":"Duplicate Client ID"'
"""In the news of a connection whose client id another one took. Source: nats-server, server/monitor.go."""
PATIENCE_S: Final = 10.0
RECONNECT_S: Final = 0.05
"""A restarted server asks at once, and whoever is asked for while nobody hears it waits in vain."""
ANSWER_S: Final = 2.0
MORE_S: Final = 0.2
"""After the first server's answer the others of a cluster have this long; nobody says how many there are."""
PAGE: Final = 2048
SECOND_LOOK_S: Final = 2.0
"""Whoever is not let in is told so late: a credential that was just issued arrives meanwhile, and guessing
takes its time. Well below the server's patience."""

Judge = Callable[[ConnectRequest, bool], DeviceRights | None]
"""Says what a client may do; None for a client that is not let in. Asked again after `SECOND_LOOK_S` where
that is its first word; the flag says that the answer is the last."""
Unwanted = Callable[[str, int], bool]
"""Says of a client id, and of when its connection began, µs since 1970, that it may not stay."""
Gone = Callable[[BrokerLine, bool], None]
"""Hears what a connection carried until it ended, and whether another one took its client id."""


class _Carried(msgspec.Struct):
    msgs: int
    bytes: int


class _GoneClient(msgspec.Struct):
    id: int
    start: str
    client_id: str = ""


class _Server(msgspec.Struct):
    id: str


class _GoneNews(msgspec.Struct):
    """Source: nats-server, server/events.go, DisconnectEventMsg."""

    server: _Server
    client: _GoneClient
    sent: _Carried
    """As the client sees it: what it sent."""


class _Connection(msgspec.Struct):
    cid: int
    start: str
    in_msgs: int
    in_bytes: int
    mqtt_client: str = ""


class _Page(msgspec.Struct):
    connections: list[_Connection]


class _Said(msgspec.Struct):
    """Source: nats-server, server/monitor.go, Connz and ServerAPIConnzResponse."""

    server: _Server
    data: _Page


_gone: Final = msgspec.json.Decoder(_GoneNews)
_said: Final = msgspec.json.Decoder(_Said)  # a fleet's pages are megabytes, every ten seconds


class AuthCallout:
    """Answers the server's questions; made by `connect`."""

    def __init__(self, client: Client, signer: TokenSigner) -> None:
        self._client = client
        self._signer = signer
        self._held_back: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, user: str, password: str, name: str) -> AsyncIterator["AuthCallout"]:
        """Connect as the user whom the server asks.

        Raises:
            InfrastructureError: the server is out of reach or refuses.
        """
        signer = TokenSigner(password)
        async with open_nats(
            url, user=user, password=password, name=name, patience_s=PATIENCE_S, reconnect_s=RECONNECT_S
        ) as connection:
            yield cls(connection.client, signer)

    async def serve(self, judge: Judge, gone: Gone) -> None:
        """Answer from now on, and tell which connections of MQTT clients end.

        Raises:
            InfrastructureError: the server is out of reach.
        """

        async def on_question(message: Msg) -> None:
            question = _question(message)
            if question is None:
                return
            rights = judge(question.request, False)
            if rights is not None:
                await self._answer(message, question, rights)
                return
            held = asyncio.create_task(self._answer_late(message, question, judge))
            self._held_back.add(held)  # the loop itself holds tasks only weakly
            held.add_done_callback(self._held_back.discard)

        async def on_gone(message: Msg) -> None:
            news = _gone.decode(message.data)
            if news.client.client_id:
                gone(
                    BrokerLine(
                        news.server.id,
                        news.client.id,
                        news.client.client_id,
                        ns_of(news.client.start) // 1000,
                        news.sent.msgs,
                        news.sent.bytes,
                    ),
                    TAKEN_OVER in message.data,
                )

        await self._client.subscribe(QUESTIONS, queue=GROUP, cb=on_question)
        await self._client.subscribe(GONE, cb=on_gone)
        await self._ask_all({"limit": 1})  # an answer: what was sent before it, the server knows too

    async def kick(self, unwanted: Unwanted, client_id: str | None = None) -> int:
        """End the connections of MQTT clients that are unwanted, and return how many.

        Args:
            unwanted: Says so of a client id and when its connection began.
            client_id: Only of this one; None looks at all there are.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        standing = await self.standing(client_id)
        found = [held for held in standing if unwanted(held.client_id, held.started_us)]
        try:
            for held in found:
                subject = KICK.format(server=held.server)
                await self._client.request(subject, json.dumps({"cid": held.number}).encode(), ANSWER_S)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise InfrastructureError(f"the broker does not end connections: {error!r}") from error
        return len(found)

    async def _answer(self, message: Msg, question: CalloutQuestion, rights: DeviceRights | None) -> None:
        try:
            await message.respond(question.answer(self._signer, rights, int(time.time())))
        except (nats.errors.Error, OSError):
            _logger.warning("event=answer_not_sent subject=%s", QUESTIONS)

    async def _answer_late(self, message: Msg, question: CalloutQuestion, judge: Judge) -> None:
        await asyncio.sleep(SECOND_LOOK_S)
        await self._answer(message, question, judge(question.request, True))

    async def standing(self, client_id: str | None = None) -> list[BrokerLine]:
        """Return the connections of MQTT clients, of one of them or of all.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        found: list[BrokerLine] = []
        offset, more = 0, True
        while more:
            asked: dict[str, Any] = {"limit": PAGE, "offset": offset}
            if client_id is not None:
                asked["mqtt_client"] = client_id
            more = False
            for server, page in await self._ask_all(asked):
                found += [
                    BrokerLine(server, c.cid, c.mqtt_client, ns_of(c.start) // 1000, c.in_msgs, c.in_bytes)
                    for c in page
                    if c.mqtt_client
                ]
                more = more or len(page) == PAGE
            offset += PAGE
        return found

    async def _ask_all(self, asked: dict[str, Any]) -> list[tuple[str, list[_Connection]]]:
        """Return what every server of the cluster answers: its id and a page of its connections."""
        inbox = self._client.new_inbox()
        answers: list[tuple[str, list[_Connection]]] = []
        try:
            heard = await self._client.subscribe(inbox)
            await self._client.publish(CONNECTIONS, json.dumps(asked).encode(), reply=inbox)
            try:
                while True:
                    said = _said.decode((await heard.next_msg(MORE_S if answers else ANSWER_S)).data)
                    answers.append((said.server.id, said.data.connections))
            except TimeoutError:
                await heard.unsubscribe()
        except (nats.errors.Error, OSError, msgspec.MsgspecError) as error:
            raise InfrastructureError(f"the broker does not say who is connected: {error!r}") from error
        return answers


def _question(message: Msg) -> CalloutQuestion | None:
    try:
        return CalloutQuestion(message.data)
    except (msgspec.MsgspecError, ValueError) as error:
        _logger.warning("event=callout_unreadable: %s", error)
        return None
