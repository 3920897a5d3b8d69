"""A TCP line between two processes that can be slow, cut, silent or half-open.

It runs in a thread of its own, so that tests disturb it from synchronous code.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

Target = tuple[str, int] | Path
"""Host and port, or the path of a Unix socket."""
CHUNK_BYTES = 16_384
_START_S = 10.0


class _Line:
    """One connection through the proxy: both of its sockets and what is wrong with it."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.is_dead = False
        """Whatever is sent disappears, and nobody is told."""
        self.bytes_to_reset: int | None = None
        """How many bytes pass before both ends get a reset; None for no reset."""

    def reset(self) -> None:
        """End both connections by RST instead of FIN, as a router that lost its table does."""
        for writer in self.writers:
            own: socket.socket = writer.get_extra_info("socket")
            if own.fileno() < 0:
                continue  # it has ended by itself
            if own.family != socket.AF_UNIX:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a free loopback port and passes everything on to the target, until disturbed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lines: set[_Line] = set()
        self._delay_s = 0.0
        self._bytes_per_s = float("inf")
        self._loop = asyncio.new_event_loop()
        self._passable = asyncio.Event()
        self._ended = asyncio.Event()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()], daemon=True)
        self.port = 0
        """Where clients connect, on 127.0.0.1."""
        self.resets = 0
        """Connections that were reset."""

    def __enter__(self) -> "Proxy":
        self._thread.start()
        assert self._listens.wait(_START_S), "the proxy does not listen"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._ended.set)
        self._thread.join(_START_S)
        self._loop.close()

    def slow(self, delay_s: float, bytes_per_s: float) -> None:
        """Let every chunk of at most 16 KiB wait, and pass no more than so many bytes a second."""
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    def partition(self) -> None:
        """Let nothing pass in either direction, old connections and new; after `heal` it comes late."""
        self._do(self._passable.clear)

    def half_open(self) -> None:
        """Lose everything on the connections that stand, for ever and untold; new ones work."""

        def kill() -> None:
            for line in self._lines:
                line.is_dead = True

        self._do(kill)

    def reset(self, after_bytes: int = 0) -> None:
        """Reset each connection that stands after so many more bytes: in the midst of a packet."""

        def mark() -> None:
            for line in self._lines:
                line.bytes_to_reset = after_bytes

        self._do(mark)

    def heal(self) -> None:
        """Let everything pass at full speed again; what is half-open stays so."""
        self.slow(0.0, float("inf"))
        self._do(self._passable.set)

    def _do(self, what: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(what)

    async def _run(self) -> None:
        self._passable.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._ended.wait()
        server.close()
        for line in list(self._lines):
            line.reset()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.close()
            return
        line = _Line(writer, far_writer)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_until_lost(self._pass_on(line, reader, far_writer)))
                group.create_task(_until_lost(self._pass_on(line, far_reader, writer)))
        except asyncio.CancelledError:
            return  # only our own end cancels; asyncio of Python 3.11 reports it as an error of the stream
        finally:
            self._lines.discard(line)
            writer.close()
            far_writer.close()

    def _connect(self) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if isinstance(self._target, Path):
            return asyncio.open_unix_connection(str(self._target))
        return asyncio.open_connection(*self._target)

    async def _pass_on(self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            wait_s = self._delay_s + len(chunk) / self._bytes_per_s
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await self._passable.wait()
            if line.is_dead:
                continue
            if line.bytes_to_reset is not None and len(chunk) > line.bytes_to_reset:
                writer.write(chunk[: line.bytes_to_reset])
                line.reset()
                self.resets += 1
                return
            if line.bytes_to_reset is not None:
                line.bytes_to_reset -= len(chunk)
            writer.write(chunk)
            await writer.drain()
        if not line.is_dead and not writer.is_closing():
            writer.write_eof()


async def _until_lost(passing: Awaitable[None]) -> None:
    """Pass on until one end is gone: that is no failure of the proxy."""
    try:
        await passing
    except OSError:
        return
