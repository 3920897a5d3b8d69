"""Reads what the sheet of a provider, a cluster or a ward is made of."""

import asyncio
from typing import Final

from alerting.messages.story import Office
from contract.catalogue import Published
from contract.figures.spans import SpanKind, span_pair
from contract.fleet import STREAMS_OF, Fleet
from contract.incident import CauseKind
from contract.series import series_of
from ops_dashboard.services import Services
from ops_dashboard.view.desk.places import (
    LINE_METRICS,
    NewestReading,
    PlaceData,
    PlaceTerms,
    SchoolGroup,
    place_sheet,
)
from ops_dashboard.view.desk.sheet import Scribe, Sheet
from ops_dashboard.view.lines import incidents_within

HEARD_US: Final = 48 * 3_600_000_000
"""How far back the youngest reading is looked for: raw readings are kept a little longer."""


def terms_of(services: Services, now_us: int) -> PlaceTerms:
    """Return what figures are measured by, and the day, the week and the term so far."""
    today = services.calendar.local_day(now_us)
    spans = {kind: span_pair(services.calendar, kind, today).now for kind in SpanKind}
    return PlaceTerms(office_of(services), services.plan, services.config.coverage_min, spans)


def office_of(services: Services) -> Office:
    """Return what words of incidents need."""
    rules = {rule.name: rule for rule in services.rules}
    zone = services.calendar.timezone
    return Office(services.board.groups, services.catalogue, rules, services.texts, zone, "")


async def make_place_sheet(services: Services, place: SchoolGroup, now_us: int, scribe: Scribe) -> Sheet:
    """Return the sheet of a place as whoever asks may see it."""
    fleet, board, terms = services.fleet, services.board, terms_of(services, now_us)
    own = frozenset(school.id for school in fleet.schools if place.has(school, fleet))
    newest = await _newest(services, own, now_us)
    figures = await services.archive.place_figures(place, terms.spans, _all_of(services, place))
    alerts = [alert for alert in board.open_alerts.values() if alert.school_id in own]
    incidents = incidents_within(board.incidents.values(), alerts, own, fleet)
    data = PlaceData(
        now_us,
        board.states(services.real_us()),
        alerts,
        [one for one in incidents if one.cause.kind is not CauseKind.SYSTEM],
        newest,
        figures,
    )
    return await asyncio.to_thread(place_sheet, place, fleet, data, terms, scribe)


def _all_of(services: Services, place: SchoolGroup) -> list[int]:
    """Return the ids of all schools of a place in the whole city."""
    whole: Fleet = services.hub.board.groups.fleet
    return [school.id for school in whole.schools if place.has(school, whole)]


async def _newest(
    services: Services, schools: frozenset[int], now_us: int
) -> dict[tuple[int, str], NewestReading]:
    """Return the youngest readings of the lines of schools, by school and metric."""
    metrics = [services.catalogue.named(name) for name in LINE_METRICS]
    open_ones = [metric for metric in metrics if metric.published is Published.OPEN]
    of = {
        series_of(device.id, metric.id): (device.school_id, metric.name)
        for device in services.fleet.devices
        if device.school_id in schools
        for metric in open_ones
        if metric.stream in STREAMS_OF[device.kind]
    }
    found = await services.archive.newest(list(of), now_us - HEARD_US)
    return {of[number]: NewestReading(*told) for number, told in found.items()}
