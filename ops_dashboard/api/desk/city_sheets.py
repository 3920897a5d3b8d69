"""Reads what the sheets of a system and of the data itself are made of: both are of the whole city."""

import asyncio
from typing import Final

from contract.figures.sums import GroupKind
from contract.fleet import STREAMS_OF, DeviceKind
from contract.live import WARD_METRICS
from contract.series import METRIC_BITS, series_of
from ops_dashboard.api.desk.place_sheets import HEARD_US, office_of, terms_of
from ops_dashboard.services import Services
from ops_dashboard.view.desk.places import PlaceTerms, SchoolGroup
from ops_dashboard.view.desk.quality import QualityData, quality_sheet
from ops_dashboard.view.desk.sheet import Scribe, Sheet
from ops_dashboard.view.desk.systems import SystemData, system_sheet, systems_sheet
from ops_dashboard.view.desk.waiting import waiting_devices

MOST_REFUSED: Final = 200
"""Senders, and devices at the broker, that are told: some pages, the worst first."""
DAY_US: Final = 86_400_000_000


async def make_system_sheet(services: Services, kind: DeviceKind, now_us: int, scribe: Scribe) -> Sheet:
    """Return the sheet of a system."""
    data, terms = await _system_data(services, now_us)
    return await asyncio.to_thread(
        system_sheet, kind, services.fleet, services.catalogue, data, terms, scribe
    )


async def make_systems_sheet(services: Services, now_us: int, scribe: Scribe) -> Sheet:
    """Return the sheet of all systems."""
    data, terms = await _system_data(services, now_us)
    return await asyncio.to_thread(systems_sheet, services.fleet, services.catalogue, data, terms, scribe)


async def _system_data(services: Services, now_us: int) -> tuple[SystemData, PlaceTerms]:
    board, terms, real_us = services.board, terms_of(services, now_us), services.real_us()
    city = SchoolGroup(GroupKind.CITY, "", "", "")
    figures = await services.archive.place_figures(city, terms.spans, ())
    assert figures is not None  # of the whole city for those who see it
    ward_sums = board.sums(real_us)
    data = SystemData(
        now_us,
        board.states(real_us),
        list(board.open_alerts.values()),
        list(board.incidents.values()),
        board.metric_sums(real_us),
        {name: ward_sums.latest_us(name) for name in WARD_METRICS},
        max((summary.at_us for summary in board.summaries), default=0),
        figures,
    )
    return data, terms


async def make_quality_sheet(services: Services, now_us: int, scribe: Scribe) -> Sheet:
    """Return the sheet of the data itself."""
    board, archive, real_us = services.board, services.archive, services.real_us()
    heartbeats = [metric for metric in services.catalogue.metrics if metric.heartbeat]
    series = tuple(
        series_of(device.id, metric.id)
        for device in services.fleet.devices
        for metric in heartbeats
        if metric.stream in STREAMS_OF[device.kind]
    )
    heard = await archive.heard_lately(series, now_us - HEARD_US)
    sums = board.sums(real_us)
    data = QualityData(
        now_us,
        board.states(real_us),
        list(board.open_alerts.values()),
        await archive.refusals(now_us - DAY_US, MOST_REFUSED),
        await archive.ledger(),
        sums,
        frozenset(number >> METRIC_BITS for number in heard),
        waiting_devices(
            services.fleet, services.calendar, now_us, HEARD_US, any_came=sums.latest_us("present") > 0
        ),
        now_us - real_us,
    )
    return await asyncio.to_thread(quality_sheet, services.fleet, data, office_of(services), scribe)
