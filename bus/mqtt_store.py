"""What nats-server keeps of MQTT in streams of its own: messages, sessions, what is retained."""

import base64
import hashlib
import json
import re
import string
from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from bus.jetstream_api import GONE, NO_MESSAGE, NO_STREAM, JetStreamApi, RefusedError
from contract.errors import InfrastructureError

MESSAGES: Final = "$MQTT_msgs"
"""Messages of QoS 1 until every session has acknowledged them."""
MESSAGE_SUBJECTS: Final = "$MQTT.msgs."
"""In front of every subject in that stream."""
RETAINED: Final = "$MQTT_rmsgs"
"""The newest retained message of each topic."""
RETAINED_SUBJECTS: Final = "$MQTT.rmsgs."
NOTHING_RETAINED: Final = {"Nmqtt-RFlags": "-0"}
"""Headers of an empty message in it. Source: nats-server, server/mqtt.go, mqttEncodeRetainedMessage."""
SESSIONS: Final = "$MQTT_sess"
"""One record of each client that is connected or has a session that lasts."""
SESSION_SUBJECTS: Final = "$MQTT.sess."
UNRELEASED: Final = "$MQTT_qos2in"
"""Messages of QoS 2 until their sender releases them."""
UNRELEASED_SUBJECTS: Final = "$MQTT.qos2.in."
RELEASES: Final = "$MQTT_out"
"""Releases of messages of QoS 2 on their way out; no session of ours asks for QoS 2."""
MOST_SESSIONS: Final = 131_072
"""Twice the connections that the server takes. The record of a session that is there is always replaced,
only a new client is refused."""
SESSION_BYTES: Final = 16_384
"""A record has a client id and what that client hears; of a device that is the id alone."""
ASIDE_BYTES: Final = 64 * 1024**2
"""Retained statuses of a nation's 130,000 devices take half of this."""
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
LEAST_UNRELEASED_S: Final = 3600.0
"""A device comes back to release a message; for shorter than this nothing counts as forgotten."""
_HASH_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_HASH_LENGTH: Final = 8


class Taken(NamedTuple):
    """What the broker took in."""

    messages: int
    """Messages of QoS 1 or 2 since the store was made, also those that nobody wanted."""
    waiting: int
    """Of them, those that a session has not acknowledged yet."""


class StreamUse(NamedTuple):
    """How much one of the streams holds."""

    stream: str
    messages: int
    bytes: int
    max_messages: int
    """−1 for no limit, as below."""
    max_bytes: int
    replicas: int

    @property
    def is_limited(self) -> bool:
        """Whether it cannot grow for ever; sessions of a cluster may, see `MqttStore.cap`."""
        is_exempt = self.stream == SESSIONS and self.replicas > 1
        return is_exempt or max(self.max_messages, self.max_bytes) >= 0

    @property
    def fullness(self) -> float:
        """How much of the limit is taken, 0 to 1; 0 without one."""
        parts = ((self.messages, self.max_messages), (self.bytes, self.max_bytes))
        return max(held / limit if limit > 0 else 0.0 for held, limit in parts)


class MqttStore:
    """The server's own streams of MQTT; it makes them at the first MQTT connection."""

    def __init__(self, api: JetStreamApi) -> None:
        self._api = api

    async def cap(self, max_bytes: int, unreleased_s: float) -> None:
        """Limit all that the server keeps of MQTT; what is new is refused beyond, what is there stays.

        Without a limit a full disk refuses the session's own reconnect and nothing drains. The
        server makes the streams at the first MQTT connection: call this once a session stands.

        Sessions are counted, never dropped by age: the record of one that stays connected is as old as its
        connection, and without it the server forgets the session at its next start. In a cluster they have
        no limit, for there a full stream refuses the replacement of a record too.

        Args:
            max_bytes: Of messages that sessions have not acknowledged.
            unreleased_s: How long a message of QoS 2 waits for its release, an hour at least, seconds.

        Raises:
            InfrastructureError: there was no MQTT connection yet, or the server refuses a limit.
        """
        unreleased_ns = int(max(unreleased_s, LEAST_UNRELEASED_S) * 1_000_000_000)
        await self._limit(MESSAGES, max_bytes=max_bytes)
        await self._limit(RETAINED, max_bytes=ASIDE_BYTES)
        await self._limit(UNRELEASED, max_bytes=ASIDE_BYTES, max_age=unreleased_ns)
        await self._limit(RELEASES, max_bytes=ASIDE_BYTES)
        if (await self._api.ask(f"STREAM.INFO.{SESSIONS}"))["config"]["num_replicas"] == 1:
            await self._limit(SESSIONS, max_msgs=MOST_SESSIONS, max_msg_size=SESSION_BYTES)

    async def _limit(self, stream: str, **limits: int) -> None:
        wanted = {**limits, "discard": "new"}
        held = (await self._api.ask(f"STREAM.INFO.{stream}"))["config"]
        if held.items() >= wanted.items():
            return
        refusal = "the server kept another limit"
        try:
            await self._api.ask(f"STREAM.UPDATE.{stream}", {**held, **wanted})
        except RefusedError as error:
            refusal = error.description
        if not (await self._api.ask(f"STREAM.INFO.{stream}"))["config"].items() >= wanted.items():
            told = f"{limits['max_bytes']} bytes" if "max_bytes" in limits else f"{limits}"
            raise InfrastructureError(
                f"the broker's {stream} cannot be limited to {told}: {refusal}; "
                "raise max_file_store of the NATS server, or lower EDUOPS_MQTT_STORE_MAX_GIB"
            )

    async def held(self) -> list[StreamUse]:
        """Return how much each of the streams holds; [] before any MQTT connection.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        found: list[StreamUse] = []
        for stream in (MESSAGES, RETAINED, SESSIONS, UNRELEASED, RELEASES):
            info = await self._info(stream)
            if info is not None:
                config, state = info["config"], info["state"]
                replicas = int(config["num_replicas"])
                limits = (int(config["max_msgs"]), int(config["max_bytes"]))
                found.append(
                    StreamUse(stream, int(state["messages"]), int(state["bytes"]), *limits, replicas)
                )
        return found

    async def taken(self) -> Taken:
        """Return how many messages the broker took in, and how many of them wait.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        info = await self._info(MESSAGES)
        if info is None:
            return Taken(0, 0)
        return Taken(int(info["state"]["last_seq"]), int(info["state"]["messages"]))

    async def fullest(self, most: int) -> list[tuple[str, int]]:
        """Return whose messages wait, a device as SCHOOL/DEVICE and else a topic, and how many; most first.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        found, read = Counter[str](), 0
        while True:
            asked = {"subjects_filter": ">", "offset": read}
            info = await self._api.ask(f"STREAM.INFO.{MESSAGES}", asked)
            page = info["state"].get("subjects") or {}
            for subject, count in page.items():
                found[_sender(topic_of(subject))] += count
            read += len(page)
            if not page or read >= info.get("total", 0):
                return found.most_common(most)

    async def subjects(self) -> list[str]:
        """Return what the MQTT sessions of this server hear, such as `edu.v1.>`; the sessions may be away.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        filters = [str(c["config"].get("filter_subject", "")) async for c in self._subscriptions()]
        return [subject.removeprefix(MESSAGE_SUBJECTS) for subject in filters]

    async def hearing(self) -> list[str]:
        """Return the client ids of the sessions that hear something; they may be away.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        hashes = {str(c["name"]).partition("_")[0] async for c in self._subscriptions()}
        found: list[str] = []
        for one in sorted(hashes):
            asked = {"last_by_subj": f"{SESSION_SUBJECTS}{one}"}
            try:
                record = (await self._api.ask(f"STREAM.MSG.GET.{SESSIONS}", asked))["message"]
            except RefusedError as error:
                if error.code != NO_MESSAGE:  # it ended meanwhile
                    raise
                continue
            found.append(str(json.loads(base64.b64decode(record["data"]))["id"]))
        return found

    async def floor(self, client_id: str) -> int | None:
        """Return the number of messages up to which a session has acknowledged all; None without one.

        It counts as `Taken.messages` does. A session begins with what was taken in before it.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        floors = [
            int(c["ack_floor"]["stream_seq"]) if c["num_pending"] or c["num_ack_pending"] else None
            for c in await self._consumers(client_id)
        ]
        if not floors:
            return None
        # a subscription for which nothing waits is as far as the store, whatever others sent since
        return min([floor for floor in floors if floor is not None], default=(await self.taken()).messages)

    async def began_ns(self, client_id: str) -> int | None:
        """Return since when a session hears, ns since 1970 of the server's clock; None without one.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        return min([ns_of(c["created"]) for c in await self._consumers(client_id)], default=None)

    async def kept(self, client_id: str, before_ns: int) -> AsyncIterator[tuple[int, str, bytes]]:
        """Yield number, topic and payload of what the broker keeps for a session.

        Args:
            client_id: Name of the session.
            before_ns: Only what came before, ns since 1970 of the server's clock.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        for consumer in await self._consumers(client_id):
            subjects, seq = consumer["config"]["filter_subject"], int(consumer["ack_floor"]["stream_seq"])
            while (message := await self._next(subjects, seq + 1)) is not None:
                seq = int(message["seq"])
                if ns_of(message["time"]) >= before_ns:
                    break
                yield seq, topic_of(message["subject"]), base64.b64decode(message.get("data", ""))

    async def erase_retained(self, topic: str) -> None:
        """Erase what is retained for a topic, if anything is; its bytes are overwritten on disk.

        To publish an empty retained message would leave them there until the server compacts its file. But
        one is stored after the erasure and removed again: from it every node learns that nothing is retained
        any more, else each would serve its copy from memory and remember the topic for ever.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        subject = f"{RETAINED_SUBJECTS}{subject_of(topic)}"
        try:
            found = await self._api.ask(f"STREAM.MSG.GET.{RETAINED}", {"last_by_subj": subject})
            await self._api.ask(f"STREAM.MSG.DELETE.{RETAINED}", {"seq": found["message"]["seq"]})
            emptied = await self._api.request(subject, b"", NOTHING_RETAINED)
            await self._api.ask(f"STREAM.MSG.DELETE.{RETAINED}", {"seq": emptied["seq"]})
        except RefusedError as error:
            if error.code not in (*GONE, NO_STREAM):
                raise

    async def erase_messages(self, topic: str, payloads: Collection[bytes]) -> None:
        """Erase messages of a topic that no session has acknowledged yet, by what they say: the oldest.

        As often as a payload is given, no more: another message that says the same is still to be taken in.

        Raises:
            InfrastructureError: the server is out of reach.
        """
        subject, seq, left = f"{MESSAGE_SUBJECTS}{subject_of(topic)}", 0, Counter(payloads)
        while left and (message := await self._next(subject, seq + 1)) is not None:
            seq, payload = int(message["seq"]), base64.b64decode(message.get("data", ""))
            if payload in left:
                await self._api.ask(f"STREAM.MSG.DELETE.{MESSAGES}", {"seq": seq})
                left -= Counter([payload])

    async def _consumers(self, client_id: str) -> list[dict[str, Any]]:
        own = f"{session_hash(client_id)}_"
        return [c async for c in self._subscriptions() if str(c["name"]).startswith(own)]

    async def _next(self, subjects: str, seq: int) -> dict[str, Any] | None:
        asked = {"seq": seq, "next_by_subj": subjects}
        try:
            message: dict[str, Any] = (await self._api.ask(f"STREAM.MSG.GET.{MESSAGES}", asked))["message"]
        except RefusedError as error:
            if error.code != NO_MESSAGE:
                raise
            return None
        return message

    async def _subscriptions(self) -> AsyncIterator[dict[str, Any]]:
        found = 0
        try:
            while True:
                page = await self._api.ask(f"CONSUMER.LIST.{MESSAGES}", {"offset": found})
                for consumer in page["consumers"]:
                    yield consumer
                found += len(page["consumers"])
                if not page["consumers"] or found >= page["total"]:
                    return
        except RefusedError as error:
            if error.code != NO_STREAM:
                raise

    async def _info(self, stream: str) -> dict[str, Any] | None:
        try:
            return await self._api.ask(f"STREAM.INFO.{stream}")
        except RefusedError as error:
            if error.code != NO_STREAM:
                raise
            return None


def ns_of(text: str) -> int:
    """Return a time that the server wrote in ns since 1970; of connections in its machine's zone.

    Such as `2026-11-27T09:45:31.573208788Z` or `2026-11-27T16:45:31.573208788+07:00` (RFC 3339).
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of the server")
    seconds, fraction, zone = found.groups()
    whole = datetime.fromisoformat(seconds + zone).timestamp()
    return int(whole) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def _sender(topic: str) -> str:
    levels = topic.split("/")
    own = levels[2:] if levels[0] == "slice" else levels
    return "/".join(own[3:5]) if own[:2] == ["edu", "v1"] and len(own) > 5 else topic


def topic_of(subject: str) -> str:
    """Return the topic of a subject in the store of messages.

    Source: nats-server, server/mqtt.go, natsSubjectStrToMQTTTopic.
    """
    levels = subject.removeprefix(MESSAGE_SUBJECTS).split(".")
    return "/".join("" if level == "/" else level.replace("//", ".") for level in levels)


def subject_of(topic: str) -> str:
    """Return the subject of a topic, without what stands in front of it in each stream.

    A level without letters is `/` in it and a dot is `//`.

    Source: nats-server, server/mqtt.go, mqttTopicToNATSPubSubject.
    """
    return ".".join(level.replace(".", "//") or "/" for level in topic.split("/"))


def session_hash(client_id: str) -> str:
    """Return how the server names a session within its streams.

    Source: nats-server, server/raft.go, getHash.
    """
    digest = hashlib.sha256(client_id.encode()).digest()
    return "".join(_HASH_LETTERS[byte % len(_HASH_LETTERS)] for byte in digest[:_HASH_LENGTH])
