"""What enters and what does not: a batch of messages in, readings by partition and refusals out.

Pure: the arrival time comes with each message. Any cutting of the messages into batches gives
the same readings and the same refusals, and every reading that came in is in exactly one of both.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from contract.privacy import shown_refusal
from contract.reading import Readings
from contract.rejected import Reason, RefusalDetail, Rejected, write_detail
from contract.topic import Stream
from ingest.acceptance.consistency import refuse_contradictions
from ingest.acceptance.excerpt import excerpt
from ingest.acceptance.registry import STREAMS, Registry, Route
from ingest.acceptance.validation import AcceptanceLimits, by_partition, mistimed, to_rows, validate
from ingest.decoders.pack_columns import Columns, decode_plain, plain_packs, to_columns
from ingest.decoders.senml import BOM, NO_RECORD, Defect, Record, RecordDefect, resolve
from ingest.decoders.status import read_status

MAX_TOPIC_CHARACTERS: Final = 256
MAX_SHOWN_FIELDS: Final = 5
MAX_EXCERPTS: Final = 20
"""Refusals of one message that keep its excerpt: it is the same for all, and a pack may have 40,000."""
_STATUS: Final = STREAMS.index(Stream.STATUS)
_BEFORE_JSON: Final = BOM + b" \t\r\n"
"""Bytes that may stand before a document."""


class Message(NamedTuple):
    """One message as it came in."""

    topic: str
    payload: bytes
    arrived_us: int
    """Log time of arrival, µs since 1970; no two messages of a gateway share one.

    It is the time of readings that bring none, so two of them stay two.
    """


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch."""

    by_partition: dict[int, Readings]
    """Readings by log partition, each in order of arrival; no partition is empty."""
    rejected: list[Rejected]
    """In order of arrival."""
    mistimed: dict[int, Readings] = field(default_factory=dict)
    """Of the refused readings those that only their time forbids, by log partition: the fold hears them."""

    @property
    def received(self) -> int:
        """Readings that came in; a message refused whole counts as one."""
        return sum(map(len, self.by_partition.values())) + len(self.rejected)


class _Refusal(NamedTuple):
    message: int
    record: int
    """-1 if the whole message is refused."""
    reason: Reason
    detail: str


@dataclass(slots=True)
class _Packs:
    """Messages that have a route and a pack so far, in order of arrival."""

    message: list[int] = field(default_factory=list)
    route: list[Route] = field(default_factory=list)
    records: list[list[Record]] = field(default_factory=list)
    resolved: list[bool] = field(default_factory=list)
    """The pack needs no proof that it is plain."""

    def add(self, message: int, route: Route, records: list[Record], resolved: bool) -> None:
        self.message.append(message)
        self.route.append(route)
        self.records.append(records)
        self.resolved.append(resolved)


def accept(messages: Sequence[Message], registry: Registry, limits: AcceptanceLimits) -> Accepted:
    """Return the readings of the messages by partition, and a refusal for everything else."""
    refusals: list[_Refusal] = []
    packs = _decode(messages, registry, limits, refusals)
    columns, packs = _resolve_others(packs, messages, registry, refusals)
    if columns is None:
        return Accepted({}, _rejected(refusals, messages, registry))
    rows = to_rows(columns, packs.route, [messages[i].arrived_us for i in packs.message], registry)
    passed, defects = validate(rows, registry, limits)
    pupils = np.array([route.pupils for route in packs.route], np.int64)
    passed, contradicted = refuse_contradictions(rows, passed, pupils, registry.catalogue)
    refusals += [_Refusal(packs.message[d.pack], *d[1:]) for d in (*defects, *contradicted)]
    return Accepted(
        by_partition(rows, passed, packs.route),
        _rejected(refusals, messages, registry),
        by_partition(rows, mistimed(rows, defects), packs.route),
    )


def _decode(
    messages: Sequence[Message], registry: Registry, limits: AcceptanceLimits, refusals: list[_Refusal]
) -> _Packs:
    """Return what may be plain packs and what is resolved already; refuse what cannot be read."""
    packs = _Packs()
    for index, message in enumerate(messages):
        route = registry.route(message.topic)
        if isinstance(route, Defect):
            refusals.append(_Refusal(index, -1, *route))
        elif len(message.payload) > limits.max_payload_bytes:
            detail = write_detail(
                RefusalDetail.TOO_LARGE, bytes=len(message.payload), most=limits.max_payload_bytes
            )
            refusals.append(_Refusal(index, -1, Reason.OVERSIZED, detail))
        elif route.stream != _STATUS and (plain := decode_plain(message.payload)) is not None:
            packs.add(index, route, plain, resolved=False)
        else:
            _resolve_one(index, message.payload, route, registry, packs, refusals)
    return packs


def _resolve_others(
    packs: _Packs, messages: Sequence[Message], registry: Registry, refusals: list[_Refusal]
) -> tuple[Columns | None, _Packs]:
    """Return all packs and their columns, after `resolve` of those that turn out not to be plain."""
    if not packs.records:
        return None, packs
    columns = to_columns(packs.records, registry.name_codes, registry.unit_codes)
    payloads = [messages[i].payload for i in packs.message]
    plain = plain_packs(columns, packs.records, payloads, [route.bases for route in packs.route])
    settled = plain | np.array(packs.resolved, np.bool_)
    if settled.all():
        return columns, packs
    kept = _Packs()
    for place, done in enumerate(settled):
        index, route = packs.message[place], packs.route[place]
        if done:
            kept.add(index, route, packs.records[place], resolved=True)
        else:
            _resolve_one(index, payloads[place], route, registry, kept, refusals)
    if not kept.records:
        return None, kept
    return to_columns(kept.records, registry.name_codes, registry.unit_codes), kept


def _resolve_one(
    index: int, payload: bytes, route: Route, registry: Registry, packs: _Packs, refusals: list[_Refusal]
) -> None:
    """Read one message by the general rules into `packs`, or into `refusals`."""
    is_object = route.stream == _STATUS and not payload.lstrip(_BEFORE_JSON).startswith(b"[")
    found = read_status(payload) if is_object else _read_pack(payload, route)
    if isinstance(found, Defect):
        refusals.append(_Refusal(index, -1, *found))
        return
    records, refused = found
    refusals.extend(_Refusal(index, *defect) for defect in refused)
    if any(record is not NO_RECORD for record in records):
        packs.add(index, route, records, resolved=True)
    elif not refused:
        refusals.append(_Refusal(index, -1, Reason.NO_VALUE, write_detail(RefusalDetail.NO_MEASUREMENT)))


def _read_pack(payload: bytes, route: Route) -> tuple[list[Record], list[RecordDefect]] | Defect:
    found = resolve(payload, booleans=route.stream == _STATUS)
    if isinstance(found, Defect):
        return found
    if route.private and found.unknown:
        names = ", ".join(found.unknown[:MAX_SHOWN_FIELDS])
        return Defect(Reason.UNKNOWN_FIELD, write_detail(RefusalDetail.FIELD_NOT_ALLOWED, names=names))
    for record in found.records:
        if record is not NO_RECORD:
            name = _own_name(record.n, route.bases)
            if name is None:
                return Defect(Reason.IDENTITY_MISMATCH, write_detail(RefusalDetail.OTHER_DEVICE))
            record.n = name
    return found.records, found.refused


def _own_name(resolved: str, bases: Iterable[str]) -> str | None:
    """Return the metric name within a resolved name; None if it names another device.

    Metric names have neither `/` nor `:`, so a name with one of them claims an identity.
    """
    own = next((resolved[len(base) :] for base in bases if base and resolved.startswith(base)), resolved)
    return None if "/" in own or ":" in own else own


def _rejected(refusals: list[_Refusal], messages: Sequence[Message], registry: Registry) -> list[Rejected]:
    """Return the refusals in order of arrival, as they go into quarantine."""
    topics: dict[int, str] = {}
    excerpts: dict[int, str] = {}
    found: list[Rejected] = []
    of_message = Counter[int]()
    for index, _, reason, detail in sorted(refusals, key=lambda r: r[:2]):
        message = messages[index]
        if index not in excerpts:
            topics[index] = _shown_topic(message.topic)
            excerpts[index] = _excerpt(message, reason, registry)
        of_message[index] += 1
        refused = Rejected(
            reason=reason,
            topic=topics[index],
            detail=detail,
            at_us=message.arrived_us,
            payload_bytes=len(message.payload),
            excerpt=excerpts[index] if of_message[index] <= MAX_EXCERPTS else "",
        )
        found.append(shown_refusal(refused, registry.catalogue))
    return found


def _excerpt(message: Message, reason: Reason, registry: Registry) -> str:
    route = registry.route(message.topic)
    if isinstance(route, Defect) or reason is Reason.OVERSIZED:
        return ""
    return excerpt(message.payload)


def _shown_topic(topic: str) -> str:
    return "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in topic[:MAX_TOPIC_CHARACTERS]
    )
