"""Sessions of former names: what the broker still keeps in them is taken out once, then they end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from bus.mqtt import IngestSession, end_session
from bus.mqtt_store import MqttStore
from contract.errors import InfrastructureError

_logger: Final = logging.getLogger(__name__)
LOOK_S: Final = 1.0
Pump = Callable[[IngestSession, asyncio.Event], Coroutine[Any, Any, None]]
"""Moves messages from a session into the logs until the event is set."""


@dataclass(frozen=True, slots=True)
class Retiring:
    """Sessions to drain and end, and where to see how far they are."""

    store: MqttStore
    client_ids: Sequence[str]
    open: Callable[[str], IngestSession]

    async def run(self, pump: Pump) -> None:
        """Drain and end each session that the broker has; to be called once the new session stands.

        Until it ends a former session hears what the new one hears; what both bring is a duplicate.

        Args:
            pump: Moves messages from a session into the logs until the event is set.
        """
        for client_id in self.client_ids:
            while True:
                try:
                    await self._retire(client_id, pump)
                    break
                except (InfrastructureError, OSError) as error:
                    _logger.warning("event=session_not_retired client=%s: %s", client_id, error)
                    await asyncio.sleep(LOOK_S)

    async def _retire(self, client_id: str, pump: Pump) -> None:
        through, floor = (await self.store.taken()).messages, await self.store.floor(client_id)
        if floor is None:
            return
        done = asyncio.Event()
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self.open(client_id))
            pumping = asyncio.create_task(pump(session, done))
            try:
                while floor is not None and floor < through:
                    await asyncio.sleep(LOOK_S)
                    floor = await self.store.floor(client_id)
            finally:
                done.set()
                await pumping
        await end_session(session)
        _logger.info("event=session_retired client=%s", client_id)
