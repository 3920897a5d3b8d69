"""What strangers leave with nats-server's MQTT: found by its age, and taken away for good."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from bus.jetstream_api import GONE, NO_MESSAGE, NO_STREAM, JetStreamApi, RefusedError
from bus.mqtt_store import (
    RETAINED,
    RETAINED_SUBJECTS,
    SESSION_SUBJECTS,
    SESSIONS,
    UNRELEASED,
    UNRELEASED_SUBJECTS,
    ns_of,
    topic_of,
)
from contract.errors import InfrastructureError

_CONNECTIONS: Final = "$SYS.REQ.ACCOUNT.PING.CONNZ"
"""Each node answers with the connections of the account that asks. Source: nats-server, server/events.go."""
_PAGE: Final = 4096
"""Connections an answer: 2 MB of the 8 that a message may have."""
_QUIET_S: Final = 1.0
"""Nodes that have not answered this long after the last are down, and so are their connections."""
_LOOK_S: Final = 0.05
_LOOKS: Final = 200
"""Ten seconds; a server with nothing else to do takes some milliseconds."""


class Kind(StrEnum):
    """What was left."""

    SESSION = "session"
    RETAINED = "retained message"
    UNRELEASED = "unreleased message"


class Leftover(NamedTuple):
    """One thing that the server keeps."""

    kind: Kind
    name: str
    """Client id of a session or of the sender of an unreleased message, topic of a retained one."""
    at_ns: int
    """When it was left, for a session its last connection, ns since 1970 of the server's clock."""
    seq: int
    subject: str
    """Where the server keeps it."""
    hears: bool = False
    """Whether it is a session with a subscription: devices have none."""


_PLACES: Final = {
    Kind.SESSION: (SESSIONS, SESSION_SUBJECTS),
    Kind.RETAINED: (RETAINED, RETAINED_SUBJECTS),
    Kind.UNRELEASED: (UNRELEASED, UNRELEASED_SUBJECTS),
}


class MqttLeftovers:
    """Finds and erases what the server keeps of clients that are away."""

    def __init__(self, api: JetStreamApi) -> None:
        self._api = api

    async def find(self, kind: Kind, before_ns: int) -> AsyncIterator[Leftover]:
        """Yield what was left before a moment, the oldest first; also of clients that are connected.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        (stream, subjects), seq = _PLACES[kind], 0
        while (message := await self._next(stream, f"{subjects}>", seq + 1)) is not None:
            seq, at_ns = int(message["seq"]), ns_of(message["time"])
            if at_ns >= before_ns:  # a stream is in the order of time
                return
            subject = str(message["subject"])
            rest = subject.removeprefix(subjects)
            if kind is Kind.SESSION:
                record = json.loads(base64.b64decode(message["data"]))
                hears = bool(record.get("subs") or record.get("cons"))
                yield Leftover(kind, record["id"], at_ns, seq, subject, hears)
            elif kind is Kind.RETAINED:
                yield Leftover(kind, topic_of(rest), at_ns, seq, subject)
            else:
                yield Leftover(kind, rest.rpartition(".")[0], at_ns, seq, subject)

    async def connected(self) -> set[str]:
        """Return the client ids that are connected now, to any node.

        Raises:
            InfrastructureError: the server does not tell.
        """
        found: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            answers = [answer["data"] for answer in await self._ask_all({"offset": offset, "limit": _PAGE})]
            total = max(answer["total"] for answer in answers)
            found |= {c["mqtt_client"] for a in answers for c in a["connections"] if "mqtt_client" in c}
            offset += _PAGE
        return found

    async def erase(self, leftover: Leftover) -> bool:
        """Erase a message, its bytes on disk too; False if it was gone already.

        A session is more than its record: `bus.mqtt.end_session` ends it.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        stream, _ = _PLACES[leftover.kind]
        try:
            await self._api.ask(f"STREAM.MSG.DELETE.{stream}", {"seq": leftover.seq})
        except RefusedError as error:
            if error.code not in GONE:
                raise
            return False
        return True

    async def forgotten(self, session: Leftover) -> bool:
        """Return whether the record of a session that was ended is gone within some seconds.

        The server takes it away after whoever ended it has gone, and until then it takes a place.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        for _ in range(_LOOKS):
            if await self._message(SESSIONS, {"last_by_subj": session.subject}) is None:
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _ask_all(self, body: dict[str, int]) -> Sequence[dict[str, Any]]:
        client = self._api.connection.client
        inbox = client.new_inbox()
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        async def keep(message: Any) -> None:
            answers.put_nowait(message.data)

        subscription = await client.subscribe(inbox, cb=keep)
        await client.publish(_CONNECTIONS, json.dumps(body).encode(), reply=inbox)
        found: list[dict[str, Any]] = []
        try:
            while True:
                found.append(json.loads(await asyncio.wait_for(answers.get(), _QUIET_S)))
        except TimeoutError:
            told = [answer for answer in found if "data" in answer]
            if not told:
                raise InfrastructureError("the NATS server does not tell who is connected") from None
            return told
        finally:
            await subscription.unsubscribe()

    async def _next(self, stream: str, subjects: str, seq: int) -> dict[str, Any] | None:
        return await self._message(stream, {"seq": seq, "next_by_subj": subjects})

    async def _message(self, stream: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        try:
            message: dict[str, Any] = (await self._api.ask(f"STREAM.MSG.GET.{stream}", asked))["message"]
        except RefusedError as error:
            if error.code not in (NO_MESSAGE, NO_STREAM):
                raise
            return None
        return message
