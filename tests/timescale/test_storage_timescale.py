"""The same storage on a real TimescaleDB: hypertables, columnstore, continuous aggregates, policies."""

from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege

from contract.commit import Commit, Counts, KpiMinute
from contract.errors import PositionMovedError
from contract.reading import Corrections, Held, Readings, Scored
from storage.database import connect, prepare_database
from storage.results import commit, load_position, look_up
from storage.rights.roles import excess_rights, make_roles
from storage.rights.table import DatabaseRole
from storage.upkeep.jobs import job_troubles
from storage.upkeep.maintenance import WIDTHS, bucket_start, maintain
from storage.wall import BUCKETS, SeriesHistory, kept_bucket, kpi_history, ledger, series_history
from tests.made_up_readings import SERIES, as_rows, made_up

pytestmark = pytest.mark.timescale

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LOG = "telemetry-0"


async def scalar(conn: AsyncConnection[Any], question: str) -> Any:
    cursor = await conn.execute(question)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def server_now_us(conn: AsyncConnection[Any]) -> int:
    """Policies go by the server's clock, so these tests do too."""
    return int(await scalar(conn, "select to_us(now())"))


async def store(conn: AsyncConnection[Any], readings: Readings, log_time_us: int) -> None:
    seq = (await load_position(conn, LOG)).seq
    n = len(readings)
    rows = Scored(readings, np.full(n, np.nan, np.float32))
    await commit(conn, Commit(LOG, seq, seq + 1, log_time_us, Counts(n, n, 0, 0), rows))


async def all_of(conn: AsyncConnection[Any], end_us: int, bucket: str = "raw") -> SeriesHistory:
    return await series_history(conn, SERIES, 0, end_us + 9 * DAY_US, bucket)


async def run_jobs(conn: AsyncConnection[Any], proc_name: str, table: str) -> None:
    """Run a policy by hand, as its background worker would."""
    cursor = await conn.execute(
        "select job_id from timescaledb_information.jobs where proc_name = %s and hypertable_name = %s",
        [proc_name, table],
    )
    jobs = await cursor.fetchall()
    assert jobs
    for (job_id,) in jobs:
        await conn.execute(f"call run_job({int(job_id)})")


async def test_preparing_gives_hypertables_aggregates_and_policies(timescale_url: str) -> None:
    prepare_database(timescale_url, chunk_h=12, raw_retention_h=72)
    async with await connect(timescale_url) as conn:
        cursor = await conn.execute(
            "select hypertable_name, compression_enabled, time_interval "
            "from timescaledb_information.hypertables "
            "join timescaledb_information.dimensions using (hypertable_name) order by 1"
        )
        assert [row for row in await cursor.fetchall() if not row[0].startswith("_")] == [
            ("kpi_minute", True, timedelta(days=7)),
            ("reading", True, timedelta(hours=12)),
        ]
        cursor = await conn.execute(
            "select view_name, materialized_only "
            "from timescaledb_information.continuous_aggregates order by 1"
        )
        assert await cursor.fetchall() == [
            ("reading_15m", False),
            ("reading_1d", False),
            ("reading_1h", False),
        ]
        cursor = await conn.execute(
            "select hypertable_name, proc_name from timescaledb_information.jobs "
            "where hypertable_name is not null"
        )
        assert set(await cursor.fetchall()) == {
            ("kpi_minute", "policy_compression"),
            ("kpi_minute", "policy_retention"),
            ("reading", "policy_compression"),
            ("reading_15m", "policy_refresh_continuous_aggregate"),
            ("reading_15m", "policy_retention"),
            ("reading_1d", "policy_refresh_continuous_aggregate"),
            ("reading_1h", "policy_refresh_continuous_aggregate"),
            ("reading_1h", "policy_retention"),
        }
        cursor = await conn.execute(
            "select attname, segmentby_column_index, orderby_column_index "
            "from timescaledb_information.compression_settings where hypertable_name = 'reading'"
        )
        assert set(await cursor.fetchall()) == {("series", 1, None), ("time", None, 1)}
        assert await scalar(conn, "select keep from retention where table_name = 'reading'") == timedelta(
            hours=72
        )


async def test_commit_by_copy_and_position(conn: AsyncConnection[Any]) -> None:
    now_us = await server_now_us(conn)
    readings = made_up(5000, now_us - 40 * HOUR_US, now_us)
    await store(conn, readings, now_us)
    stored = await all_of(conn, now_us)
    assert sorted(zip(stored.series, stored.time_us, stored.sum, strict=True)) == sorted(
        zip(readings.series, readings.time_us, readings.value, strict=True)
    )
    assert (await look_up(conn, readings) == Held.SAME).all()
    shifted = Readings(readings.time_us + 1, readings.series + np.int32(7), readings.value)
    assert (await look_up(conn, shifted) == Held.NOTHING).all()
    lost = Commit(LOG, 0, 1, now_us, Counts(1, 1, 0, 0), Scored(readings, np.zeros(5000, np.float32)))
    with pytest.raises(PositionMovedError):
        await commit(conn, lost)
    assert len(await _times(conn, now_us)) == 5000


async def _times(conn: AsyncConnection[Any], now_us: int) -> list[int]:
    times: list[int] = (await all_of(conn, now_us)).time_us.tolist()
    return times


async def test_pages_read_the_same_as_on_plain_postgresql(timescale_url: str, postgres_url: str) -> None:
    answers = []
    now_us = 0
    for dsn in (timescale_url, postgres_url):
        async with await connect(dsn) as conn:
            now_us = now_us or await server_now_us(conn)
            minute = now_us // 60_000_000 * 60_000_000
            kpis = tuple(KpiMinute(minute - i * 60_000_000, i % 2, 1, 10, 9, i / 8) for i in range(200))
            for seed, age_h in enumerate((47, 40, 30, 2)):
                await store(conn, made_up(700, now_us - age_h * HOUR_US, now_us, seed), now_us)
                await maintain(conn, now_us - (4 - seed) * HOUR_US)
            await commit(conn, Commit(LOG, 4, 5, now_us, kpis=kpis))
            found = {bucket: as_rows(await all_of(conn, now_us, bucket)) for bucket in BUCKETS}
            kpi = await kpi_history(conn, 1, 0, now_us + 1)
            reach = [await kept_bucket(conn, now_us - age * DAY_US, "raw") for age in (1, 3, 91, 731)]
            told = (kpi.total.tolist(), kpi.minute_us.tolist(), await ledger(conn))
            answers.append((found, reach, *told))
    on_timescale, on_plain = answers
    assert on_timescale == on_plain
    assert sum(row[2] for row in on_plain[0]["1d"]) == 2800
    assert on_plain[1] == ["raw", "15m", "1h", "1d"]


async def test_late_rows_land_in_the_right_aggregates(conn: AsyncConnection[Any]) -> None:
    now_us = await server_now_us(conn)
    await store(conn, made_up(1000, now_us - 47 * HOUR_US, now_us), now_us)
    for table in ("reading_15m", "reading_1h", "reading_1d"):
        await run_jobs(conn, "policy_refresh_continuous_aggregate", table)
    before = as_rows(await all_of(conn, now_us, "15m"))
    late = Readings(
        np.array([now_us - 46 * HOUR_US], np.int64), np.array([257], np.int32), np.array([1_000_000.0])
    )
    await store(conn, late, now_us)
    assert as_rows(await all_of(conn, now_us, "15m")) == before
    for table in ("reading_15m", "reading_1h", "reading_1d"):
        await run_jobs(conn, "policy_refresh_continuous_aggregate", table)
        history = await all_of(conn, now_us, table.removeprefix("reading_"))
        at = int(np.argmax(history.max))
        assert (history.series[at], history.max[at]) == (257, 1_000_000.0)
        assert history.time_us[at] <= late.time_us[0]
        assert history.n.sum() == 1001


async def test_history_before_the_policies_window_is_rolled_up_by_maintain(
    conn: AsyncConnection[Any],
) -> None:
    now_us = await server_now_us(conn)
    old = made_up(500, now_us - 9 * DAY_US, now_us - 3 * DAY_US)
    await store(conn, old, now_us - 3 * DAY_US)
    await run_jobs(conn, "policy_refresh_continuous_aggregate", "reading_15m")
    assert (await maintain(conn, now_us)).buckets_rolled > 0
    more = made_up(500, now_us - 3 * DAY_US - 47 * HOUR_US, now_us - 3 * DAY_US, seed=2)
    await store(conn, more, now_us - 3 * DAY_US)
    await maintain(conn, now_us)
    for bucket in ("15m", "1h", "1d"):
        history = await all_of(conn, now_us, bucket)
        assert (history.n.sum(), history.sum.sum()) == (1000, old.value.sum() + more.value.sum()), bucket


async def test_chunk_in_the_columnstore_stays_readable_and_takes_late_rows(
    conn: AsyncConnection[Any],
) -> None:
    now_us = await server_now_us(conn)
    readings = made_up(2000, now_us - 40 * HOUR_US, now_us - 20 * HOUR_US)
    await store(conn, readings, now_us)
    before = as_rows(await all_of(conn, now_us))
    await run_jobs(conn, "policy_compression", "reading")
    packed = (
        "select count(*) from timescaledb_information.chunks "
        "where hypertable_name = 'reading' and is_compressed"
    )
    assert await scalar(conn, packed) > 0
    assert as_rows(await all_of(conn, now_us)) == before
    assert (await look_up(conn, readings) == Held.SAME).all()
    await store(conn, made_up(10, now_us - 40 * HOUR_US, now_us - 20 * HOUR_US, seed=5), now_us)
    assert len(await _times(conn, now_us)) == 2010


async def test_corrections_reach_the_columnstore_and_the_aggregates(conn: AsyncConnection[Any]) -> None:
    now_us = await server_now_us(conn)
    readings = made_up(2000, now_us - 40 * HOUR_US, now_us - 20 * HOUR_US)
    await store(conn, readings, now_us)
    await run_jobs(conn, "policy_refresh_continuous_aggregate", "reading_15m")
    await run_jobs(conn, "policy_compression", "reading")
    words = Readings(readings.time_us, readings.series, readings.value + 1000.0)
    what = Corrections(Scored(words, np.full(2000, np.nan, np.float32)), np.full(2000, now_us))
    await commit(conn, Commit(LOG, 1, 2, now_us, Counts(2000, corrected=2000), corrections=what))
    assert (await all_of(conn, now_us)).sum.sum() == words.value.sum()
    assert (await look_up(conn, readings) == Held.SAME).all()
    await run_jobs(conn, "policy_refresh_continuous_aggregate", "reading_15m")
    assert (await all_of(conn, now_us, "15m")).sum.sum() == words.value.sum()


async def test_raw_rows_go_and_their_buckets_stay(conn: AsyncConnection[Any]) -> None:
    now_us = await server_now_us(conn)
    readings = made_up(800, now_us - 6 * DAY_US, now_us)
    await store(conn, readings, now_us - 6 * DAY_US)
    await maintain(conn, now_us)
    assert len(await _times(conn, now_us)) == 800
    await store(conn, Readings.empty(), now_us)
    assert (await maintain(conn, now_us)).chunks_dropped > 0
    assert min(await _times(conn, now_us)) > now_us - 57 * HOUR_US
    for table in ("reading_15m", "reading_1h", "reading_1d"):
        await run_jobs(conn, "policy_refresh_continuous_aggregate", table)
    await maintain(conn, now_us)
    for bucket in ("15m", "1h", "1d"):
        assert (await all_of(conn, now_us, bucket)).n.sum() == 800


async def test_policies_drop_what_is_past_its_retention(conn: AsyncConnection[Any]) -> None:
    now_us = await server_now_us(conn)
    kpis = tuple(KpiMinute(now_us - days * DAY_US, 0, 1, 1, 1, 1.0) for days in (1, 80, 100, 120))
    await commit(conn, Commit(LOG, 0, 1, now_us, kpis=kpis))
    await run_jobs(conn, "policy_retention", "kpi_minute")
    assert len((await kpi_history(conn, 1, 0, now_us)).total) == 2
    old = made_up(50, now_us - 120 * DAY_US, now_us - 110 * DAY_US)
    await store(conn, old, now_us - 110 * DAY_US)
    await maintain(conn, now_us)
    await run_jobs(conn, "policy_retention", "reading_15m")
    chunks = (
        "select count(*) from timescaledb_information.chunks where range_end < now() - interval '91 days' "
        "and hypertable_name = (select materialization_hypertable_name "
        "from timescaledb_information.continuous_aggregates where view_name = 'reading_15m')"
    )
    assert await scalar(conn, chunks) == 0
    assert (await all_of(conn, now_us, "1h")).n.sum() == 50


async def test_a_job_that_failed_is_told(conn: AsyncConnection[Any]) -> None:
    found = await job_troubles(conn)
    assert found is not None
    assert found.jobs >= 8
    assert found.failed == ()
    assert found.workers is None or found.workers_busy <= found.workers
    await conn.execute(
        "create procedure breaks(job_id int, config jsonb) language plpgsql as "
        "$$ begin raise exception 'no'; end $$"
    )
    cursor = await conn.execute("select add_job('breaks', '1 hour')")
    row = await cursor.fetchone()
    assert row is not None
    await conn.execute(
        "insert into _timescaledb_internal.bgw_job_stat (job_id, last_start, last_finish, next_start, "
        "last_successful_finish, last_run_success, total_runs, total_duration, total_duration_failures, "
        "total_successes, total_failures, total_crashes, consecutive_failures, consecutive_crashes) "
        "values (%s, now(), now(), now(), '-infinity', false, 3, '0', '0', 0, 3, 0, 3, 0) "
        "on conflict (job_id) do update set last_finish = excluded.last_finish, last_run_success = false, "
        "total_failures = excluded.total_failures",
        [row[0]],
    )
    found = await job_troubles(conn)
    assert found is not None
    assert found.failed == ("breaks of the database (3 failures)",)


async def test_a_day_alone_is_rolled_up(timescale_url: str) -> None:
    """As it is after every midnight; most tests have several days at once."""
    prepare_database(timescale_url)
    async with await connect(timescale_url) as conn:
        midnight_us = bucket_start(await server_now_us(conn), WIDTHS[-1])
        yesterday = made_up(200, midnight_us - DAY_US, midnight_us)
        await store(conn, yesterday, midnight_us + HOUR_US)
        await maintain(conn, midnight_us + 3 * HOUR_US)
        await store(
            conn, made_up(200, midnight_us, midnight_us + 20 * HOUR_US, 2), midnight_us + 20 * HOUR_US
        )
        await maintain(conn, midnight_us + 27 * HOUR_US)
        days = await all_of(conn, midnight_us + DAY_US, "1d")
        assert sorted(set(days.time_us.tolist())) == [midnight_us - DAY_US, midnight_us]
        assert days.n.sum() == 400


async def test_the_processor_maintains_with_its_own_rights(timescale_url: str) -> None:
    with psycopg.connect(timescale_url, autocommit=True) as owner:
        make_roles(owner, dict.fromkeys(DatabaseRole))
    prepare_database(timescale_url)
    prepare_database(timescale_url)  # what is given already is left as it is
    async with await connect(timescale_url) as conn:
        assert await excess_rights(conn) == []
        now_us, owner_role = await server_now_us(conn), await scalar(conn, "select current_user")
        await conn.execute("set session authorization eduops_processor")
        await store(conn, made_up(500, now_us - 90 * HOUR_US, now_us), now_us)
        done = await maintain(conn, now_us)
        assert done.chunks_dropped > 0
        assert done.buckets_rolled > 0
        with pytest.raises(InsufficientPrivilege):
            await conn.execute("delete from audit")
        await conn.execute("set session authorization eduops_dashboard")
        assert await scalar(conn, "select count(*) from reading_1h") > 0
        assert await scalar(conn, "select count(*) from chunk") > 0
        for statement in ("insert into reading select * from reading limit 1", "drop table reading cascade"):
            with pytest.raises(InsufficientPrivilege):
                await conn.execute(statement)
        await conn.execute("select set_config('session_authorization', %s, false)", [owner_role])
        await run_jobs(conn, "policy_compression", "reading")
