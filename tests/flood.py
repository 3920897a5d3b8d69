"""A city's gateways that all come back in the same instant, each publishing numbered readings."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Self

import numpy as np
import psycopg

from bus.device import DeviceConnection, DeviceLoop, LastWill
from tests.fault_table import Account
from tests.faults.checker import STEP_US, Broker, Gateway
from tests.running_system import PATIENCE_S, eventually

CADENCE_S = 10.0
"""Between two packs of a gateway, as in the city."""
AGE_S = 6 * 3600
"""How old a gateway's first reading is: behind the present, so that none is ever from the future."""


class CityDevices:
    """One MQTT connection a gateway, all on one loop in a thread of its own. Use as `with`.

    Every `CADENCE_S` each gateway publishes a pack of one reading with a time of its own, and a
    retained status whenever it comes back; its last will says that it is gone.
    """

    def __init__(
        self,
        broker: Broker,
        gateways: Sequence[Gateway],
        *,
        cadence_s: float = CADENCE_S,
        pack: int = 1,
    ) -> None:
        """Prepare; `with` connects. A pack has `pack` readings."""
        self.gateways = gateways
        self.attempted: set[tuple[int, int]] = set()
        """Series and time, µs since 1970, of every reading published."""
        self.acknowledged: set[tuple[int, int]] = set()
        """Those that the broker has acknowledged."""
        self._broker = broker
        self._cadence_s = cadence_s
        self._pack = pack
        self._first_us = (int(time.time()) - AGE_S) * 1_000_000
        self._numbers = [0] * len(gateways)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._devices: DeviceLoop | None = None
        self._connections: list[DeviceConnection] = []
        self._publishing: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connected(self) -> int:
        """Gateways whose connection stands."""
        return sum(connection.is_connected for connection in self._connections)

    def come_back_at_once(self) -> None:
        """Cut every line as a power cut does, and let all gateways dial again in the same instant."""
        self._run(self._reconnect())

    def wait_until_normal(self, patience_s: float = PATIENCE_S) -> float:
        """Return after how many seconds every gateway stood and the broker had all that was published."""
        began_s = time.monotonic()
        eventually(lambda: self.connected == len(self.gateways), "every gateway is back", patience_s)
        published = set(self.attempted)
        eventually(lambda: published <= self.acknowledged, "all is acknowledged", patience_s)
        return time.monotonic() - began_s

    def finish(self, patience_s: float = PATIENCE_S) -> None:
        """Stop publishing and return when everything attempted was acknowledged."""
        self._run(self._fall_silent())
        eventually(lambda: self.acknowledged == self.attempted, "all is acknowledged", patience_s)

    def account(self, database_url: str) -> Account:
        """Return what became of every reading; call it once nothing is in flight."""
        with psycopg.connect(database_url) as connection:
            found = connection.execute(
                "SELECT series, to_us(time) FROM reading WHERE time >= from_us(%s) AND series = ANY(%s)",
                (self._first_us, [gateway.series for gateway in self.gateways]),
            ).fetchall()
        rows = {(series, time_us) for series, time_us in found}
        return Account(
            attempted=len(self.attempted),
            acknowledged=len(self.acknowledged),
            stored=len(rows & self.attempted),
            lost=len(self.acknowledged - rows),
            doubled=len(found) - len(rows),
        )

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    async def _open(self) -> None:
        broker = self._broker
        devices = DeviceLoop(broker.host, broker.port, joins_per_s=math.inf)
        self._devices = await devices.__aenter__()
        for gateway in self.gateways:
            user, password = broker.login(gateway.topic)
            connection = devices.add(
                user,
                generator=np.random.default_rng(gateway.series),
                user=user,
                password=password,
                will=LastWill(_status_topic(gateway), b'{"online":false}'),
            )
            self._connections.append(connection)
            connection.connect()
        self._publishing = asyncio.create_task(self._publish())

    async def _close(self) -> None:
        await self._fall_silent()
        if self._devices is not None:
            await self._devices.__aexit__()

    async def _fall_silent(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()

    async def _reconnect(self) -> None:
        for connection in self._connections:
            connection.cut()
        for connection, gateway in zip(self._connections, self.gateways, strict=True):
            connection.connect()
            connection.publish(_status_topic(gateway), b'{"online":true}', retain=True)

    async def _publish(self) -> None:
        while True:
            for index in range(len(self.gateways)):
                self._publish_one(index)
                await asyncio.sleep(self._cadence_s / len(self.gateways))

    def _publish_one(self, index: int) -> None:
        gateway = self.gateways[index]
        first = self._numbers[index]
        self._numbers[index] += self._pack
        times = [self._first_us + number * STEP_US for number in range(first, first + self._pack)]
        readings = {(gateway.series, time_us) for time_us in times}
        payload = [{"n": "down_bps", "v": float(first + i), "t": t / 1e6} for i, t in enumerate(times)]
        self.attempted |= readings
        self._connections[index].publish(
            gateway.topic, json.dumps(payload).encode(), done=lambda: self.acknowledged.update(readings)
        )


def _status_topic(gateway: Gateway) -> str:
    return gateway.topic.replace("/bandwidth", "/status")
