"""Reports that come by themselves: which ones routes.toml orders, one that is due, and one that was made."""

import hashlib
from datetime import date, time
from enum import StrEnum
from typing import NamedTuple

import msgspec

from contract.figures.spans import SpanKind
from contract.routing.notice import NOTICE_ID_BYTES
from contract.texts import Language


class ReportFormat(StrEnum):
    """How a report is written; it has one or more."""

    PDF = "pdf"
    """Paged, for a meeting."""
    CSV = "csv"
    """A table: commas and a decimal point."""
    EXCEL = "excel"
    """The table as Excel reads it in Vietnamese."""


class ReportOrder(msgspec.Struct, frozen=True):
    """A `[[report]]`: who gets the report of each span, and at which time of day."""

    name: str
    span: SpanKind
    at: time
    """Local time of day, on the first day of work or school on which the span is over by then."""
    contacts: tuple[str, ...]
    """Persons, rotas, channels; at least one, and none with an area: figures are of the whole city."""
    formats: tuple[ReportFormat, ...]
    """At least one."""
    language: Language | None
    """None for that of each contact."""
    line: int | None


class ScheduledReport(msgspec.Struct, frozen=True):
    """A report that is due: of one span, ordered once."""

    report_id: str
    """`report_id_of`; in its notices it stands where others have their incident."""
    name: str
    """Of its order."""
    span: SpanKind
    last: date
    """The last school day of the span."""
    formats: tuple[ReportFormat, ...]
    language: Language | None
    due_at_us: int
    """Log time, µs since 1970."""


class ReportFile(NamedTuple):
    """A file of a report."""

    name: str
    content: bytes


class MadeReport(NamedTuple):
    """A report as it is sent."""

    span: SpanKind
    last: date
    """The last day of the span."""
    title: str
    sentence: str
    """What its last day was like."""
    files: tuple[ReportFile, ...]


def report_id_of(name: str, span: SpanKind, last: date) -> str:
    """Return the key of a report, 24 hex digits: whoever finds that it is due finds the same one."""
    words = f"{name}/{span.value}/{last.isoformat()}".encode()
    return hashlib.blake2b(words, digest_size=NOTICE_ID_BYTES).hexdigest()
