"""A program of the operator's as a way out."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from watchdog.senders.sender import SendError

COMMAND_TIMEOUT_S: Final = 30.0
"""Room for a command that dials a modem or a mail server."""


class Command:
    """Runs a program with a notice on its standard input; the exit code 0 means that it was taken."""

    name = "command"

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        """Take what to run.

        Args:
            argv: Program and arguments; no shell ever sees them.
            environment: All its variables but `EDUOPS_NOTICE_KEY`; none for none.
            timeout_s: After so long it is killed with its children.
        """
        self._argv = tuple(argv)
        self._environment = dict(environment or {})
        self._timeout_s = timeout_s

    async def send(self, body: bytes, key: str) -> None:
        """See `Sender`. The key is the variable `EDUOPS_NOTICE_KEY`."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**self._environment, "EDUOPS_NOTICE_KEY": key},
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


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a command that still runs, with its children, and wait for it; one that ended may leave others."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
