"""What may be reported from outside: whoever reports what may not be gets a sentence about it (pure).

Source: Alertmanager 0.25, api/v2/openapi.yaml, `postableAlert`; api/v2/api.go, `postAlertsHandler`.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from contract.alert import Outside, OutsideReport
from contract.routing.silence import LABEL_PATTERN
from contract.toml.tables import unseen_character

RESOLVE_TIMEOUT_US: Final = 300_000_000
"""One without an end is over so long after it was reported, µs. Source: Alertmanager, `resolve_timeout`."""
LONGEST_US: Final = 400 * 86_400_000_000
"""An alert is over so long after it was reported at the latest, µs: chosen, as for silences that recur."""
MOST_LABELS: Final = 64
MOST_LABEL: Final = 1000
"""Characters of a label's value: chosen, twice a long address."""
MOST_LABEL_BYTES: Final = 8192
"""Names and values together: chosen, so that a batch of Prometheus, 64 alerts, is half a MiB of labels."""
MOST_ANNOTATIONS: Final = 32
MOST_TEXT: Final = 1000
"""Characters of an annotation that are kept: chosen, a screen of a phone."""
MOST_TEXT_BYTES: Final = 8192
"""Of all annotations together; those beyond are left out."""
MOST_OPEN: Final = 5000
"""Alerts from outside that are open at once: chosen, more than a city has schools. Who has a measured value
in a label makes another alert at each evaluation, and one writer folds them all."""
_LABEL: Final = re.compile(LABEL_PATTERN)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OutsideFault(StrEnum):
    """Why a report is not taken; each has a text `error.outside_…`."""

    UNREADABLE = "unreadable"
    NO_LABEL = "no_label"
    TOO_MANY_LABELS = "too_many_labels"
    BAD_LABEL = "bad_label"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    UNSEEN = "unseen"
    ENDS_BEFORE = "ends_before"
    TOO_EARLY = "too_early"
    TOO_MANY_OPEN = "too_many_open"


class OutsideComplaint(NamedTuple):
    """Why a report is not taken."""

    fault: OutsideFault
    values: Mapping[str, object] = {}


class PostedAlert(msgspec.Struct, frozen=True, rename="camel"):
    """A report as it is sent. Source: openapi.yaml, `postableAlert`."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    """None, or Go's zero time in the year 1, for now."""
    ends_at: datetime | None = None
    """None, or Go's zero time, for `RESOLVE_TIMEOUT_US` from now."""
    generator_url: str = msgspec.field(name="generatorURL", default="")


_posted: Final = msgspec.json.Decoder(PostedAlert)


def read_report(
    body: msgspec.Raw, at_us: int, log_us: Callable[[int], int]
) -> OutsideReport | OutsideComplaint:
    """Return the report that a sender wrote, or why it is not taken.

    Labels without a value are no labels. What nobody sees is taken out of annotations, and they are cut: they
    are told to people, and an alert is not refused for them.

    Args:
        body: JSON.
        at_us: log time now.
        log_us: gives the log time of a real one, both in µs since 1970.
    """
    try:
        posted = _posted.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return OutsideComplaint(OutsideFault.UNREADABLE, {"why": error})
    labels = {name: value for name, value in posted.labels.items() if value}
    complaint = next(_complaints(labels), None)
    if complaint is not None:
        return complaint
    starts, ends = (
        None if at is None or at.year == 1 else _real_us(at) for at in (posted.starts_at, posted.ends_at)
    )
    if min(starts or 0, ends or 0) < 0:
        return OutsideComplaint(OutsideFault.TOO_EARLY)
    if starts is not None and ends is not None and ends < starts:
        return OutsideComplaint(OutsideFault.ENDS_BEFORE)
    latest_us = at_us + LONGEST_US
    ends_us = at_us + RESOLVE_TIMEOUT_US if ends is None else min(_bounded(ends, log_us), latest_us)
    starts_us = at_us if starts is None else min(_bounded(starts, log_us), at_us)
    link = posted.generator_url[:MOST_TEXT]
    if unseen_character(link) or not link.startswith(("http://", "https://")):
        link = ""  # others make a link of it, and `javascript:` would do what its sender likes
    outside = Outside(tuple(sorted(labels.items())), _annotations(posted.annotations), link)
    return OutsideReport(outside, starts_us, ends_us, at_us)


def beyond_room(
    reports: Sequence[OutsideReport], known: Container[tuple[tuple[str, str], ...]], room: int
) -> list[OutsideReport]:
    """Return the reports that would open an alert for which there is no room; what is open may always go on.

    Args:
        reports: each with labels of its own.
        known: labels of the alerts from outside that are open.
        room: how many more may be, below 0 for none.
    """
    new = [one for one in reports if one.outside.labels not in known and one.ends_us > one.at_us]
    return new[max(0, room) :]


def _complaints(labels: Mapping[str, str]) -> Iterator[OutsideComplaint]:
    if not labels:
        yield OutsideComplaint(OutsideFault.NO_LABEL)
    if len(labels) > MOST_LABELS:
        yield OutsideComplaint(OutsideFault.TOO_MANY_LABELS, {"n": len(labels), "most": MOST_LABELS})
    for name, value in labels.items():
        if _LABEL.fullmatch(name) is None:
            shown = name.encode("ascii", "backslashreplace").decode()[:64]
            yield OutsideComplaint(OutsideFault.BAD_LABEL, {"label": shown})
        if len(value) > MOST_LABEL:
            yield OutsideComplaint(
                OutsideFault.TOO_LONG, {"label": name, "n": len(value), "most": MOST_LABEL}
            )
        if unseen := unseen_character(value):
            yield OutsideComplaint(OutsideFault.UNSEEN, {"label": name, "which": unseen})
    size = sum(len(word.encode(errors="replace")) for pair in labels.items() for word in pair)
    if size > MOST_LABEL_BYTES:
        yield OutsideComplaint(OutsideFault.TOO_LARGE, {"n": size, "most": MOST_LABEL_BYTES})


def _annotations(posted: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    left = MOST_TEXT_BYTES
    for name, text in sorted(posted.items())[:MOST_ANNOTATIONS]:
        shown = "".join(" " if unseen_character(letter) else letter for letter in text[:MOST_TEXT])
        words = " ".join(shown.split())
        left -= len(name) + len(words.encode())
        if words and _LABEL.fullmatch(name) is not None and left >= 0:
            kept.append((name, words))
    return tuple(kept)


def _real_us(at: datetime) -> int:
    """Return a time in µs since 1970; without an offset it is UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _bounded(real_us: int, log_us: Callable[[int], int]) -> int:
    return max(0, log_us(real_us))
