"""The laws of the packet cutter: any cutting of a connection's bytes gives the same packets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.mqtt_frames import (
    PUBLISH,
    Frame,
    FrameCutter,
    MalformedPacketError,
    Publication,
    connect_packet,
    parse_publication,
    puback_packets,
    publish_packet,
    text_field,
)

PUBLICATIONS = st.builds(
    Publication,
    topic=st.text(min_size=1, max_size=40),
    payload=st.binary(max_size=300),
    mid=st.integers(1, 65_535),
    qos=st.integers(0, 1),
    retain=st.booleans(),
).map(lambda p: p if p.qos else p._replace(mid=0))


def _length(length: int) -> bytes:
    """Return the remaining length as section 2.2.3 writes it."""
    digits = b""
    while True:
        length, digit = divmod(length, 128)
        digits += bytes([digit | 0x80 if length else digit])
        if not length:
            return digits


def _packet(publication: Publication) -> bytes:
    topic = publication.topic.encode()
    mid = publication.mid.to_bytes(2, "big") if publication.qos else b""
    body = len(topic).to_bytes(2, "big") + topic + mid + publication.payload
    return bytes([PUBLISH | publication.qos << 1 | publication.retain]) + _length(len(body)) + body


@given(publications=st.lists(PUBLICATIONS, max_size=6), cuts=st.lists(st.integers(0, 2500), max_size=12))
def test_any_cutting_of_the_bytes_gives_the_same_messages(
    publications: list[Publication], cuts: list[int]
) -> None:
    stream = b"".join(map(_packet, publications))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    cutter = FrameCutter()
    frames = [frame for a, b in pairwise(places) for frame in cutter.feed(stream[a:b])]
    assert [parse_publication(frame) for frame in frames] == publications


@given(topic=st.text(min_size=1, max_size=40), payload=st.binary(max_size=20_000), mid=st.integers(1, 65_535))
def test_what_is_published_is_what_is_read(topic: str, payload: bytes, mid: int) -> None:
    (frame,) = FrameCutter().feed(publish_packet(text_field(topic), mid, payload))
    assert parse_publication(frame) == Publication(topic, payload, mid, qos=1, retain=False)


def test_a_connect_packet_is_as_the_standard_writes_it() -> None:
    expected = b"\x10\x18\x00\x04MQTT\x04\xc2\x00\x00\x00\x02id\x00\x04user\x00\x02pw"
    assert connect_packet("id", "user", "pw") == expected


@given(mids=st.lists(st.integers(1, 65_535), max_size=50))
def test_acknowledgements_are_packets_of_their_own(mids: list[int]) -> None:
    frames = FrameCutter().feed(puback_packets(mids))
    assert [(frame.first, int.from_bytes(frame.body, "big")) for frame in frames] == [
        (0x40, mid) for mid in mids
    ]


@given(data=st.binary(max_size=60))
def test_bytes_that_are_no_mqtt_are_refused_or_cut_and_nothing_else(data: bytes) -> None:
    try:
        for frame in FrameCutter().feed(data):
            parse_publication(frame)
    except MalformedPacketError:
        return


def test_a_topic_that_is_not_utf8_is_no_topic() -> None:
    assert parse_publication(Frame(PUBLISH, b"\x00\x02\xff\xfepayload")).topic == ""


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x05abc", b"\x00\x01a\x00"])
def test_a_message_that_ends_within_its_header_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        parse_publication(Frame(PUBLISH | 2, body))


def test_a_length_of_five_bytes_is_refused() -> None:
    with pytest.raises(MalformedPacketError):
        FrameCutter().feed(b"\x30\x80\x80\x80\x80\x01")
