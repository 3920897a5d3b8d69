"""Rollups equal what the rows say, late rows land in them, and each table forgets when it should."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from psycopg import AsyncConnection

from contract.commit import Commit, Counts
from contract.figures.sums import COLUMNS
from contract.reading import Corrections, Readings, Scored
from storage.database import connect
from storage.results import commit, load_position
from storage.upkeep.maintenance import Maintained, maintain
from storage.wall import kept_bucket, series_history
from tests.made_up_readings import SERIES, as_rows, made_up

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOW_US = 1_795_000_000_000_000
WIDTH_US = {"15m": HOUR_US // 4, "1h": HOUR_US, "1d": DAY_US}
ORIGIN_US = {"15m": 0, "1h": 0, "1d": 17 * HOUR_US}


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect(postgres_url) as connection:
        yield connection


async def store(conn: AsyncConnection[Any], readings: Readings, log_time_us: int) -> None:
    position = await load_position(conn, "telemetry-0")
    n = len(readings)
    rows = Scored(readings, np.full(n, np.nan, np.float32))
    await commit(
        conn,
        Commit("telemetry-0", position.seq, position.seq + 1, log_time_us, Counts(n, n, 0, 0), rows),
    )


def rolled_by_hand(readings: Readings, width: str) -> list[tuple[float, ...]]:
    start = (readings.time_us - ORIGIN_US[width]) // WIDTH_US[width] * WIDTH_US[width] + ORIGIN_US[width]
    keys = sorted(set(zip(readings.series.tolist(), start.tolist(), strict=True)))
    found: list[tuple[float, ...]] = []
    for series, bucket in keys:
        values = readings.value[(readings.series == series) & (start == bucket)]
        found.append((bucket, series, len(values), values.sum(), values.min(), values.max()))
    return found


async def check_rollups(conn: AsyncConnection[Any], readings: Readings) -> None:
    for width in WIDTH_US:
        history = await series_history(conn, SERIES, 0, NOW_US + 9 * DAY_US, width)
        assert as_rows(history) == rolled_by_hand(readings, width), width


async def test_rollups_are_right_before_during_and_after_they_are_made(conn: AsyncConnection[Any]) -> None:
    first = made_up(3000, NOW_US - 40 * HOUR_US, NOW_US)
    await store(conn, first, NOW_US)
    await check_rollups(conn, first)
    assert (await maintain(conn, NOW_US - 20 * HOUR_US)).buckets_rolled > 0
    await check_rollups(conn, first)
    await maintain(conn, NOW_US)
    await check_rollups(conn, first)
    assert await maintain(conn, NOW_US) == Maintained()


async def test_late_rows_land_in_their_buckets(conn: AsyncConnection[Any]) -> None:
    first = made_up(500, NOW_US - 47 * HOUR_US, NOW_US)
    late = made_up(200, NOW_US - 47 * HOUR_US, NOW_US, seed=2)
    await store(conn, first, NOW_US)
    await maintain(conn, NOW_US)
    await store(conn, late, NOW_US)
    await maintain(conn, NOW_US)
    await check_rollups(conn, Readings.concat([first, late]))


async def test_corrections_reach_their_buckets(conn: AsyncConnection[Any]) -> None:
    first = made_up(500, NOW_US - 47 * HOUR_US, NOW_US)
    _, once = np.unique(np.stack([first.series, first.time_us]), axis=1, return_index=True)
    first = first.take(np.sort(once))
    await store(conn, first, NOW_US)
    await maintain(conn, NOW_US)
    wrong = np.arange(0, len(first), 7)
    words = Readings(first.time_us[wrong], first.series[wrong], first.value[wrong] + 1000.0)
    n = len(words)
    what = Corrections(Scored(words, np.full(n, np.nan, np.float32)), np.full(n, NOW_US))
    await commit(conn, Commit("telemetry-0", 1, 2, NOW_US, Counts(n, corrected=n), corrections=what))
    await maintain(conn, NOW_US)
    first.value[wrong] += 1000.0
    await check_rollups(conn, first)


async def test_buckets_outlive_their_rows(conn: AsyncConnection[Any]) -> None:
    first = made_up(2000, NOW_US - 40 * HOUR_US, NOW_US)
    await store(conn, first, NOW_US)
    await maintain(conn, NOW_US)
    later_us = NOW_US + 4 * DAY_US
    await store(conn, Readings.empty(), later_us)
    assert (await maintain(conn, later_us)).chunks_dropped > 0
    assert len((await series_history(conn, SERIES, 0, later_us)).n) == 0
    await check_rollups(conn, first)


async def test_commits_during_maintenance_are_rolled_up_in_the_end(postgres_url: str) -> None:
    parts = [made_up(300, NOW_US - 40 * HOUR_US, NOW_US, seed) for seed in range(12)]

    async def write() -> None:
        async with await connect(postgres_url) as conn:
            for part in parts:
                await store(conn, part, NOW_US)

    async def keep() -> None:
        async with await connect(postgres_url) as conn:
            for step in range(8):
                await maintain(conn, NOW_US - (8 - step) * 5 * HOUR_US)

    await asyncio.gather(write(), keep())
    async with await connect(postgres_url) as conn:
        await maintain(conn, NOW_US)
        await check_rollups(conn, Readings.concat(parts))


async def test_a_refresh_cut_short_is_done_again(conn: AsyncConnection[Any]) -> None:
    first = made_up(300, NOW_US - 10 * HOUR_US, NOW_US)
    await store(conn, first, NOW_US)
    await maintain(conn, NOW_US)
    late = made_up(100, NOW_US - 10 * HOUR_US, NOW_US - HOUR_US, seed=3)
    await store(conn, late, NOW_US)
    await conn.execute("update touched_bucket set taken = true")
    await maintain(conn, NOW_US)
    await check_rollups(conn, Readings.concat([first, late]))


async def test_two_maintainers_do_not_meet(postgres_url: str) -> None:
    async with await connect(postgres_url) as one, await connect(postgres_url) as other:
        await one.execute("select pg_advisory_lock(hashtext('eduops/maintain'))")
        assert await maintain(other, NOW_US) == Maintained()
        await one.execute("select pg_advisory_unlock_all()")
        assert (await maintain(other, NOW_US)).chunks_made > 0


async def test_chunks_are_ready_before_their_time(conn: AsyncConnection[Any]) -> None:
    await maintain(conn, NOW_US)
    cursor = await conn.execute("select to_us(max(to_at)) from chunk where table_name = 'reading'")
    row = await cursor.fetchone()
    assert row is not None
    assert row[0] > NOW_US + 6 * HOUR_US


async def test_raw_rows_wait_for_the_fold(conn: AsyncConnection[Any]) -> None:
    """A backlog's duplicates are looked for among rows that are old by the clock, not by the log."""
    rows = made_up(100, NOW_US - HOUR_US, NOW_US)
    await store(conn, rows, NOW_US)
    later_us = NOW_US + 5 * DAY_US
    await maintain(conn, later_us)
    assert len((await series_history(conn, SERIES, 0, later_us)).n) == 100
    await store(conn, Readings.empty(), later_us)
    await maintain(conn, later_us)
    assert len((await series_history(conn, SERIES, 0, later_us)).n) == 0


async def test_what_is_older_is_read_from_what_is_kept_longer(conn: AsyncConnection[Any]) -> None:
    ages_us = {49 * HOUR_US: "raw", 51 * HOUR_US: "15m", 91 * DAY_US: "1h", 731 * DAY_US: "1d"}
    assert [await kept_bucket(conn, NOW_US - age_us, "raw") for age_us in ages_us] == ["raw"] * 4
    await store(conn, made_up(1, NOW_US - 1, NOW_US), NOW_US)
    assert [await kept_bucket(conn, NOW_US - age_us, "raw") for age_us in ages_us] == [*ages_us.values()]
    assert await kept_bucket(conn, NOW_US - HOUR_US, "15m") == "15m"


async def test_no_chunk_goes_before_the_first_commit(conn: AsyncConnection[Any]) -> None:
    """History begins with a chunk older than its retention, made a moment before its rows."""
    await conn.execute("select ensure_chunks('reading', array[from_us(%s)])", [NOW_US - 9 * DAY_US])
    assert (await maintain(conn, NOW_US)).chunks_dropped == 0
    await store(conn, Readings.empty(), NOW_US)
    assert (await maintain(conn, NOW_US)).chunks_dropped == 1


INSERT = {
    "kpi_minute": "(minute, partition, metric_id, expected, reporting, total) values ({at}, 0, 1, 1, 1, 1)",
    "quarantine": "(at, reason, topic, detail, payload_bytes, excerpt) values ({at}, 'x', '', '', 1, '')",
    "transition": "(alert_id, kind, rule, series, school_id, priority, opened_at, at, detected_at) "
    "values ({at}::text, 'opened', 'r', 1, 1, 1, {at}, {at}, {at})",
    "alert": "(alert_id, rule, series, school_id, priority, opened_at, detected_at, pupils, resolved_at) "
    "values ({at}::text, 'r', 1, 1, 1, {at}, {at}, 1, {at})",
    "alert_event": "(alert_id, kind, at, actor, note) values ('a', 'noted', {at}, 'x', '')",
    "incident": "(incident_id, state, cause, isp, cluster_code, ward_code, rule, rules, cause_rules, "
    "priority, worst_priority, alerts, all_alerts, unacknowledged, schools, most_schools, pupils, "
    "most_pupils, lost_pupil_s, counted_at, began_at, opened_at, last_opened_at, ended_at) "
    "values ({at}::text, 'resolved', 'school', '', '', '', 'r', '{{}}', '{{}}', 1, 1, 0, 1, 0, 0, 1, 0, 1, "
    "1, {at}, {at}, {at}, {at}, {at})",
    "incident_member": "values ({at}::text, 'i', {at}, {at})",
    "incident_event": "(incident_id, kind, at, actor, alerts, other) values ('i', 'left', {at}, 'x', 1, '')",
    "duty_swap": "(swap_id, rota, person, from_at, until_at, actor, reason, created_at) "
    "values ({at}::text, 'crew', 'An', {at}, {at}, 'x', '', {at})",
    "silence": "(silence_id, kind, matchers, from_at, until_at, owner, reason, created_at, recurrence) "
    "values ({at}::text, 'silence', '[]', {at}, {at}, 'x', '', {at}, 'null')",
    "exercise": "values ({at}::text, 'x', '', '{{1}}', {at}, {at}, {at})",
    "figure": "values ('city', '', '', {at}, 'day', {at}, " + "0, " * len(COLUMNS) + "'{{}}')",
    "figure_day": "values ({at}, {at}, {at})",
    "outside_alert": "values ({at}::text, 'a', {at}, {at}, false)",
    "notice": "(notice_id, incident_id, recipient, contact, reason, priority, decided_at, route, step, fate, "
    "over_at) values ({at}::text, 'i', 'x', 'x', 'opened', 1, {at}, '', 1, 'sent', {at})",
    "notice_attempt": "values ({at}::text, 1, {at}, 'inbox', 'sent', '', '', '')",
    "scheduled_report": "values ({at}::text, 'x', 'day', {at}, '{{pdf}}', null, {at})",
    "reading": "values ({at}, 257, 1, 'NaN')",
    "correction": "values (257, {at}, 1, 2, {at})",
    "reading_15m_rolled": "values ({at}, 257, 1, 1, 1, 1)",
    "reading_1h_rolled": "values ({at}, 257, 1, 1, 1, 1)",
}


@pytest.mark.parametrize("table", INSERT)
async def test_each_table_forgets_when_its_retention_says(conn: AsyncConnection[Any], table: str) -> None:
    cursor = await conn.execute(
        "select to_us(from_us(0) + keep), coalesce(to_us(from_us(0) + chunk), 0) from retention "
        "where table_name = %s",
        [table],
    )
    keep_us, chunk_us = await cursor.fetchone() or (0, 0)
    assert keep_us > 48 * HOUR_US
    await store(conn, Readings.empty(), NOW_US)
    near_us = DAY_US if table.startswith("figure") else HOUR_US  # figures are of whole days
    for age_us in (keep_us - near_us, keep_us + chunk_us + near_us):
        at = f"from_us({NOW_US - age_us})"
        if chunk_us:
            await conn.execute(f"select ensure_chunks(%s, array[{at}])", [table])
        await conn.execute(f"insert into {table} {INSERT[table].format(at=at)}")
    await maintain(conn, NOW_US)
    cursor = await conn.execute(f"select count(*) from {table}")
    assert await cursor.fetchone() == (1,)


async def test_retention_covers_every_table_that_ages(conn: AsyncConnection[Any]) -> None:
    cursor = await conn.execute("select table_name from retention where keep is not null")
    assert {name for (name,) in await cursor.fetchall()} == set(INSERT)


async def test_open_alerts_are_never_forgotten(conn: AsyncConnection[Any]) -> None:
    await conn.execute(
        "insert into alert (alert_id, rule, series, school_id, priority, opened_at, detected_at, pupils) "
        "values ('a', 'r', 1, 1, 1, from_us(0), from_us(0), 1)"
    )
    await maintain(conn, NOW_US)
    cursor = await conn.execute("select count(*) from alert")
    assert await cursor.fetchone() == (1,)
