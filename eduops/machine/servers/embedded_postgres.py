"""A real PostgreSQL under our own small supervisor; docs/decisions/0010 tells why and how.

PostgreSQL refuses to run as root, so root runs it as `eduops` or `nobody`, in folders which that user
owns and can reach. It listens on a unix socket only, in a folder of mode 0700, and asks the kernel who
connects (peer authentication): there is no password to lose.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from contract.errors import ConfigurationError, InfrastructureError
from eduops.machine.process import NO_CHATTER, ProcessSpec
from eduops.machine.servers.postgres_binaries import PostgresBinaries, can_traverse, find_binaries, reachable
from storage.rights.roles import make_roles
from storage.rights.table import DatabaseRole

ROLE: Final = "eduops"
"""Owner of everything, which prepares and copies it; services connect as roles of their own."""
USERS: Final = ("eduops", "nobody")
"""As whom root's server runs: nobody, whom other programs may be as well, unless there is a user for it."""
SOCKET_PORT: Final = 5432
"""Only part of the socket's name; PostgreSQL does not listen on TCP."""
SOCKET_PATH_BYTES: Final = 107
"""sockaddr_un.sun_path holds 108 bytes with its final zero (unix(7))."""
FALLBACK_FOLDERS: Final = ("/var/lib/eduops", "/var/tmp/eduops")
"""Where root's clusters live whose data folder `nobody` cannot reach."""
NOBODY: Final = 65534
"""User id of nobody where the system does not name it (Linux overflow id)."""
_LOCATION_FILE: Final = "postgres.location"
_ENV: Final[Mapping[str, str]] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""An uninstalled LC_ALL of the caller must not break the start."""

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "fsync": "on",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
    "lc_messages": "'C'",
    "cluster_name": "'eduops'",
}
"""Durable first: an acknowledged commit survives a power cut. Buffers fit a small machine that does
other work too; long checkpoints and compressed WAL suit append-mostly telemetry; jit only delays
the wall's short queries."""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A cluster of ours: where it is, and as whom it runs."""

    binaries: PostgresBinaries
    folder: Path
    """Holds `cluster/` and, where its path is short enough, `socket/`."""
    socket_folder: Path
    uid: int
    gid: int
    durable: bool = True
    """False only for the servers of tests: no fsync."""

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "cluster"

    @property
    def _socket_lock(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{SOCKET_PORT}.lock"

    def url(self, database: str = ROLE, role: str = ROLE) -> str:
        """Return the connection string of a database, as its owner or as another role."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{role}@/{database}?host={host}&port={SOCKET_PORT}"

    def spec(self, chatter: str = NO_CHATTER) -> ProcessSpec:
        """Return how the server is started, stopped (fast shutdown) and asked whether it serves."""
        argv = [str(self.binaries.postgres), "-D", str(self.cluster), "-k", str(self.socket_folder)]
        argv += ["-p", str(SOCKET_PORT)]
        if not self.durable:
            argv += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        return ProcessSpec(
            name="postgres",
            argv=argv,
            ready=self.answers,
            env=_ENV,
            cwd=self.folder,
            uid=self.uid,
            gid=self.gid,
            stop_signal=signal.SIGINT,
            stop_s=30.0,
            before=self.clear_stale_pid,
            chatter=chatter,
        )

    def answers(self) -> bool:
        """Return whether the server accepts a connection."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def clear_stale_pid(self) -> None:
        """Remove the pid files of a server that is no more: its own and that of its socket.

        After kill −9 or a power cut the number may belong to another process by now (in a container
        it often does), and PostgreSQL would believe that one to be its predecessor; or a power cut left
        the file empty, which PostgreSQL refuses too.

        Raises:
            InfrastructureError: a server runs on this cluster.
        """
        if sys.platform != "linux":
            return
        for pid_file in (self.cluster / "postmaster.pid", self._socket_lock):
            with contextlib.suppress(FileNotFoundError):
                pid = pid_file.read_text().partition("\n")[0].strip()
                if pid.isdecimal() and _is_postgres(int(pid), self.cluster):
                    raise InfrastructureError(
                        f"PostgreSQL {pid} still runs on {self.cluster}; does another eduops use this folder?"
                    )
                pid_file.unlink()

    def create_database(self, database: str = ROLE) -> None:
        """Create a database of that name, and the roles of the services, unless they exist."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
            if found is None:
                name = sql.Identifier(database)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
            make_roles(connection, dict.fromkeys(DatabaseRole))


def prepare_postgres(data: Path, *, durable: bool = True) -> EmbeddedPostgres:
    """Return the cluster of a data folder, initialised and configured but not started.

    Raises:
        ConfigurationError: there is no PostgreSQL, no place for it, or its user has no name.
        InfrastructureError: initdb failed.
    """
    uid, gid = _runner(data)
    folder = _cluster_folder(data, uid)
    _own(folder, uid, gid, 0o700)
    binaries = reachable(find_binaries(), _runtime_folder(folder), uid)
    server = EmbeddedPostgres(binaries, folder, _socket_folder(folder, uid, gid), uid, gid, durable)
    if not (server.cluster / "PG_VERSION").exists():
        _initialise(server)
    _check_version(server)
    _configure(server)
    return server


def _runner(data: Path) -> tuple[int, int]:
    """Return user and group of the server: ours, or root's: the owner of an older cluster, or of `USERS`."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    for folder in (_recorded_folder(data), data / "postgres"):
        if folder is not None and (folder / "cluster").exists():
            owner = (folder / "cluster").stat()
            return owner.st_uid, owner.st_gid
    for name in USERS:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    return NOBODY, NOBODY


def _recorded_folder(data: Path) -> Path | None:
    location = data / _LOCATION_FILE
    return Path(location.read_text().strip()) if location.exists() else None


def _cluster_folder(data: Path, uid: int) -> Path:
    """Return where the cluster lives: in the data folder if its user can get there."""
    recorded = _recorded_folder(data)
    if recorded is not None:
        return recorded
    data.mkdir(parents=True, exist_ok=True)
    if can_traverse(data.resolve(), uid):
        return data.resolve() / "postgres"
    name = hashlib.blake2b(str(data.resolve()).encode(), digest_size=6).hexdigest()
    for parent in map(Path, FALLBACK_FOLDERS):
        with contextlib.suppress(OSError):
            parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if parent.stat().st_uid == os.getuid() and can_traverse(parent, uid):
                folder = parent / name / "postgres"
                folder.parent.mkdir(mode=0o755, exist_ok=True)
                (data / _LOCATION_FILE).write_text(f"{folder}\n")
                return folder
    raise ConfigurationError(
        f"user {uid} cannot reach {data} and neither of {', '.join(FALLBACK_FOLDERS)} can be used; "
        "choose a data folder that others may pass through (EDUOPS_DATA)"
    )


def _runtime_folder(folder: Path) -> Path:
    return folder.parent / "postgres-runtime"


def _socket_folder(folder: Path, uid: int, gid: int) -> Path:
    """Return a folder of mode 0700 whose path is short enough for a socket."""
    inside = folder / "socket"
    if len(os.fsencode(inside / f".s.PGSQL.{SOCKET_PORT}.lock")) > SOCKET_PATH_BYTES:
        name = hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()
        inside = Path(tempfile.gettempdir(), f"eduops-{uid}-{name}")
    _own(inside, uid, gid, 0o700)
    return inside


def _own(folder: Path, uid: int, gid: int, mode: int) -> None:
    """Create a folder for its user, refusing one that somebody else put there."""
    folder.mkdir(mode=mode, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid not in (uid, os.getuid()):
        raise ConfigurationError(f"{folder} belongs to somebody else (user {found.st_uid}); remove it first")
    if found.st_uid != uid:
        os.chown(folder, uid, gid)
    folder.chmod(mode)


def _initialise(server: EmbeddedPostgres) -> None:
    """Run initdb beside the final place and rename: a cluster is complete or absent."""
    unfinished = server.folder / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    argv = [str(server.binaries.initdb), "-D", str(unfinished), "-U", ROLE, "-E", "UTF8", "--locale=C"]
    # a flipped bit in a page shall be an error that names it, never a wrong figure
    argv += ["--data-checksums", "--auth=reject", *([] if server.durable else ["--no-sync"])]
    other = server.uid != os.getuid()
    done = subprocess.run(
        argv,
        env=dict(_ENV),
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        user=server.uid if other else None,
        group=server.gid if other else None,
        extra_groups=[] if other else None,
    )
    if done.returncode != 0:
        raise InfrastructureError(f"initdb failed: {done.stderr.decode(errors='replace').strip()}")
    unfinished.rename(server.cluster)


def _check_version(server: EmbeddedPostgres) -> None:
    version = (server.cluster / "PG_VERSION").read_text().strip()
    shown = subprocess.run(
        [server.binaries.postgres, "--version"], env=dict(_ENV), capture_output=True, text=True, check=False
    ).stdout.split()
    ours = shown[2].split(".")[0] if len(shown) > 2 else "?"
    if version != ours:
        raise ConfigurationError(
            f"{server.cluster} was written by PostgreSQL {version}, but version {ours} is installed: "
            f"use a PostgreSQL {version}, or another data folder"
        )


def _configure(server: EmbeddedPostgres) -> None:
    """Write the settings anew, so that a newer eduops brings its own, and name who may connect."""
    lines = "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())
    _write(server, "postgresql.conf", f"# Written by eduops at every start.\n{lines}")
    roles, user = (ROLE, *DatabaseRole), _user_name()
    _write(server, "pg_hba.conf", f"local all {','.join(roles)} peer map={ROLE}\n")
    _write(server, "pg_ident.conf", "".join(f"{ROLE} {user} {role}\n" for role in roles))


def _write(server: EmbeddedPostgres, name: str, text: str) -> None:
    path = server.cluster / name
    path.write_text(text)
    if server.uid != os.getuid():
        os.chown(path, server.uid, server.gid)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise ConfigurationError(
            f"user id {os.getuid()} has no name on this machine and PostgreSQL needs one: "
            "run as a named user, or set EDUOPS_DATABASE_URL to a server"
        ) from None


def _is_postgres(pid: int, cluster: Path) -> bool:
    """Return whether process `pid` is a PostgreSQL on this cluster."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(argv[0])).name == "postgres" and os.fsencode(cluster) in argv
