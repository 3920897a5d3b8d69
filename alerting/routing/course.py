"""The order in which an escalation tells its steps."""

from collections.abc import Iterable
from typing import NamedTuple

from alerting.routing.duty import on_duty
from alerting.routing.facts import IncidentFacts, is_outside
from contract.routing.contact import EscalationStep, Person, Rota
from contract.routing.notice import NoticeReason
from contract.routing.route import NoticeRoute, Routing


class CourseStep(NamedTuple):
    """A step at its place in the course of an escalation."""

    number: int
    """Position among the steps, from 1."""
    step: EscalationStep
    wait_us: int
    """From when it was told until the next is due, µs."""
    reason: NoticeReason | None
    """None for the first one: that of whatever began the escalation."""


class Recipient(NamedTuple):
    """A person or channel that a step tells."""

    to: str
    contact: str
    """What the step names: the recipient, or the rota that it is on duty of."""
    duty_line: int | None
    """Line of the rota's layer or override that names the person; None for a swap."""
    outside: str = ""
    """The person's area, if the incident is none of it: then the person is not told."""
    swapped_by: str = ""
    """Who made the swap by which the person is on duty; else empty."""


def step_at(route: NoticeRoute, place: int) -> CourseStep:
    """Return the step that is told after `place` others; there is always one, the last is told on and on."""
    steps, repeat = route.escalation.steps, route.escalation.repeat
    last = len(steps) * (repeat + 1) - 1
    if place > last:
        return CourseStep(len(steps), steps[-1], route.repeat_interval_us, NoticeReason.REPEAT_INTERVAL)
    turn, nth = divmod(place, len(steps))
    reason = NoticeReason.NEXT_STEP if nth else NoticeReason.REPEATED if turn else None
    wait_us = route.repeat_interval_us if place == last else steps[nth].wait_us
    return CourseStep(nth + 1, steps[nth], wait_us, reason)


def wait_after(route: NoticeRoute, place: int, found: Iterable[Recipient]) -> int:
    """Return how long after a step the next is due, µs: at once if there is one and this one tells nobody."""
    tells_nobody = all(one.outside for one in found)
    if tells_nobody and step_at(route, place + 1).reason is NoticeReason.NEXT_STEP:
        return 0
    return step_at(route, place).wait_us


def recipients(step: EscalationStep, routing: Routing, facts: IncidentFacts, at_us: int) -> list[Recipient]:
    """Return whom a step names at a moment: of a rota, whoever is on duty then."""
    found = []
    for name in step.contacts:
        contact = routing.contacts[name]
        if isinstance(contact, Rota):
            duty = on_duty(contact, at_us)
            outside = _outside(duty.person, routing, facts)
            found.append(Recipient(duty.person, name, duty.line, outside, duty.swapped_by))
        else:
            found.append(Recipient(name, name, None, _outside(name, routing, facts)))
    return found


def _outside(name: str, routing: Routing, facts: IncidentFacts) -> str:
    contact = routing.contacts[name]
    area = contact.area if isinstance(contact, Person) else ""
    return area if is_outside(area, facts) else ""
