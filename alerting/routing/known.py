"""Names in routes.toml that nothing has: told, never refused, for fleets and rules change by themselves."""

from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase

from contract.fleet import Fleet
from contract.routing.contact import Person, Rota
from contract.routing.route import Routing
from contract.rule import Rule


def unknown_names(routing: Routing, fleet: Fleet, rules: Iterable[Rule]) -> Iterator[str]:
    """Yield a sentence for each pattern that matches no cluster, ward, provider, school or rule, by line."""
    clusters = {name for c in fleet.clusters for name in (c.code, c.name)}
    wards = {name for w in fleet.wards for name in (w.code, w.name, w.short_name)}
    schools = {name for s in fleet.schools for name in (s.code, s.name)}
    isps, named = {s.isp for s in fleet.schools}, {rule.name for rule in rules}
    for route in routing.routes:
        match = route.match
        for what, patterns, names in (
            ("cluster", match.cluster, clusters),
            ("ward", match.ward, wards),
            ("provider (isp)", match.isp, isps),
            ("school", match.school, schools),
            ("rule", match.rule, named),
        ):
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    yield f"{_where(route.line)}: route {route.name!r}: no {what} is called {pattern!r}"
    for contact in routing.contacts.values():
        if isinstance(contact, Person) and contact.area and contact.area not in clusters | wards:
            where = _where(contact.line)
            yield f"{where}: person {contact.name!r}: no cluster or ward is called {contact.area!r}"
    for route in routing.routes:
        if all(_has_area(name, routing) for step in route.escalation.steps for name in step.contacts):
            yield (
                f"{_where(route.line)}: route {route.name!r}: everybody whom it tells has an area; "
                "what is outside of them is told nobody"
            )


def shut_accounts(routing: Routing, able: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each person whose account is none of those that may sign in, in one case."""
    for contact in routing.contacts.values():
        if isinstance(contact, Person) and contact.user and contact.user.casefold() not in able:
            yield (
                f"{_where(contact.line)}: person {contact.name!r}: nobody may sign in as {contact.user!r}; "
                "they are told nothing, and the next step at once"
            )


def _has_area(name: str, routing: Routing) -> bool:
    contact = routing.contacts[name]
    if isinstance(contact, Rota):
        return all(_has_area(person, routing) for layer in contact.layers for person in layer.people)
    return isinstance(contact, Person) and bool(contact.area)


def _where(line: int | None) -> str:
    return "routes.toml" if line is None else f"routes.toml, line {line}"
