"""The other side of `eduops bench`: a process of its own that publishes packs encoded beforehand.

A full MQTT client costs more for a message than the system under test does, so this one speaks
only what it needs of `bus.mqtt_frames`: CONNECT, PUBLISH of QoS 1, and counting PUBACKs.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec

from bus.mqtt_frames import CONNACK, FrameCutter, connect_packet, publish_packet, text_field

CONNECTIONS: Final = 4
WINDOW: Final = 128
"""Messages that a connection sends before the broker has acknowledged earlier ones."""
PROBES_PER_S: Final = 50.0
STATUSES_PER_S: Final = 10.0
"""Changes of a gateway's status, of which the wall is told: half are losses, half are returns."""
PACE_S: Final = 0.01
"""Between two looks at what is due; a load is even to this grain."""
_PACKET_IDS: Final = 65_535
_CONNECT_S: Final = 10.0
_DRAIN_S: Final = 60.0


class Spec(msgspec.Struct, frozen=True):
    """What to publish, where, and how fast."""

    host: str
    port: int
    user: str
    password: str
    topics: list[str]
    """In turn; one pack each."""
    readings: int
    """Readings in a pack."""
    seconds: float
    packs_per_s: float
    """0 publishes as fast as the broker acknowledges."""
    probe_topic: str
    """Gets packs of one reading, at `PROBES_PER_S`, if the load is paced."""
    status_topics: list[str] = []
    """In turn: offline, then online, at `STATUSES_PER_S`, if the load is paced."""


class Offered(msgspec.Struct, frozen=True):
    """What was published and acknowledged by the broker."""

    packs: int
    probes: int
    statuses: int
    seconds: float
    cpu_s: float


class Publisher(asyncio.Protocol):
    """One MQTT connection."""

    def __init__(self, client_id: str, user: str, password: str) -> None:
        self._hello = connect_packet(client_id, user, password)
        self._transport: asyncio.Transport | None = None
        self._cutter = FrameCutter()
        self._next_id = 0
        self.ready = asyncio.Event()
        self.open = asyncio.Event()
        """Set while the window has room."""
        self.sent = 0
        self.acknowledged = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        frames = self._cutter.feed(data)
        if frames and not self.ready.is_set():
            hello = frames.pop(0)
            if hello.first != CONNACK or hello.body[1] != 0:
                raise ConnectionRefusedError(f"the broker refused the connection: {hello}")
            self.ready.set()
        self.acknowledged += len(frames)  # nothing is subscribed: all that comes is a PUBACK
        self.open.set()

    def publish(self, topic: bytes, payload: bytes) -> None:
        """Send one message; its topic is from `text_field`."""
        assert self._transport is not None
        self._next_id = self._next_id % _PACKET_IDS + 1
        self._transport.write(publish_packet(topic, self._next_id, payload))
        self.sent += 1
        if self.sent - self.acknowledged >= WINDOW:
            self.open.clear()

    def close(self) -> None:
        """Send DISCONNECT and close."""
        assert self._transport is not None
        self._transport.write(b"\xe0\x00")
        self._transport.close()


def pack_tail(readings: int) -> bytes:
    """Return a pack without its base time: gateway readings at rising times, 1 ms apart, the last now."""
    metrics = (
        ("down_bps", 48_250_000.5),
        ("up_bps", 9_125_000.25),
        ("latency_ms", 12.5),
        ("loss_ratio", 0.002),
    )
    steps = (readings - 1) // len(metrics)
    records = []
    for i in range(readings):
        step, which = divmod(i, len(metrics))
        name, value = metrics[which]
        back = f',"t":-{(steps - step) / 1000:.3f}' if step < steps else ""
        records.append(
            f'"n":"{name}","v":{value + step}{back}' if which < 3 else f'"n":"{name}","v":{value}{back}'
        )
    return (",".join([records[0] + "}", *("{" + r + "}" for r in records[1:])]) + "]").encode()


async def offer(spec: Spec) -> Offered:
    """Publish as the spec says and return what the broker acknowledged.

    Raises:
        OSError: the broker is out of reach or refuses.
        TimeoutError: it does not acknowledge what was published.
    """
    loop = asyncio.get_running_loop()
    publishers = []
    for i in range(CONNECTIONS):
        _, publisher = await loop.create_connection(
            lambda i=i: Publisher(f"bench-{i}", spec.user, spec.password),  # type: ignore[misc]
            spec.host,
            spec.port,
        )
        await asyncio.wait_for(publisher.ready.wait(), _CONNECT_S)
        publishers.append(publisher)
    began_s, cpu_s = loop.time(), time.process_time()
    jobs = [_publish(p, spec, i) for i, p in enumerate(publishers)]
    singles = (_probe(publishers[0], spec), _report_statuses(publishers[-1], spec))
    probes, statuses, *packs = await asyncio.gather(*singles, *jobs)
    async with asyncio.timeout(_DRAIN_S):
        for publisher in publishers:
            while publisher.acknowledged < publisher.sent:
                publisher.open.clear()
                await publisher.open.wait()
    seconds = loop.time() - began_s
    for publisher in publishers:
        publisher.close()
    return Offered(sum(packs), probes, statuses, seconds, time.process_time() - cpu_s)


async def _publish(publisher: Publisher, spec: Spec, place: int) -> int:
    """Publish this connection's share of the topics until the time is over; return how many packs."""
    loop = asyncio.get_running_loop()
    fields = [text_field(topic) for topic in spec.topics[place::CONNECTIONS]]
    tail = b"," + pack_tail(spec.readings)
    rate_per_s = spec.packs_per_s / CONNECTIONS
    began_s, done = loop.time(), 0
    while (passed_s := loop.time() - began_s) < spec.seconds:
        due = int(passed_s * rate_per_s) + 1 if rate_per_s else done + WINDOW
        while done < due:
            if publisher.sent - publisher.acknowledged >= WINDOW:
                await publisher.open.wait()
            publisher.publish(fields[done % len(fields)], b'[{"bt":%.6f' % time.time() + tail)
            done += 1
        await asyncio.sleep(PACE_S if rate_per_s else 0)
    return done


async def _probe(publisher: Publisher, spec: Spec) -> int:
    """Publish single readings, each with the time of its publishing; return how many."""
    tail = b',"n":"down_bps","v":1}]'
    return await _publish_evenly(
        publisher, spec, PROBES_PER_S, [spec.probe_topic], lambda _: b'[{"bt":%.6f' % time.time() + tail
    )


async def _report_statuses(publisher: Publisher, spec: Spec) -> int:
    """Let one gateway after another go offline and come back, with the time of it; return how many."""
    twice = [topic for topic in spec.status_topics for _ in range(2)]
    return await _publish_evenly(
        publisher,
        spec,
        STATUSES_PER_S,
        twice,
        lambda k: b'{"online":%s,"t":%.6f}' % (b"true" if k % 2 else b"false", time.time()),
    )


async def _publish_evenly(
    publisher: Publisher, spec: Spec, rate_per_s: float, topics: list[str], payload: Callable[[int], bytes]
) -> int:
    """Publish small messages at an even rate beside a paced load; return how many."""
    if not spec.packs_per_s or not topics:
        return 0
    loop = asyncio.get_running_loop()
    fields = [text_field(topic) for topic in topics]
    began_s, done = loop.time(), 0
    while loop.time() - began_s < spec.seconds:
        publisher.publish(fields[done % len(fields)], payload(done))
        done += 1
        await asyncio.sleep(max(0.0, began_s + done / rate_per_s - loop.time()))
    return done


def main() -> None:
    """Read a spec from standard input, publish, and write what was offered to standard output."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(offer(spec))))


if __name__ == "__main__":
    main()
