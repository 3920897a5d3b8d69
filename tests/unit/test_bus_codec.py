"""The bytes of log entries: what is written is read again, and damage is named."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bus import codec
from contract.alert import Action, ActionKind, Transition, TransitionKind
from contract.entry import EntryKind, MistimedEntry, RawEntry, ReadingsEntry, TickEntry, Trouble
from contract.incident import IncidentAction, IncidentDeed
from contract.reading import Readings
from contract.rejected import Reason, Rejected
from contract.routing.silence import SilenceEnded, SilenceSet
from contract.routing.swap import Swap, SwapEnded, SwapSet
from tests.silence_words import recurring

ACTION = Action("a1", ActionKind.NOTED, "00ff", "Lan", "đã gọi trường", 5)
DEED = IncidentAction("a2", IncidentDeed.ASSIGNED, "00ff", "Lan", "đi trực", 5, assignee="Minh")
TRANSITION = Transition(
    "00ff", TransitionKind.OPENED, "link_slow", 257, 3, 1, 10, 10, 12, 0.5, None, None, 0.99
)
REJECTED = Rejected(Reason.OUT_OF_RANGE, "edu/v1/79/S1/gw-1/bandwidth", "down_bps=-1", 9, 40, '{"v":-1}')

Columns = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]


def _readings(n: int) -> Readings:
    return Readings(
        np.arange(n, dtype=np.int64), np.arange(n, dtype=np.int32), np.linspace(0.0, 1.0, n, dtype=np.float64)
    )


@given(
    st.integers(0, 200).flatmap(
        lambda n: st.tuples(
            arrays(np.int64, n),
            arrays(np.int32, n),
            arrays(np.float64, n, elements=st.floats(allow_nan=False)),
        )
    )
)
def test_readings_come_back_bit_for_bit(columns: Columns) -> None:
    decoded = codec.decode_readings(codec.encode_readings(Readings(*columns)))
    found: Columns = (decoded.time_us, decoded.series, decoded.value)
    assert [column.dtype for column in found] == [np.int64, np.int32, np.float64]
    assert [column.tobytes() for column in found] == [column.tobytes() for column in columns]


def test_strided_columns_are_written_as_they_read() -> None:
    whole = _readings(10)
    strided = Readings(whole.time_us[::2], whole.series[::2], whole.value[::2])
    every_other = whole.take(np.arange(0, 10, 2))
    assert codec.encode_readings(strided) == codec.encode_readings(every_other)


def test_a_reading_costs_twenty_bytes() -> None:
    grown = len(codec.encode_readings(_readings(20_000))) - len(codec.encode_readings(_readings(10_000)))
    assert abs(grown - 200_000) <= 256


@pytest.mark.parametrize("cut", [0, 1, 40, 300, -30])
def test_a_damaged_entry_of_readings_is_named(cut: int) -> None:
    whole = codec.encode_readings(_readings(100))
    with pytest.raises(codec.CodecError):
        codec.decode_readings(whole[:cut])


def _stream(batches: list[pa.RecordBatch], schema: pa.Schema) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def test_other_columns_are_refused() -> None:
    schema = pa.schema([pa.field("time_us", pa.int64())])
    with pytest.raises(codec.CodecError, match="time_us"):
        codec.decode_readings(_stream([pa.record_batch([pa.array([1])], schema=schema)], schema))


@pytest.mark.parametrize("batches", [0, 2])
def test_more_or_less_than_one_batch_is_refused(batches: int) -> None:
    columns = [pa.array([1], pa.int64()), pa.array([1], pa.int32()), pa.array([1.0], pa.float64())]
    batch = pa.record_batch(columns, schema=codec.READINGS_SCHEMA)
    with pytest.raises(codec.CodecError):
        codec.decode_readings(_stream([batch] * batches, codec.READINGS_SCHEMA))


SILENCE_WORDS = (
    SilenceSet(recurring("a", 5, "FREQ=WEEKLY", 3, not_in_exam=True), "b"),
    SilenceEnded("a", "Lan", 9),
)


SWAP_WORDS = (SwapSet(Swap("a", "crew", "An", 5, 9, "Lan", "ốm", 4)), SwapEnded("a", "Lan", 9))


def test_an_action_of_an_earlier_version_has_no_reason() -> None:
    earlier = {name: value for name, value in msgspec.structs.asdict(ACTION).items() if name != "because"}
    assert codec.decode_action(msgspec.msgpack.encode(earlier)) == ACTION


def test_lists_and_actions_come_back() -> None:
    assert codec.decode_action(codec.encode_action(ACTION)) == ACTION
    assert codec.decode_incident_action(codec.encode_incident_action(DEED)) == DEED
    for word in SILENCE_WORDS:
        assert codec.decode_silence_word(codec.encode_silence_word(word)) == word
    for swap_word in SWAP_WORDS:
        assert codec.decode_swap_word(codec.encode_swap_word(swap_word)) == swap_word
    assert codec.decode_transitions(codec.encode_transitions([TRANSITION])) == [TRANSITION]
    assert codec.decode_rejected(codec.encode_rejected([REJECTED, REJECTED])) == [REJECTED, REJECTED]


@pytest.mark.parametrize(
    "decode",
    [
        codec.decode_action,
        codec.decode_incident_action,
        codec.decode_silence_word,
        codec.decode_swap_word,
        codec.decode_transitions,
        codec.decode_rejected,
    ],
)
def test_damaged_messagepack_is_named(decode: object) -> None:
    with pytest.raises(codec.CodecError):
        decode(b"\xc1")  # type: ignore[operator]


def test_entries_of_a_telemetry_log_decode_by_kind() -> None:
    payload = codec.encode_readings(_readings(3))
    entry = codec.decode_entry(RawEntry(1, EntryKind.READINGS, 7, 3, payload))
    assert isinstance(entry, ReadingsEntry)
    assert (entry.at_us, len(entry.readings)) == (7, 3)
    heard = codec.decode_entry(RawEntry(2, EntryKind.MISTIMED, 7, 0, payload))
    assert isinstance(heard, MistimedEntry)
    assert codec.decode_entry(RawEntry(2, EntryKind.TICK, 8, 0, b"")) == TickEntry(8)
    for troubles in ((), (Trouble.SESSION_LOST,), tuple(Trouble)):
        told = RawEntry(2, EntryKind.DEAF, 8, 0, codec.encode_troubles(troubles))
        assert codec.decode_entry(told) == TickEntry(8, hears=False, troubles=troubles)
    assert codec.decode_troubles(b"of_tomorrow,session_lost") == (Trouble.SESSION_LOST,)
    with pytest.raises(codec.CodecError, match="action"):
        codec.decode_entry(RawEntry(3, EntryKind.ACTION, 9, 0, b""))
