"""What services and commands connect to: the log, live events, the database, the fleet they work on."""

import asyncio
import logging
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from psycopg import AsyncConnection

from bus.jetstream import JetStreamLog
from bus.live import Live
from config.files import Configuration, load_configuration
from contract.calendar import SchoolCalendar
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.service.metrics import Meter
from contract.special_days.special_day import SpecialDay
from eduops.data_folder import DataFolder
from eduops.exporter import MetricsDoor, publish_metrics
from eduops.settings import Settings
from storage.database import connect
from storage.fleet import load_fleet
from storage.metrics import claim_metrics
from storage.rights.roles import as_role
from storage.special_days.days import KnownCity, load_special_days, next_city

_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connections:
    """What a service holds open while it runs."""

    log: JetStreamLog
    live: Live
    fleet: Fleet
    configuration: Configuration


Run = Callable[[Fleet, SchoolCalendar, asyncio.Event], Awaitable[None]]
"""Runs a service for one fleet, and a calendar that knows what was accepted, until told to stop."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a running service process has beside its settings."""

    held: Connections
    meter: Meter
    mark_ready: Callable[[], None]


def all_logs(partitions: int) -> list[str]:
    """Return the names of all logs."""
    return [*(telemetry_log(p) for p in range(partitions)), QUARANTINE_LOG, ALERTS_LOG]


def build_id() -> str:
    """Return the version of the installed distribution.

    A tree that is not installed has the version of its pyproject.toml with `+source` behind it (a
    local version, PEP 440): what runs is that version, and what was changed since.
    """
    try:
        return version("eduops")
    except PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return f"{tomllib.loads(project.read_text(encoding='utf-8'))['project']['version']}+source"


@asynccontextmanager
async def open_log(settings: Settings, name: str) -> AsyncIterator[JetStreamLog]:
    """Connect to the log under a name that the server's monitoring shows."""
    async with JetStreamLog.connect(
        nats_url(settings),
        user=settings.nats_user,
        password=settings.nats_password,
        name=name,
        replicas=settings.log_replicas,
    ) as log:
        yield log


@asynccontextmanager
async def open_live(settings: Settings, name: str) -> AsyncIterator[Live]:
    """Connect to the live events under a name that the server's monitoring shows."""
    async with Live.connect(
        nats_url(settings), user=settings.nats_user, password=settings.nats_password, name=name
    ) as live:
        yield live


@asynccontextmanager
async def open_connections(settings: Settings, name: str) -> AsyncIterator[Connections]:
    """Connect a service to everything that services use.

    Raises:
        ConfigurationError: no server is configured, no fleet was saved, or metrics.toml gives a number away.
        InfrastructureError: a server is out of reach.
    """
    configuration = load_configuration(DataFolder(settings.data).config)
    fleet = await saved_fleet(settings)
    async with await connect(database_url(settings)) as connection:
        await claim_metrics(connection, configuration.catalogue)
    configuration.calendar.check_schools(fleet)
    async with open_log(settings, name) as log, open_live(settings, f"{name}-live") as live:
        yield Connections(log, live, fleet, configuration)


@asynccontextmanager
async def open_tables(settings: Settings) -> AsyncIterator[AsyncConnection[Any]]:
    """Lend a connection to the database for the length of the block.

    Raises:
        EduopsError: it is not configured, or out of reach.
    """
    async with await connect(database_url(settings)) as conn:
        yield conn


def metrics_door(settings: Settings) -> MetricsDoor:
    """Return where a service's `/metrics` are, and by which names they may be asked for."""
    return MetricsDoor(settings.metrics_host, settings.metrics_port, settings.own_names)


@asynccontextmanager
async def open_service(settings: Settings, service: str) -> AsyncIterator[Service]:
    """Publish a service's metrics and connect it; its process name is the service's unless one is set.

    Raises:
        ConfigurationError: no server is configured, no fleet was saved, the metrics' port is taken, or
            the data folder cannot be written.
        InfrastructureError: a server is out of reach.
    """
    folder, meter, name = DataFolder(settings.data), Meter(), settings.process_name or service
    with publish_metrics(folder, meter, service, name, metrics_door(settings)):
        async with open_connections(settings, name) as held:
            yield Service(held, meter, lambda: folder.mark_ready(name))


async def follow_city(
    settings: Settings, held: Connections, stop: asyncio.Event, run: Run, *, with_days: bool = True
) -> None:
    """Run a service until `stop`; with each new fleet it finishes what is at hand and goes on with that one.

    So it does when somebody decides about a day that the calendar file does not have, if it runs `with_days`.
    Nothing is lost on the way: what is not acknowledged stays with the broker, what is not committed stays in
    the log.
    """
    days = await saved_days(settings) if with_days else ()
    city = KnownCity(held.fleet, days)
    while True:
        until = asyncio.Event()
        calendar = held.configuration.calendar.with_days(city.days, city.fleet)
        running = asyncio.ensure_future(run(city.fleet, calendar, until))
        changing = asyncio.create_task(next_city(database_url(settings), city, with_days=with_days))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([running, changing, stopping], return_when=asyncio.FIRST_COMPLETED)
            until.set()
            await running
        finally:
            tasks = (running, changing, stopping)
            is_changed = changing.done() and not changing.cancelled()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if stop.is_set() or not is_changed:
            return
        before, city = city, changing.result()
        if city.fleet is not before.fleet:
            fleet = city.fleet
            _logger.info("event=fleet_changed version=%s schools=%d", fleet.version, len(fleet.schools))
        if city.days != before.days:
            _logger.info("event=calendar_changed days=%d", len(city.days))


async def saved_fleet(settings: Settings) -> Fleet:
    """Return the fleet of the database.

    Raises:
        ConfigurationError: none was saved.
    """
    async with await connect(database_url(settings)) as connection:
        fleet = await load_fleet(connection)
    if fleet is None:
        raise ConfigurationError(
            "the database has no fleet: run `eduops fleet import FILE`, or `eduops up` first"
        )
    return fleet


async def saved_days(settings: Settings) -> tuple[SpecialDay, ...]:
    """Return what was decided about days that the calendar file does not have."""
    async with await connect(database_url(settings)) as connection:
        return await load_special_days(connection)


async def known_calendar(settings: Settings, own: Configuration, fleet: Fleet) -> SchoolCalendar:
    """Return the calendar of the operator's file, with what was accepted since."""
    return own.calendar.with_days(await saved_days(settings), fleet)


def database_url(settings: Settings) -> str:
    """Return the connection string.

    Raises:
        ConfigurationError: none is configured.
    """
    if settings.database_url is None:
        raise ConfigurationError("no database: set EDUOPS_DATABASE_URL, or run `eduops up`")
    if settings.database_password is None:
        return settings.database_url
    return as_role(settings.database_url, password=settings.database_password)


def owner_url(settings: Settings) -> str:
    """Return the connection string of the tables' owner.

    Raises:
        ConfigurationError: no database is configured.
    """
    return settings.database_owner_url or database_url(settings)


def nats_url(settings: Settings) -> str:
    """Return the address of the log's servers.

    Raises:
        ConfigurationError: none is configured.
    """
    if settings.nats_url is None:
        raise ConfigurationError("no NATS server: set EDUOPS_NATS_URL, or run `eduops up`")
    return settings.nats_url
