"""Who would be told of an incident, when and by which line, for as long as nobody acknowledges it."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import count

import msgspec

from alerting.routing.course import recipients, step_at, wait_after
from alerting.routing.facts import IncidentFacts
from alerting.routing.hours import active_from_us
from alerting.routing.tree import Routed, routes_of
from contract.calendar import SchoolCalendar
from contract.routing.notice import NoticeReason
from contract.routing.route import NoticeRoute, Routing


class HandlingKind(StrEnum):
    """What may be done about an incident that changes who is told."""

    ACKNOWLEDGED = "acknowledged"
    """Somebody has it: the escalation stops, for `ack_timeout` if it has one."""
    HANDED_BACK = "handed_back"
    """Whoever had it has it no more: the escalation begins again."""
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Handling(msgspec.Struct, frozen=True):
    """Something that was done about an incident."""

    at_us: int
    """µs since 1970."""
    kind: HandlingKind


class PlannedNotice(msgspec.Struct, frozen=True):
    """One contact who would be told, once."""

    at_us: int
    """µs since 1970."""
    due_us: int
    """When it would have been but for the route's `active_time`; `at_us` where nothing waits."""
    to: str
    """Name of the person or channel."""
    contact: str
    """What the step names: the person, the channel, or the rota that the person is on duty of."""
    reason: NoticeReason
    route: str
    route_line: int | None
    step: int
    """Position in the escalation, from 1."""
    step_line: int | None
    duty_line: int | None = None
    """Line of the rota's layer or override that names the person; None for a swap."""
    outside: str = ""
    """The person's area, if the incident is none of it: then the person is not told after all."""
    swapped_by: str = ""
    """Who made the swap by which the person is on duty; else empty."""


class RoutePlan(msgspec.Struct, frozen=True):
    """What one route does."""

    route: NoticeRoute
    notices: tuple[PlannedNotice, ...]
    """By their time."""
    next_us: int | None
    """When it tells the next after the last of these; None for never: it is acknowledged or resolved, or the
    calendar has no such hours any more."""


class NoticePlan(msgspec.Struct, frozen=True):
    """What all routes do."""

    routed: Routed
    routes: tuple[RoutePlan, ...]
    """Those that the incident takes, in the file's order."""

    @property
    def notices(self) -> list[PlannedNotice]:
        """All notices by their time; who would be told twice at one moment is told once, by the first."""
        first: dict[tuple[int, str], PlannedNotice] = {}
        for one in self.routes:
            for notice in one.notices:
                first.setdefault((notice.at_us, notice.to), notice)
        return sorted(first.values(), key=lambda notice: notice.at_us)


def plan(
    facts: IncidentFacts,
    opened_at_us: int,
    routing: Routing,
    calendar: SchoolCalendar,
    *,
    hours: float,
    handled: Sequence[Handling] = (),
) -> NoticePlan:
    """Return who would be told of an incident within so many hours of its opening.

    Args:
        facts: what routes know of it.
        opened_at_us: µs since 1970.
        routing: routes, contacts and escalations.
        calendar: the schools' hours.
        hours: how far to look from `opened_at_us`; a longer look adds notices at the end and changes none.
        handled: what was done about it, by time; nothing after that.
    """
    routed = routes_of(facts, routing)
    until_us = opened_at_us + round(hours * 3_600_000_000)
    plans = []
    for route in routed.chosen:
        within: list[PlannedNotice] = []
        next_us = None
        for notice in _notices(
            route, _Stretch.all_of(route, opened_at_us, handled), facts, routing, calendar
        ):
            if notice.at_us >= until_us:
                next_us = notice.at_us
                break
            within.append(notice)
        plans.append(RoutePlan(route, tuple(within), next_us))
    return NoticePlan(routed, tuple(plans))


class _Stretch(msgspec.Struct, frozen=True):
    """A time in which the escalation runs."""

    from_us: int
    until_us: int | None
    reason: NoticeReason

    @staticmethod
    def all_of(route: NoticeRoute, opened_at_us: int, handled: Sequence[Handling]) -> "list[_Stretch]":
        """Return the times in which nobody has the incident, in order."""
        timeout_us = route.escalation.ack_timeout_us
        found: list[_Stretch] = []
        state = HandlingKind.REOPENED
        now: _Stretch | None = _Stretch(opened_at_us + route.group_wait_us, None, NoticeReason.OPENED)
        for done in handled:
            if (state is HandlingKind.RESOLVED) is not (done.kind is HandlingKind.REOPENED):
                continue  # it is not the kind of thing that can be done now
            if done.kind is HandlingKind.HANDED_BACK and (
                state is not HandlingKind.ACKNOWLEDGED or (now is not None and now.from_us <= done.at_us)
            ):
                continue  # nobody has it who could
            if now is not None and now.from_us < done.at_us:
                found.append(msgspec.structs.replace(now, until_us=done.at_us))
            state, now = done.kind, None
            if state is HandlingKind.HANDED_BACK:
                now = _Stretch(done.at_us, None, NoticeReason.HANDED_BACK)
            elif state is HandlingKind.REOPENED:
                now = _Stretch(done.at_us + route.group_wait_us, None, NoticeReason.REOPENED)
            elif state is HandlingKind.ACKNOWLEDGED and timeout_us is not None:
                now = _Stretch(done.at_us + timeout_us, None, NoticeReason.ACK_TIMEOUT)
        return found if now is None else [*found, now]


def _notices(
    route: NoticeRoute,
    stretches: Sequence[_Stretch],
    facts: IncidentFacts,
    routing: Routing,
    calendar: SchoolCalendar,
) -> Iterator[PlannedNotice]:
    """Yield all that a route tells, by time; without end where the last stretch has none."""
    for stretch in stretches:
        due_us = stretch.from_us
        for place in count():
            number, step, _, why = step_at(route, place)
            at_us = active_from_us(route, facts, calendar, due_us)
            if at_us is None or (stretch.until_us is not None and at_us >= stretch.until_us):
                break
            named = recipients(step, routing, facts, at_us)
            for one in named:
                yield PlannedNotice(
                    at_us=at_us,
                    due_us=due_us,
                    to=one.to,
                    contact=one.contact,
                    reason=stretch.reason if why is None else why,
                    route=route.name,
                    route_line=route.line,
                    step=number,
                    step_line=step.line,
                    duty_line=one.duty_line,
                    outside=one.outside,
                    swapped_by=one.swapped_by,
                )
            due_us = at_us + wait_after(route, place, named)
