"""Connections that cannot be held for nothing: their number and a request's arrival are bounded.

Whatever is answered has the headers of every answer, a refused websocket too.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response
from websockets.server import ServerProtocol

from contract.access.address import is_loopback
from contract.access.waiting import network_of

SHARE: Final = 1 / 3
"""Of the connections for one address: enough for a whole office, and no stranger has them all."""
Network = IPv4Network | IPv6Network
_logger: Final = logging.getLogger(__name__)
_ARRIVING: Final = (h11.IDLE, h11.SEND_BODY)
"""What h11 says of a client that still owes a request's head or body."""


def is_greedy(address: str, peers: Iterable[str], most: int, trusted: Sequence[Network]) -> bool:
    """Return whether an address, or one of its IPv6 network, has more than `most` of the connections.

    Args:
        address: Who connects.
        peers: The addresses of all connections, this one among them.
        most: How many one may have.
        trusted: Who may have any number; so may this machine, where a proxy speaks for everybody.
    """
    if is_loopback(address) or any(ip_address(address) in network for network in trusted):
        return False
    own = _network_of(address)
    return sum(_network_of(peer) == own for peer in peers) > most


def networks_of(words: str) -> tuple[Network, ...]:
    """Return the networks and addresses that stand in a list with commas; `*` is everybody."""
    found: list[Network] = []
    for word in words.replace("*", "0.0.0.0/0,::/0").split(","):
        try:
            found.append(ip_network(word.strip(), strict=False))
        except ValueError:  # a name, or the path of a socket: none of an address that connects by TCP
            continue
    return tuple(found)


_network_of: Final = lru_cache(maxsize=4096)(network_of)


class BoundedConnection(H11Protocol):
    """uvicorn's HTTP/1.1, which itself waits for ever for the end of a request.

    Source: the slow-request attacks of OWASP's denial of service cheat sheet.
    """

    def __init__(
        self,
        *args: Any,
        request_s: float,
        connections_max: int,
        trusted: Sequence[Network] = (),
        **more: Any,
    ) -> None:
        """Take what uvicorn hands over.

        Args:
            args: uvicorn's.
            request_s: seconds within which a request must be here, head and body, above 0.
            connections_max: open connections, websockets among them, beyond which a new one is ended at once;
                one address has `SHARE` of them.
            trusted: proxies, which may have all of them.
            more: uvicorn's.
        """
        super().__init__(*args, **more)
        self._request_s = request_s
        self._connections_max = connections_max
        self._trusted = trusted
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many; called by asyncio."""
        super().connection_made(transport)
        if len(self.connections) > self._connections_max or self._is_greedy():
            _logger.warning(
                "event=connections_full connections=%d: a connection was ended", len(self.connections)
            )
            transport.abort()
        self._watch()

    def _is_greedy(self) -> bool:
        if self.client is None:
            return False
        peers = [client[0] for one in self.connections if (client := getattr(one, "client", None))]
        return is_greedy(self.client[0], peers, int(self._connections_max * SHARE), self._trusted)

    def data_received(self, data: bytes) -> None:
        """Read on, and watch what is still to come; called by asyncio."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by asyncio."""
        super().connection_lost(exc)
        self._forget()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers of every answer; called by uvicorn."""
        headers = [*self.server_state.default_headers, (b"connection", b"close"), (b"content-length", b"0")]
        for event in (h11.Response(status_code=400, headers=headers), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Run a deadline while a request is on its way; each request has one, however slowly it comes."""
        if self.transport.get_protocol() is not self or self.conn.their_state not in _ARRIVING:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self._request_s, self.transport.close)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class HeadedSocket(WebSocketsSansIOProtocol):
    """uvicorn's websocket, which itself refuses a handshake without the headers of every answer."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """Take what uvicorn hands over."""
        super().__init__(*args, **more)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.default_headers]
        self.conn = _Handshake(headers, max_size=self.config.ws_max_size, logger=self.logger)


class _Handshake(ServerProtocol):
    """The server's side of RFC 6455; a refusal is an answer like any other."""

    def __init__(self, headers: Iterable[tuple[str, str]], **more: Any) -> None:
        super().__init__(**more)
        self._headers = tuple(headers)

    def send_response(self, response: Response) -> None:
        """Send the answer to a handshake; what it says itself stands."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            for name, value in self._headers:
                response.headers.setdefault(name, value)
        super().send_response(response)
