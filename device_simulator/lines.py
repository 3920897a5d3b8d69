"""The schools' lines to the broker: a connection for each device, as far as descriptors reach."""

import logging
import resource
from collections import deque
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import numpy as np

from bus.device import JOINS_PER_S, DeviceConnection, DeviceLoop, LastWill
from contract.devices.credential import DeviceName
from contract.fleet import Fleet
from contract.topic import Stream, parse_topic
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


class Login(NamedTuple):
    """As whom a client connects."""

    user: str | None
    password: str | None


class Lines:
    """Carries messages of schools, cuts lines and joins them again."""

    def __init__(
        self,
        loop: DeviceLoop,
        fleet: Fleet,
        publishers: Publishers,
        *,
        connections: int,
        secrets: Mapping[DeviceName, str],
        shared_as: Login,
        buffer_packs: int,
        seed: int,
    ) -> None:
        """Add the connections to `loop`; they dial when `connect` is called.

        Args:
            loop: Drives them.
            fleet: Whose schools they serve.
            publishers: Gives the topics, and by them the devices.
            connections: How many there may be; with fewer than devices, schools share them.
            secrets: What each device connects with; one without stays silent.
            shared_as: Who may speak for all of them, where they share.
            buffer_packs: Packs kept for each device while its line is down; then the oldest go.
            seed: Of the reconnect jitter.
        """
        self._loop = loop
        self._buffer_packs = buffer_packs
        self._generator = np.random.default_rng(seed)
        self._status_topics = publishers.topics[Stream.STATUS]
        self._schools = len(fleet.schools)
        devices = _topics_of(publishers)
        self.shared = connections < len(devices)
        """Whether schools share connections: then a cut holds packs, but no last will is published."""
        self._of_topic: dict[str, DeviceConnection] = {}
        self._of_device: dict[DeviceName, DeviceConnection] = {}
        """Connections that are one device's alone."""
        self._of_school: list[list[DeviceConnection]] = [[] for _ in fleet.schools]
        if self.shared:
            self._share(publishers, min(connections, self._schools), shared_as)
        else:
            self._connect_each(fleet, devices, secrets)
        self._greeted = self._speakers()
        self._was_connected = [False] * len(self._greeted)
        self._held: dict[int, deque[tuple[str, bytes]]] = {}
        self.cut_off: frozenset[int] = frozenset()
        """Positions of the schools whose line is cut."""
        self.sent = 0
        """Messages published or kept, duplicates included."""
        self.lost = 0
        """Packs that fell out of a held buffer of a shared line."""

    def _share(self, publishers: Publishers, count: int, shared_as: Login) -> None:
        connections = [
            self._loop.add(
                f"sim-shared-{i}",
                generator=self._generator,
                user=shared_as.user,
                password=shared_as.password,
                max_queued=self._buffer_packs * (-(-self._schools // count)),
            )
            for i in range(count)
        ]
        for topics in publishers.topics.values():
            for position, topic in enumerate(topics):
                self._of_topic[topic] = connections[position % count]
        for position, school in enumerate(self._of_school):
            school.append(connections[position % count])
        _logger.warning(
            "event=connections_shared schools=%d connections=%d: no last will is published for them",
            self._schools,
            count,
        )

    def _connect_each(
        self, fleet: Fleet, devices: Mapping[DeviceName, list[str]], secrets: Mapping[DeviceName, str]
    ) -> None:
        """Give each device a connection of its own, gateways first: they say that a school is there."""
        position_of = {school.code: i for i, school in enumerate(fleet.schools)}
        status = set(self._status_topics)
        gateways = {name for name, topics in devices.items() if not status.isdisjoint(topics)}
        for name in sorted(devices, key=lambda name: name not in gateways):
            if name not in secrets:
                continue
            topics = devices[name]
            own_status = next((topic for topic in topics if topic in status), None)
            connection = self._loop.add(
                str(name),
                generator=self._generator,
                user=str(name),
                password=secrets[name],
                will=None if own_status is None else LastWill(own_status, OFFLINE),
                max_queued=self._buffer_packs,
            )
            self._of_topic |= dict.fromkeys(topics, connection)
            self._of_device[name] = connection
            self._of_school[position_of[name.school]].append(connection)
        _tell_silent(len(devices.keys() - secrets.keys()))

    def _speakers(self) -> list[tuple[DeviceConnection, list[int]]]:
        """Return each connection that says that schools are there, with their positions."""
        speakers: dict[DeviceConnection, list[int]] = {}
        for position, topic in enumerate(self._status_topics):
            if topic in self._of_topic:
                speakers.setdefault(self._of_topic[topic], []).append(position)
        return list(speakers.items())

    def connect(self) -> None:
        """Start to connect all lines that are not cut, one after the other."""
        cut = set() if self.shared else {c for i in self.cut_off for c in self._of_school[i]}
        for i, connection in enumerate(self._loop):
            if connection not in cut:
                connection.connect(after_s=i / JOINS_PER_S)

    def refused(self) -> list[DeviceName]:
        """Return the devices that the broker did not let in when they last asked."""
        return [name for name, connection in self._of_device.items() if connection.refused]

    def silence(self, names: Collection[DeviceName]) -> None:
        """Let devices neither knock nor speak any more: somebody else speaks for them."""
        gone = {self._of_device.pop(name) for name in names}
        self._of_topic = {topic: c for topic, c in self._of_topic.items() if c not in gone}
        self._of_school = [[c for c in school if c not in gone] for school in self._of_school]
        for connection in gone:
            connection.give_up()
        _tell_silent(len(gone))

    def send(self, position: int, topic: str, payload: bytes) -> None:
        """Send a pack, or keep it while the school's line is cut; the oldest kept go first."""
        self.sent += 1
        if self.shared and position in self.cut_off:
            held = self._held.setdefault(position, deque(maxlen=self._buffer_packs))
            self.lost += len(held) == held.maxlen
            held.append((topic, payload))
        elif topic in self._of_topic:
            self._of_topic[topic].publish(topic, payload)

    def send_status(self, position: int) -> None:
        """Publish that a school is online, retained; one whose line is down has nobody to tell."""
        topic = self._status_topics[position]
        connection = self._of_topic.get(topic)
        if position not in self.cut_off and connection is not None and connection.is_connected:
            self.sent += 1
            connection.publish(topic, ONLINE, retain=True)

    def set_cut(self, wanted: frozenset[int]) -> None:
        """Make exactly these schools' lines be cut: abruptly, and joined again when no longer wanted."""
        joined, cut = self.cut_off - wanted, wanted - self.cut_off
        self.cut_off = wanted
        if not self.shared:
            for connection in (c for position in cut for c in self._of_school[position]):
                connection.cut()
            for connection in (c for position in joined for c in self._of_school[position]):
                connection.connect()
            return
        for position in joined:
            for topic, payload in self._held.pop(position, ()):
                self._of_topic[topic].publish(topic, payload)
            self.send_status(position)

    def greet(self) -> None:
        """Let every line that has come up since the last call say so.

        The word is queued behind what was kept while the line was down: a school counts as back
        when its past is told.
        """
        for i, (connection, positions) in enumerate(self._greeted):
            connected = connection.is_connected
            if connected and not self._was_connected[i]:
                for position in positions:
                    self.send_status(position)
            self._was_connected[i] = connected


def _tell_silent(devices: int) -> None:
    if devices:
        _logger.warning(
            "event=devices_not_simulated devices=%d: they have a credential of their own", devices
        )


def _topics_of(publishers: Publishers) -> dict[DeviceName, list[str]]:
    found: dict[DeviceName, list[str]] = {}
    for topics in publishers.topics.values():
        for topic in topics:
            if (parts := parse_topic(topic)) is not None:
                found.setdefault(DeviceName(parts.school, parts.device), []).append(topic)
    return found
