"""The schools' lines to the broker: one connection each with its last will, as far as descriptors reach."""

import logging
import resource
from collections import deque
from typing import Final

import numpy as np

from bus.device import JOINS_PER_S, DeviceConnection, DeviceLoop, LastWill
from contract.fleet import Fleet
from contract.topic import Stream
from device_simulator.world.packs import OFFLINE, ONLINE
from device_simulator.world.publishers import Publishers

_logger: Final = logging.getLogger(__name__)

RESERVED_DESCRIPTORS: Final = 128
"""Descriptors left to everything that is no device: files, NATS, epoll."""


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files to the hard one and return how many devices fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return 1 << 20
    return max(1, hard - RESERVED_DESCRIPTORS)


class Lines:
    """Carries messages of schools, cuts lines and joins them again."""

    def __init__(
        self,
        loop: DeviceLoop,
        fleet: Fleet,
        publishers: Publishers,
        *,
        connections: int,
        user: str | None,
        password: str | None,
        buffer_packs: int,
        seed: int,
    ) -> None:
        """Add the connections to `loop`; they dial when `connect` is called.

        Args:
            loop: Drives them.
            fleet: Whose schools they serve.
            publishers: Gives the status topics.
            connections: How many there may be; with fewer than schools, schools share them.
            user: Devices' name at the broker.
            password: Devices' password.
            buffer_packs: Packs kept for each school while its line is down; then the oldest go.
            seed: Of the reconnect jitter.
        """
        schools = len(fleet.schools)
        self._status_topics = publishers.topics[Stream.STATUS]
        self._buffer_packs = buffer_packs
        self.shared = connections < schools
        """Whether schools share connections: then a cut holds packs, but no last will is published."""
        count = min(connections, schools)
        generator = np.random.default_rng(seed)
        self._connections: list[DeviceConnection] = []
        for i in range(count):
            topic = self._status_topics[i]
            will = LastWill(topic, OFFLINE) if topic and not self.shared else None
            name = f"sim-shared-{i}" if self.shared else f"sim-{fleet.schools[i].code}"
            added = loop.add(
                name,
                generator=generator,
                user=user,
                password=password,
                will=will,
                max_queued=buffer_packs * (-(-schools // count)),
            )
            self._connections.append(added)
        self._schools = schools
        self._held: dict[int, deque[tuple[str, bytes]]] = {}
        self._was_connected = [False] * count
        self.cut_off: frozenset[int] = frozenset()
        """Positions of the schools whose line is cut."""
        self.sent = 0
        """Messages published or kept, duplicates included."""
        self.lost = 0
        """Packs that fell out of a held buffer of a shared line."""
        if self.shared:
            _logger.warning(
                "event=connections_shared schools=%d connections=%d: no last will is published for them",
                schools,
                count,
            )

    def connect(self) -> None:
        """Start to connect all lines that are not cut, one after the other."""
        for i, connection in enumerate(self._connections):
            if self.shared or i not in self.cut_off:
                connection.connect(after_s=i / JOINS_PER_S)

    def send(self, position: int, topic: str, payload: bytes) -> None:
        """Send a pack, or keep it while the school's line is cut; the oldest kept go first."""
        self.sent += 1
        if self.shared and position in self.cut_off:
            held = self._held.setdefault(position, deque(maxlen=self._buffer_packs))
            self.lost += len(held) == held.maxlen
            held.append((topic, payload))
        else:
            self._connection(position).publish(topic, payload)

    def send_status(self, position: int) -> None:
        """Publish that a school is online, retained; one whose line is down has nobody to tell."""
        connection = self._connection(position)
        if position not in self.cut_off and connection.is_connected:
            self.sent += 1
            connection.publish(self._status_topics[position], ONLINE, retain=True)

    def set_cut(self, wanted: frozenset[int]) -> None:
        """Make exactly these schools' lines be cut: abruptly, and joined again when no longer wanted."""
        joined, cut = self.cut_off - wanted, wanted - self.cut_off
        self.cut_off = wanted
        if not self.shared:
            for position in cut:
                self._connection(position).cut()
            for position in joined:
                self._connection(position).connect()
            return
        for position in joined:
            for topic, payload in self._held.pop(position, ()):
                self._connection(position).publish(topic, payload)
            self.send_status(position)

    def greet(self) -> None:
        """Let every line that has come up since the last call say so.

        The word is queued behind what was kept while the line was down: a school counts as back
        when its past is told.
        """
        for i, connection in enumerate(self._connections):
            connected = connection.is_connected
            if connected and not self._was_connected[i]:
                for position in range(i, self._schools, len(self._connections)):
                    if self._status_topics[position]:
                        self.send_status(position)
            self._was_connected[i] = connected

    def _connection(self, position: int) -> DeviceConnection:
        return self._connections[position % len(self._connections)]
