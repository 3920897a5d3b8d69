"""Several processors on one database and one log: they share it, and nothing is lost or kept twice."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bus.codec import encode_readings
from bus.jetstream import JetStreamLog
from bus.live import Live
from config.files import load_configuration
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, EntryKind, telemetry_log
from contract.fleet import Fleet
from contract.rule import Rule
from contract.service.metrics import SERVICE_METRICS, Meter
from storage.database import connect
from storage.fleet import save_fleet
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from stream_processor.owners.tenure import OWNED
from stream_processor.worker import MAINTENANCE, ProcessorConfig, run
from tests.fold_world import MONDAY_9H_US, SECOND_US, columns, series_named, small_fleet
from tests.running_system import eventually

PARTITIONS = 4
LOGS = [telemetry_log(p) for p in range(PARTITIONS)]
LIGHT = [QUARANTINE_LOG, ALERTS_LOG, MAINTENANCE]


@dataclass
class Worker:
    """A processor as a task."""

    stop: asyncio.Event
    task: asyncio.Task[None]
    meter: Meter

    async def leave(self) -> None:
        """Stop as SIGTERM does."""
        self.stop.set()
        await self.task

    async def die(self) -> None:
        """End without a word to anybody; only the connections close."""
        self.task.cancel()
        await asyncio.wait([self.task])

    def owned(self) -> set[str]:
        """Return the logs that its own metrics call owned."""
        metric = next(m for m in SERVICE_METRICS if m.name == OWNED)
        return {log for (log,), value in self.meter.values(metric) if value == 1}


@dataclass
class Station:
    """A log that is fed, a database, and workers that come and go."""

    log: JetStreamLog
    live: Live
    dsn: str
    fleet: Fleet
    catalogue: Catalogue
    calendar: SchoolCalendar
    rules: tuple[Rule, ...]
    appended: set[tuple[int, int]] = field(default_factory=set)
    """Series and second of every reading in the log."""
    workers: list[Worker] = field(default_factory=list)

    def join(self, name: str, lease_s: float = 2.0) -> Worker:
        """Start another worker."""
        config = ProcessorConfig(
            PARTITIONS, as_role(self.dsn, DatabaseRole.PROCESSOR), worker_id=name, beat_s=0.2, lease_s=lease_s
        )
        stop, meter = asyncio.Event(), Meter()
        work = run(
            config,
            self.log,
            self.live,
            self.fleet,
            self.catalogue,
            self.calendar,
            self.rules,
            lambda: load_configuration(None).routing,
            stop,
            meter=meter,
        )
        self.workers.append(Worker(stop, asyncio.create_task(work, name=name), meter))
        return self.workers[-1]

    async def feed(self, stop: asyncio.Event) -> None:
        """Append a second with a reading of every school, again and again."""
        of_school = self.fleet.partition_of_schools(PARTITIONS)
        for second in itertools.count():
            at_us = MONDAY_9H_US + second * SECOND_US
            for p, name in enumerate(LOGS):
                schools = [s.id for s, q in zip(self.fleet.schools, of_school, strict=True) if q == p]
                rows = [(at_us, series_named(school, "down_bps"), 5e7) for school in schools]
                payload = encode_readings(columns(rows))
                await self.log.append(name, EntryKind.READINGS, payload, at_us=at_us, count=len(rows))
                await self.log.append(name, EntryKind.TICK, b"", at_us=at_us)
                self.appended |= {(series, second) for _, series, _ in rows}
            if stop.is_set():
                return
            await asyncio.sleep(0.1)

    def owners(self) -> dict[str, str]:
        """Return who has which lease now."""
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute("select log, owner from lease where until > clock_timestamp()").fetchall()
        return dict(rows)

    def is_shared_by(self, *names: str) -> bool:
        """Return whether everything is owned by exactly these, partitions and light logs evenly."""
        owners = self.owners()
        if owners.keys() != {*LOGS, *LIGHT} or not set(owners.values()) <= set(names):
            return False
        held = [[Counter(owners[log] for log in logs)[name] for name in names] for logs in (LOGS, LIGHT)]
        return all(max(counts) - min(counts) <= 1 for counts in held)

    def check(self) -> None:
        """Fail unless every reading was stored once, and the ledger says so."""
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute("select series, to_us(time) from reading").fetchall()
            ledger = conn.execute(
                "select sum(received), sum(stored), sum(duplicate + corrected) from position "
                "where log like 'telemetry-%'"
            ).fetchone()
        stored = [(series, (us - MONDAY_9H_US) // SECOND_US) for series, us in rows]
        assert len(stored) == len(set(stored))
        assert set(stored) == self.appended
        assert ledger == (len(stored), len(stored), 0)

    async def until_folded(self) -> None:
        """Return once the tables hold the whole log."""
        ends = {name: await self.log.last_seq(name) for name in LOGS}
        await holds(lambda: self._positions() == ends, f"the log is folded: {ends}", self._positions)

    async def until_shared_by(self, *names: str) -> None:
        """Return once everything is owned by exactly these, evenly."""
        await holds(lambda: self.is_shared_by(*names), f"shared evenly by {names}", self.owners)

    def _positions(self) -> dict[str, int]:
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute("select log, seq from position where log like 'telemetry-%'").fetchall()
        return dict(rows)


async def holds(true: Callable[[], bool], what: str, seen: Callable[[], object]) -> None:
    """Return as soon as a condition holds that asks the database; the workers run meanwhile."""
    await asyncio.to_thread(eventually, true, what, seen=seen)


Open = Callable[[], Any]


@pytest.fixture
def station(
    postgres_url: str, nats: Any, catalogue: Catalogue, calendar: SchoolCalendar, rules: tuple[Rule, ...]
) -> Open:
    """Opens a station without workers; whoever is left at its end leaves."""

    @asynccontextmanager
    async def open_station() -> AsyncIterator[Station]:
        who = nats.login()
        async with JetStreamLog.connect(nats.url, **who) as log, Live.connect(nats.url, **who) as live:
            await log.create([*LOGS, QUARANTINE_LOG, ALERTS_LOG], 1 << 24)
            fleet = small_fleet(schools=12)
            async with await connect(postgres_url) as conn:
                await save_fleet(conn, fleet)
            opened = Station(log, live, postgres_url, fleet, catalogue, calendar, rules)
            try:
                yield opened
            finally:
                for worker in opened.workers:
                    worker.stop.set()
                await asyncio.gather(*(w.task for w in opened.workers), return_exceptions=True)

    return open_station


@asynccontextmanager
async def fed(station: Station) -> AsyncIterator[None]:
    """Feed the log for the length of the block, and then wait until all of it is folded."""
    stop = asyncio.Event()
    feeding = asyncio.create_task(station.feed(stop))
    try:
        yield
    finally:
        stop.set()
        await feeding
    await station.until_folded()


async def test_workers_share_the_logs_as_they_come_and_go(station: Open) -> None:
    async with station() as here:
        async with fed(here):
            first = here.join("a")
            await here.until_shared_by("a")
            here.join("b")
            await here.until_shared_by("a", "b")
            third = here.join("c")
            await here.until_shared_by("a", "b", "c")
            await holds(
                lambda: first.owned() == {log for log, owner in here.owners().items() if owner == "a"},
                "its own metrics say what it owns",
                lambda: (first.owned(), here.owners()),
            )
            await first.leave()
            assert not first.owned()
            await here.until_shared_by("b", "c")
            await third.die()
            await here.until_shared_by("b")
        here.check()


async def test_a_worker_that_leaves_hands_over_without_a_replay(station: Open) -> None:
    async with station() as here:
        first = here.join("a", lease_s=60.0)
        async with fed(here):
            await here.until_shared_by("a")
        await first.leave()
        assert here.owners() == {}
        with psycopg.connect(here.dsn) as conn:
            behind = conn.execute("select sum(seq - snapshot_seq) from position where log like 'telemetry-%'")
            assert behind.fetchone() == (0,)
        here.join("b", lease_s=60.0)
        await here.until_shared_by("b")
        here.check()


async def test_a_killed_worker_that_starts_again_does_not_wait_for_its_old_leases(station: Open) -> None:
    async with station() as here:
        async with fed(here):
            first = here.join("a", lease_s=300.0)
            await here.until_shared_by("a")
            await first.die()
            assert here.is_shared_by("a")
            again = here.join("a", lease_s=300.0)
            await holds(lambda: again.owned() == {*LOGS, *LIGHT}, "it owns all again", again.owned)
        here.check()


async def test_a_second_worker_of_the_same_name_gets_a_name_of_its_own(station: Open) -> None:
    async with station() as here:
        async with fed(here):
            here.join("a")
            await here.until_shared_by("a")
            here.join("a")
            await here.until_shared_by("a", "a#2")
        here.check()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are killed after the test, paused or not."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


async def test_a_paused_process_comes_back_late_and_writes_nothing_stale(
    station: Open, nats: Any, tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    async with station() as here:

        def start(name: str) -> None:
            (tmp_path / name).mkdir()
            env = {
                "EDUOPS_DATA": str(tmp_path / name),
                "EDUOPS_DATABASE_URL": here.dsn,
                "EDUOPS_NATS_URL": nats.url,
                "EDUOPS_NATS_USER": nats.operator_user,
                "EDUOPS_NATS_PASSWORD": nats.operator_password,
            }
            argv = [sys.executable, "-m", "eduops", "process"]
            with (tmp_path / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen(argv, env={**os.environ, **env}, stdout=log, stderr=log))

        def owned_by(count: int) -> Callable[[], bool]:
            return lambda: here.owners().keys() == {*LOGS, *LIGHT} and len({*here.owners().values()}) == count

        async with fed(here):
            start("first")
            await holds(owned_by(1), "one owns all", here.owners)
            paused = next(iter(here.owners().values()))
            start("second")
            await holds(owned_by(2), "two share", here.owners)
            processes[0].send_signal(signal.SIGSTOP)
            await holds(
                lambda: owned_by(1)() and paused not in here.owners().values(),
                "the other owns all",
                here.owners,
            )
            processes[0].send_signal(signal.SIGCONT)
            await holds(owned_by(2), "two share", here.owners)
            processes[1].kill()
            await holds(owned_by(1), "one owns all", here.owners)
        here.check()
