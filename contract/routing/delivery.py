"""What became of a notice: its attempts, one by one, and their answers."""

from enum import StrEnum

import msgspec

from contract.routing.notice import Notice, NoticeFate


class AttemptOutcome(StrEnum):
    """What a channel made of a message."""

    SENT = "sent"
    """It took it."""
    REFUSED = "refused"
    """It never will: the address is wrong, or the message is. The next channel is tried at once."""
    FAILED = "failed"
    """It may later: nobody answered, or too much at once."""


class NoticeAttempt(msgspec.Struct, frozen=True):
    """One try to send a notice."""

    number: int
    """From 1."""
    at_us: int
    """By the database's clock, µs since 1970."""
    channel: str
    """Scheme of the address, such as `mailto`: the rest is secret. Empty where the contact has none."""
    outcome: AttemptOutcome
    answer: str
    """What the channel said, for people."""
    title: str
    body: str


class NoticeRecord(msgspec.Struct, frozen=True):
    """A notice with all that became of it; times are by the database's clock, µs since 1970."""

    notice: Notice
    fate: NoticeFate
    made_at_us: int
    next_try_at_us: int
    """Means nothing once its fate is decided."""
    unreachable_at_us: int | None
    """Since when no channel of the recipient takes it; None while none was tried in vain."""
    over_at_us: int | None
    """When its fate was decided; None while it waits."""
    said_with: str
    """The later notice that said it as well; else empty."""
    attempts: tuple[NoticeAttempt, ...]
