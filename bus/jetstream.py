"""The log on NATS JetStream: one stream a log, one message an entry, file storage."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count as counter
from typing import Any, Final, Self

from bus.connection import open_nats
from bus.jetstream_api import FULL, NAME_IN_USE, NO_CLUSTER, NO_STREAM, JetStreamApi, RefusedError
from bus.jetstream_reader import AT_HEADER, COUNT_HEADER, KIND_HEADER, JetStreamReader, entry_at_us
from bus.mqtt_leftovers import MqttLeftovers
from bus.mqtt_store import MqttStore
from contract.entry import EntryKind
from contract.errors import ConfigurationError, InfrastructureError

MESSAGE_ID_HEADER: Final = "Nats-Msg-Id"
DUPLICATE_WINDOW_S: Final = 1800
"""How long a message id is remembered: longer than a service takes to come back and append again."""
PATIENCE_S: Final = 30.0
"""A restarted server answers again well within this."""
_NS: Final = 1_000_000_000


class JetStreamLog:
    """Keeps logs in JetStream; implements `bus.log.Log`. Made by `JetStreamLog.connect`."""

    def __init__(self, api: JetStreamApi, replicas: int = 1) -> None:
        self._api = api
        self._replicas = replicas
        self._owner = uuid.uuid4().hex[:12]
        self._numbers = counter()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        name: str = "eduops",
        patience_s: float = PATIENCE_S,
        replicas: int = 1,
    ) -> AsyncIterator[Self]:
        """Connect to the server at `url`, such as `nats://127.0.0.1:4222`; reconnects for ever.

        Args:
            url: Address of the server, or of the nodes of a cluster with commas between.
            user: None where the server asks for none.
            password: None where the server asks for none.
            name: What the server's monitoring calls this connection.
            patience_s: How long the first connection, and any one request, may take, seconds.
            replicas: How many nodes keep each log that `create` makes or finds, 1 to 5. An append is
                answered once more than half of them have it.

        Raises:
            InfrastructureError: the first connection did not succeed in time.
        """
        async with open_nats(
            url, user=user, password=password, name=name, patience_s=patience_s
        ) as connection:
            yield cls(JetStreamApi(connection, patience_s), replicas)

    @property
    def mqtt_store(self) -> MqttStore:
        """What the same server keeps of MQTT, where it is the devices' broker."""
        return MqttStore(self._api)

    @property
    def mqtt_leftovers(self) -> MqttLeftovers:
        """What clients that are away left there."""
        return MqttLeftovers(self._api)

    async def create(self, logs: Sequence[str], max_bytes: int) -> None:
        """Create the logs that do not exist and set each one's limit and copies; see `bus.log.Log`.

        A log that mirrors that of another place is left as it is.

        Raises:
            ConfigurationError: more than one copy is asked of a server that stands alone.
        """
        for log in logs:
            config = _stream_config(log, max_bytes, self._replicas)
            try:
                await self._create(log, config)
            except RefusedError as error:
                if error.code == NO_CLUSTER:
                    raise ConfigurationError(
                        f"log_replicas is {self._replicas}, but the NATS server at "
                        f"{self._api.connection.url} stands alone: set log_replicas to 1, or name a cluster"
                    ) from error
                if error.code in FULL:
                    raise InfrastructureError(
                        f"the JetStream store has no room for log {log} of {max_bytes} bytes: "
                        f"{error.description}; raise max_file_store or lower the size of the logs"
                    ) from error
                raise

    async def create_from(self, log: str, max_bytes: int, first_seq: int) -> None:
        """Create an empty log whose first entry will have a given seq: a restored one goes on counting.

        Raises:
            InfrastructureError: the log exists, or the store has no room for it.
        """
        config = {**_stream_config(log, max_bytes, self._replicas), "first_seq": first_seq}
        try:
            await self._api.ask(f"STREAM.INFO.{log}")
        except RefusedError as error:
            if error.code != NO_STREAM:
                raise
            await self._api.ask(f"STREAM.CREATE.{log}", config)
        else:
            raise InfrastructureError(f"log {log} exists already on {self._api.connection.url}")

    async def append(
        self,
        log: str,
        kind: EntryKind,
        payload: bytes,
        *,
        at_us: int,
        count: int = 0,
        message_id: str | None = None,
    ) -> int:
        """Append an entry and return its seq once the server has kept it; see `bus.log.Log`.

        Without a `message_id` the entry gets one of its own, so that a repetition after a lost
        answer is not a second entry.
        """
        headers = {
            KIND_HEADER: kind.value,
            AT_HEADER: str(at_us),
            COUNT_HEADER: str(count),
            MESSAGE_ID_HEADER: message_id or f"{self._owner}-{next(self._numbers)}",
        }
        try:
            answer = await self._api.request(_subject(log), payload, headers, stream=log)
        except RefusedError as error:
            if error.code == NO_STREAM:
                raise InfrastructureError(f"log {log} does not exist; create it first") from error
            if error.code in FULL:
                raise InfrastructureError(
                    f"log {log} is full ({error.description}): nothing was appended; "
                    "its owner must catch up, or the limit be raised"
                ) from error
            raise
        return int(answer["seq"])

    async def reader(self, log: str, after: int) -> JetStreamReader:
        """Return a reader from a position on; see `bus.log.Log`."""
        return JetStreamReader(self._api, log, after)

    async def last_seq(self, log: str) -> int:
        """Return the seq of the newest entry, 0 for none; see `bus.log.Log`."""
        return int((await self._state(log))["last_seq"])

    async def at_us(self, log: str, seq: int) -> int | None:
        """Return the log time of an entry; see `bus.log.Log`."""
        return await entry_at_us(self._api, log, seq)

    async def drop_through(self, log: str, seq: int) -> None:
        """Delete the entries up to and including `seq`; see `bus.log.Log`."""
        through = min(seq, await self.last_seq(log))
        if through > 0:  # a purge with seq 0 would mean everything
            await self._api.ask(f"STREAM.PURGE.{log}", {"seq": through + 1})

    async def pending_readings(self, log: str, after: int) -> int:
        """Return the readings appended after a position, from headers alone; see `bus.log.Log`."""
        state = await self._state(log)
        position, last_seq = max(after, int(state["first_seq"]) - 1), int(state["last_seq"])
        if position >= last_seq:
            return 0
        reader = JetStreamReader(self._api, log, position, headers_only=True)
        total = 0
        try:
            while position < last_seq:
                entries = await reader.fetch(last_seq - position, self._api.patience_s)
                if not entries:
                    raise InfrastructureError(f"log {log} stopped answering at entry {position}")
                total += sum(entry.count for entry in entries)
                position = entries[-1].seq
        finally:
            await reader.close()
        return total

    async def _create(self, log: str, config: dict[str, Any]) -> None:
        # Ask first: to a create of what exists the server answers "no room" before "it exists".
        try:
            found = (await self._api.ask(f"STREAM.INFO.{log}"))["config"]
        except RefusedError as error:
            if error.code != NO_STREAM:
                raise
            await self._create_new(log, config)
            return
        # An update without its mirror would cut a mirror off from the log that it copies.
        if "mirror" not in found:
            await self._api.ask(f"STREAM.UPDATE.{log}", config)

    async def _create_new(self, log: str, config: dict[str, Any]) -> None:
        try:
            await self._api.ask(f"STREAM.CREATE.{log}", config)
        except RefusedError as error:
            if error.code != NAME_IN_USE:  # another service was faster
                raise

    async def _state(self, log: str) -> dict[str, Any]:
        try:
            state: dict[str, Any] = (await self._api.ask(f"STREAM.INFO.{log}"))["state"]
        except RefusedError as error:
            if error.code == NO_STREAM:
                raise InfrastructureError(f"log {log} does not exist; create it first") from error
            raise
        return state


def _subject(log: str) -> str:
    return f"log.{log}"


def _stream_config(log: str, max_bytes: int, replicas: int) -> dict[str, Any]:
    return {
        "name": log,
        "subjects": [_subject(log)],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_bytes": max_bytes,
        "duplicate_window": DUPLICATE_WINDOW_S * _NS,
        "deny_delete": True,
        "num_replicas": replicas,
    }
