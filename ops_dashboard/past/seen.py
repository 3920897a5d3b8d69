"""What whoever asks may see, now or at an earlier minute."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple, cast

from contract.access.area import CITY, Area
from contract.calendar import MINUTE_US
from contract.clock import LogClock
from ops_dashboard.access.own import asking_area, own
from ops_dashboard.api.answers import Refusal
from ops_dashboard.archive import Archive
from ops_dashboard.area_archive import AreaArchive
from ops_dashboard.live.feed import Feed, make_feed
from ops_dashboard.past.moment import read_moment
from ops_dashboard.past.past_archive import PastArchive
from ops_dashboard.past.reading import MinuteAsked, MinutesRead, layout_of
from ops_dashboard.services import Services
from ops_dashboard.view.minutes import MinuteThen, summaries_then


class PastStage(NamedTuple):
    """Boards on which earlier minutes are put, one after the other."""

    city: Feed
    own: Feed
    """The same where nothing is narrowed."""


def stage_of(services: Services, area: Area) -> PastStage:
    """Return boards of the city and of an area with nothing on them; their clock is the log's."""
    fleet = services.hub.board.groups.fleet
    config = replace(services.config, clock=LogClock())
    city, *rest = (
        make_feed(config, fleet, services.catalogue, services.calendar, services.targets, one)
        for one in ([CITY] if area.is_city else [CITY, area])
    )
    return PastStage(city, rest[0] if rest else city)


def put(stage: PastStage, minute: MinuteThen, services: Services) -> None:
    """Put a minute on the boards."""
    fleet = services.hub.board.groups.fleet
    layout = layout_of(fleet, services.catalogue, services.config.partitions)
    summaries, untold = summaries_then(minute, layout)
    for feed in {id(one): one for one in stage}.values():
        feed.replace_open(minute.desk.alerts, minute.desk.incidents, minute.silences)
        feed.replace_summaries(summaries)
    stage.city.board.past = minute.past
    stage.city.board.untold = untold


async def moment_of(services: Services, at: str) -> int | None:
    """Return the minute that an address asks for; None for now.

    Raises:
        Refusal: it is no moment, has not been yet, or nothing is kept of it.
    """
    zone = services.calendar.timezone
    at_us = read_moment(at, zone, services.now_us())
    if at_us is None:
        return None
    first_us = await services.archive.first_known_us()
    if first_us is None or at_us < first_us:
        raise Refusal(422, "moment_not_kept")
    return at_us


async def minutes_of(services: Services, at_us: int, count: int) -> MinutesRead:
    """Return minutes from one on, as many as have been."""
    last_us = min(at_us + (count - 1) * MINUTE_US, services.now_us() // MINUTE_US * MINUTE_US)
    config = services.config
    asked = MinuteAsked(
        services.hub.board.groups.fleet, services.catalogue, config.partitions, config.coverage_min
    )
    return await services.archive.minutes(asked, range(at_us, last_us + 1, MINUTE_US))


async def seen(services: Services, at: str) -> Services:
    """Return the services as they are for whoever asks, at the minute that is asked for.

    Raises:
        Refusal: see `moment_of`.
    """
    at_us = await moment_of(services, at)
    if at_us is None:
        return own(services)
    area = asking_area()
    (minute,) = (await minutes_of(services, at_us, 1)).minutes
    stage = stage_of(services, area)
    put(stage, minute, services)
    yesterday = services.calendar.local_day(at_us) - timedelta(days=1)
    fleet = services.hub.board.groups.fleet
    past = cast(
        Archive, PastArchive(services.archive, fleet, minute.desk, yesterday, services.config.clock)
    )  # what it lacks fails
    narrowing = stage.own.narrowing
    return replace(
        services,
        config=replace(services.config, clock=LogClock()),
        at_us=at_us,
        board=stage.own.board,
        fleet=fleet if narrowing is None else narrowing.fleet,
        archive=past if narrowing is None else cast(Archive, AreaArchive(past, narrowing)),
    )
