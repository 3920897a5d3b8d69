"""Incidents follow from the alerts log alone: cutting, redelivery, ticks and restarts change nothing."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.incidents.fold import Moment, step
from alerting.incidents.state import Incidents
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import SECOND_US, IncidentEventKind, IncidentState
from tests.incident_log import (
    GROUPS,
    MINUTE_US,
    PUPILS,
    Desk,
    LogEntry,
    acknowledged,
    folded,
    opened,
    resolved,
    schools_of,
)

few = settings(max_examples=40)
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
def logs(draw: st.DrawFn) -> list[LogEntry]:
    """Return an alerts log: outages upon each other, with ticks, by log time, and time to end."""
    entries = [e for outage in draw(st.lists(outages(), min_size=1, max_size=4)) for e in outage]
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
    return desk.incidents, members, desk.timeline, desk.state


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
    assert told(desk)[:2] == told(plain)[:2]
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
            if incident.state in (IncidentState.RESOLVED, IncidentState.MERGED):
                assert not members
            if incident.merged_into is not None:
                assert desk.incidents[incident.merged_into].began_at_us <= (incident.ended_at_us or 0)


@few
@given(logs())
def test_an_incident_has_one_id_and_one_beginning(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    begun = [e.incident_id for e in desk.timeline if e.kind is IncidentEventKind.OPENED]
    assert sorted(begun) == sorted(desk.incidents)
    assert set(begun) <= desk.alerts.keys()
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
    """A school is affected while an alert of it is in an incident; no second is counted twice in one."""
    desk = folded([entries])
    for incident in desk.incidents.values():
        if incident.merged_into is not None or desk.kinds(incident.incident_id).count(
            IncidentEventKind.ABSORBED
        ):
            continue
        seconds: dict[int, set[int]] = {}
        for m in desk.members.values():
            if m.incident_id == incident.incident_id:
                until_us = m.left_at_us or incident.counted_at_us
                stretch = range(m.joined_at_us // SECOND_US, until_us // SECOND_US)
                seconds.setdefault(m.alert.school_id, set()).update(stretch)
        assert incident.lost_pupil_s == sum(len(s) * PUPILS.get(i, 0) for i, s in seconds.items())


@few
@given(logs())
def test_step_changes_no_argument(entries: list[LogEntry]) -> None:
    desk = folded([entries[:-1]])
    before = desk.state.copy()
    after, _ = step(GROUPS, desk.state, [Moment(entries[-1].at_us)])
    assert desk.state == before
    assert after.now_us >= before.now_us
    assert step(GROUPS, Incidents(), []) == (Incidents(), [])
