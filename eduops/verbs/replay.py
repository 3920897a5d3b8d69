"""`eduops replay`: recorded data through a system of its own, and what it noticed."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from bus.pause import pause
from config.files import load_configuration
from contract.alert import Alert
from contract.devices.credential import fleet_names
from contract.errors import ConfigurationError
from device_simulator.recording import Recording
from device_simulator.recordings import read_recording
from device_simulator.replay import Progress, ReplayConfig, publish
from eduops.connections import database_url
from eduops.data_folder import DataFolder
from eduops.machine.attach import leave_addresses
from eduops.machine.network import broker_trust
from eduops.machine.output import ProcessOutput
from eduops.machine.people import make_entrance
from eduops.machine.prepare import Tell
from eduops.machine.supervisor import end_leftovers, unless_stopped
from eduops.machine.system import System, usable
from eduops.machine.welcome import welcome
from eduops.setting_groups.mqtt import MOST_SHARE_MIB
from eduops.settings import Settings
from eduops.simulated_devices import simulated_secrets
from eduops.verbs.status import Status, read_status, render_status
from storage.alerts import recent_alerts
from storage.database import connect

MOST_FACTOR: Final = 3600.0
"""Fastest clock of the log; a faster replay leaves the clock at the recording's end."""
MARGIN_H: Final = 24.0
"""Added to the recording's length where ages are judged."""
CHUNKS: Final = 64
"""Chunks of the table that a recording is cut into; more only cost planning."""
TOP_DAYS: Final = 10
POLL_S: Final = 0.5
MOST_ALERTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the command line says."""

    path: Path
    data: Path | None
    speed: float | None
    first: datetime | None
    last: datetime | None
    keep: bool


async def run_replay(settings: Settings, options: ReplayOptions, stop: asyncio.Event, tell: Tell) -> None:
    """Replay a recording, print what came of it and, if asked, leave the wall up until the stop event.

    Raises:
        EduopsError: the recording cannot be read, the folder is in use, or a server does not start.
    """
    own = None if options.data is None else DataFolder(options.data).config
    catalogue = load_configuration(own).catalogue
    recording = await asyncio.to_thread(
        read_recording, options.path, catalogue, start=_utc(options.first), end=_utc(options.last)
    )
    tell(f"{recording.name}: {recording.readings:,} readings of {len(recording.fleet.schools):,} places")
    if recording.bad_count:
        tell(f"{recording.bad_count:,} rows were left out; the first: {recording.bad[0].message}")
    folder = DataFolder(
        options.data or settings.data.with_name(f"{settings.data.name}-replay-{recording.name}")
    )
    folder.create()
    with folder.locked():
        await asyncio.to_thread(end_leftovers, folder)
        _claim(folder, recording)
        system = System(
            folder,
            _settings(settings, folder, recording, options),
            tell,
            ProcessOutput(folder.logs, quiet=True),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(system.supervisor.watch(stop))
                await unless_stopped(_replay(system, recording, options, stop, tell), stop)
                if not options.keep:
                    stop.set()
                elif not stop.is_set():
                    tell(welcome(await make_entrance(system.settings), folder))
        finally:
            await system.supervisor.stop()


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _claim(folder: DataFolder, recording: Recording) -> None:
    """Make the folder this recording's, with its calendar.

    Raises:
        ConfigurationError: another recording, or a live system, lives there.
    """
    mark = {"recording": recording.name, "fleet": recording.fleet.version}
    found = folder.read("replay")
    if (found and found != mark) or (not found and folder.read("first_start")):
        raise ConfigurationError(
            f"{folder.path} belongs to {found.get('recording', 'a live system')}; "
            "choose another folder with --data"
        )
    folder.write("replay", mark)
    if recording.calendar_toml is not None:
        folder.config.mkdir(exist_ok=True)
        (folder.config / "calendar.toml").write_text(recording.calendar_toml, encoding="utf-8")


def _settings(
    settings: Settings, folder: DataFolder, recording: Recording, options: ReplayOptions
) -> Settings:
    """Return settings under which the recorded times are neither too old nor in the future.

    The log's clock runs with the recording at the asked speed; as fast as it goes, it stands at
    the recording's end.
    """
    span_h = (recording.last_us - recording.first_us) / 3600e6 + MARGIN_H
    follows = options.speed is not None and 0.1 <= options.speed <= MOST_FACTOR
    return settings.but(
        data=folder.path,
        database_url=None,
        nats_url=None,
        nats_port=0,
        mqtt_port=0,
        mqtt_listen="127.0.0.1",
        port=settings.port if options.keep else usable(None),
        clock_origin_us=recording.first_us if follows else recording.last_us,
        clock_real_origin_us=time.time_ns() // 1000,
        clock_factor=options.speed if follows else 1.0,
        max_age_h=span_h,
        device_share_mib=MOST_SHARE_MIB,  # a recording is no flood, however fast it comes
        raw_retention_h=max(settings.raw_retention_h, span_h + MARGIN_H),
        chunk_h=min(168.0, max(settings.chunk_h, span_h / CHUNKS)),
    )


async def _replay(
    system: System, recording: Recording, options: ReplayOptions, stop: asyncio.Event, tell: Tell
) -> None:
    await system.start_servers()
    await system.prepare(lambda: recording.fleet)
    leave_addresses(system.folder, system.settings)
    await system.start_services("processor")
    await system.start_services("authoriser", "ingest")
    if options.keep:
        await system.start_services("dashboard")
    settings = system.settings
    config = ReplayConfig(
        mqtt_host=settings.mqtt_host,
        mqtt_port=settings.mqtt_port,
        mqtt_trust=broker_trust(settings),
        secrets=await simulated_secrets(settings, fleet_names(recording.fleet)),
        speed=options.speed,
    )
    before = await read_status(settings)
    own = load_configuration(system.folder.config)
    sent = await publish(recording, config, own.catalogue, _teller(tell), stop)
    status = await _all_folded(settings, before.received + sent.readings, stop)
    tell(await _summary(settings, status, own.calendar.timezone))


def _teller(tell: Tell) -> Any:
    """Return what tells the progress, each tenth once."""
    told = -1

    def on_progress(progress: Progress) -> None:
        nonlocal told
        tenth = progress.readings * 10 // max(1, progress.total)
        if tenth > told:
            told = tenth
            tell(
                f"published {progress.readings:,} of {progress.total:,} readings ({progress.elapsed_s:.1f} s)"
            )

    return on_progress


async def _all_folded(settings: Settings, received: int, stop: asyncio.Event) -> Status:
    """Return the status as soon as everything sent is committed."""
    status = await read_status(settings)
    while not stop.is_set() and (status.received < received or status.in_flight > 0):
        if not await pause(stop, POLL_S):
            status = await read_status(settings)
    return status


async def _summary(settings: Settings, status: Status, timezone: tzinfo) -> str:
    async with await connect(database_url(settings)) as connection:
        alerts = await recent_alerts(connection, MOST_ALERTS)
    ledger = render_status(status, as_json=False).splitlines()[0]
    return "\n".join(
        [ledger, f"{len(alerts):,} alerts, {status.alerts_open:,} still open", *_by_day(alerts, timezone)]
    )


def _by_day(alerts: Sequence[Alert], timezone: tzinfo) -> list[str]:
    """Return the days with most alerts, one line each."""
    days = Counter(datetime.fromtimestamp(a.opened_at_us / 1e6, timezone).date() for a in alerts)
    lines = []
    for day, count in sorted(days.items(), key=lambda item: (-item[1], item[0]))[:TOP_DAYS]:
        rules = Counter(
            a.rule for a in alerts if datetime.fromtimestamp(a.opened_at_us / 1e6, timezone).date() == day
        )
        lines.append(
            f"  {day}  {count:>6,}  " + ", ".join(f"{rule} {n:,}" for rule, n in rules.most_common())
        )
    return lines
