"""Incidents: what people work on, one cause with its alerts and an identity that stays; and their deeds."""

import hashlib
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from contract.access.area import CITY, Area
from contract.alert import ALERT_ID_BYTES, Alert

SECOND_US: Final = 1_000_000
"""Incidents are decided at whole log seconds, and time lost is counted in them, µs."""

EXERCISE_LAG_US: Final = 120 * SECOND_US
"""An alert of an exercise opens so long after it at most, µs: chosen, longer than a device takes to come back
(1.5 times a keep-alive of 60 s), for what really fails soon after must not be told as an exercise."""
EXERCISE_SINCE_US: Final = 5 * 3600 * SECOND_US
"""So long before an exercise its alert may have begun, µs: chosen, longer than a session lasts, for silence
is dated from the last reading or the beginning of the session."""


class CauseKind(StrEnum):
    """What the alerts of an incident share, the broadest first; each has texts in texts.toml."""

    SYSTEM = "system"
    """They are about the operations center itself, and about no school."""
    FLEET = "fleet"
    """Nearly all schools, of several providers: what these share is the center's own line."""
    CITY = "city"
    """The whole city, and none of the groups below more than others."""
    PLATFORM = "platform"
    """The e-learning platform, and none of the groups below: its schools are everywhere. The fleet does not
    say which platform a school uses, so one is assumed."""
    ISP = "isp"
    """One internet provider, wherever its schools are."""
    CLUSTER = "cluster"
    """One professional cluster of wards, whatever the provider."""
    ISP_CLUSTER = "isp_cluster"
    """One provider within one cluster."""
    WARD = "ward"
    """One ward, whatever the provider: power, a flood, a day off."""
    ISP_WARD = "isp_ward"
    """One provider within one ward: a street cabinet."""
    SCHOOL = "school"
    """One school by itself."""


class Cause(msgspec.Struct, frozen=True):
    """What is thought to be behind an incident; names that do not apply are empty."""

    kind: CauseKind
    isp: str = ""
    cluster_code: str = ""
    ward_code: str = ""
    school_id: int | None = None
    """Of an incident of one school by itself; else None."""


class IncidentState(StrEnum):
    """How far the work on an incident is."""

    OPEN = "open"
    """Somebody should take it: it has an alert that nobody acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    """Every open alert of it is acknowledged. If somebody has it as a whole, what joins is as well, unless it
    is more urgent than all before."""
    RESOLVED = "resolved"
    """None of its alerts has been open for a while; what comes back soon opens it again."""
    MERGED = "merged"
    """It turned out to be part of an older one, which has its alerts now; its id stays as an alias."""


class IncidentEventKind(StrEnum):
    """What may happen to an incident."""

    OPENED = "opened"
    JOINED = "joined"
    """So many alerts more."""
    LEFT = "left"
    """So many of its alerts resolved."""
    ABSORBED = "absorbed"
    """Another incident, with so many open alerts, turned out to be part of it."""
    CAUSE_CHANGED = "cause_changed"
    """It reaches further than was thought."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody took it; or the last of its open alerts that nobody had taken was taken, or left."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    MERGED = "merged"
    """It turned out to be part of another incident, or somebody said so."""
    HANDED_BACK = "handed_back"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    """Words, or a deed that changed nothing: `tried` and `not_done` say which and why."""
    DISMISSED = "dismissed"
    SPLIT = "split"
    """One of its alerts is another incident from now on."""
    NOTIFIED = "notified"
    """A contact is told; why is in `why`."""
    HELD = "held"
    """A contact, or nobody, is told for now; why is in `why`."""


class IncidentDeed(StrEnum):
    """What an engineer does with an incident; each has texts in texts.toml."""

    ACKNOWLEDGED = "acknowledged"
    """Takes it, with all of its open alerts."""
    HANDED_BACK = "handed_back"
    """Lets it go: nobody has it, and none of its open alerts is acknowledged any more."""
    ASSIGNED = "assigned"
    """Says who shall have it; whoever that is still has to take it."""
    COMMENTED = "commented"
    DISMISSED = "dismissed"
    """It is no problem, and why: each of its open alerts is dismissed."""
    RESOLVED = "resolved"
    """It is over: for an incident with no open alert, whose minute of quiet nobody wants to wait for."""
    SPLIT = "split"
    """An alert does not belong to it: that is an incident of its own from now on."""
    MERGED = "merged"
    """It is the same as another one; the older one of the two has all alerts from now on."""


class NotDone(StrEnum):
    """Why a deed changed nothing and is a comment; each has texts in texts.toml."""

    TAKEN = "taken"
    """Somebody else was first."""
    NOT_TAKEN = "not_taken"
    """Nobody has it."""
    DISMISSED_BEFORE = "dismissed_before"
    SAME_ASSIGNEE = "same_assignee"
    OVER = "over"
    """The incident is resolved."""
    MEASURED = "measured"
    """An alert of it is open, and what opened it measures on: that decides when it is over."""
    NO_MEMBER = "no_member"
    """The alert is not an open one of the incident."""
    LAST_MEMBER = "last_member"
    """The alert is the only open one."""
    NO_OTHER = "no_other"
    """The other incident does not exist, is over, or is this one."""
    OF_CENTER = "of_center"
    """One of the two is about the center itself, and the other is not."""
    BEYOND_AREA = "beyond_area"
    """It reaches beyond the area of who acts, and did not yet when they asked."""


class IncidentAction(msgspec.Struct, frozen=True):
    """What an engineer did with an incident; folded by the one writer of incidents, in log order."""

    action_id: str
    """Chosen by the sender; the same id twice is one action."""
    kind: IncidentDeed
    incident_id: str
    """May be the id of one that was merged: it leads to the survivor."""
    actor: str
    """Name of the engineer, at most 80 characters."""
    note: str
    """At most 500 characters; may be empty unless the action is a comment."""
    at_us: int
    because: str = ""
    """One of `contract.alert.Because` where the action dismisses, else empty."""
    assignee: str = ""
    """Who shall have the incident, at most 80 characters, where the action assigns; else empty."""
    other: str = ""
    """The alert that is split off, or the incident to merge with; else empty."""
    area: Area = CITY
    """What the engineer may act on: incidents may have grown by the time that the deed is folded."""


class Incident(msgspec.Struct, frozen=True):
    """An incident as it stands now."""

    incident_id: str
    """Id of its first alert, or `split_id_of` of one that was split off; it never changes and is never given
    again."""
    state: IncidentState
    cause: Cause
    rule: str
    """What it is named after: of its most urgent open alerts the most frequent rule, of equals the one that
    opened first; the last such one while none is open."""
    rules: tuple[str, ...]
    """Rules of all alerts that it ever had, each once, sorted."""
    cause_rules: tuple[str, ...]
    """Rules whose alerts showed the cause, sorted; another alert of these may join by the cause alone."""
    priority: int
    """The worst of its open alerts; the last one while none is open."""
    worst_priority: int
    """The worst it ever had."""
    alerts: int
    """Open alerts."""
    all_alerts: int
    """Alerts that it ever had."""
    unacknowledged: int
    """Open alerts that nobody has taken."""
    schools: int
    """Schools with open alerts in it; 0 for what concerns the center itself."""
    most_schools: int
    """The most it ever had at once."""
    pupils: int
    """Pupils of `schools`, each school once."""
    most_pupils: int
    lost_pupil_s: int
    """Affected pupils times seconds of log time up to `counted_at_us`."""
    counted_at_us: int
    """Log time, at a whole second."""
    began_at_us: int
    """Log time at which it came to be, at a whole second."""
    opened_at_us: int
    """Event time of the earliest opening of its alerts, µs since 1970."""
    last_opened_at_us: int
    """Event time of the latest one."""
    acknowledged_at_us: int | None = None
    """When it was last taken as a whole; None before."""
    acknowledged_by: str | None = None
    """Who took its last open alert that somebody had to."""
    quiet_at_us: int | None = None
    """Log time since which none of its alerts is open; None while one is."""
    ended_at_us: int | None = None
    """Log time at which it resolved or was merged; None while it is open."""
    merged_into: str | None = None
    """Id of the incident that has its alerts now; that one may have been merged since."""
    assignee: str | None = None
    """Who has it as a whole: who took it last, or was named; None while nobody was, and once handed back."""
    because: str = ""
    """Why it is no problem, one of `contract.alert.Because`; empty while nobody said so."""
    split_from: str | None = None
    """The incident that it was split off from. Such a one gets nothing by itself but what comes back to it,
    and is never absorbed."""
    exercise: str = ""
    """The exercise that all of its open alerts are of; the last one while none is open; else empty."""
    beyond_cause: bool = False
    """Whether somebody merged into it what its cause does not explain: it may meet any school."""
    affected_pupils: int = 0
    """Of `pupils` those at schools with an open alert of it that is as urgent as `AFFECTS_TO`."""


class SchoolSpan(NamedTuple):
    """A stretch of time in which a school had an open alert in an incident."""

    school_id: int
    from_us: int
    """µs since 1970."""
    until_us: int | None
    """None while the alert is open."""


class Exercise(msgspec.Struct, frozen=True):
    """Faults that are injected to practise: what they bring is told as an exercise and counted apart."""

    exercise_id: str
    """Chosen by the sender; the same id twice is one exercise."""
    actor: str
    """Who lets it happen, at most 80 characters."""
    note: str
    """What is practised, at most 500 characters."""
    school_ids: tuple[int, ...]
    """Whose alerts are of it, if they were noticed while it lasted."""
    from_us: int
    """When the fault begins, µs since 1970."""
    until_us: int
    """When it ends, µs since 1970."""
    at_us: int
    """When it was said, µs since 1970."""

    def has(self, alert: Alert) -> bool:
        """Return whether an alert is of it: noticed since it began, and begun before it was long over."""
        least_us, most_us = self.from_us - EXERCISE_SINCE_US, self.until_us + EXERCISE_LAG_US
        return (
            alert.school_id in self.school_ids
            and self.from_us <= alert.detected_at_us
            and least_us <= alert.opened_at_us <= most_us
        )


class IncidentTimes(msgspec.Struct, frozen=True):
    """When what happened to an incident, for figures over many; all in µs since 1970."""

    incident_id: str
    cause: Cause
    rule: str
    priority: int
    """The worst it ever had."""
    because: str
    """Why it was dismissed; empty if it was not."""
    exercise: str
    owner: str
    """Who took it last, else who was named; empty while nobody was."""
    opened_us: int
    """Event time of its first alert; of an exercise, when the fault began."""
    began_us: int
    """Log time at which it came to be."""
    told_us: int | None
    """When the first message about it was handed over; None if none was."""
    taken_us: int | None
    """When somebody first took it."""
    quiet_us: int | None
    """When its last alert resolved; None while one is open."""
    had_deed: bool
    """Whether anybody did anything with it, or said anything of it."""


class IncidentEvent(msgspec.Struct, frozen=True):
    """One line of an incident's timeline; every one is kept."""

    incident_id: str
    kind: IncidentEventKind
    at_us: int
    """Log time."""
    actor: str
    """The engineer, or `eduops` for what the fold decided."""
    alerts: int = 0
    """How many opened it, joined, left or came with what was absorbed."""
    other: str = ""
    """The incident that was absorbed, that this was merged into, that was split off, or that this was split
    off from."""
    cause: Cause | None = None
    """The new cause where it changed, and the one that it opened with unless that is a school by itself."""
    action_id: str = ""
    """Of the action behind it; empty for what the fold decided."""
    note: str = ""
    """The engineer's words."""
    because: str = ""
    """One of `contract.alert.Because` where it is about a dismissal."""
    assignee: str = ""
    """Where it is about an assignment."""
    tried: str = ""
    """One of `IncidentDeed`: a deed that changed nothing and is a comment; else empty."""
    not_done: str = ""
    """One of `NotDone`: why; else empty."""
    told: str = ""
    """The contact that it is about, of `NOTIFIED` and `HELD`; else empty."""
    why: str = ""
    """One of `contract.routing.notice.NoticeReason`, or `HeldReason`, where `told` is; else empty."""


class Membership(msgspec.Struct, frozen=True):
    """An alert of an incident."""

    incident_id: str
    alert: Alert
    joined_at_us: int
    """Log time."""
    left_at_us: int | None = None
    """Log time at which it resolved; None while it is open."""


def worst_first(member: Membership) -> tuple[bool, int, int, str]:
    """Return where an alert stands among those of its incident: open, most urgent, most pupils."""
    alert = member.alert
    return member.left_at_us is not None, alert.priority, -alert.pupils, alert.alert_id


def lost_pupil_minutes(incident: Incident, now_us: int) -> int:
    """Return the whole minutes that pupils have lost: of its schools, over the time that each was affected,
    in lessons or not.

    Args:
        incident: as it stands.
        now_us: log time.
    """
    open_s = max(0, now_us // SECOND_US - incident.counted_at_us // SECOND_US)
    return (incident.lost_pupil_s + incident.affected_pupils * open_s) // 60


def split_id_of(incident_id: str, alert_id: str, action_id: str) -> str:
    """Return the identity of what is split off: 16 hex digits that a replay finds again.

    The alert's own id may be that of an incident already: of the one that it opened.
    """
    words = f"{incident_id}/{alert_id}/{action_id}".encode()
    return hashlib.blake2b(words, digest_size=ALERT_ID_BYTES).hexdigest()
