"""Which routes an incident takes, and why not the others."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from alerting.routing.facts import IncidentFacts, Mismatch, mismatch
from contract.routing.route import NoticeRoute, Routing


class RouteReason(StrEnum):
    """Why an incident takes a route, or does not."""

    CHOSEN = "chosen"
    """It matches, and no route below it does."""
    CHILD_CHOSEN = "child_chosen"
    """It matches, and a route below it takes the incident."""
    NO_MATCH = "no_match"
    """A matcher says no."""
    PARENT_NOT_ASKED = "parent_not_asked"
    """The route above it does not match, or was not asked."""
    TAKEN_BEFORE = "taken_before"
    """One before it with the same parent took the incident and does not `continue`."""


class RouteAnswer(msgspec.Struct, frozen=True):
    """What one route says of an incident."""

    route: NoticeRoute
    reason: RouteReason
    mismatch: Mismatch | None = None
    """The matcher that says no."""
    other: str = ""
    """Name of the route above, or of the one that took the incident before."""


class Routed(msgspec.Struct, frozen=True):
    """The answers of all routes to one incident."""

    chosen: tuple[NoticeRoute, ...]
    """At least one: the root matches everything."""
    answers: tuple[RouteAnswer, ...]
    """One a route, in the file's order."""


def routes_of(facts: IncidentFacts, routing: Routing) -> Routed:
    """Return the routes that an incident takes: the first that matches, at every depth of the tree.

    A route that matches is taken unless one below it is. The next one with the same parent is asked only if
    the route did not match or has `continue`.

    Source: Alertmanager, dispatch/route.go, `Route.Match`.
    """
    answers = {answer.route.name: answer for answer in _answers(routing.routes[0], facts, routing)}
    in_order = tuple(answers[route.name] for route in routing.routes)
    return Routed(tuple(a.route for a in in_order if a.reason is RouteReason.CHOSEN), in_order)


def _answers(route: NoticeRoute, facts: IncidentFacts, routing: Routing) -> Iterator[RouteAnswer]:
    """Yield the answers of a route that is asked and of all below it, its own first."""
    why = mismatch(route.match, facts)
    if why is not None:
        yield RouteAnswer(route, RouteReason.NO_MATCH, why)
        yield from _not_asked(route, routing)
        return
    below: list[RouteAnswer] = []
    taken = ""
    for child in routing.children(route):
        if taken:
            below.append(RouteAnswer(child, RouteReason.TAKEN_BEFORE, other=taken))
            below.extend(_not_asked(child, routing))
            continue
        said = list(_answers(child, facts, routing))
        below.extend(said)
        if said[0].reason is not RouteReason.NO_MATCH and not child.continue_:
            taken = child.name
    chosen = any(answer.reason is RouteReason.CHOSEN for answer in below)
    yield RouteAnswer(route, RouteReason.CHILD_CHOSEN if chosen else RouteReason.CHOSEN)
    yield from below


def _not_asked(route: NoticeRoute, routing: Routing) -> Iterator[RouteAnswer]:
    for child in routing.children(route):
        yield RouteAnswer(child, RouteReason.PARENT_NOT_ASKED, other=route.name)
        yield from _not_asked(child, routing)
