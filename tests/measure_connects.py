"""How fast devices come (back) with the authoriser in the path: `python -m tests.measure_connects`.

Servers and authorisers of its own; every device has an issued credential and is one socket that says CONNECT
and waits for the answer. Whoever is refused or cut off comes again after a random while, as devices should.
Between both times the servers finish with those that left, which is told as `left`; `devices` is what the
devices themselves cost. With `--nodes 3` the brokers are a cluster, and each has a process of its own for
its devices: descriptors are limited by the process.

    python -m tests.measure_connects [--devices 3541] [--authorisers 1] [--nodes 1] [--together 100000]
                                     [--spread 0] [--sync 1s] [--tls]
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import resource
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bus.mqtt_frames import CONNACK, connect_packet
from bus.rights import BrokerUser
from config.tls import TlsFiles
from contract.devices.credential import DeviceName
from contract.service.backoff import Backoff
from device_simulator.world.fleet import generate_fleet
from eduops.bench.processes import cpu_s
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.ports import free_ports
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import EmbeddedNats, prepare_nats
from eduops.machine.system import System, accepts
from eduops.settings import load_settings
from storage.database import connect
from storage.devices.credentials import issue
from tests.certificates import Authority
from tests.device_secrets import secret_of
from tests.running_system import eventually

RETRY = Backoff(1.0, 30.0)
ANSWER_S = 30.0
PORTS_AN_ADDRESS = 20_000
"""Connections from one loopback address; the next ones come from the next address."""


class Door(NamedTuple):
    """Where the devices of one process go, and from which addresses."""

    port: int
    first_address: int
    together: int
    spread_s: float
    """Each device waits a random part of this before its first attempt."""
    authority: str
    """File of the authority whose certificates count; "" for MQTT in clear."""


class Came(NamedTuple):
    """How the devices of one process came in."""

    first_try: int
    attempts: int
    took_s: list[float]
    cpu_s: float
    """Of the process of the devices."""


class Device(asyncio.Protocol):
    """One connection attempt."""

    def __init__(self, name: DeviceName) -> None:
        self._hello = connect_packet(str(name), str(name), secret_of(name))
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

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
    """The devices of one process, and what became of their attempts."""

    def __init__(self, names: Sequence[DeviceName], door: Door) -> None:
        self._names = names
        self._door = door
        self._room = asyncio.Semaphore(door.together)
        self._tls = ssl.create_default_context(cafile=door.authority) if door.authority else None
        self._open: list[asyncio.Transport] = []
        self._first_try = self._attempts = 0
        self._took_s: list[float] = []

    async def come(self) -> Came:
        """Connect all; return once the last one stands."""
        self._first_try = self._attempts = 0
        self._took_s = []
        began_s = time.process_time()
        await asyncio.gather(*(self._one(i, name) for i, name in enumerate(self._names)))
        return Came(self._first_try, self._attempts, self._took_s, time.process_time() - began_s)

    async def leave(self) -> None:
        for transport in self._open:
            _cut(transport)
        self._open.clear()
        await asyncio.sleep(0)

    async def _one(self, number: int, name: DeviceName) -> None:
        failures = 0
        await asyncio.sleep(random.random() * self._door.spread_s)
        while not await self._try(number, name, is_first=failures == 0):
            failures += 1
            await asyncio.sleep(RETRY.wait_s(failures, share=random.random()))

    async def _try(self, number: int, name: DeviceName, *, is_first: bool) -> bool:
        loop = asyncio.get_running_loop()
        local = (f"127.0.0.{self._door.first_address + number // PORTS_AN_ADDRESS}", 0)
        async with self._room:
            self._attempts += 1
            began_s = time.monotonic()
            device, is_in = Device(name), False
            with contextlib.suppress(OSError):
                async with asyncio.timeout(ANSWER_S):
                    await loop.create_connection(
                        partial(_itself, device),
                        "127.0.0.1",
                        self._door.port,
                        local_addr=local,
                        ssl=self._tls,
                        ssl_handshake_timeout=ANSWER_S if self._tls else None,
                    )
                    is_in = await device.answered
        if is_in and device.transport is not None:
            self._took_s.append(time.monotonic() - began_s)
            self._first_try += is_first
            self._open.append(device.transport)
        elif device.transport is not None:
            _cut(device.transport)
        return is_in


def _cut(transport: asyncio.Transport) -> None:
    """End a line at once: a machine that simulates thousands must not run out of ports that linger."""
    line = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it has ended by itself
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def run_crowd(names: Sequence[DeviceName], door: Door, line: "Connection[Any, Any]") -> None:
    """Come and leave as told over the line, in a process of its own."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> None:
        crowd = Crowd(names, door)
        while await asyncio.to_thread(line.recv) == "come":
            line.send(await crowd.come())
            await asyncio.to_thread(line.recv)
            await crowd.leave()
            line.send("left")

    asyncio.run(run())


class Brokers:
    """The broker of `eduops up`, or several of them as a cluster."""

    def __init__(self, place: Path, nodes: int, sync: str, tls: TlsFiles | None) -> None:
        routes = free_ports(nodes)
        urls = json.dumps([f"nats://127.0.0.1:{port}" for port in routes])
        self.nodes: list[EmbeddedNats] = []
        self.servers: list[Server] = []
        for number, route in enumerate(routes):
            data, name = place / f"n{number}", f"n{number}"
            (data / "nats").mkdir(parents=True)
            if self.nodes:  # all know the same users
                drawn = self.nodes[0].folder / "credentials.json"
                (data / "nats" / drawn.name).write_bytes(drawn.read_bytes())
            node = prepare_nats(data, sync_interval=sync, mqtt_tls=tls)
            spec = node.spec()
            if nodes > 1:
                file = node.folder / "nats.conf"
                own = f'cluster {{ name: eduops, listen: "127.0.0.1:{route}", routes: {urls} }}'
                file.write_text(
                    file.read_text().replace("server_name: eduops", f"server_name: {name}\n{own}")
                )
                spec = replace(
                    spec, ready=partial(accepts, "127.0.0.1", node.port)
                )  # MQTT waits for the others
            self.nodes.append(node)
            self.servers.append(Server(spec, place / f"{name}.log"))

    def start(self) -> None:
        for server in self.servers:
            server.start()
        eventually(lambda: all(node.answers() for node in self.nodes), "every node serves MQTT")

    def kill(self) -> None:
        for server in self.servers:
            server.kill()


async def measure(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="eduops-connects-") as name:
        place = Path(name)
        os.chmod(place, 0o755)  # PostgreSQL's user has to reach it
        authority = Authority(place) if given.tls else None
        tls = authority.sign(place / "tls") if authority else None
        brokers = Brokers(place, given.nodes, given.sync, tls)
        folder = DataFolder(place / "data")
        folder.create()
        own = brokers.nodes[0].passwords
        settings = load_settings(
            overrides={
                "data": folder.path,
                "authorisers": given.authorisers,
                "schools": 8,
                "nats_url": ",".join(node.url for node in brokers.nodes),
                "nats_user": BrokerUser.OPERATOR,
                "nats_password": own[BrokerUser.OPERATOR],
                "authoriser_password": own[BrokerUser.AUTHORISER],
            }
        )
        with folder.locked():
            system = System(folder, settings, print, ProcessOutput(folder.logs, quiet=True))
            try:
                brokers.start()
                await system.start_servers()
                await system.prepare(lambda: generate_fleet(schools=8))
                names = [DeviceName(f"79{number:06d}", "gw-1") for number in range(given.devices)]
                async with await connect(system.settings.database_url or "") as conn:
                    began_s = time.monotonic()
                    await issue(conn, {name: secret_of(name) for name in names})
                    print(f"issued {len(names):,} credentials in {time.monotonic() - began_s:.1f} s")
                await system.start_services("authoriser")
                pids = {f"nats-{i}": server.pid or 0 for i, server in enumerate(brokers.servers)}
                running = folder.read("state")["processes"]
                pids |= {name: int(entry["pid"]) for name, entry in running.items()}
                file = "" if authority is None else str(authority.file)
                addresses = range(2, 255, 1 + given.devices // given.nodes // PORTS_AN_ADDRESS)
                doors = [
                    Door(node.mqtt_port, first, given.together // given.nodes, given.spread, file)
                    for node, first in zip(brokers.nodes, addresses, strict=False)
                ]
                await asyncio.to_thread(floods, names, doors, pids)
            finally:
                await system.supervisor.stop()
                brokers.kill()


def floods(names: list[DeviceName], doors: list[Door], pids: dict[str, int]) -> None:
    """Let all come, leave and come again, and print how that went."""
    context = multiprocessing.get_context("spawn")
    lines: list[Connection[Any, Any]] = []
    crowds = []
    for number, door in enumerate(doors):
        ours, theirs = context.Pipe()
        crowds.append(context.Process(target=run_crowd, args=(names[number :: len(doors)], door, theirs)))
        crowds[-1].start()
        theirs.close()
        lines.append(ours)
    for what in ("for the first time", "again"):
        before, began_s = cpu_s(pids), time.monotonic()
        for line in lines:
            line.send("come")
        came: list[Came] = [line.recv() for line in lines]
        seconds = time.monotonic() - began_s
        tell(what, seconds, came, {name: used_s - before[name] for name, used_s in cpu_s(pids).items()})
        before, began_s = cpu_s(pids), time.monotonic()
        for line in lines:
            line.send("leave")
        for line in lines:
            line.recv()
        settle(pids)
        used_s = {name: used_s - before[name] for name, used_s in cpu_s(pids).items()}
        found = {"what": "left", "seconds": round(time.monotonic() - began_s, 1)}
        print(json.dumps({**found, "cpu_ms_per_connect": per_connect(used_s, len(names))}), flush=True)
    for line, crowd in zip(lines, crowds, strict=True):
        line.send("end")
        crowd.join()


def settle(pids: dict[str, int]) -> None:
    """Wait until the servers have next to nothing to do: less than a twentieth of a core within a second."""
    used_s = sum(cpu_s(pids).values())
    while True:
        time.sleep(1.0)
        before_s, used_s = used_s, sum(cpu_s(pids).values())
        if used_s - before_s < 0.05:
            return


def per_connect(used_s: dict[str, float], devices: int) -> dict[str, float]:
    return {name: round(seconds * 1000 / devices, 3) for name, seconds in used_s.items()}


def tell(what: str, seconds: float, came: list[Came], used_s: dict[str, float]) -> None:
    took_s = [second for one in came for second in one.took_s]
    found = {
        "devices": len(took_s),
        "what": what,
        "seconds": round(seconds, 1),
        "per_s": round(len(took_s) / seconds),
        "first_try": sum(one.first_try for one in came),
        "attempts": sum(one.attempts for one in came),
        "answer_p50_s": round(float(np.quantile(took_s, 0.5)), 3),
        "answer_p99_s": round(float(np.quantile(took_s, 0.99)), 3),
        "cpu_ms_per_connect": per_connect({**used_s, "devices": sum(c.cpu_s for c in came)}, len(took_s)),
    }
    print(json.dumps(found), flush=True)


def _itself(device: Device) -> Device:
    return device


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--devices", type=int, default=3541)
    arguments.add_argument("--authorisers", type=int, default=1)
    arguments.add_argument("--nodes", type=int, default=1)
    arguments.add_argument("--together", type=int, default=100_000)
    arguments.add_argument("--spread", type=float, default=0.0)
    arguments.add_argument("--sync", default="1s")
    arguments.add_argument("--tls", action="store_true")
    given = arguments.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if given.devices / given.nodes + 2000 > hard != resource.RLIM_INFINITY:
        arguments.error(f"{given.devices} devices need more descriptors than the {hard} of ulimit -Hn")
    asyncio.run(measure(given))


if __name__ == "__main__":
    main()
