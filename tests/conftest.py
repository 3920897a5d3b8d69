"""Real servers for the tests: one PostgreSQL a worker, a database and a nats-server of its own a test.

Workers (pytest-xdist) share nothing but the machine: what is "of the session" here is of one worker.
A file's tests run in one worker, in their order, so that they may share a system of the module.
"""

import gc
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer.main
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from xdist.scheduler import LoadFileScheduling

from bus.rights import BrokerUser
from contract.calendar import SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.fleet import Fleet
from contract.rule import Rule, parse_rules
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import EmbeddedNats, prepare_nats
from eduops.machine.servers.embedded_postgres import EmbeddedPostgres, prepare_postgres
from tests.examples import USUAL

gc.set_threshold(50_000, 20, 20)  # most of what is made stays: modules, tests, examples
# The tree of verbs is made at each call, once a process otherwise: half of what a verb costs in tests.
typer.main.get_command = cache(typer.main.get_command)

pytest_plugins = ["tests.fault_table"]

TEMPLATE = "prepared"
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 6 << 30
"""Most that the tests of all workers hold at a time, with room to spare."""
IN_MEMORY = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
"""Whether the tests' folders lie in memory: a database of 500 files is copied for nearly every test, which
takes a tenth of a second there, and seconds on a busy disk."""
if IN_MEMORY:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # where `tmp_path` is
SHARED = ("tests/faults/one_system", "tests/faults/two_of_each", "tests/cluster")
OWN = ("tests/faults/test_",)
"""Tests that break whole systems within seconds that they promise; one of each kind runs at a time."""
LONGEST = ("tests/e2e/test_pages", "tests/integration/test_backup")
FIRST = (*SHARED, *OWN, *LONGEST, "tests/e2e", "tests/timescale", "tests/integration")
"""The longest files come first, so that no worker ends long after the others."""

# No law is false on a busy machine, so no example has a deadline and slow data is no failure.
hypothesis_settings.register_profile(
    "eduops",
    deadline=None,
    print_blob=True,
    max_examples=USUAL,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("eduops")


class TestPostgres:
    """The session's PostgreSQL with a prepared template database."""

    __test__ = False

    def __init__(self, postgres: EmbeddedPostgres, server: Server) -> None:
        self.postgres = postgres
        self.server = server

    def clone(self) -> str:
        """Create a database with the schema applied and return its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, TEMPLATE)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever still uses it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class TestNats:
    """A nats-server with JetStream and MQTT that a test may kill and start again on the same ports."""

    __test__ = False

    def __init__(self, nats: EmbeddedNats, server: Server) -> None:
        self.url = nats.url
        self.mqtt_host = "127.0.0.1"
        self.mqtt_port = nats.mqtt_port
        self.passwords = nats.passwords
        self.operator_user: str = BrokerUser.OPERATOR
        self.operator_password = nats.passwords[BrokerUser.OPERATOR]
        self.ingest_user: str = BrokerUser.INGEST
        self.ingest_password = nats.passwords[BrokerUser.INGEST]
        self.publisher_user: str = BrokerUser.OPERATOR
        """Who may speak for every device, for tests of what comes after the broker."""
        self.publisher_password = nats.passwords[BrokerUser.OPERATOR]
        self.watchdog_password = nats.passwords[BrokerUser.WATCHDOG]
        self.authoriser_user: str = BrokerUser.AUTHORISER
        self.authoriser_password = nats.passwords[BrokerUser.AUTHORISER]
        self._server = server
        self.log = server.log_file

    def login(self, user: BrokerUser = BrokerUser.OPERATOR) -> dict[str, Any]:
        """Return as whom a service connects."""
        return {"user": user.value, "password": self.passwords[user]}

    def start(self) -> None:
        """Start it (again) on the same store and ports."""
        self._server.start()

    def stop(self) -> None:
        """Stop it gently."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        self._server.kill()

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="eduops-test-", dir=MEMORY if IN_MEMORY else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[TestPostgres]:
    """The session's PostgreSQL; tests want `postgres_url`."""
    from storage.database import prepare_database

    prepared = prepare_postgres(servers_folder, durable=False)
    # Nobody reads it again: an immediate shutdown (SIGQUIT) writes no checkpoint of all tests' databases.
    server = Server(replace(prepared.spec(), stop_signal=signal.SIGQUIT), servers_folder / "postgres.log")
    server.start()
    prepared.create_database(TEMPLATE)
    prepare_database(prepared.url(TEMPLATE))
    yield TestPostgres(prepared, server)
    server.stop()


@pytest.fixture
def postgres_url(postgres: TestPostgres) -> Iterator[str]:
    """A fresh database with the schema applied, dropped after the test."""
    name = postgres.clone()
    yield postgres.postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: TestPostgres) -> Iterator[str]:
    """A fresh database with nothing in it, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgres.postgres.create_database(name)
    yield postgres.postgres.url(name)
    postgres.drop(name)


@contextmanager
def running_nats(folder: Path, slices: int = 1) -> Iterator[TestNats]:
    """Run a nats-server for the length of the block: it starts in a twentieth of a second."""
    prepared = prepare_nats(folder, sync_interval="2m", slices=slices)
    spec = prepared.spec()
    # As on the city's machines: the server tells some times by the machine's own clock.
    spec = replace(spec, env={**(spec.env or {}), "TZ": "Asia/Ho_Chi_Minh"})
    server = Server(spec, folder / "nats.log")
    server.start()
    yield TestNats(prepared, server)
    server.kill()


@pytest.fixture
def nats(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestNats]:
    """A nats-server of the test's own; its parameter is how many ingests share the schools."""
    with running_nats(tmp_path, getattr(request, "param", 1)) as running:
        yield running


@pytest.fixture(scope="session")
def city() -> Fleet:
    """A generated city of 40 schools."""
    from device_simulator.world.fleet import generate_fleet

    return generate_fleet(schools=40)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The packaged metric catalogue."""
    return parse_catalogue(_config("metrics.toml"))


@pytest.fixture(scope="session")
def calendar() -> SchoolCalendar:
    """The packaged school calendar."""
    return parse_calendar(_config("calendar.toml"))


@pytest.fixture(scope="session")
def rules(catalogue: Catalogue) -> tuple[Rule, ...]:
    """The packaged rules."""
    return parse_rules(_config("rules.toml"), catalogue)


def _config(name: str) -> str:
    return (files("config") / name).read_text(encoding="utf-8")


class FewSystemsAtATime(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps a file's tests in one worker, in their order, and those that break whole systems in two."""

    def _split_scope(self, nodeid: str) -> str:
        for kind in (SHARED, OWN):
            if nodeid.startswith(kind):
                return kind[0]
        return str(super()._split_scope(nodeid))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile a worker's share of the tests first: all collect all of them, and would each compile them."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        number, workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        for path in sorted((session.config.rootpath / "tests").rglob("test_*.py"))[number::workers]:
            import_module(".".join(path.relative_to(session.config.rootpath).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Leave what collecting made out of every later collection of garbage: it stays."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """End without looking through all that is left, several times and by each worker: it goes with them."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what lasts longest; the order within is kept."""

    def rank(item: pytest.Item) -> int:
        return next((i for i, begins in enumerate(FIRST) if item.nodeid.startswith(begins)), len(FIRST))

    items.sort(key=rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FewSystemsAtATime:
    """Hand tests to workers, where there are several, by `FewSystemsAtATime`."""
    return FewSystemsAtATime(config, log)


def pytest_report_header() -> str:
    """Say as whom the tests run: PostgreSQL behaves differently for root."""
    return f"eduops tests as user {os.getuid()}"
