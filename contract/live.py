"""Live events: what the fold and the alert writer tell the dashboard between two commits."""

from typing import Final

import msgspec

from contract.alert import Alert, AlertEvent
from contract.incident import Incident, IncidentEvent

SUMMARY_SUBJECT: Final = "live.summary"
"""NATS core subject of `Summary`; `.{partition}` follows."""
ALERT_SUBJECT: Final = "live.alert"
"""NATS core subject of several `AlertChanged` at once, in order, at most `MOST_AT_ONCE`."""
INCIDENT_SUBJECT: Final = "live.incident"
"""The same of `IncidentChanged`, without the ids of its alerts: they may be thousands."""
MOST_AT_ONCE: Final = 200
"""Changes in one message: chosen, some 100 kB of alerts, a tenth of what NATS takes."""
NOTICE_SUBJECT: Final = "live.notice"
"""NATS core subject of `NoticeTried`."""
SILENCE_SUBJECT: Final = "live.silence"
"""NATS core subject of `contract.routing.silence.Silence`, as it stands after a change."""
SWAP_SUBJECT: Final = "live.swap"
"""NATS core subject of `contract.routing.swap.Swap`, as it stands after a change."""


class Hidden(msgspec.Struct, frozen=True):
    """Pupils whose number single schools' published figures leave open, summed over those schools."""

    people: int = 0
    """How many they are."""
    least: int = 0
    """The fewest that they could be by what is published."""
    most: int = 0
    """The most that they could be."""
    widest: int = 0
    """The most that is left open of any one of these schools: its own `most` less its `least`."""


class Kpi(msgspec.Struct, frozen=True):
    """One metric over the schools of a partition."""

    expected: int
    """Series that should report now, by calendar and cadence."""
    reporting: int
    """Series among them with a fresh value."""
    total: float
    """Sum of the fresh values, in the metric's unit."""
    hidden: Hidden = Hidden()
    """What of `total` single schools may not show; nothing for metrics that are open."""


class WardSums(msgspec.Struct, frozen=True):
    """One metric by ward: lists in the fleet's order of wards, all of the same length."""

    expected: list[int]
    """As in `Kpi`."""
    reporting: list[int]
    total: list[float]
    latest_us: list[int]
    """Event time of the youngest fresh value, µs since 1970, no later than the tick; 0 without any."""
    people: list[int] = []
    """As in `Hidden`; these four are empty for metrics that are open."""
    least: list[int] = []
    most: list[int] = []
    widest: list[int] = []


class Canary(msgspec.Struct, frozen=True):
    """A reading of a canary at the end of its way."""

    time_us: int
    """When it was published, log time."""
    value: float


class Summary(msgspec.Struct, frozen=True):
    """A whole partition at one tick; each replaces the one before, so none needs the other."""

    partition: int
    at_us: int
    """Log time of the tick."""
    seq: int
    """Committed position of the partition's log."""
    states: str
    """One character for each school of the partition in fleet order: see `STATE_*`."""
    kpis: dict[str, Kpi]
    """By metric name."""
    canary: Canary | None = None
    """The newest reading of the partition's canary that is committed; None before the first."""
    wards: dict[str, WardSums] = {}
    """By the names of `WARD_METRICS` that the partition has."""


class AlertChanged(msgspec.Struct, frozen=True):
    """An alert after a change, and the event that changed it."""

    alert: Alert
    event: AlertEvent


class IncidentChanged(msgspec.Struct, frozen=True):
    """An incident after a change, and all that the change was."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    """In their order; none where only figures changed."""
    joined: tuple[str, ...] = ()
    """Ids of alerts that are new in it, split off from another one or not; without those that came with an
    absorbed incident."""
    left: tuple[str, ...] = ()
    """Ids of alerts that resolved."""
    alerts: tuple[AlertChanged, ...] = ()
    """Alerts that were taken, dismissed or handed back with it."""


class NoticeTried(msgspec.Struct, frozen=True, tag_field="kind", tag="notice"):
    """Something became of a notice: it was sent, or an attempt was not taken, or it was given up."""

    notice_id: str
    incident_id: str
    """Empty for a message that only tries a channel out."""
    fate: str
    """One of `contract.routing.notice.NoticeFate`."""


WARD_METRICS: Final = ("online", "present", "enrolled", "active_users", "down_bps", "up_bps")
"""Metrics of the wall's figures: these alone are summed by ward as well."""
STATE_NORMAL: Final = "n"
STATE_UNKNOWN: Final = "u"
"""Nothing fresh from the school: never shown as well."""
STATE_ALERTED: Final = "123"
"""By the priority of the school's most urgent open alert, 1 first."""
STATE_CHRONIC: Final = "c"
"""Its line is chronic, and no other alert of the school is open."""
STATE_MAINTENANCE: Final = "m"
"""Somebody works on it, as was announced; only the dashboard says so, for it knows the silences."""
