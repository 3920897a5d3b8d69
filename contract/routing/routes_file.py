"""`config/routes.toml` read into a checked tree of routes with its contacts and escalations."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from contract.alert import Priority
from contract.errors import ConfigurationError
from contract.incident import CauseKind
from contract.routing.contact import Contact, Escalation, EscalationStep
from contract.routing.contact_tables import (
    Name,
    RoutesTables,
    RoutesText,
    check_known,
    read_ack_timeout,
    read_contacts,
    read_escalations,
)
from contract.routing.report_tables import read_reports
from contract.routing.route import ActiveTime, Matchers, NoticeRoute, Routing
from contract.toml.tables import TablePlace

DEFAULTS: Final = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
"""What the root has where it says nothing. Source: Alertmanager, docs/configuration.md."""
LEAST_S: Final = {"group_wait": 0, "group_interval": 1, "repeat_interval": 60}
"""Chosen: what is urgent needs no wait, and nobody is told the same thing more than once a minute."""
ACK_TIMEOUT_US: Final = 8 * 3_600_000_000
"""How long an acknowledgement holds without a deed where nothing is said, µs: chosen, a shift; whoever took
it goes home then, and the next one should hear of it."""
DIGEST_AT: Final = time(7, 30)
"""Local time of a digest where nothing is said: chosen, when offices open."""


class _Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    parent: str = ""
    match: dict[str, Any] = {}
    continue_: bool = msgspec.field(name="continue", default=False)
    contacts: Annotated[list[Name], Meta(min_length=1)] | None = None
    escalation: Name | None = None
    group_wait: str | None = None
    group_interval: str | None = None
    repeat_interval: str | None = None
    ack_timeout: str | None = None
    active_time: ActiveTime = ActiveTime.ALWAYS
    digest_at: time = DIGEST_AT


Patterns = Name | Annotated[list[Name], Meta(min_length=1)]


class _Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    priority: Priority | Annotated[list[Priority], Meta(min_length=1)] | None = None
    rule: Patterns | None = None
    cause: Patterns | None = None
    cluster: Patterns | None = None
    ward: Patterns | None = None
    isp: Patterns | None = None
    school: Patterns | None = None
    pupils_from: Annotated[int, Meta(ge=1)] | None = None


def parse_routes(text: str) -> Routing:
    """Return the routes, contacts, escalations and reports written in TOML `text`.

    Raises:
        ConfigurationError: a table is wrong, a name is unknown or comes twice, routes go in a circle, a rota
            has a gap, an escalation tells nobody, a report goes to somebody with an area; names table, field
            and line.
    """
    file = RoutesText("routes.toml", text, RoutesTables)
    contacts = read_contacts(file)
    routes = _Tree(file, contacts, read_escalations(file, contacts)).routes()
    return Routing(routes, contacts, read_reports(file, contacts))


class _Tree:
    """The routes of a file while they are read."""

    def __init__(
        self, file: RoutesText, contacts: Mapping[str, Contact], escalations: Mapping[str, Escalation]
    ) -> None:
        self._file = file
        self._contacts = contacts
        self._escalations = escalations
        self._places: dict[str, TablePlace] = {}
        self._written: dict[str, _Route] = {}
        self._timeouts_us: dict[str, int | None] = {}
        """What each route has of `ack_timeout`, said or inherited."""
        self._saying = {t["name"] for _, t in file.places("escalation") if "ack_timeout" in t}
        """Escalations that have one of their own."""
        for place, _ in file.places("route"):
            route = file.read(place, _Route)
            if route.name in self._written:
                raise file.refusal(place, "name", "`name` is that of another route")
            self._places[route.name], self._written[route.name] = place, route

    def routes(self) -> tuple[NoticeRoute, ...]:
        """Return all routes, the root first.

        Raises:
            ConfigurationError: one is wrong; names its line.
        """
        names = list(self._written)
        if not names:
            raise ConfigurationError("routes.toml: has no [[route]], so nobody would be told of anything")
        self._check_root(names[0])
        self._check_parents(names[0])
        found: dict[str, NoticeRoute] = {}
        for name in sorted(names, key=lambda name: len(self._path(name))):  # parents before their children
            found[name] = self._route(name, found)
        routes = tuple(found[name] for name in names)
        self._check_reached(routes)
        return routes

    def _parent(self, name: str) -> str:
        root = next(iter(self._written))
        return "" if name == root else self._written[name].parent or root

    def _path(self, name: str) -> list[str]:
        """Return a route and all above it, up to the root or to the first that comes twice."""
        path = [name]
        while (parent := self._parent(path[-1])) and parent not in path:
            path.append(parent)
        return path

    def _check_root(self, name: str) -> None:
        place, root = self._places[name], self._written[name]
        for field, is_said in (
            ("parent", bool(root.parent)),
            ("match", bool(root.match)),
            ("continue", root.continue_),
            ("active_time", root.active_time is not ActiveTime.ALWAYS),
        ):
            if is_said:
                why = f"the first route takes what no other one does, always: it has no `{field}`"
                raise self._file.refusal(place, field, why)
        if root.contacts is None and root.escalation is None:
            raise self._file.refusal(place, "", "the first route needs `contacts` or an `escalation`")

    def _check_parents(self, root: str) -> None:
        for name, route in self._written.items():
            if route.parent and route.parent not in self._written:
                why = f"`parent` names no route: {route.parent!r}"
                raise self._file.refusal(self._places[name], "parent", why)
        for name in self._written:
            path = self._path(name)
            if path[-1] != root:
                circle = " → ".join([*path, self._parent(path[-1])])
                why = f"`parent` goes in a circle: {circle}"
                raise self._file.refusal(self._places[name], "parent", why)

    def _route(self, name: str, found: Mapping[str, NoticeRoute]) -> NoticeRoute:
        place, written = self._places[name], self._written[name]
        parent = found.get(self._parent(name))
        match = self._matchers(place) if written.match else Matchers()
        waits_us: dict[str, int] = {}
        for field, default in DEFAULTS.items():
            said = getattr(written, field)
            if said is None and parent is not None:
                waits_us[field] = getattr(parent, f"{field}_us")
            else:
                text = default if said is None else said
                waits_us[field] = self._file.duration_us(place, field, text, least_s=LEAST_S[field])
        interval_us = waits_us["group_interval"]
        self._check_digest(place, written, match, found)
        return NoticeRoute(
            name=name,
            parent="" if parent is None else parent.name,
            match=match,
            continue_=written.continue_,
            escalation=self._escalation(place, written, parent),
            group_wait_us=waits_us["group_wait"],
            group_interval_us=interval_us,
            repeat_interval_us=-(-waits_us["repeat_interval"] // interval_us) * interval_us,
            active_time=written.active_time,
            digest_at=written.digest_at,
            line=self._file.line_of(place),
        )

    def _escalation(self, place: TablePlace, written: _Route, parent: NoticeRoute | None) -> Escalation:
        """Return whom a route tells; how long an acknowledgement holds is said by it, else by those."""
        found = self._steps(place, written, parent)
        timeout_us = ACK_TIMEOUT_US if parent is None else self._timeouts_us[parent.name]
        if written.ack_timeout is not None:
            timeout_us = read_ack_timeout(self._file, place, written.ack_timeout)
        self._timeouts_us[written.name] = timeout_us
        if written.ack_timeout is None and found.name in self._saying:
            return found
        return msgspec.structs.replace(found, ack_timeout_us=timeout_us)

    def _steps(self, place: TablePlace, written: _Route, parent: NoticeRoute | None) -> Escalation:
        if written.contacts is not None:
            if written.escalation is not None:
                raise self._file.refusal(place, "escalation", "has `contacts` too; one of them is enough")
            check_known(self._file, place, written.contacts, self._contacts)
            line = self._file.line((*place.path, "contacts"))
            return Escalation("", (EscalationStep(tuple(written.contacts), 0, line),), 0, None, line)
        if written.escalation is not None:
            if written.escalation not in self._escalations:
                why = f"`escalation` names none: {written.escalation!r}"
                raise self._file.refusal(place, "escalation", why)
            return self._escalations[written.escalation]
        assert parent is not None  # the root has one of them
        return parent.escalation

    def _matchers(self, place: TablePlace) -> Matchers:
        match = self._file.read(place, _Match, "match")
        patterns: dict[str, tuple[str, ...]] = {}
        for field in ("rule", "cause", "cluster", "ward", "isp", "school"):
            patterns[field] = _listed(getattr(match, field))
            for pattern in patterns[field]:
                why = _trouble(pattern)
                if why is None and field == "cause" and not fnmatch.filter(list(CauseKind), pattern):
                    why = f"is none of {', '.join(CauseKind)}"
                if why is not None:
                    raise self._file.refusal(place, field, f"`{field}` {pattern!r} {why}")
        priority = tuple(int(p) for p in _listed(match.priority))
        return Matchers(priority=priority, pupils_from=match.pupils_from or 0, **patterns)

    def _check_digest(
        self, place: TablePlace, written: _Route, match: Matchers, found: Mapping[str, NoticeRoute]
    ) -> None:
        if written.active_time is ActiveTime.DIGEST:
            above = [found[name].match for name in self._path(written.name)[1:]]
            if not any(m.priority == (Priority.P3,) for m in (match, *above)):
                why = (
                    "`active_time` is 'digest', which can wait a weekend: it needs `priority = 3` in `match`"
                )
                raise self._file.refusal(place, "active_time", why)
        elif written.digest_at != DIGEST_AT:
            raise self._file.refusal(place, "digest_at", 'has `digest_at` but no `active_time = "digest"`')

    def _check_reached(self, routes: Sequence[NoticeRoute]) -> None:
        """Refuse a route that nothing reaches, for one before it takes everything."""
        takes_all: dict[str, NoticeRoute] = {}
        for route in routes:
            first = takes_all.get(route.parent)
            if first is not None:
                line = "" if first.line is None else f" in line {first.line}"
                why = f"is never asked: {first.name!r}{line} takes everything before it"
                raise self._file.refusal(self._places[route.name], "", why)
            if route.parent and route.match == Matchers() and not route.continue_:
                takes_all[route.parent] = route


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _trouble(pattern: str) -> str | None:
    """Return what is wrong with a glob, which would else match something else than was meant."""
    at = pattern.find("[")
    while at >= 0:
        first = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        end = pattern.find("]", first + 1)  # a bracket right at the beginning is one of the letters
        if end < 0:
            return "has a [ without its ]"
        if any(a > b for a, b in re.findall(r"(.)-(.)", pattern[first:end])):
            return "has a range that ends before it begins"
        at = pattern.find("[", end)
    return None
