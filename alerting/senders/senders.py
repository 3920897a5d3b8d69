"""The ways out: a webhook and a command. Each attempt is bounded in time and fails by one exception."""

import asyncio
import os
import signal
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol
from urllib.parse import urlsplit

from contract.errors import InfrastructureError

WEBHOOK_TIMEOUT_S: Final = 10.0
"""A receiver that takes longer hangs; the next attempt carries the same key."""
COMMAND_TIMEOUT_S: Final = 30.0
"""Room for a command that dials a modem or a mail server."""
RETRY_FIRST_S: Final = 1.0
RETRY_LONGEST_S: Final = 60.0
"""A receiver that is back hears us within a minute; half an hour of its absence costs some 35 attempts."""
LINE_BYTES: Final = 8192
"""Longest line of an answer that is read; only the status counts."""


class SendError(InfrastructureError):
    """A notice could not be handed over; it is tried again."""


class Sender(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """Name in the log and in the file of what waits, such as `webhook`."""

    async def send(self, body: bytes, key: str) -> None:
        """Hand a notice over.

        Args:
            body: the notice as JSON.
            key: its idempotency key; a receiver that has seen it need not act again.

        Raises:
            SendError: it was not taken.
        """


class Webhook:
    """POSTs a notice to an address; any answer of 2xx means that it was taken, redirects are not followed."""

    name = "webhook"

    def __init__(self, url: str, timeout_s: float = WEBHOOK_TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s

    async def send(self, body: bytes, key: str) -> None:
        """See `Sender`. The key is the header `Idempotency-Key`.

        Source: draft-ietf-httpapi-idempotency-key-header.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            status = await http_status("POST", self._url, headers, body, self._timeout_s)
        except (OSError, ValueError) as error:  # TimeoutError and ssl.SSLError are OSErrors
            raise SendError(f"no answer: {str(error) or type(error).__name__}") from error
        if not 200 <= status < 300:
            raise SendError(f"it answered {status}")


class Command:
    """Runs a program with a notice on its standard input; the exit code 0 means that it was taken."""

    name = "command"

    def __init__(self, argv: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        """Take a program and its arguments; no shell ever sees them."""
        self._argv = tuple(argv)
        self._timeout_s = timeout_s

    async def send(self, body: bytes, key: str) -> None:
        """See `Sender`. The key is the variable `EDUOPS_NOTICE_KEY`; the services' own settings stay here."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LC_ALL", "LANG") if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**kept, "EDUOPS_NOTICE_KEY": key},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise SendError(f"{self._argv[0]} cannot be run: {error}") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                await process.communicate(body)
        except TimeoutError:
            raise SendError(f"{self._argv[0]} took longer than {self._timeout_s:g} s") from None
        finally:
            await _end(process)
        if process.returncode:
            raise SendError(f"{self._argv[0]} ended with code {process.returncode}")


def retry_wait_s(failures: int) -> float:
    """Return the pause after so many failures in a row, at least 1: 1, 2, 4 … 60 s."""
    return float(min(RETRY_FIRST_S * 2 ** min(failures - 1, 10), RETRY_LONGEST_S))


async def http_status(
    method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
) -> int:
    """Send one request and return the status of the answer; the whole of it may take `timeout_s`.

    Source: RFC 9112.

    Raises:
        OSError: no connection, no trust in it, or no answer in time.
        ValueError: the address or the answer is not HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{parts.scheme or 'nothing'} is no way to reach a web address")
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"]
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=LINE_BYTES)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
            await writer.drain()
            return await _final_status(reader)
        finally:
            writer.transport.abort()


async def _final_status(reader: asyncio.StreamReader) -> int:
    while True:
        line = await reader.readline()
        words = line.split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError("the answer is not HTTP")
        status = int(words[1])
        if status >= 200:
            return status
        while (await reader.readline()).strip():  # headers of an interim answer
            continue


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a command that still runs, with its children, and wait for it; one that ended may leave others."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
