"""The governor: a person takes in so much and no more; what is beyond comes together in one message.

An outage of priority 1 still rings once, within its minute: a shared cause is by its nature seldom.

Source: ISA-18.2: one alarm an operator and ten minutes in the long run, and more than ten are a flood.
"""

from typing import Final

from alerting.notify.state import WINDOW_US, Postponed, RecipientLoad
from contract.alert import Priority
from contract.incident import CauseKind, Incident

MOST: Final = 10
"""Messages to one recipient within `WINDOW_US`, digests among them; only an outage may be one more."""
MOST_WITH_OUTAGES: Final = 2 * MOST
"""Messages within the window after which not even an outage rings by itself: chosen."""
ALONE: Final = {Priority.P1: 6, Priority.P2: 4, Priority.P3: 4}
"""So many messages may be within the window for one more about a single incident, by its priority: two are
kept for the most urgent, and four for digests, so that what comes next is told within some minutes."""
DIGEST_US: Final = 60 * 1_000_000
"""A digest waits so long for what else comes, µs."""
URGENT_DIGEST_US: Final = 25 * 1_000_000
"""One with news of priority 1 waits so long, µs: with a `group_wait` of 30 s it is told within a minute. The
last two places of the window are for digests that wait longer, so that they do for a longer flood."""


def has_room(load: RecipientLoad, incident: Incident, at_us: int, *, is_news: bool) -> bool:
    """Return whether a recipient may be told of one more incident by itself.

    Args:
        load: what the recipient gets.
        incident: the incident.
        at_us: log time now.
        is_news: whether the recipient does not know yet that it is there and how urgent it is.
    """
    count = len(load.recent(at_us))
    if is_news and incident.worst_priority == Priority.P1 and incident.cause.kind is not CauseKind.SCHOOL:
        return count < MOST_WITH_OUTAGES
    return count < ALONE[Priority(incident.worst_priority)]


def postpone(load: RecipientLoad, incident_id: str, what: Postponed, due_us: int) -> None:
    """Put an incident into the next digest, which is due at that time or earlier."""
    load.postponed[incident_id] = what
    load.due_us = due_us if load.due_us is None else min(load.due_us, due_us)


def free_us(load: RecipientLoad, at_us: int) -> int:
    """Return from when on a digest is not one message too many: now, or once the window lets go of one."""
    recent = load.recent(at_us)
    return recent[-MOST] + WINDOW_US if len(recent) >= MOST else at_us


def digest_due_us(load: RecipientLoad, incident: Incident, at_us: int, *, is_news: bool) -> int:
    """Return when a digest with an incident may be told: soon, and not as one too many; see `has_room`."""
    is_urgent = is_news and incident.worst_priority == Priority.P1 and len(load.recent(at_us)) < MOST - 2
    return max(at_us + (URGENT_DIGEST_US if is_urgent else DIGEST_US), free_us(load, at_us))
