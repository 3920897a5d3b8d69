"""What was open at an earlier moment is read back from the tables as it stood then."""

from collections.abc import Sequence

from hypothesis import given
from msgspec.structs import replace

from alerting.incidents.homes import StoredIncidents
from alerting.incidents.replay import replay
from contract.alert import Action, Alert
from contract.incident import SECOND_US, Incident, IncidentAction, Membership
from tests.examples import examples
from tests.incident_log import FLEET, MINUTE_US, Desk, LogEntry
from tests.laws.test_incident_laws import logs

few = examples(25)


def record_of(desk: Desk) -> StoredIncidents:
    """Return what the tables of a desk hold."""
    members = [
        Membership(m.incident_id, desk.alerts[i], m.joined_at_us, m.left_at_us)
        for i, m in desk.members.items()
    ]
    return StoredIncidents(list(desk.incidents.values()), members, desk.timeline, desk.history)


def after_the_second(entry: LogEntry) -> LogEntry:
    """Return a deed that does not come at the very microsecond at which a second ends."""
    if not isinstance(entry.said, Action | IncidentAction) or entry.at_us % SECOND_US:
        return entry
    at_us = entry.at_us + 1
    return LogEntry(at_us, replace(entry.said, at_us=at_us))


def seen(desk: Desk) -> tuple[list[Incident], dict[str, str], list[Alert]]:
    """Return what a desk has decided: open incidents and their alerts, each until its last second is over."""
    kept = {i: k for i, k in desk.state.kept.items() if not k.is_over}
    place = {a: i for i, k in kept.items() for a in k.members}
    alerts = [replace(a, resolved_at_us=None) for k in kept.values() for a in k.members.values()]
    return [k.incident for k in kept.values()], place, alerts


@few
@given(logs())
def test_what_was_open_at_each_minute_is_read_back_as_it_stood(entries: Sequence[LogEntry]) -> None:
    desk, then = Desk(), []
    entries = sorted(map(after_the_second, entries), key=lambda entry: entry.at_us)
    minutes = sorted({-(-entry.at_us // MINUTE_US) * MINUTE_US for entry in entries})
    rest = list(entries)
    for minute in minutes:
        due = [entry for entry in rest if entry.at_us <= minute]
        rest = rest[len(due) :]
        desk.take([*due, LogEntry(minute)])
        then.append((minute, *seen(desk)))
    desk.tick(minutes[-1] + 1000 * SECOND_US)
    back = list(replay(record_of(desk), FLEET, minutes))
    for (minute, incidents, place, alerts), found in zip(then, back, strict=True):
        assert found.at_us == minute
        assert found.incident_of == place
        assert by_id(found.incidents) == by_id(incidents)
        shut = {i.incident_id for i in found.incidents if i.beyond_cause}
        assert shut >= {i.incident_id for i in incidents if i.beyond_cause}
        assert {a.alert_id: a for a in found.alerts} == {a.alert_id: a for a in alerts}


def by_id(incidents: Sequence[Incident]) -> dict[str, Incident]:
    """Return incidents by id, without what no table says of the past: which rules showed a cause, and since
    when it has more than that explains."""
    return {i.incident_id: replace(i, cause_rules=(), beyond_cause=False) for i in incidents}
