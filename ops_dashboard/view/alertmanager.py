"""Alerts, incidents and silences in the words of Alertmanager's API v2 (pure).

What stands in the center is told as it is: an alert has the labels by which silences choose, one from outside
those with which it came; an incident is a group, whoever its routes name is a receiver. Of several alerts
with the same labels, which the center knows apart and Alertmanager does not, one is told.

Source: Alertmanager 0.25, api/v2/openapi.yaml.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from alerting.routing.facts import facts_of
from alerting.routing.tree import routes_of
from alerting.silences.labels import Labels, labels_of
from alerting.silences.matching import holds, matches
from alerting.silences.recurrence import active_until_us, state_of
from contract.alert import Alert, fingerprint
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from contract.incident import Incident
from contract.routing.route import NoticeRoute, Routing
from contract.routing.silence import Silence, SilenceMatcher

RESOLVE_TIMEOUT_US: Final = 300_000_000
"""An open alert is said to end so long after it is told, µs. Source: Alertmanager, `resolve_timeout`."""
_GROUPED_BY: Final = "incident"


class WireState(StrEnum):
    """What becomes of an alert. Source: openapi.yaml, `alertStatus`."""

    UNPROCESSED = "unprocessed"
    """It is in no incident yet: of the last second."""
    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    """A silence mutes it."""


class WireReceiver(msgspec.Struct, frozen=True):
    """A contact of routes.toml."""

    name: str


class WireAlertStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether anybody is told of an alert."""

    state: WireState
    silenced_by: list[str]
    inhibited_by: list[str] = []
    """Always empty: what one cause brings is one incident, and no alert hides another."""
    muted_by: list[str] = []


class WireAlert(msgspec.Struct, frozen=True, rename="camel"):
    """An open alert. Source: openapi.yaml, `gettableAlert`."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str
    updated_at: str
    fingerprint: str
    receivers: list[WireReceiver]
    status: WireAlertStatus
    generator_url: str = msgspec.field(name="generatorURL")


class WireGroup(msgspec.Struct, frozen=True):
    """An incident for one receiver. Source: openapi.yaml, `alertGroup`."""

    labels: dict[str, str]
    receiver: WireReceiver
    alerts: list[WireAlert]


class WireSilence(msgspec.Struct, frozen=True, rename="camel"):
    """A silence. Source: openapi.yaml, `gettableSilence`."""

    id: str
    status: dict[str, str]
    updated_at: str
    matchers: list["WireMatcher"]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str


class WireMatcher(msgspec.Struct, frozen=True, rename="camel"):
    """A condition on a label. Source: openapi.yaml, `matcher`."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool


class AlertChoice(NamedTuple):
    """Which alerts are asked for; all unless it says otherwise."""

    matchers: Sequence[SilenceMatcher] = ()
    takes_receiver: Callable[[str], bool] = lambda _name: True
    active: bool = True
    silenced: bool = True
    unprocessed: bool = True


class OpenDesk(NamedTuple):
    """What is open at a moment, as the tables have it."""

    alerts: Sequence[Alert]
    incidents: Mapping[str, Incident]
    """By id."""
    incident_of: Mapping[str, str]
    """Id of the incident by id of an alert; an alert of the last second has none."""
    silences: Sequence[Silence]
    at_us: int
    """Log time."""


class WireWorld(NamedTuple):
    """What does not change from one question to the next."""

    fleet: Fleet
    calendar: SchoolCalendar
    routing: Routing
    real_us: Callable[[int], int]
    """Real time at a log time: whoever asks knows no other."""
    say: Callable[[Alert], Mapping[str, str]]
    """Annotations of an alert."""
    link: Callable[[str], str]
    """Address of the page of an incident; without an id that of the list."""


def tell_alerts(desk: OpenDesk, world: WireWorld, choice: AlertChoice) -> list[WireAlert]:
    """Return the open alerts that are asked for, by their labels."""
    found = _chosen(desk, world, choice)
    return [told for _, told in sorted(found, key=lambda pair: pair[1].fingerprint)]


def tell_groups(desk: OpenDesk, world: WireWorld, choice: AlertChoice) -> list[WireGroup]:
    """Return the alerts that are asked for by incident and receiver, without those of no incident yet."""
    members: dict[str, list[WireAlert]] = {}
    for incident_id, told in _chosen(desk, world, choice):
        if incident_id:
            members.setdefault(incident_id, []).append(told)
    return [
        WireGroup({_GROUPED_BY: incident_id}, receiver, sorted(alerts, key=lambda one: one.fingerprint))
        for incident_id, alerts in sorted(members.items())
        for receiver in alerts[0].receivers
        if choice.takes_receiver(receiver.name)
    ]


def _chosen(desk: OpenDesk, world: WireWorld, choice: AlertChoice) -> Iterable[tuple[str, WireAlert]]:
    """Return each label set that is asked for once, with the id of its incident."""
    receivers = {i.incident_id: receivers_of(i, world) for i in desk.incidents.values()}
    in_force = [s for s in desk.silences if active_until_us(s, world.calendar, desk.at_us) is not None]
    chosen: dict[str, tuple[str, WireAlert]] = {}
    for alert in sorted(desk.alerts, key=lambda a: (a.opened_at_us, a.alert_id)):
        labels = labels_of(alert, world.fleet)
        if not all(holds(matcher, labels.get(matcher.name, ())) for matcher in choice.matchers):
            continue
        incident_id = desk.incident_of.get(alert.alert_id, "")
        to = receivers.get(incident_id, [])
        if to and not any(choice.takes_receiver(one.name) for one in to):
            continue
        silenced_by = [s.silence_id for s in in_force if matches(s, alert, world.fleet)]
        state = _state(incident_id, silenced_by)
        if state in _unwanted(choice):
            continue
        told = _told(alert, labels, to, WireAlertStatus(state, silenced_by), incident_id, desk.at_us, world)
        chosen.setdefault(told.fingerprint, (incident_id, told))
    return chosen.values()


def _state(incident_id: str, silenced_by: Collection[str]) -> WireState:
    if silenced_by:
        return WireState.SUPPRESSED
    return WireState.ACTIVE if incident_id else WireState.UNPROCESSED


def _unwanted(choice: AlertChoice) -> set[WireState]:
    wanted = {
        WireState.ACTIVE: choice.active,
        WireState.SUPPRESSED: choice.silenced,
        WireState.UNPROCESSED: choice.unprocessed,
    }
    return {state for state, is_wanted in wanted.items() if not is_wanted}


def _told(
    alert: Alert,
    labels: Labels,
    receivers: list[WireReceiver],
    status: WireAlertStatus,
    incident_id: str,
    at_us: int,
    world: WireWorld,
) -> WireAlert:
    outside = alert.outside
    ours = {name: names[0] for name, names in sorted(labels.items()) if names[0]}
    own = ours if outside is None else dict(outside.labels)
    touched_us = max(alert.detected_at_us, alert.acknowledged_at_us or 0)
    return WireAlert(
        labels=own,
        annotations=dict(world.say(alert) if outside is None else outside.annotations),
        starts_at=wire_time(world.real_us(alert.opened_at_us)),
        ends_at=wire_time(world.real_us(at_us) + RESOLVE_TIMEOUT_US),
        updated_at=wire_time(world.real_us(touched_us)),
        fingerprint=fingerprint(own),
        receivers=receivers,
        status=status,
        generator_url=(outside and outside.link) or world.link(incident_id),
    )


def receivers_of(incident: Incident, world: WireWorld) -> list[WireReceiver]:
    """Return the contacts that the routes of an incident name, in the order in which they are told."""
    routes = routes_of(facts_of(incident, world.fleet), world.routing).chosen
    return [WireReceiver(name) for name in dict.fromkeys(n for route in routes for n in contacts_of(route))]


def contacts_of(route: NoticeRoute) -> list[str]:
    """Return the contacts of all steps of a route, each once, in the order in which they are told."""
    return list(dict.fromkeys(name for step in route.escalation.steps for name in step.contacts))


def tell_silence(silence: Silence, world: WireWorld, at_us: int) -> WireSilence:
    """Return a silence as it stands at a log time; one that recurs is pending between its occurrences."""
    changed_us = silence.created_at_us if silence.ended_at_us is None else silence.ended_at_us
    return WireSilence(
        id=silence.silence_id,
        status={"state": state_of(silence, world.calendar, at_us).value},
        updated_at=wire_time(world.real_us(changed_us)),
        matchers=[WireMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in silence.matchers],
        starts_at=wire_time(world.real_us(silence.from_us)),
        ends_at=wire_time(world.real_us(silence.end_us)),
        created_by=silence.owner,
        comment=silence.reason,
    )


def has_matchers(silence: Silence, wanted: Iterable[SilenceMatcher]) -> bool:
    """Return whether a silence is about what is asked for: each name of `wanted` is one of its own, and fits.

    Source: Alertmanager, api/v2/api.go, `CheckSilenceMatchesFilterLabels`.
    """
    own = {m.name: (m.value,) for m in silence.matchers}
    return all(one.name in own and holds(one, own[one.name]) for one in wanted)


def wire_time(real_us: int) -> str:
    """Return a real time in µs since 1970 as RFC 3339 says it."""
    seconds, rest_us = divmod(real_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest_us // 1000:03}Z"
