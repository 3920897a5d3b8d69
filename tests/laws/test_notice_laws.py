"""Notices follow from the alerts log alone; who hears of an incident hears its end, and nobody too much."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerting.routing.facts import facts_of, is_outside
from contract.alert import Transition
from contract.incident import SECOND_US, CauseKind, Exercise, IncidentEventKind, IncidentState
from contract.routing.contact import Person
from contract.routing.notice import HeldReason, NoticeAnswer, NoticeReason
from contract.routing.routes_file import parse_routes
from tests.examples import examples
from tests.incident_log import FLEET, MINUTE_US, Desk, LogEntry, folded, opened, resolved, schools_of
from tests.laws.test_incident_laws import BEGAN_US, cut, logs

few = examples(25)
ROUTING = parse_routes(
    "".join(f'[[person]]\nname = "{n}"\nchannels = ["inbox"]\n' for n in ("An", "Chi", "Lan"))
    + """
[[channel]]
name = "inbox"
url = "inbox://"
[[rota]]
name = "crew"
[[rota.layer]]
people = ["An", "Chi"]
handover = 2026-11-23T09:10:00
period = "1h"
[[escalation]]
name = "calls"
repeat = 1
ack_timeout = "10m"
[[escalation.step]]
wait = "3m"
contacts = ["crew"]
[[escalation.step]]
wait = "2m"
contacts = ["crew", "Lan"]
[[route]]
name = "everything"
contacts = ["inbox"]
[[route]]
name = "urgent"
match = { priority = 1 }
escalation = "calls"
[[route]]
name = "large"
match = { pupils_from = 1500 }
escalation = "calls"
group_wait = "0s"
continue = true
[[route]]
name = "quiet ones"
match = { rule = "gateway_silent" }
contacts = ["Lan"]
active_time = "outside_session"
"""
)
ENDS_US = 3 * 24 * 60 * MINUTE_US
"""Longer than any hour that a route waits for, and all intervals: a weekend."""


def all_over(entries: Sequence[LogEntry]) -> list[LogEntry]:
    """Return a log at whose end every alert is resolved and the time of whatever is owed has come."""
    last_us = entries[-1].at_us + SECOND_US
    ends = [resolved(e, last_us) for e in entries if e.said is not None and _is_opening(e)]
    return [*entries, *ends, LogEntry(last_us + MINUTE_US), LogEntry(last_us + ENDS_US)]


def _is_opening(entry: LogEntry) -> bool:
    return getattr(entry.said, "kind", None) == "opened"


@few
@given(logs(), st.data())
def test_any_cutting_and_any_restart_gives_the_same_notices(
    entries: list[LogEntry], data: st.DataObject
) -> None:
    whole, desk = folded([entries], ROUTING), Desk(ROUTING)
    for stretch in cut(data, entries):
        desk.take(stretch)
        desk.restart()
    assert desk.notices == whole.notices
    assert desk.timeline == whole.timeline
    assert desk.parts == whole.parts


@few
@given(logs(), st.data())
def test_what_is_said_again_tells_nobody_again(entries: list[LogEntry], data: st.DataObject) -> None:
    again: list[LogEntry] = []
    for n, entry in enumerate(entries):
        again.append(entry)
        again += [entries[i] for i in data.draw(st.lists(st.integers(0, n), max_size=1))]
    assert folded([again], ROUTING).notices == folded([entries], ROUTING).notices


@few
@given(logs(), st.data())
def test_a_tick_more_tells_nobody_more(entries: list[LogEntry], data: st.DataObject) -> None:
    moments = data.draw(st.lists(st.integers(entries[0].at_us, entries[-1].at_us), max_size=8))
    more = sorted([*entries, *map(LogEntry, moments)], key=lambda entry: entry.at_us)
    assert folded([more], ROUTING).notices == folded([entries], ROUTING).notices


@few
@given(logs())
def test_who_hears_of_an_incident_hears_its_end(entries: list[LogEntry]) -> None:
    desk = folded([all_over(entries)], ROUTING)
    assert not desk.open()
    last: dict[tuple[str, str], str] = {}
    over: set[tuple[str, str]] = set()
    for line in desk.timeline:
        who = desk.survivor(line.incident_id).incident_id, line.told
        if line.kind is IncidentEventKind.RESOLVED:
            over.add((line.incident_id, ""))
        if line.kind is IncidentEventKind.REOPENED:
            over.discard((line.incident_id, ""))
        if line.kind is IncidentEventKind.NOTIFIED:
            last[who] = line.why if (who[0], "") not in over else NoticeReason.RESOLVED
    assert set(last.values()) <= {NoticeReason.RESOLVED}, last
    assert not desk.telling.pursuits, "nothing is owed any more"


@few
@given(logs())
def test_nobody_is_told_more_than_a_person_takes_in(entries: list[LogEntry]) -> None:
    desk = folded([all_over(entries)], ROUTING)
    times: dict[str, list[int]] = defaultdict(list)
    for notice in desk.notices:
        is_outage = desk.incidents[notice.incident_id].cause.kind is not CauseKind.SCHOOL
        times[notice.to].append(notice.at_us)
        recent = [us for us in times[notice.to] if us > notice.at_us - 10 * MINUTE_US]
        assert len(recent) <= (20 if is_outage and notice.priority == 1 else 10)


@few
@given(logs(), st.integers(0, 25))
def test_an_outage_rings_within_a_minute_whatever_else_does(entries: list[LogEntry], others: int) -> None:
    """A provider fails amid others' troubles, each of a cause of its own."""
    began_us = entries[-1].at_us + 2 * MINUTE_US
    noise = [opened(s, began_us, f"own_{s}", 1 + s % 2) for s in schools_of("FPT")[:others]]
    outage = [opened(s, began_us + SECOND_US, "link_lost", 1) for s in schools_of("VNPT")]
    before = [e for e in all_over(entries)[:-2] if not isinstance(e.said, Exercise)]
    log = [*before, LogEntry(began_us - 1), *noise, *outage, LogEntry(began_us + MINUTE_US)]
    desk = folded([log], ROUTING)
    ids = [e.said.alert_id for e in outage if isinstance(e.said, Transition)]
    (found,) = {desk.survivor(desk.members[one].incident_id).incident_id for one in ids}
    rung = [n for n in desk.notices if n.incident_id == found and not n.incidents]
    assert rung, "by itself, at once"
    assert all(n.at_us <= began_us + MINUTE_US for n in rung)


BY_STEPS = {NoticeReason.OPENED, NoticeReason.NEXT_STEP, NoticeReason.REPEATED, NoticeReason.REPEAT_INTERVAL}


@few
@given(logs(), st.sampled_from(["c0", "Ward 1", "W6"]))
def test_a_person_with_an_area_is_told_of_what_touches_it_alone(entries: list[LogEntry], area: str) -> None:
    chi = ROUTING.contacts["Chi"]
    assert isinstance(chi, Person)
    routing = dataclasses.replace(ROUTING, contacts={**ROUTING.contacts, "Chi": replace(chi, area=area)})
    desk = folded([all_over(entries)], routing)
    for notice in desk.notices:
        incident = desk.incidents[notice.incident_id]
        if notice.to == "Chi" and notice.reason in BY_STEPS:
            assert not is_outside(area, facts_of(incident, FLEET))
    left_out = [e for e in desk.timeline if e.why == HeldReason.OUTSIDE_AREA]
    assert {e.told for e in left_out} <= {"Chi"}


@few
@given(logs())
def test_every_notice_is_in_a_timeline_and_has_a_key_of_its_own(entries: list[LogEntry]) -> None:
    desk = folded([all_over(entries)], ROUTING)
    assert len({notice.notice_id for notice in desk.notices}) == len(desk.notices)
    lines = [e for e in desk.timeline if e.kind is IncidentEventKind.NOTIFIED]
    expected = [
        (of, notice.at_us, notice.to, notice.reason.value)
        for notice in desk.notices
        for of in notice.incidents or (notice.incident_id,)
    ]
    assert [(e.incident_id, e.at_us, e.told, e.why) for e in lines] == expected


@few
@given(logs(), st.data())
def test_an_answer_counts_once(entries: list[LogEntry], data: st.DataObject) -> None:
    notices = folded([entries], ROUTING).notices
    if not notices:
        return
    chosen = data.draw(st.lists(st.sampled_from(notices), max_size=4))
    why = data.draw(st.sampled_from((HeldReason.UNREACHABLE, HeldReason.WITHHELD)))
    answers = [
        LogEntry(n.at_us + 30 * SECOND_US, NoticeAnswer(n.notice_id, n.incident_id, n.to, n.route, why))
        for n in chosen
    ]
    log = sorted([*entries, *answers], key=lambda entry: entry.at_us)
    twice = [entry for entry in log for _ in range(1 + isinstance(entry.said, NoticeAnswer))]
    once = folded([log], ROUTING)
    assert folded([twice], ROUTING).notices == once.notices
    said = {(e.told, e.why) for e in once.timeline if e.why in (HeldReason.UNREACHABLE, HeldReason.WITHHELD)}
    assert said <= {(n.to, why) for n in chosen}, "the timeline has the reason that was given"


def test_a_thousand_schools_by_themselves_are_ten_messages_at_most() -> None:
    """None shares a cause with another: ten minutes apart, of every provider and ward."""
    entries = [opened(1 + n, BEGAN_US + n * SECOND_US // 4, f"rule_{n}", 1) for n in range(120)]
    desk = folded([entries, [LogEntry(BEGAN_US + 9 * MINUTE_US)]], ROUTING)
    to_chi = [notice for notice in desk.notices if notice.to == "Chi"]
    assert 0 < len(to_chi) <= 10
    digests = [notice for notice in to_chi if notice.reason is NoticeReason.DIGEST]
    in_all = {n.incident_id for n in to_chi} | {i for n in digests for i in n.incidents}
    assert in_all == set(desk.incidents), "every one is in a message"
    assert all(i.state is IncidentState.OPEN for i in desk.incidents.values())
