"""Sessions of former names: what the broker still keeps in them is taken out once, then they end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bus.mqtt import PROBE_TOPIC, MqttMessage, end_session
from bus.mqtt_store import MqttStore
from contract.errors import InfrastructureError
from ingest.config import GatewayConfig
from ingest.slices import inherited_subscription

_logger: Final = logging.getLogger(__name__)
AGAIN_S: Final = 1.0
BATCH: Final = 200
Keep = Callable[[Sequence[MqttMessage]], Awaitable[bool]]
"""Makes messages durable in their logs; False if the service stopped before."""


@dataclass(frozen=True, slots=True)
class Retiring:
    """Sessions to drain and end, and where they are.

    Messages are read from the broker's store, not through the session: that would bring the new ones
    too, which the session of today has, and readings without a time of their own would count twice.
    """

    store: MqttStore
    config: GatewayConfig
    successor: str
    """The session of today: it has what came since it began."""
    client_ids: Sequence[str]

    async def run(self, keep: Keep) -> None:
        """Drain and end each session that the broker has; to be called once the new session stands."""
        taken: set[int] = set()
        for client_id in self.client_ids:
            while True:
                try:
                    await self._retire(client_id, keep, taken)
                    break
                except (InfrastructureError, OSError) as error:
                    _logger.warning("event=session_not_retired client=%s: %s", client_id, error)
                    await asyncio.sleep(AGAIN_S)

    async def _retire(self, client_id: str, keep: Keep, taken: set[int]) -> None:
        """Drain and end a session, but for messages of the numbers that another one had too."""
        if await self.store.began_ns(client_id) is None:
            return
        since_ns, before = await self.store.began_ns(self.successor), len(taken)
        if since_ns is None:
            raise InfrastructureError(f"the broker has no session {self.successor} yet")
        plain = inherited_subscription(0).plain
        batch: list[MqttMessage] = []
        numbers: list[int] = []
        async for number, topic, payload in self.store.kept(client_id, since_ns):
            if number in taken or plain(topic).startswith(PROBE_TOPIC):
                continue
            batch.append(MqttMessage(plain(topic), payload, 0, 1, False))
            numbers.append(number)
            if len(batch) == BATCH:
                if not await keep(batch):
                    return
                taken.update(numbers)
                batch, numbers = [], []
        if batch and not await keep(batch):
            return
        taken.update(numbers)
        config = self.config
        address = (config.mqtt_host, config.mqtt_port)
        await end_session(address, client_id, config.mqtt_user, config.mqtt_password, config.mqtt_trust)
        _logger.info("event=session_retired client=%s messages=%d", client_id, len(taken) - before)
