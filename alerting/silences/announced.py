"""What announced work comes to: a silence by its UID, nothing twice, another in its place when it moves."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from alerting.silences.calendar_file import AnnouncedWork
from alerting.silences.recurrence import beginnings, rule_parts
from alerting.silences.validity import Complaint, settled
from contract.calendar import SchoolCalendar
from contract.routing.silence import (
    LONGEST_RECURRING_US,
    Silence,
    SilenceEnded,
    SilenceFault,
    SilenceKind,
    SilenceMatcher,
    SilenceSet,
    SilenceWord,
)

_HEX: Final = 32


class ImportOutcome(StrEnum):
    """What an import does with an event."""

    NEW = "new"
    MOVED = "moved"
    """It is announced otherwise than before: the former silence makes way."""
    UNCHANGED = "unchanged"
    ENDED_BY_HAND = "ended_by_hand"
    """Somebody ended it, and it is announced as before: it stays ended."""
    CANCELLED = "cancelled"
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    OVER = "over"
    """It is past."""
    REFUSED = "refused"


class Imported(NamedTuple):
    """What becomes of an event."""

    outcome: ImportOutcome
    word: SilenceWord | None = None
    """What is to be said in the alerts log; None where nothing changes."""
    complaint: Complaint | None = None
    """Why it is refused."""


def imported(
    work: AnnouncedWork,
    known: Sequence[Silence],
    matchers: tuple[SilenceMatcher, ...],
    owner: str,
    calendar: SchoolCalendar,
    at_us: int,
) -> Imported:
    """Return what becomes of announced work.

    Args:
        work: the event.
        known: all silences of its UID, over or not, the newest first.
        matchers: what it concerns.
        owner: who imports it.
        calendar: of the schools.
        at_us: log time now.
    """
    last = known[0] if known else None
    if work.is_cancelled:
        if last is None or at_us >= last.end_us:
            return Imported(ImportOutcome.NOTHING_TO_CANCEL)
        return Imported(ImportOutcome.CANCELLED, SilenceEnded(last.silence_id, owner, at_us))
    before = next((s.silence_id for s in known if last and s.replaced_by == last.silence_id), "")
    if last is not None and last.silence_id == _id_of(work, matchers, before):
        by_hand = last.ended_at_us is not None
        return Imported(ImportOutcome.ENDED_BY_HAND if by_hand else ImportOutcome.UNCHANGED)
    before = "" if last is None else last.silence_id
    silence = _silence(work, _id_of(work, matchers, before), matchers, owner, at_us)
    is_endless = work.recurrence is not None and not _has_end(work)
    found = settled(silence, calendar, has_end=work.recurrence is None or is_endless)
    if isinstance(found, Complaint) and found.fault is SilenceFault.IS_OVER:
        return Imported(ImportOutcome.OVER)
    if isinstance(found, Complaint):
        return Imported(ImportOutcome.REFUSED, complaint=found)
    outcome = ImportOutcome.NEW if last is None else ImportOutcome.MOVED
    return Imported(outcome, SilenceSet(found, before))


def _silence(
    work: AnnouncedWork, silence_id: str, matchers: tuple[SilenceMatcher, ...], owner: str, at_us: int
) -> Silence:
    silence = Silence(
        silence_id, SilenceKind.MAINTENANCE, matchers, work.from_us, work.until_us, owner,
        work.reason or work.uid, at_us, work.recurrence, work.uid,
    )  # fmt: skip
    if work.recurrence is None:
        return silence
    try:
        parts = rule_parts(work.recurrence.rrule)
        if "COUNT" not in parts:
            # What recurs for years begins, for us, with the occurrence that is on, or the next one.
            past = beginnings(work.recurrence, work.from_us, at_us - work.recurrence.duration_us + 1)
            last_us = max(past, default=work.from_us)
            silence = replace(silence, from_us=last_us)
    except (ValueError, OverflowError):
        pass  # whoever settles it says what is wrong with the rule
    return replace(silence, until_us=silence.from_us + LONGEST_RECURRING_US)


def _has_end(work: AnnouncedWork) -> bool:
    rule = "" if work.recurrence is None else work.recurrence.rrule.upper()
    return "UNTIL=" in rule or "COUNT=" in rule


def _id_of(work: AnnouncedWork, matchers: tuple[SilenceMatcher, ...], before: str) -> str:
    """Return a UUID (version 8, RFC 9562) of what is announced and of the silence that it follows."""
    said = msgspec.json.encode([work, matchers, before])
    digits = hashlib.blake2b(said, digest_size=_HEX // 2).hexdigest()
    digits = f"{digits[:12]}8{digits[13:16]}8{digits[17:]}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
