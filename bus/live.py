"""Live events over NATS core: at most once, for whoever listens now."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bus.connection import NatsConnection, open_nats, settled
from contract.errors import InfrastructureError

_logger: Final = logging.getLogger(__name__)

QUEUE_EVENTS: Final = 4096
"""Events kept for a slow listener; newer ones are dropped, as each is soon replaced by the next."""
FAILURE_HEADER: Final = "Eduops-Failure"
PATIENCE_S: Final = 30.0

Handler = Callable[[str, bytes], Awaitable[bytes]]
"""Answers a request: gets its subject and payload, returns the payload of the answer."""


class LiveEvents:
    """The events of a subject, as an async iterator of (subject, payload).

    The subscription begins at the first `async for`, or at once with `async with`.
    """

    def __init__(self, connection: NatsConnection, subject: str) -> None:
        self._connection = connection
        self._subject = subject
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self._events()

    async def close(self) -> None:
        """End the subscription and its iteration."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None and not self._connection.client.is_closed:
            await subscription.unsubscribe()

    async def _events(self) -> AsyncIterator[tuple[str, bytes]]:
        subscription = await self._open()
        async for message in subscription.messages:
            yield message.subject, message.data

    async def _open(self) -> Subscription:
        if self._subscription is None:
            client = self._connection.client
            self._subscription = await client.subscribe(self._subject, pending_msgs_limit=QUEUE_EVENTS)
            if self._connection.is_connected:
                # only now does the server surely know: what is published from here on arrives
                await settled(client)
        return self._subscription


class Live:
    """Publishes, listens, asks and answers. Made by `Live.connect`."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        name: str = "eduops-live",
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[Self]:
        """Connect to the server at `url`; reconnects for ever and keeps its subscriptions.

        Raises:
            InfrastructureError: the first connection did not succeed within `patience_s`.
        """
        async with open_nats(
            url, user=user, password=password, name=name, patience_s=patience_s
        ) as connection:
            yield cls(connection)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send an event to whoever listens; while the line is down it is dropped."""
        if not self._connection.is_connected:
            return
        try:
            await self._connection.client.publish(subject, payload)
        except errors.OutboundBufferLimitError:
            _logger.warning("event=live_event_dropped subject=%s: the line is down", subject)

    def subscribe(self, subject: str) -> LiveEvents:
        """Return the events of a subject; `*` stands for one token and `>` for the rest."""
        return LiveEvents(self._connection, subject)

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Return the answer to a request.

        Raises:
            InfrastructureError: nobody answers on the subject, or not in time, or the handler failed.
        """
        try:
            reply = await self._connection.client.request(subject, payload, timeout=timeout_s)
        except errors.NoRespondersError:
            raise InfrastructureError(f"nobody answers on {subject}: its service is not running") from None
        except errors.Error as error:
            raise InfrastructureError(f"no answer on {subject} within {timeout_s:g} s") from error
        failure = (reply.headers or {}).get(FAILURE_HEADER)
        if failure is not None:
            raise InfrastructureError(f"the service on {subject} failed: {failure}")
        return bytes(reply.data)

    async def respond(self, subject: str, handler: Handler) -> None:
        """Answer the requests on a subject, each in a task of its own, until the connection closes."""
        client = self._connection.client
        running: set[asyncio.Task[None]] = set()

        async def on_request(message: Msg) -> None:
            task = asyncio.create_task(_answer(client, message, handler))
            running.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(running.discard)

        await client.subscribe(subject, cb=on_request)
        if self._connection.is_connected:
            await settled(client)


async def _answer(client: Client, message: Msg, handler: Handler) -> None:
    try:
        answer, headers = await handler(message.subject, message.data), None
    except Exception as error:  # the handler's bug is the asker's answer, and our log's
        _logger.exception("event=handler_failed subject=%s", message.subject)
        answer, headers = b"", {FAILURE_HEADER: f"{type(error).__name__}: {error}"}
    if message.reply:
        try:
            await client.publish(message.reply, answer, headers=headers)
        except errors.Error:
            _logger.warning("event=answer_not_sent subject=%s", message.subject)
