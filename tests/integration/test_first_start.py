"""What is first set up stays as it was: fleet and history are made in an empty system, or never."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contract.entry import EntryKind, telemetry_log
from eduops.connections import database_url, open_log
from eduops.data_folder import DataFolder
from eduops.machine.idle import since_last_entry
from eduops.machine.prepare import run_prepare
from eduops.settings import Settings, load_settings
from storage.database import connect
from tests.conftest import TestNats as RunningNats

ROOT = Path(__file__).parents[2]


class Start:
    """A data folder on servers of its own, prepared as often as wanted."""

    def __init__(self, folder: Path, database_url: str, nats: RunningNats) -> None:
        self.settings = load_settings(
            overrides={
                "data": folder,
                "schools": 8,
                "seed_days": 0.1,
                "database_url": database_url,
                "nats_url": nats.url,
                "nats_user": nats.operator_user,
                "nats_password": nats.operator_password,
            }
        )

    async def again(self, **changes: object) -> str:
        """Prepare with some settings changed and return what was said."""
        said: list[str] = []
        await run_prepare(self.settings.but(**changes), said.append, demo=True)
        return "\n".join(said)

    async def entries(self, settings: Settings | None = None) -> list[int]:
        """Return the number of entries in each partition's log."""
        async with open_log(settings or self.settings, "test") as log:
            return [await log.last_seq(telemetry_log(p)) for p in range(self.settings.partitions)]

    async def tick(self, times: int) -> None:
        """Append what ingest does while nothing arrives."""
        async with open_log(self.settings, "test") as log:
            for p in range(self.settings.partitions):
                for _ in range(times):
                    await log.append(telemetry_log(p), EntryKind.TICK, b"", at_us=time.time_ns() // 1000)


@pytest.fixture
def start(tmp_path: Path, empty_postgres_url: str, nats: RunningNats) -> Start:
    return Start(tmp_path / "data", empty_postgres_url, nats)


async def test_a_folder_that_began_without_history_gets_none_later(start: Start) -> None:
    assert "history" not in await start.again(seed_days=0)
    for asked in (0.1, 3.0):
        await start.again(seed_days=asked)
        assert await start.entries() == [0] * 4
    assert "first start of a data folder only" in await start.again(seed_days=0.1)


@pytest.mark.parametrize("ticks", [1, 300])
async def test_a_folder_that_forgot_its_first_start_pours_nothing_among_readings(
    start: Start, ticks: int
) -> None:
    await start.again(seed_days=0)
    await start.tick(ticks)
    (start.settings.data / "seed.json").unlink()
    said = await start.again()
    assert "readings are here already" in said
    assert "appended" not in said
    assert await start.entries() == [ticks] * 4


async def test_history_is_made_once_and_the_figure_is_what_was_appended(start: Start) -> None:
    first = await start.again()
    assert "readings of simulated history were appended" in first
    assert " 0 readings" not in first
    entries = await start.entries()
    assert min(entries) > 0
    assert "appended" not in await start.again()
    assert await start.entries() == entries


async def test_a_killed_seeding_is_finished_whatever_is_asked_by_then(start: Start) -> None:
    await start.again()
    folder = DataFolder(start.settings.data)
    folder.write("seed", {name: value for name, value in folder.read("seed").items() if name != "done"})
    entries = await start.entries()
    assert "\n0 readings of simulated history" in await start.again(seed_days=0)
    assert await start.entries() == entries


async def test_a_fleet_stays_and_says_so(start: Start) -> None:
    assert "8 schools" in await start.again(seed_days=0)
    said = await start.again(seed_days=0, schools=200)
    assert "the fleet stays as it is, 8 schools: 200 were asked for" in said
    assert "stays" not in await start.again(seed_days=0, schools=8)


async def test_an_exported_fleet_has_the_mark_of_its_letters_and_comes_back_the_same(
    start: Start, tmp_path: Path
) -> None:
    await start.again(seed_days=0)
    file = str(tmp_path / "trường.csv")
    assert (await asyncio.to_thread(_eduops, start, "fleet", "export", file)).returncode == 0
    assert (await asyncio.to_thread(Path(file).read_bytes)).startswith("\ufeffschool_code".encode())
    done = await asyncio.to_thread(_eduops, start, "fleet", "import", file)
    assert (done.returncode, "nothing was changed" in done.stdout) == (0, True), done.stderr


def _eduops(start: Start, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "eduops", *words]
    env = {**os.environ, **start.settings.environment()}
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


async def test_a_database_of_another_shape_is_a_sentence(start: Start) -> None:
    start.settings.data.mkdir()
    for words in (["status"], ["quarantine"], ["fleet", "export"], ["ingest"]):
        done = await asyncio.to_thread(_eduops, start, *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "`eduops migrate` brings it to this one" in done.stderr


async def test_a_full_disk_and_a_newer_database_are_sentences(start: Start) -> None:
    await start.again(seed_days=0)
    full = await asyncio.to_thread(_eduops, start, "fleet", "export", "/dev/full")
    assert (full.returncode, full.stderr) == (1, "eduops: No space left on device\n")
    async with await connect(database_url(start.settings)) as connection:
        await connection.execute("insert into schema_version (version, name) values (9999, 'later')")
    newer = await asyncio.to_thread(_eduops, start, "prepare")
    assert newer.returncode == 1
    assert newer.stderr.startswith("eduops: the database is at schema version 9999, this eduops knows ")


async def test_a_start_says_that_the_clock_was_set_back_and_that_the_folder_lay_idle(
    start: Start, postgres_url: str
) -> None:
    settings = start.settings.but(database_url=postgres_url)
    now_us = time.time_ns() // 1000
    assert await since_last_entry(settings, now_us) is None
    async with await connect(postgres_url) as connection:
        await connection.execute(
            "insert into position (log, seq, log_time, snapshot_seq) "
            "values ('telemetry-0', 5, to_timestamp(%s / 1e6), 0)",
            (now_us,),
        )
    assert await since_last_entry(settings, now_us) is None
    assert "clock: was it set back?" in (await since_last_entry(settings, now_us - 7_200_000_000) or "")
    week = await since_last_entry(settings, now_us + 7 * 86_400_000_000)
    assert "nothing was recorded for 7 d: the charts have a gap" in (week or "")
