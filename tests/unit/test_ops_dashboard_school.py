"""A school's page tells of wrong clocks and of what is chronic beside the devices that have them."""

import json
from zoneinfo import ZoneInfo

import pytest
from plotly.utils import PlotlyJSONEncoder

from config.files import shipped_texts
from contract.alert import Alert
from contract.rule import parse_rules
from contract.texts import Language
from ops_dashboard.pages.school import school_page
from tests.fold_world import CATALOGUE, MONDAY_9H_US, RULES, series_named, small_fleet


def page(*alerts: Alert) -> str:
    fleet, rules = small_fleet(1), parse_rules(RULES, CATALOGUE)
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    shown = school_page(shipped_texts(), Language.EN, fleet.schools[0], fleet, alerts, rules, [], "1h", zone)
    return json.dumps(shown, cls=PlotlyJSONEncoder, ensure_ascii=False)


def alert(rule: str, resolved_at_us: int | None = None) -> Alert:
    return Alert(
        alert_id="a1",
        rule=rule,
        series=series_named(1, "down_bps"),
        school_id=1,
        priority=3,
        opened_at_us=MONDAY_9H_US,
        detected_at_us=MONDAY_9H_US,
        value=-25_200.0,
        expected_low=None,
        expected_high=None,
        score=None,
        pupils=100,
        resolved_at_us=resolved_at_us,
    )


def test_a_wrong_clock_stands_beside_its_device() -> None:
    told = page(alert("clock_wrong"))
    assert "clock off by -25,200 s" in told
    assert told.index("gw-1") < told.index("clock off by") < told.index("att-1")
    assert "/alerts?alert=a1" in told


def test_a_chronic_device_says_since_when() -> None:
    told = page(alert("chronic_line"))
    assert told.index("gw-1") < told.index("chronic since 23 Nov 2026") < told.index("att-1")


@pytest.mark.parametrize("other", [alert("clock_wrong", MONDAY_9H_US + 1), alert("gateway_silent")])
def test_what_is_over_or_of_another_rule_does_not(other: Alert) -> None:
    assert "clock off by" not in page(other)
