"""RFC 8428, rule by rule."""

import math
from collections.abc import Sequence

import pytest

from contract.rejected import Reason
from ingest.decoders.senml import NO_RECORD, Defect, Record, Resolved, is_senml_name, parse_json, resolve


def resolved(text: str) -> Resolved:
    found = resolve(text.encode())
    assert isinstance(found, Resolved), found
    return found


def columns(text: str) -> list[tuple[str, float, float, str]]:
    return [(r.n, r.v, r.t, r.u) for r in resolved(text).records]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"n":"a","v":1}]', [("a", 1.0, 0.0, "")]),
        ('[{"bn":"x/","n":"a","v":1},{"n":"b","v":2}]', [("x/a", 1, 0, ""), ("x/b", 2, 0, "")]),
        ('[{"bn":"x/","n":"a","v":1},{"bn":"y/","n":"b","v":2}]', [("x/a", 1, 0, ""), ("y/b", 2, 0, "")]),
        ('[{"bn":"sensor","v":1}]', [("sensor", 1, 0, "")]),
        ('[{"bt":5e8,"n":"a","v":1},{"n":"a","t":-3,"v":2}]', [("a", 1, 5e8, ""), ("a", 2, 5e8 - 3, "")]),
        ('[{"n":"a","t":-10,"v":1}]', [("a", 1, -10, "")]),
        ('[{"bu":"ms","n":"a","v":1},{"n":"b","u":"s","v":2}]', [("a", 1, 0, "ms"), ("b", 2, 0, "s")]),
        ('[{"bv":20,"n":"a","v":1.5},{"n":"a","v":-1}]', [("a", 21.5, 0, ""), ("a", 19, 0, "")]),
        ('[{"bv":20,"n":"a"}]', [("a", 20, 0, "")]),
        ('[{"bver":10,"n":"a","v":1}]', [("a", 1, 0, "")]),
        ('[{"bver":5,"n":"a","v":1},{"bver":5,"n":"a","v":1}]', [("a", 1, 0, ""), ("a", 1, 0, "")]),
        ('[{"n":"a","v":1,"s":7,"ut":60}]', [("a", 1, 0, "")]),
        ('[{"n":"a","v":1,"colour":"red"}]', [("a", 1, 0, "")]),
        ('[{"n":"a","v":1e-400}]', [("a", 0, 0, "")]),
    ],
)
def test_resolves_names_values_times_and_units(
    text: str, expected: Sequence[tuple[str, float, float, str]]
) -> None:
    assert columns(text) == expected


def test_a_record_of_base_fields_alone_measures_nothing() -> None:
    found = resolved('[{"bn":"x/","bt":5e8,"bv":1},{"n":"a","v":2}]')
    assert found.records[0] is NO_RECORD
    assert found.records[1] == Record(n="x/a", v=3.0, t=5e8)
    assert found.refused == []


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"n":"a","vb":true}', Reason.NOT_A_NUMBER),
        ('{"n":"a","vs":"on"}', Reason.NOT_A_NUMBER),
        ('{"n":"a","vd":"AAEC"}', Reason.NOT_A_NUMBER),
        ('{"n":"a","v":null}', Reason.NOT_A_NUMBER),
        ('{"n":"a","v":"12"}', Reason.NOT_A_NUMBER),
        ('{"n":"a","v":true}', Reason.NOT_A_NUMBER),
        ('{"n":"a"}', Reason.NO_VALUE),
        ('{"n":"a","s":4}', Reason.NO_VALUE),
        ('{"n":"a","bs":4}', Reason.NO_VALUE),
        ('{"n":"","v":1}', Reason.NOT_SENML),
        ('{"v":1}', Reason.NOT_SENML),
        ('{"n":"_a","v":1}', Reason.NOT_SENML),
        ('{"n":"a b","v":1}', Reason.NOT_SENML),
        ('{"n":"a\\u0000","v":1}', Reason.NOT_SENML),
        ("{}", Reason.NOT_SENML),
    ],
)
def test_one_bad_record_spoils_no_other(record: str, reason: Reason) -> None:
    found = resolved(f'[{{"n":"first","v":1}},{record}]')
    assert [r.n for r in found.records] == ["first", ""]
    assert [(defect.record, defect.reason) for defect in found.refused] == [(1, reason)]


def test_value_and_base_value_beyond_float64_are_no_number() -> None:
    found = resolved('[{"bv":1e308,"n":"a","v":1e308}]')
    assert [defect.reason for defect in found.refused] == [Reason.NOT_A_NUMBER]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"nonsense", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_JSON),
        ('\ufeff\ufeff[{"n":"a","v":1}]'.encode(), Reason.NOT_JSON),
        (b'[{"n":"a","v":1}] trailing', Reason.NOT_JSON),
        (b'[{"n":"a","v":nan}]', Reason.NOT_JSON),
        (b'[{"n":"a","v":1,"t":NaN}]', Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"bt":' + b"9" * 5000 + b"}]", Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"v":2}]', Reason.NOT_JSON),
        (b'[{"n":"a","v":1,"x":{"y":1,"y":2}}]', Reason.NOT_JSON),
        (b"[" * 60_000, Reason.NOT_JSON),
        (b'{"a":' * 10_000, Reason.NOT_JSON),
        (b"[]", Reason.NOT_SENML),
        (b"{}", Reason.NOT_SENML),
        (b"5", Reason.NOT_SENML),
        (b"[1]", Reason.NOT_SENML),
        (b'[{"n":1,"v":1}]', Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"t":"now"}]', Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"bt":true}]', Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"vb":true}]', Reason.NOT_SENML),
        (b'[{"n":"a","v":1,"new_":2}]', Reason.NOT_SENML),
        (b'[{"bver":0,"n":"a","v":1}]', Reason.NOT_SENML),
        (b'[{"bver":9.5,"n":"a","v":1}]', Reason.NOT_SENML),
        (b'[{"bver":"10","n":"a","v":1}]', Reason.NOT_SENML),
        (b'[{"bver":9,"n":"a","v":1},{"bver":10,"n":"a","v":1}]', Reason.NOT_SENML),
        (b'[{"bver":11,"n":"a","v":1}]', Reason.UNSUPPORTED_VERSION),
        (b'[{"n":"a","v":1},{"bver":26,"n":3,"w_":1}]', Reason.UNSUPPORTED_VERSION),
    ],
)
def test_refuses_what_is_no_pack(payload: bytes, reason: Reason) -> None:
    found = resolve(payload)
    assert isinstance(found, Defect)
    assert found.reason is reason


def test_unknown_labels_are_named_only_if_they_look_like_names() -> None:
    found = resolved('[{"n":"a","v":1,"student_name":"x","Nguyễn Văn An":1}]')
    assert found.unknown == ("student_name", "(name withheld)")


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("9:a/b.c-d_", True), ("", False), ("-a", False), ("á", False)]
)
def test_names_keep_to_the_character_set(name: str, good: bool) -> None:
    assert is_senml_name(name) is good


def test_numbers_read_as_the_nearest_float64() -> None:
    assert parse_json(b"[12345678901234567890, -0.0]") == [12345678901234567890.0, 0.0]
    assert math.copysign(1, parse_json(b"-0.0")) == -1  # type: ignore[arg-type]
