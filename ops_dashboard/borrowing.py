"""A connection of a pool for a short question; whatever keeps it from answering is one kind of error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, DataError, Error
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from contract.errors import InfrastructureError

ReaderPool = AsyncConnectionPool[AsyncConnection[Any]]


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
