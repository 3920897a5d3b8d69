"""What leaves the center of a school, case by case; its laws are in tests/laws/test_privacy_laws.py."""

import msgspec
import numpy as np
import pytest

from contract.alert import Alert, AlertEvent
from contract.canary import SYSTEM_SCHOOL_ID
from contract.catalogue import Catalogue, Published, parse_catalogue
from contract.errors import ConfigurationError
from contract.live import Hidden, Kpi
from contract.privacy import (
    hidden_in,
    is_published,
    shown_alert,
    shown_event,
    shown_history,
    shown_refusal,
    shown_share,
    shown_sum,
    shown_value,
    tells_apart,
)
from contract.rejected import Reason, Rejected
from contract.rule import parse_rules
from contract.series import series_of

METRIC = """
[[metric]]
id = 40
name = "excused"
stream = "{stream}"
unit = "count"
low = 0.0
high = 20000.0
cadence_s = 600.0
stale_s = 21600.0
heartbeat = false
meaning_vi = "x"
meaning_en = "x"
source = "x"
{more}
"""
RULE = """
[[rule]]
name = "many_absent"
metric = "absent"
channel = "threshold"
open_after = 1
close_after = 1
priority = 3
priority_in_session = 3
title_vi = "x"
title_en = "x"
advice_vi = "x"
advice_en = "x"
{bound}
"""


@pytest.mark.parametrize(
    ("stream", "more", "published"),
    [
        ("attendance", "", Published.AREA),
        ("elearning", "", Published.AREA),
        ("bandwidth", "", Published.OPEN),
        ("attendance", 'published = "count"', Published.COUNT),
        ("bandwidth", 'published = "area"', Published.AREA),
    ],
)
def test_streams_about_pupils_are_closed_unless_a_column_opens_them(
    stream: str, more: str, published: Published
) -> None:
    (metric,) = parse_catalogue(METRIC.format(stream=stream, more=more)).metrics
    assert metric.published is published


def test_a_word_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    says = r"'yes' - at `\$\.published`; write one of open, ratio, count, area"
    with pytest.raises(ConfigurationError, match=says):
        parse_catalogue(METRIC.format(stream="attendance", more='published = "yes"'))
    with pytest.raises(ConfigurationError, match="only a share of pupils"):
        parse_catalogue(METRIC.format(stream="attendance", more='published = "ratio"'))


@pytest.mark.parametrize(
    ("pupils", "ratio", "shown"),
    [
        (8, 0.875, None),
        (18, 0.5, None),
        (19, 9 / 19, 0.474),
        (60, 51 / 60, 0.85),
        (60, 59 / 60, 0.85),
        (60, 50 / 60, 0.833),
        (60, 0.0, 0.15),
        (480, 0.912345, 0.912),
        (480, 1.0, 0.95),
        (480, 0.0, 0.05),
    ],
)
def test_a_share_is_told_as_far_as_ten_pupils_differ(
    catalogue: Catalogue, pupils: int, ratio: float, shown: float | None
) -> None:
    assert shown_value(catalogue.named("attendance_ratio"), pupils, ratio) == pytest.approx(shown)


@pytest.mark.parametrize(
    ("pupils", "users", "shown"),
    [
        *((480, users, False) for users in (0, 3, 9, 471, 480)),
        *((480, users, True) for users in (10, 470, 481)),
        *((12, 11, False), (12, 13, True), (8, 0, False)),
    ],
)
def test_a_number_is_told_where_neither_it_nor_the_rest_is_small(
    catalogue: Catalogue, pupils: int, users: float, shown: bool
) -> None:
    assert shown_value(catalogue.named("active_users"), pupils, users) == (users if shown else None)


def test_what_is_open_is_told_as_it_is_and_what_nobody_knows_is_not(catalogue: Catalogue) -> None:
    values = np.array([0.0, 3.0])
    assert shown_history(catalogue.named("latency_ms"), 8, values, values, values).mean is values
    assert shown_value(None, 480, 100.0) is None
    assert not is_published(catalogue.named("enrolled"), 480)


def test_a_mean_does_not_tell_the_reading_that_its_range_hides(catalogue: Catalogue) -> None:
    mean, low, high = np.array([0.94, 0.8]), np.array([0.90, 0.7]), np.array([0.98, 0.9])
    told = shown_history(catalogue.named("attendance_ratio"), 480, mean, low, high)
    assert told.mean.tolist() == pytest.approx([(0.90 + 0.95) / 2, 0.8])
    mean, low, high = np.array([17.0, 20.0]), np.array([4.0, 12.0]), np.array([30.0, 28.0])
    told = shown_history(catalogue.named("active_users"), 480, mean, low, high)
    assert np.isnan([told.mean[0], told.low[0], told.high[0]]).all()
    assert (told.mean[1], told.low[1], told.high[1]) == (20.0, 12.0, 28.0)


@pytest.mark.parametrize(
    ("metric", "shown"),
    [("attendance_ratio", 0.95), ("absent", None), ("active_users", None), ("loss_ratio", 1.0)],
)
def test_alerts_tell_no_more_than_the_views(catalogue: Catalogue, metric: str, shown: float | None) -> None:
    series = series_of(1, catalogue.named(metric).id)
    alert = Alert("0" * 16, "r", series, 1, 1, 0, 0, 1.0, 1.0, None, 0.75, 480)
    told = shown_alert(alert, catalogue)
    # With the range the score would give a value back that is cut.
    assert told.score == (0.75 if metric == "loss_ratio" else None)
    assert (told.value, told.expected_low, told.expected_high) == (shown, shown, None)
    event = AlertEvent("0" * 16, "opened", 0, "eduops", "", 1.0)
    assert shown_event(event, alert, catalogue).value == shown


def test_alerts_of_metrics_that_are_gone_are_closed_and_the_centers_own_are_not(catalogue: Catalogue) -> None:
    alert = Alert("0" * 16, "r", series_of(1, 254), 1, 1, 0, 0, 3.0, None, None, 0.5, 480)
    assert (shown_alert(alert, catalogue).value, shown_alert(alert, catalogue).score) == (None, None)
    own = msgspec.structs.replace(alert, school_id=SYSTEM_SCHOOL_ID)
    assert shown_alert(own, catalogue) == own


def test_of_refused_data_about_pupils_names_and_times_are_left(catalogue: Catalogue) -> None:
    refused = Rejected(
        Reason.INCONSISTENT,
        "edu/v1/79/x/att-1/attendance",
        "present 481 + absent 3 is more than enrolled 480",
        0,
        90,
        '[{"n":"","v":481,"t":-5},{"n":"","bv":7,"s":3},null]',
    )
    told = shown_refusal(refused, catalogue)
    assert told.detail == "present + absent is more than enrolled"
    assert told.excerpt == '[{"n":"","v":null,"t":-5},{"n":"","bv":null,"s":null},null]'
    assert shown_refusal(told, catalogue) == told
    other = msgspec.structs.replace(refused, topic="edu/v1/79/x/gw-1/bandwidth")
    assert shown_refusal(other, catalogue) == other


@pytest.mark.parametrize(
    ("schools", "people", "is_told"),
    [
        ([8], [5], False),
        ([480], [470], False),
        ([480], [400], True),
        ([480, 8], [400, 5], False),
        ([480, 480], [470, 470], False),
        ([480] * 3, [470, 465, 466], True),
        ([480] * 3, [480, 480, 479], False),
        ([480] * 40, [466] * 40, True),
    ],
)
def test_a_sum_is_told_if_it_tells_no_school(
    catalogue: Catalogue, schools: list[int], people: list[int], is_told: bool
) -> None:
    hidden = hidden_in(np.array(people), np.array(schools), catalogue.named("present"))
    part, whole = Kpi(1, 1, float(sum(people)), hidden), Kpi(1, 1, float(sum(schools)))
    assert shown_share(part, whole) == (sum(people) / sum(schools) if is_told else None)


def test_a_sum_that_would_tell_a_school_is_told_without_it(catalogue: Catalogue) -> None:
    hidden = hidden_in(np.array([88, 3]), np.array([600, 600]), catalogue.named("active_users"))
    assert hidden == Hidden(3, 0, 9, 9)
    assert shown_sum(Kpi(2, 2, 91.0, hidden)) == 88.0


@pytest.mark.parametrize(
    ("bound", "is_refused"),
    [
        ("above = 3.0", True),
        ("above = 9.0", False),
        ("above = 12.0\nclear_margin = 5.0", True),
        ("below = 4.0", True),
        ("below = 10.0", False),
    ],
)
def test_a_rule_may_not_tell_small_numbers_apart(catalogue: Catalogue, bound: str, is_refused: bool) -> None:
    text = RULE.format(bound=bound)
    if not is_refused:
        parse_rules(text, catalogue)
        return
    with pytest.raises(ConfigurationError, match="fewer than 10 pupils"):
        parse_rules(text, catalogue)
    assert not tells_apart(catalogue.named("latency_ms"), 3.0, None, 0.0)
