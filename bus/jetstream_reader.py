"""Reads a log from JetStream: a pull consumer of its own that is made anew whenever in doubt.

The position lives here, not on the server; so a consumer is worth nothing, and after a restart,
a lost line or a lost message a new one starts at the next seq.
"""

import asyncio
import base64
import json
import re
import uuid
from collections import deque
from typing import Any, Final

from nats import errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bus.jetstream_api import API, NO_MESSAGE, NO_STREAM, JetStreamApi, RefusedError
from bus.log import check_position
from bus.pause import pause
from contract.entry import EntryKind, RawEntry
from contract.errors import InfrastructureError
from contract.service.backoff import Backoff

KIND_HEADER: Final = "Eduops-Kind"
AT_HEADER: Final = "Eduops-At-Us"
COUNT_HEADER: Final = "Eduops-Count"
_KINDS: Final = {kind.value: kind for kind in EntryKind}

WINDOW: Final = 2048
"""Entries asked for or at hand: two pulls of half of it, so that the next travels while one is read."""
WINDOW_BYTES: Final = 32 * 1024 * 1024
"""Bytes at hand, about: a pull asks for half of it, or for one largest entry."""
HEARTBEAT_S: Final = 1.5
"""Three missed ones and the consumer's node is taken for dead: ours may well stand."""
PULL_S: Final = 30.0
INACTIVE_S: Final = 120.0
"""The server forgets a consumer that nobody pulls from after this."""
OPEN_PATIENCE: Final = Backoff(first_s=2.0, longest_s=16.0)
"""A consumer that does not come in this time may have been given to a node that is down, and waits
for it: one of another name is given to another node. Doubled each time, for a server that is only slow."""
_NS: Final = 1_000_000_000
_IDLE_HEARTBEAT: Final = "100"
_PULL_ENDED: Final = "408"
_CONFLICT: Final = "409"
_TOO_MANY_BYTES: Final = "Message Size Exceeds MaxBytes"


class _Delivery:
    """One consumer on the server, and what it has sent."""

    def __init__(self, api: JetStreamApi, log: str, headers_only: bool) -> None:
        self._api = api
        self._client = api.connection.client
        self._epoch = api.connection.epoch
        self._log = log
        self._headers_only = headers_only
        self._name = uuid.uuid4().hex
        self._inbox = self._client.new_inbox()
        self._subscription: Subscription | None = None
        self._asked = 0
        """Entries that the outstanding pulls may still bring."""
        self._held_bytes = 0
        self._failed = False
        self._heard_at_s = 0.0
        self.arrived: deque[Msg] = deque()
        self.woken = asyncio.Event()

    @property
    def is_sound(self) -> bool:
        """Whether this consumer still stands, as far as can be told."""
        if self._failed or self._epoch != self._api.connection.epoch:
            return False
        silent_s = asyncio.get_running_loop().time() - self._heard_at_s
        return self._asked == 0 or silent_s < 3 * HEARTBEAT_S

    async def open(self, start_seq: int, patience_s: float) -> None:
        """Make the consumer and listen to it.

        Raises:
            InfrastructureError: it did not come in time.
        """
        self._subscription = await self._client.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=0, pending_bytes_limit=0
        )
        config = {
            "name": self._name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start_seq,
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": int(INACTIVE_S * _NS),
            "mem_storage": True,
            "num_replicas": 1,
            "headers_only": self._headers_only,
        }
        body = {"stream_name": self._log, "config": config}
        await self._api.ask(f"CONSUMER.CREATE.{self._log}.{self._name}", body, patience_s=patience_s)

    async def top_up(self) -> None:
        """Ask for more once half of the window is free."""
        free = WINDOW - self._asked - len(self.arrived)
        if free < WINDOW // 2 or self._held_bytes > WINDOW_BYTES // 2:
            return
        batch = free if self._asked else WINDOW // 2  # the first time, two pulls of half a window
        request = {
            "batch": batch,
            "max_bytes": max(WINDOW_BYTES // 2, 2 * self._client.max_payload),
            "expires": int(PULL_S * _NS),
            "idle_heartbeat": int(HEARTBEAT_S * _NS),
        }
        self._asked += batch
        self._heard_at_s = asyncio.get_running_loop().time()
        subject = f"{API}.CONSUMER.MSG.NEXT.{self._log}.{self._name}"
        try:
            await self._client.publish(subject, json.dumps(request).encode(), reply=self._inbox)
        except (errors.Error, OSError):
            self._failed = True

    def fail(self) -> None:
        """Note that this consumer is not to be trusted any more."""
        self._failed = True

    def take(self) -> Msg:
        """Return the oldest message at hand."""
        message = self.arrived.popleft()
        self._held_bytes -= len(message.data)
        return message

    async def close(self) -> None:
        """Stop listening, and spare the server the wait; a lost goodbye does not matter."""
        if self._subscription is None or self._client.is_closed:
            return
        try:
            await self._subscription.unsubscribe()
            if self._epoch == self._api.connection.epoch and self._client.is_connected:
                await self._client.publish(f"{API}.CONSUMER.DELETE.{self._log}.{self._name}")
        except (errors.Error, OSError):
            self._failed = True

    async def _on_message(self, message: Msg) -> None:
        self._heard_at_s = asyncio.get_running_loop().time()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._asked -= 1
            self._held_bytes += len(message.data)
            self.arrived.append(message)
        elif status != _IDLE_HEARTBEAT:
            self._on_status(status, headers)
        else:
            return
        self.woken.set()

    def _on_status(self, status: str, headers: dict[str, str]) -> None:
        unserved = headers.get("Nats-Pending-Messages")
        by_size = status == _CONFLICT and headers.get("Description") == _TOO_MANY_BYTES
        if unserved is not None and (status == _PULL_ENDED or by_size):
            self._asked -= int(unserved)
        else:  # the consumer is gone, the server shuts down, nobody listens
            self._failed = True


class JetStreamReader:
    """Reads one log in order; implements `bus.log.LogReader`."""

    def __init__(self, api: JetStreamApi, log: str, after: int, *, headers_only: bool = False) -> None:
        self._api = api
        self._log = log
        self._next_seq = after + 1
        self._headers_only = headers_only
        self._delivery: _Delivery | None = None
        self._opens_failed = 0
        self._last_us: int | None = None
        """Log time of the entry before the next, None where the log does not have it."""
        self._gap_at: int | None = None
        """The seq before which a gap was last seen: seen twice, it is in the store."""

    async def fetch(self, max_entries: int, timeout_s: float) -> list[RawEntry]:
        """Return the next entries; see `bus.log.LogReader`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            delivery = await self._sound_delivery(max(0.0, deadline - loop.time()))
            if delivery is not None:
                entries = self._take(delivery, max_entries)
                await delivery.top_up()
                if entries:
                    return entries
            left_s = deadline - loop.time()
            if left_s <= 0:
                return []
            if delivery is not None:
                await _wait(delivery, min(left_s, HEARTBEAT_S))

    async def close(self) -> None:
        """Release the consumer."""
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            await delivery.close()

    async def _sound_delivery(self, timeout_s: float) -> _Delivery | None:
        """Return the consumer's delivery, made anew if in doubt; None while there is no connection."""
        if self._delivery is not None and (self._delivery.arrived or self._delivery.is_sound):
            return self._delivery
        await self.close()
        if not await self._api.connection.wait_connected(timeout_s):
            return None
        try:
            state = (await self._api.ask(f"STREAM.INFO.{self._log}"))["state"]
            check_position(self._log, self._next_seq - 1, int(state["first_seq"]), int(state["last_seq"]))
            await self._check_same_log()
            delivery = _Delivery(self._api, self._log, self._headers_only)
            self._delivery = delivery
            await delivery.open(self._next_seq, OPEN_PATIENCE.wait_s(self._opens_failed + 1))
        except RefusedError as error:
            if error.code == NO_STREAM:
                raise InfrastructureError(f"log {self._log} does not exist; create it first") from error
            raise
        except InfrastructureError:
            if self._delivery is None:  # it was not the consumer that did not come
                raise
            self._delivery.fail()
            self._opens_failed += 1
            return None
        self._opens_failed = 0
        await delivery.top_up()
        return delivery

    async def _check_same_log(self) -> None:
        """Refuse a log that lost its end in a power cut and has grown past our position since.

        Entries have new contents then, from before the position on; only the last one read tells.
        """
        before = self._next_seq - 1
        found_us = await entry_at_us(self._api, self._log, before)
        if self._last_us is not None and found_us not in (None, self._last_us):
            raise InfrastructureError(
                f"log {self._log} has another entry {before} than the one that was read: "
                "its store lost its end and was appended to again"
            )
        self._last_us = found_us

    def _take(self, delivery: _Delivery, max_entries: int) -> list[RawEntry]:
        entries: list[RawEntry] = []
        while delivery.arrived and len(entries) < max_entries:
            seq = _seq_of(delivery.arrived[0])
            if seq != self._next_seq:
                self._on_gap(delivery, seq, anew=not entries)
                break
            entries.append(_entry(seq, delivery.take()))
            self._next_seq += 1
        if entries:
            self._gap_at, self._last_us = None, entries[-1].at_us
        return entries

    def _on_gap(self, delivery: _Delivery, seq: int, *, anew: bool) -> None:
        """Start anew at the missing entry; if it is missing again the store has lost it."""
        if not anew:  # first hand over what came before the gap
            return
        if self._gap_at == self._next_seq:
            raise InfrastructureError(
                f"log {self._log} has lost the entries {self._next_seq} to {seq - 1}; "
                "restore its store, or reset the position"
            )
        self._gap_at = self._next_seq
        delivery.arrived.clear()
        delivery.fail()


async def entry_at_us(api: JetStreamApi, log: str, seq: int) -> int | None:
    """Return the log time of an entry, None where the log does not have it (any more).

    Raises:
        InfrastructureError: the log does not exist, is out of reach, or did not come from eduops.
    """
    if seq < 1:
        return None
    try:
        message = (await api.ask(f"STREAM.MSG.GET.{log}", {"seq": seq}))["message"]
    except RefusedError as error:
        if error.code == NO_MESSAGE:
            return None
        if error.code == NO_STREAM:
            raise InfrastructureError(f"log {log} does not exist; create it first") from error
        raise
    head = base64.b64decode(message.get("hdrs", "")).decode()
    found = re.search(rf"^{AT_HEADER}: *(-?\d+)\r?$", head, re.MULTILINE)
    if found is None:
        raise InfrastructureError(f"entry {seq} of log {log} was not appended by eduops: it has no time")
    return int(found[1])


async def _wait(delivery: _Delivery, timeout_s: float) -> None:
    delivery.woken.clear()
    if not delivery.arrived and delivery.is_sound:
        await pause(delivery.woken, timeout_s)


def _seq_of(message: Msg) -> int:
    """Return the stream seq in `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<n>.<seq>.…`.

    Source: NATS ADR-15, the reply subject of a delivered message.
    """
    tokens = message.reply.split(".")
    return int(tokens[5] if len(tokens) == 9 else tokens[7])


def _entry(seq: int, message: Msg) -> RawEntry:
    headers: dict[str, Any] = message.headers or {}
    try:
        kind = _KINDS[headers[KIND_HEADER]]
        return RawEntry(seq, kind, int(headers[AT_HEADER]), int(headers[COUNT_HEADER]), message.data)
    except (KeyError, ValueError) as error:
        raise InfrastructureError(
            f"entry {seq} on {message.subject} was not appended by eduops: bad header {error}"
        ) from error
