"""A scene: schools at a moment, and what has happened to them; the real folds make incidents of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from alerting.incidents.deeds import act
from alerting.incidents.fold import Moment, advance, pass_time
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from contract.alert import Alert, AlertEvent, TransitionKind, alert_id_of
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.catalogue import Catalogue
from contract.fleet import DeviceKind, Fleet
from contract.incident import (
    Incident,
    IncidentAction,
    IncidentDeed,
    IncidentEvent,
    IncidentState,
    Membership,
)
from contract.live import IncidentChanged
from contract.rejected import Rejected
from contract.routing.delivery import AttemptOutcome, NoticeAttempt, NoticeRecord
from contract.routing.notice import Notice, NoticeFate, NoticeReason, notice_id_of
from contract.routing.silence import Silence, SilenceKind, SilenceMatcher
from contract.series import series_of
from contract.special_days.special_day import DayProposal, SpecialDay
from storage.people.saved_views import SavedView
from storage.wall import RefusedSender

MINUTE_US: Final = 60_000_000
METRIC_OF: Final = {
    "wan_down": "online",
    "gateway_silent": "online",
    "latency_high": "latency_ms",
    "latency_unusual": "latency_ms",
    "loss_high": "loss_ratio",
    "traffic_unusual": "down_bps",
    "attendance_low": "attendance_ratio",
    "lms_failing": "success_ratio",
}
"""What the rules of stories look at."""
_KIND_OF: Final = {"attendance_ratio": DeviceKind.ATTENDANCE, "success_ratio": DeviceKind.ELEARNING}
_VALUES: Final[dict[str, tuple[float | None, float | None, float | None]]] = {
    "wan_down": (0.0, 0.5, None),
    "gateway_silent": (None, None, None),
    "latency_high": (412.0, None, 150.0),
    "latency_unusual": (61.0, 18.0, 34.0),
    "loss_high": (0.08, None, 0.02),
    "traffic_unusual": (1.2e6, 9e6, 24e6),
    "attendance_low": (0.71, 0.9, None),
    "lms_failing": (0.42, 0.9, None),
}
"""Value, and lower and upper end of what is expected, in the metric's unit."""


@dataclass(slots=True)
class Scene:
    """Schools at a moment, and what has happened to them; times are minutes before it."""

    fleet: Fleet
    catalogue: Catalogue
    now_us: int
    """Log time."""
    silent: set[int] = field(default_factory=set)
    """Positions of schools that say nothing."""
    subject: str = ""
    """What the story's address names: an incident, a school, a provider."""
    refused: list[Rejected] = field(default_factory=list)
    senders: list[RefusedSender] = field(default_factory=list)
    proposed: list[DayProposal] = field(default_factory=list)
    decided: list[SpecialDay] = field(default_factory=list)
    """Of the calendar, as the days before."""
    views: list[SavedView] = field(default_factory=list)
    """Choices of the list of incidents that the viewer keeps."""
    watched: str = ""
    """The alert whose incident is the subject."""
    told: list[NoticeRecord] = field(default_factory=list)
    """Who was told of that incident."""
    is_new: bool = False
    """Whether nothing is stored yet."""
    silences: list[Silence] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    history: list[AlertEvent] = field(default_factory=list)
    events: list[IncidentEvent] = field(default_factory=list)
    memberships: dict[str, Membership] = field(default_factory=dict)
    """By alert."""
    known: dict[str, Incident] = field(default_factory=dict)
    """All incidents that ever were, by id."""
    _steps: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    _state: Incidents = field(default_factory=Incidents)
    _groups: Groups = field(init=False)

    def __post_init__(self) -> None:
        self._groups = Groups(self.fleet)

    def open(self, position: int, rule: str = "wan_down", priority: int = 1, ago: float = 3.0) -> str:
        """Let an alert open at the school at a position; return its id."""
        school, metric = self.fleet.schools[position], self.catalogue.named(METRIC_OF[rule])
        kind = _KIND_OF.get(metric.name, DeviceKind.GATEWAY)
        device = next(d for d in self.fleet.devices_ever(school.id) if d.kind is kind)
        series, at_us = series_of(device.id, metric.id), self._at(ago)
        value, low, high = _VALUES[rule]
        return self._opened(
            Alert(
                alert_id_of(rule, series, at_us), rule, series, school.id, priority, at_us, at_us, value, low,
                high, None, school.pupils,
            )
        )  # fmt: skip

    def open_center(self, rule: str, priority: int, ago: float, partition: int = 0) -> str:
        """Let an alert about the center itself open; return its id."""
        series, at_us = system_series(partition), self._at(ago)
        identity = alert_id_of(rule, series, at_us)
        return self._opened(
            Alert(identity, rule, series, SYSTEM_SCHOOL_ID, priority, at_us, at_us, None, None, None, None, 0)
        )

    def _opened(self, alert: Alert) -> str:
        def step(at_us: int) -> None:
            self.alerts[alert.alert_id] = alert
            opening = AlertEvent(alert.alert_id, "opened", at_us, "eduops", "", alert.value)
            self.history.append(opening)
            self._told(advance(self._groups, self._state, [Moment(at_us, (alert,))]))

        self._add(alert.opened_at_us, step)
        return alert.alert_id

    def close(self, alert_id: str, ago: float) -> None:
        """Let an alert resolve."""

        def step(at_us: int) -> None:
            alert = replace(self.alerts[alert_id], resolved_at_us=at_us)
            self.alerts[alert_id] = alert
            self.history.append(AlertEvent(alert_id, TransitionKind.RESOLVED.value, at_us, "eduops", "", 1.0))
            self._told(advance(self._groups, self._state, [Moment(at_us, (alert,))]))

        self._add(self._at(ago), step)

    def do(
        self,
        kind: IncidentDeed,
        alert_id: str,
        actor: str,
        ago: float,
        note: str = "",
        *,
        because: str = "",
        assignee: str = "",
    ) -> None:
        """Let somebody do something with the incident that an alert is in."""

        def step(at_us: int) -> None:
            self._told(pass_time(self._groups, self._state, at_us))
            incident = self.known[self.incident_of(alert_id)]
            named = f"{kind}/{alert_id}/{at_us}", kind, incident.incident_id, actor
            deed = IncidentAction(*named, note, at_us, because=because, assignee=assignee)
            self._told(act(self._groups, self._state, deed, incident, None))

        self._add(self._at(ago), step)

    def tell(self, to: str, reason: NoticeReason, ago: float, answer: str, *, sent: bool = True) -> None:
        """Let somebody be told of the incident that is watched."""

        def step(at_us: int) -> None:
            incident_id = self.incident_of(self.watched)
            key = notice_id_of(incident_id, to, reason, at_us)
            notice = Notice(key, incident_id, to, "Tổ mạng", reason, 1, at_us, "everything", 1)
            outcome = AttemptOutcome.SENT if sent else AttemptOutcome.FAILED
            attempt = NoticeAttempt(1, at_us, "mailto", outcome, answer, "P1", "")
            fate = NoticeFate.SENT if sent else NoticeFate.WAITING
            over_us = at_us if sent else None
            self.told.append(NoticeRecord(notice, fate, at_us, at_us, None, over_us, "", (attempt,)))

        self._add(self._at(ago), step)

    def incident_of(self, alert_id: str) -> str:
        """Return the id of the incident that an alert is in."""
        return self.memberships[alert_id].incident_id

    def silence(
        self, reason: str, *matchers: SilenceMatcher, kind: SilenceKind = SilenceKind.SILENCE
    ) -> None:
        """Let nobody be told of what matches, from an hour ago until in an hour."""
        begin_us, end_us = self._at(60), self._at(-60)
        identity = f"00000000-0000-4000-8000-{len(self.silences):012d}"
        self.silences.append(
            Silence(identity, kind, matchers, begin_us, end_us, "Trần Thị Lan", reason, begin_us)
        )

    def play(self) -> "Scene":
        """Let all happen, in its order, up to the scene's moment."""
        for at_us, _, step in sorted(self._steps, key=lambda one: one[:2]):
            step(at_us)
        self._told(pass_time(self._groups, self._state, self.now_us))
        self._steps.clear()
        for alert_id, one in self.memberships.items():
            self.memberships[alert_id] = replace(one, alert=self.alerts[alert_id])
        if self.watched:
            self.subject = self.incident_of(self.watched)
        return self

    @property
    def open_alerts(self) -> list[Alert]:
        """Those that have not resolved."""
        return [alert for alert in self.alerts.values() if alert.resolved_at_us is None]

    @property
    def open_incidents(self) -> list[Incident]:
        """Those that are neither over nor merged."""
        return [incident for incident in self.known.values() if incident.ended_at_us is None]

    @property
    def over(self) -> list[Incident]:
        """Those that resolved, the last one first."""
        found = [one for one in self.known.values() if one.state is IncidentState.RESOLVED]
        return sorted(found, key=lambda one: -(one.ended_at_us or 0))

    def _at(self, ago: float) -> int:
        return self.now_us - round(ago * MINUTE_US)

    def _add(self, at_us: int, step: Callable[[int], None]) -> None:
        self._steps.append((at_us, len(self._steps), step))

    def _told(self, changes: Iterable[IncidentChanged]) -> None:
        for changed in changes:
            incident = changed.incident
            self.known[incident.incident_id] = incident
            self.events += changed.events
            if incident.merged_into is not None:
                self._follow(incident.incident_id, incident.merged_into)
            for alert_id in changed.joined:
                alert = self.alerts[alert_id]
                self.memberships[alert_id] = Membership(incident.incident_id, alert, incident.counted_at_us)
            for alert_id in changed.left:
                left = replace(self.memberships[alert_id], left_at_us=incident.counted_at_us)
                self.memberships[alert_id] = left
            for said in changed.alerts:
                self.alerts[said.alert.alert_id] = said.alert
                self.history.append(said.event)

    def _follow(self, absorbed: str, survivor: str) -> None:
        for alert_id, one in self.memberships.items():
            if one.incident_id == absorbed:
                self.memberships[alert_id] = replace(one, incident_id=survivor)


def schools_where(fleet: Fleet, **wanted: Any) -> Sequence[int]:
    """Return the positions of the schools that have these values, such as `isp="FPT"`."""
    return [
        n
        for n, school in enumerate(fleet.schools)
        if all(getattr(school, name) == value for name, value in wanted.items())
    ]
