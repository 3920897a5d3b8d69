"""Columns to a COPY BINARY buffer and back in numpy, without a Python object per row.

Source: PostgreSQL documentation, COPY, "Binary Format".
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.reading import Scored

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
"""Eleven bytes of signature, then flags and header extension length, both zero."""
TRAILER: Final = b"\xff\xff"
"""A field count of -1 ends the stream."""
POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01T00:00Z, the zero of timestamptz, in µs since 1970."""

_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("time_bytes", ">i4"),
        ("time", ">i8"),
        ("series_bytes", ">i4"),
        ("series", ">i4"),
        ("value_bytes", ">i4"),
        ("value", ">f8"),
        ("score_bytes", ">i4"),
        ("score", ">f4"),
    ]
)
"""One row on the wire, big-endian and unpadded: 42 bytes."""


def order_by_series(scored: Scored) -> NDArray[np.intp]:
    """Return the order (n,) by (series, time): neighbours in the index load together."""
    return np.lexsort((scored.readings.time_us, scored.readings.series))


def readings_copy_buffer(scored: Scored) -> bytes:
    """Return the rows (time, series, value, score), sorted by (series, time), as one COPY BINARY stream.

    No rows give a valid, empty stream.
    """
    order = order_by_series(scored)
    rows = np.empty(len(scored), _ROW)
    rows["fields"] = 4
    rows["time_bytes"], rows["time"] = 8, scored.readings.time_us[order] - POSTGRES_EPOCH_US
    rows["series_bytes"], rows["series"] = 4, scored.readings.series[order]
    rows["value_bytes"], rows["value"] = 8, scored.readings.value[order]
    rows["score_bytes"], rows["score"] = 4, scored.score[order]
    return b"".join((SIGNATURE, rows.data, TRAILER))


def rows_of_copy(buffer: bytes | bytearray, columns: Sequence[tuple[str, str]]) -> NDArray[Any]:
    """Return the rows of one COPY BINARY stream, in its order, as a structured array of shape (n,).

    Args:
        buffer: the whole stream; no field of it is null.
        columns: name and numpy type of each, big-endian, such as `("series", ">i4")`; a timestamptz is
            `>i8`, µs since `POSTGRES_EPOCH_US`.
    """
    sized = [part for name, kind in columns for part in ((f"{name}_bytes", ">i4"), (name, kind))]
    row = np.dtype([("fields", ">i2"), *sized])
    count = (len(buffer) - len(SIGNATURE) - len(TRAILER)) // row.itemsize
    return np.frombuffer(buffer, row, count, len(SIGNATURE))
