"""A webhook on the loopback: takes notices, refuses them, hangs, or never ends, as a test wants."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.running_system import PATIENCE_S, until

HANG = b""
"""An answer that never comes."""
TAKEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
REFUSED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


class Receiver:
    """What came in, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = TAKEN
        self.endless = b""
        """What follows the answer, again and again until the caller has enough."""
        self.pause_s = 0.0
        """Between two of them."""
        self.headers: list[dict[str, str]] = []
        """Of every request, names in small letters."""
        self.tries: list[tuple[str, dict[str, Any]]] = []
        """Idempotency key and body of every request, whatever was answered."""

    @property
    def taken(self) -> list[dict[str, Any]]:
        """Bodies of all requests, each key once, in the order of their first coming."""
        return list(dict(self.tries).values())

    async def until(self, true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Return as soon as a condition holds."""
        await until(true, what, patience_s, lambda: self.taken)

    async def until_kind(self, kind: str, count: int = 1, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the `count`-th notice of a kind as soon as it came."""

        def found() -> list[dict[str, Any]]:
            return [body for body in self.taken if body["kind"] == kind]

        await self.until(lambda: len(found()) >= count, f"{kind} number {count}", patience_s)
        return found()[count - 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])}
            self.headers.append(headers)
            body = await reader.readexactly(int(headers["content-length"]))
            self.tries.append((headers.get("idempotency-key", ""), json.loads(body)))
            if self.answer == HANG:
                await reader.read()  # until the caller gives up
            writer.write(self.answer)
            await writer.drain()
            while self.endless:
                writer.write(self.endless)
                await writer.drain()
                await asyncio.sleep(self.pause_s)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def open_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port for the length of the block, behind TLS if a context is given."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.url = (
        f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?room=1"
    )
    async with server:
        yield receiver
