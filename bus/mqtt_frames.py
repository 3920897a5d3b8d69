"""MQTT 3.1.1 packets out of the bytes of a connection, many at a time, and back into bytes. Pure.

A client library that asks the socket for one byte, then for the length, then for the rest makes
four system calls a message; a burst read whole and cut here makes one.
Source: MQTT 3.1.1, sections 2.2.3 (remaining length), 3.1 (CONNECT) and 3.3 (PUBLISH).
"""

from typing import Final, NamedTuple

CONNACK: Final = 0x20
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
KIND_MASK: Final = 0xF0
_MAX_LENGTH_BYTES: Final = 4


class MalformedPacketError(ValueError):
    """What came is no MQTT; the connection cannot be read any further."""


class Frame(NamedTuple):
    """One packet."""

    first: int
    """Its first byte: kind and flags."""
    body: bytes
    """Variable header and payload."""


class Publication(NamedTuple):
    """The content of a PUBLISH packet."""

    topic: str
    """Empty where the topic is not UTF-8: no topic of ours."""
    payload: bytes
    mid: int
    """Packet identifier, 0 for QoS 0."""
    qos: int
    retain: bool


class FrameCutter:
    """Cuts one connection's bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the packets that are complete with these bytes; keep what is left for the next ones.

        Raises:
            MalformedPacketError: a length has more than four bytes.
        """
        data = self._rest + data if self._rest else data
        position = 0
        frames = []
        while (found := _header(data, position)) is not None:
            start, end = found
            if end > len(data):
                break
            frames.append(Frame(data[position], data[start:end]))
            position = end
        self._rest = data[position:]
        return frames


def _header(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the body of the packet at `position` starts and ends; None if that is not known yet."""
    length = 0
    for i in range(_MAX_LENGTH_BYTES):
        at = position + 1 + i
        if at >= len(data):
            return None
        length |= (data[at] & 0x7F) << 7 * i
        if data[at] < 0x80:
            return at + 1, at + 1 + length
    raise MalformedPacketError("a packet's length has more than four bytes")


def parse_publication(frame: Frame) -> Publication:
    """Return the content of a PUBLISH packet.

    Raises:
        MalformedPacketError: it ends before its topic or its packet identifier does.
    """
    first, body = frame
    qos = first >> 1 & 3
    end = 2 + int.from_bytes(body[:2], "big")
    start = end + 2 if qos else end
    if len(body) < start:
        raise MalformedPacketError("a PUBLISH packet ends within its header")
    try:
        topic = str(body[2:end], "utf-8")
    except UnicodeDecodeError:
        topic = ""
    return Publication(topic, body[start:], int.from_bytes(body[end:start], "big"), qos, bool(first & 1))


def puback_packets(mids: list[int]) -> bytes:
    """Return one PUBACK packet for each packet identifier, one after the other."""
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])


def connect_packet(client_id: str, user: str, password: str) -> bytes:
    """Return a CONNECT with a clean session, user and password, no will and no keep-alive."""
    body = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(map(text_field, (client_id, user, password)))
    return b"\x10" + _remaining_length(len(body)) + body


def text_field(text: str) -> bytes:
    """Return a text as packets carry it, its length in front (section 1.5.3)."""
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def publish_packet(topic: bytes, mid: int, payload: bytes) -> bytes:
    """Return a PUBLISH of QoS 1, not retained; its topic is from `text_field`."""
    length = _remaining_length(len(topic) + 2 + len(payload))
    return b"".join((b"\x32", length, topic, mid.to_bytes(2, "big"), payload))


def _remaining_length(length: int) -> bytes:
    found = bytearray()
    while length > 0x7F:
        found.append(length & 0x7F | 0x80)
        length >>= 7
    found.append(length)
    return bytes(found)
