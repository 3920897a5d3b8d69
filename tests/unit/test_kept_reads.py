"""What is costly to read: read once for all, not for ever, and not when the read failed."""

import asyncio

import pytest

from contract.errors import InfrastructureError
from ops_dashboard.kept_reads import KeptReads

AGE_S = 60.0
MOST = 3


class Tables:
    """What is asked of the tables, and whether they answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.is_away = False
        self.now_s = 0.0
        self.kept = KeptReads[str, str](AGE_S, MOST, lambda: self.now_s)

    async def get(self, key: str) -> str:
        async def read() -> str:
            self.asked.append(key)
            await self.answers.wait()
            if self.is_away:
                raise InfrastructureError("PostgreSQL does not answer")
            return key.upper()

        return await self.kept.get(key, read)


async def test_who_asks_meanwhile_waits_for_the_same_read_also_when_the_first_goes_away() -> None:
    tables = Tables()
    first, *others = (asyncio.create_task(tables.get("a")) for _ in range(50))
    await asyncio.sleep(0)
    first.cancel()
    tables.answers.set()
    assert await asyncio.gather(*others) == ["A"] * 49
    assert tables.asked == ["a"]


async def test_it_is_read_again_after_its_time_and_when_the_read_failed() -> None:
    tables = Tables()
    tables.answers.set()
    await tables.get("a")
    tables.now_s = AGE_S
    await tables.get("a")
    assert len(tables.asked) == 1
    tables.now_s, tables.is_away = AGE_S + 1, True
    for count in (2, 3):
        with pytest.raises(InfrastructureError):
            await tables.get("a")
        assert len(tables.asked) == count
    tables.is_away = False
    assert await tables.get("a") == "A"
    assert await tables.get("b") == "B"
    assert len(tables.asked) == 5


async def test_what_is_looked_at_stays() -> None:
    tables = Tables()
    tables.answers.set()
    for key in ("a", "b", "c", "a", "d", "a"):
        await tables.get(key)
    assert tables.asked == ["a", "b", "c", "d"]
    await tables.get("b")
    assert tables.asked == ["a", "b", "c", "d", "b"], "it was looked at longest ago"
