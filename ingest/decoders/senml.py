"""SenML packs in JSON, by every rule of RFC 8428: text in, resolved records or one fault out.

A pack is resolved when no record needs another to be understood: names are whole, units are
its own, base values and base times are added (section 4.6). `resolve` does that for any pack.
Packs that devices usually send are read by `ingest.decoders.pack_columns` without it, with equal meaning.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from contract.rejected import Reason, RefusalDetail, write_detail

NAN: Final = math.nan
BOM: Final = b"\xef\xbb\xbf"
"""A byte order mark; a reader may pass over it (RFC 8259 section 8.1)."""
VERSION: Final = 10
"""The SenML version defined by RFC 8428, section 4.4."""
RELATIVE_BELOW_S: Final = float(1 << 28)
"""A resolved time below this is relative to now (RFC 8428 section 4.5.3)."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
_FIELD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_TEXT_FIELDS: Final = frozenset({"bn", "bu", "n", "u", "vs", "vd"})
_BASE_NUMBERS: Final = frozenset({"bt", "bv", "bs", "bver"})
_NUMBER_FIELDS: Final = _BASE_NUMBERS | {"s", "t", "ut"}
_VALUE_FIELDS: Final = ("v", "vb", "vs", "vd")
_BASE_FIELDS: Final = frozenset({"bn", "bu"}) | _BASE_NUMBERS
KNOWN_FIELDS: Final = _TEXT_FIELDS | _NUMBER_FIELDS | frozenset(_VALUE_FIELDS)
"""Labels of RFC 8428 section 4.3; `vb`, `vs` and `vd` are known but never a measurement here."""


class Record(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record of numbers as sent; a missing field reads as what RFC 8428 says it means."""

    n: str = ""
    v: float = NAN
    """NaN where absent: JSON has no NaN."""
    t: float = NAN
    """NaN where absent: 0 by section 4.5.3, but a sent 0 has to be told from none."""
    u: str = ""
    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bver: float = 0.0
    """0 where absent."""


NO_RECORD: Final = Record()
"""Stands at the place of a record that measures nothing, so that positions in the pack hold."""


class Defect(NamedTuple):
    """Why a whole message was refused."""

    reason: Reason
    detail: str


class RecordDefect(NamedTuple):
    """Why one record of a pack was refused."""

    record: int
    """Position in the pack, from 0."""
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A pack by RFC 8428 section 4.6, but for relative times: `bt + t` stays in seconds."""

    records: list[Record]
    """As many as in the pack; `NO_RECORD` where one measures nothing or was refused."""
    refused: list[RecordDefect]
    unknown: tuple[str, ...]
    """Labels that RFC 8428 does not know, each as `shown_field` shows it."""


@dataclass(slots=True)
class _Bases:
    booleans: bool
    """Whether true and false are 1 and 0 here."""
    name: str = ""
    time_s: float = 0.0
    unit: str = ""
    value: float | None = None
    sum: float | None = None
    versions: set[float] = field(default_factory=set)


def resolve(payload: bytes, *, booleans: bool = False) -> Resolved | Defect:
    """Return the resolved records of a SenML pack, or why it is none.

    Args:
        payload: the pack as it came.
        booleans: whether `vb` is a measurement, 1 or 0; else a number is due.
    """
    document = parse_json(payload)
    if isinstance(document, Defect):
        return document
    if not isinstance(document, list) or not all(isinstance(r, dict) for r in document):
        return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.NOT_A_PACK))
    if not document:
        return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.EMPTY_PACK))
    defect = _version_defect(document) or _structure_defect(document)
    return defect or _resolved(document, _Bases(booleans))


def parse_json(payload: bytes) -> object | Defect:
    """Return a JSON document with all numbers as floats, or why it is none.

    Read besides what RFC 8259 allows: a byte order mark, and NaN and Infinity as null, which they become
    in JavaScript. So do numbers that no float64 holds: whoever needs a number there refuses that value
    alone. Refused besides: a field that appears twice in one object.
    """
    try:
        document: object = json.loads(
            payload.removeprefix(BOM).decode(),
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_int=_finite,
            parse_constant=_finite,
        )
    except UnicodeDecodeError:
        return Defect(Reason.NOT_JSON, write_detail(RefusalDetail.NOT_UTF8))
    except _RefusedError as error:
        return Defect(Reason.NOT_JSON, str(error))
    except RecursionError:
        return Defect(Reason.NOT_JSON, write_detail(RefusalDetail.TOO_DEEP))
    except ValueError:
        return Defect(Reason.NOT_JSON, write_detail(RefusalDetail.NOT_JSON))
    return document


def shown_field(name: str) -> str:
    """Return a field's name if it looks like one, else a stand-in: it could be a person's words."""
    return name if _FIELD_NAME.fullmatch(name) else "(name withheld)"


def field_defect(code: RefusalDetail, name: str) -> Defect:
    """Return that a field is not as SenML has it."""
    return Defect(Reason.NOT_SENML, write_detail(code, name=shown_field(name)))


def is_senml_name(name: str) -> bool:
    """Return whether a resolved name keeps to RFC 8428 section 4.5.1."""
    return _NAME.fullmatch(name) is not None


class _RefusedError(ValueError):
    """Leaves the parser's callbacks; never leaves this module."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError(write_detail(RefusalDetail.TWICE))
    return found


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _version_defect(document: Sequence[Mapping[str, object]]) -> Defect | None:
    versions = [record["bver"] for record in document if "bver" in record]
    for version in versions:
        if not isinstance(version, float) or version < 1 or version != int(version):
            return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.VERSION_NOT_WHOLE))
        if version > VERSION:
            told = write_detail(RefusalDetail.VERSION_LATER, version=f"{version:g}", most=VERSION)
            return Defect(Reason.UNSUPPORTED_VERSION, told)
    if len(set(versions)) > 1:
        return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.VERSIONS_DIFFER))
    return None


def _structure_defect(document: Sequence[Mapping[str, object]]) -> Defect | None:
    for record in document:
        for label, value in record.items():
            if label not in KNOWN_FIELDS:
                if label.endswith("_"):
                    return field_defect(RefusalDetail.FIELD_UNMET, label)
            elif not _has_type(label, value):
                return field_defect(RefusalDetail.FIELD_TYPE, label)
        if sum(label in record for label in _VALUE_FIELDS) > 1:
            return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.SEVERAL_VALUES))
    return None


def _has_type(label: str, value: object) -> bool:
    if label in _TEXT_FIELDS:
        return isinstance(value, str)
    # The value itself may be wrong alone: a sensor that sends null spoils no other record.
    return isinstance(value, float) or label not in _NUMBER_FIELDS


def _resolved(document: Sequence[Mapping[str, object]], bases: _Bases) -> Resolved:
    records: list[Record] = []
    refused: list[RecordDefect] = []
    unknown: dict[str, None] = {}
    for position, fields in enumerate(document):
        unknown.update(dict.fromkeys(shown_field(label) for label in fields if label not in KNOWN_FIELDS))
        _carry(bases, fields)
        found = _record(bases, fields)
        if isinstance(found, Defect):
            refused.append(RecordDefect(position, *found))
            found = NO_RECORD
        records.append(found)
    return Resolved(records, refused, tuple(unknown))


def _carry(bases: _Bases, fields: Mapping[str, object]) -> None:
    """Note the base fields of a record; each holds until a later record has the same one."""
    bases.name = _text(fields, "bn", bases.name)
    bases.unit = _text(fields, "bu", bases.unit)
    bases.time_s = _number(fields, "bt", bases.time_s) or 0.0
    bases.value = _number(fields, "bv", bases.value)
    bases.sum = _number(fields, "bs", bases.sum)


def _record(bases: _Bases, fields: Mapping[str, object]) -> Record | Defect:
    if fields and not (fields.keys() & KNOWN_FIELDS) - _BASE_FIELDS and fields.keys() & _BASE_FIELDS:
        return NO_RECORD
    name = bases.name + _text(fields, "n", "")
    if not is_senml_name(name):
        return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.BAD_NAME))
    value = _value(bases, fields)
    if isinstance(value, Defect):
        return value
    time_s = bases.time_s + (_number(fields, "t", 0.0) or 0.0)
    return Record(n=name, v=value, t=time_s, u=_text(fields, "u", "") or bases.unit)


def _value(bases: _Bases, fields: Mapping[str, object]) -> float | Defect:
    """Return bv + v (a missing one is 0, section 4.5.4), or why the record has no number."""
    if "v" in fields:
        number = fields["v"]
        if not isinstance(number, float):
            return Defect(Reason.NOT_A_NUMBER, write_detail(RefusalDetail.NOT_FINITE))
        total = number + (bases.value or 0.0)
        too_large = Defect(Reason.NOT_A_NUMBER, write_detail(RefusalDetail.SUM_NOT_FINITE))
        return total if math.isfinite(total) else too_large
    if bases.booleans and isinstance(truth := fields.get("vb"), bool):
        return float(truth)
    for label in _VALUE_FIELDS[1:]:
        if label in fields:
            return Defect(Reason.NOT_A_NUMBER, write_detail(RefusalDetail.NO_NUMBER, field=label))
    if bases.value is not None:
        return bases.value
    if "s" in fields or bases.sum is not None:
        return Defect(Reason.NO_VALUE, write_detail(RefusalDetail.SUM_ALONE))
    return Defect(Reason.NO_VALUE, write_detail(RefusalDetail.NO_VALUE))


def _text(fields: Mapping[str, object], label: str, otherwise: str) -> str:
    value = fields.get(label)
    return value if isinstance(value, str) else otherwise


def _number(fields: Mapping[str, object], label: str, otherwise: float | None) -> float | None:
    value = fields.get(label)
    return value if isinstance(value, float) else otherwise
