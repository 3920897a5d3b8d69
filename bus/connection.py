"""One connection to NATS that comes back for ever, shared by the log and the live events."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import nats
from nats.aio.client import Client

from bus.pause import pause
from contract.errors import ConfigurationError, InfrastructureError

_logger: Final = logging.getLogger(__name__)

RECONNECT_WAIT_S: Final = 0.25
"""Between two attempts: a restarted server is found at once, a missing one costs next to nothing."""
PING_S: Final = 3
"""A silent line is noticed after two missed pings; the library's 120 s would hide a dead one for minutes.
Short, because in a cluster the other nodes serve as soon as we leave a paused one."""
PENDING_BYTES: Final = 16 * 1024 * 1024
"""Room for what is sent while reconnecting: at least one largest entry."""
SETTLE_S: Final = 10.0
CLOSE_S: Final = 2.0
AGAIN_S: Final = 0.1
"""Between two cancellations of what did not end at the first one."""
_ONE_TOKEN: Final = re.compile(r"[\w-]+")


class NatsConnection:
    """A NATS client, and whether it is connected now, to any one of the servers in `url`."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url
        self.epoch = 0
        """Counts reconnections: what the server kept for an older epoch may be gone."""
        self._up = asyncio.Event()
        self._last_error: Exception | None = None

    async def wait_connected(self, timeout_s: float) -> bool:
        """Return True as soon as the connection stands, False if it does not within `timeout_s`."""
        return await pause(self._up, timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._up.is_set()

    @property
    def last_error(self) -> str:
        """What the library last complained of; empty for nothing."""
        return "" if self._last_error is None else f"{self._last_error}" or repr(self._last_error)

    async def open(self, options: dict[str, Any], patience_s: float) -> None:
        """Connect for the first time.

        Raises:
            InfrastructureError: the server did not answer or refused within `patience_s`.
        """
        connecting = asyncio.ensure_future(self.client.connect(addresses(self.url), **options))
        await given_up(connecting, patience_s)
        try:
            connecting.result()
        except (asyncio.CancelledError, TimeoutError, OSError, nats.errors.Error) as error:
            reason = self.last_error or "no answer"
            await given_up(asyncio.ensure_future(self.client.close()), CLOSE_S)  # a refused try stays open
            raise InfrastructureError(f"NATS at {self.url} is out of reach: {reason}") from error
        self._up.set()

    async def close(self) -> None:
        """Close for good; that is no loss worth a warning."""
        self._up.clear()
        await self.client.close()

    async def on_disconnected(self) -> None:
        """Note that the line is down."""
        if self._up.is_set():
            _logger.warning("event=nats_lost url=%s: reconnecting", self.url)
        self._up.clear()

    async def on_reconnected(self) -> None:
        """Note that the line is up again, with a server that may have forgotten us."""
        self.epoch += 1
        self._up.set()
        _logger.info("event=nats_connected url=%s", self.url)

    async def on_error(self, error: Exception) -> None:
        """Keep the last complaint; while the line is down every attempt makes one."""
        if self.is_connected:
            _logger.warning("event=nats_error: %s", error or repr(error))
        self._last_error = error


async def given_up(task: asyncio.Future[Any], patience_s: float = 0.0) -> None:
    """Return once a task has ended, cancelled from `patience_s` on, or with whoever waits, until it has.

    Once is not enough: before Python 3.12 a `wait_for` inside may take the cancellation for itself when
    what it waits for ends at that moment, and the library then tries for ever.
    """
    try:
        await asyncio.wait({task}, timeout=patience_s)
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=AGAIN_S)


async def settled(client: Client, patience_s: float = SETTLE_S) -> None:
    """Return once the server has taken up everything that was sent until now, subscriptions too.

    The library's `flush` does not say so: its PING overtakes what still waits to be written.

    Raises:
        nats.errors.Error: the server did not within `patience_s`, or the connection is closed.
    """
    inbox = client.new_inbox()
    echo = await client.subscribe(inbox)
    await client.publish(inbox, b"")
    await echo.next_msg(patience_s)
    await echo.unsubscribe()


def inbox_of(user: str | None) -> str:
    """Return below which subject answers to a user arrive, so that no other one need hear them."""
    return f"_INBOX.{user}" if user is not None and _ONE_TOKEN.fullmatch(user) else "_INBOX"


def addresses(url: str) -> list[str]:
    """Return the servers of a setting with commas between.

    Raises:
        ConfigurationError: there is none.
    """
    found = [part.strip() for part in url.split(",") if part.strip()]
    if not found:
        raise ConfigurationError(f"the NATS address is {url!r}; write it like nats://127.0.0.1:4222")
    return found


@asynccontextmanager
async def open_nats(
    url: str,
    *,
    user: str | None,
    password: str | None,
    name: str,
    patience_s: float,
    reconnect_s: float = RECONNECT_WAIT_S,
) -> AsyncIterator[NatsConnection]:
    """Connect to NATS, reconnect for ever, and close at the end.

    Args:
        url: Such as `nats://127.0.0.1:4222`; the nodes of a cluster with commas between. A client
            takes one at random and goes to another when its own is lost.
        user: None where the server asks for none.
        password: None where the server asks for none.
        name: What the server's monitoring calls this connection.
        patience_s: How long the first connection may take, seconds.
        reconnect_s: Pause between two attempts to come back, seconds.

    Raises:
        InfrastructureError: the first connection did not succeed in time.
    """
    connection = NatsConnection(Client(), url)
    options: dict[str, Any] = {
        "name": name,
        "user": user,
        "password": password,
        "inbox_prefix": inbox_of(user),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": reconnect_s,
        "connect_timeout": 2,
        "ping_interval": PING_S,
        "max_outstanding_pings": 2,
        "pending_size": PENDING_BYTES,
        "disconnected_cb": connection.on_disconnected,
        "reconnected_cb": connection.on_reconnected,
        "error_cb": connection.on_error,
    }
    await connection.open(options, patience_s)
    try:
        yield connection
    finally:
        await connection.close()
