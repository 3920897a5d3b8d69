"""The two backends of the log, each as the fixture `log`."""

from collections.abc import AsyncIterator

import pytest

from bus.jetstream import JetStreamLog
from bus.log import Log
from bus.memory import MemoryLog


@pytest.fixture(params=["memory", "jetstream"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    """An empty log store of one backend."""
    if request.param == "memory":
        yield MemoryLog()
        return
    nats = request.getfixturevalue("nats")
    async with JetStreamLog.connect(nats.url, **nats.login()) as connected:
        yield connected
