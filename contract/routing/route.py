"""Routes: which incidents go to whom, with which delays and at which hours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

import msgspec

from contract.routing.contact import Contact, Escalation
from contract.routing.report import ReportOrder


class ActiveTime(StrEnum):
    """When a route tells: what falls outside waits until then, if it is still to be told."""

    ALWAYS = "always"
    IN_SESSION = "in_session"
    """While a school of the incident's is in session, by the school calendar, or is half an hour from it."""
    OUTSIDE_SESSION = "outside_session"
    """While none of its schools is."""
    DIGEST = "digest"
    """At the start of a working day, together with all that waits for it."""


class Matchers(msgspec.Struct, frozen=True):
    """What an incident must be like. Every field that is not empty must match, by one of its patterns.

    Patterns are exact, or globs with `*`, `?`, `[abc]`, `[a-c]` and `[!a]`; upper and lower case differ.
    """

    priority: tuple[int, ...] = ()
    """The worst it ever had, one of these."""
    rule: tuple[str, ...] = ()
    """Name of the rule that it is named after."""
    cause: tuple[str, ...] = ()
    """Kind of its cause, such as `isp_ward`."""
    cluster: tuple[str, ...] = ()
    """Code or name of the one cluster that it is within."""
    ward: tuple[str, ...] = ()
    """Code, name or short name of the one ward that it is within."""
    isp: tuple[str, ...] = ()
    """The one provider whose schools it concerns."""
    school: tuple[str, ...] = ()
    """Code or name, of an incident of one school by itself."""
    pupils_from: int = 0
    """At least so many pupils, the most that it ever had; 0 for any."""


class NoticeRoute(msgspec.Struct, frozen=True):
    """A node of the tree, with what it inherits from its parent filled in."""

    name: str
    parent: str
    """Empty for the root."""
    match: Matchers
    continue_: bool
    """Whether the routes after it with the same parent are asked although it matched."""
    escalation: Escalation
    group_wait_us: int
    """Time from an incident's opening to its first notice, µs: what ends within it is never told."""
    group_interval_us: int
    """Least time between two notices about changes of one incident, µs."""
    repeat_interval_us: int
    """Time after which what goes on unacknowledged is told again, µs; a multiple of `group_interval_us`."""
    active_time: ActiveTime
    digest_at: time
    """Local time of day at which a digest is told."""
    line: int | None


@dataclass(frozen=True, slots=True)
class Routing:
    """All of a routes.toml."""

    routes: tuple[NoticeRoute, ...]
    """In the file's order; the root, which matches everything, is first."""
    contacts: Mapping[str, Contact]
    """By name."""
    reports: tuple[ReportOrder, ...]
    """In the file's order."""

    def children(self, parent: NoticeRoute) -> Iterator[NoticeRoute]:
        """Yield the routes right below one, in the file's order."""
        return (route for route in self.routes if route.parent == parent.name)
