"""Each service from the settings: its configuration, its connections, its run."""

import asyncio
import logging
import socket
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bus.jetstream import JetStreamLog
from bus.live import Live
from config.files import Configuration, load_configuration
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.service.metrics import Meter
from device_simulator.shell import SimulatorConfig
from device_simulator.shell import run as run_simulator_shell
from device_simulator.world.faults import FaultRequest
from device_simulator.world.schedule import Cadence
from eduops.data_folder import DataFolder
from eduops.exporter import publish_metrics
from eduops.failpoint import parse_failpoint
from eduops.machine.attach import completed
from eduops.machine.refusals import RefusalFollower
from eduops.session_notes import SessionNotes
from eduops.settings import Settings, command_environment
from ingest.config import GatewayConfig, keyed_client_id
from ingest.gateway import run as run_gateway
from ingest.sessions import own_name
from ingest.slices import Slicing
from ops_dashboard.app import run as run_dashboard_app
from ops_dashboard.config import DashboardConfig
from storage.database import connect
from storage.fleet import load_fleet, next_fleet
from storage.metrics import claim_metrics
from stream_processor.worker import ProcessorConfig
from stream_processor.worker import run as run_worker
from watchdog.config import WatchdogConfig
from watchdog.shell import run_watchdog

_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connections:
    """What a service holds open while it runs."""

    log: JetStreamLog
    live: Live
    fleet: Fleet
    configuration: Configuration


Run = Callable[[Fleet, asyncio.Event], Awaitable[None]]
"""Runs a service for one fleet until told to stop."""


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
        _nats_url(settings),
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
        _nats_url(settings), user=settings.nats_user, password=settings.nats_password, name=name
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
async def open_service(settings: Settings, service: str) -> AsyncIterator[Service]:
    """Publish a service's metrics and connect it; its process name is the service's unless one is set.

    Raises:
        ConfigurationError: no server is configured, no fleet was saved, the metrics' port is taken, or
            the data folder cannot be written.
        InfrastructureError: a server is out of reach.
    """
    folder, meter, name = DataFolder(settings.data), Meter(), settings.process_name or service
    address = (settings.metrics_host, settings.metrics_port)
    with publish_metrics(folder, meter, service, name, address):
        async with open_connections(settings, name) as held:
            yield Service(held, meter, lambda: folder.mark_ready(name))


async def follow_fleet(settings: Settings, held: Connections, stop: asyncio.Event, run: Run) -> None:
    """Run a service until `stop`; with each new fleet it finishes what is at hand and goes on with that one.

    Nothing is lost on the way: what is not acknowledged stays with the broker, what is not committed stays in
    the log.
    """
    fleet = held.fleet
    while True:
        until = asyncio.Event()
        running = asyncio.ensure_future(run(fleet, until))
        changing = asyncio.create_task(next_fleet(database_url(settings), fleet.version))
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
        fleet = changing.result()
        _logger.info("event=fleet_changed version=%s schools=%d", fleet.version, len(fleet.schools))


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


def database_url(settings: Settings) -> str:
    """Return the connection string.

    Raises:
        ConfigurationError: none is configured.
    """
    if settings.database_url is None:
        raise ConfigurationError("no database: set EDUOPS_DATABASE_URL, or run `eduops up`")
    return settings.database_url


def _nats_url(settings: Settings) -> str:
    if settings.nats_url is None:
        raise ConfigurationError("no NATS server: set EDUOPS_NATS_URL, or run `eduops up`")
    return settings.nats_url


async def run_ingest(settings: Settings, stop: asyncio.Event) -> None:
    """Run ingest until `stop`."""
    index, count = settings.part
    (mqtt_host, mqtt_port), *mqtt_others = settings.mqtt_addresses
    password = settings.mqtt_password or settings.nats_password
    client_id = keyed_client_id(settings.ingest_client_id, password)
    config = GatewayConfig(
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        mqtt_others=tuple(mqtt_others),
        slicing=Slicing.MAPPED if settings.mqtt_broker == "nats" else Slicing.BY_SCHOOL,
        mqtt_user=settings.mqtt_user or settings.nats_user,
        mqtt_password=password,
        strays=settings.mqtt_broker == "other" or settings.mqtt_user not in (None, settings.nats_user),
        client_id=client_id,
        former_client_id=None if client_id == settings.ingest_client_id else settings.ingest_client_id,
        partitions=settings.partitions,
        slice_index=index,
        slice_count=count,
        clock=settings.clock,
        max_age_h=settings.max_age_h,
        max_future_s=settings.max_future_s,
        max_payload_bytes=settings.max_payload_bytes,
        batch_ms=settings.ingest_batch_ms,
        max_batch_messages=settings.ingest_batch_messages,
    )
    async with open_service(settings, "ingest") as service:
        held = service.held
        await held.log.create(all_logs(settings.partitions), settings.log_max_bytes)
        store = held.log.mqtt_store if settings.mqtt_broker == "nats" else None
        name = settings.process_name or "ingest"
        refusals = RefusalFollower(DataFolder(settings.data).logs)

        async def welcome() -> None:
            if store is not None:
                await store.cap(settings.mqtt_store_max_bytes, settings.max_age_h * 3600)
            service.mark_ready()

        async def run(fleet: Fleet, until: asyncio.Event) -> None:
            notes = SessionNotes(DataFolder(settings.data), name, own_name(config), store)
            await run_gateway(
                config,
                held.log,
                fleet,
                held.configuration.catalogue,
                until,
                meter=service.meter,
                reach=parse_failpoint(settings.failpoint),
                welcome=welcome,
                subjects=() if store is None else await store.subjects(),
                store=store,
                known=notes.is_known,
                look=notes.look,
                refused=refusals.total,
            )

        await follow_fleet(settings, held, stop, run)


async def run_processor(settings: Settings, stop: asyncio.Event) -> None:
    """Run the processor until `stop`."""
    config = ProcessorConfig(
        partitions=settings.partitions,
        dsn=database_url(settings),
        clock=settings.clock,
        snapshot_every_s=settings.snapshot_every_s,
        batch_entries=settings.processor_batch_entries,
        worker_id=f"{settings.process_name or 'processor'}@{socket.gethostname()}",
    )
    async with open_service(settings, "processor") as service:
        held, own = service.held, service.held.configuration
        await held.log.create(all_logs(settings.partitions), settings.log_max_bytes)
        service.mark_ready()

        async def run(fleet: Fleet, until: asyncio.Event) -> None:
            await run_worker(
                config,
                held.log,
                held.live,
                fleet,
                own.catalogue,
                own.calendar,
                own.rules,
                until,
                meter=service.meter,
                reach=parse_failpoint(settings.failpoint),
            )

        await follow_fleet(settings, held, stop, run)


async def run_dashboard(settings: Settings, stop: asyncio.Event) -> None:
    """Run the dashboard until `stop`."""
    config = DashboardConfig(
        dsn=database_url(settings),
        partitions=settings.partitions,
        build_id=build_id(),
        host=settings.host,
        port=settings.port,
        allow_remote=settings.allow_remote,
        allowed_hosts=tuple((settings.allowed_hosts or "").split(",")),
        clock=settings.clock,
        coverage_min=settings.coverage_min,
    )
    async with open_service(settings, "dashboard") as service:
        held, own = service.held, service.held.configuration

        async def run(fleet: Fleet, until: asyncio.Event) -> None:
            await run_dashboard_app(
                config,
                held.log,
                held.live,
                fleet,
                own.catalogue,
                own.calendar,
                own.rules,
                until,
                meter=service.meter,
                mark_ready=service.mark_ready,
            )

        await follow_fleet(settings, held, stop, run)


async def run_watch(settings: Settings, stop: asyncio.Event) -> None:
    """Run the watchdog until `stop`; it needs neither log nor database."""
    folder, meter = DataFolder(settings.data), Meter()
    folder.create()
    name = settings.process_name or "watchdog"
    with publish_metrics(folder, meter, "watchdog", name, (settings.metrics_host, settings.metrics_port)):
        config = watchdog_config(settings)
        await run_watchdog(config, stop, meter=meter, mark_ready=lambda: folder.mark_ready(name))


def watchdog_config(settings: Settings) -> WatchdogConfig:
    """Return what the watchdog is told; addresses that the settings lack are `eduops up`'s, dead or alive."""
    folder = DataFolder(settings.data)
    if not settings.mqtt_port:
        settings = completed(folder, settings)
    return WatchdogConfig(
        state=folder.path / "watchdog",
        wall_url=wall_url(settings),
        partitions=settings.partitions,
        mqtt_addresses=settings.mqtt_addresses,
        device_user=settings.device_user,
        device_password=settings.device_password,
        clock=settings.clock,
        after_s=settings.watchdog_after_s,
        every_s=settings.watchdog_every_s,
        repeat_s=settings.watchdog_repeat_s,
        url=settings.watchdog_url,
        command=settings.watchdog_command,
        command_environment=command_environment(),
    )


def wall_url(settings: Settings) -> str:
    """Return the dashboard's address as a client needs it; all interfaces include loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"


async def run_simulator(
    settings: Settings, stop: asyncio.Event, faults: tuple[FaultRequest, ...] = ()
) -> None:
    """Run the simulated city until `stop`."""
    (mqtt_host, mqtt_port), *mqtt_others = settings.mqtt_addresses
    config = SimulatorConfig(
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        mqtt_others=tuple(mqtt_others),
        mqtt_user=settings.device_user,
        mqtt_password=settings.device_password,
        seed=settings.seed,
        clock=settings.clock,
        cadence=Cadence(bandwidth_s=settings.cadence_s),
        max_connections=settings.simulator_connections,
        scatter_per_h=settings.scatter_per_h,
        faults=faults,
        labels_path=settings.data / "fault_labels.jsonl",
    )
    async with open_service(settings, "simulator") as service:
        held, own = service.held, service.held.configuration
        service.mark_ready()

        async def run(fleet: Fleet, until: asyncio.Event) -> None:
            await run_simulator_shell(
                config, fleet, own.catalogue, own.calendar, held.live, until, meter=service.meter
            )

        await follow_fleet(settings, held, stop, run)
