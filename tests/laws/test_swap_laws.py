"""Laws of swaps of duty: they follow from the log alone; file, swaps and time say who is on duty."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerting.routing.duty import duty_turns, on_duty
from alerting.routing.swaps import with_swaps
from contract.alert import Transition
from contract.incident import IncidentDeed
from contract.routing.contact import Rota
from contract.routing.route import Routing
from contract.routing.routes_file import parse_routes
from contract.routing.swap import KEPT_US, Swap, SwapEnded, SwapSet
from tests.examples import examples
from tests.incident_log import MINUTE_US, Desk, LogEntry, did, folded, opened, schools_of
from tests.laws.test_incident_laws import BEGAN_US, cut, logs
from tests.laws.test_notice_laws import ROUTING

few = examples(25)
PEOPLE = ("An", "Chi", "Lan", "nobody any more")


@st.composite
def swap_words(draw: st.DrawFn) -> list[LogEntry]:
    """Return words about three swaps around an hour of incidents, several about one, in any order."""
    entries = []
    for number in range(draw(st.integers(1, 6))):
        at_us = BEGAN_US + draw(st.integers(0, 60)) * MINUTE_US + number
        name = draw(st.sampled_from(("a", "b", "c")))
        if draw(st.integers(0, 3)):
            from_us = at_us + draw(st.integers(0, 20)) * MINUTE_US
            until_us = from_us + draw(st.integers(1, 60)) * MINUTE_US
            rota = draw(st.sampled_from(("crew", "crew", "crew", "gone")))
            who = draw(st.sampled_from(PEOPLE))
            entries.append(
                LogEntry(at_us, SwapSet(Swap(name, rota, who, from_us, until_us, "An", "", at_us)))
            )
        else:
            entries.append(LogEntry(at_us, SwapEnded(name, "Minh", at_us)))
    return entries


@st.composite
def logs_with_swaps(draw: st.DrawFn) -> list[LogEntry]:
    """Return a log of incidents amid which duty is swapped."""
    return sorted([*draw(logs()), *draw(swap_words())], key=lambda entry: entry.at_us)


@few
@given(logs_with_swaps(), st.data())
def test_any_cutting_and_any_restart_gives_the_same_swaps_and_notices(
    entries: list[LogEntry], data: st.DataObject
) -> None:
    whole, desk = folded([entries], ROUTING), Desk(ROUTING)
    for stretch in cut(data, entries):
        desk.take(stretch)
        before = dict(desk.on_duty)
        desk.restart()
        assert desk.on_duty == before
    assert desk.swaps == whole.swaps
    assert desk.notices == whole.notices
    assert desk.timeline == whole.timeline
    assert desk.parts == whole.parts


@few
@given(logs_with_swaps(), st.data())
def test_what_is_said_again_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    words = [entry for entry in entries if isinstance(entry.said, SwapSet | SwapEnded)]
    again = data.draw(st.lists(st.sampled_from(words), max_size=6))
    last_us = entries[-1].at_us
    repeated = [*entries, *(entry._replace(at_us=last_us) for entry in again)]
    assert folded([repeated], ROUTING).swaps == folded([entries], ROUTING).swaps


@few
@given(logs_with_swaps(), st.data())
def test_a_tick_more_tells_nobody_else(entries: list[LogEntry], data: st.DataObject) -> None:
    moments = data.draw(st.lists(st.integers(entries[0].at_us, entries[-1].at_us), max_size=8))
    more = sorted([*entries, *map(LogEntry, moments)], key=lambda entry: entry.at_us)
    assert folded([more], ROUTING).notices == folded([entries], ROUTING).notices


AT_ONCE = parse_routes(
    "".join(f'[[person]]\nname = "{n}"\nchannels = ["inbox://"]\n' for n in ("An", "Lan"))
    + """
[[rota]]
name = "crew"
[[rota.layer]]
people = ["An"]
handover = 2026-11-02T08:00:00
period = "7d"
[[route]]
name = "everything"
contacts = ["crew"]
group_wait = "0s"
"""
)


def test_what_begins_before_a_swap_ended_rings_whoever_had_the_duty_then() -> None:
    """What is split off begins with the running second: a tick within it may not make another of it."""
    outage = [opened(school, BEGAN_US, "wan_down") for school in schools_of("VNPT")]
    swap = Swap("a", "crew", "Lan", BEGAN_US, BEGAN_US + 60 * MINUTE_US, "An", "is ill", BEGAN_US)
    second_us = BEGAN_US + 5 * MINUTE_US
    before = [LogEntry(BEGAN_US, SwapSet(swap)), *outage, LogEntry(second_us - 1)]
    (incident_id,) = folded([before], AT_ONCE).incidents
    ended = LogEntry(second_us + 500_000, SwapEnded("a", "An", second_us + 500_000))
    alert = outage[0].said
    assert isinstance(alert, Transition)
    split = did(IncidentDeed.SPLIT, incident_id, second_us + 900_000, other=alert.alert_id)
    for ticks in ([], [LogEntry(second_us + 700_000)]):
        desk = folded([[*before, ended, *ticks, split, LogEntry(second_us + MINUTE_US)]], AT_ONCE)
        assert [(n.to, n.at_us) for n in desk.notices][1:] == [("Lan", second_us)]


@few
@given(swap_words())
def test_what_is_remembered_is_what_a_decision_may_ask_of(entries: list[LogEntry]) -> None:
    desk = folded([sorted(entries, key=lambda entry: entry.at_us)], ROUTING)
    last_us = max((one.end_us for one in desk.swaps.values()), default=BEGAN_US)
    open_ones = {key: one for key, one in desk.swaps.items() if one.end_us + KEPT_US > desk.state.now_us}
    assert desk.on_duty == open_ones
    desk.tick(last_us + KEPT_US)
    assert desk.on_duty == {}


def crew_of(routing: Routing) -> Rota:
    found = routing.contacts["crew"]
    assert isinstance(found, Rota)
    return found


def made_of(entries: Sequence[LogEntry]) -> list[Swap]:
    return list(folded([sorted(entries, key=lambda entry: entry.at_us)], ROUTING).swaps.values())


@few
@given(swap_words(), st.permutations(range(3)), st.integers(-10, 200))
def test_the_last_swap_that_holds_has_the_duty_else_the_file(
    entries: list[LogEntry], order: list[int], minute: int
) -> None:
    at_us, swaps = BEGAN_US + minute * MINUTE_US, made_of(entries)
    holding = [
        one
        for one in swaps
        if one.rota == "crew" and one.person in PEOPLE[:3] and one.from_us <= at_us < one.end_us
    ]
    shuffled = [swaps[n] for n in order if n < len(swaps)]
    found = on_duty(crew_of(with_swaps(ROUTING, shuffled)), at_us)
    if holding:
        last = max(holding, key=lambda one: (one.created_at_us, one.swap_id))
        assert (found.person, found.swapped_by, found.line) == (last.person, last.actor, None)
    else:
        assert found == on_duty(crew_of(ROUTING), at_us)


@few
@given(swap_words(), st.integers(-10, 200), st.integers(1, 300))
def test_turns_with_swaps_are_what_each_moment_says(
    entries: list[LogEntry], first: int, minutes: int
) -> None:
    rota = crew_of(with_swaps(ROUTING, made_of(entries)))
    from_us = BEGAN_US + first * MINUTE_US
    turns = duty_turns(rota, from_us, from_us + minutes * MINUTE_US)
    assert sum(turn.to_us - turn.from_us for turn in turns) == minutes * MINUTE_US
    for at_us in range(from_us, from_us + minutes * MINUTE_US, MINUTE_US):
        (held,) = [turn for turn in turns if turn.from_us <= at_us < turn.to_us]
        assert held.on_duty == on_duty(rota, at_us)


@few
@given(swap_words())
def test_a_swap_changes_no_moment_before_it_was_made(entries: list[LogEntry]) -> None:
    swaps = made_of(entries)
    for one in swaps:
        others = [other for other in swaps if other is not one]
        ended = [*others, replace(one, ended_at_us=one.created_at_us, ended_by="An")]
        before_us = one.created_at_us - 1
        crews = crew_of(with_swaps(ROUTING, swaps)), crew_of(with_swaps(ROUTING, ended))
        assert on_duty(crews[0], before_us) == on_duty(crews[1], before_us)
