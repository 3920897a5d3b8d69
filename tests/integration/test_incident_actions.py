"""What engineers do with incidents, in real tables: by any owner, in any stretches, told twice or not."""

from collections.abc import Sequence

import msgspec
import psycopg
import pytest

from bus.codec import encode_action, encode_incident_action, encode_transitions
from bus.memory import MemoryLog
from contract.alert import Action, Because, Transition
from contract.entry import ALERTS_LOG, EntryKind
from contract.incident import SECOND_US, IncidentAction, IncidentDeed, IncidentState
from contract.live import ALERT_SUBJECT, AlertChanged
from storage.alerts import alert_history, load_alert
from storage.database import connect
from storage.feedback import judged_alerts
from storage.incidents import aliases, incident_history, load_incident, memberships_of, open_incidents
from tests.alerts_owner import alerts_owner
from tests.incident_log import (
    GROUPS,
    MINUTE_US,
    Desk,
    LogEntry,
    acknowledged,
    did,
    opened,
    resolved,
    schools_of,
)

T0 = 1_795_399_200_000_000
TABLES = (
    "select * from alert order by alert_id",
    "select alert_id, kind, at, actor, note, because from alert_event order by alert_id, id",
    "select * from incident order by incident_id",
    "select notice_id, incident_id, recipient, contact, reason, priority, decided_at from notice order by 1",
    "select * from notice_state order by key",
    "select * from incident_member order by alert_id",
    "select incident_id, kind, at, actor, alerts, other, action_id, note, because, assignee, tried, not_done"
    " from incident_event order by id",
)


def alert_of(entry: LogEntry) -> str:
    """Return the alert that an entry is about."""
    assert isinstance(entry.said, Transition)
    return entry.said.alert_id


def a_shift() -> list[LogEntry]:
    """Return a log: an outage and a school of its own, taken twice, handed back, split, merged, dismissed."""
    outage = [opened(school, T0) for school in schools_of("FPT", 0)]
    (single,) = [opened(schools_of("Viettel", 3)[0], T0 + MINUTE_US)]
    one, two = min(map(alert_of, outage)), alert_of(single)
    at = iter(range(T0 + 2 * MINUTE_US, T0 + 9 * MINUTE_US, 7 * SECOND_US))
    deeds = [
        did(IncidentDeed.ASSIGNED, one, next(at), "An", assignee="Lan"),
        did(IncidentDeed.ACKNOWLEDGED, one, next(at), "Lan", note="đang gọi"),
        did(IncidentDeed.ACKNOWLEDGED, one, next(at), "Minh"),
        did(IncidentDeed.HANDED_BACK, one, next(at), "Lan"),
        did(IncidentDeed.SPLIT, one, next(at), "Minh", other=alert_of(outage[0])),
        did(IncidentDeed.MERGED, two, next(at), "Minh", other=one),
        did(IncidentDeed.DISMISSED, two, next(at), "Minh", because=Because.PLANNED_WORK.value),
        did(IncidentDeed.RESOLVED, one, next(at), "Minh"),
        did(IncidentDeed.COMMENTED, one, next(at), "An", note="điện lực cắt điện"),
    ]
    end_us = T0 + 10 * MINUTE_US
    ends = [resolved(entry, end_us) for entry in (*outage, single)]
    return [
        *outage,
        acknowledged(outage[1], T0 + 5 * SECOND_US, "Hoa"),
        single,
        *deeds,
        *deeds[:4],
        *ends,
        LogEntry(end_us + 2 * MINUTE_US),
    ]


async def written(entries: Sequence[LogEntry]) -> MemoryLog:
    """Return the log with the entries."""
    log = MemoryLog()
    await log.create([ALERTS_LOG], 1 << 20)
    for at_us, said in entries:
        kind, payload = EntryKind.TICK, b""
        if isinstance(said, Transition):
            kind, payload = EntryKind.TRANSITION, encode_transitions([said])
        elif isinstance(said, Action):
            kind, payload = EntryKind.ACTION, encode_action(said)
        elif isinstance(said, IncidentAction):
            kind, payload = EntryKind.INCIDENT_ACTION, encode_incident_action(said)
        await log.append(ALERTS_LOG, kind, payload, at_us=at_us)
    return log


async def fold_in(dsn: str, entries: Sequence[LogEntry], batch: int) -> list[list[str]]:
    """Own the log to its end, a new owner for each batch; return what the tables hold."""
    log = await written(entries)
    async with await connect(dsn) as conn:
        done = 0
        while done < len(entries):
            owner = alerts_owner(conn, log, GROUPS, lambda: T0)
            await owner.load()
            reader = await log.reader(ALERTS_LOG, owner.seq)
            await owner.take(await reader.fetch(batch, 1.0))
            done = owner.seq
    with psycopg.connect(dsn) as plain:
        return [[repr(row) for row in plain.execute(table)] for table in TABLES]


@pytest.mark.parametrize("batch", [1, 5])
async def test_owners_one_after_the_other_write_what_one_alone_does(postgres_url: str, batch: int) -> None:
    entries = a_shift()
    desk = Desk()
    desk.take(entries)
    await fold_in(postgres_url, entries, batch)
    async with await connect(postgres_url) as conn:
        for incident_id in desk.incidents:
            assert await load_incident(conn, incident_id) == desk.survivor(incident_id)
            timeline = [event for event in desk.timeline if event.incident_id == incident_id]
            assert await incident_history(conn, incident_id) == timeline
            told = {m.alert.alert_id for m in await memberships_of(conn, incident_id, 99)}
            assert told == {i for i, m in desk.members.items() if m.incident_id == incident_id}
        for alert_id, alert in desk.alerts.items():
            assert await load_alert(conn, alert_id) == alert
            history = [event for event in desk.history if event.alert_id == alert_id]
            assert await alert_history(conn, alert_id) == history


async def test_everything_is_on_record_and_labels_follow(postgres_url: str) -> None:
    entries = a_shift()
    await fold_in(postgres_url, entries, len(entries))
    one, split = min(map(alert_of, entries[:5])), alert_of(entries[0])
    async with await connect(postgres_url) as conn:
        survivor = await load_incident(conn, one)
        assert survivor is not None
        assert (survivor.state, survivor.because, survivor.assignee) == (
            IncidentState.RESOLVED,
            "planned_work",
            "Minh",
        )
        assert len(await aliases(conn, one)) == 1
        deeds = [e for e in await incident_history(conn, one) if e.action_id]
        assert [(e.kind.value, e.actor, e.not_done) for e in deeds] == [
            ("assigned", "An", ""),
            ("acknowledged", "Lan", ""),
            ("commented", "Minh", "taken"),
            ("handed_back", "Lan", ""),
            ("split", "Minh", ""),
            ("absorbed", "Minh", ""),
            ("dismissed", "Minh", ""),
            ("commented", "Minh", "measured"),
            ("commented", "An", ""),
        ]
        judged = await judged_alerts(conn)
        assert [(label.because, label.actor) for label in judged] == [("planned_work", "Minh")] * 5
        kinds = [event.kind for event in await alert_history(conn, split)]
        assert kinds == ["opened", "acknowledged", "handed_back", "resolved"]


async def test_a_deed_on_many_alerts_is_told_in_a_few_messages(postgres_url: str) -> None:
    rules = ("wan_down", *(f"own_{n}" for n in range(6)))
    alerts = [opened(school, T0, rule) for rule in rules for school in schools_of("FPT")]
    log = await written([*alerts, LogEntry(T0 + 2 * SECOND_US)])
    told: list[AlertChanged] = []
    messages = 0

    async def listen(subject: str, payload: bytes) -> None:
        nonlocal messages
        if subject == ALERT_SUBJECT:
            messages += 1
            told.extend(msgspec.msgpack.decode(payload, type=list[AlertChanged]))

    async with await connect(postgres_url) as conn:
        owner = alerts_owner(conn, log, GROUPS, lambda: T0, listen)
        await owner.load()
        reader = await log.reader(ALERTS_LOG, 0)
        await owner.take(await reader.fetch(len(alerts) + 1, 1.0))
        told.clear()
        messages = 0
        (incident,) = await open_incidents(conn)
        taking = did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, T0 + 5 * SECOND_US, "Lan").said
        assert isinstance(taking, IncidentAction)
        payload = encode_incident_action(taking)
        await log.append(ALERTS_LOG, EntryKind.INCIDENT_ACTION, payload, at_us=taking.at_us)
        await owner.take(await reader.fetch(1, 1.0))
    taken = [changed for changed in told if changed.event.kind == "acknowledged"]
    assert len(taken) == len(alerts) == 280
    assert messages == 2
