"""Law 5: a commit is all there or not at all, and of two owners only who stands at the position commits.

Two owners of one log commit, fail, are killed and race in any order; after each step the tables hold exactly
what the commits wrote whose position was compared and set.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from contract.alert import Alert, AlertEvent, Transition, TransitionKind
from contract.commit import Commit, Counts, KpiMinute, Position
from contract.errors import EduopsError, PositionMovedError
from contract.live import AlertChanged
from contract.reading import Readings, Scored
from contract.rejected import Reason, Rejected
from storage.database import connect
from storage.results import commit, load_position

LOG = "telemetry-0"
NOW_US = 1_795_000_000_000_000
POISON = 13.0
"""A value that the test's table does not take: the copy of the rows is the last that a commit does."""
CONTENT = """
    select 'reading', series from reading
    union all select 'transition', alert_id::int from transition
    union all select 'kpi_minute', expected from kpi_minute
    union all select 'quarantine', payload_bytes from quarantine
    union all select 'alert', alert_id::int from alert
    union all select 'alert_event', alert_id::int from alert_event"""
"""What is in the tables, each row by the number of its commit."""
TABLES = ("reading", "transition", "kpi_minute", "quarantine", "alert", "alert_event")

Act = Literal["load", "commit", "snapshot", "words fail", "rows fail", "killed", "race"]
acts = st.sampled_from(["load", "commit", "commit", "snapshot", "words fail", "rows fail", "killed", "race"])
steps = st.lists(st.tuples(st.integers(0, 1), acts, st.integers(1, 3)), min_size=4, max_size=10)


def commit_of(number: int, after: int, length: int, act: Act) -> Commit:
    """Return a commit whose every row bears its number, so that none can be taken for another's."""
    n, at_us = str(number), NOW_US + number
    readings = Readings(
        np.array([at_us, at_us + 1], np.int64),
        np.full(2, number, np.int32),
        np.array([1.0, POISON if act == "rows fail" else 2.0]),
    )
    alert = Alert(n, "wan_down", 1, 1, 1, at_us, at_us, None, None, None, None, 700)
    partition = 99_999 if act == "words fail" else 0  # a smallint
    return Commit(
        LOG,
        after,
        after + length,
        at_us,
        Counts(2, 2),
        Scored(readings, np.zeros(2, np.float32)),
        (Transition(n, TransitionKind.OPENED, "r", 1, 1, 1, at_us, at_us, at_us, None, None, None, None),),
        (KpiMinute(at_us, partition, 1, number, 0, 0.0),),
        (Rejected(Reason.NOT_JSON, "", "", at_us, number),),
        (AlertChanged(alert, AlertEvent(n, "opened", at_us, "eduops", "")),),
        snapshot=n.encode() if act == "snapshot" else None,
    )


class Stage:
    """Two owners, the tables, and what the tables must hold."""

    def __init__(self, dsn: str, conn: AsyncConnection[Any], owners: list[AsyncConnection[Any]]) -> None:
        self._dsn = dsn
        self._conn = conn
        self._owners = owners
        self._believed = [0, 0]
        self._tried = 0
        self._done: list[int] = []
        self._position = Position(0, 0, 0, None, Counts())

    async def act(self, who: int, act: Act, length: int) -> None:
        """Take a step and compare."""
        if act == "load":
            await self._load(who)
        elif act == "race":
            await self._race(length)
        elif act == "killed":
            await self._killed(who, length)
        else:
            what = self._next(who, length, act)
            if what.after == self._position.seq and act in ("commit", "snapshot"):
                await commit(self._owners[who], what)
                self._keep(who, what)
            else:
                with pytest.raises((PositionMovedError, psycopg.Error)):
                    await commit(self._owners[who], what)
        await self._compare()

    async def _load(self, who: int) -> None:
        self._believed[who] = (await load_position(self._owners[who], LOG)).seq

    async def _race(self, length: int) -> None:
        """Both commit at once from the same position: one of them has committed."""
        for who in (0, 1):
            await self._load(who)
        both = [self._next(who, length + who, "commit") for who in (0, 1)]
        tried = (commit(owner, what) for owner, what in zip(self._owners, both, strict=True))
        results = await asyncio.gather(*tried, return_exceptions=True)
        assert [type(r) for r in results if r is not None] == [PositionMovedError]
        winner = results.index(None)
        self._keep(winner, both[winner])

    async def _killed(self, who: int, length: int) -> None:
        """The connection is ended at any moment of the commit: what the position says has happened."""
        what, owner = self._next(who, length, "commit"), self._owners[who]
        ended = self._conn.execute("select pg_terminate_backend(%s)", (owner.info.backend_pid,))
        result, _ = await asyncio.gather(commit(owner, what), ended, return_exceptions=True)
        assert result is None or isinstance(result, (psycopg.Error, EduopsError))
        await owner.close()
        self._owners[who] = await connect(self._dsn)
        now = await load_position(self._owners[who], LOG)
        if result is None or now != self._position:
            assert what.after == self._position.seq
            self._keep(who, what)

    def _next(self, who: int, length: int, act: Act) -> Commit:
        self._tried += 1
        return commit_of(self._tried, self._believed[who], length, act)

    def _keep(self, who: int, what: Commit) -> None:
        self._believed[who] = what.through
        self._done.append(int(what.rows.readings.series[0]))
        counts = self._position.counts.plus(what.counts)
        snapshot = (self._position.snapshot_seq, self._position.snapshot)
        if what.snapshot is not None:
            snapshot = (what.through, what.snapshot)
        self._position = Position(what.through, what.log_time_us, *snapshot, counts)

    async def _compare(self) -> None:
        assert await load_position(self._conn, LOG) == self._position
        cursor = await self._conn.execute(CONTENT)
        expected = Counter({(table, n): 1 + (table == "reading") for n in self._done for table in TABLES})
        assert Counter(await cursor.fetchall()) == expected


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Stage]:
    """A stage on empty tables."""
    owners = [await connect(dsn), await connect(dsn)]
    try:
        async with await connect(dsn) as conn:
            await conn.execute(f"truncate position, {', '.join(TABLES)}")
            yield Stage(dsn, conn, owners)
    finally:
        for owner in owners:
            await owner.close()


@pytest.fixture
async def poisoned_url(postgres_url: str) -> str:
    """A database that refuses `POISON` while rows are copied."""
    async with await connect(postgres_url) as conn:
        await conn.execute(f"alter table reading add constraint poison check (value <> {POISON})")
    return postgres_url


@settings(
    deadline=None,
    max_examples=15,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
async def test_the_tables_hold_what_was_committed_at_its_position(
    poisoned_url: str, steps: Sequence[tuple[int, Act, int]]
) -> None:
    async with opened(poisoned_url) as stage:
        for who, act, length in steps:
            await stage.act(who, act, length)
