"""Failpoints: a process that kills or stalls itself at a named point of its way, for fault tests."""

import os
import re
import signal
import threading
from typing import Final

from contract.errors import ConfigurationError
from contract.service.reach import Reach, pass_by

POINTS: Final = ("received", "appended", "folded", "announced", "committed", "claimed", "sent", "noted")
"""Of ingest the first two and of the processor the next three, in the order of a reading's way; of the
notifier the last three, in the order of a notice's."""
ACTIONS: Final = ("kill", "stall")
PATTERN: Final = rf"^(({'|'.join(POINTS)}):({'|'.join(ACTIONS)})(:[1-9]\d{{0,8}})?)?$"
"""`POINT:ACTION[:VISIT]`; empty is none."""


def parse_failpoint(text: str | None) -> Reach:
    """Return what does the failpoint's action at the asked visit of its point, counted from 1.

    `kill` ends the process with SIGKILL, as if the machine had; `stall` blocks the calling thread for
    ever, so that the process lives and does nothing.

    Raises:
        ConfigurationError: the text is not `POINT:ACTION[:VISIT]`.
    """
    if not text:
        return pass_by
    if re.match(PATTERN, text) is None:
        raise ConfigurationError(
            f"the failpoint is {text!r}; write POINT:ACTION[:VISIT] with a point of {', '.join(POINTS)} "
            f"and an action of {', '.join(ACTIONS)}"
        )
    point, action, *visit = text.split(":")
    left = int(visit[0]) if visit else 1
    lock = threading.Lock()

    def reach(reached: str) -> None:
        nonlocal left
        if reached != point:
            return
        with lock:
            left -= 1
            due = left == 0
        if due:
            _act(action)

    return reach


def _act(action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()
