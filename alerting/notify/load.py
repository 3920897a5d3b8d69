"""The governor: a person takes in so much and no more; what is beyond comes together in one message.

Source: ISA-18.2: one alarm an operator and ten minutes in the long run, and more than ten are a flood.
"""

from typing import Final

from alerting.notify.state import WINDOW_US, Postponed, RecipientLoad
from contract.alert import Priority

MOST: Final = 10
"""Messages to one recipient within `WINDOW_US`, digests among them."""
ALONE: Final = {Priority.P1: 6, Priority.P2: 4, Priority.P3: 4}
"""So many messages may be within the window for one more about a single incident, by its priority: two are
kept for the most urgent, and four for digests, so that what comes next is told within some minutes."""
DIGEST_US: Final = 60 * 1_000_000
"""A digest waits so long for what else comes, µs."""


def has_room(load: RecipientLoad, priority: int, at_us: int) -> bool:
    """Return whether a recipient may be told of one more incident by itself."""
    return len(load.recent(at_us)) < ALONE[Priority(priority)]


def postpone(load: RecipientLoad, incident_id: str, what: Postponed, due_us: int) -> None:
    """Put an incident into the next digest, which is due at that time or earlier."""
    load.postponed[incident_id] = what
    load.due_us = due_us if load.due_us is None else min(load.due_us, due_us)


def free_us(load: RecipientLoad, at_us: int) -> int:
    """Return from when on a digest is not one message too many: now, or once the window lets go of one."""
    recent = load.recent(at_us)
    return recent[-MOST] + WINDOW_US if len(recent) >= MOST else at_us


def digest_due_us(load: RecipientLoad, at_us: int) -> int:
    """Return when a digest that is wanted now may be told: soon, and not as one too many."""
    return max(at_us + DIGEST_US, free_us(load, at_us))
