"""What history proposes for the calendar and what was decided, read from the tables."""

import asyncio
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg import AsyncConnection

from anomaly.moved_bells import propose_bells
from anomaly.special_days import LEAST_DAYS, propose_days
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.special_days.begins import begins_of
from contract.special_days.history import Measure, history_of
from contract.special_days.special_day import MOST_AHEAD_DAYS, DayProposal, DayVerdict, SpecialDay
from storage.special_days.days import load_special_days
from storage.special_days.history import day_begins, day_measures, school_events

WINDOW_DAYS: Final = 56
"""Days that are looked at, and that tell what is usual: eight weeks, chosen."""
OVER_AT: Final = time(18)
"""From then on a day's sessions are over, local time, and it is looked at."""


class MeasuredDays(NamedTuple):
    """What was measured, to be looked at again while nothing newer is there."""

    days: tuple[date, ...]
    measures: dict[str, Measure]
    begins: dict[str, Measure]
    """When they begin, minutes of the local day."""
    read_us: int
    """Log time."""


class CalendarDesk(NamedTuple):
    """What is to be decided, and what was."""

    proposals: list[DayProposal]
    decided: tuple[SpecialDay, ...]
    newest: date
    """The last day that was looked at."""
    known_days: int
    """Days of which any register is known."""

    @property
    def is_early(self) -> bool:
        """Return whether nothing can be usual yet, and so no day unusual."""
        return self.known_days < LEAST_DAYS


class Deciding(NamedTuple):
    """What somebody decides about some proposals, or about what was decided."""

    verdict: DayVerdict
    name: str
    """Why, such as a flood; may be empty."""
    last: date | None
    """Until when it goes on, if longer than was seen; None for no longer."""
    by: str
    at_us: int


class UndecidableError(ValueError):
    """Something that cannot be decided; says what."""


def looked_at(calendar: SchoolCalendar, now_us: int) -> tuple[date, ...]:
    """Return the days whose sessions are over, `WINDOW_DAYS` of them, rising."""
    local = datetime.fromtimestamp(now_us / 1e6, calendar.timezone)
    newest = local.date() - timedelta(0 if local.time() >= OVER_AT else 1)
    return tuple(newest - timedelta(n) for n in reversed(range(WINDOW_DAYS)))


async def measure(
    conn: AsyncConnection[Any], fleet: Fleet, catalogue: Catalogue, calendar: SchoolCalendar, now_us: int
) -> MeasuredDays:
    """Read what was measured on the days that are looked at: some seconds for thousands of schools."""
    days = looked_at(calendar, now_us)
    span_us = _midnights(calendar, days)
    zone = calendar.timezone.key
    found = await day_measures(conn, fleet, catalogue, zone, days, *span_us)
    begins = await day_begins(conn, fleet, catalogue, zone, days, *span_us)
    return MeasuredDays(days, found, begins, now_us)


async def propose(
    conn: AsyncConnection[Any], fleet: Fleet, calendar: SchoolCalendar, measured: MeasuredDays
) -> CalendarDesk:
    """Return what follows from measured days, with what was decided and dismissed up to now."""
    decided = await load_special_days(conn)
    lived = calendar.with_days(decided, fleet)
    dismissed = await school_events(conn, fleet, calendar, *_midnights(calendar, measured.days))

    def look() -> list[DayProposal]:
        moved = propose_bells(begins_of(fleet, lived, measured.days, measured.begins), decided)
        history = history_of(fleet, lived, measured.days, measured.measures, decided, dismissed)
        return [*moved, *propose_days(history)]

    # A second for thousands of schools: the walls go on meanwhile.
    known = int(np.isfinite(measured.measures["register"]).any(axis=(1, 2)).sum())
    return CalendarDesk(await asyncio.to_thread(look), decided, measured.days[-1], known)


def settle(desk: CalendarDesk, ids: Iterable[str], wanted: Deciding) -> list[SpecialDay]:
    """Return what becomes of proposals, or of what was decided, by their ids.

    Raises:
        UndecidableError: nothing has such an id, or it cannot last so long.
    """
    return [_settled(desk, one, wanted) for one in dict.fromkeys(ids)]


def last_if_accepted(proposal: DayProposal) -> date:
    """Return until when a proposal holds if nobody says until when: bells that moved are to ring so on."""
    ahead = timedelta(0 if proposal.evidence.bells is None else MOST_AHEAD_DAYS)
    return proposal.last + ahead


def _settled(desk: CalendarDesk, day_id: str, wanted: Deciding) -> SpecialDay:
    if wanted.verdict is DayVerdict.WITHDRAWN:
        for day in desk.decided:
            if day.day_id == day_id and day.verdict is not DayVerdict.WITHDRAWN:
                return day._replace(verdict=wanted.verdict, decided_us=wanted.at_us, decided_by=wanted.by)
        raise UndecidableError(day_id)
    proposal = next((one for one in desk.proposals if one.proposal_id == day_id), None)
    if proposal is None:
        raise UndecidableError(day_id)
    last = wanted.last or last_if_accepted(proposal)
    if not proposal.last <= last <= proposal.last + timedelta(MOST_AHEAD_DAYS):
        raise UndecidableError(last.isoformat())
    return SpecialDay(
        day_id, proposal.kind, proposal.place, proposal.first, last, wanted.name, wanted.verdict,
        wanted.at_us, wanted.by, proposal.evidence,
    )  # fmt: skip


def _midnights(calendar: SchoolCalendar, days: tuple[date, ...]) -> tuple[int, int]:
    midnight = time()
    return calendar.moment_us(days[0], midnight), calendar.moment_us(days[-1] + timedelta(1), midnight)
