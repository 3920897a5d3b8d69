"""The fold of notices: from changes of incidents and the time to who is told, and why or why not.

It is called by the fold of the alerts log (`alerting.desk`) in the order of log time, so that the log alone
decides: a replay, another cut or another owner makes the same notices with the same keys.
"""

from msgspec.structs import replace

from alerting.notify.state import Awareness, Course, Notices, Pursuit
from alerting.notify.tell import Mute, NoticeMaker, Telling
from alerting.routing.course import Recipient, recipients, step_at, wait_after
from alerting.routing.facts import facts_of
from contract.incident import Incident, IncidentEventKind, IncidentState
from contract.live import IncidentChanged
from contract.routing.contact import EscalationStep, Rota
from contract.routing.notice import HeldReason, Notice, NoticeAnswer, NoticeReason
from contract.routing.route import Routing

_FIRST = (NoticeReason.OPENED, NoticeReason.REOPENED)
"""What is no news to whoever knows of the incident."""


class Decider:
    """Decides upon a state that the caller owns; what it says is in `notices` and `changes`."""

    def __init__(self, state: Notices, telling: Telling, mute: Mute) -> None:
        self._state = state
        self._telling = telling
        self._maker = NoticeMaker(state, telling, mute)
        self._routes = {route.name: route for route in telling.routing.routes}
        self._moved: dict[str, dict[str, Awareness]] = {}
        """What was heard of incidents that were merged into one that is not pursued yet."""

    @property
    def notices(self) -> list[Notice]:
        """What is to be sent, in the order of decisions."""
        return self._maker.notices

    @property
    def changes(self) -> list[IncidentChanged]:
        """Lines of timelines: who is told, or is not, and why."""
        return self._maker.changes

    def follow(self, routing: Routing) -> None:
        """Ask these rotas who is on duty from now on: those of the file, with the swaps that there are."""
        self._telling = self._telling._replace(routing=routing)

    def advance(self, until_us: int, *, inclusive: bool) -> None:
        """Decide what is due before a log time, or at it as well."""
        while (due_us := self._state.due_us) is not None and due_us < until_us + inclusive:
            at_us, key = self._state.pop_due()
            if key.kind == "incident":
                self._pursue(self._state.pursuits[key.name], at_us)
            else:
                self._maker.digest(key.name, at_us)

    def take(self, change: IncidentChanged, at_us: int) -> None:
        """Take a change of an incident that came at a log time; what was due before it is decided."""
        incident = change.incident
        pursuit = self._state.pursuits.get(incident.incident_id)
        before = None if pursuit is None else pursuit.incident
        if pursuit is None:
            if incident.ended_at_us is not None:
                return
            pursuit = self._state.pursuits[incident.incident_id] = Pursuit(incident)
        pursuit.incident = incident
        for to, heard in self._moved.pop(incident.incident_id, {}).items():
            pursuit.heard.setdefault(to, heard)
        if incident.merged_into is not None:
            self._hand_over(pursuit, incident.merged_into)
        elif pursuit.is_over:
            self._end(pursuit, at_us)
        else:
            self._follow(pursuit, before, change, at_us)
            self._maker.note(pursuit)

    def answer(self, said: NoticeAnswer, at_us: int) -> None:
        """Take that a recipient got nothing: once that is true of a whole step, the next is due."""
        pursuit = self._state.pursuits.get(said.incident_id)
        course = None if pursuit is None else pursuit.courses.get(said.route)
        route = self._routes.get(said.route)
        if pursuit is None or course is None or route is None or said.to not in course.awaited:
            return
        awaited = tuple(to for to in course.awaited if to != said.to)
        self._maker.say(pursuit, IncidentEventKind.HELD, at_us, said.to, said.why)
        heard = pursuit.heard.get(said.to)
        if heard is not None and said.why is HeldReason.WITHHELD:
            pursuit.heard[said.to] = replace(heard, told=heard.told - 1)
        course = replace(course, awaited=awaited)
        if not awaited and step_at(route, course.place).reason is NoticeReason.NEXT_STEP:
            course = replace(course, due_us=at_us, at_us=at_us)
        pursuit.courses[route.name] = course
        self._maker.note(pursuit)

    def look_again(self, at_us: int) -> None:
        """Ask anew whether what a silence holds back is still silenced: a silence came, changed or went."""
        for pursuit in self._state.pursuits.values():
            if pursuit.held:
                self._wake(pursuit, at_us)
                self._reach(pursuit, at_us)
                self._grow(pursuit, at_us)
                self._maker.note(pursuit)

    # What changes of an incident mean for who is told.

    def _follow(self, pursuit: Pursuit, before: Incident | None, change: IncidentChanged, at_us: int) -> None:
        incident, kinds = pursuit.incident, {said.kind for said in change.events}
        is_worked_on = any(said.action_id for said in change.events)
        is_taken = incident.state is IncidentState.ACKNOWLEDGED
        was_taken = before is not None and before.state is IncidentState.ACKNOWLEDGED
        if IncidentEventKind.REOPENED in kinds:
            pursuit.heard = {to: replace(heard, due_us=None) for to, heard in pursuit.heard.items()}
            self._begin(pursuit, at_us, NoticeReason.REOPENED, waits=True)
        elif before is None and not is_taken:
            self._begin(pursuit, incident.began_at_us, NoticeReason.OPENED, waits=True)
        if is_taken and (is_worked_on or not (was_taken and before and _same_taking(before, incident))):
            self._stop(pursuit, at_us)
        elif was_taken and not is_taken:
            why = NoticeReason.HANDED_BACK if IncidentEventKind.HANDED_BACK in kinds else NoticeReason.WORSE
            self._begin(pursuit, at_us, why, waits=False)
        elif before is not None and not is_taken and _routed_by(before) != _routed_by(incident):
            self._reroute(pursuit, at_us)
        if IncidentEventKind.ASSIGNED in kinds and incident.assignee:
            self._assign(pursuit, incident.assignee, at_us)
        came_back = before is not None and before.quiet_at_us is not None and incident.quiet_at_us is None
        if pursuit.held or came_back:
            self._wake(pursuit, at_us)
        self._reach(pursuit, at_us)
        self._grow(pursuit, at_us)

    def _begin(self, pursuit: Pursuit, from_us: int, reason: NoticeReason, *, waits: bool) -> None:
        """Begin the escalations of all routes that an incident takes, at once or after `group_wait`."""
        pursuit.courses = {}
        for route in self._maker.chosen(pursuit.incident):
            due_us = from_us + waits * route.group_wait_us
            pursuit.courses[route.name] = Course(route.name, 0, due_us, due_us, reason)

    def _stop(self, pursuit: Pursuit, at_us: int) -> None:
        """End the escalations: somebody has it; they begin again when nobody did anything for too long."""
        pursuit.courses = {}
        if pursuit.incident.because:  # it is no problem: nobody need be reminded of it
            return
        for route in self._maker.chosen(pursuit.incident):
            timeout_us = route.escalation.ack_timeout_us
            if timeout_us is not None:
                pursuit.courses[route.name] = Course(
                    route.name, 0, at_us + timeout_us, at_us + timeout_us, NoticeReason.ACK_TIMEOUT
                )

    def _reroute(self, pursuit: Pursuit, at_us: int) -> None:
        """Follow an incident that grew into other routes; an escalation that both have goes on."""
        before = pursuit.courses
        pursuit.courses = {}
        for route in self._maker.chosen(pursuit.incident):
            same = before.get(route.name) or next(
                (c for c in before.values() if self._steps_of(c) == route.escalation.steps), None
            )
            if same is not None:
                pursuit.courses[route.name] = replace(same, route=route.name)
                continue
            due_us = max(at_us, pursuit.incident.began_at_us + route.group_wait_us)
            pursuit.courses[route.name] = Course(route.name, 0, due_us, due_us, NoticeReason.OPENED)

    def _assign(self, pursuit: Pursuit, name: str, at_us: int) -> None:
        contact = self._telling.routing.contacts.get(name)
        if contact is not None and not isinstance(contact, Rota):
            self._maker.tell(pursuit, Recipient(name, name, None), None, 0, NoticeReason.ASSIGNED, at_us)

    def _grow(self, pursuit: Pursuit, at_us: int) -> None:
        """See to it that whoever heard of an incident hears that it is worse, but not too often."""
        for heard in list(pursuit.heard.values()):
            if heard.due_us is None and _is_worse(pursuit.incident, heard):
                route = self._routes.get(heard.route)
                due_us = at_us
                if route is not None:
                    due_us = max(at_us, heard.at_us + route.group_interval_us)
                    due_us = self._maker.hour(route, pursuit.incident, due_us) or due_us
                pursuit.heard[heard.to] = replace(heard, due_us=due_us)

    def _end(self, pursuit: Pursuit, at_us: int) -> None:
        """Owe the end to whoever heard of an incident; for whoever did not, it never was."""
        incident = pursuit.incident
        is_early = any(course.place == 0 for course in pursuit.courses.values())
        if not pursuit.heard and is_early and not pursuit.held:
            self._maker.say(pursuit, IncidentEventKind.HELD, at_us, "", HeldReason.GROUP_WAIT)
        pursuit.courses = {}
        self._maker.drop(incident.incident_id)
        for heard in list(pursuit.heard.values()):
            route = self._routes.get(heard.route)
            due_us = at_us if route is None else self._maker.hour(route, incident, at_us) or at_us
            pursuit.heard[heard.to] = replace(heard, due_us=due_us)
        if pursuit.heard:
            self._maker.note(pursuit)
        else:
            self._maker.forget(pursuit)

    def _hand_over(self, pursuit: Pursuit, survivor_id: str) -> None:
        """Let the survivor of a merge have whoever heard of an incident: they hear the end of that one."""
        self._maker.drop(pursuit.incident.incident_id, survivor_id)
        survivor = self._state.pursuits.get(survivor_id)
        heard = self._moved.setdefault(survivor_id, {}) if survivor is None else survivor.heard
        for to, one in pursuit.heard.items():
            heard.setdefault(to, replace(one, due_us=None))
        self._maker.forget(pursuit)
        if survivor is not None:
            self._maker.note(survivor)

    # What the time brings.

    def _pursue(self, pursuit: Pursuit, at_us: int) -> None:
        for course in list(pursuit.courses.values()):
            if course.at_us is not None and course.at_us <= at_us:
                self._step(pursuit, course, at_us)
        for heard in list(pursuit.heard.values()):
            if heard.due_us is not None and heard.due_us <= at_us:
                self._owe(pursuit, heard, at_us)
        if pursuit.is_over and not pursuit.heard:
            self._maker.forget(pursuit)
        else:
            self._maker.note(pursuit)

    def _step(self, pursuit: Pursuit, course: Course, at_us: int) -> None:
        """Tell the next step of an escalation, unless a silence holds it back."""
        route = self._routes.get(course.route)
        if route is None:  # the file is another one by now
            self._reroute(pursuit, at_us)
            return
        if pursuit.incident.quiet_at_us is not None:  # all is well again, or it comes back and is due then
            pursuit.courses[course.route] = replace(course, at_us=None)
            return
        hour_us = self._maker.hour(route, pursuit.incident, at_us)
        if hour_us != at_us:
            if course.place == 0 and course.due_us == at_us:
                self._maker.say(pursuit, IncidentEventKind.HELD, at_us, "", HeldReason.OUTSIDE_HOURS)
            pursuit.courses[course.route] = replace(course, at_us=hour_us)
            return
        until_us = self._maker.silenced_until(pursuit, at_us)
        if until_us is not None:
            pursuit.courses[course.route] = replace(course, at_us=until_us)
            return
        number, step, _, why = step_at(route, course.place)
        reason = course.reason if why is None else why
        facts = facts_of(pursuit.incident, self._telling.fleet)
        named = {one.to: one for one in recipients(step, self._telling.routing, facts, at_us)}
        told, outside = [], list(course.outside)
        for one in named.values():
            if one.outside:
                if one.to not in outside:
                    self._maker.say(pursuit, IncidentEventKind.HELD, at_us, one.to, HeldReason.OUTSIDE_AREA)
                    outside.append(one.to)
                continue
            told.append(one.to)
            heard = pursuit.heard.get(one.to)
            if reason in _FIRST and heard and not _is_worse(pursuit.incident, heard):
                self._maker.say(pursuit, IncidentEventKind.HELD, at_us, one.to, HeldReason.TOLD_BEFORE)
            else:
                self._maker.tell(pursuit, one, route, number, reason, at_us)
        due_us = at_us + wait_after(route, course.place, named.values())
        pursuit.courses[route.name] = Course(
            route.name, course.place + 1, due_us, due_us, course.reason, tuple(told), tuple(outside)
        )

    def _reach(self, pursuit: Pursuit, at_us: int) -> None:
        """Tell whoever was named and not told, because it was none of their area, once it is."""
        incident, routing = pursuit.incident, self._telling.routing
        for course in [one for one in pursuit.courses.values() if one.outside]:
            route = self._routes.get(course.route)
            if route is None or incident.quiet_at_us is not None:
                continue
            facts = facts_of(incident, self._telling.fleet)
            names = tuple(to for to in course.outside if to in routing.contacts)
            named = recipients(EscalationStep(names, 0, None), routing, facts, at_us)
            reached = [one for one in named if not one.outside]
            if not reached or self._maker.hour(route, incident, at_us) != at_us:
                continue
            if self._maker.silenced_until(pursuit, at_us) is not None:
                continue
            for one in reached:
                self._maker.tell(pursuit, one, route, course.place, NoticeReason.OPENED, at_us)
            left = tuple(one.to for one in named if one.outside)
            pursuit.courses[course.route] = replace(course, outside=left)

    def _owe(self, pursuit: Pursuit, heard: Awareness, at_us: int) -> None:
        """Say to whoever heard of an incident that it is over, or worse."""
        one, route = Recipient(heard.to, heard.contact, None), self._routes.get(heard.route)
        if pursuit.is_over and not heard.told:
            del pursuit.heard[heard.to]
            return
        if pursuit.is_over:
            pursuit.heard[heard.to] = replace(heard, due_us=None)
            self._maker.tell(pursuit, one, route, heard.step, NoticeReason.RESOLVED, at_us)
            return
        until_us = self._maker.silenced_until(pursuit, at_us)
        pursuit.heard[heard.to] = replace(heard, due_us=until_us)
        if until_us is None and _is_worse(pursuit.incident, heard):
            self._maker.tell(pursuit, one, route, heard.step, NoticeReason.WORSE, at_us)

    # Small things.

    def _steps_of(self, course: Course) -> object:
        route = self._routes.get(course.route)
        return None if route is None else route.escalation.steps

    def _wake(self, pursuit: Pursuit, at_us: int) -> None:
        """Let what was held back be decided anew, what is due by now at once."""
        for course in list(pursuit.courses.values()):
            route = self._routes.get(course.route)
            if route is not None and course.due_us <= at_us:
                hour_us = self._maker.hour(route, pursuit.incident, at_us)
                pursuit.courses[course.route] = replace(course, at_us=hour_us)
        pursuit.heard = {to: replace(heard, due_us=None) for to, heard in pursuit.heard.items()}


def _is_worse(incident: Incident, heard: Awareness) -> bool:
    """Return whether an incident is no exercise any more, more urgent, or of half as many schools more."""
    is_real_now = bool(heard.exercise) and not incident.exercise
    grew = incident.most_schools > heard.schools and 2 * incident.most_schools >= 3 * heard.schools
    return is_real_now or incident.worst_priority < heard.priority or (heard.schools > 0 and grew)


def _same_taking(before: Incident, now: Incident) -> bool:
    return before.acknowledged_at_us == now.acknowledged_at_us


def _routed_by(incident: Incident) -> tuple[object, ...]:
    """Return what routes look at (`alerting.routing.facts`)."""
    return incident.cause, incident.rule, incident.worst_priority, incident.most_pupils
