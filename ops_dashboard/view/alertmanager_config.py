"""The routes in force as an Alertmanager configuration, for those who look at it there (pure).

It tells what routes.toml says, as far as Alertmanager has words for it; what it has none for stands in a
comment. Nobody is told anything by it. JSON strings are YAML's, so what a name holds breaks nothing.

Source: Alertmanager 0.25, docs/configuration.md.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from contract.routing.route import ActiveTime, Matchers, NoticeRoute, Routing
from ops_dashboard.view.alertmanager import contacts_of

_SECOND_US: Final = 1_000_000
_BRACKET: Final = re.compile(r"\[(!?)(\]?[^\]]*)\]")
_IN_BRACKET: Final = re.compile(r"[\[\]\\^]")
_OUTSIDE: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPE: Final = r"\\\g<0>"


def receiver_of(route: NoticeRoute) -> str:
    """Return the one receiver that a route has there: all of its contacts."""
    return ", ".join(contacts_of(route))


def write_config(routing: Routing) -> str:
    """Return the routes as YAML that Alertmanager and amtool parse."""
    names = {*routing.contacts, *map(receiver_of, routing.routes)}
    lines = ["global:", "  resolve_timeout: 5m", "route:", *_route(routing.routes[0], routing, "  ")]
    lines += ["receivers:", *(f"- name: {_quoted(name)}" for name in sorted(names))]
    return "\n".join(lines) + "\n"


def _route(route: NoticeRoute, routing: Routing, indent: str) -> Iterator[str]:
    yield f"{indent}# route {_quoted(route.name)}"
    yield f"{indent}receiver: {_quoted(receiver_of(route))}"
    for said in _beyond(route):
        yield f"{indent}# {said}"
    if route.parent:
        matchers = list(_matchers(route.match))
        if matchers:
            yield f"{indent}matchers:"
        yield from (f"{indent}- {_quoted(matcher)}" for matcher in matchers)
        yield f"{indent}continue: {'true' if route.continue_ else 'false'}"
    else:
        yield f"{indent}group_by: [incident]"
    for name in ("group_wait", "group_interval", "repeat_interval"):
        yield f"{indent}{name}: {getattr(route, f'{name}_us') // _SECOND_US}s"
    children = list(routing.children(route))
    if children:
        yield f"{indent}routes:"
    for child in children:
        first, *rest = _route(child, routing, indent + "  ")
        yield f"{indent}- {first.strip()}"
        yield from rest


def _beyond(route: NoticeRoute) -> Iterator[str]:
    """Yield what Alertmanager has no word for, each on one line."""
    if route.match.pupils_from:
        yield f"only from {route.match.pupils_from} pupils on"
    if route.active_time is not ActiveTime.ALWAYS:
        yield f"told {route.active_time.value}, by the school calendar"
    if len(route.escalation.steps) > 1:
        yield f"told one after the other, escalation {_quoted(route.escalation.name)}"


def _matchers(match: Matchers) -> Iterator[str]:
    if match.priority:
        yield _matcher("priority", "|".join(map(str, match.priority)))
    for name in ("rule", "cause", "cluster", "ward", "isp", "school"):
        patterns = getattr(match, name)
        if patterns:
            yield _matcher(name, "|".join(map(glob_pattern, patterns)))


def _matcher(name: str, pattern: str) -> str:
    return f"{name}=~{_quoted(pattern)}"


def glob_pattern(glob: str) -> str:
    """Return RE2's pattern of a glob."""
    made, at = "", 0
    while at < len(glob):
        bracket = _BRACKET.match(glob, at)
        if bracket is not None:
            made += f"[{'^' if bracket[1] else ''}{_IN_BRACKET.sub(_ESCAPE, bracket[2])}]"
            at = bracket.end()
        else:
            made += {"*": ".*", "?": "."}.get(glob[at]) or _OUTSIDE.sub(_ESCAPE, glob[at])
            at += 1
    return made


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
