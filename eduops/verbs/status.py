"""`eduops status`: the ledger of all readings, the lag, open alerts and processes."""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from bus.jetstream import JetStreamLog
from contract.commit import Counts
from contract.entry import telemetry_log
from eduops.connections import all_logs, database_url, open_log
from eduops.data_folder import DataFolder
from eduops.exporter import metrics_ports
from eduops.machine.people import head_without_password, people_url
from eduops.machine.refusals import read_refusals
from eduops.machine.supervisor import is_alive
from eduops.session_notes import read_losses
from eduops.settings import Settings
from storage.alerts import open_alerts
from storage.database import connect
from storage.wall import ledger


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """The broker's count of messages against ours."""

    taken: int
    """Messages of QoS 1 and 2 that it has taken in since its store was made."""
    waiting: int
    """Of them, those that ingest has not acknowledged yet."""
    lost_sessions: int
    """How often it forgot ingest's session."""
    missed: int
    """Messages that it took in while no session stood, at most."""
    refused: int = 0
    """Refusals by the broker itself that stand in its log, where `eduops up` runs it."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the system stands."""

    received: int
    """Readings taken into account since the first start; stored + duplicate + corrected + quarantined."""
    stored: int
    duplicate: int
    quarantined: int
    corrected: int
    in_flight: int
    """Readings in the logs that are not committed yet."""
    lag_s: float | None
    """Seconds of log time since the newest entry that every partition committed; None before the first."""
    alerts_open: int
    broker: BrokerStatus | None = None
    """What the broker took in from devices; None where it is not the log's own server."""
    wall: str = ""
    """Where people open it."""
    without_password: str = ""
    """The administrator who needs a link to get in, for no local one has a password yet; else empty."""
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: pid, alive, restarts, port, metrics (the port of `/metrics`; None for servers)."""

    @property
    def balanced(self) -> bool:
        """Whether received = stored + duplicate + corrected + quarantined."""
        return self.received == self.stored + self.duplicate + self.corrected + self.quarantined


async def read_status(settings: Settings) -> Status:
    """Return how the system of these settings stands.

    Raises:
        EduopsError: database or log are not configured or out of reach.
    """
    async with await connect(database_url(settings)) as connection, open_log(settings, "status") as log:
        positions, head = await ledger(connection), await head_without_password(connection)
        alerts = await open_alerts(connection)
        in_flight = 0
        for name in all_logs(settings.partitions):
            after = positions[name].seq if name in positions else 0
            in_flight += await log.pending_readings(name, after)
        broker = await _read_broker(settings, log)
    counts = Counts()
    for position in positions.values():
        counts = counts.plus(position.counts)
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    names = [telemetry_log(p) for p in range(settings.partitions)]
    times_us = [positions[n].log_time_us for n in names if n in positions and positions[n].seq > 0]
    lag_s = round((now_us - min(times_us)) / 1e6, 3) if len(times_us) == len(names) else None
    return Status(
        *counts,
        in_flight=in_flight,
        lag_s=lag_s,
        alerts_open=len(alerts),
        broker=broker,
        wall=people_url(settings) + "/",
        without_password=head,
        processes=read_processes(DataFolder(settings.data)),
    )


async def _read_broker(settings: Settings, log: JetStreamLog) -> BrokerStatus | None:
    if settings.mqtt_broker != "nats":
        return None
    taken, losses = await log.mqtt_store.taken(), read_losses(DataFolder(settings.data))
    refused = read_refusals(DataFolder(settings.data).logs).total()
    return BrokerStatus(*taken, losses.sessions, losses.messages, refused)


def read_processes(folder: DataFolder) -> dict[str, dict[str, Any]]:
    """Return the processes of the system that runs on the folder, by name; empty if none does."""
    found, metrics = folder.read("state").get("processes", {}), metrics_ports(folder)
    return {
        name: {
            "pid": entry["pid"],
            "alive": is_alive(entry),
            "restarts": entry["restarts"],
            "port": entry["port"],
            "metrics": metrics.get(name),
        }
        for name, entry in found.items()
    }


def render_status(status: Status, *, as_json: bool) -> str:
    """Return the status as JSON or as lines for a person."""
    if as_json:
        return json.dumps(asdict(status), indent=1)
    sign = "=" if status.balanced else "≠"
    lines = [
        f"received {status.received:,} {sign} stored {status.stored:,} + duplicate {status.duplicate:,}"
        f" + corrected {status.corrected:,} + quarantined {status.quarantined:,}; "
        f"in flight {status.in_flight:,}",
        f"{_lag(status)}; {status.alerts_open:,} open alerts",
    ]
    if status.broker is not None:
        lines.append(describe_broker(status.broker))
    lines.append(f"the wall: {status.wall}")
    if status.without_password:
        lines.append(
            f"no administrator has a password yet: `eduops user link {status.without_password}` prints a "
            "link that lets in once"
        )
    for name, process in status.processes.items():
        state = "runs" if process["alive"] else "DEAD"
        port = f", port {process['port']}" if process["port"] else ""
        metrics = f", metrics on port {process['metrics']}" if process.get("metrics") else ""
        restarts = f"{process['restarts']} restarts"
        lines.append(f"{name:<12} {state} (process {process['pid']}{port}, {restarts}{metrics})")
    return "\n".join(lines if status.processes else [*lines, "no process of `eduops up` runs here"])


def describe_broker(broker: BrokerStatus) -> str:
    """Return the broker's count against ours as a sentence."""
    kept = f"the broker took in {broker.taken:,} messages, of which {broker.waiting:,} wait for ingest"
    if broker.refused:
        kept += f", and refused {broker.refused:,}"
    if not broker.lost_sessions:
        return kept
    return f"{kept}; its session was lost {broker.lost_sessions:,} times, and with it up to {broker.missed:,}"


def _lag(status: Status) -> str:
    if status.lag_s is None:
        return "not every partition has committed an entry yet"
    return f"lag {status.lag_s:.1f} s of log time"
