"""The COPY BINARY buffer, read back byte by byte as PostgreSQL's manual describes it."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contract.reading import Readings, Scored
from storage.copy import POSTGRES_EPOCH_US, SIGNATURE, TRAILER, readings_copy_buffer

ROW = struct.Struct(">hiqiiidif")

rows = st.lists(
    st.tuples(
        st.integers(-(2**53), 2**53),
        st.integers(1, 2**31 - 1),
        st.floats(allow_nan=False),
        st.one_of(st.just(float("nan")), st.floats(0, 1, width=32)),
    ),
    max_size=30,
)
Row = tuple[int, int, float, float]


def scored(data: list[Row]) -> Scored:
    readings = Readings(
        np.array([r[0] for r in data], np.int64),
        np.array([r[1] for r in data], np.int32),
        np.array([r[2] for r in data], np.float64),
    )
    return Scored(readings, np.array([r[3] for r in data], np.float32))


def decode(buffer: bytes) -> list[Row]:
    assert buffer.startswith(SIGNATURE)
    assert buffer.endswith(TRAILER)
    found = []
    body = buffer[len(SIGNATURE) : len(buffer) - len(TRAILER)]
    for fields, *cells in ROW.iter_unpack(body):
        time_bytes, time, series_bytes, series, value_bytes, value, score_bytes, score = cells
        assert (fields, time_bytes, series_bytes, value_bytes, score_bytes) == (4, 8, 4, 8, 4)
        found.append((time + POSTGRES_EPOCH_US, series, value, score))
    return found


@given(rows)
def test_buffer_holds_the_rows_sorted_by_series_and_time(data: list[Row]) -> None:
    found = decode(readings_copy_buffer(scored(data)))
    assert [(r[1], r[0]) for r in found] == sorted((r[1], r[0]) for r in data)
    assert sorted(map(repr, found)) == sorted(map(repr, data))


def test_no_rows_are_a_valid_empty_stream() -> None:
    assert readings_copy_buffer(Scored.empty()) == SIGNATURE + TRAILER


def test_rows_of_one_series_and_time_keep_their_order() -> None:
    found = decode(readings_copy_buffer(scored([(5, 1, 2.0, 0.5), (5, 1, 1.0, 0.5), (4, 1, 3.0, 0.5)])))
    assert [value for _, _, value, _ in found] == [3.0, 2.0, 1.0]
