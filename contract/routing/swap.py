"""Swaps of duty: somebody has the duty of a rota for a while, beside what routes.toml says."""

from enum import StrEnum
from typing import Final

import msgspec

from contract.routing.silence import DAY_US, SECOND_US

FARTHEST_US: Final = 90 * DAY_US
"""So far ahead a swap may end, µs: chosen, what is planned for longer belongs into routes.toml."""
KEPT_US: Final = SECOND_US
"""So long after its end the fold of notices knows a swap, µs: what is split off begins with the running
second, and rings whoever had the duty then."""
MOST_IN_FORCE: Final = 200
"""Swaps that may be in force or to come at once: chosen, two a day over `FARTHEST_US`."""
MOST_REASON: Final = 500


class SwapState(StrEnum):
    """What a swap does at a moment; each has texts in texts.toml."""

    ACTIVE = "active"
    PENDING = "pending"
    """It has yet to begin."""
    OVER = "over"
    LOST = "lost"
    """routes.toml has no such rota or person any more: it does nothing."""


class SwapFault(StrEnum):
    """Why a swap that somebody wants is refused; each has a text `error.swap_…` in texts.toml."""

    NO_ROTA = "no_rota"
    NO_PERSON = "no_person"
    NO_REASON = "no_reason"
    NO_END = "no_end"
    UNSEEN_CHARACTER = "unseen_character"
    TOO_LONG_TEXT = "too_long_text"
    ENDS_BEFORE = "ends_before"
    """It ends before it begins."""
    IS_OVER = "is_over"
    TOO_FAR = "too_far"
    TOO_MANY = "too_many"
    """`MOST_IN_FORCE` others are not over."""


class Swap(msgspec.Struct, frozen=True):
    """A swap as it stands; all times are log time."""

    swap_id: str
    """A UUID; it never changes and is never given again."""
    rota: str
    person: str
    """Who has the duty, a person of routes.toml."""
    from_us: int
    """When it begins, µs since 1970; never before it was made, so that what is past stays as it was."""
    until_us: int
    """When it ends by itself, µs since 1970."""
    actor: str
    """Who made it."""
    reason: str
    """At most `MOST_REASON` characters."""
    created_at_us: int
    ended_at_us: int | None = None
    """When somebody ended it before its time; else None."""
    ended_by: str | None = None

    @property
    def end_us(self) -> int:
        """When it is over, µs since 1970."""
        return self.until_us if self.ended_at_us is None else min(self.until_us, self.ended_at_us)


class SwapSet(msgspec.Struct, frozen=True, tag_field="said", tag="set"):
    """Somebody wants a swap; the first word about an id counts."""

    swap: Swap
    """Not ended; its `created_at_us` is the time of the word."""


class SwapEnded(msgspec.Struct, frozen=True, tag_field="said", tag="ended"):
    """Somebody ends a swap now; of one that is over it changes nothing."""

    swap_id: str
    actor: str
    at_us: int


SwapWord = SwapSet | SwapEnded
"""What an entry of the alerts log says of a swap."""
