"""One commit is one transaction: all of it or nothing, at one position."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from psycopg import AsyncConnection, sql

from contract.alert import Alert, AlertEvent, Transition, TransitionKind
from contract.commit import Commit, Counts, KpiMinute, Position
from contract.errors import PositionMovedError
from contract.live import AlertChanged
from contract.reading import Corrections, Held, Readings, Scored
from contract.rejected import Reason, Rejected
from storage.alerts import alert_history, load_alert, open_alerts, recent_alerts
from storage.database import connect, open_pool
from storage.recovery import earlier_words
from storage.results import commit, load_position, look_up
from storage.upkeep.chunks import make_chunks
from storage.wall import (
    kpi_history,
    kpi_stretches,
    ledger,
    quarantine_counts,
    quarantine_page,
    series_history,
    unaccounted,
)

NOW_US = 1_795_000_000_000_000
DAY_US = 86_400_000_000
LOG = "telemetry-0"


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect(postgres_url) as connection:
        yield connection


def scored(times_us: list[int], series: int = 257, value: float = 1.0) -> Scored:
    n = len(times_us)
    readings = Readings(np.array(times_us, np.int64), np.full(n, series, np.int32), np.full(n, value))
    return Scored(readings, np.full(n, np.nan, np.float32))


async def count(conn: AsyncConnection[Any], table: str) -> int:
    cursor = await conn.execute(f"select count(*) from {table}")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def test_unknown_log_stands_at_nought(conn: AsyncConnection[Any]) -> None:
    assert await load_position(conn, LOG) == Position(0, 0, 0, None, Counts())


async def test_position_counts_and_snapshot_move_with_the_rows(conn: AsyncConnection[Any]) -> None:
    rows = scored([NOW_US, NOW_US + 1])
    await commit(conn, Commit(LOG, 0, 3, NOW_US, Counts(3, 2, 1, 0), rows, snapshot=b"state at 3"))
    assert await load_position(conn, LOG) == Position(3, NOW_US, 3, b"state at 3", Counts(3, 2, 1, 0))
    await commit(conn, Commit(LOG, 3, 4, NOW_US + 5, Counts(1, 1, 0, 0), scored([NOW_US + 2])))
    assert await load_position(conn, LOG) == Position(4, NOW_US + 5, 3, b"state at 3", Counts(4, 3, 1, 0))
    await commit(conn, Commit(LOG, 4, 9, NOW_US + 6, snapshot=b"state at 9"))
    assert await load_position(conn, LOG) == Position(9, NOW_US + 6, 9, b"state at 9", Counts(4, 3, 1, 0))
    assert await count(conn, "reading") == 3


async def test_ledger_names_what_does_not_add_up(conn: AsyncConnection[Any]) -> None:
    await commit(conn, Commit(LOG, 0, 1, NOW_US, Counts(3, 2, 1, 0)))
    await commit(conn, Commit("quarantine", 0, 1, NOW_US, Counts(2, 0, 0, 2)))
    assert await unaccounted(conn) == {}
    await commit(conn, Commit(LOG, 1, 2, NOW_US, Counts(5, 4, 0, 0), snapshot=b"x"))
    assert await unaccounted(conn) == {LOG: 1}
    assert await ledger(conn) == {
        "quarantine": Position(1, NOW_US, 0, None, Counts(2, 0, 0, 2)),
        LOG: Position(2, NOW_US, 2, None, Counts(8, 6, 1, 0)),
    }


@pytest.mark.parametrize("after", [0, 1, 7])
async def test_moved_position_refuses_and_writes_nothing(conn: AsyncConnection[Any], after: int) -> None:
    await commit(conn, Commit(LOG, 0, 5, NOW_US, Counts(1, 1, 0, 0), scored([NOW_US])))
    before = await load_position(conn, LOG)
    lost = Commit(
        LOG, after, 9, NOW_US, Counts(1, 1, 0, 0), scored([NOW_US + 1]),
        transitions=(transition(),), kpis=(KpiMinute(NOW_US, 0, 1, 1, 1, 1.0),), snapshot=b"lost",
    )  # fmt: skip
    with pytest.raises(PositionMovedError, match=LOG):
        await commit(conn, lost)
    assert await load_position(conn, LOG) == before
    assert [await count(conn, t) for t in ("reading", "transition", "kpi_minute")] == [1, 0, 0]


async def test_position_that_was_never_opened_cannot_move(conn: AsyncConnection[Any]) -> None:
    with pytest.raises(PositionMovedError):
        await commit(conn, Commit(LOG, 3, 4, NOW_US))
    assert await load_position(conn, LOG) == Position(0, 0, 0, None, Counts())


@pytest.mark.parametrize("after", [0, 1])
async def test_of_two_owners_one_commits(postgres_url: str, after: int) -> None:
    async with await connect(postgres_url) as one, await connect(postgres_url) as other:
        if after:
            await commit(one, Commit(LOG, 0, after, NOW_US))
        what = Commit(LOG, after, after + 1, NOW_US, Counts(1, 1, 0, 0), scored([NOW_US]))
        results = await asyncio.gather(commit(one, what), commit(other, what), return_exceptions=True)
        assert sorted(type(r).__name__ for r in results) == ["NoneType", "PositionMovedError"]
        assert await count(one, "reading") == 1


async def test_failure_within_leaves_nothing(conn: AsyncConnection[Any]) -> None:
    await commit(conn, Commit(LOG, 0, 1, NOW_US))
    wrong = Commit(LOG, 1, 2, NOW_US, rows=scored([NOW_US]), kpis=(KpiMinute(NOW_US, 99_999, 1, 1, 1, 1.0),))
    with pytest.raises(psycopg.Error):
        await commit(conn, wrong)
    assert (await load_position(conn, LOG)).seq == 1
    assert await count(conn, "reading") == 0
    await commit(conn, Commit(LOG, 1, 2, NOW_US, rows=scored([NOW_US])))
    assert await count(conn, "reading") == 1


async def test_rows_of_any_year_find_a_chunk(conn: AsyncConnection[Any]) -> None:
    times = [NOW_US - year * 365 * DAY_US for year in (0, 1, 1, 15)] + [0, -DAY_US, NOW_US + 1]
    await commit(conn, Commit(LOG, 0, 1, NOW_US, rows=scored(times)))
    history = await series_history(conn, [257], -2 * DAY_US, NOW_US + DAY_US)
    assert history.time_us.tolist() == sorted(times)


async def test_new_width_fills_the_gaps_between_old_chunks(conn: AsyncConnection[Any]) -> None:
    await commit(conn, Commit(LOG, 0, 1, NOW_US, rows=scored([NOW_US])))
    await conn.execute("update retention set chunk = interval '720 hours' where table_name = 'reading'")
    times = [NOW_US - DAY_US, NOW_US + DAY_US, NOW_US - 40 * DAY_US]
    await commit(conn, Commit(LOG, 1, 2, NOW_US, rows=scored(times)))
    cursor = await conn.execute("select from_at, to_at from chunk where table_name = 'reading' order by 1")
    bounds = await cursor.fetchall()
    assert all(upper <= lower for (_, upper), (lower, _) in pairwise(bounds))
    assert await count(conn, "reading") == 4


async def test_a_chunk_that_is_dropped_meanwhile_is_no_chunk(
    postgres_url: str, conn: AsyncConnection[Any]
) -> None:
    await commit(conn, Commit(LOG, 0, 1, NOW_US, rows=scored([NOW_US])))
    (old,) = await (await conn.execute("select name from chunk where table_name = 'reading'")).fetchall()
    async with await connect(postgres_url) as other, conn.transaction():
        # The catalog's rows are still seen; its functions know already that the table is gone.
        await conn.execute("set transaction isolation level repeatable read")
        await conn.execute("select from chunk")
        await other.execute(sql.SQL("drop table {}").format(sql.Identifier(*old)))
        assert await make_chunks(conn, "reading", np.array([NOW_US + DAY_US])) == 1


async def test_values_come_back_bit_for_bit(conn: AsyncConnection[Any]) -> None:
    values = np.array([0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.5, 0.1])
    n = len(values)
    readings = Readings(
        np.arange(NOW_US, NOW_US + n), np.array([2**31 - 1, 1, 256, 257, 258, 259], np.int32), values
    )
    score = np.array([0, 1, 0.1, np.nan, 1e-45, 0.5], np.float32)
    await commit(conn, Commit(LOG, 0, 1, NOW_US, rows=Scored(readings, score)))
    history = await series_history(conn, readings.series.tolist(), NOW_US, NOW_US + n)
    order = np.argsort(readings.series)
    assert history.sum.tobytes() == values[order].tobytes()
    assert history.score.tobytes() == score[order].tobytes()
    assert history.time_us.tolist() == readings.time_us[order].tolist()


async def test_the_table_tells_each_reading_in_its_place(conn: AsyncConnection[Any]) -> None:
    times = [NOW_US - hours * 3_600_000_000 for hours in range(40)]
    await commit(conn, Commit(LOG, 0, 1, NOW_US, rows=scored(times)))
    asked = Readings(
        np.array([times[3], times[3] + 1, times[39], times[39], times[3]], np.int64),
        np.array([257, 257, 257, 257, 258], np.int32),
        np.array([1.0, 1.0, 1.0, 2.0, 1.0]),
    )
    nothing, another, same = Held
    assert (await look_up(conn, asked)).tolist() == [same, nothing, same, another, nothing]
    assert (await look_up(conn, Readings.empty())).tolist() == []


def corrected(*words: tuple[int, float], score: float = 0.5) -> Corrections:
    """Return corrections of series 257: a time and a value each, arriving a second after the other."""
    times, values = zip(*words, strict=True)
    n = len(words)
    readings = Readings(np.array(times, np.int64), np.full(n, 257, np.int32), np.array(values))
    at_us = NOW_US + np.arange(1, n + 1) * 1_000_000
    return Corrections(Scored(readings, np.full(n, score, np.float32)), at_us)


async def test_a_correction_takes_the_place_of_its_row_and_keeps_the_earlier_word(
    conn: AsyncConnection[Any],
) -> None:
    """Of rows of the same commit, of an earlier one, and twice in a commit."""
    old, new, other = NOW_US - DAY_US, NOW_US, NOW_US + 1
    await commit(conn, Commit(LOG, 0, 1, NOW_US, Counts(1, 1), scored([old], value=700.0)))
    what = corrected((old, 1030.0), (new, 2.0), (new, 3.0))
    rows = scored([new, other])
    await commit(conn, Commit(LOG, 1, 2, NOW_US, Counts(5, 2, 0, 0, 3), rows, corrections=what))
    history = await series_history(conn, [257], old, other + 1)
    assert history.time_us.tolist() == [old, new, other]
    assert history.sum.tolist() == [1030.0, 3.0, 1.0]
    assert history.score.tolist()[:2] == [0.5, 0.5]
    cursor = await conn.execute(
        "select to_us(time), earlier, newest, to_us(corrected_at) from correction order by corrected_at"
    )
    at_us = what.at_us.tolist()
    assert await cursor.fetchall() == [
        (old, 700.0, 1030.0, at_us[0]), (new, 1.0, 2.0, at_us[1]), (new, 2.0, 3.0, at_us[2])
    ]  # fmt: skip
    said = Readings(np.full(4, new), np.full(4, 257, np.int32), np.array([1.0, 2.0, 3.0, 4.0]))
    assert (await look_up(conn, said)).tolist() == [Held.SAME, Held.SAME, Held.SAME, Held.ANOTHER]
    asked = np.array([257, 258], np.int32)
    at_mark = await earlier_words(conn, asked, np.array([new, old]))
    assert sorted(at_mark) == [(257, new, 1.0), (257, new, 2.0)]
    since = await earlier_words(conn, asked, np.array([old, old]))
    assert sorted(since) == [(257, old, 700.0), *sorted(at_mark)]
    assert await unaccounted(conn) == {}


async def test_the_corrections_of_a_refused_commit_change_nothing(conn: AsyncConnection[Any]) -> None:
    await commit(conn, Commit(LOG, 0, 5, NOW_US, rows=scored([NOW_US])))
    with pytest.raises(PositionMovedError):
        await commit(conn, Commit(LOG, 1, 6, NOW_US, corrections=corrected((NOW_US, 2.0))))
    assert (await series_history(conn, [257], NOW_US, NOW_US + 1)).sum.tolist() == [1.0]
    assert await count(conn, "correction") == 0


def transition(kind: TransitionKind = TransitionKind.OPENED) -> Transition:
    return Transition("a" * 16, kind, "wan_down", 257, 1, 1, NOW_US, NOW_US, NOW_US, 0.5, None, 2.0, None)


async def test_transition_is_kept_once_a_kind(conn: AsyncConnection[Any]) -> None:
    both = (transition(), transition(TransitionKind.RESOLVED))
    await commit(conn, Commit(LOG, 0, 1, NOW_US, transitions=both))
    await commit(conn, Commit(LOG, 1, 2, NOW_US, transitions=both))
    assert await count(conn, "transition") == 2


async def test_kpis_are_summed_over_partitions_and_replaced_by_minute(conn: AsyncConnection[Any]) -> None:
    minute = NOW_US // 60_000_000 * 60_000_000
    kpis = (KpiMinute(minute, 0, 3, 10, 9, 4.5), KpiMinute(minute, 1, 3, 5, 5, 1.0))
    await commit(conn, Commit(LOG, 0, 1, NOW_US, kpis=kpis))
    await commit(conn, Commit(LOG, 1, 2, NOW_US, kpis=(KpiMinute(minute, 1, 3, 6, 5, 2.0),)))
    history = await kpi_history(conn, 3, minute, minute + 1)
    columns = (history.minute_us, history.expected, history.reporting, history.total)
    assert [column.tolist() for column in columns] == [[minute], [16], [14], [6.5]]
    assert len((await kpi_history(conn, 4, minute, minute + 1)).total) == 0


async def test_stretches_of_minutes_are_means_of_what_is_kept(conn: AsyncConnection[Any]) -> None:
    minute = NOW_US // 60_000_000 * 60_000_000
    kpis = [KpiMinute(minute + n * 60_000_000, p, 3, 10, 9, 4.0 + n) for n in range(3) for p in (0, 1)]
    await commit(conn, Commit(LOG, 0, 1, NOW_US, kpis=tuple(kpis)))
    two, none = (minute, minute + 120_000_000), (minute + 600_000_000, minute + 900_000_000)
    assert await kpi_stretches(conn, [3, 4], [two, none]) == {(minute, 3): (20.0, 18.0, 9.0)}


async def test_quarantine_is_read_in_pages(conn: AsyncConnection[Any]) -> None:
    reasons = [Reason.NOT_JSON, Reason.TOO_OLD, Reason.NOT_JSON]
    rejected = tuple(
        Rejected(reason, f"edu/v1/79/{i}", f"detail {i}", NOW_US + i, 10 + i, "{}")
        for i, reason in enumerate(reasons)
    )
    await commit(conn, Commit("quarantine", 0, 1, NOW_US, Counts(3, 0, 0, 3), rejected=rejected))
    page = await quarantine_page(conn, 2)
    assert [row.rejected for row in page] == [rejected[2], rejected[1]]
    assert [row.rejected for row in await quarantine_page(conn, 2, before_id=page[-1].id)] == [rejected[0]]
    only = await quarantine_page(conn, 9, reason=Reason.NOT_JSON)
    assert [row.rejected for row in only] == [rejected[2], rejected[0]]
    assert await quarantine_counts(conn) == {Reason.NOT_JSON: 2, Reason.TOO_OLD: 1}


async def test_alerts_and_their_history(postgres_url: str) -> None:
    async with open_pool(postgres_url, max_size=1) as pool, pool.connection() as conn:
        first = Alert("a" * 16, "wan_down", 257, 1, 2, NOW_US, NOW_US + 1, 0.5, 1.0, None, None, 900)
        second = Alert("b" * 16, "slow_wan", 513, 2, 1, NOW_US + 9, NOW_US + 9, None, None, None, 0.9, 300)
        done = msgspec.structs.replace(
            first,
            acknowledged_at_us=NOW_US + 2,
            acknowledged_by="Lan",
            note="ISP called",
            resolved_at_us=NOW_US + 3,
        )
        opened = AlertEvent("a" * 16, "opened", NOW_US, "eduops", "", 0.5)
        resolved = AlertEvent("a" * 16, "resolved", NOW_US + 3, "eduops", "")
        other = AlertEvent("b" * 16, "opened", NOW_US + 9, "eduops", "")
        changes = (AlertChanged(first, opened), AlertChanged(second, other))
        await commit(conn, Commit("alerts", 0, 2, NOW_US, alerts=changes))
        assert await open_alerts(conn) == [second, first]
        await commit(conn, Commit("alerts", 2, 3, NOW_US, alerts=(AlertChanged(done, resolved),)))
        assert await open_alerts(conn) == [second]
        assert await load_alert(conn, "a" * 16) == done
        assert await load_alert(conn, "none") is None
        assert await alert_history(conn, "a" * 16) == [opened, resolved]
        assert await recent_alerts(conn, 10) == [second, done]
        assert await recent_alerts(conn, 1, before_us=NOW_US + 9) == [done]
        assert await recent_alerts(conn, 9, school_id=2, rule="slow_wan", priority=1) == [second]
        assert await recent_alerts(conn, 9, rule="wan_down", priority=1) == []
