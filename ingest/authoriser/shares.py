"""What each device sends against its share of the broker: counted by connection, forgotten by the hour. Pure.

A leaky bucket as a meter (ITU-T I.371, generic cell rate algorithm): the share is what fits in, and runs out
within an hour. So an outage's backlog may come at once, and only who goes on beyond it is held off.
"""

from collections.abc import Iterable
from typing import Final

from contract.devices.connecting import BrokerLine

MESSAGE_BYTES: Final = 1024
"""A message counts as so much more than its bytes: a small one costs the center as much as its content."""
BACK_BELOW: Final = 0.5
"""Who was held off comes in again once so little of the share is left in use: after half an hour."""
HOUR_US: Final = 3_600_000_000


class Shares:
    """Fills and empties the buckets; used from one thread. Times are real, µs since 1970."""

    def __init__(self, share_bytes: float, now_us: int) -> None:
        """Count from now on; what connections carried before is nobody's."""
        self._share = share_bytes
        self._looked_us = now_us
        self._carried: dict[tuple[str, int], int] = {}
        """Of each connection what it had carried at the last look, or since at its end."""
        self._used: dict[str, tuple[float, int]] = {}
        """Of each device how much of its share is in use, and as of when."""
        self._held_off: set[str] = set()

    def look(self, standing: Iterable[BrokerLine], asked_us: int) -> set[str]:
        """Take up what standing connections have carried; return the devices that are over their share now.

        Args:
            standing: All of the broker's.
            asked_us: When it was asked for them.
        """
        carried: dict[tuple[str, int], int] = {}
        over: set[str] = set()
        for one in standing:
            carried[one.server, one.number] = _cost(one)
            if self._add(one, asked_us):
                over.add(one.client_id)
        self._carried, self._looked_us = carried, asked_us
        return over

    def ended(self, gone: BrokerLine, now_us: int) -> None:
        """Take up what a connection carried until its end."""
        self._add(gone, now_us)
        # The next look may still have it: the broker said so before it ended.
        self._carried[gone.server, gone.number] = _cost(gone)

    def is_held_off(self, client_id: str, now_us: int) -> bool:
        """Return whether a device has used up its share and has to wait."""
        if client_id in self._held_off and self._level(client_id, now_us) < BACK_BELOW * self._share:
            self._held_off.discard(client_id)
        return client_id in self._held_off

    def _add(self, one: BrokerLine, now_us: int) -> bool:
        """Fill a device's bucket; return whether that was over its rim."""
        cost = _cost(one)
        # One that was there before we looked has carried what it has at times that nobody knows.
        before = self._carried.get((one.server, one.number), 0 if one.started_us >= self._looked_us else cost)
        more = max(0, cost - before)
        level = self._level(one.client_id, now_us) + more
        if level:
            self._used[one.client_id] = (level, now_us)
        else:
            self._used.pop(one.client_id, None)
        if level > self._share:
            self._held_off.add(one.client_id)
        # Whoever just asks to come in again carries nothing, and is told why by being refused.
        return more > 0 and level > self._share

    def _level(self, client_id: str, now_us: int) -> float:
        level, at_us = self._used.get(client_id, (0.0, now_us))
        return max(0.0, level - self._share * max(0, now_us - at_us) / HOUR_US)


def _cost(one: BrokerLine) -> int:
    return one.carried_bytes + MESSAGE_BYTES * one.messages
