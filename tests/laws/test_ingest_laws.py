"""The laws at the door: nothing raises, nothing is lost, batches mean nothing, words stay outside."""

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.reading import Readings
from contract.rejected import Rejected
from ingest.acceptance.accept import Accepted, Message, accept
from ingest.acceptance.registry import Registry, Route
from ingest.acceptance.validation import AcceptanceLimits
from ingest.decoders.pack_columns import Columns, decode_plain, plain_packs, to_columns
from ingest.decoders.senml import KNOWN_FIELDS, Defect, resolve
from tests.examples import examples

NOW_US = 1_790_000_000_000_000
LIMITS = AcceptanceLimits()
SECRET = "Nguyễn Thị Lan"
SECRET_NUMBER = 790_770_550_330


@pytest.fixture(scope="module")
def registry(city: Fleet, catalogue: Catalogue) -> Registry:
    """The registry of a small city over 4 partitions."""
    return Registry(city, catalogue, 4)


NAMES = st.sampled_from(
    ["down_bps", "latency_ms", "loss_ratio", "present", "enrolled", "late", "attendance_ratio", "x", ""]
)
NUMBERS = (
    st.sampled_from([0, 1, -1, 0.5, 12345678901234567890, 1e308, 2**28, 2**28 - 1, NOW_US / 1e6])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**6), 10**6)
)
UNITS = st.sampled_from(["bit/s", "ms", "/", "count", "furlong", ""])
BASES = st.sampled_from(["", "{own}/", "urn:edu:{own}:", "other/gw-1/", "a b"])


def records(extra: st.SearchStrategy[dict[str, Any]] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Records from quite plain to quite wrong."""
    plain = st.fixed_dictionaries(
        {"n": NAMES, "v": NUMBERS},
        optional={"t": NUMBERS, "u": UNITS, "bt": NUMBERS, "bu": UNITS, "bn": BASES},
    )
    wild = st.fixed_dictionaries(
        {},
        optional={
            "n": NAMES,
            "v": NUMBERS | st.none() | st.booleans() | st.text(max_size=3),
            "t": NUMBERS,
            "u": UNITS,
            "bn": BASES,
            "bt": NUMBERS,
            "bu": UNITS,
            "bv": NUMBERS,
            "bs": NUMBERS,
            "bver": st.sampled_from([1, 10, 11, 0, "10"]),
            "s": NUMBERS,
            "vb": st.booleans(),
            "vs": st.text(max_size=3),
            "ut": NUMBERS,
            "zz": NUMBERS,
            "zz_": NUMBERS,
        },
    )
    return plain | wild if extra is None else st.builds(lambda a, b: {**a, **b}, plain | wild, extra)


PACKS = st.lists(records(), min_size=0, max_size=5)


METRICS = st.sampled_from(["down_bps", "latency_ms"])
OPTIONS: dict[str, st.SearchStrategy[Any]] = {"t": NUMBERS, "u": UNITS}
FIRST = st.fixed_dictionaries(
    {"n": METRICS, "v": NUMBERS},
    optional={**OPTIONS, "bt": NUMBERS, "bu": UNITS, "bn": BASES, "bver": st.integers(1, 10)},
) | st.fixed_dictionaries({"bt": NUMBERS}, optional={"bn": BASES, "bu": UNITS})
NEARLY_PLAIN = st.builds(
    lambda first, others: [first, *others],
    FIRST,
    st.lists(st.fixed_dictionaries({"n": METRICS, "v": NUMBERS}, optional=OPTIONS), max_size=4),
)


def payload_of(pack: list[dict[str, Any]], own: str) -> bytes:
    whole = [{k: v.replace("{own}", own) if k == "bn" else v for k, v in r.items()} for r in pack]
    return json.dumps(whole).encode()


STREAMS = st.sampled_from(["bandwidth", "attendance", "elearning", "status", "weather"])
STATUSES = st.sampled_from([b'{"online":true}', b'{"online":false,"t":-1}', b'{"online":3}'])
PLACES = st.tuples(st.integers(0, 8), STREAMS, st.sampled_from("/:"))
MESSAGES = st.lists(
    st.tuples(PLACES, PACKS | STATUSES | st.binary(max_size=20), st.text(max_size=20)), max_size=8
)


@st.composite
def messages(draw: st.DrawFn, fleet: Fleet) -> list[Message]:
    """Messages of a few devices, some of them strangers, some unreadable."""
    found = []
    for i, ((place, stream, mark), content, noise) in enumerate(draw(MESSAGES)):
        device = fleet.devices[place]
        school = fleet.school_by_id[device.school_id].code
        topic = noise if i == 5 else f"edu/v1/{fleet.province}/{school}/{device.code}/{stream}"
        payload = (
            content if isinstance(content, bytes) else payload_of(content, f"{school}{mark}{device.code}")
        )
        found.append(Message(topic, payload, NOW_US + i))
    return found


def joined(parts: Sequence[Accepted]) -> tuple[dict[int, list[tuple[int, int, float]]], list[Rejected]]:
    rows: dict[int, list[tuple[int, int, float]]] = {}
    for part in parts:
        for partition, readings in part.by_partition.items():
            rows.setdefault(partition, []).extend(row_list(readings))
    return rows, [r for part in parts for r in part.rejected]


def row_list(readings: Readings) -> list[tuple[int, int, float]]:
    return list(
        zip(readings.time_us.tolist(), readings.series.tolist(), readings.value.tolist(), strict=True)
    )


@given(data=st.data())
def test_any_cutting_into_batches_gives_the_same(
    data: st.DataObject, registry: Registry, city: Fleet
) -> None:
    batch = data.draw(messages(city))
    cut = data.draw(st.integers(0, len(batch)))
    whole = joined([accept(batch, registry, LIMITS)])
    assert joined([accept(batch[:cut], registry, LIMITS), accept(batch[cut:], registry, LIMITS)]) == whole
    assert joined([accept([m], registry, LIMITS) for m in batch]) == whole


@given(data=st.data())
def test_the_order_of_messages_does_not_matter(data: st.DataObject, registry: Registry, city: Fleet) -> None:
    batch = data.draw(messages(city))
    shuffled = data.draw(st.permutations(batch))
    one, other = (joined([accept(order, registry, LIMITS)]) for order in (batch, shuffled))
    assert {p: sorted(rows) for p, rows in one[0].items()} == {
        p: sorted(rows) for p, rows in other[0].items()
    }
    assert sorted(one[1], key=repr) == sorted(other[1], key=repr)


@given(data=st.data())
def test_everything_received_is_accepted_or_rejected(
    data: st.DataObject, registry: Registry, city: Fleet
) -> None:
    for message in data.draw(messages(city)):
        accepted = accept([message], registry, LIMITS)
        stored = sum(map(len, accepted.by_partition.values()))
        refused = len(accepted.rejected)
        assert stored + refused == accepted.received >= 1
        pack = _pack_or_none(message.payload)
        if pack is not None and stored:
            measuring = [
                r for r in pack if (r.keys() & KNOWN_FIELDS) - {"bn", "bt", "bu", "bv", "bs", "bver"} or not r
            ]
            assert stored + refused == len(measuring)
        assert all(len(r.excerpt.encode()) <= 1024 and len(r.topic) <= 256 for r in accepted.rejected)


def _pack_or_none(payload: bytes) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


@given(
    payload=st.binary(max_size=200),
    stream=st.sampled_from(["bandwidth", "attendance", "elearning", "status"]),
)
def test_no_bytes_raise(payload: bytes, stream: str, registry: Registry, city: Fleet) -> None:
    kind = {"attendance": 1, "elearning": 2}.get(stream, 0)
    device = city.devices[kind]
    topic = f"edu/v1/{city.province}/{city.school_by_id[device.school_id].code}/{device.code}/{stream}"
    assert accept([Message(topic, payload, NOW_US)], registry, LIMITS).received >= 1


@given(text=st.text(max_size=60))
def test_no_topic_raises(text: str, registry: Registry) -> None:
    accepted = accept([Message(text, b"[]", NOW_US)], registry, LIMITS)
    assert accepted.received == 1
    assert msgspec.msgpack.encode(accepted.rejected)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(document=JSON, stream=st.sampled_from(["bandwidth", "status"]))
def test_no_json_raises(document: Any, stream: str, registry: Registry, city: Fleet) -> None:
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/gw-1/{stream}"
    assert accept([Message(topic, json.dumps(document).encode(), NOW_US)], registry, LIMITS).received >= 1


@examples(300)
@given(pack=st.lists(records(), min_size=1, max_size=5) | NEARLY_PLAIN)
def test_a_plain_pack_reads_as_the_general_rules_say(
    pack: list[dict[str, Any]], registry: Registry, city: Fleet
) -> None:
    route = registry.route(f"edu/v1/{city.province}/{city.schools[0].code}/gw-1/bandwidth")
    assert isinstance(route, Route)
    payload = payload_of(pack, f"{city.schools[0].code}/gw-1")
    plain = decode_plain(payload)
    if plain is None:
        return
    fast = to_columns([plain], registry.name_codes, registry.unit_codes)
    if not plain_packs(fast, [plain], [payload], [route.bases])[0]:
        return
    event("plain")
    general = resolve(payload)
    assert not isinstance(general, Defect)
    assert general.refused == []
    assert general.unknown == ()
    for record in general.records:
        record.n = next(
            (record.n.removeprefix(b) for b in route.bases if b and record.n.startswith(b)), record.n
        )
    slow = to_columns([general.records], registry.name_codes, registry.unit_codes)
    assert repr(measurements(fast)) == repr(measurements(slow))


def measurements(columns: Columns) -> list[tuple[int, int, float, float, int]]:
    """Return position, name, value, time and unit of each record that measures something."""
    rows = zip(
        *(c.tolist() for c in (columns.name, columns.value, columns.time_s, columns.unit)), strict=True
    )
    return [(i, *row) for i, row in enumerate(rows) if not math.isnan(row[1])]


FIELDS = st.sampled_from(["n", "v", "t", "u", "bn", "bt", "bu", "bver"])


@given(
    first=FIELDS,
    values=st.lists(st.sampled_from(["1", "2", '"down_bps"', '""', "0"]), min_size=2, max_size=2),
)
def test_a_field_given_twice_is_never_plain(
    first: str, values: list[str], registry: Registry, city: Fleet
) -> None:
    twice = ",".join(f'"{first}":{value}' for value in values)
    payload = f'[{{"n":"down_bps","v":1}},{{"n":"up_bps","v":1,{twice}}}]'.encode()
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/gw-1/bandwidth"
    accepted = accept([Message(topic, payload, NOW_US)], registry, LIMITS)
    assert [r.reason for r in accepted.rejected] == ["not_json"]


PERSONAL = st.dictionaries(
    st.sampled_from(["name", "student", "họ tên", "id", "card no", "note"]),
    st.sampled_from([SECRET, SECRET_NUMBER, [SECRET], {"x": SECRET_NUMBER}, {SECRET: 1}]),
    min_size=1,
    max_size=3,
)


@given(data=st.data(), stream=st.sampled_from(["attendance", "elearning", "bandwidth"]))
def test_values_of_unknown_fields_and_words_leave_no_trace(
    data: st.DataObject, stream: str, registry: Registry, city: Fleet
) -> None:
    texts = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["n", "vs", "vd", "u", "bn", "bu"], st.just(SECRET))
    )
    personal = st.builds(lambda a, b: {**a, **b}, PERSONAL, texts)
    pack = data.draw(st.lists(records() | records(personal), min_size=1, max_size=3))
    device = {"bandwidth": "gw-1", "attendance": "att-1", "elearning": "lms-1"}[stream]
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/{device}/{stream}"
    payload = json.dumps(pack, ensure_ascii=data.draw(st.booleans())).encode()
    accepted = accept([Message(topic, payload, NOW_US)], registry, LIMITS)
    produced = msgspec.json.encode(accepted.rejected).decode()
    for word in ("Nguyễn", "Lan", "Nguy", "\\u1ec5", str(SECRET_NUMBER), "họ", "card no"):
        assert word not in produced
    for readings in accepted.by_partition.values():
        assert SECRET_NUMBER not in readings.value.tolist()


COUNTS = st.sampled_from(["enrolled", "present", "absent", "late"])
REGISTERS = st.lists(
    st.tuples(st.sampled_from([0, 1, 30, 60, 61, 90]), COUNTS, st.integers(0, 9)),
    max_size=7,
    unique_by=lambda r: r[:2],
)


@examples(300)
@given(register=REGISTERS, data=st.data())
def test_figures_that_contradict_each_other_are_refused_whatever_their_order(
    register: list[tuple[int, str, int]], data: st.DataObject, registry: Registry, city: Fleet
) -> None:
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/att-1/attendance"
    false: set[tuple[int, str, int]] = set()
    for anchor in register:
        moment = [near for name in WHOLES for near in _nearest(register, anchor, name)]
        value = {name: count for _, name, count in moment}
        parts = value.get("present", 0) + value.get("absent", 0)
        if parts > value.get("enrolled", math.inf) or value.get("late", 0) > value.get("present", math.inf):
            false |= set(moment)
    pack = [{"n": n, "v": v, "t": -t} for t, n, v in data.draw(st.permutations(register))]
    accepted = accept([Message(topic, json.dumps(pack).encode(), NOW_US)], registry, LIMITS)
    event("contradiction" if false else "none")
    assert len(accepted.rejected) == (len(false) if register else 1)
    rows = [row for part in accepted.by_partition.values() for row in row_list(part)]
    kept = {((NOW_US - time_us) // 10**6, series & 0xFF, int(value)) for time_us, series, value in rows}
    assert kept == {(t, WHOLES[n], v) for t, n, v in set(register) - false}


WHOLES = {"enrolled": 20, "present": 21, "late": 22, "absent": 23}


def _nearest(
    register: list[tuple[int, str, int]], anchor: tuple[int, str, int], name: str
) -> list[tuple[int, str, int]]:
    """Return the figure of that name nearest to another, a minute away at most; of two the earlier."""
    of_name = [r for r in register if r[1] == name and abs(r[0] - anchor[0]) <= 60]
    return sorted(of_name, key=lambda r: (abs(r[0] - anchor[0]), -r[0]))[:1]
