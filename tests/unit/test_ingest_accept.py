"""What enters, what does not, and what is said about it."""

import json

import pytest

from contract.canary import canary_series, canary_topic
from contract.catalogue import Catalogue
from contract.fleet import Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.rejected import Reason
from contract.series import series_of
from ingest.acceptance.accept import Accepted, Message, accept
from ingest.acceptance.registry import Registry, Route
from ingest.acceptance.validation import AcceptanceLimits
from tests.refusal_words import said

NOW_US = 1_790_000_000_000_000
NOW_S = NOW_US / 1e6
GATEWAY = "edu/v1/79/79010042/gw-1/bandwidth"
ATTENDANCE = "edu/v1/79/79010042/att-1/attendance"
LMS = "edu/v1/79/79010042/lms-1/elearning"
STATUS = "edu/v1/79/79010042/gw-1/status"


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """One school with a device of each kind."""
    school = School(1, "79010042", "A", Level.PRIMARY, "26740", 500, "isp-a", 1e8, 1e8)
    kinds = {"gw-1": DeviceKind.GATEWAY, "att-1": DeviceKind.ATTENDANCE, "lms-1": DeviceKind.ELEARNING}
    devices = tuple(Device(i + 1, 1, code, kind) for i, (code, kind) in enumerate(kinds.items()))
    return Fleet("79", (Cluster("c1", "C"),), (Ward("26740", "W", "W", "c1"),), (school,), devices)


@pytest.fixture(scope="module")
def registry(fleet: Fleet, catalogue: Catalogue) -> Registry:
    """Its registry over 4 partitions."""
    return Registry(fleet, catalogue, 4)


def take(registry: Registry, topic: str, pack: object) -> Accepted:
    payload = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    return accept([Message(topic, payload, NOW_US)], registry, AcceptanceLimits())


def rows(accepted: Accepted) -> list[tuple[int, int, float]]:
    return [
        (int(r.time_us[i]), int(r.series[i]), float(r.value[i]))
        for r in accepted.by_partition.values()
        for i in range(len(r))
    ]


def reasons(accepted: Accepted) -> list[Reason]:
    return [r.reason for r in accepted.rejected]


@pytest.mark.parametrize("base", ["", "79010042/gw-1/", "urn:edu:79010042:gw-1:"])
def test_a_plain_pack_becomes_readings(registry: Registry, base: str) -> None:
    pack = [
        {"bn": base, "bt": NOW_S, "n": "down_bps", "u": "bit/s", "v": 5e6},
        {"n": "latency_ms", "v": 12, "t": -1.5},
    ]
    accepted = take(registry, GATEWAY, pack)
    assert accepted.rejected == []
    assert rows(accepted) == [(NOW_US, series_of(1, 1), 5e6), (NOW_US - 1_500_000, series_of(1, 3), 12.0)]


def test_times_relative_and_absent_are_of_the_arrival(registry: Registry) -> None:
    accepted = take(registry, GATEWAY, [{"n": "down_bps", "v": 1}, {"n": "up_bps", "v": 2, "t": -30}])
    assert [t for t, _, _ in rows(accepted)] == [NOW_US, NOW_US - 30_000_000]


def test_only_what_its_time_forbids_is_a_sign_of_a_clock(registry: Registry) -> None:
    ahead, ancient = NOW_S + 900, NOW_S - 200_000
    pack = [
        {"n": "down_bps", "v": 4e7, "t": ahead},
        {"n": "down_bps", "v": -1, "t": ahead},
        {"n": "latency_ms", "v": 12},
        {"n": "loss_ratio", "v": 0.5, "t": ancient},
    ]
    accepted = take(registry, GATEWAY, pack)
    assert accepted.received == len(pack)
    (heard,) = accepted.mistimed.values()
    assert accepted.mistimed.keys() == accepted.by_partition.keys()
    assert list(zip(heard.time_us.tolist(), heard.series.tolist(), strict=True)) == [
        (ahead * 1_000_000, series_of(1, 1)),
        (ancient * 1_000_000, series_of(1, 4)),
    ]


def test_columns_have_the_types_of_the_log(registry: Registry) -> None:
    (readings,) = take(registry, GATEWAY, [{"n": "down_bps", "v": 1}]).by_partition.values()
    columns = (readings.time_us, readings.series, readings.value)
    assert [c.dtype.name for c in columns] == ["int64", "int32", "float64"]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("edu/v2/79/79010042/gw-1/bandwidth", Reason.BAD_TOPIC),
        ("edu/v1/79/79010042/gw-1/weather", Reason.BAD_TOPIC),
        ("edu/v1/79/79010042/gw 1/bandwidth", Reason.BAD_TOPIC),
        ("edu/v1/1/79010042/gw-1/bandwidth", Reason.UNKNOWN_SCHOOL),
        ("edu/v1/79/79999999/gw-1/bandwidth", Reason.UNKNOWN_SCHOOL),
        ("edu/v1/79/79010042/gw-9/bandwidth", Reason.UNKNOWN_DEVICE),
        ("edu/v1/79/79010042/gw-1/attendance", Reason.WRONG_STREAM),
    ],
)
def test_topics_that_may_not_publish(registry: Registry, topic: str, reason: Reason) -> None:
    accepted = take(registry, topic, [{"n": "down_bps", "v": 1}])
    assert reasons(accepted) == [reason]
    assert accepted.rejected[0].excerpt == ""
    assert accepted.rejected[0].topic == topic


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "present", "v": 1}, Reason.UNKNOWN_METRIC),
        ({"n": "temperature", "v": 1}, Reason.UNKNOWN_METRIC),
        ({"n": "down_bps", "u": "ms", "v": 1}, Reason.WRONG_UNIT),
        ({"n": "down_bps", "u": "furlong", "v": 1}, Reason.WRONG_UNIT),
        ({"n": "down_bps", "v": -1}, Reason.OUT_OF_RANGE),
        ({"n": "loss_ratio", "v": 1.5}, Reason.OUT_OF_RANGE),
        ({"n": "down_bps", "v": 1, "t": 301}, Reason.FUTURE_TIME),
        ({"n": "down_bps", "v": 1, "t": NOW_S + 400}, Reason.FUTURE_TIME),
        ({"n": "down_bps", "v": 1, "t": 1e300}, Reason.FUTURE_TIME),
        ({"n": "down_bps", "v": 1, "t": -1e300}, Reason.TOO_OLD),
        ({"n": "down_bps", "v": 1, "t": -48 * 3600 - 1}, Reason.TOO_OLD),
        ({"n": "down_bps", "v": 1, "t": 3e8}, Reason.TOO_OLD),
        ({"n": "down_bps", "vb": True}, Reason.NOT_A_NUMBER),
        ({"n": "down_bps"}, Reason.NO_VALUE),
    ],
)
def test_a_bad_reading_spoils_no_other(registry: Registry, record: object, reason: Reason) -> None:
    accepted = take(registry, GATEWAY, [{"n": "up_bps", "v": 7}, record, {"n": "latency_ms", "v": 8}])
    assert reasons(accepted) == [reason]
    assert [v for _, _, v in rows(accepted)] == [7.0, 8.0]
    assert accepted.received == 3


def test_a_base_unit_counts_as_the_unit(registry: Registry) -> None:
    pack = [
        {"bu": "bit/s", "n": "down_bps", "v": 1},
        {"n": "latency_ms", "v": 1},
        {"n": "latency_ms", "u": "ms", "v": 1},
    ]
    accepted = take(registry, GATEWAY, pack)
    assert reasons(accepted) == [Reason.WRONG_UNIT]
    assert "ms" in said(accepted.rejected[0])
    assert len(rows(accepted)) == 2


def test_the_claimed_time_is_in_the_detail(registry: Registry) -> None:
    accepted = take(registry, GATEWAY, [{"n": "down_bps", "v": 1, "t": 4102444800}])
    assert "4102444800" in said(accepted.rejected[0])


@pytest.mark.parametrize(
    ("claimed_s", "told"),
    [
        (NOW_S * 1e3, "looks like milliseconds since 1970 and should be seconds"),
        (NOW_S * 1e6, "looks like microseconds since 1970 and should be seconds"),
        (NOW_S * 1e9, "looks like nanoseconds since 1970 and should be seconds"),
        (86_400 * 3, "looks like the device's uptime"),
        (5e8, "looks like an uptime in milliseconds or a clock never set"),
        (946_684_800, "looks like an uptime in milliseconds or a clock never set"),
        (NOW_S + 25_200, "25,200 s ahead of its arrival"),
        (NOW_S - 60 * 86_400, "5,184,000 s behind its arrival"),
    ],
)
def test_a_refused_time_is_told_for_what_it_looks_like(
    registry: Registry, claimed_s: float, told: str
) -> None:
    for pack in (
        [{"bt": claimed_s, "n": "latency_ms", "v": 12}],
        [{"n": "latency_ms", "v": 12, "t": claimed_s}],
    ):
        (refused,) = take(registry, GATEWAY, pack).rejected
        assert refused.reason in (Reason.FUTURE_TIME, Reason.TOO_OLD)
        assert said(refused).startswith(f"latency_ms claims time {claimed_s:.15g} s")
        assert told in said(refused)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "null"])
def test_what_is_no_number_costs_its_record(registry: Registry, word: str) -> None:
    payload = f'[{{"n":"up_bps","v":7}},{{"n":"down_bps","v":{word}}},{{"n":"latency_ms","v":8}}]'
    accepted = take(registry, GATEWAY, payload.encode())
    assert reasons(accepted) == [Reason.NOT_A_NUMBER]
    assert [v for _, _, v in rows(accepted)] == [7.0, 8.0]


@pytest.mark.parametrize("topic", [GATEWAY, STATUS])
def test_a_byte_order_mark_is_passed_over(registry: Registry, topic: str) -> None:
    text = '{"online":true}' if topic == STATUS else '[{"n":"down_bps","v":1}]'
    assert [v for _, _, v in rows(take(registry, topic, text.encode("utf-8-sig")))] == [1.0]


@pytest.mark.parametrize("base", ["79010043/gw-1/", "urn:edu:79010042:gw-2:", "other/"])
def test_a_pack_of_another_device_is_refused_whole(registry: Registry, base: str) -> None:
    accepted = take(registry, GATEWAY, [{"bn": base, "n": "down_bps", "v": 1}, {"n": "up_bps", "v": 1}])
    assert reasons(accepted) == [Reason.IDENTITY_MISMATCH]
    assert rows(accepted) == []


def test_a_pack_without_a_measurement_is_one_refusal(registry: Registry) -> None:
    assert reasons(take(registry, GATEWAY, [{"bn": "79010042/gw-1/", "bt": NOW_S}])) == [Reason.NO_VALUE]


def test_an_oversized_message_is_not_read(registry: Registry) -> None:
    accepted = take(registry, GATEWAY, b" " * 1_048_577)
    assert (accepted.received, reasons(accepted)) == (1, [Reason.OVERSIZED])
    refused = accepted.rejected[0]
    assert (refused.payload_bytes, refused.excerpt) == (1_048_577, "")
    assert said(refused) == "1,048,577 bytes; at most 1,048,576 are allowed"


def test_a_backlog_of_a_day_in_one_pack_is_read(registry: Registry) -> None:
    pack = [{"n": "down_bps", "u": "bit/s", "v": i, "t": NOW_S - 10 * i} for i in range(8_640)]
    accepted = take(registry, GATEWAY, pack)
    assert accepted.rejected == []
    assert [v for _, _, v in rows(accepted)] == list(range(8_640))


def counts(**given: float) -> list[dict[str, object]]:
    return [{"n": name, "v": value} for name, value in given.items()]


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ({"enrolled": 100, "present": 90, "absent": 10, "late": 3, "attendance_ratio": 0.9}, True),
        ({"enrolled": 100, "present": 95, "absent": 10}, False),
        ({"present": 5, "late": 6}, False),
        ({"enrolled": 10, "present": 11}, False),
        ({"late": 6}, True),
        ({"present": 95}, True),
    ],
)
def test_attendance_counts_must_agree(registry: Registry, given: dict[str, float], good: bool) -> None:
    accepted = take(registry, ATTENDANCE, counts(**given))
    assert reasons(accepted) == ([] if good else [Reason.INCONSISTENT] * len(given))
    assert len(rows(accepted)) == (len(given) if good else 0)


def test_sessions_at_different_times_are_judged_apart(registry: Registry) -> None:
    pack = [{"n": "enrolled", "v": 10, "t": -600}, {"n": "enrolled", "v": 100}, {"n": "present", "v": 90}]
    assert take(registry, ATTENDANCE, pack).rejected == []


@pytest.mark.parametrize("topic", [ATTENDANCE, LMS])
def test_unknown_fields_about_pupils_are_refused_by_name(registry: Registry, topic: str) -> None:
    name = "present" if topic == ATTENDANCE else "active_users"
    accepted = take(registry, topic, [{"n": name, "v": 1, "student": "Lan", "x y": {"deep": 770077}}])
    assert reasons(accepted) == [Reason.UNKNOWN_FIELD]
    refusal = accepted.rejected[0]
    assert "student" in said(refusal)
    assert "x y" not in said(refusal) + refusal.excerpt
    assert "Lan" not in refusal.excerpt
    assert "770077" not in refusal.excerpt
    assert json.loads(refusal.excerpt) == [{"n": "", "v": None, "student": None, "(name withheld)": None}]


def test_unknown_fields_of_machines_are_ignored(registry: Registry) -> None:
    assert take(registry, GATEWAY, [{"n": "down_bps", "v": 1, "firmware": "1.2"}]).rejected == []


def test_of_a_pack_about_pupils_no_number_is_kept_but_times(registry: Registry) -> None:
    pack = [{"n": "card_of_lan", "v": 880088, "t": -3}, {"n": "present", "v": 3, "bv": 4, "s": 5}]
    accepted = take(registry, ATTENDANCE, pack)
    assert reasons(accepted) == [Reason.UNKNOWN_METRIC]
    blank = {"n": "", "v": None}
    assert json.loads(accepted.rejected[0].excerpt) == [blank | {"t": -3}, blank | {"bv": None, "s": None}]
    assert "lan" not in said(accepted.rejected[0])


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"present": 481, "absent": 3, "enrolled": 480}, "present + absent is more than enrolled"),
        ({"present": 7, "late": 8}, "late is more than present"),
        (
            {"enrolled": 500, "present": 480, "attendance_ratio": 0.2},
            "attendance_ratio is not present / enrolled",
        ),
        ({"absent": -3}, "absent is not within 0 to 20000"),
        ({"attendance_ratio": 1.125e3}, "attendance_ratio is not within 0 to 1"),
    ],
)
def test_a_refusal_about_pupils_names_what_is_wrong_without_numbers(
    registry: Registry, given: dict[str, float], detail: str
) -> None:
    assert {said(refused) for refused in take(registry, ATTENDANCE, counts(**given)).rejected} == {detail}


def test_an_excerpt_is_bounded_and_whole(registry: Registry) -> None:
    accepted = take(registry, GATEWAY, [{"n": "nothing", "v": i} for i in range(500)])
    assert len(accepted.rejected) == 500
    assert [bool(refused.excerpt) for refused in accepted.rejected] == [True] * 20 + [False] * 480
    excerpt = accepted.rejected[0].excerpt
    assert len(excerpt.encode()) <= 1024
    assert json.loads(excerpt)[0] == {"n": "", "v": 0}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"online":true}', (NOW_US, 1.0)),
        (b'{"online":false}', (NOW_US, 0.0)),
        (b'{"online":false,"t":-5}', (NOW_US - 5_000_000, 0.0)),
        (b'[{"n":"online","vb":true}]', (NOW_US, 1.0)),
        (b' [{"n":"online","vb":false,"t":-5}]', (NOW_US - 5_000_000, 0.0)),
        (b'[{"bn":"79010042/gw-1/","n":"online","u":"/","v":1}]', (NOW_US, 1.0)),
        (f'{{"t":{NOW_S - 60:.0f},"online":true,"firmware":"x"}}'.encode(), (NOW_US - 60_000_000, 1.0)),
    ],
)
def test_status_becomes_online(registry: Registry, payload: bytes, expected: tuple[int, float]) -> None:
    ((time_us, series, value),) = rows(take(registry, STATUS, payload))
    assert (time_us, value) == expected
    assert series == series_of(1, 10)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"online":1}', Reason.NOT_A_NUMBER),
        (b"{}", Reason.NO_VALUE),
        (b"true", Reason.NOT_SENML),
        (b'{"online":true,"t":"x"}', Reason.NOT_SENML),
        (b'{"online":true,"must_":1}', Reason.NOT_SENML),
        (b'{"online":true,"online":false}', Reason.NOT_JSON),
        (b'{"n":"online","vb":true}', Reason.NO_VALUE),
        (b'[{"n":"online","vb":1}]', Reason.NOT_A_NUMBER),
        (b'[{"n":"down_bps","vb":true}]', Reason.UNKNOWN_METRIC),
        (b'[{"bn":"79010042/gw-2/","n":"online","vb":true}]', Reason.IDENTITY_MISMATCH),
    ],
)
def test_status_that_is_none(registry: Registry, payload: bytes, reason: Reason) -> None:
    assert reasons(take(registry, STATUS, payload)) == [reason]


def test_two_statuses_in_one_batch_stay_two(registry: Registry) -> None:
    messages = [Message(STATUS, b'{"online":true}', NOW_US), Message(STATUS, b'{"online":false}', NOW_US + 1)]
    assert [(t, v) for t, _, v in rows(accept(messages, registry, AcceptanceLimits()))] == [
        (NOW_US, 1.0),
        (NOW_US + 1, 0.0),
    ]


def test_only_known_topics_are_remembered(registry: Registry) -> None:
    assert isinstance(registry.route(GATEWAY), Route)
    assert registry.route(GATEWAY) is registry.route(GATEWAY)
    assert registry.route("edu/v1/79/x/y/status") is not registry.route("edu/v1/79/x/y/status")


def test_control_characters_leave_a_topic(registry: Registry) -> None:
    accepted = take(registry, "edu/\x00\n" + "x" * 300, b"")
    assert accepted.rejected[0].topic == "edu/\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" + "x" * 250


def test_no_messages_are_no_readings(registry: Registry) -> None:
    accepted = accept([], registry, AcceptanceLimits())
    assert (accepted.by_partition, accepted.rejected, accepted.received) == ({}, [], 0)


@pytest.mark.parametrize("partition", range(4))
def test_the_canary_of_each_partition_enters_there(registry: Registry, partition: int) -> None:
    accepted = take(registry, str(canary_topic("79", partition, 4)), [{"n": "down_bps", "v": 1000}])
    assert accepted.rejected == []
    (readings,) = accepted.by_partition.values()
    assert list(accepted.by_partition) == [partition]
    assert readings.series.tolist() == [canary_series(partition, 1)]


def test_no_other_canary_enters(registry: Registry) -> None:
    topic = str(canary_topic("79", 0, 4)).replace("bandwidth", "status")
    assert reasons(take(registry, topic, [{"n": "down_bps", "v": 1}])) == [Reason.UNKNOWN_SCHOOL]


def test_a_negative_zero_is_zero(registry: Registry) -> None:
    (row,) = rows(take(registry, GATEWAY, b'[{"n":"down_bps","v":-0.0}]'))
    assert str(row[2]) == "0.0"
