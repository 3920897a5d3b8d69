"""What has to be there before services start: tables, fleet, logs and, once, a simulated past."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from bus.log import Log
from config.files import load_configuration, read_config
from config.fleet_csv import parse_areas
from contract.entry import telemetry_log
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from device_simulator.world.fleet import generate_fleet
from eduops.connections import all_logs, database_url, open_log, owner_url
from eduops.data_folder import DataFolder
from eduops.machine.people import keep_wall_token
from eduops.machine.seed import SeedPlan, seed_history
from eduops.roles import prepare_tables
from eduops.settings import Settings
from storage.database import connect
from storage.fleet import load_fleet, save_fleet
from storage.metrics import claim_metrics
from storage.wall import ledger

Tell = Callable[[str], None]
"""Takes one line for the person who waits."""


PATIENCE_S: Final = 120.0
"""How long `eduops prepare` waits for servers: a database that recovers from a power cut takes a minute."""
AGAIN_S: Final = 2.0


async def run_prepare(
    settings: Settings, tell: Tell, *, demo: bool = False, patience_s: float = PATIENCE_S
) -> None:
    """Prepare configured servers for services that run alone; they may still be starting.

    Args:
        settings: As given; their servers are configured.
        tell: Takes what a person reads.
        demo: Also make a city up: a generated fleet where there is none, and the simulated history.
        patience_s: How long to wait for a server that does not answer, s.

    Raises:
        EduopsError: a server is out of reach for that long, or refuses.
    """
    folder = DataFolder(settings.data)
    folder.create()
    with folder.locked():
        make_fleet = fleet_maker(settings) if demo else None
        fleet = await _patiently(lambda: prepare_storage(settings, make_fleet, tell), tell, patience_s)
        await keep_wall_token(folder, settings)
        if demo and fleet is not None:
            await seed_once(folder, settings, fleet, tell)


async def _patiently(
    prepared: Callable[[], Awaitable[Fleet | None]], tell: Tell, patience_s: float
) -> Fleet | None:
    """Try until it succeeds or the patience is over; each other reason is told once."""
    until_s, told = time.monotonic() + patience_s, ""
    while True:
        try:
            return await prepared()
        except InfrastructureError as error:
            if time.monotonic() >= until_s:
                raise InfrastructureError(f"{error} (tried for {patience_s:g} s)") from error
            if str(error) != told:
                tell(f"{error}; it is tried again for {max(0.0, until_s - time.monotonic()):.0f} s")
            told = str(error)
        await asyncio.sleep(AGAIN_S)


def fleet_maker(settings: Settings) -> Callable[[], Fleet]:
    """Return what generates the fleet of these settings, in the operator's areas if there are any."""

    def make_fleet() -> Fleet:
        own: Path = DataFolder(settings.data).config
        areas = parse_areas(read_config(own, "areas.csv"))
        return generate_fleet(schools=settings.schools, seed=settings.seed, areas=areas)

    return make_fleet


async def prepare_storage(
    settings: Settings, make_fleet: Callable[[], Fleet] | None, tell: Tell
) -> Fleet | None:
    """Bring database and logs to this version; return their fleet.

    Where there is none it is made and saved; without `make_fleet` the answer is None.
    """
    await asyncio.to_thread(prepare_tables, settings)
    async with await connect(owner_url(settings)) as connection:
        await claim_metrics(connection, load_configuration(DataFolder(settings.data).config).catalogue)
        fleet = await load_fleet(connection)
        if fleet is None and make_fleet is not None:
            fleet = await asyncio.to_thread(make_fleet)
            await save_fleet(connection, fleet)
        elif fleet is not None and settings.schools not in (_default("schools"), len(fleet.schools)):
            tell(
                f"the fleet stays as it is, {len(fleet.schools):,} schools: {settings.schools:,} were asked "
                "for, which counts at the first start only; `eduops fleet import` changes a fleet"
            )
    if fleet is not None:
        load_configuration(DataFolder(settings.data).config).calendar.check_schools(fleet)
    async with open_log(settings, "prepare") as log:
        await log.create(all_logs(settings.partitions), settings.log_max_bytes)
    if fleet is None:
        tell("database and logs are ready; there is no fleet yet: `eduops fleet import FILE`")
    else:
        tell(f"database, logs and fleet are ready: {len(fleet.schools):,} schools")
    return fleet


async def seed_once(folder: DataFolder, settings: Settings, fleet: Fleet, tell: Tell) -> None:
    """Append the simulated history at the first start of an empty system, or never.

    The folder remembers which of both, so that nothing invented gets among what was measured; a
    seeding that was killed is finished, whatever is asked for by then.
    """
    found = folder.read("seed")
    if found.get("done"):
        if settings.seed_days not in (_default("seed_days"), found.get("days", settings.seed_days)):
            tell("history is simulated at the first start of a data folder only: seed_days changes nothing")
        return
    async with open_log(settings, "seed") as log:
        if not found and await _is_in_use(settings, log):
            tell("readings are here already: no history is simulated beside them")
            folder.write("seed", {"days": 0, "done": True})
            return
        begun = folder.read("seed", *SeedPlan._fields)
        plan = SeedPlan(*(begun[name] for name in SeedPlan._fields)) if begun else _plan(settings)
        folder.write("seed", plan._asdict())
        if plan.days:
            own = load_configuration(folder.config)
            appended = await seed_history(log, fleet, own, plan, _teller(plan, tell))
            tell(f"{appended:,} readings of simulated history were appended to the log")
    folder.write("seed", {**plan._asdict(), "done": True})


async def _is_in_use(settings: Settings, log: Log) -> bool:
    """Return whether logs or tables hold anything of an earlier start."""
    async with await connect(database_url(settings)) as connection:
        committed = any(position.seq for position in (await ledger(connection)).values())
    return committed or any([await log.last_seq(telemetry_log(p)) for p in range(settings.partitions)])


def _default(name: str) -> object:
    return Settings.model_fields[name].default


def _plan(settings: Settings) -> SeedPlan:
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    return SeedPlan(now_us, settings.seed_days, settings.seed, settings.partitions)


def _teller(plan: SeedPlan, tell: Tell) -> Callable[[float], None]:
    """Return what tells each fifth of the way, once."""
    told = -1

    def progress(share: float) -> None:
        nonlocal told
        if int(share * 5) > told:
            told = int(share * 5)
            tell(f"simulating {plan.days:g} days of history: {told * 20} %")

    return progress
