"""What is read back is what was written, for every word of the contract that has a table.

The values are drawn from the fields of the words themselves (`tests.drawn`) and go through the
product's own writers and readers: a field that the tables lose is a difference.
"""

import inspect
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from alerting.lifecycle import fold_alerts
from contract.alert import Action, ActionKind, Because, Dismissal, OutsideCourse, Transition
from contract.commit import Commit, KpiMinute
from contract.fleet import Cluster, Coordinates, Device, Fleet, Former, School, Ward
from contract.incident import Cause, Exercise, Incident, IncidentEvent, IncidentState, Membership
from contract.live import AlertChanged, IncidentChanged
from contract.reading import Corrections, Held, Readings, Scored
from contract.rejected import Rejected
from contract.routing.report import ScheduledReport
from contract.routing.silence import Silence
from contract.routing.swap import Swap
from contract.series import MAX_DEVICE_ID
from contract.special_days.special_day import DayEvidence, DayPlace, SpecialDay
from storage.alerts import alert_history, load_alert, load_outside
from storage.copy import order_by_series
from storage.database import connect
from storage.duty.swaps import load_swaps, swaps_since
from storage.feedback import JudgedAlert, dismissals, judged_alerts
from storage.fleet import load_fleet, save_fleet
from storage.incidents import (
    aliases,
    exercises_since,
    incident_history,
    incidents_since,
    load_incident,
    memberships_of,
    memberships_since,
    open_incidents,
    recent_incidents,
)
from storage.outbox import enter_report, load_report
from storage.recovery import stored_after, transitions_after
from storage.results import commit, load_position, look_up
from storage.silences import load_silences, silences_of_event, silences_since
from storage.special_days.days import decide, load_special_days
from storage.upkeep.chunks import make_chunks
from storage.wall import kpi_history, ledger, quarantine_page, series_history
from tests.drawn import DAY_US, INT8, RAW_DAY_US, drawn, drawn_rows, drawn_tuple, texts, times_us

LOG = "telemetry-0"
law = settings(
    deadline=None,
    max_examples=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""An example is one transaction, taken back at its end: the database of the test serves them all. None is
made smaller: a difference names its field, and each attempt takes a database's time."""


@pytest.fixture
async def day_url(postgres_url: str) -> str:
    """A database with the chunks of the day of `drawn_rows`."""
    hours = RAW_DAY_US + np.arange(24) * (DAY_US // 24)
    async with await connect(postgres_url) as conn:
        await make_chunks(conn, "reading", hours)
    return postgres_url


@asynccontextmanager
async def passing(dsn: str) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection whose writing is taken back."""
    async with await connect(dsn) as conn, conn.transaction(force_rollback=True):
        yield conn


def pair(changed: AlertChanged) -> AlertChanged:
    """Return the change with an event of its own alert."""
    event = msgspec.structs.replace(changed.event, alert_id=changed.alert.alert_id)
    return AlertChanged(changed.alert, event)


def by_id(exercise: Exercise) -> str:
    return exercise.exercise_id


commits = drawn(
    Commit,
    log=st.just(LOG),
    after=st.just(0),
    through=st.integers(1, INT8),
    rows=drawn_rows(),
    corrections=st.just(Corrections.empty()),  # `test_storage_results` reads them back
    transitions=drawn_tuple(Transition, lambda t: (t.alert_id, t.kind)),
    kpis=drawn_tuple(KpiMinute, lambda k: (k.metric_id, k.minute_us)),
    rejected=drawn_tuple(Rejected, lambda r: r),
    alerts=drawn_tuple(AlertChanged, lambda c: c.alert.alert_id).map(lambda cs: tuple(map(pair, cs))),
    incidents=st.just(()),  # `test_an_incident` reads them back
    exercises=drawn_tuple(Exercise, by_id).map(lambda es: tuple(sorted(es, key=by_id))),
    notices=st.just(()),  # `test_a_notice` reads them back
    notice_states=st.just({}),
    silences=drawn_tuple(Silence, lambda s: s.silence_id),
    swaps=drawn_tuple(Swap, lambda s: s.swap_id),
    outside=drawn_tuple(OutsideCourse, lambda c: c.fingerprint),
)


decided_days = drawn(
    SpecialDay,
    day_id=st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    place=drawn(DayPlace),
    first=st.dates(),
    last=st.dates(),
    evidence=drawn(DayEvidence),
)


async def read_back(conn: AsyncConnection[Any], what: Commit) -> Commit:
    """Return the commit as the readers of the tables see it; `what` tells them only where to look."""
    position = await load_position(conn, what.log)
    return Commit(
        log=what.log,
        after=0,
        through=position.seq,
        log_time_us=position.log_time_us,
        counts=position.counts,
        rows=await rows_of(conn, what.rows.readings.series.tolist()),
        transitions=tuple(await transitions_after(conn, -1)),
        kpis=tuple([await minute_of(conn, kpi) for kpi in what.kpis]),
        rejected=tuple(row.rejected for row in reversed(await quarantine_page(conn, 100))),
        exercises=tuple(sorted(await exercises_since(conn, 0), key=by_id)),
        alerts=tuple([await change_of(conn, change.alert.alert_id) for change in what.alerts]),
        snapshot=position.snapshot,
        silences=tuple([(await load_silences(conn, [s.silence_id]))[0] for s in what.silences]),
        swaps=tuple([(await load_swaps(conn, [s.swap_id]))[0] for s in what.swaps]),
        outside=tuple([(await load_outside(conn, [c.fingerprint]))[0] for c in what.outside]),
    )


async def rows_of(conn: AsyncConnection[Any], series: list[int]) -> Scored:
    found = await series_history(conn, series, RAW_DAY_US, RAW_DAY_US + DAY_US)
    return Scored(Readings(found.time_us, found.series, found.sum), found.score)


async def minute_of(conn: AsyncConnection[Any], kpi: KpiMinute) -> KpiMinute:
    """Return a minute's figures; readers sum over partitions, so that the partition is as asked."""
    found = await kpi_history(conn, kpi.metric_id, kpi.minute_us, kpi.minute_us + 1)
    return KpiMinute(
        int(found.minute_us[0]),
        kpi.partition,
        kpi.metric_id,
        int(found.expected[0]),
        int(found.reporting[0]),
        float(found.total[0]),
    )


async def change_of(conn: AsyncConnection[Any], alert_id: str) -> AlertChanged:
    alert, history = await load_alert(conn, alert_id), await alert_history(conn, alert_id)
    assert alert is not None
    return AlertChanged(alert, history[-1])


def in_order(rows: Scored) -> list[bytes]:
    """Return the columns by (series, time), bit for bit."""
    order = order_by_series(rows)
    readings = rows.readings
    columns = (readings.time_us, readings.series, readings.value, rows.score)
    return [np.ascontiguousarray(column[order]).tobytes() for column in columns]


@law
@given(what=commits)
async def test_a_commit(day_url: str, what: Commit) -> None:
    written = what.rows.readings
    async with passing(day_url) as conn:
        await commit(conn, what)
        found = await read_back(conn, what)
        assert (await look_up(conn, written) == Held.SAME).all()
        series = np.unique(written.series)
        recovered = await stored_after(conn, series, np.full(len(series), -1))
        position = await load_position(conn, LOG)
        assert await ledger(conn) == {LOG: position._replace(snapshot=None)}
    assert position.snapshot_seq == (0 if what.snapshot is None else what.through)
    assert in_order(found.rows) == in_order(what.rows)
    assert in_order(Scored(recovered, found.rows.score))[:3] == in_order(what.rows)[:3]
    assert Counter(found.transitions) == Counter(what.transitions)
    for field in fields(Commit):
        if field.name not in ("rows", "corrections", "transitions"):
            assert getattr(found, field.name) == getattr(what, field.name), field.name


@law
@given(days=st.lists(decided_days, max_size=5, unique_by=lambda day: day.day_id))
async def test_a_decided_day(postgres_url: str, days: list[SpecialDay]) -> None:
    made = [day._replace(last=max(day.first, day.last)) for day in days]
    async with passing(postgres_url) as conn:
        await decide(conn, made)
        assert list(await load_special_days(conn)) == sorted(made, key=lambda day: (day.first, day.day_id))


@law
@given(made=drawn(Swap), later=drawn(Swap))
async def test_a_swap_that_ends(postgres_url: str, made: Swap, later: Swap) -> None:
    made = msgspec.structs.replace(made, ended_at_us=None, ended_by=None)
    ended = msgspec.structs.replace(made, ended_at_us=later.until_us, ended_by="An")
    async with passing(postgres_url) as conn:
        await commit(conn, Commit("alerts", 0, 1, 0, swaps=(made,)))
        assert await swaps_since(conn, made.end_us - 1) == [made]
        assert await swaps_since(conn, made.end_us) == []
        await commit(conn, Commit("alerts", 1, 2, 0, swaps=(made, ended)))
        assert await swaps_since(conn, ended.end_us - 1) == [ended]
        assert await swaps_since(conn, ended.end_us) == []


@law
@given(made=drawn(Silence, uid=texts.filter(bool)), later=drawn(Silence))
async def test_a_silence_that_ends(postgres_url: str, made: Silence, later: Silence) -> None:
    made = msgspec.structs.replace(made, ended_at_us=None, ended_by=None, replaced_by=None)
    ended = msgspec.structs.replace(made, ended_at_us=later.until_us, ended_by="An", replaced_by="b")
    async with passing(postgres_url) as conn:
        await commit(conn, Commit("alerts", 0, 1, 0, silences=(made,)))
        assert await silences_since(conn, made.end_us - 1) == [made]
        assert await silences_since(conn, made.end_us) == []
        await commit(conn, Commit("alerts", 1, 2, 0, silences=(made, ended)))
        assert await silences_since(conn, ended.end_us - 1) == [ended]
        assert await silences_since(conn, ended.end_us) == []
        assert await silences_of_event(conn, made.uid) == [ended]


@law
@given(report=drawn(ScheduledReport, last=st.dates()))
async def test_a_report_that_is_due(postgres_url: str, report: ScheduledReport) -> None:
    async with passing(postgres_url) as conn:
        assert await enter_report(conn, report, [])
        assert not await enter_report(conn, report, []), "it is there"
        assert await load_report(conn, report.report_id) == report


@law
@given(kpis=drawn_tuple(KpiMinute, lambda k: k.partition), minute_us=times_us)
async def test_a_minute_of_several_partitions_is_their_sum(
    postgres_url: str, kpis: tuple[KpiMinute, ...], minute_us: int
) -> None:
    same = tuple(k._replace(minute_us=minute_us, metric_id=1, total=float(k.expected)) for k in kpis)
    async with passing(postgres_url) as conn:
        await commit(conn, Commit(LOG, 0, 1, 0, kpis=same))
        found = await kpi_history(conn, 1, minute_us, minute_us + 1)
    assert found.expected.sum() == found.total.sum() == sum(k.expected for k in same)
    assert found.reporting.sum() == sum(k.reporting for k in same)


def said(action: Action, because: Because) -> Action:
    """Return the action with a reason where it dismisses, and none elsewhere."""
    why = because.value if action.kind is ActionKind.DISMISSED else ""
    return msgspec.structs.replace(action, because=why)


actions_lists = st.lists(
    st.builds(said, drawn(Action), st.sampled_from(Because)), unique_by=lambda a: a.at_us, max_size=6
)


@law
@given(first=drawn(Transition), actions=actions_lists)
async def test_what_operators_said(postgres_url: str, first: Transition, actions: list[Action]) -> None:
    ours = [msgspec.structs.replace(action, alert_id=first.alert_id) for action in actions]
    changes = fold_alerts({}, [], [first, *ours], {first.school_id: 700})
    last = changes[-1].alert
    dismissed = [action for action in ours if action.kind is ActionKind.DISMISSED]
    async with passing(postgres_url) as conn:
        await commit(conn, Commit("alerts", 0, 1, 0, alerts=tuple(changes)))
        assert await load_alert(conn, last.alert_id) == last
        assert await alert_history(conn, last.alert_id) == [change.event for change in changes]
        other = last.alert_id + "+"
        memory = await dismissals(conn, last.rule, last.school_id, besides=other, limit=9)
        judged = await judged_alerts(conn)
    assert memory == [
        Dismissal(**{name: getattr(action, name) for name in Dismissal.__struct_fields__})
        for action in sorted(dismissed, key=lambda a: a.at_us, reverse=True)
    ]
    if last.acknowledged_by is None:
        assert judged == []
        return
    ends: dict[str, Any] = {"because": None, "actor": last.acknowledged_by}
    for event in (change.event for change in changes):
        if event.kind == ActionKind.HANDED_BACK:
            ends = {"because": None, "actor": last.acknowledged_by}
        elif event.kind == ActionKind.DISMISSED:
            ends = {"because": event.because, "actor": event.actor}
    of_alert = {name: getattr(last, name) for name in JudgedAlert._fields if name not in ends}
    assert judged == [JudgedAlert(**of_alert, **ends)]


@given(
    # What nobody has cannot be handed back, and is a note.
    action=drawn(Action, note=texts.filter(bool)).filter(lambda a: a.kind is not ActionKind.HANDED_BACK),
    opened=drawn(Transition),
)
def test_an_event_has_every_word_of_its_action(action: Action, opened: Transition) -> None:
    opened = msgspec.structs.replace(opened, alert_id=action.alert_id)
    event = fold_alerts({}, [], [opened, action], {})[-1].event
    # The log knows actions by their id; nobody needs it once the action is an event.
    for name in set(Action.__struct_fields__) - {"action_id"}:
        assert getattr(event, name) == getattr(action, name), name


def in_state(incident: Incident) -> Incident:
    """Return an incident whose ends are those of its state; one that was merged is read as its survivor."""
    state = IncidentState.RESOLVED if incident.state is IncidentState.MERGED else incident.state
    ended_at_us = (incident.ended_at_us or 0) if state is IncidentState.RESOLVED else None
    return msgspec.structs.replace(incident, state=state, ended_at_us=ended_at_us, merged_into=None)


causes = st.none() | drawn(Cause, school_id=st.none())


@law
@given(
    incident=drawn(Incident).map(in_state),
    events=st.lists(drawn(IncidentEvent, cause=causes), max_size=4),
    change=drawn(AlertChanged),
    alias=drawn(Incident),
)
async def test_an_incident(
    postgres_url: str, incident: Incident, events: list[IncidentEvent], change: AlertChanged, alias: Incident
) -> None:
    first, alert_id, at_us = incident.incident_id, change.alert.alert_id, incident.counted_at_us
    events = [msgspec.structs.replace(event, incident_id=first) for event in events]
    alias = msgspec.structs.replace(
        alias, incident_id=first + "+", state=IncidentState.MERGED, merged_into=first, ended_at_us=0
    )
    joined = IncidentChanged(alias, (), joined=(alert_id,))
    left = IncidentChanged(incident, tuple(events), left=(alert_id,))
    async with passing(postgres_url) as conn:
        await commit(conn, Commit("alerts", 0, 1, 0, alerts=(pair(change),), incidents=(joined,)))
        told = [Membership(first, change.alert, alias.counted_at_us)]
        assert await memberships_since(conn, 0) == told
        await commit(conn, Commit("alerts", 1, 2, 0, incidents=(left,)))
        told = [Membership(first, change.alert, alias.counted_at_us, at_us)]
        assert await memberships_of(conn, first, 9) == await memberships_since(conn, at_us) == told
        for asked in (first, alias.incident_id):
            assert await load_incident(conn, asked) == incident
        assert await aliases(conn, first) == [alias.incident_id]
        assert await incident_history(conn, first) == events
        assert await recent_incidents(conn, 9) == [incident]
        assert await incidents_since(conn, incident.ended_at_us or 0) == [incident]
        assert await open_incidents(conn) == ([] if incident.ended_at_us is not None else [incident])


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Draw a fleet whose parts refer to each other."""
    clusters = draw(drawn_tuple(Cluster, lambda c: c.code))
    wards: tuple[Ward, ...] = ()
    schools: tuple[School, ...] = ()
    devices: tuple[Device, ...] = ()
    if clusters:
        codes = st.sampled_from([c.code for c in clusters])
        wards = tuple(draw(st.lists(drawn(Ward, cluster_code=codes), unique_by=lambda w: w.code, max_size=4)))
    if wards:
        codes = st.sampled_from([w.code for w in wards])
        unique = (lambda s: s.id, lambda s: s.code)
        places = st.none() | st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))
        schools = tuple(
            draw(st.lists(drawn(School, ward_code=codes, place=places), unique_by=unique, max_size=4))
        )
    if schools:
        owners = st.sampled_from([s.id for s in schools])
        numbers = st.integers(1, MAX_DEVICE_ID)
        ids = (lambda d: d.id, lambda d: (d.school_id, d.code))
        devices = tuple(
            draw(st.lists(drawn(Device, id=numbers, school_id=owners), unique_by=ids, max_size=4))
        )
    is_gone = {s.id: draw(st.booleans()) for s in schools}
    merged = st.none() | st.sampled_from([s.id for s in schools]) if schools else st.none()
    former = tuple(
        draw(drawn(Former, school=st.just(s), merged_into=merged)) for s in schools if is_gone[s.id]
    )
    retired = {d.id: is_gone[d.school_id] or draw(st.booleans()) for d in devices}
    parts: dict[str, Any] = {
        "province": draw(texts),
        "clusters": clusters,
        "wards": wards,
        "schools": tuple(s for s in schools if not is_gone[s.id]),
        "devices": tuple(d for d in devices if not retired[d.id]),
        "former": former,
        "former_devices": tuple(d for d in devices if retired[d.id]),
    }
    assert parts.keys() == inspect.signature(Fleet).parameters.keys(), "draw every part of a fleet"
    return Fleet(**parts)


@law
@given(fleet=fleets())
async def test_a_fleet(postgres_url: str, fleet: Fleet) -> None:
    async with await connect(postgres_url) as conn:
        await conn.execute("truncate device, school_period, school, ward, cluster")
        await conn.execute("delete from setting where name in ('province', 'fleet_version')")
        await save_fleet(conn, fleet)
        found = await load_fleet(conn)
    assert found is not None
    assert found.version == fleet.version
    for part in inspect.signature(Fleet).parameters:
        assert getattr(found, part) == getattr(fleet, part), part
