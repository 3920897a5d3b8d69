"""Each service from the settings: its configuration, its connections, its run.

A service's own code is imported where it runs: a process starts without the libraries of the others.
"""

import asyncio
import logging
import socket
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from bus.rights import BrokerUser
from config.routing import follow_routing
from contract.calendar import SchoolCalendar
from contract.devices.credential import fleet_names
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.service.metrics import Meter
from eduops.connections import build_id, database_url, follow_city, metrics_door, nats_url, open_service
from eduops.data_folder import DataFolder
from eduops.exporter import publish_metrics
from eduops.failpoint import parse_failpoint
from eduops.machine.attach import completed
from eduops.machine.network import broker_trust, tls_files
from eduops.machine.people import people_url, wall_token
from eduops.machine.refusals import RefusalFollower, refused_today
from eduops.reports import report_maker
from eduops.session_notes import SessionNotes
from eduops.settings import Settings, command_environment
from eduops.simulated_devices import simulated_secrets

if TYPE_CHECKING:
    from device_simulator.world.faults import FaultRequest
    from ingest.config import GatewayConfig
    from notifier.config import NotifierConfig
    from ops_dashboard.config import OidcConfig
    from watchdog.config import WatchdogConfig

INBOX: Final = "inbox"
"""Folder of the center's own messages, in the data folder."""
_logger: Final = logging.getLogger(__name__)


async def run_ingest(settings: Settings, stop: asyncio.Event) -> None:
    """Run ingest until `stop`."""
    from ingest.gateway import run as run_gateway
    from ingest.hooks import Hooks
    from ingest.sessions import own_name

    config = gateway_config(settings)
    async with open_service(settings, "ingest") as service:
        held = service.held
        store = held.log.mqtt_store if settings.mqtt_broker == "nats" else None
        name = settings.process_name or "ingest"
        refusals = RefusalFollower(DataFolder(settings.data).logs)

        async def welcome() -> None:
            if store is not None:
                await store.cap(settings.mqtt_store_max_bytes, settings.max_age_h * 3600)
            service.mark_ready()

        async def run(fleet: Fleet, _: SchoolCalendar, until: asyncio.Event) -> None:
            notes = SessionNotes(DataFolder(settings.data), name, own_name(config), store)
            await run_gateway(
                config,
                held.log,
                fleet,
                held.configuration.catalogue,
                until,
                meter=service.meter,
                hooks=Hooks(parse_failpoint(settings.failpoint), welcome, notes.look, refusals.total),
                subjects=() if store is None else await store.subjects(),
                store=store,
                known=notes.is_known,
            )

        await follow_city(settings, held, stop, run, with_days=False)


def gateway_config(settings: Settings) -> "GatewayConfig":
    """Return what ingest is told."""
    from ingest.config import GatewayConfig, keyed_client_id
    from ingest.slices import Slicing

    index, count = settings.part
    (mqtt_host, mqtt_port), *mqtt_others = settings.mqtt_addresses
    password = settings.mqtt_password or settings.nats_password
    client_id = keyed_client_id(settings.ingest_client_id, password)
    return GatewayConfig(
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        mqtt_others=tuple(mqtt_others),
        slicing=Slicing.MAPPED if settings.mqtt_broker == "nats" else Slicing.BY_SCHOOL,
        mqtt_user=settings.mqtt_user or settings.nats_user,
        mqtt_password=password,
        mqtt_trust=broker_trust(settings),
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


async def run_authoriser(settings: Settings, stop: asyncio.Event) -> None:
    """Run an authoriser until `stop`; it needs no other rights at the broker than its own."""
    from ingest.authoriser.shell import AuthoriserConfig
    from ingest.authoriser.shell import run as run_authoriser_shell

    folder, meter, name = DataFolder(settings.data), Meter(), settings.process_name or "authoriser"
    if settings.authoriser_password is None:
        raise ConfigurationError(
            "no authoriser_password: with another MQTT broker than NATS there is no authoriser, with NATS "
            "set EDUOPS_AUTHORISER_PASSWORD"
        )
    config = AuthoriserConfig(
        dsn=database_url(settings),
        nats_url=nats_url(settings),
        user=BrokerUser.AUTHORISER,
        password=settings.authoriser_password,
        name=name,
        share_bytes=settings.device_share_mib * 1024**2 * max(1.0, settings.clock_factor),
    )
    with publish_metrics(folder, meter, "authoriser", name, metrics_door(settings)):
        await run_authoriser_shell(config, stop, meter=meter, mark_ready=lambda: folder.mark_ready(name))


async def run_processor(settings: Settings, stop: asyncio.Event) -> None:
    """Run the processor until `stop`."""
    from stream_processor.worker import ProcessorConfig
    from stream_processor.worker import run as run_worker

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
        routing = follow_routing(DataFolder(settings.data).config)
        service.mark_ready()

        async def run(fleet: Fleet, calendar: SchoolCalendar, until: asyncio.Event) -> None:
            await run_worker(
                config,
                held.log,
                held.live,
                fleet,
                own.catalogue,
                calendar,
                own.rules,
                routing.current,
                until,
                meter=service.meter,
                reach=parse_failpoint(settings.failpoint),
            )

        await follow_city(settings, held, stop, run)


async def run_dashboard(settings: Settings, stop: asyncio.Event) -> None:
    """Run the dashboard until `stop`."""
    from ops_dashboard.app import run as run_dashboard_app
    from ops_dashboard.config import DashboardConfig

    folder = DataFolder(settings.data)
    config = DashboardConfig(
        dsn=database_url(settings),
        partitions=settings.partitions,
        build_id=build_id(),
        host=settings.host,
        port=settings.port,
        tls=tls_files(settings),
        insecure_network=settings.insecure_network,
        allowed_hosts=settings.own_names,
        inbox=folder.path / INBOX,
        own_config=folder.config,
        files_noted=folder.path / "files_on_record.json",
        public_url=settings.public_url or "",
        oidc=oidc_config(settings),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        secure_cookies=settings.tls_dir is not None or (settings.public_url or "").startswith("https://"),
        clock=settings.clock,
        alerts_body_bytes=settings.alerts_body_bytes,
        coverage_min=settings.coverage_min,
        broker_refused=lambda: refused_today(folder.logs),
    )
    async with open_service(settings, "dashboard") as service:
        held, own = service.held, service.held.configuration

        async def run(fleet: Fleet, calendar: SchoolCalendar, until: asyncio.Event) -> None:
            await run_dashboard_app(
                config,
                held.log,
                held.live,
                fleet,
                own.catalogue,
                calendar,
                own.rules,
                until,
                meter=service.meter,
                mark_ready=service.mark_ready,
            )

        await follow_city(settings, held, stop, run)


def oidc_config(settings: Settings) -> "OidcConfig | None":
    """Return what is needed of the city's own sign-in; None where there is none.

    Raises:
        ConfigurationError: something of it is missing.
    """
    from ops_dashboard.config import OidcConfig

    if settings.oidc_issuer is None:
        return None
    return OidcConfig(
        settings.oidc_issuer,
        settings.oidc_client_id or "",
        settings.oidc_client_secret or "",
        settings.oidc_ca_file,
    )


async def run_notifier(settings: Settings, stop: asyncio.Event) -> None:
    """Run the notifier until `stop`."""
    from notifier.shell import make_office
    from notifier.shell import run as run_notifier_shell

    config = notifier_config(settings)
    async with open_service(settings, "notifier") as service:
        held, own = service.held, service.held.configuration
        routing = follow_routing(config.own_config)
        service.mark_ready()

        async def run(fleet: Fleet, calendar: SchoolCalendar, until: asyncio.Event) -> None:
            await run_notifier_shell(
                config,
                held.log,
                held.live,
                routing,
                make_office(config, fleet, own.catalogue, calendar, own.rules),
                calendar,
                report_maker(fleet, replace(own, calendar=calendar), settings.coverage_min),
                until,
                meter=service.meter,
                reach=parse_failpoint(settings.failpoint),
            )

        await follow_city(settings, held, stop, run)


def notifier_config(settings: Settings) -> "NotifierConfig":
    """Return what the notifier is told."""
    from notifier.config import NotifierConfig

    folder = DataFolder(settings.data)
    return NotifierConfig(
        dsn=database_url(settings),
        public_url=people_url(settings),
        inbox=folder.path / INBOX,
        private=folder.path / "notifier",
        own_config=folder.config,
        workers=settings.notify_workers,
        loopback=settings.notify_loopback,
        clock=settings.clock,
    )


async def run_watch(settings: Settings, stop: asyncio.Event) -> None:
    """Run the watchdog until `stop`; it needs neither log nor database."""
    from watchdog.shell import run_watchdog

    folder, meter = DataFolder(settings.data), Meter()
    folder.create()
    name = settings.process_name or "watchdog"
    with publish_metrics(folder, meter, "watchdog", name, metrics_door(settings)):
        config = watchdog_config(settings)
        await run_watchdog(config, stop, meter=meter, mark_ready=lambda: folder.mark_ready(name))


def watchdog_config(settings: Settings) -> "WatchdogConfig":
    """Return what the watchdog is told; addresses that the settings lack are `eduops up`'s, dead or alive."""
    from watchdog.config import WatchdogConfig

    folder = DataFolder(settings.data)
    if not settings.mqtt_port:
        settings = completed(folder, settings)
    return WatchdogConfig(
        state=folder.path / "watchdog",
        wall_url=wall_url(settings),
        wall_token=wall_token(folder, settings),
        partitions=settings.partitions,
        mqtt_addresses=settings.mqtt_addresses,
        mqtt_trust=broker_trust(settings),
        user=BrokerUser.WATCHDOG,
        password=settings.watchdog_password,
        clock=settings.clock,
        after_s=settings.watchdog_after_s,
        every_s=settings.watchdog_every_s,
        repeat_s=settings.watchdog_repeat_s,
        url=settings.watchdog_url,
        command=settings.watchdog_command,
        command_environment=command_environment(),
    )


def wall_url(settings: Settings) -> str:
    """Return the dashboard's address as a program needs it; all interfaces include loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    scheme = "http" if settings.tls_dir is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"


async def run_simulator(
    settings: Settings, stop: asyncio.Event, faults: "tuple[FaultRequest, ...]" = ()
) -> None:
    """Run the simulated city until `stop`."""
    from device_simulator.lines import Login
    from device_simulator.shell import SimulatorConfig
    from device_simulator.shell import run as run_simulator_shell
    from device_simulator.world.school_time.schedule import Cadence

    (mqtt_host, mqtt_port), *mqtt_others = settings.mqtt_addresses
    config = SimulatorConfig(
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        mqtt_others=tuple(mqtt_others),
        mqtt_trust=broker_trust(settings),
        shared_as=Login(settings.nats_user, settings.nats_password),
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

        async def run(fleet: Fleet, calendar: SchoolCalendar, until: asyncio.Event) -> None:
            issue = partial(simulated_secrets, settings)
            issued = replace(config, secrets=await issue(fleet_names(fleet)), issue_anew=issue)
            await run_simulator_shell(
                issued, fleet, own.catalogue, calendar, held.live, until, meter=service.meter
            )

        # What the center knows changes nothing in the city.
        await follow_city(settings, held, stop, run, with_days=False)
