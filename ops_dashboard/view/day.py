"""What a calm wall tells: the day so far (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from alerting.routing.duty import duty_turns
from contract.fleet import Fleet
from contract.incident import Incident, IncidentState
from contract.routing.contact import DAY_US
from contract.routing.route import Routing
from ops_dashboard.view.lines import WallLine, wall_line
from ops_dashboard.view.oncall import midnight_us, rotas_of
from ops_dashboard.view.past import SPAN_US, WEEK_US, WEEKS, PastSums, shown_users

BACK_US: Final = 5 * 3_600_000_000
"""So much of the day a curve shows: chosen, a session and the hour before it."""
AHEAD_US: Final = 3_600_000_000
"""So much of what is usual is shown ahead."""
TOP_RESOLVED: Final = 2

Point = tuple[int, float]
"""A moment, µs since 1970, and a value."""
Band = tuple[int, float, float]
"""A moment, and the least and the most that is usual then."""


class ResolvedLine(msgspec.Struct, frozen=True):
    """An incident that is over."""

    line: WallLine
    ended_at_us: int


class DutyNow(msgspec.Struct, frozen=True):
    """Who is on duty."""

    rota: str
    person: str
    until_us: int


class Day(msgspec.Struct, frozen=True):
    """The day so far, of the whole city."""

    at_us: int
    users: list[Point]
    """Learners active, as they may be told."""
    users_usual: list[Band]
    resolved: list[ResolvedLine]
    """The last incidents that ended today, the newest first; at most `TOP_RESOLVED`."""
    resolved_count: int
    duty: list[DutyNow]


def curve_stretches(now_us: int) -> list[list[tuple[int, int]]]:
    """Return the stretches of a curve up to now, and then of each of the last weeks, some way ahead."""
    end_us = now_us // SPAN_US * SPAN_US

    def between(first_us: int, last_us: int) -> list[tuple[int, int]]:
        return [(at, at + SPAN_US) for at in range(first_us, last_us, SPAN_US)]

    weeks = [week * WEEK_US for week in range(1, WEEKS + 1)]
    return [
        between(end_us - BACK_US, end_us),
        *(between(end_us - BACK_US - ago, end_us + AHEAD_US - ago) for ago in weeks),
    ]


def users_curve(
    found: Mapping[int, PastSums], stretches: Sequence[Sequence[tuple[int, int]]], coverage_min: float
) -> tuple[list[Point], list[Band]]:
    """Return the learners active today, and the least and the most of the last weeks.

    Args:
        found: by beginning of a stretch.
        stretches: see `curve_stretches`.
        coverage_min: share of expected series, 0 to 1, that must have reported.
    """

    def told(first_us: int) -> float | None:
        return None if first_us not in found else shown_users(found[first_us], coverage_min)

    today, *weeks = stretches
    now = [(first, value) for first, _ in today if (value := told(first)) is not None]
    usual: list[Band] = []
    for n, (first, _) in enumerate(weeks[0]):
        values = [value for week in weeks if (value := told(week[n][0])) is not None]
        if len(values) > 1:
            usual.append((first + WEEK_US, min(values), max(values)))
    return now, usual


def make_day(
    now_us: int,
    curve: tuple[list[Point], list[Band]],
    incidents: Iterable[Incident],
    routing: Routing,
    fleet: Fleet,
    zone: ZoneInfo,
) -> Day:
    """Return the day so far.

    Args:
        now_us: log time.
        curve: see `users_curve`.
        incidents: those that ended lately, and any others.
        routing: its rotas say who is on duty.
        fleet: the schools.
        zone: of the local day.
    """
    midnight = midnight_us(now_us, zone)
    over = [(i, i.ended_at_us) for i in incidents if i.state is IncidentState.RESOLVED]
    today = sorted(
        ((i, at) for i, at in over if at is not None and at >= midnight and _is_named(i, fleet)),
        key=lambda one: -one[1],
    )
    turns = [(rota.name, duty_turns(rota, now_us, now_us + DAY_US)[0]) for rota in rotas_of(routing)]
    return Day(
        now_us,
        *curve,
        [ResolvedLine(wall_line(i, fleet, silenced=False, now_us=at), at) for i, at in today[:TOP_RESOLVED]],
        len(today),
        [DutyNow(name, turn.on_duty.person, turn.to_us) for name, turn in turns],
    )


def _is_named(incident: Incident, fleet: Fleet) -> bool:
    school_id = incident.cause.school_id
    return school_id is None or school_id in fleet.school_position
