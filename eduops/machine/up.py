"""`eduops up`: the whole system on one machine, first start and every later one."""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass

from config.files import load_configuration
from contract.clock import parse_at
from contract.errors import ConfigurationError
from eduops.data_folder import DataFolder
from eduops.machine.attach import leave_addresses
from eduops.machine.calendar_end import SOON_DAYS, calendar_end
from eduops.machine.first_start import fix_first_start
from eduops.machine.full_disk import mend_full_log
from eduops.machine.network import check_network
from eduops.machine.output import ProcessOutput
from eduops.machine.people import make_entrance
from eduops.machine.ports import free_ports
from eduops.machine.prepare import Tell, fleet_maker
from eduops.machine.rolling import serve_restarts
from eduops.machine.supervisor import end_leftovers, unless_stopped
from eduops.machine.system import System, claim, instances, usable
from eduops.machine.welcome import opening, welcome
from eduops.settings import Settings


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line adds to the settings."""

    at: str | None = None
    """What the log's clock shows now, ISO 8601; local time of the school calendar without an offset."""
    speed: float | None = None
    simulator: bool = True
    watchdog: bool = True
    quiet: bool = False


async def run_up(settings: Settings, options: UpOptions, stop: asyncio.Event, tell: Tell) -> None:
    """Start everything and keep it running until the stop event; then stop all.

    Raises:
        EduopsError: something cannot be started.
    """
    check_network(settings)
    settings = settings.from_anywhere()
    folder = DataFolder(settings.data)
    folder.create()
    with folder.locked(), ExitStack() as claims:
        tell(opening())
        for name in await asyncio.to_thread(end_leftovers, folder):
            tell(f"ended {name}, left over from a killed eduops")
        own = load_configuration(folder.config)
        at = parse_at(options.at, own.calendar.timezone.key)
        settings = fix_first_start(folder, settings, time.time_ns() // 1000, at, options.speed)
        ending = calendar_end(own.calendar, settings.clock.log_us(time.time_ns() // 1000))
        if ending.days_left <= SOON_DAYS:
            tell(ending.sentence)
        settings = settings.but(port=wall_port(settings, tell, claims))
        instances(settings, "ingest")  # a number that does not fit is told before anything starts
        for left in ("metrics", "restart", "restarted"):
            folder.forget(left)
        output = ProcessOutput(folder.logs, quiet=options.quiet)
        system = System(folder, settings, tell, output)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(system.supervisor.watch(stop))
                following = group.create_task(system.follow_certificate())
                await unless_stopped(_bring_up(system, options), stop)
                group.create_task(serve_restarts(folder, system.supervisor, stop))
                if "nats" in system.supervisor.names:
                    store = folder.path / "nats"
                    group.create_task(mend_full_log(store, system.supervisor, output, tell, stop))
                if not stop.is_set():
                    tell(welcome(await make_entrance(system.settings), folder))
                await stop.wait()
                following.cancel()
        finally:
            await system.supervisor.stop()
    tell("stopped")


def wall_port(settings: Settings, tell: Tell, claims: ExitStack) -> int:
    """Return the port of the wall: the one asked for, or a free one where only the default is taken.

    `claims` keeps the port from a second start until the wall listens on it.

    Raises:
        ConfigurationError: somebody listens on the port that was asked for.
    """
    if settings.port == 0:
        return free_ports(1)[0]
    claimed = claim(settings.port)
    if claimed is not None:
        claims.enter_context(claimed)
        if usable(settings.port) == settings.port:
            return settings.port
    if settings.port != Settings.model_fields["port"].default:
        raise ConfigurationError(
            f"port {settings.port} is taken: choose another with --port, or leave it out for a free one"
        )
    other = free_ports(1)[0]
    tell(f"port {settings.port} is taken; the wall gets port {other}")
    return other


async def _bring_up(system: System, options: UpOptions) -> None:
    settings = system.settings
    await system.start_servers()
    leave_addresses(system.folder, system.settings)

    fleet = await system.prepare(fleet_maker(settings))
    await system.start_services("processor")
    await system.seed(fleet)
    doors = ["authoriser"] * (system.settings.authoriser_password is not None)
    await system.start_services(*doors, "ingest", "dashboard", "notifier")
    # Those that publish come when they can be heard.
    await system.start_services(*["simulator"] * options.simulator, *["watchdog"] * options.watchdog)
