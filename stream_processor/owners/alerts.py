"""The owner of the alerts log: the one writer of alerts, incidents, silences and swaps of duty."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from alerting.desk import DeskChanges, DeskEntry, DeskState, OnRecord, Word, fold_desk, incidents_named
from alerting.incidents.groups import Groups
from alerting.incidents.state import REOPEN_US, RETURN_US, Incidents, restore
from alerting.notify.state import Notices, restore_notices
from alerting.notify.tell import Telling
from alerting.routing.swaps import swap_named
from alerting.silences.words import silences_named
from bus.codec import (
    decode_action,
    decode_exercise,
    decode_incident_action,
    decode_notice_answer,
    decode_outside,
    decode_silence_word,
    decode_swap_word,
    decode_transitions,
)
from bus.log import Log
from contract.alert import Action, Alert, AlertEvent, Ending, OutsideReport, Priority, Transition
from contract.calendar import SchoolCalendar
from contract.commit import Commit, Counts
from contract.entry import ALERTS_LOG, EntryKind, RawEntry
from contract.incident import EXERCISE_LAG_US, SECOND_US, Incident, IncidentAction
from contract.live import (
    ALERT_SUBJECT,
    INCIDENT_SUBJECT,
    MOST_AT_ONCE,
    SILENCE_SUBJECT,
    SWAP_SUBJECT,
    IncidentChanged,
)
from contract.routing.contact import Rota
from contract.routing.route import Routing
from contract.routing.silence import SilenceEnded, SilenceSet
from contract.routing.swap import KEPT_US, SwapEnded, SwapSet
from storage.alerts import alert_history, load_alerts, load_outside, open_alerts, open_outside
from storage.duty.swaps import load_swaps, swaps_since
from storage.incidents import (
    actions_done,
    exercises_since,
    incidents_since,
    load_incident,
    memberships_since,
    unplaced_alerts,
)
from storage.outbox import notice_states
from storage.results import load_position
from storage.silences import load_silences, silences_since
from stream_processor.fold.reconcile import ended
from stream_processor.owners.announce import announce
from stream_processor.owners.owner import Publish, Tally, write
from stream_processor.owners.stage import on_cpu

_logger: Final = logging.getLogger(__name__)
_now: Final = msgspec.msgpack.Decoder(int)


class AlertsOwner:
    """Open alerts and incidents in memory, in step with the tables."""

    def __init__(
        self,
        conn: AsyncConnection[Any],
        log: Log,
        publish: Publish,
        groups: Groups,
        calendar: SchoolCalendar,
        routing: Callable[[], Routing],
        now_us: Callable[[], int],
        tally: Tally,
    ) -> None:
        self._conn = conn
        self._log = log
        self._publish = publish
        self._groups = groups
        self._calendar = calendar
        self._routing = routing
        self._now_us = now_us
        self._tally = tally
        self._pupils = {school.id: school.pupils for school in groups.fleet.schools}
        self._open: dict[str, Alert] = {}
        self._state = DeskState(Incidents(), Notices(), {}, {})
        self._ticked_us = 0
        self.seq = 0

    @property
    def keep_after(self) -> int:
        """The position: nothing before it is needed again."""
        return self.seq

    async def load(self) -> None:
        """Read the position, the open alerts, and the incidents that are open or may open again."""
        position = await load_position(self._conn, ALERTS_LOG)
        self.seq = position.seq
        self._open = {alert.alert_id: alert for alert in await open_alerts(self._conn)}
        # The last entry may have said an earlier time than one before it.
        now_us = _now.decode(position.snapshot) if position.snapshot else position.log_time_us
        incidents = restore(
            now_us,
            await incidents_since(self._conn, now_us - REOPEN_US - SECOND_US),
            await memberships_since(self._conn, now_us - RETURN_US - SECOND_US),
            await unplaced_alerts(self._conn),
            await silences_since(self._conn, now_us),
            await exercises_since(self._conn, now_us - EXERCISE_LAG_US - REOPEN_US),
        )
        kept = (kept.incident for kept in incidents.kept.values())
        notices = restore_notices(await notice_states(self._conn), kept)
        outside = {course.fingerprint: course for course in await open_outside(self._conn)}
        swaps = {swap.swap_id: swap for swap in await swaps_since(self._conn, now_us - KEPT_US)}
        self._state = DeskState(incidents, notices, outside, swaps)
        self._count()

    async def retire(self, ending_of: Callable[[Alert], Ending | None]) -> None:
        """Append the resolutions of alerts that no fold will ever resolve; they come back through `take`.

        Args:
            ending_of: why an alert ends, whose rule, device or school is gone; None for one that a fold
                looks after. It is not asked of those from outside: who reports them looks after them.
        """
        for alert in self._open.values():
            ending = ending_of(alert) if alert.outside is None else None
            if ending is not None:
                _logger.info(
                    "event=alert_retired alert=%s rule=%s ending=%s", alert.alert_id, alert.rule, ending.value
                )
                await announce(self._log, ended(alert, self._now_us(), ending))

    async def take(self, raws: Sequence[RawEntry]) -> None:
        """Fold transitions, deeds and time, commit the changes, and publish each."""
        said = [DeskEntry(raw.at_us, _decode(raw)) for raw in raws]
        record = await self._look_up([word for entry in said for word in entry.words])
        with on_cpu(self._tally.meter, "fold"):
            telling = Telling(self._groups.fleet, self._routing(), self._calendar)
            made = fold_desk(self._groups, telling, self._state, record, said, self._pupils)
        await self._commit(raws[-1], made)
        await self._tell(ALERT_SUBJECT, made.alerts)
        for silence in made.silences:
            await self._publish(SILENCE_SUBJECT, msgspec.msgpack.encode(silence))
        for swap in made.swaps:
            await self._publish(SWAP_SUBJECT, msgspec.msgpack.encode(swap))
        await self._tell(INCIDENT_SUBJECT, [IncidentChanged(c.incident, c.events) for c in made.incidents])

    async def pass_time(self) -> None:
        """Append a tick once the time has come that something waits for, and no entry has said so.

        It says that time and not the clock's, so that the log is never ahead of partitions that lag.
        """
        due_us = self._state.due_us
        # One that is appended and not yet read need not be said again.
        if due_us is not None and self._ticked_us < due_us <= self._now_us():
            await self._log.append(ALERTS_LOG, EntryKind.TICK, b"", at_us=due_us)
            self._ticked_us = due_us

    async def finish(self) -> None:
        """Do nothing: every commit is complete."""

    async def _tell(self, subject: str, changes: Sequence[object]) -> None:
        """Publish changes, many at once: a deed on an incident may change thousands of alerts."""
        for n in range(0, len(changes), MOST_AT_ONCE):
            await self._publish(subject, msgspec.msgpack.encode(changes[n : n + MOST_AT_ONCE]))

    async def _look_up(self, words: Sequence[Word]) -> OnRecord:
        deeds = [word for word in words if isinstance(word, IncidentAction)]
        actions = {word.alert_id for word in words if isinstance(word, Action)}
        alerts = await self._known({w.alert_id for w in words if isinstance(w, Transition | Action)})
        for alert_id in sorted(actions - alerts.keys()):
            _logger.warning("event=action_without_alert alert=%s", alert_id)
        history: list[AlertEvent] = []
        for alert_id in sorted(actions):
            history += await alert_history(self._conn, alert_id)
        incidents: dict[str, Incident] = {}
        for incident_id in sorted({named for deed in deeds for named in incidents_named(deed)}):
            incident = await load_incident(self._conn, incident_id)
            if incident is None:
                _logger.warning("event=action_without_incident incident=%s", incident_id)
            else:
                incidents[incident_id] = incident
        done = await actions_done(self._conn, [deed.action_id for deed in deeds]) if deeds else set()
        said = [word for word in words if isinstance(word, SilenceSet | SilenceEnded)]
        named = sorted({silence_id for word in said for silence_id in silences_named(word)})
        silences = await load_silences(self._conn, named) if named else []
        reported = sorted({w.outside.fingerprint for w in words if isinstance(w, OutsideReport)})
        outside = await load_outside(self._conn, reported) if reported else []
        swapped = sorted({swap_named(word) for word in words if isinstance(word, SwapSet | SwapEnded)})
        swaps = await load_swaps(self._conn, swapped) if swapped else []
        return OnRecord(
            alerts,
            history,
            incidents,
            done,
            {s.silence_id: s for s in silences},
            {course.fingerprint: course for course in outside},
            {swap.swap_id: swap for swap in swaps},
        )

    async def _known(self, alert_ids: set[str]) -> dict[str, Alert]:
        known = {alert_id: self._open[alert_id] for alert_id in alert_ids & self._open.keys()}
        # One question for all: in an outage they are a thousand, and this loop serves partitions too.
        asked = sorted(alert_ids - known.keys())
        return known | {a.alert_id: a for a in (await load_alerts(self._conn, asked) if asked else [])}

    async def _commit(self, last: RawEntry, made: DeskChanges) -> None:
        what = Commit(
            ALERTS_LOG,
            self.seq,
            last.seq,
            last.at_us,
            Counts(),
            alerts=tuple(made.alerts),
            incidents=tuple(made.incidents),
            silences=tuple(made.silences),
            swaps=tuple(made.swaps),
            outside=tuple(made.outside),
            exercises=tuple(made.exercises),
            notices=tuple(made.notices),
            notice_states=self._state.notices.saved(),
            snapshot=msgspec.msgpack.encode(self._state.incidents.now_us),
        )
        await write(self._conn, what, self._tally)
        self.seq = last.seq
        for change in made.alerts:
            self._open[change.alert.alert_id] = change.alert
            if change.alert.resolved_at_us is not None:
                del self._open[change.alert.alert_id]
        self._count()

    def _count(self) -> None:
        for priority in Priority:
            number = sum(alert.priority == priority for alert in self._open.values())
            self._tally.meter.put("eduops_alerts_open", number, str(int(priority)))
        loads, contacts = self._state.notices.loads, self._routing().contacts
        for to in loads.keys() | {name for name, one in contacts.items() if not isinstance(one, Rota)}:
            recent = loads[to].recent(self._state.incidents.now_us) if to in loads else ()
            self._tally.meter.put("eduops_recipient_messages", len(recent), to)


def _decode(raw: RawEntry) -> tuple[Word, ...]:
    if raw.kind is EntryKind.TRANSITION:
        return tuple(decode_transitions(raw.payload))
    if raw.kind is EntryKind.ACTION:
        return (decode_action(raw.payload),)
    if raw.kind is EntryKind.INCIDENT_ACTION:
        return (decode_incident_action(raw.payload),)
    if raw.kind is EntryKind.NOTICE_ANSWER:
        return (decode_notice_answer(raw.payload),)
    if raw.kind is EntryKind.EXERCISE:
        return (decode_exercise(raw.payload),)
    if raw.kind is EntryKind.OUTSIDE:
        return tuple(decode_outside(raw.payload))
    if raw.kind is EntryKind.SILENCE:
        return (decode_silence_word(raw.payload),)
    if raw.kind is EntryKind.SWAP:
        return (decode_swap_word(raw.payload),)
    return ()
