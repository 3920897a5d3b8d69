"""Which addresses answer: one that does not is asked again by one message alone, the most urgent for it.

In the memory of one process: another one, or the next, finds out by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from contract.service.backoff import Backoff

TRIES: Final = 3
"""Attempts at an address that does not answer before the next channel is tried: chosen, some ten seconds."""
LONG_S: Final = 8.0
"""An address that took so long to fail, or asks for so long a pause, is lost at once: chosen, as long as all
attempts at one that fails fast, and less than any attempt that hangs (`senders`)."""
PAUSE: Final = Backoff(first_s=2.0, longest_s=60.0)
"""Between two attempts at such an address; of each wait a random half is left out, so that not all come at
once. A way that is back is noticed within a minute."""
ASIDE_S: Final = 60.0
"""So long waits what is not to ask: whoever does finds the way open and calls it."""
GONE_S: Final = 5.0
"""Who is to ask and has not by then was sent by another channel, or another notifier: the next one asks."""


class Urgency(NamedTuple):
    """What is asked first; the smaller of two is more urgent."""

    priority: int
    age: int
    """Decided at this log time, negative: the newer is the smaller."""
    notice_id: str


@dataclass(slots=True)
class _Way:
    failures: int = 0
    """In a row."""
    shut_until_s: float = 0.0
    """Monotonic."""
    asks: Urgency | None = None
    """Who asks next whether it answers again, once it is lost."""


class Ways:
    """What this process knows of addresses."""

    def __init__(self, draw: Callable[[], float], pause: Backoff = PAUSE) -> None:
        """Begin with all open; `draw` returns a random share, 0 to 1, by which a `pause` differs."""
        self._draw = draw
        self._pause = pause
        self._ways: dict[str, _Way] = {}

    def wait_s(self, address: str, urgency: Urgency, now_s: float) -> float:
        """Return the seconds until a message may try an address, 0 for now; monotonic time in `now_s`."""
        way = self._ways.get(address)
        if way is None:
            return 0.0
        left_s = max(0.0, way.shut_until_s - now_s)
        if way.failures < TRIES:
            return left_s
        if way.asks is None or urgency <= way.asks or now_s > way.shut_until_s + GONE_S:
            way.asks = urgency
            return left_s
        return max(left_s, ASIDE_S)

    def is_lost(self, address: str) -> bool:
        """Return whether so many attempts failed in a row that the next channel is better."""
        way = self._ways.get(address)
        return way is not None and way.failures >= TRIES

    def begin(self, address: str, now_s: float, bound_s: float) -> None:
        """Note an attempt: while an address that failed is tried, others do not try it as well."""
        way = self._ways.get(address)
        if way is not None:
            way.shut_until_s = now_s + bound_s

    def note_answer(self, address: str) -> bool:
        """Note that an address answered, well or not; return whether it did not before."""
        return self._ways.pop(address, None) is not None

    def note_failure(
        self, address: str, now_s: float, retry_after_s: float | None, took_s: float = 0.0
    ) -> float:
        """Note that it did not within `took_s`, and return the seconds until it may be tried again."""
        way = self._ways.setdefault(address, _Way())
        way.failures += 1
        if max(took_s, retry_after_s or 0.0) >= LONG_S:
            way.failures = max(way.failures, TRIES)
        wait_s = self._pause.wait_s(way.failures, 0.5 + self._draw() / 2)
        if retry_after_s is not None:
            wait_s = max(retry_after_s, wait_s)
        way.shut_until_s = now_s + wait_s
        return wait_s
