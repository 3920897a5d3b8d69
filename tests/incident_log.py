"""An alerts log, its owner in memory, and a city for outages: for laws and stories of incidents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from alerting.desk import DeskEntry, DeskState, OnRecord, Word, fold_desk, incidents_named
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents, restore
from alerting.notify.state import Notices, restore_notices
from alerting.notify.tell import Telling
from alerting.routing.swaps import swap_named
from alerting.silences.words import silences_named
from config.files import load_configuration
from contract.access.area import CITY, Area
from contract.alert import (
    Action,
    ActionKind,
    Alert,
    AlertEvent,
    Outside,
    OutsideCourse,
    OutsideReport,
    Transition,
    TransitionKind,
    alert_id_of,
)
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.incident import (
    Incident,
    IncidentAction,
    IncidentDeed,
    IncidentEvent,
    IncidentEventKind,
    Membership,
)
from contract.live import IncidentChanged
from contract.routing.notice import Notice
from contract.routing.route import Routing
from contract.routing.silence import Silence, SilenceEnded, SilenceSet
from contract.routing.swap import KEPT_US, Swap, SwapEnded, SwapSet
from contract.series import series_of

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
ISPS = ("FPT", "Viettel", "VNPT")
WARDS = 8
SCHOOLS_A_WARD = 15
"""Five of each provider."""


_DEVICES = {
    DeviceKind.GATEWAY: ("gw-1", 0),
    DeviceKind.ATTENDANCE: ("att-1", 100_000),
    DeviceKind.ELEARNING: ("el-1", 200_000),
}
"""Code, and what is added to a school's number for the device's, by kind."""
_KIND = {
    "attendance_low": DeviceKind.ATTENDANCE,
    "register_missing": DeviceKind.ATTENDANCE,
    "lms_failing": DeviceKind.ELEARNING,
    "elearning_silent": DeviceKind.ELEARNING,
}
"""What rules are about; all others are about a gateway."""


def city(schools_a_ward: int = SCHOOLS_A_WARD) -> Fleet:
    """Return two clusters of four wards with so many schools each, whose providers come in turn."""
    clusters = tuple(Cluster(f"c{c}", f"Cluster {c}") for c in range(2))
    wards = tuple(Ward(f"w{w}", f"Ward {w}", f"W{w}", f"c{w // 4}") for w in range(WARDS))
    schools = tuple(
        School(
            1 + n,
            f"s{n}",
            f"School {n}",
            Level.PRIMARY,
            f"w{n // schools_a_ward}",
            100 + n,
            ISPS[n % 3],
            1e8,
            1e8,
        )
        for n in range(WARDS * schools_a_ward)
    )
    devices = tuple(
        Device(s.id + first, s.id, code, kind) for kind, (code, first) in _DEVICES.items() for s in schools
    )
    return Fleet("79", clusters, wards, schools, devices)


FLEET = city()
GROUPS = Groups(FLEET)
PACKAGED = load_configuration(None)
PUPILS = {school.id: school.pupils for school in FLEET.schools}


def schools_of(isp: str | None = None, ward: int | None = None, fleet: Fleet = FLEET) -> list[int]:
    """Return the ids of a provider's schools, of a ward's, or of both."""
    return [
        s.id for s in fleet.schools if isp in (None, s.isp) and (ward is None or s.ward_code == f"w{ward}")
    ]


class LogEntry(NamedTuple):
    """An entry of the alerts log; one without a word is a tick."""

    at_us: int
    said: Word | None = None


def opened(school: int, at_us: int, rule: str = "wan_down", priority: int = 2) -> LogEntry:
    """Return the entry that opens an alert, about the center itself for school 0."""
    _, first = _DEVICES[_KIND.get(rule, DeviceKind.GATEWAY)]
    series = system_series(0) if school == SYSTEM_SCHOOL_ID else series_of(school + first, 1)
    said = Transition(
        alert_id_of(rule, series, at_us),
        TransitionKind.OPENED,
        rule,
        series,
        school,
        priority,
        opened_at_us=at_us,
        at_us=at_us,
        detected_at_us=at_us,
    )
    return LogEntry(at_us, said)


def resolved(opening: LogEntry, at_us: int) -> LogEntry:
    """Return the entry that resolves what another opened."""
    assert isinstance(opening.said, Transition)
    said = opening.said
    return LogEntry(
        at_us,
        Transition(
            said.alert_id,
            TransitionKind.RESOLVED,
            said.rule,
            said.series,
            said.school_id,
            said.priority,
            said.opened_at_us,
            at_us,
            at_us,
        ),
    )


def acknowledged(opening: LogEntry, at_us: int, actor: str = "Lan") -> LogEntry:
    """Return the entry in which an engineer takes an alert."""
    assert isinstance(opening.said, Transition)
    action_id = f"{opening.said.alert_id}-{actor}-{at_us}"
    return LogEntry(
        at_us, Action(action_id, ActionKind.ACKNOWLEDGED, opening.said.alert_id, actor, "", at_us)
    )


def reported(at_us: int, lasts_us: int, labels: Mapping[str, str], starts_us: int | None = None) -> LogEntry:
    """Return the entry in which somebody outside reports an alert; with `lasts_us` below 0 it is over."""
    outside = Outside(tuple(sorted(labels.items())))
    said = OutsideReport(outside, at_us if starts_us is None else starts_us, at_us + lasts_us, at_us)
    return LogEntry(at_us, said)


def did(
    kind: IncidentDeed, incident_id: str, at_us: int, actor: str = "Lan", area: Area = CITY, **more: str
) -> LogEntry:
    """Return the entry in which an engineer does something with an incident."""
    action_id = f"{kind.value}-{incident_id}-{actor}-{at_us}"
    words = {"note": "", **more}
    return LogEntry(
        at_us, IncidentAction(action_id, kind, incident_id, actor, at_us=at_us, area=area, **words)
    )


@dataclass
class Desk:
    """The owner of the alerts log and what it has in its tables."""

    routing: Routing = PACKAGED.routing
    groups: Groups = GROUPS
    state: Incidents = field(default_factory=Incidents)
    telling: Notices = field(default_factory=Notices)
    parts: dict[str, bytes] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    history: list[AlertEvent] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    members: dict[str, Membership] = field(default_factory=dict)
    timeline: list[IncidentEvent] = field(default_factory=list)
    changes: list[IncidentChanged] = field(default_factory=list)
    silences: dict[str, Silence] = field(default_factory=dict)
    swaps: dict[str, Swap] = field(default_factory=dict)
    """In the tables."""
    on_duty: dict[str, Swap] = field(default_factory=dict)
    """In memory: those of which a decision may ask."""
    outside: dict[str, OutsideCourse] = field(default_factory=dict)
    """In memory: those that are open."""
    courses: dict[str, OutsideCourse] = field(default_factory=dict)
    """In the tables."""

    def take(self, entries: Sequence[LogEntry]) -> None:
        """Fold a stretch of the log and write down what follows."""
        said = [DeskEntry(e.at_us, () if e.said is None else (e.said,)) for e in entries]
        fleet = self.groups.fleet
        telling = Telling(fleet, self.routing, PACKAGED.calendar)
        pupils = {school.id: school.pupils for school in fleet.schools}
        state = DeskState(self.state, self.telling, self.outside, self.on_duty)
        made = fold_desk(self.groups, telling, state, self._known(entries), said, pupils)
        self.alerts |= {change.alert.alert_id: change.alert for change in made.alerts}
        self.history += [change.event for change in made.alerts]
        self.silences |= {silence.silence_id: silence for silence in made.silences}
        self.swaps |= {swap.swap_id: swap for swap in made.swaps}
        self.courses |= {course.fingerprint: course for course in made.outside}
        for changed in made.incidents:
            self._write(changed)
        self.notices += made.notices
        for key, part in self.telling.saved().items():
            if part is None:
                self.parts.pop(key, None)
            else:
                self.parts[key] = part

    def _known(self, entries: Sequence[LogEntry]) -> OnRecord:
        """Return what the tables hold of all that entries name."""
        words = [entry.said for entry in entries]
        acted = {word.alert_id for word in words if isinstance(word, Action)}
        reports = {word.outside.fingerprint for word in words if isinstance(word, OutsideReport)}
        named = {i for word in words if isinstance(word, IncidentAction) for i in incidents_named(word)}
        swapped = {swap_named(word) for word in words if isinstance(word, SwapSet | SwapEnded)}
        return OnRecord(
            self.alerts,
            [event for event in self.history if event.alert_id in acted],
            {i: self.survivor(i) for i in named if i in self.incidents},
            {event.action_id for event in self.timeline},
            {i: self.silences[i] for word in words for i in _silences(word) if i in self.silences},
            {key: self.courses[key] for key in reports & self.courses.keys()},
            {key: self.swaps[key] for key in swapped & self.swaps.keys()},
        )

    def survivor(self, incident_id: str) -> Incident:
        """Return the incident that an id leads to."""
        incident = self.incidents[incident_id]
        return incident if incident.merged_into is None else self.survivor(incident.merged_into)

    def tick(self, at_us: int) -> None:
        """Fold a tick."""
        self.take([LogEntry(at_us)])

    def restored(self) -> Incidents:
        """Return the state that an owner after a restart finds in the tables."""
        members = [
            Membership(m.incident_id, self.alerts[i], m.joined_at_us, m.left_at_us)
            for i, m in self.members.items()
        ]
        alone = [
            alert
            for i, alert in self.alerts.items()
            if i not in self.members and alert.resolved_at_us is None
        ]
        silences = [s for s in self.silences.values() if s.end_us > self.state.now_us]
        exercises = self.state.exercises.values()
        return restore(self.state.now_us, self.incidents.values(), members, alone, silences, exercises)

    @property
    def due_us(self) -> int | None:
        """Log time that something waits for."""
        return DeskState(self.state, self.telling, self.outside, self.on_duty).due_us

    def restart(self) -> None:
        """Go on as an owner after a restart does."""
        self.state = self.restored()
        self.outside = {key: course for key, course in self.courses.items() if course.is_open}
        since_us = self.state.now_us - KEPT_US
        self.on_duty = {key: swap for key, swap in self.swaps.items() if swap.end_us > since_us}
        kept = [kept.incident for kept in self.state.kept.values()]
        self.telling = restore_notices(self.parts, kept)

    def open(self) -> list[Incident]:
        """Return the open incidents, by their beginning."""
        return [incident for incident in self.incidents.values() if incident.ended_at_us is None]

    def work_on(self, incident_id: str) -> list[IncidentEvent]:
        """Return what happened to an incident; who was told is not among that."""
        notices = (IncidentEventKind.NOTIFIED, IncidentEventKind.HELD)
        return [e for e in self.timeline if e.incident_id == incident_id and e.kind not in notices]

    def kinds(self, incident_id: str) -> list[IncidentEventKind]:
        """Return the kinds of `work_on`."""
        return [event.kind for event in self.work_on(incident_id)]

    def members_of(self, incident_id: str) -> list[Membership]:
        """Return the open alerts of an incident."""
        found = [m for m in self.members.values() if m.incident_id == incident_id]
        return [membership for membership in found if membership.left_at_us is None]

    def _write(self, changed: IncidentChanged) -> None:
        incident, at_us = changed.incident, changed.incident.counted_at_us
        self.changes.append(changed)
        self.timeline += changed.events
        self.incidents[incident.incident_id] = incident
        for alert_id in changed.joined:
            assert alert_id not in self.members or incident.split_from is not None
            self.members[alert_id] = Membership(incident.incident_id, self.alerts[alert_id], at_us)
        if incident.merged_into is not None:
            for alert_id, m in self.members.items():
                if m.incident_id == incident.incident_id:
                    self.members[alert_id] = Membership(
                        incident.merged_into, m.alert, m.joined_at_us, m.left_at_us
                    )
        for alert_id in changed.left:
            m = self.members[alert_id]
            self.members[alert_id] = Membership(
                m.incident_id, m.alert, m.joined_at_us, incident.counted_at_us
            )


def _silences(word: object) -> set[str]:
    return silences_named(word) if isinstance(word, SilenceSet | SilenceEnded) else set()


def folded(stretches: Iterable[Sequence[LogEntry]], routing: Routing = PACKAGED.routing) -> Desk:
    """Return the desk after a log that was read in these stretches."""
    desk = Desk(routing)
    for stretch in stretches:
        desk.take(stretch)
    return desk
