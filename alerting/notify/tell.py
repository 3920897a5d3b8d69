"""Telling one contact of one incident: now, with the next digest, or not, and why."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from alerting.incidents.account import event
from alerting.incidents.state import SETTLE_US
from alerting.notify.load import digest_due_us, free_us, has_room, postpone
from alerting.notify.state import Awareness, Notices, NoticesKey, Postponed, Pursuit, RecipientLoad
from alerting.routing.course import Recipient
from alerting.routing.facts import facts_of
from alerting.routing.hours import active_from_us
from alerting.routing.tree import routes_of
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from contract.incident import Incident, IncidentEventKind, IncidentState
from contract.live import IncidentChanged
from contract.routing.notice import HeldReason, Notice, NoticeReason, notice_id_of
from contract.routing.route import ActiveTime, NoticeRoute, Routing

Mute = Callable[[str, int], tuple[str, int] | None]
"""From an incident and a log time to the silence that mutes all of it and when that may end, or None."""


class Telling(NamedTuple):
    """What decides who is told, beside the incidents."""

    fleet: Fleet
    routing: Routing
    calendar: SchoolCalendar


class NoticeMaker:
    """Tells of incidents upon a state that the caller owns; what it says is in `notices` and `changes`."""

    def __init__(self, state: Notices, telling: Telling, mute: Mute) -> None:
        self._state = state
        self._telling = telling
        self._mute = mute
        self.notices: list[Notice] = []
        self.changes: list[IncidentChanged] = []

    def tell(
        self,
        pursuit: Pursuit,
        one: Recipient,
        route: NoticeRoute | None,
        step: int,
        reason: NoticeReason,
        at_us: int,
    ) -> None:
        """Tell one recipient now, or with the next digest."""
        heard = pursuit.heard.get(one.to)
        if heard is not None and heard.at_us == at_us and reason is not NoticeReason.RESOLVED:
            return  # another route said it at this moment
        load = self._state.loads.setdefault(one.to, RecipientLoad())
        what = Postponed(reason, one.contact, "" if route is None else route.name, step)
        incident = pursuit.incident
        is_known = heard is not None and heard.priority <= incident.worst_priority
        is_news = reason is not NoticeReason.RESOLVED and not is_known
        if route is not None and route.active_time is ActiveTime.DIGEST:
            postpone(load, incident.incident_id, what, at_us)  # with all that is told at this moment
        elif has_room(load, incident, at_us, is_news=is_news):
            self._send(one.to, what, (pursuit,), at_us)
        else:
            postpone(load, incident.incident_id, what, digest_due_us(load, incident, at_us, is_news=is_news))
            self.say(pursuit, IncidentEventKind.HELD, at_us, one.to, HeldReason.LOAD_GOVERNOR)
        self._state.note(NoticesKey("recipient", one.to))

    def digest(self, to: str, at_us: int) -> None:
        """Tell a recipient all that was postponed and is still to be told."""
        load = self._state.loads[to]
        if free_us(load, at_us) > at_us:
            load.due_us = free_us(load, at_us)
            self._state.note(NoticesKey("recipient", to))
            return
        postponed, load.postponed, load.due_us = load.postponed, {}, None
        chosen: list[Pursuit] = []
        for incident_id, what in postponed.items():
            pursuit = self._state.pursuits.get(incident_id)
            is_end = what.reason is NoticeReason.RESOLVED
            if pursuit is None or pursuit.is_over is not is_end:
                continue
            if not is_end and pursuit.incident.state is IncidentState.ACKNOWLEDGED:
                continue
            until_us = None if is_end else self._later(pursuit, at_us)
            if until_us is not None:
                postpone(load, incident_id, what, until_us)
                continue
            chosen.append(pursuit)
        if chosen:
            chosen.sort(key=_urgency)
            first = postponed[chosen[0].incident.incident_id]
            self._send(to, first, chosen, at_us)
        self._state.note(NoticesKey("recipient", to))

    def _send(self, to: str, what: Postponed, pursuits: Sequence[Pursuit], at_us: int) -> None:
        load = self._state.loads[to]
        load.recent_us = (*load.recent(at_us), at_us)
        first = pursuits[0].incident
        is_digest = len(pursuits) > 1
        reason = NoticeReason.DIGEST if is_digest else what.reason
        self.notices.append(
            Notice(
                notice_id=notice_id_of(first.incident_id, to, reason, at_us),
                incident_id=first.incident_id,
                to=to,
                contact=what.contact,
                reason=reason,
                priority=min(pursuit.incident.worst_priority for pursuit in pursuits),
                at_us=at_us,
                route=what.route,
                step=what.step,
                incidents=tuple(p.incident.incident_id for p in pursuits) if is_digest else (),
            )
        )
        for pursuit in pursuits:
            self.say(pursuit, IncidentEventKind.NOTIFIED, at_us, to, reason)
            self._hear(pursuit, to, what, at_us)

    def _hear(self, pursuit: Pursuit, to: str, what: Postponed, at_us: int) -> None:
        incident = pursuit.incident
        if pursuit.is_over:
            pursuit.heard.pop(to, None)
            if not pursuit.heard:
                self.forget(pursuit)
            return
        before = pursuit.heard.get(to)
        pursuit.heard[to] = Awareness(
            to,
            what.contact,
            what.route,
            what.step,
            at_us,
            incident.worst_priority,
            incident.most_schools,
            incident.exercise,
            told=1 if before is None else before.told + 1,
        )
        self.note(pursuit)

    def silenced_until(self, pursuit: Pursuit, at_us: int) -> int | None:
        """Return until when a silence holds an incident back, and write that down once; None for none."""
        muted = self._mute(pursuit.incident.incident_id, at_us)
        if muted is None:
            pursuit.held = ""
            return None
        silence_id, until_us = muted
        if pursuit.held != silence_id:
            self.say(pursuit, IncidentEventKind.HELD, at_us, "", HeldReason.SILENCED, silence_id)
        pursuit.held = silence_id
        return until_us

    def _later(self, pursuit: Pursuit, at_us: int) -> int | None:
        """Return when to look again at what is postponed, if it may not be told now."""
        if pursuit.incident.quiet_at_us is not None:
            return max(at_us, pursuit.incident.quiet_at_us + SETTLE_US)
        return self.silenced_until(pursuit, at_us)

    def chosen(self, incident: Incident) -> tuple[NoticeRoute, ...]:
        """Return the routes that an incident takes."""
        return routes_of(facts_of(incident, self._telling.fleet), self._telling.routing).chosen

    def hour(self, route: NoticeRoute, incident: Incident, due_us: int) -> int | None:
        """Return the first moment from a due one on within a route's hours; None if there is none."""
        if route.active_time is ActiveTime.ALWAYS:
            return due_us
        return active_from_us(route, facts_of(incident, self._telling.fleet), self._telling.calendar, due_us)

    def say(
        self, pursuit: Pursuit, kind: IncidentEventKind, at_us: int, to: str, why: str, other: str = ""
    ) -> None:
        """Write into an incident's timeline who is told, or is not, and why."""
        said = event(pursuit.incident, kind, at_us, other=other)
        self.changes.append(IncidentChanged(pursuit.incident, (replace(said, told=to, why=str(why)),)))

    def drop(self, incident_id: str, survivor_id: str | None = None) -> None:
        """Take an incident out of digests of whoever did not hear of it; its survivor stands in for it."""
        pursuit = self._state.pursuits.get(incident_id)
        for to, load in self._state.loads.items():
            what = load.postponed.get(incident_id)
            if what is None or (survivor_id is None and pursuit is not None and to in pursuit.heard):
                continue
            del load.postponed[incident_id]
            if survivor_id is not None:
                load.postponed.setdefault(survivor_id, what)
            elif not load.postponed:
                load.due_us = None
            self._state.note(NoticesKey("recipient", to))

    def note(self, pursuit: Pursuit) -> None:
        """Remember that what is known of an incident changed."""
        self._state.note(NoticesKey("incident", pursuit.incident.incident_id))

    def forget(self, pursuit: Pursuit) -> None:
        """Let go of an incident: nothing is owed to anybody."""
        self._state.pursuits.pop(pursuit.incident.incident_id, None)
        self.note(pursuit)


def _urgency(pursuit: Pursuit) -> tuple[int, int, str]:
    incident = pursuit.incident
    return incident.worst_priority, incident.began_at_us, incident.incident_id
