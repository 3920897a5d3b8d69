"""Incidents follow from the alerts log alone: cutting, redelivery, ticks and restarts change nothing."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerting.incidents.fold import Moment, step
from alerting.incidents.groups import covers_school
from alerting.incidents.state import Incidents
from contract.alert import AFFECTS_TO, Because, Transition
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import (
    SECOND_US,
    CauseKind,
    Exercise,
    IncidentAction,
    IncidentDeed,
    IncidentEventKind,
    IncidentState,
)
from tests.examples import examples
from tests.incident_log import (
    GROUPS,
    MINUTE_US,
    PUPILS,
    Desk,
    LogEntry,
    acknowledged,
    did,
    folded,
    opened,
    resolved,
    schools_of,
)

few = examples(25)
"""Each example is a log of up to some hundred entries, folded two times."""
BEGAN_US = 1_795_399_200_000_000
PLACES = (
    schools_of("FPT", 0),
    schools_of("FPT"),
    schools_of("Viettel"),
    schools_of(ward=0),
    schools_of(ward=5),
    [SYSTEM_SCHOOL_ID],
)


@st.composite
def outages(draw: st.DrawFn) -> list[LogEntry]:
    """Return the entries of one outage: some schools of one place, for a while, some of them taken."""
    place = draw(st.sampled_from(PLACES))
    first, count = draw(st.integers(0, 4)), draw(st.sampled_from((1, 2, 4, 5, 12, 40)))
    rule, priority = draw(st.sampled_from((("wan_down", 1), ("wan_down", 2), ("gateway_silent", 2))))
    begins_us = BEGAN_US + draw(st.integers(0, 40)) * MINUTE_US // 2
    apart_us, lasts_us = (draw(st.integers(0, most)) for most in (2 * SECOND_US, 12 * MINUTE_US))
    taken, stays = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    entries: list[LogEntry] = []
    for n, school in enumerate((place[first:] or place)[:count]):
        one = opened(school, begins_us + n * apart_us, rule, priority)
        entries.append(one)
        if taken and n % taken == 0:
            entries.append(acknowledged(one, one.at_us + n * MINUTE_US // 4))
        if n >= stays:
            entries.append(resolved(one, one.at_us + lasts_us))
    return entries


@st.composite
def deeds(draw: st.DrawFn, outages: Sequence[Sequence[LogEntry]]) -> list[LogEntry]:
    """Return what two engineers do with the incidents of outages, from a second after each began on.

    An outage's first alert is mostly what its incident is named after; where it is not, nobody knows the id.
    """
    firsts = [outage[0] for outage in outages]
    entries: list[LogEntry] = []
    for number in range(draw(st.integers(0, 12))):
        outage = draw(st.sampled_from(outages))
        first = outage[0]
        kind = draw(st.sampled_from(IncidentDeed))
        at_us = first.at_us + SECOND_US + draw(st.sampled_from((0, 5, 20, 60, 300, 900))) * SECOND_US + number
        actor, note = draw(st.sampled_from(("Lan", "Minh"))), draw(st.sampled_from(("", "đã gọi")))
        more: dict[str, Any] = {}
        if kind is IncidentDeed.DISMISSED:
            more = {"because": draw(st.sampled_from(Because)).value}
        elif kind is IncidentDeed.ASSIGNED:
            more = {"assignee": draw(st.sampled_from(("Lan", "An")))}
        elif kind is IncidentDeed.MERGED:
            more = {"other": alert_of(draw(st.sampled_from(firsts)))}
        elif kind is IncidentDeed.SPLIT:
            openings = [entry for entry in outage if isinstance(entry.said, Transition)]
            more = {"other": alert_of(draw(st.sampled_from(openings)))}
        entries.append(did(kind, alert_of(first), at_us, actor, note=note, **more))
    return entries


def alert_of(entry: LogEntry) -> str:
    """Return the alert that an entry is about."""
    assert isinstance(entry.said, Transition)
    return entry.said.alert_id


@st.composite
def exercises(draw: st.DrawFn) -> LogEntry:
    """Return the entry that says an exercise at some schools of a place."""
    place, count = draw(st.sampled_from(PLACES)), draw(st.sampled_from((1, 5, 40)))
    at_us, lasts_us = (draw(st.integers(least, 20)) * MINUTE_US for least in (-1, 0))
    at_us += BEGAN_US
    return LogEntry(at_us, Exercise("e1", "An", "", tuple(place[:count]), at_us, at_us + lasts_us, at_us))


@st.composite
def logs(draw: st.DrawFn) -> list[LogEntry]:
    """Return an alerts log: outages upon each other, deeds and ticks, by log time, and time to end."""
    drawn = draw(st.lists(outages(), min_size=1, max_size=4))
    entries = [e for outage in drawn for e in outage] + draw(deeds(drawn))
    entries += draw(st.lists(exercises(), max_size=1))
    ticks = draw(st.lists(st.integers(0, 40 * 60), max_size=5))
    entries += [LogEntry(BEGAN_US + tick * SECOND_US) for tick in ticks]
    entries.sort(key=lambda entry: entry.at_us)
    return [*entries, LogEntry(entries[-1].at_us + draw(st.sampled_from((1, 30, 700))) * SECOND_US)]


def cut(draw: st.DataObject, entries: Sequence[LogEntry]) -> list[Sequence[LogEntry]]:
    """Return the entries in stretches of any length."""
    edges = sorted(draw.draw(st.sets(st.integers(1, len(entries)), max_size=8)) | {0, len(entries)})
    return [entries[a:b] for a, b in pairwise(edges)]


def told(desk: Desk) -> tuple[object, ...]:
    """Return all that a desk has written down."""
    members = {i: (m.incident_id, m.joined_at_us, m.left_at_us) for i, m in desk.members.items()}
    return desk.incidents, members, desk.alerts, desk.timeline, desk.history, desk.state


@few
@given(logs(), st.data())
def test_any_cutting_gives_the_same_incidents(entries: list[LogEntry], data: st.DataObject) -> None:
    whole, pieces = folded([entries]), folded(cut(data, entries))
    assert told(pieces) == told(whole)
    assert pieces.changes == whole.changes


@few
@given(logs(), st.data())
def test_a_restart_finds_in_the_tables_what_was_in_memory(
    entries: list[LogEntry], data: st.DataObject
) -> None:
    desk = Desk()
    for stretch in cut(data, entries):
        desk.take(stretch)
        assert desk.restored() == desk.state
        desk.state = desk.restored()
    assert told(desk) == told(folded([entries]))


@few
@given(logs(), st.data())
def test_what_is_said_again_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    again: list[LogEntry] = []
    for n, entry in enumerate(entries):
        again.append(entry)
        again += [entries[i] for i in data.draw(st.lists(st.integers(0, n), max_size=1))]
    assert told(folded([again])) == told(folded([entries]))


@few
@given(logs(), st.data())
def test_a_tick_more_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    moments = data.draw(st.lists(st.integers(entries[0].at_us, entries[-1].at_us), max_size=8))
    more = sorted([*entries, *map(LogEntry, moments)], key=lambda entry: entry.at_us)
    desk, plain = folded([more]), folded([entries])
    assert told(desk)[:3] == told(plain)[:3]
    assert sorted(map(repr, desk.timeline)) == sorted(map(repr, plain.timeline))


@few
@given(logs())
def test_every_open_alert_is_in_one_open_incident(entries: list[LogEntry]) -> None:
    desk = Desk()
    for entry in entries:
        desk.take([entry])
        now_s = desk.state.now_us // SECOND_US
        for alert in desk.alerts.values():
            if alert.resolved_at_us is None and alert.detected_at_us // SECOND_US < now_s:
                membership = desk.members[alert.alert_id]
                assert desk.incidents[membership.incident_id].ended_at_us is None
        for incident in desk.incidents.values():
            members = desk.members_of(incident.incident_id)
            assert incident.alerts == len(members)
            alerts = [desk.alerts[m.alert.alert_id] for m in members]
            assert incident.unacknowledged == sum(a.acknowledged_at_us is None for a in alerts)
            if incident.state in (IncidentState.RESOLVED, IncidentState.MERGED):
                assert not members
            if incident.merged_into is not None:
                assert desk.incidents[incident.merged_into].began_at_us <= (incident.ended_at_us or 0)


@few
@given(logs())
def test_a_cause_explains_every_alert_unless_somebody_merged_more(entries: list[LogEntry]) -> None:
    """So an area that has all schools of the cause has all of the incident."""
    desk = Desk()
    for entry in entries:
        desk.take([entry])
        for incident in desk.incidents.values():
            if incident.beyond_cause or incident.cause.kind is CauseKind.SYSTEM:
                continue
            for member in desk.members.values():
                if member.incident_id == incident.incident_id:
                    school = GROUPS.fleet.school_by_id[member.alert.school_id]
                    assert covers_school(incident.cause, school, GROUPS.fleet)


@few
@given(logs())
def test_an_incident_has_one_id_and_one_beginning(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    begun = [e.incident_id for e in desk.timeline if e.kind is IncidentEventKind.OPENED]
    assert sorted(begun) == sorted(desk.incidents)
    split_off = {i.incident_id for i in desk.incidents.values() if i.split_from is not None}
    assert set(begun) - split_off <= desk.alerts.keys()
    assert not split_off & desk.alerts.keys()
    for incident in desk.incidents.values():
        kinds = desk.kinds(incident.incident_id)
        assert kinds[0] is IncidentEventKind.OPENED
        ends = kinds.count(IncidentEventKind.RESOLVED) + kinds.count(IncidentEventKind.MERGED)
        is_over = incident.ended_at_us is not None
        assert ends - kinds.count(IncidentEventKind.REOPENED) == is_over
        assert incident.state is IncidentState.ACKNOWLEDGED or incident.unacknowledged or not incident.alerts


@few
@given(logs())
def test_lost_time_is_each_schools_own_added_up(entries: list[LogEntry]) -> None:
    """A school is affected while an urgent alert of it is in an incident; no second is counted twice."""
    desk = folded([entries])
    for incident in desk.incidents.values():
        moved = {IncidentEventKind.ABSORBED, IncidentEventKind.SPLIT}
        if incident.merged_into is not None or moved & {*desk.kinds(incident.incident_id)}:
            continue
        seconds: dict[int, set[int]] = {}
        for m in desk.members.values():
            if m.incident_id == incident.incident_id and m.alert.priority <= AFFECTS_TO:
                until_us = m.left_at_us or incident.counted_at_us
                stretch = range(m.joined_at_us // SECOND_US, until_us // SECOND_US)
                seconds.setdefault(m.alert.school_id, set()).update(stretch)
        assert incident.lost_pupil_s == sum(len(s) * PUPILS.get(i, 0) for i, s in seconds.items())


@few
@given(logs())
def test_every_deed_is_on_record_once(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    lines = Counter(event.action_id for event in desk.timeline if event.action_id)
    done = {event.action_id for event in desk.timeline if event.action_id and not event.not_done}
    for action in (entry.said for entry in entries if isinstance(entry.said, IncidentAction)):
        is_of_two = action.action_id in done and action.kind in (IncidentDeed.SPLIT, IncidentDeed.MERGED)
        assert lines[action.action_id] == (action.incident_id in desk.incidents) * (1 + is_of_two)


@few
@given(logs())
def test_what_was_split_off_is_merged_by_hand_alone(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    for event in desk.timeline:
        if event.kind is IncidentEventKind.MERGED and not event.action_id:
            assert desk.incidents[event.incident_id].split_from is None
        if event.kind is IncidentEventKind.ABSORBED and not event.action_id:
            assert desk.incidents[event.incident_id].split_from is None


@few
@given(st.lists(outages(), min_size=1, max_size=4), st.data())
def test_an_exercise_and_what_is_real_are_never_one_incident(
    drawn: list[list[LogEntry]], data: st.DataObject
) -> None:
    said = sorted([entry for outage in drawn for entry in outage], key=lambda entry: entry.at_us)
    schools = {e.said.school_id for e in said if isinstance(e.said, Transition)}
    chosen = data.draw(st.sets(st.sampled_from(sorted(schools)), min_size=1))
    at_us = said[data.draw(st.integers(0, len(said) // 2))].at_us
    exercise = Exercise("e1", "An", "", tuple(chosen), at_us, at_us + 1440 * MINUTE_US, at_us)
    entries = sorted([LogEntry(at_us, exercise), *said], key=lambda entry: entry.at_us)
    desk = folded([[*entries, LogEntry(entries[-1].at_us + MINUTE_US)]])
    for alert_id, member in desk.members.items():
        practised = exercise.has(desk.alerts[alert_id])
        assert desk.survivor(member.incident_id).exercise == ("e1" if practised else "")


@few
@given(logs())
def test_step_changes_no_argument(entries: list[LogEntry]) -> None:
    desk = folded([entries[:-1]])
    before = desk.state.copy()
    after, _ = step(GROUPS, desk.state, [Moment(entries[-1].at_us)])
    assert desk.state == before
    assert after.now_us >= before.now_us
    assert step(GROUPS, Incidents(), []) == (Incidents(), [])
