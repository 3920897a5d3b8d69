"""The whole system on one machine: embedded servers, prepared storage, services under a supervisor."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bus.rights import BrokerUser
from config.tls import LOOK_S, ServedCopy, follow_tls
from contract.entry import check_partitions
from contract.fleet import Fleet
from eduops.connections import all_logs
from eduops.data_folder import DataFolder
from eduops.machine.idle import since_last_entry
from eduops.machine.network import mqtt_tls_files
from eduops.machine.output import ProcessOutput
from eduops.machine.people import keep_wall_token
from eduops.machine.ports import free_ports
from eduops.machine.prepare import Tell, prepare_storage, seed_once
from eduops.machine.process import ProcessSpec
from eduops.machine.servers.embedded_nats import prepare_nats
from eduops.machine.servers.embedded_postgres import prepare_postgres
from eduops.machine.servers.sync_choice import choose_sync, note_schools
from eduops.machine.supervisor import Supervisor
from eduops.roles import broker_passwords, of_service
from eduops.settings import Settings
from storage.rights.table import DatabaseRole

_NATS_CHATTER: Final = r"\[INF\]|Plaintext passwords"
# A commit whose rows lack a chunk makes it and is tried again: the file tells, nobody need act.
_POSTGRES_CHATTER: Final = (
    r" LOG: | (DETAIL|HINT|STATEMENT|CONTEXT): |^\t|no partition of relation"
    r"|FATAL: .*(starting up|shutting down|administrator command)"
)
SERVICE_CHATTER: Final = r'^\S+ \S+ (INFO|DEBUG) |^\{.*"level": "(INFO|DEBUG)"'
"""What services say of their progress, as text and as JSON (`eduops.log_lines`): it would bury the address of
the wall, and their log files have it."""
_MQTT_RESERVE_BYTES: Final = 512 * 1024**2
"""Room beside the logs for what the broker keeps of MQTT: three streams of `ASIDE_BYTES`, each counted twice
when its limit is set, and the sessions, which reserve nothing."""
VERBS: Final = {
    "authoriser": "authorise",
    "ingest": "ingest",
    "processor": "process",
    "dashboard": "dashboard",
    "notifier": "notify",
    "simulator": "simulate",
    "watchdog": "watch",
}
"""The command line's verb of each service."""
_SERVICE_ENV: Final = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    "OPENBLAS_NUM_THREADS": "1",  # several services share the cores; our arrays need no threads
}


class System:
    """One data folder's servers and services; use within `DataFolder.locked`."""

    def __init__(self, folder: DataFolder, settings: Settings, tell: Tell, output: ProcessOutput) -> None:
        self.folder = folder
        self.settings = settings
        """As given, plus the addresses of the embedded servers once they run."""
        self.supervisor = Supervisor(folder, output, tell)
        self._served: ServedCopy | None = None
        """By what the embedded broker speaks TLS, once it runs."""
        self._tell = tell
        self._peer = False
        """Whether PostgreSQL is ours and asks the kernel who connects."""
        self._users: Mapping[BrokerUser, str] = {}
        """Passwords at the embedded broker."""
        self._instances = 0
        """Service processes so far: each gets the next port for its metrics."""

    async def start_servers(self) -> None:
        """Start those servers that are not configured elsewhere.

        Raises:
            EduopsError: a server cannot be had, or does not start.
        """
        if self.settings.database_url is None:
            await self._start_postgres()
        if self.settings.nats_url is None:
            await self._start_nats()

    async def prepare(self, make_fleet: Callable[[], Fleet]) -> Fleet:
        """Bring database and logs to this version; save the made fleet unless there is one already."""
        fleet = await prepare_storage(self.settings, make_fleet, self._tell)
        assert fleet is not None  # made if there was none
        await keep_wall_token(self.folder, self.settings)
        note_schools(self.folder, len(fleet.schools))
        said = await since_last_entry(self.settings, time.time_ns() // 1000)
        if said is not None:
            self._tell(said)
        return fleet

    async def seed(self, fleet: Fleet) -> None:
        """Append the simulated history, once in a data folder's life."""
        await seed_once(self.folder, self.settings, fleet, self._tell)

    async def start_services(self, *services: str) -> None:
        """Start services of ours, all their processes side by side, and return when they serve.

        Their order is the one in which they are restarted, and the reverse of the one in which they stop.
        """
        users = self._users or broker_passwords(self.settings)
        specs = [
            self._service(service, of_service(settings, service, peer=self._peer, users=users))
            for service in services
            for settings in instances(self.settings, service)
        ]
        await asyncio.gather(*map(self._start_one, specs))

    async def follow_certificate(self, look_s: float = LOOK_S) -> None:
        """Have the embedded broker take up each change of its certificate, for ever; nobody is cut off."""
        files = mqtt_tls_files(self.settings)
        if files is not None:
            await follow_tls(files, self._take_certificate, look_s)

    def _take_certificate(self) -> None:
        if self._served is None:  # it reads the files when it starts
            return
        self._served.take()
        self.supervisor.signal("nats", signal.SIGHUP)
        self._tell("nats takes up a changed certificate")

    async def _start_one(self, spec: ProcessSpec) -> None:
        began_s = time.monotonic()
        await self.supervisor.start(spec)
        self._tell(f"{spec.name} runs ({time.monotonic() - began_s:.1f} s)")

    def _service(self, service: str, settings: Settings) -> ProcessSpec:
        folder, name = self.folder, settings.process_name or service
        port = settings.port if service == "dashboard" else None
        if settings.metrics_port:
            settings = settings.but(metrics_port=settings.metrics_port + self._instances)
        self._instances += 1

        def ready() -> bool:
            return folder.is_ready(name) and (port is None or accepts(settings.host, port))

        return ProcessSpec(
            name=name,
            argv=[sys.executable, "-m", "eduops", VERBS[service]],
            ready=ready,
            env={**_SERVICE_ENV, **settings.environment()},
            cwd=folder.path,
            before=lambda: folder.clear_ready(name),
            port=port,
            chatter=SERVICE_CHATTER,
            outlives=service == "watchdog",
        )

    async def _start_postgres(self) -> None:
        began_s = time.monotonic()
        postgres = await asyncio.to_thread(prepare_postgres, self.folder.path)
        if not postgres.folder.is_relative_to(self.folder.path):
            self._tell(
                f"PostgreSQL's user cannot reach {self.folder.path}; its files are in {postgres.folder}"
            )
        await self.supervisor.start(postgres.spec(_POSTGRES_CHATTER))
        await asyncio.to_thread(postgres.create_database)
        self._peer = True
        operator = postgres.url(role=DatabaseRole.OPERATOR)
        self.settings = self.settings.but(database_url=operator, database_owner_url=postgres.url())
        self._tell(f"postgres runs ({postgres.binaries.origin}, {time.monotonic() - began_s:.1f} s)")

    async def _start_nats(self) -> None:
        began_s = time.monotonic()
        settings = self.settings
        kept = self.folder.read("ports")
        port = settings.nats_port or usable(kept.get("nats"))
        mqtt_port = settings.mqtt_port or usable(kept.get("mqtt"))
        logs = len(all_logs(settings.partitions))
        choice = await asyncio.to_thread(choose_sync, settings)
        if settings.sync_interval == "auto":
            self._tell(choice.sentence)
        nats = prepare_nats(
            self.folder.path,
            port=port,
            mqtt_port=mqtt_port,
            mqtt_listen=settings.mqtt_listen,
            mqtt_tls=mqtt_tls_files(settings),
            sync_interval=choice.interval,
            # twice: a log that exists is counted again when its limit is set anew
            max_store_bytes=2 * logs * settings.log_max_bytes
            + settings.mqtt_store_max_bytes
            + _MQTT_RESERVE_BYTES,
            slices=settings.ingests,
            partitions=settings.partitions,
        )
        self.folder.write("ports", {"nats": nats.port, "mqtt": nats.mqtt_port})
        self._served = nats.served
        await self.supervisor.start(nats.spec(_NATS_CHATTER))
        self._users = own = nats.passwords
        self.settings = settings.but(
            sync_interval=choice.interval,
            nats_url=nats.url,
            nats_user=BrokerUser.OPERATOR,
            nats_password=own[BrokerUser.OPERATOR],
        )
        if settings.mqtt_broker == "nats":
            self.settings = self.settings.but(
                mqtt_host=nats.mqtt_host,
                mqtt_port=nats.mqtt_port,
                mqtt_ca_file=None if nats.served is None else nats.served.own,
                mqtt_user=BrokerUser.INGEST,
                mqtt_password=own[BrokerUser.INGEST],
                watchdog_password=own[BrokerUser.WATCHDOG],
                authoriser_password=own[BrokerUser.AUTHORISER],
            )
        self._tell(f"nats runs (MQTT on port {nats.mqtt_port}, {time.monotonic() - began_s:.1f} s)")


def instances(settings: Settings, service: str) -> list[Settings]:
    """Return the settings of each process of a service: one with its name, or several with numbers.

    Raises:
        ConfigurationError: the partitions cannot be shared evenly by so many ingests.
    """
    counts = {
        "ingest": settings.ingests,
        "processor": settings.processors,
        "authoriser": settings.authorisers,
    }
    count = counts.get(service, 1)
    names = [service] if count == 1 else [f"{service}-{i + 1}" for i in range(count)]
    own = [settings.but(process_name=name) for name in names]
    if service == "ingest":
        check_partitions(settings.partitions, count)
        own = [one.but(ingest_slice=f"{i}/{count}") for i, one in enumerate(own)]
    return own


def usable(port: int | None) -> int:
    """Return the port if nobody listens there now, else a free one."""
    if port:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return free_ports(1)[0]
        return port
    return free_ports(1)[0]


def claim(port: int) -> socket.socket | None:
    """Return a claim on a port that holds until it is closed, None where somebody else claims it.

    The wall listens half a minute after its port was chosen; until then the UDP port of that number,
    which nobody else needs, tells a second `eduops up` to choose another.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return None
    return held


def accepts(host: str, port: int) -> bool:
    """Return whether somebody accepts connections there; all interfaces include loopback."""
    address = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    try:
        socket.create_connection((address, port), timeout=1.0).close()
    except OSError:
        return False
    return True
