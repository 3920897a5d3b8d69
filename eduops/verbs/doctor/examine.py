"""`eduops doctor`: a sentence about everything that usually goes wrong."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from alerting.routing.known import shut_accounts, unknown_names
from config.files import load_configuration, read_config
from config.fleet_csv import parse_areas
from config.ward_map import ward_map_gaps
from contract.errors import EduopsError
from eduops.connections import database_url, saved_fleet
from eduops.data_folder import DataFolder
from eduops.machine.attach import attach, is_running
from eduops.machine.calendar_end import calendar_end
from eduops.machine.network import network_findings
from eduops.settings import Settings
from eduops.verbs.doctor.broker import broker_store, devices, refusals, strays
from eduops.verbs.doctor.checked import Checked
from eduops.verbs.doctor.flow import flow
from eduops.verbs.doctor.machine import (
    browser,
    data_folder,
    descriptors,
    durable_writes,
    port,
    program,
    python_version,
)
from eduops.verbs.people.checks import provider_sentence, rights_finding
from eduops.verbs.reporting.lost import lost_findings
from eduops.verbs.reporting.rule_findings import rule_findings
from eduops.verbs.status import read_processes, read_status
from storage.database import connect
from storage.incidents import open_incidents
from storage.people.users import list_users
from storage.upkeep.jobs import job_troubles


async def examine(settings: Settings) -> list[Checked]:
    """Return what was found on this machine and in the system of these settings."""
    running = is_running(DataFolder(settings.data))
    elsewhere, embedded = settings.nats_url is not None, settings.database_url is None
    if running:
        settings = attach(settings)
    findings = [
        python_version(),
        *data_folder(settings),
        *_configuration(settings, time.time_ns() // 1000),
        *([] if elsewhere else durable_writes(settings)),
        descriptors(),
        *([program("PostgreSQL")] if embedded else []),
        *([] if elsewhere else [program("NATS")]),
    ]
    processes = read_processes(DataFolder(settings.data))
    findings.append(port(settings, running=running))
    findings.append(browser())
    findings.extend(Checked(*found) for found in network_findings(settings, embedded=not elsewhere))
    if (told := await provider_sentence(settings)) is not None:
        findings.append(Checked(*told))
    if not running and (settings.database_url is None or settings.nats_url is None):
        return [*findings, Checked(True, "nothing runs on this data folder; `eduops up` starts it")]
    for name, process in processes.items():
        state = "runs" if process["alive"] else "is dead and waits for its next start"
        findings.append(
            Checked(
                process["alive"], f"{name} {state} (process {process['pid']}, {process['restarts']} restarts)"
            )
        )
    findings.extend(refusals(settings))
    if running:
        findings.append(_watchdog(settings, alive=processes.get("watchdog", {}).get("alive", False)))
    try:
        status = await read_status(settings)
        findings.extend(await broker_store(settings))
        findings.extend(await strays(settings, time.time_ns() // 1000))
        findings.extend(await _jobs(settings))
        findings.extend(await devices(settings))
        findings.extend(Checked(*found, doubtful=True) for found in await lost_findings(settings))
        findings.append(Checked(*await rights_finding(settings)))
        findings.extend(await routes_checked(settings))
        findings.extend(await owners_checked(settings))
    except EduopsError as error:
        return [*findings, Checked(False, f"the system does not answer: {error}")]
    return [*findings, *flow(status, settings.clock_factor)]


def _configuration(settings: Settings, real_us: int) -> Iterator[Checked]:
    """Look whether the operator's files are right, and how long the school calendar lasts."""
    try:
        own = load_configuration(DataFolder(settings.data).config)
    except EduopsError as error:
        yield Checked(False, str(error))
        return
    ending = calendar_end(own.calendar, settings.clock.log_us(real_us))
    yield Checked(ending.days_left >= 0, ending.sentence)
    yield from (Checked(True, told, doubtful=True) for told in rule_findings(own.rules, own.catalogue))
    yield from _ward_map(DataFolder(settings.data).config)


def _ward_map(own: Path) -> Iterator[Checked]:
    """Name what has no place on the map of wards."""
    try:
        gaps = ward_map_gaps(own, parse_areas(read_config(own, "areas.csv")).wards)
    except EduopsError as error:
        yield Checked(False, str(error))
        return
    for gap in gaps:
        yield Checked(True, gap, doubtful=True)


def _watchdog(settings: Settings, *, alive: bool) -> Checked:
    if not alive:
        return Checked(
            True, "no watchdog runs beside this system; `eduops watch` starts one, here or elsewhere"
        )
    if settings.watchdog_url is None and settings.watchdog_command is None:
        return Checked(
            True,
            "the watchdog's alarms reach its log only; set watchdog_url or watchdog_command to hear them",
        )
    return Checked(True, "the watchdog runs and has a way to say its alarm outside")


async def _jobs(settings: Settings) -> list[Checked]:
    """Look whether TimescaleDB does its own work: where it does not, the disk fills."""
    async with await connect(database_url(settings)) as connection:
        found = await job_troubles(connection)
    if found is None:
        return []
    if found.failed:
        return [
            Checked(False, f"TimescaleDB's last run failed: {', '.join(found.failed)}; see the server's log")
        ]
    if found.workers is not None and found.workers_busy >= found.workers:
        return [
            Checked(
                False,
                f"TimescaleDB has no background worker left ({found.workers_busy} of {found.workers} work) "
                "and its jobs wait: raise timescaledb.max_background_workers and max_worker_processes",
            )
        ]
    return [Checked(True, f"TimescaleDB's {found.jobs} jobs run; none of their last runs failed")]


async def routes_checked(settings: Settings) -> list[Checked]:
    """Look whether routes.toml speaks of what there is; fleets change, so this stops nothing."""
    try:
        own = load_configuration(DataFolder(settings.data).config)
    except EduopsError:
        return []  # said already
    names = unknown_names(own.routing, await saved_fleet(settings), own.rules)
    async with await connect(database_url(settings)) as conn:
        able = {user.name.casefold() for user in await list_users(conn) if not user.disabled}
    shut = shut_accounts(own.routing, able)
    return [Checked(True, sentence, doubtful=True) for sentence in (*names, *shut)]


async def owners_checked(settings: Settings) -> list[Checked]:
    """Name whoever has open incidents and may sign in no more: nobody is asked about those."""
    async with await connect(database_url(settings)) as conn:
        gone = {user.name for user in await list_users(conn) if user.disabled}
        held = Counter(one.assignee for one in await open_incidents(conn) if one.assignee in gone)
    return [
        Checked(
            True,
            f"{name}, whose account is disabled, has {n:,} open incidents: hand them back, or assign them to "
            "somebody else, on their pages",
            doubtful=True,
        )
        for name, n in sorted(held.items())
    ]
