"""How fast devices come (back) with the authoriser in the path: `python -m tests.measure_connects`.

Servers and authorisers of its own; every device has an issued credential and is one socket that says CONNECT
and waits for the answer. Whoever is refused or cut off comes again after a random while, as devices should.

    python -m tests.measure_connects [--devices 3541] [--authorisers 1] [--together 100000] [--sync 1s]
"""

import argparse
import asyncio
import json
import os
import random
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from bus.mqtt_frames import CONNACK, connect_packet
from contract.backoff import Backoff
from contract.devices.credential import DeviceName
from device_simulator.world.fleet import generate_fleet
from eduops.bench.processes import cpu_s
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.system import System
from eduops.settings import load_settings
from storage.database import connect
from storage.devices.credentials import issue
from tests.device_secrets import secret_of

RETRY = Backoff(1.0, 30.0)
ANSWER_S = 30.0
PORTS_AN_ADDRESS = 20_000
"""Connections from one loopback address; the next ones come from the next address."""


class Device(asyncio.Protocol):
    """One connection attempt."""

    def __init__(self, name: DeviceName) -> None:
        self._hello = connect_packet(str(name), str(name), secret_of(name))
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.answered.set_result(data[0] == CONNACK and data[3] == 0)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_result(False)


class Crowd:
    """All devices, and what became of their attempts."""

    def __init__(self, names: list[DeviceName], port: int, together: int) -> None:
        self._names = names
        self._port = port
        self._room = asyncio.Semaphore(together)
        self.first_try = 0
        self.attempts = 0
        self.took_s: list[float] = []
        self._open: list[asyncio.BaseTransport] = []

    async def come(self) -> float:
        """Connect all; return after how many seconds the last one stands."""
        self.first_try = self.attempts = 0
        self.took_s.clear()
        began_s = time.monotonic()
        await asyncio.gather(*(self._one(i, name) for i, name in enumerate(self._names)))
        return time.monotonic() - began_s

    async def leave(self) -> None:
        for transport in self._open:
            transport.abort()  # type: ignore[attr-defined]
        self._open.clear()
        await asyncio.sleep(0)

    async def _one(self, number: int, name: DeviceName) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        local = (f"127.0.0.{2 + number // PORTS_AN_ADDRESS}", 0)
        while True:
            async with self._room:
                self.attempts += 1
                began_s = time.monotonic()
                device = Device(name)
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await loop.create_connection(
                            partial(_itself, device), "127.0.0.1", self._port, local_addr=local
                        )
                        is_in = await device.answered
                except OSError:
                    is_in = False
            if is_in:
                self.took_s.append(time.monotonic() - began_s)
                self.first_try += failures == 0
                assert device.transport is not None
                self._open.append(device.transport)
                return
            if device.transport is not None:
                device.transport.abort()  # type: ignore[attr-defined]
            failures += 1
            await asyncio.sleep(RETRY.wait_s(failures, share=random.random()))


async def measure(devices: int, authorisers: int, together: int, sync: str) -> None:
    with tempfile.TemporaryDirectory(prefix="eduops-connects-") as place:
        os.chmod(place, 0o755)  # PostgreSQL's user has to reach it
        folder = DataFolder(Path(place) / "data")
        folder.create()
        settings = load_settings(
            overrides={"data": folder.path, "authorisers": authorisers, "sync_interval": sync, "schools": 8}
        )
        with folder.locked():
            system = System(folder, settings, print, ProcessOutput(folder.logs, quiet=True))
            stop = asyncio.Event()
            try:
                await system.start_servers()
                await system.prepare(lambda: generate_fleet(schools=8))
                names = [DeviceName(f"79{number:06d}", "gw-1") for number in range(devices)]
                async with await connect(system.settings.database_url or "") as conn:
                    began_s = time.monotonic()
                    await issue(conn, {name: secret_of(name) for name in names})
                    print(f"issued {devices:,} credentials in {time.monotonic() - began_s:.1f} s")
                await system.start_services("authoriser")
                await floods(folder, Crowd(names, system.settings.mqtt_port, together))
            finally:
                stop.set()
                await system.supervisor.stop()


async def floods(folder: DataFolder, crowd: Crowd) -> None:
    pids = {name: int(entry["pid"]) for name, entry in folder.read("state")["processes"].items()}
    for what in ("for the first time", "again"):
        before = cpu_s(pids)
        took_s = await crowd.come()
        used = {name: used_s - before[name] for name, used_s in cpu_s(pids).items()}
        count = len(crowd.took_s)
        print(
            json.dumps(
                {
                    "devices": count,
                    "what": what,
                    "seconds": round(took_s, 1),
                    "per_s": round(count / took_s),
                    "first_try": crowd.first_try,
                    "attempts": crowd.attempts,
                    "answer_p50_s": round(float(np.quantile(crowd.took_s, 0.5)), 3),
                    "answer_p99_s": round(float(np.quantile(crowd.took_s, 0.99)), 3),
                    "cpu_ms_per_connect": {n: round(s * 1000 / count, 3) for n, s in used.items()},
                }
            )
        )
        await crowd.leave()


def _itself(device: Device) -> Device:
    return device


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--devices", type=int, default=3541)
    arguments.add_argument("--authorisers", type=int, default=1)
    arguments.add_argument("--together", type=int, default=100_000)
    arguments.add_argument("--sync", default="1s")
    given = arguments.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if given.devices + 2000 > hard != resource.RLIM_INFINITY:
        arguments.error(f"{given.devices} devices need more descriptors than the {hard} of ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(measure(given.devices, given.authorisers, given.together, given.sync))


if __name__ == "__main__":
    main()
