"""HTTP connections that cannot be held for nothing: their number and a request's arrival are bounded."""

import asyncio
import logging
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_logger: Final = logging.getLogger(__name__)
_ARRIVING: Final = (h11.IDLE, h11.SEND_BODY)
"""What h11 says of a client that still owes a request's head or body."""


class BoundedConnection(H11Protocol):
    """uvicorn's HTTP/1.1, which itself waits for ever for the end of a request.

    Source: the slow-request attacks of OWASP's denial of service cheat sheet.
    """

    def __init__(self, *args: Any, request_s: float, connections_max: int, **more: Any) -> None:
        """Take what uvicorn hands over.

        Args:
            args: uvicorn's.
            request_s: seconds within which a request must be here, head and body, above 0.
            connections_max: open connections, websockets among them, beyond which a new one is ended at once.
            more: uvicorn's.
        """
        super().__init__(*args, **more)
        self._request_s = request_s
        self._connections_max = connections_max
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many; called by asyncio."""
        super().connection_made(transport)
        if len(self.connections) > self._connections_max:
            _logger.warning(
                "event=connections_full connections=%d: a connection was ended", self._connections_max
            )
            transport.abort()
        self._watch()

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
