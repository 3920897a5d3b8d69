"""Days for the calendar as people and programs read them."""

import json
from collections.abc import Sequence

from anomaly.special_days import LEAST_DAYS
from contract.fleet import Fleet
from contract.special_days.special_day import (
    DayEvidence,
    DayProposal,
    MovedBells,
    PlaceKind,
    SpecialDay,
    said_kind,
)
from ops_dashboard.special_days.desk import CalendarDesk
from ops_dashboard.special_days.routes import place_name, told_desk


def render_proposals(desk: CalendarDesk, fleet: Fleet, *, as_json: bool) -> str:
    """Return what is proposed, a line each."""
    if as_json:
        return json.dumps(told_desk(desk, fleet), ensure_ascii=False, indent=2)
    if not desk.proposals and desk.is_early:
        return (
            f"too early to compare days: {desk.known_days} have figures, and {LEAST_DAYS} are the least of"
            " which anything is usual"
        )
    if not desk.proposals:
        return f"nothing to propose: every day up to {desk.newest} was as the calendar says"
    return "\n".join(
        f"{one.proposal_id}  {_day(one, fleet)}  {_seen(one.evidence, one.days)}" for one in desk.proposals
    )


def render_decided(days: Sequence[SpecialDay], fleet: Fleet, *, as_json: bool) -> str:
    """Return what was decided, a line each."""
    if as_json:
        return json.dumps([day._asdict() for day in days], ensure_ascii=False, indent=2, default=str)
    if not days:
        return "nothing was decided; `eduops calendar suggest` shows what is proposed"
    return "\n".join(
        f"{one.day_id}  {one.verdict:<9}  {_day(one, fleet)}  by {one.decided_by}"
        + (f": {one.name}" if one.name else "")
        for one in days
    )


def _day(one: DayProposal | SpecialDay, fleet: Fleet) -> str:
    span = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
    place = (
        "the city" if one.place.kind is PlaceKind.CITY else f"{one.place.kind} {place_name(one.place, fleet)}"
    )
    return f"{span:<24}  {said_kind(one):<8}  {place}"


def _seen(seen: DayEvidence, days: int) -> str:
    parts = [f"{days} days"] if days > 1 else []
    parts.append(f"{seen.schools} of {seen.of} schools")
    if seen.register is not None and seen.register_usual is not None:
        parts.append(f"registers {seen.register:.1%}, usually {seen.register_usual:.1%}")
    if seen.traffic is not None:
        parts.append(f"traffic at {seen.traffic:.0%} of usual")
    parts += [] if seen.bells is None else _bells(seen.bells)
    if seen.dismissed:
        parts.append(f"{seen.dismissed} with an alert dismissed as an event")
    return ", ".join(parts)


def _bells(bells: MovedBells) -> list[str]:
    """Return what is told of moved bells, a part of the day each."""
    found = []
    for part, name in enumerate(("mornings", "afternoons")):
        if bells.later_min[part]:
            shown = {"registers": bells.register[part]}
            shown |= {} if part else {"traffic": bells.traffic, "e-learning": bells.learners}
            each = [f"{what} {minutes:+.0f}" for what, minutes in shown.items() if minutes is not None]
            found.append(f"{name} {bells.later_min[part]:+d} min ({', '.join(each)})")
    return found
