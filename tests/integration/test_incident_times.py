"""When what happened to incidents, as one query of the tables tells it."""

from datetime import UTC, datetime, timedelta

import psycopg

from bus.codec import encode_exercise, encode_incident_action, encode_transitions
from bus.memory import MemoryLog
from contract.alert import Transition
from contract.entry import ALERTS_LOG, EntryKind
from contract.incident import Exercise, IncidentAction, IncidentDeed
from storage.database import connect
from storage.times import incident_times, notice_moments, standing_incidents
from tests.alerts_owner import alerts_owner
from tests.incident_log import GROUPS, MINUTE_US, SECOND_US, LogEntry, did, opened, resolved

T0 = 1_795_399_200_000_000


async def test_an_incident_and_an_exercise_from_the_fault_to_the_end(postgres_url: str) -> None:
    """One school fails and is taken; another fails in an exercise that began ten seconds before its alert."""
    first, second = opened(1, T0), opened(62, T0 + 30 * MINUTE_US)
    assert isinstance(first.said, Transition)
    begun_us = T0 + 30 * MINUTE_US - 10 * SECOND_US
    exercise = Exercise("e1", "An", "", (62,), begun_us, begun_us + 10 * MINUTE_US, begun_us)
    log = MemoryLog()
    await log.create([ALERTS_LOG], 1 << 20)
    for entry in (
        first,
        LogEntry(T0 + 31 * SECOND_US),
        did(IncidentDeed.ACKNOWLEDGED, first.said.alert_id, T0 + 2 * MINUTE_US, "An"),
        resolved(first, T0 + 5 * MINUTE_US),
        LogEntry(T0 + 7 * MINUTE_US),
    ):
        await _append(log, entry)
    await log.append(ALERTS_LOG, EntryKind.EXERCISE, encode_exercise(exercise), at_us=begun_us)
    for entry in (second, LogEntry(T0 + 31 * MINUTE_US)):
        await _append(log, entry)
    async with await connect(postgres_url) as conn:
        owner = alerts_owner(conn, log, GROUPS, lambda: T0)
        await owner.load()
        reader = await log.reader(ALERTS_LOG, 0)
        await owner.take(await reader.fetch(100, 1.0))
        _hand_over(postgres_url, timedelta(seconds=2))
        real, practised = await incident_times(conn, T0, T0 + 60 * MINUTE_US)
        told = await notice_moments(conn, T0, T0 + 60 * MINUTE_US)
        assert await incident_times(conn, T0 + 60 * MINUTE_US, T0 + 90 * MINUTE_US) == []
        (stands,) = await standing_incidents(conn, T0 + 60 * MINUTE_US)
        assert await standing_incidents(conn, T0 + 30 * MINUTE_US) == [], "what is over, and what began later"
        deed = did(IncidentDeed.COMMENTED, stands.incident.incident_id, T0 + 40 * MINUTE_US, "An", note="x")
        await _append(log, deed)
        await owner.take(await reader.fetch(100, 1.0))
        (touched,) = await standing_incidents(conn, T0 + 60 * MINUTE_US)
    assert (real.opened_us, real.began_us) == (T0, T0 + SECOND_US)
    assert real.told_us == T0 + 33 * SECOND_US, "31 s after it opened, and 2 s on the way"
    assert (real.taken_us, real.owner, real.had_deed) == (T0 + 2 * MINUTE_US, "An", True)
    assert real.quiet_us == T0 + 5 * MINUTE_US + SECOND_US
    assert (practised.exercise, practised.opened_us) == ("e1", begun_us)
    assert (practised.taken_us, practised.quiet_us, practised.had_deed) == (None, None, False)
    assert (stands.incident.cause.school_id, stands.had_deed, touched.had_deed) == (62, False, True)
    assert {to: len(moments) for to, moments in told.items()} == {"inbox": 3}


def _hand_over(dsn: str, way: timedelta) -> None:
    """Let every notice be sent so long after it was made."""
    made = datetime(2026, 11, 24, tzinfo=UTC)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("update notice set fate = 'sent', made_at = %s, over_at = %s", (made, made + way))


async def _append(log: MemoryLog, entry: LogEntry) -> None:
    match entry.said:
        case Transition():
            kind, payload = EntryKind.TRANSITION, encode_transitions([entry.said])
        case IncidentAction():
            kind, payload = EntryKind.INCIDENT_ACTION, encode_incident_action(entry.said)
        case _:
            kind, payload = EntryKind.TICK, b""
    await log.append(ALERTS_LOG, kind, payload, at_us=entry.at_us)
