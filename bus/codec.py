"""The bytes of a log entry: Arrow IPC for readings, MessagePack for the rest."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from contract.alert import Action, OutsideReport, Transition
from contract.entry import Entry, EntryKind, MistimedEntry, RawEntry, ReadingsEntry, TickEntry, Trouble
from contract.errors import EduopsError
from contract.incident import Exercise, IncidentAction
from contract.reading import Readings
from contract.rejected import Rejected
from contract.routing.notice import NoticeAnswer
from contract.routing.silence import SilenceWord
from contract.routing.swap import SwapWord

READINGS_SCHEMA: Final = pa.schema(
    [
        pa.field("time_us", pa.int64(), nullable=False),
        pa.field("series", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""Columns of a READINGS entry. Source: Arrow columnar format 1.0, IPC stream of one record batch."""

_encoder: Final = msgspec.msgpack.Encoder()


class CodecError(EduopsError):
    """An entry of the log is not what its header says: the store is damaged or a writer is wrong."""


def encode_readings(readings: Readings) -> bytes:
    """Return the readings as an Arrow IPC stream, 20 bytes a reading and some 500 in front."""
    columns = [
        pa.array(np.ascontiguousarray(readings.time_us, np.int64)),
        pa.array(np.ascontiguousarray(readings.series, np.int32)),
        pa.array(np.ascontiguousarray(readings.value, np.float64)),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, READINGS_SCHEMA) as writer:
        writer.write_batch(pa.record_batch(columns, schema=READINGS_SCHEMA))
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def decode_readings(payload: bytes) -> Readings:
    """Return the readings of an Arrow IPC stream; the columns are read-only views of `payload`.

    Raises:
        CodecError: the payload is no Arrow stream of one batch with exactly these columns, or has nulls.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(payload)) as stream:
            schema = stream.schema
            batches = list(stream) if schema.equals(READINGS_SCHEMA) else []
    except (pa.ArrowException, OSError) as error:
        raise CodecError(f"entry of readings is not an Arrow stream: {error}") from error
    if len(batches) != 1:
        raise CodecError(f"entry of readings needs one batch of {READINGS_SCHEMA.names}, not {schema}")
    columns = batches[0].columns
    try:
        batches[0].validate()
        return Readings(*(column.to_numpy(zero_copy_only=True) for column in columns))
    except pa.ArrowException as error:
        raise CodecError(f"entry of readings is damaged: {error}") from error


def _decoding(kind: Any) -> Callable[[bytes], Any]:
    """Return what reads a payload of one kind of words, or raises `CodecError`."""
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)

    def decode(payload: bytes) -> Any:
        try:
            return decoder.decode(payload)
        except msgspec.MsgspecError as error:
            raise CodecError(f"entry of the log is damaged: {error}") from error

    return decode


# A pair for each kind of entry that holds words; every decoder raises `CodecError` for anything else.
encode_rejected: Final[Callable[[Sequence[Rejected]], bytes]] = _encoder.encode
decode_rejected: Final[Callable[[bytes], list[Rejected]]] = _decoding(list[Rejected])
encode_transitions: Final[Callable[[Sequence[Transition]], bytes]] = _encoder.encode
decode_transitions: Final[Callable[[bytes], list[Transition]]] = _decoding(list[Transition])
encode_action: Final[Callable[[Action], bytes]] = _encoder.encode
decode_action: Final[Callable[[bytes], Action]] = _decoding(Action)
encode_incident_action: Final[Callable[[IncidentAction], bytes]] = _encoder.encode
decode_incident_action: Final[Callable[[bytes], IncidentAction]] = _decoding(IncidentAction)
encode_notice_answer: Final[Callable[[NoticeAnswer], bytes]] = _encoder.encode
decode_notice_answer: Final[Callable[[bytes], NoticeAnswer]] = _decoding(NoticeAnswer)
encode_exercise: Final[Callable[[Exercise], bytes]] = _encoder.encode
decode_exercise: Final[Callable[[bytes], Exercise]] = _decoding(Exercise)
encode_outside: Final[Callable[[Sequence[OutsideReport]], bytes]] = _encoder.encode
decode_outside: Final[Callable[[bytes], list[OutsideReport]]] = _decoding(list[OutsideReport])
encode_silence_word: Final[Callable[[SilenceWord], bytes]] = _encoder.encode
decode_silence_word: Final[Callable[[bytes], SilenceWord]] = _decoding(SilenceWord)
encode_swap_word: Final[Callable[[SwapWord], bytes]] = _encoder.encode
decode_swap_word: Final[Callable[[bytes], SwapWord]] = _decoding(SwapWord)


def encode_troubles(troubles: Iterable[Trouble]) -> bytes:
    """Return the payload of a tick; empty for none."""
    return ",".join(troubles).encode()


def decode_troubles(payload: bytes) -> tuple[Trouble, ...]:
    """Return the value of a tick; names that a later version writes are passed over."""
    told = payload.decode(errors="replace").split(",")
    return tuple(trouble for trouble in Trouble if trouble in told)


def decode_entry(raw: RawEntry) -> Entry:
    """Return an entry of a telemetry log as the fold wants it.

    Raises:
        CodecError: the kind has no place in a telemetry log, or the payload is damaged.
    """
    if raw.kind in (EntryKind.TICK, EntryKind.DEAF):
        return TickEntry(raw.at_us, raw.kind is EntryKind.TICK, decode_troubles(raw.payload))
    if raw.kind is EntryKind.READINGS:
        return ReadingsEntry(raw.at_us, decode_readings(raw.payload))
    if raw.kind is EntryKind.MISTIMED:
        return MistimedEntry(raw.at_us, decode_readings(raw.payload))
    raise CodecError(f"entry {raw.seq} of a telemetry log is of kind {raw.kind.value}")
