"""`eduops doctor`: a sentence about everything that usually goes wrong."""

import os
import platform
import resource
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from alerting.routing.known import shut_accounts, unknown_names
from bus.mqtt_store import MESSAGES, RELEASES, RETAINED, SESSIONS, UNRELEASED, StreamUse
from config.files import load_configuration, read_config
from config.fleet_csv import parse_areas
from config.ward_map import ward_map_gaps
from contract.errors import EduopsError
from contract.rejected import Reason
from eduops.connections import database_url, open_log, saved_fleet
from eduops.data_folder import DataFolder
from eduops.machine.attach import attach, is_running
from eduops.machine.calendar_end import calendar_end
from eduops.machine.network import network_findings
from eduops.machine.refusals import read_refusals
from eduops.machine.servers import sync_choice
from eduops.machine.servers.embedded_nats import find_nats
from eduops.machine.servers.postgres_binaries import find_binaries
from eduops.machine.system import accepts
from eduops.settings import Settings
from eduops.verbs.devices.tables import told_troubles, troubled
from eduops.verbs.people.checks import provider_sentence, rights_finding
from eduops.verbs.reporting.lost import lost_findings
from eduops.verbs.reporting.rule_findings import rule_findings
from eduops.verbs.status import BrokerStatus, Status, describe_broker, read_processes, read_status
from storage.database import connect
from storage.people.users import list_users
from storage.upkeep.jobs import job_troubles
from storage.wall import quarantine_page

LEAST_PYTHON: Final = (3, 11)
LEAST_DISK_GIB: Final = 5.0
"""The logs' caps and two days of a city's readings fit into this."""
LEAST_DESCRIPTORS: Final = 12_288
"""One connection a device of the city, and some for the servers."""
MOST_LAG_S: Final = 10.0
"""A healthy fold is a second or two behind; ten mean that it cannot keep up."""
MOST_REFUSED: Final = 5
"""Refused clients, and topics that fit nothing, of which doctor tells: those refused most often."""
DAY_US: Final = 86_400_000_000
STRAYS_READ: Final = 1000
"""Of the newest refusals; enough to tell who is refused most."""
MOST_FULL: Final = 0.8
"""A store of the broker that is fuller than this is told while there is time."""
KEPT: Final = {
    SESSIONS: "clients",
    RETAINED: "retained messages",
    UNRELEASED: "messages of QoS 2 that are not released",
    RELEASES: "releases of messages of QoS 2",
}
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge")


class Checked(NamedTuple):
    """One thing that was looked at."""

    fine: bool
    sentence: str
    doubtful: bool = False
    """Fine for the program, and perhaps not what was meant."""

    @property
    def line(self) -> str:
        """The finding as the terminal shows it."""
        return f"{'WRONG' if not self.fine else 'check' if self.doubtful else 'ok   '} {self.sentence}"


async def examine(settings: Settings) -> list[Checked]:
    """Return what was found on this machine and in the system of these settings."""
    running = is_running(DataFolder(settings.data))
    elsewhere, embedded = settings.nats_url is not None, settings.database_url is None
    if running:
        settings = attach(settings)
    findings = [
        _python(),
        *_folder(settings),
        *_configuration(settings, time.time_ns() // 1000),
        *([] if elsewhere else _syncs(settings)),
        _descriptors(),
        *([_binary("PostgreSQL")] if embedded else []),
        *([] if elsewhere else [_binary("NATS")]),
    ]
    processes = read_processes(DataFolder(settings.data))
    findings.append(_port(settings, running=running))
    findings.append(_browser())
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
    findings.extend(_refusals(settings))
    if running:
        findings.append(_watchdog(settings, alive=processes.get("watchdog", {}).get("alive", False)))
    try:
        status = await read_status(settings)
        findings.extend(await broker_store(settings))
        findings.extend(await _strays(settings, time.time_ns() // 1000))
        findings.extend(await _jobs(settings))
        findings.extend(await _devices(settings))
        findings.extend(Checked(*found, doubtful=True) for found in await lost_findings(settings))
        findings.append(Checked(*await rights_finding(settings)))
        findings.extend(await routes_checked(settings))
    except EduopsError as error:
        return [*findings, Checked(False, f"the system does not answer: {error}")]
    return [*findings, *_flow(status, settings.clock_factor)]


def _python() -> Checked:
    fine = sys.version_info >= LEAST_PYTHON
    wanted = "" if fine else f"; eduops needs {'.'.join(map(str, LEAST_PYTHON))} or later"
    return Checked(fine, f"Python is {platform.python_version()}{wanted}")


def _folder(settings: Settings) -> Iterator[Checked]:
    folder = settings.data
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    writable = os.access(there, os.W_OK)
    verb = "can" if writable else "cannot"
    yield Checked(writable, f"the data folder {folder} {verb} be written")
    parts = [path for path in (there, folder / "nats", folder / "postgres") if path.exists()]
    for part in {path.stat().st_dev: path for path in reversed(parts)}.values():
        free_gib = shutil.disk_usage(part).free / 1024**3
        enough = free_gib >= LEAST_DISK_GIB
        wanted = "" if enough else f"; {LEAST_DISK_GIB:g} GiB are needed: free some space there"
        yield Checked(enough, f"{free_gib:.1f} GiB are free on the disk of {part}{wanted}")


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


def _syncs(settings: Settings) -> Iterator[Checked]:
    """Say what a power cut takes, and look how fast the disk is where every message waits for it."""
    if not os.access(settings.data, os.W_OK):
        return
    choice = sync_choice.choose_sync(settings)
    yield Checked(True, choice.sentence)
    if settings.sync_interval != "always":
        return
    rate = sync_choice.syncs_per_s(settings.data)
    least = sync_choice.needed_syncs_per_s(settings) / sync_choice.MARGIN
    wanted = "" if rate >= least else "; use a faster disk, or set sync_interval to 1s"
    schools = sync_choice.schools_of(settings)
    yield Checked(
        rate >= least,
        f"the disk makes {rate:,.0f} writes a second durable, and {schools:,} schools need "
        f"{least:,.0f}{wanted}",
    )


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


def _refusals(settings: Settings) -> list[Checked]:
    """Say whom the broker refused by itself in the last day: of that ingest and quarantine know nothing."""
    found = read_refusals(DataFolder(settings.data).logs, datetime.now(UTC) - timedelta(days=1))
    return [
        Checked(False, f"the broker refused {client or 'a client without a name'} {count:,} times: it {why}")
        for (client, why), count in found.most_common(MOST_REFUSED)
    ]


async def broker_store(settings: Settings) -> list[Checked]:
    """Look whether what the broker keeps has a limit, for a full disk shuts ingest out, and who fills it."""
    if settings.mqtt_broker != "nats":
        return []
    async with open_log(settings, "doctor") as log:
        held = await log.mqtt_store.held()
        if not held:
            return [Checked(False, "the broker has not seen an MQTT session yet: is ingest running?")]
        is_full = any(one.stream == MESSAGES and one.fullness >= MOST_FULL for one in held)
        senders = await log.mqtt_store.fullest(MOST_REFUSED) if is_full else []
    named = ", ".join(f"{name!a} ({count:,})" for name, count in senders)
    why = [Checked(False, f"most of what waits is of {named}; `eduops device revoke` ends one")] * is_full
    return [*(describe_held(stream) for stream in held), *why]


def describe_held(held: StreamUse) -> Checked:
    """Judge what the broker keeps in one of its streams: it has a limit, and is not near it."""
    if not held.is_limited:
        return Checked(
            False, f"the broker's {held.stream} is not limited; start ingest anew, which limits it"
        )
    if held.stream == MESSAGES:
        most = f"the broker keeps at most {held.max_bytes / 1024**3:.1f} GiB for ingest ({MESSAGES})"
        return _filled(most, held, "see that ingest runs")
    most = f"{held.max_messages:,}" if held.max_messages > 0 else f"{held.max_bytes / 1024**2:.0f} MiB"
    sentence = f"the broker keeps {held.messages:,} {KEPT[held.stream]}, {held.bytes / 1024**2:.1f} MiB"
    is_free = max(held.max_messages, held.max_bytes) < 0
    told = f"{sentence}, without a limit, as in a cluster" if is_free else f"{sentence}; at most {most}"
    return _filled(f"{told} ({held.stream})", held, "`eduops broker clear` shows what can go")


def _filled(sentence: str, held: StreamUse, otherwise: str) -> Checked:
    if held.fullness < MOST_FULL:
        return Checked(True, sentence)
    return Checked(False, f"{sentence}, and is {held.fullness:.0%} full: {otherwise}")


async def _strays(settings: Settings, real_us: int) -> list[Checked]:
    """Name the topics of the last day that fit nothing: a device that nobody hears."""
    async with await connect(database_url(settings)) as connection:
        rows = await quarantine_page(connection, STRAYS_READ, None, Reason.BAD_TOPIC)
    since_us = settings.clock.log_us(real_us) - DAY_US
    topics = Counter(row.rejected.topic for row in rows if row.rejected.at_us >= since_us)
    return [
        Checked(False, f"{count:,} messages of the last day came on {topic!a}, which is no topic of ours")
        for topic, count in topics.most_common(MOST_REFUSED)
    ]


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


async def _devices(settings: Settings) -> list[Checked]:
    """Tell whom the broker does not let in, and whose name is there twice."""
    found = await troubled(settings)
    is_quiet = not (found.refused or found.twice or found.gone)
    is_fine = not (found.twice or found.over_share)
    return [Checked(is_fine, "; ".join(told_troubles(found)), doubtful=not is_quiet)]


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


def _descriptors() -> Checked:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    fine = hard == resource.RLIM_INFINITY or hard >= LEAST_DESCRIPTORS
    wanted = "" if fine else f"; raise it to {LEAST_DESCRIPTORS} (ulimit -Hn)"
    return Checked(
        fine,
        f"a process may open {'any number of' if hard == resource.RLIM_INFINITY else hard} files{wanted}",
    )


def _binary(name: str) -> Checked:
    try:
        path = find_binaries().bin if name == "PostgreSQL" else find_nats()
    except EduopsError as error:
        return Checked(False, str(error))
    return Checked(True, f"{name} is there: {path}")


def _port(settings: Settings, *, running: bool) -> Checked:
    if running:
        answers = accepts(settings.host, settings.port)
        return Checked(
            answers, f"the wall {'answers' if answers else 'does not answer'} on port {settings.port}"
        )
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        return Checked(
            False, f"port {settings.port} cannot be used ({error.strerror}); choose one with --port"
        )
    return Checked(True, f"port {settings.port} is free")


def _browser() -> Checked:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is not None:
        return Checked(True, f"a browser is there: {Path(found).name}")
    return Checked(True, "no browser on this machine; open the wall from one that has it")


def _flow(status: Status, factor: float) -> Iterator[Checked]:
    most_s = MOST_LAG_S * max(1.0, factor)
    if status.lag_s is None:
        yield Checked(False, "not every partition has committed an entry yet; the first start takes a minute")
    else:
        yield _lag(status.lag_s, most_s, status.in_flight)
    if status.broker is not None:
        yield _session(status.broker)
    sign = "=" if status.balanced else "≠"
    yield Checked(
        status.balanced,
        f"the ledger: {status.received:,} received {sign} {status.stored:,} stored + "
        f"{status.duplicate:,} duplicate + {status.corrected:,} corrected + "
        f"{status.quarantined:,} quarantined; "
        f"{status.in_flight:,} in flight",
    )


def _session(broker: BrokerStatus) -> Checked:
    """Say what the broker took in; what it forgot with a session is on record for ever."""
    told = describe_broker(broker)
    if not broker.lost_sessions:
        return Checked(True, told)
    return Checked(
        False, f"{told}: see who uses ingest's client id, then remove session-*.json of the data folder"
    )


def _lag(lag_s: float, most_s: float, in_flight: int) -> Checked:
    """Judge how far the last commit is from now; ingest's clock, not the processor, may be the cause."""
    if lag_s < -most_s:
        return Checked(
            False,
            f"log time is {-lag_s:.0f} s ahead of this machine's clock, and stands still until that has "
            "caught up: set the clocks of the machines right, ingest's first (NTP)",
        )
    if lag_s > most_s and in_flight == 0:
        return Checked(
            False,
            f"log time stands still since {lag_s:.0f} s and nothing waits to be processed: see that ingest "
            "runs and that its machine's clock was not set back (NTP)",
        )
    fine = lag_s <= most_s
    wanted = "" if fine else f"; more than {most_s:g} s mean that it cannot keep up"
    return Checked(fine, f"the processor is {lag_s:.1f} s of log time behind{wanted}")
