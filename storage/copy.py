"""Columns to a COPY BINARY buffer and back in numpy, without a Python object per row.

Source: PostgreSQL documentation, COPY, "Binary Format".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.reading import Readings, Scored

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

_ROW_OUT: Final = np.dtype([(name, kind) for name, kind in _ROW.descr if not name.startswith("score")])
"""One row (time, series, value) as the server sends it: 34 bytes."""


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


def readings_of_copy(buffer: bytes | bytearray) -> Readings:
    """Return the rows (time, series, value), none of them null, of one COPY BINARY stream, in its order."""
    rows = np.frombuffer(
        buffer, _ROW_OUT, (len(buffer) - len(SIGNATURE) - len(TRAILER)) // _ROW_OUT.itemsize, len(SIGNATURE)
    )
    return Readings(
        rows["time"].astype(np.int64) + POSTGRES_EPOCH_US,
        rows["series"].astype(np.int32),
        rows["value"].astype(np.float64),
    )
