"""What may be reported from outside, and from when to when it holds."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from alerting.outside.placing import outside_title, priority_of
from alerting.outside.validity import (
    LONGEST_US,
    MOST_LABEL,
    MOST_LABELS,
    MOST_TEXT,
    RESOLVE_TIMEOUT_US,
    OutsideComplaint,
    OutsideFault,
    beyond_room,
    read_report,
)
from contract.alert import Outside, OutsideReport

NOW_US = 1_795_399_200_000_000
"""2026-11-23 02:00 UTC."""
SHIFT_US = 86_400_000_000
"""The log's clock is a day ahead."""


def read(**posted: Any) -> OutsideReport | OutsideComplaint:
    """Return what becomes of a report that is made now."""
    body = msgspec.json.encode({"labels": {"alertname": "x"}, **posted})
    return read_report(msgspec.Raw(body), NOW_US + SHIFT_US, lambda us: us + SHIFT_US)


def span(**posted: Any) -> tuple[int, int]:
    """Return from when to when a report holds, as log time from now, µs."""
    report = read(**posted)
    assert isinstance(report, OutsideReport), report
    return report.starts_us - report.at_us, report.ends_us - report.at_us


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        ({}, (0, RESOLVE_TIMEOUT_US)),
        ({"startsAt": "0001-01-01T00:00:00.000Z"}, (0, RESOLVE_TIMEOUT_US)),
        ({"startsAt": "0001-01-01T00:00:00Z", "endsAt": "2026-11-23T02:00:10Z"}, (0, 10_000_000)),
        ({"startsAt": "2026-11-23T01:59:00.123456789Z"}, (-59_876_543, RESOLVE_TIMEOUT_US)),
        ({"startsAt": "2026-11-23T09:01:00+07:00"}, (0, RESOLVE_TIMEOUT_US)),
        ({"endsAt": "2026-11-23T01:59:59Z"}, (0, -1_000_000)),
        ({"endsAt": "9999-12-31T23:59:59Z"}, (0, LONGEST_US)),
    ],
)
def test_times_are_as_in_alertmanager(posted: dict[str, str], expected: tuple[int, int]) -> None:
    assert span(**posted) == expected


@pytest.mark.parametrize(
    ("posted", "fault"),
    [
        ({"labels": {}}, OutsideFault.NO_LABEL),
        ({"labels": {"a": ""}}, OutsideFault.NO_LABEL),
        ({"labels": {f"a{n}": "b" for n in range(MOST_LABELS + 1)}}, OutsideFault.TOO_MANY_LABELS),
        ({"labels": {"1a": "b"}}, OutsideFault.BAD_LABEL),
        ({"labels": {"á": "b"}}, OutsideFault.BAD_LABEL),
        ({"labels": {"a" * 65: "b"}}, OutsideFault.BAD_LABEL),
        ({"labels": {"a": "b" * (MOST_LABEL + 1)}}, OutsideFault.TOO_LONG),
        ({"labels": {f"a{n}": "ệ" * 300 for n in range(20)}}, OutsideFault.TOO_LARGE),
        ({"labels": {"a": "b\u202ec"}}, OutsideFault.UNSEEN),
        ({"labels": {"a": "b\u200bc"}}, OutsideFault.UNSEEN),
        ({"labels": {"a": "b\nc"}}, OutsideFault.UNSEEN),
        ({"labels": {"a": 1}}, OutsideFault.UNREADABLE),
        ({"startsAt": "yesterday"}, OutsideFault.UNREADABLE),
        ({"startsAt": "1969-12-31T00:00:00Z"}, OutsideFault.TOO_EARLY),
        ({"startsAt": "2026-11-23T02:00:00Z", "endsAt": "2026-11-23T01:00:00Z"}, OutsideFault.ENDS_BEFORE),
    ],
)
def test_what_may_not_be_is_refused(posted: dict[str, Any], fault: OutsideFault) -> None:
    found = read(**posted)
    assert isinstance(found, OutsideComplaint)
    assert found.fault is fault


def test_what_there_is_no_room_for_is_told_and_what_is_open_goes_on() -> None:
    reports = [read(labels={"a": str(n)}) for n in range(6)]
    over = read(labels={"a": "over"}, endsAt=datetime.fromtimestamp(NOW_US / 1e6, UTC).isoformat())
    given = [one for one in (*reports, over) if isinstance(one, OutsideReport)]
    known = {given[0].outside.labels, given[3].outside.labels}
    assert beyond_room(given, known, 10) == []
    assert beyond_room(given, known, 3) == [given[5]]
    for room in (0, -7):
        assert beyond_room(given, known, room) == [given[n] for n in (1, 2, 4, 5)]


def test_half_a_character_is_refused() -> None:
    body = msgspec.Raw(b'{"labels": {"a": "\\ud800"}}')
    assert isinstance(read_report(body, NOW_US, lambda us: us), OutsideComplaint)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://prometheus/graph?g0.expr=up", "https://prometheus/graph?g0.expr=up"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        (" https://x", ""),
        ("//elsewhere.example", ""),
        ("https://x/\u202e", ""),
    ],
)
def test_a_link_leads_to_the_web_or_is_left_out(address: str, kept: str) -> None:
    report = read(labels={"a": "b"}, generatorURL=address)
    assert isinstance(report, OutsideReport)
    assert report.outside.link == kept


def test_what_goes_too_deep_is_refused() -> None:
    body = msgspec.Raw(b'{"labels": {"a": "b"}, "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}")
    assert isinstance(read_report(body, NOW_US, lambda us: us), OutsideComplaint)


def test_labels_are_kept_as_written_and_annotations_made_fit_to_be_told() -> None:
    texts = {"summary": "Đĩa\n  đầy\u202e!", "long": "x" * 9999, "a b": "no name", "empty": ""}
    report = read(labels={"b": " 2 ", "a": "1", "none": ""}, annotations=texts)
    assert isinstance(report, OutsideReport)
    assert report.outside.labels == (("a", "1"), ("b", " 2 "))
    assert report.outside.annotations == (("long", "x" * MOST_TEXT), ("summary", "Đĩa đầy !"))


@pytest.mark.parametrize(
    ("labels", "priority"),
    [
        ({"severity": "critical"}, 1),
        ({"severity": "Warning"}, 2),
        ({"severity": "info"}, 3),
        ({"severity": "none"}, 3),
        ({"severity": "whatever"}, 2),
        ({}, 2),
        ({"priority": "1", "severity": "info"}, 1),
        ({"priority": "P3", "severity": "critical"}, 3),
        ({"priority": "urgent", "severity": "critical"}, 1),
    ],
)
def test_how_urgent_it_is(labels: dict[str, str], priority: int) -> None:
    assert priority_of(Outside(tuple(labels.items()))) == priority


def test_it_is_called_by_its_name() -> None:
    assert [outside_title(rule) for rule in ("external/DiskFull", "external", "wan_down")] == [
        "DiskFull", "external", "wan_down"
    ]  # fmt: skip
