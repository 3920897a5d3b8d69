"""Why an alert is there: what was found, absent or offline, and the words for it."""

from collections.abc import Sequence

import msgspec
import pytest

from alerting.explanation.evidence import (
    MOST_DEVIATIONS,
    explain,
)
from alerting.explanation.sentences import sentences
from alerting.explanation.verdict import Verdict, absent_or_offline, heartbeats, stands_beside
from contract.catalogue import Catalogue
from contract.fleet import DeviceKind
from contract.rule import Rule
from contract.texts import Language
from tests.explanation_desk import BOTH, FLEET, NOW_US, ZONE, Desk, by_name, desk, texts

__all__ = ["by_name", "desk", "texts"]


@pytest.mark.parametrize(
    ("beside", "heard", "verdict"),
    [
        (["wan_down"], BOTH, Verdict.LINK),
        (["gateway_silent"], frozenset(), Verdict.LINK),
        (["wan_down", "register_missing"], BOTH, Verdict.LINK),
        (["register_missing"], BOTH, Verdict.READER),
        (["register_missing"], frozenset(), Verdict.READER),
        ([], BOTH, Verdict.ATTENDANCE),
        (["latency_high", "loss_high", "lms_failing", "traffic_stuck"], BOTH, Verdict.ATTENDANCE),
        ([], frozenset(), Verdict.UNKNOWN),
        ([], {DeviceKind.GATEWAY}, Verdict.UNKNOWN),
        ([], {DeviceKind.ATTENDANCE}, Verdict.UNKNOWN),
        (["elearning_silent"], {DeviceKind.ELEARNING}, Verdict.UNKNOWN),
    ],
)
def test_absent_or_offline(
    by_name: dict[str, Rule],
    catalogue: Catalogue,
    beside: Sequence[str],
    heard: frozenset[DeviceKind],
    verdict: Verdict,
) -> None:
    rules = [by_name[name] for name in ("attendance_low", *beside)]
    assert absent_or_offline(rules, heard, catalogue) is verdict


def test_a_missing_register_is_a_device_incident_and_the_line_goes_before_it(
    by_name: dict[str, Rule], catalogue: Catalogue
) -> None:
    own = by_name["register_missing"]
    assert absent_or_offline([own], BOTH, catalogue) is Verdict.READER
    assert absent_or_offline([own, by_name["wan_down"]], BOTH, catalogue) is Verdict.LINK
    assert absent_or_offline([None], frozenset(), catalogue) is Verdict.UNKNOWN


def test_a_stuck_reader_is_a_device_incident(by_name: dict[str, Rule], catalogue: Catalogue) -> None:
    stuck = msgspec.structs.replace(by_name["traffic_stuck"], metric="attendance_ratio")
    assert absent_or_offline([by_name["attendance_low"], stuck], BOTH, catalogue) is Verdict.READER


def test_only_what_is_open_stands_beside_an_open_alert(desk: Desk) -> None:
    low = desk.alert("attendance_low")
    over = desk.alert("wan_down", opened_at_us=NOW_US - 100, resolved_at_us=NOW_US + 100)
    assert not stands_beside(over, low)
    assert stands_beside(over, msgspec.structs.replace(low, resolved_at_us=NOW_US + 500))
    earlier = msgspec.structs.replace(over, resolved_at_us=NOW_US - 50)
    assert not stands_beside(earlier, msgspec.structs.replace(low, resolved_at_us=NOW_US + 500))


def test_readings_of_now_say_nothing_of_an_alert_that_is_over(desk: Desk) -> None:
    low = desk.alert("attendance_low", resolved_at_us=NOW_US + 500)
    assert explain(low, desk.known(low, open_alerts={}, heard=BOTH)).verdict is Verdict.UNKNOWN
    down = desk.alert("wan_down", opened_at_us=NOW_US - 9, resolved_at_us=NOW_US + 9)
    beside = desk.known(low, open_alerts={}, of_school=[low, down], heard=BOTH)
    assert explain(low, beside).verdict is Verdict.LINK


def test_heartbeats_are_those_of_line_and_reader(catalogue: Catalogue) -> None:
    devices = [d for d in FLEET.devices if d.school_id == FLEET.schools[0].id]
    kind_of = {d.id: d.kind for d in devices}
    found = {kind_of[s >> 8]: NOW_US - after for s, after in heartbeats(devices, NOW_US, catalogue).items()}
    assert found == {DeviceKind.GATEWAY: 60_000_000, DeviceKind.ATTENDANCE: 1_800_000_000}


def test_the_verdict_comes_first_and_the_advice_fits_it(desk: Desk) -> None:
    low = desk.alert("attendance_low", value=0.5, expected_low=0.9, expected_high=0.95)
    for beside, first, advice in (
        ([desk.alert("wan_down")], "A device incident, not absence", "call the school's provider"),
        ([desk.alert("register_missing")], "A device incident, not absence", "Check the school's reader"),
    ):
        why = explain(low, desk.known(low, *beside))
        said = sentences(why, desk.rules["attendance_low"], desk.texts, Language.EN, ZONE)
        assert (said[0].kind, said[-1].kind) == ("verdict", "advice")
        assert said[0].text.startswith(first)
        assert advice in said[-1].text
    real = desk.say(explain(low, desk.known(low, heard=BOTH)), "attendance_low")
    assert "Call the school" in real["advice"][0]
    unknown = desk.say(explain(low, desk.known(low)), "attendance_low")
    assert "is not known" in unknown["verdict"][0]
    assert unknown["advice"] == [desk.rules["attendance_low"].advice_en]


def test_what_is_not_about_attendance_has_no_verdict(desk: Desk) -> None:
    slow = desk.alert("latency_high", value=412.0, expected_high=150.0)
    why = explain(slow, desk.known(slow))
    assert why.verdict is None
    said = desk.say(why, "latency_high")
    assert "verdict" not in said
    assert said["advice"] == [desk.rules["latency_high"].advice_en]


@pytest.mark.parametrize(
    ("rule", "values", "vietnamese", "english"),
    [
        (
            "latency_high",
            {"value": 412.0, "expected_high": 150.0},
            "Đo được 412 ms; giới hạn ≤ 150 ms.",
            "Measured 412 ms; the limit is ≤ 150 ms.",
        ),
        (
            "lms_failing",
            {"value": 0.875, "expected_low": 0.9},
            "Đo được 87,5 %; giới hạn ≥ 90,0 %.",
            "Measured 87.5 %; the limit is ≥ 90.0 %.",
        ),
        (
            "latency_unusual",
            {"value": 60.0, "expected_low": 20.0, "expected_high": 40.0, "score": 0.75},
            "Đo được 60 ms; thường lệ 20 ms – 40 ms. Lệch gấp 12,0 lần mức dao động thường ngày.",
            "Measured 60 ms; usually 20 ms – 40 ms. That is 12.0 times its usual deviation.",
        ),
        (
            "wan_down",
            {"value": 0.0, "expected_low": 0.5},
            "Cổng kết nối của trường báo ngoại tuyến.",
            "The school's gateway is reported offline.",
        ),
        (
            "line_errors",
            {"value": 2.5, "expected_high": 1.0},
            "Mỗi giây thay đổi 2,50; giới hạn ≤ 1,00.",
            "It changes by 2.50 a second; the limit is ≤ 1.00.",
        ),
        ("gateway_silent", {}, "Không có số liệu từ 09:13 23/11/2026.", "No data since 09:13 23 Nov 2026."),
        (
            "traffic_stuck",
            {"value": 12.3e6, "expected_low": 12.3e6, "expected_high": 12.3e6},
            "Lặp lại đúng 12,3 Mbit/s, dù số đo này thường thay đổi.",
            "Exactly 12.3 Mbit/s again and again, although it usually changes.",
        ),
        (
            "clock_wrong",
            {"value": -25_201.0},
            "Đồng hồ của thiết bị chậm 7 giờ so với giờ nhận; số liệu đã nhận được lưu theo giờ thiết bị"
            " ghi, cảnh báo tính theo giờ nhận. Lệch tròn 7 giờ: có lẽ thiết bị gửi giờ"
            " địa phương như giờ UTC (sai múi giờ).",
            "The device's clock is 7 h behind, against arrival; readings that are taken are stored as"
            " stamped, alerts go by arrival. Off by a whole number of hours (7): most likely local time is"
            " sent as UTC (a wrong time zone).",
        ),
        (
            "clock_wrong",
            {"value": 900.0},
            "Đồng hồ của thiết bị nhanh 15 phút so với giờ nhận; số liệu đã nhận được lưu theo giờ thiết bị"
            " ghi, cảnh báo tính theo giờ nhận.",
            "The device's clock is 15 min ahead, against arrival; readings that are taken are stored as"
            " stamped, alerts go by arrival.",
        ),
    ],
)
def test_what_was_found_is_said_by_the_channel_that_decided(
    desk: Desk, rule: str, values: dict[str, float], vietnamese: str, english: str
) -> None:
    one = msgspec.structs.replace(desk.alert(rule), **values)
    why = explain(one, desk.known(one))
    assert desk.say(why, rule, Language.VI)["found"] == [vietnamese]
    assert desk.say(why, rule)["found"] == [english]
    assert ("since" in desk.say(why, rule)) == (why.channel != "silence")


@pytest.mark.parametrize("channel", ["rate", "joint", "system", "no_such_channel", ""])
def test_every_channel_has_words(desk: Desk, channel: str) -> None:
    one = desk.alert("latency_high", value=412.0)
    why = msgspec.structs.replace(explain(one, desk.known(one)), channel=channel)
    for language in Language:
        assert all("{" not in text for (text, *_) in desk.say(why, "latency_high", language).values())


def test_a_rule_that_is_gone_leaves_what_is_known(desk: Desk) -> None:
    gone = msgspec.structs.replace(desk.alert("latency_high", value=412.0, score=0.9), rule="of_last_year")
    why = explain(gone, desk.known(gone))
    assert (why.channel, why.deviations, why.verdict, why.value) == ("", None, None, 412.0)
    assert "advice" not in desk.say(why, "of_last_year")


@pytest.mark.parametrize(
    ("score", "deviations"), [(None, None), (0.0, 0.0), (0.5, 6.0), (0.75, 12.0), (1.0, MOST_DEVIATIONS)]
)
def test_deviations_come_from_the_score(desk: Desk, score: float | None, deviations: float | None) -> None:
    one = desk.alert("latency_unusual", score=score)
    assert explain(one, desk.known(one)).deviations == deviations
