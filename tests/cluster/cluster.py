"""A cluster of nats-servers with JetStream and MQTT on loopback, whose nodes a test may kill or pause."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.connection import open_nats
from bus.jetstream_api import JetStreamApi
from bus.rights import BrokerUser
from eduops.machine.ports import free_ports
from eduops.machine.process import ProcessSpec, Server
from eduops.machine.servers.embedded_nats import MAX_PAYLOAD_BYTES, find_nats
from eduops.machine.system import accepts
from tests.running_system import eventually

NODES = 3
PASSWORDS = {user: f"{user}-of-a-test" for user in BrokerUser}
PATIENCE_S = 60.0

# As eduops/machine/servers/embedded_nats.py writes it, plus the cluster, and MQTT's own streams on all nodes.
_CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{port}"
max_payload: {max_payload}
write_deadline: "10s"
cluster {{
  name: eduops
  listen: "127.0.0.1:{route_port}"
  routes: {routes}
}}
jetstream {{
  store_dir: {store}
  max_file_store: 8GB
  max_memory_store: 64MB
  sync_interval: "{sync_interval}"
}}
mqtt {{
  listen: "127.0.0.1:{mqtt_port}"
  ack_wait: "5s"
  max_ack_pending: 1024
  stream_replicas: {replicas}
}}
authorization {{
  users: [
    {{ user: {user}, password: {password}, allowed_connection_types: ["STANDARD", "MQTT"] }}
    {{
      user: {watchdog_user}, password: {watchdog_password}, allowed_connection_types: ["MQTT"]
      permissions: {{ publish: {{ allow: ["edu.v1.>"] }}, subscribe: {{ deny: [">"] }} }}
    }}
  ]
}}
"""


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one node."""

    client: int
    route: int
    mqtt: int


class Node:
    """One server of the cluster."""

    def __init__(self, name: str, ports: Ports, server: Server) -> None:
        self.name = name
        self.ports = ports
        self._server = server

    @property
    def pid(self) -> int | None:
        """Number of its process, None while it is down."""
        return self._server.pid

    def start(self) -> None:
        """Start it (again) on its store and ports; it joins the cluster by itself."""
        self._server.start()

    def stop(self) -> None:
        """Stop it gently: it hands its leaderships over."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it at once."""
        self._server.kill()

    def pause(self) -> None:
        """Freeze it: its connections stand and nothing answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.pid is not None, f"{self.name} does not run"
        os.kill(self.pid, number)


class Cluster:
    """Three nodes, started together; every stream may have a copy on each."""

    def __init__(self, folder: Path, sync_interval: str = "2m") -> None:
        free = free_ports(3 * NODES)
        ports = [Ports(*free[3 * i : 3 * i + 3]) for i in range(NODES)]
        routes = [f"nats://127.0.0.1:{p.route}" for p in ports]
        self.passwords = PASSWORDS
        self.nodes = [
            _node(folder / f"n{i}", f"n{i}", own, routes, sync_interval) for i, own in enumerate(ports)
        ]

    @property
    def url(self) -> str:
        """Every node's address for NATS clients, with commas between."""
        return ",".join(f"nats://127.0.0.1:{node.ports.client}" for node in self.nodes)

    @property
    def mqtt_hosts(self) -> str:
        """Every node's address for MQTT clients, with commas between."""
        return ",".join(f"127.0.0.1:{node.ports.mqtt}" for node in self.nodes)

    def start(self) -> None:
        """Start all nodes and return when JetStream has a leader and MQTT is served everywhere.

        Call it on the main thread: the servers end with the thread that started them.
        """
        for node in self.nodes:
            node.start()
        self.ask("INFO")
        mqtt = [node.ports.mqtt for node in self.nodes]
        eventually(lambda: all(accepts("127.0.0.1", port) for port in mqtt), "every node serves MQTT")

    def end(self) -> None:
        """Kill all nodes, paused ones too."""
        for node in self.nodes:
            node.kill()

    def named(self, name: str) -> Node:
        """Return the node of a server name."""
        return next(node for node in self.nodes if node.name == name)

    def leader(self, stream: str) -> Node:
        """Return the node that leads a stream."""
        return self.named(self.ask(f"STREAM.INFO.{stream}")["cluster"]["leader"])

    def is_whole(self, streams: Sequence[str]) -> bool:
        """Return whether every node has a current copy of each stream."""
        return all(_is_whole(self.ask(f"STREAM.INFO.{stream}")["cluster"]) for stream in streams)

    def ask(self, verb: str) -> dict[str, Any]:
        """Return JetStream's answer to an API request, from whichever node is up."""
        return asyncio.run(self._ask(verb))

    async def _ask(self, verb: str) -> dict[str, Any]:
        password = self.passwords[BrokerUser.OPERATOR]
        async with open_nats(
            self.url, user=BrokerUser.OPERATOR, password=password, name="test", patience_s=PATIENCE_S
        ) as connection:
            return await JetStreamApi(connection, PATIENCE_S).ask(verb)


def _is_whole(cluster: dict[str, Any]) -> bool:
    others = cluster.get("replicas") or []
    return bool(cluster.get("leader")) and len(others) == NODES - 1 and all(r["current"] for r in others)


class Front:
    """What stands before the nodes for MQTT, as a load balancer would.

    A new connection goes to the first node in its list that accepts it; a node that refuses, or
    accepts and then says nothing as a frozen one does, goes to the list's end. Plain forwarding of
    bytes in threads; a node that dies takes its connections with it.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self._targets = list(targets)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        target = self._targets[0]
        try:
            upstream = socket.create_connection(("127.0.0.1", target), timeout=1.0)
        except OSError:
            self._pass_over(target)
            client.close()
            return
        threading.Thread(target=_pump, args=(client, upstream), daemon=True).start()
        if _pump(upstream, client) == 0:
            self._pass_over(target)

    def _pass_over(self, target: int) -> None:
        with self._lock:
            if self._targets[0] == target:
                self._targets.append(self._targets.pop(0))


def _pump(source: socket.socket, sink: socket.socket) -> int:
    """Forward until either side ends, end both, and return the number of bytes."""
    source.settimeout(None)
    forwarded = 0
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
            forwarded += len(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
    return forwarded


def _node(folder: Path, name: str, ports: Ports, routes: list[str], sync_interval: str) -> Node:
    folder.mkdir(parents=True)
    own = PASSWORDS
    config = _CONFIG.format(
        name=name,
        port=ports.client,
        route_port=ports.route,
        mqtt_port=ports.mqtt,
        max_payload=MAX_PAYLOAD_BYTES,
        routes=json.dumps(routes),
        store=json.dumps(str(folder / "store")),
        sync_interval=sync_interval,
        replicas=NODES,
        user=BrokerUser.OPERATOR,
        password=json.dumps(own[BrokerUser.OPERATOR]),
        watchdog_user=BrokerUser.WATCHDOG,
        watchdog_password=json.dumps(own[BrokerUser.WATCHDOG]),
    )
    (folder / "nats.conf").write_text(config)
    # a node without the others has no quorum and opens no MQTT port: only the client port says "started"
    spec = ProcessSpec(
        name=name,
        argv=[str(find_nats()), "-c", str(folder / "nats.conf")],
        ready=lambda: accepts("127.0.0.1", ports.client),
        cwd=folder,
    )
    return Node(name, ports, Server(spec, folder / "nats.log"))
