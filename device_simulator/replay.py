"""Publishes a recording through MQTT, with its own times, as its devices would have."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from bus.broker_trust import BrokerTrust
from bus.device import DeviceConnection, DeviceLoop
from bus.pause import pause
from contract.catalogue import Catalogue
from contract.devices.credential import DeviceName
from contract.errors import ConfigurationError
from contract.fleet import STREAMS_OF, DeviceKind
from contract.topic import Stream, Topic
from device_simulator.recording import CODE_OF_KIND, RecordedRows, Recording

MOMENTS_A_PACK: Final = 20
"""Without a speed, so many moments of a school go into one pack: fewer messages, the same readings."""
MOST_WAITING: Final = 2000
"""Packs sent and not yet acknowledged at most: the broker's pace is ours."""
_KIND_OF: Final = {stream: kind for kind in DeviceKind for stream in STREAMS_OF[kind]}


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """Where and how fast to publish."""

    mqtt_host: str
    mqtt_port: int
    secrets: Mapping[DeviceName, str] = field(default_factory=dict, repr=False)
    """What each device of the recording connects with."""
    speed: float | None = None
    """Recorded seconds per real second, above 0; None for as fast as the broker acknowledges."""
    mqtt_trust: BrokerTrust | None = None
    """Whose certificate counts as the broker's; None speaks in clear."""


class Progress(NamedTuple):
    """How far a replay has come."""

    readings: int
    """Readings sent so far."""
    total: int
    """Readings of the whole recording."""
    packs: int
    """Messages sent so far."""
    acknowledged: int
    """Messages that the broker has acknowledged."""
    at_us: int
    """Recorded time reached, µs since 1970."""
    elapsed_s: float
    """Real seconds since the start."""


class _Publisher:
    """The connections, and how many packs are under way."""

    def __init__(self, recording: Recording, catalogue: Catalogue, loop: DeviceLoop, config: ReplayConfig):
        self._recording = recording
        self._catalogue = catalogue
        self._loop = loop
        self._secrets = config.secrets
        self._connections: dict[DeviceName, DeviceConnection] = {}
        self.packs = 0
        self.acknowledged = 0
        self._room = asyncio.Event()

    async def send(self, batch: RecordedRows) -> None:
        """Publish a batch; wait for the broker where too much is under way."""
        for topic, payload in encode_batch(batch, self._recording, self._catalogue):
            while self.packs - self.acknowledged >= MOST_WAITING:
                self._room.clear()
                await self._room.wait()
            self._connection(DeviceName(topic.school, topic.device)).publish(
                str(topic), payload, retain=topic.stream is Stream.STATUS, done=self._note
            )
            self.packs += 1

    def _connection(self, name: DeviceName) -> DeviceConnection:
        """Return a device's connection; it is made when the device first has something to say."""
        found = self._connections.get(name)
        if found is None:
            found = self._connections[name] = self._loop.add(
                str(name),
                generator=np.random.default_rng(len(self._connections)),
                user=str(name),
                password=self._secrets.get(name),
                max_in_flight=64,
                max_queued=10 * MOST_WAITING,
            )
            found.connect()
        return found

    async def drain(self) -> None:
        """Wait until the broker has everything."""
        while self.acknowledged < self.packs:
            self._room.clear()
            await self._room.wait()

    def _note(self) -> None:
        self.acknowledged += 1
        self._room.set()


async def publish(
    recording: Recording,
    config: ReplayConfig,
    catalogue: Catalogue,
    on_progress: Callable[[Progress], None],
    stop: asyncio.Event,
) -> Progress:
    """Publish a whole recording and return how far it came; `stop` ends it early.

    `on_progress` is called about once a second. While the broker is away the replay waits.

    Raises:
        ConfigurationError: the speed is out of range.
    """
    if config.speed is not None and not config.speed > 0:
        raise ConfigurationError(f"speed {config.speed:g} is not above 0")
    started_s = time.monotonic()
    sent, at_us, told_s = 0, recording.first_us, started_s
    async with DeviceLoop(config.mqtt_host, config.mqtt_port, trust=config.mqtt_trust) as loop:
        publisher = _Publisher(recording, catalogue, loop, config)

        def progress() -> Progress:
            elapsed_s = time.monotonic() - started_s
            counts = (publisher.packs, publisher.acknowledged)
            return Progress(sent, recording.readings, *counts, at_us, elapsed_s)

        for batch in recording.batches(MOMENTS_A_PACK if config.speed is None else 1):
            if config.speed is not None:
                due_s = started_s + (int(batch.time_us[0]) - recording.first_us) / 1e6 / config.speed
                await pause(stop, due_s - time.monotonic())
            if stop.is_set() or not await _either(publisher.send(batch), stop):
                break
            sent, at_us = sent + len(batch.time_us), int(batch.time_us[-1])
            if time.monotonic() - told_s >= 1.0:
                told_s = time.monotonic()
                on_progress(progress())
        await _either(publisher.drain(), stop)
        last = progress()
    on_progress(last)
    return last


def encode_batch(
    batch: RecordedRows, recording: Recording, catalogue: Catalogue
) -> Iterator[tuple[Topic, bytes]]:
    """Yield (topic, payload): one pack a school and stream, records in time order."""
    fleet = recording.fleet
    streams = list(Stream)
    stream_of = np.zeros(256, np.int8)
    for metric in catalogue.metrics:
        stream_of[metric.id] = streams.index(metric.stream)
    stream = stream_of[batch.metric]
    order = np.lexsort((batch.time_us, stream, batch.school))
    key = batch.school[order] * len(streams) + stream[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    for rows in np.split(order, starts[1:]):
        school, kind = int(batch.school[rows[0]]), streams[int(stream[rows[0]])]
        code = CODE_OF_KIND[_KIND_OF[kind]]
        topic = Topic(fleet.province, fleet.schools[school].code, code, kind)
        part = batch.take(rows)
        if kind is Stream.STATUS:
            for time_us, value in zip(part.time_us.tolist(), part.value.tolist(), strict=True):
                word = "true" if value >= 0.5 else "false"
                yield topic, f'{{"online":{word},"t":{time_us / 1e6!r}}}'.encode()
        else:
            yield topic, _pack(part, catalogue)


def _pack(part: RecordedRows, catalogue: Catalogue) -> bytes:
    """Return one SenML pack with the readings of one school and stream."""
    base_us = int(part.time_us[0])
    records = []
    for time_us, metric_id, value in zip(
        part.time_us.tolist(), part.metric.tolist(), part.value.tolist(), strict=True
    ):
        metric = catalogue.by_id[metric_id]
        offset = f',"t":{(time_us - base_us) / 1e6!r}' if time_us != base_us else ""
        records.append(f'"n":"{metric.name}","u":"{metric.unit}","v":{value!r}{offset}')
    return f'[{{"bt":{base_us / 1e6!r},{"},{".join(records)}}}]'.encode()


async def _either(work: Coroutine[object, object, None], stop: asyncio.Event) -> bool:
    """Do the work unless `stop` comes first; return whether it was done."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    return False
