"""A log kept at the edge of the network is complete at the center again once the line is back."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.connection import open_nats
from bus.jetstream import JetStreamLog
from bus.jetstream_api import JetStreamApi
from contract.entry import EntryKind, RawEntry, telemetry_log
from eduops.machine.ports import free_ports
from eduops.machine.process import ProcessSpec, Server
from eduops.machine.servers.embedded_nats import find_nats
from eduops.machine.system import accepts
from tests.fault_table import Record
from tests.faults.proxy import Proxy

LOG = telemetry_log(0)
ROOM_BYTES = 64 * 1024 * 1024
PATIENCE_S = 90.0
USER, PASSWORD = "service", "service-of-a-test"
_CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: {store}, domain: {name}, max_file_store: 1GB, sync_interval: "2m" }}
authorization {{ users: [{{ user: {user}, password: "{password}" }}] }}
leafnodes {{ {leafnodes} }}
"""


@dataclass(frozen=True)
class Line:
    """Two servers with stores of their own and the line between them."""

    center: str
    edge: str
    proxy: Proxy


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A server at the center and one at the edge that dials it."""
    center, edge, dialled = free_ports(3)
    with Proxy(("127.0.0.1", dialled)) as proxy:
        servers = [
            # without no_advertise the edge would learn the center's own port and go round the proxy
            _server(tmp_path, "center", center, f'listen: "127.0.0.1:{dialled}", no_advertise: true'),
            _server(
                tmp_path,
                "edge",
                edge,
                f'remotes: [{{ url: "nats-leaf://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}" }}]',
            ),
        ]
        for server in servers:
            server.start()
        yield Line(f"nats://127.0.0.1:{center}", f"nats://127.0.0.1:{edge}", proxy)
        for server in servers:
            server.kill()


def _server(folder: Path, name: str, port: int, leafnodes: str) -> Server:
    own = folder / name
    own.mkdir()
    store = json.dumps(str(own / "store"))
    config = _CONFIG.format(
        name=name, port=port, store=store, user=USER, password=PASSWORD, leafnodes=leafnodes
    )
    (own / "nats.conf").write_text(config)
    argv = [str(find_nats()), "-c", str(own / "nats.conf")]
    return Server(ProcessSpec(name, argv, lambda: accepts("127.0.0.1", port), cwd=own), own / "nats.log")


async def _mirror(url: str) -> None:
    """Let the center keep a copy of the edge's log, under the same name and with the same seqs."""
    async with open_nats(url, user=USER, password=PASSWORD, name="test", patience_s=PATIENCE_S) as connection:
        config = {
            "name": LOG,
            "storage": "file",
            "max_bytes": ROOM_BYTES,
            "mirror": {"name": LOG, "external": {"api": "$JS.edge.API", "deliver": ""}},
        }
        await JetStreamApi(connection, PATIENCE_S).ask(f"STREAM.CREATE.{LOG}", config)


async def _append(log: JetStreamLog, first: int, count: int) -> None:
    for number in range(first, first + count):
        await log.append(LOG, EntryKind.READINGS, b"%d" % number, at_us=number, count=1)


async def test_a_log_of_the_edge_is_whole_at_the_center_after_the_line_was_cut(
    line: Line, record: Record
) -> None:
    async with (
        JetStreamLog.connect(line.edge, user=USER, password=PASSWORD) as edge,
        JetStreamLog.connect(line.center, user=USER, password=PASSWORD) as center,
    ):
        await edge.create([LOG], ROOM_BYTES)
        await _mirror(line.center)
        await center.create([LOG], ROOM_BYTES)  # what every service does at its start
        reader = await center.reader(LOG, 0)
        found: list[RawEntry] = []

        async def arrived(count: int) -> None:
            async with asyncio.timeout(PATIENCE_S):
                while len(found) < count:
                    found.extend(await reader.fetch(1000, 1.0))

        await _append(edge, 1, 100)
        await arrived(100)
        line.proxy.partition()
        await _append(edge, 101, 200)
        assert await reader.fetch(1000, 1.0) == []
        loop = asyncio.get_running_loop()
        line.proxy.reset()  # the connection itself does not survive, either
        line.proxy.heal()
        healed_s = loop.time()
        await arrived(300)
        took_s = loop.time() - healed_s
        await center.drop_through(LOG, 250)  # what an owner does with what it has folded
        assert await center.pending_readings(LOG, 250) == 50
        assert await edge.pending_readings(LOG, 0) == 300
    assert [entry.seq for entry in found] == list(range(1, 301))
    assert [entry.payload for entry in found] == [b"%d" % number for number in range(1, 301)]
    record("cluster", "line of an edge cut; its log goes on there and is mirrored later", None, took_s)
