"""What `eduops routes test` and `eduops oncall` print."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from alerting.routing.duty import DutyTurn
from alerting.routing.plan import NoticePlan, PlannedNotice
from alerting.routing.reports import FAR_DAYS, DueReport, next_report, people_meant
from alerting.routing.swaps import state_of
from alerting.routing.tree import RouteAnswer, RouteReason
from contract.access.user import written_out
from contract.calendar import SchoolCalendar
from contract.routing.contact import Person, SharedChannel
from contract.routing.notice import NoticeReason
from contract.routing.route import Routing
from contract.routing.swap import Swap
from eduops.verbs.routes.incident import ToldOf

_REASONS: Final[Mapping[NoticeReason, str]] = {
    NoticeReason.OPENED: "it opened",
    NoticeReason.NEXT_STEP: "nobody acknowledged",
    NoticeReason.REPEATED: "nobody acknowledged; from the first step again",
    NoticeReason.REPEAT_INTERVAL: "repeat_interval",
    NoticeReason.HANDED_BACK: "it was handed back",
    NoticeReason.ACK_TIMEOUT: "the acknowledgement ran out",
    NoticeReason.REOPENED: "it opened again",
}


def render_plan(
    told: ToldOf,
    found: NoticePlan,
    routing: Routing,
    calendar: SchoolCalendar,
    hours: float,
    *,
    as_json: bool,
) -> str:
    """Return who would be told of an incident: the routes with their answers, and the notices by time.

    Below stand the reports that the file orders: when the next one of each goes to whom.
    """
    zone = calendar.timezone
    due = [next_report(order, calendar, told.opened_us) for order in routing.reports]
    if as_json:
        plan = _plan_json(told, found, routing)
        plan["reports"] = [_due_json(one, routing) for one in due if one is not None]
        return json.dumps(plan, ensure_ascii=False, indent=1)
    facts = told.facts
    where = [*filter(None, (facts.isp, *facts.ward[1:2], *facts.cluster[-1:], *facts.school[-1:]))]
    name = told.incident_id or "a made-up incident"
    pupils = "1 pupil" if facts.pupils == 1 else f"{facts.pupils:,} pupils"
    lines = [
        f"{name}: {facts.rule}, {facts.cause}{' ' if where else ''}{' · '.join(where)}, "
        f"priority {facts.priority}, {pupils}, opened {_local(told.opened_us, zone)}",
        "",
        *_columns([("line", "route", ""), *_tree(found.routed.answers)]),
        "",
    ]
    rows = [("at", "told", "by", "line", "route", "why")]
    rows += [
        (
            _local(n.at_us, zone),
            f"{n.to} ({_ways(n.to, routing)})",
            _by(n),
            _line(n.step_line),
            n.route,
            "; ".join(filter(None, (_why(n, zone), told.accounts.get(n.to)))),
        )
        for n in found.notices
    ]
    lines += _columns(rows) if len(rows) > 1 else [f"nobody is told within {hours:g} h"]
    for one in found.routes:
        after = "nobody more" if one.next_us is None else f"the next on {_local(one.next_us, zone)}"
        lines.append(f"after these {hours:g} h route {one.route.name} tells {after}")
    for order, report in zip(routing.reports, due, strict=True):
        lines.append(f"line {_line(order.line)}, report {order.name}: {_report_words(report, routing, zone)}")
    return "\n".join(lines)


def render_oncall(
    turns: Mapping[str, Sequence[DutyTurn]],
    swaps: Sequence[Swap] | None,
    routing: Routing,
    now_us: int,
    zone: ZoneInfo,
    *,
    as_json: bool,
) -> str:
    """Return who is on duty by rota and time, and the swaps; the first turn of each rota is the present one.

    Args:
        turns: by rota, by the file and the swaps.
        swaps: those that are not over; None if nobody could be asked.
        routing: of the file.
        now_us: log time from which on the turns are.
        zone: of the center.
        as_json: whether for programs.
    """
    if as_json:
        told = {name: [_turn_json(turn) for turn in found] for name, found in turns.items()}
        known = [_swap_json(one, routing, now_us) for one in swaps or ()]
        said = {"rotas": told, "swaps": None if swaps is None else known}
        return json.dumps(said, ensure_ascii=False, indent=1)
    rows = [
        f"swap {one.swap_id}  {state_of(one, routing, now_us).value}  {one.rota}: {one.person}, "
        f"{_local(one.from_us, zone)} – {_local(one.until_us, zone)}, by {one.actor}: {one.reason}"
        for one in swaps or ()
    ]
    return "\n".join([_turns(turns, zone), *([""] if rows else []), *map(written_out, rows)])


def _turns(turns: Mapping[str, Sequence[DutyTurn]], zone: ZoneInfo) -> str:
    if not turns:
        return "routes.toml has no rota yet: nobody has duty by turns; docs/alerting.md says how to write one"
    rows = [("rota", "from", "to", "on duty", "line", "")]
    for name, found in turns.items():
        rows += [
            (
                name,
                _local(turn.from_us, zone),
                _local(turn.to_us, zone),
                turn.on_duty.person,
                _line(turn.on_duty.line),
                _instead(turn),
            )
            for turn in found
        ]
    return "\n".join(_columns(rows))


def _plan_json(told: ToldOf, found: NoticePlan, routing: Routing) -> dict[str, Any]:
    return {
        "incident_id": told.incident_id or None,
        "opened_at_us": told.opened_us,
        "facts": {k: v for k, v in msgspec.to_builtins(told.facts).items() if k != "areas"},
        "routes": [
            {
                "route": answer.route.name,
                "line": answer.route.line,
                "reason": answer.reason.value,
                "mismatch": msgspec.to_builtins(answer.mismatch),
                "other": answer.other or None,
            }
            for answer in found.routed.answers
        ],
        "notices": [
            msgspec.to_builtins(n)
            | {"channels": _schemes(n.to, routing), "account": told.accounts.get(n.to, "")}
            for n in found.notices
        ],
        "next_us": {one.route.name: one.next_us for one in found.routes},
    }


def _report_words(due: DueReport | None, routing: Routing, zone: ZoneInfo) -> str:
    if due is None:
        return f"none within {FAR_DAYS} days: calendar.toml has no term then"
    people = people_meant(due.order.contacts, routing, due.due_us)
    to = ", ".join(f"{to} ({_ways(to, routing)})" for to, _ in people)
    which = f"the {due.order.span} that ends on {due.last:%a %Y-%m-%d}"
    return f"{_local(due.due_us, zone)}, {which}, as {', '.join(due.order.formats)}, to {to}"


def _due_json(due: DueReport, routing: Routing) -> dict[str, Any]:
    people = people_meant(due.order.contacts, routing, due.due_us)
    return {
        "report": due.order.name,
        "line": due.order.line,
        "span": due.order.span.value,
        "last": due.last.isoformat(),
        "at_us": due.due_us,
        "formats": list(due.order.formats),
        "to": {to: _schemes(to, routing) for to, _ in people},
    }


def _instead(turn: DutyTurn) -> str:
    by = turn.on_duty.swapped_by
    return f"swapped by {by}" if by else "override" if turn.on_duty.override else ""


def _swap_json(swap: Swap, routing: Routing, now_us: int) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(swap)
    return told | {"state": state_of(swap, routing, now_us).value}


def _turn_json(turn: DutyTurn) -> dict[str, Any]:
    on_duty: dict[str, Any] = msgspec.to_builtins(turn.on_duty)
    return {"from_us": turn.from_us, "to_us": turn.to_us, **on_duty}


def _tree(answers: Sequence[RouteAnswer]) -> Iterator[tuple[str, str, str]]:
    """Yield a row a route, its name set in as deep as it is in the tree."""
    parents = {answer.route.name: answer.route.parent for answer in answers}
    for answer in answers:
        above, depth = answer.route.parent, 0
        while above:
            above, depth = parents[above], depth + 1
        yield _line(answer.route.line), "  " * depth + answer.route.name, _answer(answer)


def _answer(answer: RouteAnswer) -> str:
    if answer.reason is RouteReason.CHOSEN:
        return "takes it"
    if answer.reason is RouteReason.CHILD_CHOSEN:
        return "matches; a route below takes it"
    if answer.reason is RouteReason.PARENT_NOT_ASKED:
        return f"not asked: {answer.other} above it says no"
    if answer.reason is RouteReason.TAKEN_BEFORE:
        return f"not asked: {answer.other} before it takes it, without continue"
    no = answer.mismatch
    if no is None:
        return "no"
    if no.field == "pupils_from":
        return f"no: {no.found[0]} pupils, pupils_from is {no.wanted[0]}"
    return f"no: {no.field} is {' / '.join(no.found) or 'none'}, not {' or '.join(no.wanted)}"


def _why(notice: PlannedNotice, zone: ZoneInfo) -> str:
    if notice.outside:
        return f"step {notice.step}: not told, outside the area of {notice.to} ({notice.outside})"
    waited = f"; waits since {_local(notice.due_us, zone)} for active_time" * (notice.due_us < notice.at_us)
    return f"step {notice.step}: {_REASONS[notice.reason]}{waited}"


def _by(notice: PlannedNotice) -> str:
    if notice.contact == notice.to:
        return ""
    if notice.swapped_by:
        return f"{notice.contact}, swapped by {notice.swapped_by}"
    return f"{notice.contact}, line {_line(notice.duty_line)}"


def _ways(name: str, routing: Routing) -> str:
    return ", ".join(_schemes(name, routing))


def _schemes(name: str, routing: Routing) -> list[str]:
    """Return a contact's channels without what is secret of them: schemes of addresses, names."""
    contact = routing.contacts[name]
    if isinstance(contact, SharedChannel):
        return [_scheme(contact.url)]
    return [_scheme(way) for way in contact.channels] if isinstance(contact, Person) else []


def _scheme(way: str) -> str:
    return way.partition("://")[0]


def _line(line: int | None) -> str:
    return "-" if line is None else str(line)


def _local(at_us: int, zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(at_us // 1_000_000, zone)
    return moment.strftime("%a %Y-%m-%d %H:%M:%S")


def _columns(rows: Iterable[Sequence[str]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]
