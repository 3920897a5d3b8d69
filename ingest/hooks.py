"""What whoever starts ingest hangs into it: at points of its way, and every few seconds."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from contract.service.reach import Reach, pass_by

Forget = Callable[[str, Collection[bytes]], Awaitable[None]]
"""Makes the broker erase what it keeps of a topic: what it retains, and messages with these payloads."""


async def nothing_kept(_topic: str, _payloads: Collection[bytes]) -> None:
    """Forget nothing, where the broker keeps nothing that we can reach."""


async def _no_welcome() -> None:
    """Do nothing."""


async def _no_look(_lost: int) -> None:
    """Do nothing."""


def _none_refused() -> int:
    """Return that nothing was seen."""
    return 0


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called; whatever is left out does nothing."""

    reach: Reach = pass_by
    """At `received` (nothing of a batch is kept yet) and `appended` (kept, not acknowledged)."""
    welcome: Callable[[], Awaitable[None]] = _no_welcome
    """Once the session stands for the first time; what it raises stops the service."""
    look: Callable[[int], Awaitable[None]] = _no_look
    """Every few seconds, with how often the session was lost so far."""
    refused: Callable[[], int] = _none_refused
    """Returns how often the broker refused a device so far, as far as that can be seen."""
