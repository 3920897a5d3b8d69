"""The weeks behind a school's page: read once for all, not for ever, and not when the read failed."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from contract.errors import InfrastructureError
from ops_dashboard.kept_weeks import AGE_S, MOST_SCHOOLS, WEEKS_US, KeptWeeks
from storage.wall import SeriesHistory

NOTHING = SeriesHistory(*(np.zeros(0, kind) for kind in ("i8", "i4", "i8", "f8", "f8", "f8", "f4")))


class Tables:
    """What is asked of the tables, and whether they answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[Sequence[int], int, int]] = []
        self.answers = asyncio.Event()
        self.is_away = False
        self.now_s = 0.0
        self.weeks = KeptWeeks(self.read, lambda: self.now_s)

    async def read(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        self.asked.append((series, from_us, to_us))
        await self.answers.wait()
        if self.is_away:
            raise InfrastructureError("PostgreSQL does not answer")
        return "15m", NOTHING


async def test_who_asks_meanwhile_waits_for_the_same_read_also_when_the_first_goes_away() -> None:
    tables = Tables()
    first, *others = (asyncio.create_task(tables.weeks.before([1, 2], WEEKS_US)) for _ in range(50))
    await asyncio.sleep(0)
    first.cancel()
    tables.answers.set()
    assert await asyncio.gather(*others) == [NOTHING] * 49
    assert tables.asked == [((1, 2), 0, WEEKS_US)]


async def test_it_is_read_again_after_its_time_on_another_day_and_when_the_read_failed() -> None:
    tables = Tables()
    tables.answers.set()
    await tables.weeks.before([1], WEEKS_US)
    tables.now_s = AGE_S
    await tables.weeks.before([1], WEEKS_US)
    assert len(tables.asked) == 1
    tables.now_s, tables.is_away = AGE_S + 1, True
    for count in (2, 3):
        with pytest.raises(InfrastructureError):
            await tables.weeks.before([1], WEEKS_US)
        assert len(tables.asked) == count
    tables.is_away = False
    await tables.weeks.before([1], WEEKS_US)
    await tables.weeks.before([1], WEEKS_US + 1)
    assert len(tables.asked) == 5


async def test_the_schools_that_are_looked_at_stay() -> None:
    tables = Tables()
    tables.answers.set()
    for school in range(MOST_SCHOOLS):
        await tables.weeks.before([school], WEEKS_US)
    await tables.weeks.before([0], WEEKS_US)
    await tables.weeks.before([MOST_SCHOOLS], WEEKS_US)
    await tables.weeks.before([0], WEEKS_US)
    assert len(tables.asked) == MOST_SCHOOLS + 1
    await tables.weeks.before([1], WEEKS_US)
    assert len(tables.asked) == MOST_SCHOOLS + 2, "it was looked at longest ago"
