"""Notices: one message to one contact about one incident or report, and why it is made or not."""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

NOTICE_ID_BYTES: Final = 12


class NoticeReason(StrEnum):
    """Why somebody is told at this moment; each about an incident has texts in texts.toml."""

    OPENED = "opened"
    """The incident opened `group_wait` before."""
    NEXT_STEP = "next_step"
    """Nobody acknowledged within the `wait` of the step before."""
    REPEATED = "repeated"
    """All steps were told, and the escalation repeats them."""
    REPEAT_INTERVAL = "repeat_interval"
    """The escalation is at its end: its last step is told again."""
    HANDED_BACK = "handed_back"
    ACK_TIMEOUT = "ack_timeout"
    """The acknowledgement ran out."""
    REOPENED = "reopened"
    WORSE = "worse"
    """It is more urgent than when this contact was told, or reaches half as many schools more."""
    UNREACHABLE = "unreachable"
    """No channel of a contact of the step before took the message."""
    ASSIGNED = "assigned"
    """Somebody said that this contact shall have it."""
    DIGEST = "digest"
    """Many at once: one message about several incidents instead of one each."""
    RESOLVED = "resolved"
    """It is over; owed to whoever was told that it is there."""
    REPORT = "report"
    """A report is due that the contact is to have: about no incident."""
    REPORT_LOST = "report_lost"
    """Somebody did not get a report: the contacts of the first route hear of it."""

    @property
    def is_of_report(self) -> bool:
        """Whether it is about a report, and no incident."""
        return self in (NoticeReason.REPORT, NoticeReason.REPORT_LOST)


class HeldReason(StrEnum):
    """Why nobody, or not this contact, is told at this moment; each has texts in texts.toml."""

    GROUP_WAIT = "group_wait"
    """It may be over, or be more, in a moment."""
    SILENCED = "silenced"
    OUTSIDE_AREA = "outside_area"
    """The incident is none of the person's area."""
    OUTSIDE_HOURS = "outside_hours"
    """The route tells at other hours."""
    TOLD_BEFORE = "told_before"
    """The contact knows of it from another route, or from an incident that was absorbed."""
    LOAD_GOVERNOR = "load_governor"
    """The contact gets more than a person can take in: it is in the next digest."""
    UNREACHABLE = "unreachable"
    """No channel of the contact took the message."""
    WITHHELD = "withheld"
    """The contact's account may not see any of it, or may not sign in."""


class NoticeFate(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    SENT = "sent"
    """A channel took it."""
    SAID_WITH = "said_with"
    """Another notice about the same incident said it as well, a later one or, of a reminder, one that was
    late: the way out was gone meanwhile."""
    GIVEN_UP = "given_up"
    """No channel of the contact took it."""


class Notice(msgspec.Struct, frozen=True):
    """One message to one contact about one incident, decided once."""

    notice_id: str
    """Its idempotency key, `notice_id_of`; every attempt carries it."""
    incident_id: str
    """Of a digest, the most urgent one; of a report its own id."""
    to: str
    """Name of the person or channel."""
    contact: str
    """What the step names: the person, the channel, or the rota that the person is on duty of."""
    reason: NoticeReason
    priority: int
    """The worst that the incident ever had, by now."""
    at_us: int
    """Log time at which it was decided."""
    route: str
    """Name of the route that tells, or of the order of a report."""
    step: int
    """Position in the escalation, from 1; 0 for what is told outside of it."""
    incidents: tuple[str, ...] = ()
    """Of a digest: all incidents, the most urgent first, `incident_id` among them; else empty."""


class NoticeAnswer(msgspec.Struct, frozen=True):
    """What the notifier says of a notice that nobody got; an entry of the alerts log."""

    notice_id: str
    incident_id: str
    to: str
    route: str
    why: HeldReason = HeldReason.UNREACHABLE
    """Or `WITHHELD`."""


def notice_id_of(incident_id: str, to: str, reason: NoticeReason, at_us: int) -> str:
    """Return the key of a notice, 24 hex digits, that a replay finds again."""
    words = f"{incident_id}/{to}/{reason.value}/{at_us}".encode()
    return hashlib.blake2b(words, digest_size=NOTICE_ID_BYTES).hexdigest()
