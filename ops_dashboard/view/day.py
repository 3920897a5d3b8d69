"""What a calm wall tells: the day so far (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from alerting.routing.duty import duty_turns
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, DeviceKind, Fleet
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
TOP_RESOLVED: Final = 6
MOST_LANES: Final = 4
"""Up to so many schools have their day apart: what fits a wall in readable type."""

Point = tuple[int, float]
"""A moment, µs since 1970, and a value."""
Band = tuple[int, float, float]
"""A moment, and the least and the most that is usual then."""


Stretch = tuple[int, int]
"""From and until, µs since 1970."""
Trouble = tuple[int, int, int]
"""From and until, µs since 1970, and the priority of what was wrong."""


class ResolvedLine(msgspec.Struct, frozen=True):
    """An incident that is over."""

    line: WallLine
    ended_at_us: int


class DutyNow(msgspec.Struct, frozen=True):
    """Who is on duty."""

    rota: str
    person: str
    until_us: int


class SystemNow(msgspec.Struct, frozen=True):
    """What is wrong with one of the systems that schools use."""

    kind: str
    """A `DeviceKind`."""
    incidents: int
    """Open ones in which an alert of what it measures has been."""
    schools: int
    """Schools with open alerts of theirs, each as often as it is in one."""
    priority: int | None
    """The worst of them; None without any."""


class Day(msgspec.Struct, frozen=True):
    """The day so far, of the whole city or of an area."""

    at_us: int
    users: list[Point]
    """Learners active, as they may be told; of an area none are."""
    users_usual: list[Band]
    resolved: list[ResolvedLine]
    """The last incidents that ended today, the newest first; at most `TOP_RESOLVED`."""
    resolved_count: int
    quiet_since_us: int | None
    """When the last incident ended, today or before; None while one is open, and where none is known."""
    sessions: list[Stretch]
    """When schools of any level are in session today."""
    known_from_us: int | None
    """Since when anything is known, today or long before; None where nothing is."""
    troubled: list[Trouble]
    """When incidents were open today, of each priority apart; up to now where one still is."""
    systems: list[SystemNow]
    lanes: list[list[Trouble]]
    """The same of the alerts of each school, in the order of the fleet; empty where they are too many."""
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


def sessions_of(calendar: SchoolCalendar, fleet: Fleet, now_us: int) -> list[Stretch]:
    """Return when schools of a fleet are in session on the day of a moment, those of all levels together."""
    day, levels = calendar.local_day(now_us), {school.level for school in fleet.schools}
    return joined(
        (s.start_us, s.end_us) for level in levels for s in calendar.sessions(LEVELS.index(level), day)
    )


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in order, those that meet as one."""
    found: list[Stretch] = []
    for first, last in sorted(stretches):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def make_day(
    now_us: int,
    curve: tuple[list[Point], list[Band]],
    incidents: Iterable[Incident],
    routing: Routing,
    fleet: Fleet,
    calendar: SchoolCalendar,
    rules_of: Mapping[DeviceKind, frozenset[str]],
    alerts: Iterable[Alert] = (),
    known_from_us: int | None = None,
) -> Day:
    """Return the day so far.

    Args:
        now_us: log time.
        curve: see `users_curve`.
        incidents: those that ended lately, and any others.
        routing: its rotas say who is on duty.
        fleet: the schools.
        calendar: of the local day and its sessions.
        rules_of: names of the rules that judge each system.
        alerts: of its schools, where they are at most `MOST_LANES`.
        known_from_us: log time of the oldest thing that is kept.
    """
    midnight = midnight_us(now_us, calendar.timezone)
    known = [i for i in incidents if not i.exercise]
    over = [(i, i.ended_at_us) for i in known if i.state is IncidentState.RESOLVED]
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
        max((at for _, at in over if at is not None), default=None) if len(over) == len(known) else None,
        sessions_of(calendar, fleet, now_us),
        known_from_us,
        _troubled(((i.began_at_us, i.ended_at_us, i.worst_priority) for i in known), midnight, now_us),
        [_system(kind, rules, known) for kind, rules in rules_of.items()],
        _lanes(fleet, alerts, midnight, now_us),
        [DutyNow(name, turn.on_duty.person, turn.to_us) for name, turn in turns],
    )


def _system(kind: DeviceKind, rules: frozenset[str], incidents: Iterable[Incident]) -> SystemNow:
    own = [
        one for one in incidents if one.ended_at_us is None and one.alerts and not rules.isdisjoint(one.rules)
    ]
    priority = min((one.priority for one in own), default=None)
    return SystemNow(kind.value, len(own), sum(one.schools for one in own), priority)


def _lanes(fleet: Fleet, alerts: Iterable[Alert], midnight_us: int, now_us: int) -> list[list[Trouble]]:
    if len(fleet.schools) > MOST_LANES:
        return []
    found: dict[int, list[tuple[int, int | None, int]]] = {school.id: [] for school in fleet.schools}
    for one in alerts:
        if one.school_id in found:
            found[one.school_id].append((one.opened_at_us, one.resolved_at_us, one.priority))
    return [_troubled(of, midnight_us, now_us) for of in found.values()]


def _troubled(spans: Iterable[tuple[int, int | None, int]], midnight_us: int, now_us: int) -> list[Trouble]:
    """Return when anything was wrong on a day, of spans (from, until or None, priority)."""
    by_priority: dict[int, list[Stretch]] = {}
    for first_us, until_us, priority in spans:
        last_us = now_us if until_us is None else until_us
        if last_us > midnight_us:
            by_priority.setdefault(priority, []).append((max(first_us, midnight_us), last_us))
    return [(*stretch, p) for p, of in sorted(by_priority.items(), reverse=True) for stretch in joined(of)]


def _is_named(incident: Incident, fleet: Fleet) -> bool:
    school_id = incident.cause.school_id
    return school_id is None or school_id in fleet.school_position
