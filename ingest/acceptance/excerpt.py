"""What of a refused payload may be kept: its shape and its numbers, never a word of it.

Of streams about pupils not even the numbers: `contract.privacy.shown_refusal`.
"""

from collections.abc import Container, Mapping
from typing import Final

import msgspec

from ingest.decoders.senml import KNOWN_FIELDS, Defect, parse_json, shown_field

MAX_BYTES: Final = 1024
"""An excerpt is for a person's eyes: enough for a dozen records."""
_TEXTS: Final = frozenset({"bn", "bu", "n", "u", "vs", "vd"})
_STATUS_FIELDS: Final = frozenset({"online", "t"})
_WHOLE_BELOW: Final = float(1 << 53)
"""Up to here every whole float64 prints as the integer that it is."""


def excerpt(payload: bytes) -> str:
    """Return the payload as JSON with all texts and all values of unknown fields blanked.

    Returns:
        At most 1,024 bytes of JSON, whole records only; empty if the payload cannot be parsed.
    """
    document = parse_json(payload)
    if isinstance(document, Defect):
        return ""
    if isinstance(document, dict):
        line = _line(document, _STATUS_FIELDS)
        return line if len(line) <= MAX_BYTES else ""
    if not isinstance(document, list):
        return ""
    lines: list[str] = []
    left = MAX_BYTES - len("[]")
    for record in document:
        line = _line(record, KNOWN_FIELDS) if isinstance(record, dict) else "null"
        left -= len(line) + len(",")
        if left < 0:
            break
        lines.append(line)
    return f"[{','.join(lines)}]"


def _line(fields: Mapping[str, object], known: Container[str]) -> str:
    shown = {
        shown_field(label): _blanked(label, value) if label in known else None
        for label, value in fields.items()
    }
    return msgspec.json.encode(shown).decode()


def _blanked(label: str, value: object) -> str | float | bool | None:
    if isinstance(value, str):
        return ""
    if label in _TEXTS:
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _WHOLE_BELOW else value
    return value if isinstance(value, bool) else None
