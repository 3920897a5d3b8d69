"""One person is on duty at every moment, the first match wins, and time moves notices one way only."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerting.routing.duty import duty_turns, on_duty
from alerting.routing.facts import IncidentFacts, mismatch
from alerting.routing.hours import active_from_us, is_in_session
from alerting.routing.plan import Handling, HandlingKind, NoticePlan, plan
from alerting.routing.tree import RouteReason, routes_of
from contract.calendar import MINUTE_US, SchoolCalendar
from contract.errors import ConfigurationError
from contract.incident import CauseKind
from contract.routing.contact import DAY_US, Rota
from contract.routing.route import ActiveTime, NoticeRoute, Routing
from contract.routing.routes_file import parse_routes

BEGAN_US = 1_795_399_200_000_000
"""Monday 2026-11-23 09:00 in Ho Chi Minh City."""
HOUR_US = 3_600_000_000
NAMES = ("A", "B", "C", "D")
CONTACTS = '[[channel]]\nname = "inbox"\nurl = "inbox://"\n' + "".join(
    f'[[person]]\nname = "{name}"\nchannels = ["inbox"]\n' for name in NAMES
)
ROOT = '[[route]]\nname = "r0"\ncontacts = ["inbox"]\n'
ZONES = ("Asia/Ho_Chi_Minh", "Asia/Kathmandu", "Pacific/Marquesas", "UTC")
"""Zones without summer time, of any offset."""
WRONG = ("[]", '"r9"', '"1d"', "-1", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "[{}]", "{}")
"""Values that hardly any field may have."""
moments = st.integers(BEGAN_US - 800 * DAY_US, BEGAN_US + 180 * DAY_US)


@st.composite
def rotas(draw: st.DrawFn) -> str:
    """Return the tables of a rota without a gap: a layer of the whole week, or day and night, and others."""
    people = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)

    def layer(hours: str) -> str:
        who, hour = draw(people), draw(st.integers(0, 23))
        period = draw(st.sampled_from(("1h", "5h30m", "12h", "1d", "7d", "2w")))
        names = ", ".join(f'"{name}"' for name in who)
        return (
            f"[[rota.layer]]\npeople = [{names}]\nhandover = 2026-11-02T{hour:02}:15:00\n"
            f'period = "{period}"\n{hours}\n'
        )

    first, second = draw(st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True))
    day = f"from = {first:02}:00:00\nto = {second:02}:00:00"
    night = f"from = {second:02}:00:00\nto = {first:02}:00:00"
    weekdays = draw(st.sets(st.integers(0, 6), min_size=1))
    whole = draw(st.sampled_from(([""], [day, night])))
    more = draw(st.sampled_from(([], [f"{night}\nweekdays = {sorted(weekdays)}"])))
    text = f'[[rota]]\nname = "crew"\ntimezone = "{draw(st.sampled_from(ZONES))}"\n'
    text += "".join(map(layer, [*whole, *more]))
    days = draw(st.lists(st.integers(1, 28), max_size=3, unique=True))
    for n in days:
        text += (
            f'[[rota.override]]\nperson = "{draw(st.sampled_from(NAMES))}"\n'
            f"from = 2026-11-{n:02}T05:00:00\nto = 2026-11-{n:02}T23:00:00\n"
        )
    return text


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a routes.toml: a rota, an escalation, and a tree of up to eight routes."""
    steps = draw(st.lists(st.sampled_from(("crew", "A", "inbox")), min_size=1, max_size=3))
    text = CONTACTS + draw(rotas())
    text += f'[[escalation]]\nname = "calls"\nrepeat = {draw(st.integers(0, 2))}\nack_timeout = "2h"\n'
    for who in steps:
        text += (
            f'[[escalation.step]]\nwait = "{draw(st.sampled_from((1, 20, 600)))}m"\ncontacts = ["{who}"]\n'
        )
    text += ROOT
    for n in range(1, draw(st.integers(1, 8))):
        match = draw(
            st.sampled_from(
                ("priority = [1, 2]", 'isp = "V*"', "pupils_from = 500", 'cause = "isp*"', "priority = 3")
            )
        )
        text += (
            f'[[route]]\nname = "r{n}"\nparent = "r{draw(st.integers(0, n - 1))}"\nmatch = {{ {match} }}\n'
            f"continue = {'true' if draw(st.booleans()) else 'false'}\n"
            f'active_time = "{draw(st.sampled_from(("always", "in_session", "outside_session")))}"\n'
        )
        if draw(st.booleans()):
            text += 'escalation = "calls"\n'
    return text


incidents = st.builds(
    IncidentFacts,
    priority=st.integers(1, 3),
    rule=st.just("wan_down"),
    cause=st.sampled_from((CauseKind.ISP, CauseKind.WARD)),
    isp=st.sampled_from(("VNPT", "FPT", "")),
    pupils=st.sampled_from((1, 500)),
)


def crew_of(text: str) -> Rota:
    found = parse_routes(text).contacts["crew"]
    assert isinstance(found, Rota)
    return found


@given(rotas(), st.lists(moments, min_size=1, max_size=20))
def test_one_person_is_on_duty_at_every_moment(text: str, at: Sequence[int]) -> None:
    rota = crew_of(CONTACTS + text + ROOT)
    for moment in at:
        assert on_duty(rota, moment).person in NAMES


@given(rotas(), moments, st.integers(1, 20 * 24))
def test_turns_are_what_each_moment_says(text: str, from_us: int, hours: int) -> None:
    rota = crew_of(CONTACTS + text + ROOT)
    to_us = from_us + hours * HOUR_US
    turns = duty_turns(rota, from_us, to_us)
    assert (turns[0].from_us, turns[-1].to_us) == (from_us, to_us)
    for turn, after in pairwise(turns):
        assert turn.to_us == after.from_us
        assert turn.on_duty != after.on_duty
    step = max(1, (to_us - from_us) // 200)
    for at in range(from_us, to_us, step):
        held = next(turn for turn in turns if turn.from_us <= at < turn.to_us)
        assert held.on_duty == on_duty(rota, at)


def walk(route: NoticeRoute, facts: IncidentFacts, routing: Routing) -> list[str]:
    """Return the names of the routes that an incident takes, as the manual says it."""
    if mismatch(route.match, facts) is not None:
        return []
    below: list[str] = []
    for child in routing.children(route):
        found = walk(child, facts, routing)
        below += found
        if found and not child.continue_:
            break
    return below or [route.name]


@given(files(), incidents)
def test_the_first_match_wins_at_every_depth(text: str, facts: IncidentFacts) -> None:
    routing = parse_routes(text)
    routed = routes_of(facts, routing)
    assert routed.chosen
    assert {r.name for r in routed.chosen} == set(walk(routing.routes[0], facts, routing))
    assert [a.route for a in routed.answers] == list(routing.routes)
    for answer in routed.answers:
        matches = mismatch(answer.route.match, facts) is None
        if answer.reason in (RouteReason.CHOSEN, RouteReason.CHILD_CHOSEN):
            assert matches
        if answer.reason is RouteReason.NO_MATCH:
            assert not matches


def times(found: NoticePlan) -> list[list[int]]:
    return [[notice.at_us for notice in one.notices] for one in found.routes]


@given(files(), incidents, st.integers(0, 20_000), st.sampled_from((1, 5, 30)), st.sampled_from((1, 20)))
def test_a_longer_look_only_adds(
    calendar: SchoolCalendar, text: str, facts: IncidentFacts, minute: int, hours: int, more: int
) -> None:
    routing, opened_us = parse_routes(text), BEGAN_US + minute * MINUTE_US
    short = plan(facts, opened_us, routing, calendar, hours=hours)
    long = plan(facts, opened_us, routing, calendar, hours=hours + more)
    for one, other in zip(short.routes, long.routes, strict=True):
        assert other.notices[: len(one.notices)] == one.notices
        told = [notice.at_us for notice in other.notices]
        assert told == sorted(told)
        assert one.next_us is not None
        rest = other.notices[len(one.notices) :]
        assert (rest[0].at_us if rest else other.next_us) == one.next_us


@given(files(), incidents, st.integers(0, 20_000), st.integers(0, 600))
def test_what_opens_later_is_told_no_earlier(
    calendar: SchoolCalendar, text: str, facts: IncidentFacts, minute: int, later: int
) -> None:
    routing, opened_us = parse_routes(text), BEGAN_US + minute * MINUTE_US
    first = plan(facts, opened_us, routing, calendar, hours=20)
    second = plan(facts, opened_us + later * MINUTE_US, routing, calendar, hours=40)
    for early, late in zip(times(first), times(second), strict=True):
        assert all(a <= b for a, b in zip(early, late, strict=False))


@given(files(), incidents, st.integers(0, 20_000), st.integers(1, 300))
def test_nobody_is_told_while_somebody_has_it(
    calendar: SchoolCalendar, text: str, facts: IncidentFacts, minute: int, after: int
) -> None:
    routing, opened_us = parse_routes(text), BEGAN_US + minute * MINUTE_US
    taken_us = opened_us + after * MINUTE_US
    taken = plan(
        facts,
        opened_us,
        routing,
        calendar,
        hours=30,
        handled=[Handling(taken_us, HandlingKind.ACKNOWLEDGED)],
    )
    free = plan(facts, opened_us, routing, calendar, hours=30)
    for one, other in zip(taken.routes, free.routes, strict=True):
        timeout_us = one.route.escalation.ack_timeout_us
        before = [notice for notice in one.notices if notice.at_us < taken_us]
        assert before == [notice for notice in other.notices if notice.at_us < taken_us]
        for notice in one.notices[len(before) :]:
            assert timeout_us is not None
            assert notice.at_us >= taken_us + timeout_us


@given(files(), st.data())
def test_a_file_that_went_wrong_is_read_or_refused_in_a_sentence(text: str, data: st.DataObject) -> None:
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at, other = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.sampled_from(lines))
        key, value = lines[at].partition("=")[0], other.partition("=")[2]
        changes = ([], [lines[at]] * 2, [other], *([f"{key}={wrong}"] for wrong in (value, *WRONG)))
        lines[at : at + 1] = data.draw(st.sampled_from(changes))
    with suppress(ConfigurationError):
        routing = parse_routes("\n".join(lines))
        assert routes_of(IncidentFacts(1, "wan_down", CauseKind.ISP), routing).chosen


@given(
    moments,
    st.sampled_from((ActiveTime.IN_SESSION, ActiveTime.OUTSIDE_SESSION)),
    st.sets(st.integers(0, 3), min_size=1),
)
def test_a_route_tells_at_the_first_moment_of_its_hours(
    calendar: SchoolCalendar, at_us: int, active_time: ActiveTime, levels: set[int]
) -> None:
    text = f'{CONTACTS}{ROOT}[[route]]\nname = "r1"\nactive_time = "{active_time}"\n'
    route = parse_routes(text).routes[1]
    facts = IncidentFacts(1, "wan_down", CauseKind.CITY, levels=tuple(sorted(levels)))
    found = active_from_us(route, facts, calendar, at_us)
    wanted = active_time is ActiveTime.IN_SESSION
    assert found is not None
    assert is_in_session(facts, calendar, found) is wanted
    assert found == at_us or found % MINUTE_US == 0
    for minute in range(at_us, min(found, at_us + 3 * DAY_US), MINUTE_US):
        assert is_in_session(facts, calendar, minute) is not wanted
