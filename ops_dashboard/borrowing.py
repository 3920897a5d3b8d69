"""A connection of a pool for a short question; whatever keeps it from answering is one kind of error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from psycopg import AsyncConnection, DataError, Error
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from contract.errors import InfrastructureError

ReaderPool = AsyncConnectionPool[AsyncConnection[Any]]

ANSWER_S: Final = 10.0
"""Longest wait for PostgreSQL, seconds; then the page says so instead of keeping a person waiting."""


@asynccontextmanager
async def borrowed(pool: ReaderPool, answer_s: float) -> AsyncIterator[AsyncConnection[Any]]:
    """Lend a connection for the length of the block, `answer_s` seconds at most.

    Raises:
        InfrastructureError: PostgreSQL does not answer.
    """
    try:
        async with asyncio.timeout(answer_s), pool.connection() as conn:
            yield conn
    except DataError:  # the question is wrong, and the database has answered
        raise
    except (Error, PoolTimeout, TooManyRequests, TimeoutError) as error:
        raise InfrastructureError(f"PostgreSQL does not answer: {error!r}") from error


class Reads:
    """Questions to the tables through one pool; each borrows a connection for as long as it takes."""

    def __init__(self, pool: ReaderPool) -> None:
        self.pool = pool

    def _connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        return borrowed(self.pool, ANSWER_S)
