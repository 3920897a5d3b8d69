"""The bytes of a log entry: Arrow IPC for readings, MessagePack for the rest."""

from collections.abc import Iterable, Sequence
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

READINGS_SCHEMA: Final = pa.schema(
    [
        pa.field("time_us", pa.int64(), nullable=False),
        pa.field("series", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""Columns of a READINGS entry. Source: Arrow columnar format 1.0, IPC stream of one record batch."""

_encoder: Final = msgspec.msgpack.Encoder()
_rejected: Final = msgspec.msgpack.Decoder(list[Rejected])
_transitions: Final = msgspec.msgpack.Decoder(list[Transition])
_action: Final = msgspec.msgpack.Decoder(Action)
_incident_action: Final = msgspec.msgpack.Decoder(IncidentAction)
_exercise: Final = msgspec.msgpack.Decoder(Exercise)
_notice_answer: Final = msgspec.msgpack.Decoder(NoticeAnswer)
_outside: Final = msgspec.msgpack.Decoder(list[OutsideReport])
_silence_word: Final[msgspec.msgpack.Decoder[SilenceWord]] = msgspec.msgpack.Decoder(SilenceWord)


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


def encode_rejected(rejected: Sequence[Rejected]) -> bytes:
    """Return the payload of a REJECTED entry."""
    return _encoder.encode(list(rejected))


def decode_rejected(payload: bytes) -> list[Rejected]:
    """Return the values of a REJECTED entry.

    Raises:
        CodecError: the payload is not a list of `Rejected`.
    """
    rejected: list[Rejected] = _decode(_rejected, payload)
    return rejected


def encode_transitions(transitions: Sequence[Transition]) -> bytes:
    """Return the payload of a TRANSITION entry."""
    return _encoder.encode(list(transitions))


def decode_transitions(payload: bytes) -> list[Transition]:
    """Return the values of a TRANSITION entry.

    Raises:
        CodecError: the payload is not a list of `Transition`.
    """
    transitions: list[Transition] = _decode(_transitions, payload)
    return transitions


def encode_action(action: Action) -> bytes:
    """Return the payload of an ACTION entry."""
    return _encoder.encode(action)


def decode_action(payload: bytes) -> Action:
    """Return the value of an ACTION entry.

    Raises:
        CodecError: the payload is not an `Action`.
    """
    action: Action = _decode(_action, payload)
    return action


def encode_incident_action(action: IncidentAction) -> bytes:
    """Return the payload of an INCIDENT_ACTION entry."""
    return _encoder.encode(action)


def decode_incident_action(payload: bytes) -> IncidentAction:
    """Return the value of an INCIDENT_ACTION entry.

    Raises:
        CodecError: the payload is not an `IncidentAction`.
    """
    action: IncidentAction = _decode(_incident_action, payload)
    return action


def encode_notice_answer(said: NoticeAnswer) -> bytes:
    """Return the payload of a NOTICE_ANSWER entry."""
    return _encoder.encode(said)


def decode_notice_answer(payload: bytes) -> NoticeAnswer:
    """Return the value of a NOTICE_ANSWER entry.

    Raises:
        CodecError: the payload is not a `NoticeAnswer`.
    """
    said: NoticeAnswer = _decode(_notice_answer, payload)
    return said


def encode_exercise(exercise: Exercise) -> bytes:
    """Return the payload of an EXERCISE entry."""
    return _encoder.encode(exercise)


def decode_exercise(payload: bytes) -> Exercise:
    """Return the value of an EXERCISE entry.

    Raises:
        CodecError: the payload is not an `Exercise`.
    """
    exercise: Exercise = _decode(_exercise, payload)
    return exercise


def encode_outside(reports: Sequence[OutsideReport]) -> bytes:
    """Return the payload of an OUTSIDE entry."""
    return _encoder.encode(reports)


def decode_outside(payload: bytes) -> list[OutsideReport]:
    """Return the values of an OUTSIDE entry.

    Raises:
        CodecError: the payload is not a list of `OutsideReport`.
    """
    reports: list[OutsideReport] = _decode(_outside, payload)
    return reports


def encode_silence_word(word: SilenceWord) -> bytes:
    """Return the payload of a SILENCE entry."""
    return _encoder.encode(word)


def decode_silence_word(payload: bytes) -> SilenceWord:
    """Return the value of a SILENCE entry.

    Raises:
        CodecError: the payload is not a `SilenceWord`.
    """
    word: SilenceWord = _decode(_silence_word, payload)
    return word


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


def _decode(decoder: "msgspec.msgpack.Decoder[Any]", payload: bytes) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise CodecError(f"entry of the log is damaged: {error}") from error
