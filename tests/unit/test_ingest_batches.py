"""What is decoded at once is bounded in bytes, and the broker takes what ingest may be told to take."""

import pytest

from bus.mqtt import MqttMessage
from contract.errors import ConfigurationError
from contract.topic import PAYLOAD_LIMITS
from eduops.machine.servers.embedded_nats import MAX_PAYLOAD_BYTES
from ingest.config import GatewayConfig
from ingest.gateway import cut_by_bytes


@pytest.mark.parametrize(
    ("sizes", "cut"),
    [
        ([], []),
        ([5], [[5]]),
        ([11], [[11]]),
        ([4, 6, 1], [[4, 6], [1]]),
        ([1, 30, 1, 9, 1], [[1], [30], [1, 9], [1]]),
        ([0, 10, 0, 1], [[0, 10, 0], [1]]),
    ],
)
def test_a_batch_is_cut_by_bytes_in_order(sizes: list[int], cut: list[list[int]]) -> None:
    messages = [MqttMessage("t", b"x" * size, i, 1, retain=False) for i, size in enumerate(sizes)]
    batches = list(cut_by_bytes(messages, 10))
    assert [[len(m.payload) for m in batch] for batch in batches] == cut
    assert [m for batch in batches for m in batch] == messages


def test_the_broker_takes_twice_what_ingest_may_be_told_to_read() -> None:
    assert 2 * PAYLOAD_LIMITS[1] <= MAX_PAYLOAD_BYTES


@pytest.mark.parametrize("size", [PAYLOAD_LIMITS[0] - 1, PAYLOAD_LIMITS[1] + 1])
def test_a_size_that_cannot_be_meant_ends_the_start(size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"max_payload_bytes is {size}"):
        GatewayConfig("127.0.0.1", 1883, max_payload_bytes=size)
