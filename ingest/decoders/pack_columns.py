"""From packs to columns: one conversion for a whole batch, and the test that a pack is a plain one.

A plain pack needs no `resolve`: its names are metrics of the catalogue, every record has a
number, and base fields, if any, stand in the first record only. Whatever deviates in the least
is not plain and goes the general road; the two never disagree (tests/laws proves it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.decoders.senml import VERSION, Record

_DECODER: Final = msgspec.json.Decoder(list[Record])
_VERSIONS: Final = frozenset({0.0, *(float(v) for v in range(1, VERSION + 1))})


@dataclass(frozen=True, slots=True)
class Columns:
    """Records of n packs, one after the other, m records in all."""

    length: NDArray[np.intp]
    """Records of each pack, at least 1, shape (n,)."""
    name: NDArray[np.int32]
    """Code of the metric name, -1 where the catalogue does not have it, shape (m,)."""
    value: NDArray[np.float64]
    """NaN where the record measures nothing, shape (m,)."""
    time_s: NDArray[np.float64]
    """Base time and time added: seconds since 1970, or relative to the arrival below 2^28, shape (m,)."""
    unit: NDArray[np.int16]
    """Code of the unit that holds, 0 for none, -1 where the catalogue does not have it, shape (m,)."""
    marks: NDArray[np.intp]
    """Quotation marks that the fields held here take in JSON, labels and texts alike, shape (m,)."""


def decode_plain(payload: bytes) -> list[Record] | None:
    """Return the records of what may be a plain pack; None if it surely is none."""
    try:
        records = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return records if records and b"\\" not in payload else None


def to_columns(
    packs: Sequence[list[Record]], name_codes: Mapping[str, int], unit_codes: Mapping[str, int]
) -> Columns:
    """Return the packs' records as columns; base time and base unit of each first record are applied."""
    length = np.fromiter(map(len, packs), np.intp, len(packs))
    flat = list(chain.from_iterable(packs))
    m = len(flat)
    name = np.fromiter(map(name_codes.__getitem__, map(attrgetter("n"), flat)), np.int32, m)
    # adding 0 turns -0.0 into 0.0, as adding the base value does on the general road
    value = np.fromiter(map(attrgetter("v"), flat), np.float64, m) + 0.0
    time_s = np.fromiter(map(attrgetter("t"), flat), np.float64, m)
    unit = np.fromiter(map(unit_codes.__getitem__, map(attrgetter("u"), flat)), np.int16, m)
    marks = 4 * (name >= 0) + 2 * ~np.isnan(value) + 2 * ~np.isnan(time_s) + 4 * (unit != 0)
    base_time_s = np.array([pack[0].bt for pack in packs], np.float64)
    base_unit = np.array([unit_codes[pack[0].bu] for pack in packs], np.int16)
    with np.errstate(over="ignore"):  # an infinite time is refused like any other far one
        time_s = np.repeat(base_time_s, length) + np.where(np.isnan(time_s), 0.0, time_s)
    return Columns(
        length=length,
        name=name,
        value=value,
        time_s=time_s,
        unit=np.where(unit == 0, np.repeat(base_unit, length), unit),
        marks=marks,
    )


def plain_packs(
    columns: Columns,
    packs: Sequence[list[Record]],
    payloads: Sequence[bytes],
    base_names: Sequence[frozenset[str]],
) -> NDArray[np.bool_]:
    """Return which packs are plain, shape (n,), given the base names that each may use.

    The quotation marks of the payload are counted against those of the fields that were decoded.
    JSON parsers keep the last of two fields with one name and say nothing; the marks of the other
    are then left over. They are left over too for any field that the columns do not hold.
    """
    start = np.cumsum(columns.length) - columns.length
    bare = np.isnan(columns.value) & (columns.marks == 0)
    measured = ~np.isnan(columns.value) & (columns.name >= 0)
    base_marks = np.array([_base_marks(pack[0]) for pack in packs], np.intp)
    found = np.array([payload.count(b'"') for payload in payloads], np.intp)
    first = measured[start] | (bare[start] & (base_marks > 0))
    others = np.add.reduceat(measured, start, dtype=np.intp) - measured[start]
    firsts = [pack[0] for pack in packs]
    agreed = [r.bn in names and r.bver in _VERSIONS for r, names in zip(firsts, base_names, strict=True)]
    full = others == columns.length - 1
    something = measured[start] | (others > 0)
    counted = found == np.add.reduceat(columns.marks, start) + base_marks
    plain: NDArray[np.bool_] = np.array(agreed, np.bool_) & first & full & something & counted
    return plain


def _base_marks(first: Record) -> int:
    """Return the quotation marks of the base fields of a record."""
    return 4 * (first.bn != "") + 2 * (first.bt != 0.0) + 4 * (first.bu != "") + 2 * (first.bver != 0.0)
