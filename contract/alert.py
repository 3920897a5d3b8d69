"""Rules, transitions, operator actions and alerts."""

import hashlib
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from contract.series import METRIC_BITS

ALERT_ID_BYTES: Final = 8
EXTERNAL: Final = "external"
"""What the rules of alerts from outside begin with; each is `external/NAME` by its label `alertname`."""

FOLD_ACTOR: Final = "eduops"
"""Actor of what the fold decided; nobody who acts is called so."""
CHRONIC: Final = "chronic_"
"""What the names of chronic rules, and of no others, begin with."""


class Beginning(StrEnum):
    """What an alert says of its opening, if anything; keys of the catalogue of texts."""

    FLAPPING = "flapping"
    """It opened again and again within a short time; it stays open until its series is steady."""
    WORSE = "worse"
    """Its device is chronic, and has been bad for longer than is usual for it."""


class Ending(StrEnum):
    """Why an alert resolved, if not because all is as before; keys of the catalogue of texts."""

    NEW_LEVEL = "new_level"
    """What deviated for so long is the usual level from now on."""
    CORRECTED = "corrected"
    """The reading that spoke for it was sent again with another value."""
    STEADY = "steady"
    """It flapped or was chronic, and has been well for long enough."""
    CONTRADICTED = "contradicted"
    """What arrived later proves that it is not so."""
    RECESS = "recess"
    """A recess began, in which nothing comes that could end it."""
    SCHOOL_CLOSED = "school_closed"
    SCHOOL_MERGED = "school_merged"
    DEVICE_RETIRED = "device_retired"
    RULE_GONE = "rule_gone"
    RULES_CHANGED = "rules_changed"
    """Under the rules in force it would not have opened, or would have ended."""
    NOT_RESENT = "not_resent"
    """Whoever reported it from outside said nothing more of it."""


class Priority(IntEnum):
    """ISA-18.2 priorities: 1 act now, 2 act soon, 3 look when free; about 5/15/80 % of alarms."""

    P1 = 1
    P2 = 2
    P3 = 3


AFFECTS_TO: Final = Priority.P2
"""The least urgent priority that says that something is down or degraded for pupils. What waits until
somebody is free (a clock that is wrong, a register that is late) takes no lesson from anybody."""


class Channel(IntEnum):
    """How a rule looks at a series; a metric has at most one rule a channel."""

    THRESHOLD = 0
    """The value crosses a line, with hysteresis."""
    ANOMALY = 1
    """The value is unlike its own past."""
    SILENCE = 2
    """No value comes."""
    STUCK = 3
    """The same value comes again and again although the series usually changes."""
    RATE = 4
    """The value moves too fast or too slowly; what is judged is its change a second."""
    JOINT = 5
    """Series of one school that usually agree do not; looked at by ticks, once in ten minutes."""
    CLOCK = 6
    """A device's clock is wrong; looked at by ticks, twice a minute."""
    CHRONIC = 7
    """A device has been bad again and again for days; looked at by ticks."""


CHANNELS: Final = len(Channel)


class TransitionKind(StrEnum):
    """What the fold says of an alert."""

    OPENED = "opened"
    RESOLVED = "resolved"


class ActionKind(StrEnum):
    """What an operator says of an alert."""

    ACKNOWLEDGED = "acknowledged"
    NOTED = "noted"
    DISMISSED = "dismissed"
    """It is no problem, and why; counts as acknowledged where nobody did before, and resolves nothing."""
    HANDED_BACK = "handed_back"
    """Who has it lets it go: nobody has acknowledged it any more."""


class Because(StrEnum):
    """Why an alert is no problem; each has texts in texts.toml."""

    PLANNED_WORK = "planned_work"
    SCHOOL_EVENT = "school_event"
    """An excursion, an exam, a day off: the school does other things than usual."""
    KNOWN_FAULT = "known_fault"
    """Somebody is at work on it elsewhere already."""
    SENSOR_FAULT = "sensor_fault"
    """What was measured is wrong, not what was meant to be measured."""
    TOO_SENSITIVE = "too_sensitive"
    """The rule speaks too early for this series."""
    OTHER = "other"


def is_chronic(rule: str) -> bool:
    """Return whether the rule of that name is a chronic one."""
    return rule.startswith(CHRONIC)


class Transition(msgspec.Struct, frozen=True):
    """An alert opened or resolved, as decided by the fold."""

    alert_id: str
    kind: TransitionKind
    rule: str
    """Name of the rule in rules.toml."""
    series: int
    school_id: int
    priority: int
    opened_at_us: int
    """Event time of the opening: of the first reading out of bounds, or of the last one before silence."""
    at_us: int
    """Event time of this transition."""
    detected_at_us: int
    """Log time at which the fold saw it."""
    value: float | None = None
    """The value that decided; None for silence. Of a rate rule: the rate, in the metric's unit a second. Of a
    clock rule: how far the clock is ahead, s; below 0 where it is behind."""
    expected_low: float | None = None
    """Lower end of the expected range in the unit of `value`; None where it has none."""
    expected_high: float | None = None
    score: float | None = None
    """Anomaly score in [0, 1]; None where the rule does not score."""
    reason: str = ""
    """One of `Beginning` where it opened in an unusual way, of `Ending` where it resolved for another reason
    than that all is as before, else empty."""


class Action(msgspec.Struct, frozen=True):
    """What an operator did; folded by the one writer of alerts, so two engineers cannot race."""

    action_id: str
    """Chosen by the sender; the same id twice is one action."""
    kind: ActionKind
    alert_id: str
    actor: str
    """Name of the engineer, at most 80 characters."""
    note: str
    """At most 500 characters; may be empty unless the action is a note."""
    at_us: int
    because: str = ""
    """One of `Because` where the action dismisses, else empty."""


class Outside(msgspec.Struct, frozen=True):
    """What somebody outside says of an alert, as it was written."""

    labels: tuple[tuple[str, str], ...]
    """Names and values, by name, at least one: what makes it this alert and no other."""
    annotations: tuple[tuple[str, str], ...] = ()
    """Names and texts, by name, as they were when it opened."""
    link: str = ""
    """Where its sender shows it; may be empty."""

    @property
    def fingerprint(self) -> str:
        """The identity of the labels."""
        return fingerprint(dict(self.labels))

    def says(self, name: str) -> str:
        """Return an annotation; empty where there is none."""
        return dict(self.annotations).get(name, "")


class OutsideReport(msgspec.Struct, frozen=True):
    """That an alert outside goes on, or is over; an entry of the alerts log. All times are log times."""

    outside: Outside
    starts_us: int
    ends_us: int
    """When it is over unless it is reported again; at `at_us` or before, it is over already."""
    at_us: int
    """When it was reported: of two reports about the same labels the later one is the newer word."""


class OutsideCourse(msgspec.Struct, frozen=True):
    """How far the reports about some labels are."""

    fingerprint: str
    alert_id: str
    """The last alert with these labels."""
    ends_us: int
    """When it is over unless it is reported again; if it is over, when that was. Log time."""
    heard_us: int
    """`at_us` of the last report that counted."""
    is_open: bool


class Alert(msgspec.Struct, frozen=True):
    """An alert as it stands now."""

    alert_id: str
    rule: str
    series: int
    school_id: int
    priority: int
    opened_at_us: int
    detected_at_us: int
    value: float | None
    expected_low: float | None
    expected_high: float | None
    score: float | None
    pupils: int
    """Pupils of the school: how many are affected; 0 of a chronic device, whose other alerts tell it."""
    acknowledged_at_us: int | None = None
    acknowledged_by: str | None = None
    note: str = ""
    """The last note."""
    resolved_at_us: int | None = None
    outside: Outside | None = None
    """Of an alert that somebody outside reports; None for our own."""


def chronic_devices(alerts: Iterable[Alert]) -> int:
    """Return how many devices some alerts say are chronic: one may be so in more than one way."""
    return len({alert.series >> METRIC_BITS for alert in alerts if is_chronic(alert.rule)})


class AlertEvent(msgspec.Struct, frozen=True):
    """One line of an alert's history; every one is kept."""

    alert_id: str
    kind: str
    """One of `TransitionKind` or `ActionKind`."""
    at_us: int
    actor: str
    """The engineer, or `eduops` for what the fold decided."""
    note: str
    """An engineer's words; from `eduops` the `reason` of a transition, which pages put into words."""
    value: float | None = None
    because: str = ""
    """One of `Because` where the event dismisses, else empty."""


class Dismissal(msgspec.Struct, frozen=True):
    """What an engineer said of an earlier alert that was no problem."""

    at_us: int
    """When it was said, log time."""
    actor: str
    because: str
    """One of `Because`."""
    note: str


def alert_id_of(rule: str, series: int, opened_at_us: int) -> str:
    """Return the identity of an alert: 16 hex digits that a replay finds again."""
    words = f"{rule}/{series}/{opened_at_us}".encode()
    return hashlib.blake2b(words, digest_size=ALERT_ID_BYTES).hexdigest()


def outside_alert_id(labels: str, opened_at_us: int) -> str:
    """Return the identity of an alert from outside, by its labels' fingerprint; a replay finds it again."""
    words = f"{EXTERNAL}/{labels}/{opened_at_us}".encode()
    return hashlib.blake2b(words, digest_size=ALERT_ID_BYTES).hexdigest()


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that are the same for the same labels, and for no others.

    Alertmanager's are FNV-1a of the same pairs; nobody compares the two.
    """
    digest = hashlib.blake2b(digest_size=ALERT_ID_BYTES)
    for name, value in sorted(labels.items()):
        digest.update(f"{name}\xff{value}\xff".encode())
    return digest.hexdigest()
