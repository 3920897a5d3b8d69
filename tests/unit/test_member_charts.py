"""Which alerts of an incident are drawn, over which time, and how."""

import dataclasses

from msgspec.structs import replace

from contract.alert import Alert
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.incident import Cause, CauseKind, Membership, worst_first
from contract.texts import Language
from ops_dashboard.charts.columns import of_series
from ops_dashboard.charts.member_charts import (
    AFTER_US,
    LEAST_LEAD_US,
    MOST_CHARTS,
    MOST_LEAD_US,
    member_chart,
    member_span,
    worst_drawn,
)
from ops_dashboard.charts.school_charts import ToldSeries
from ops_dashboard.charts.usual import DAY_US
from tests.fold_world import CATALOGUE, series_named, small_fleet
from tests.outbox import MINUTE_US, NOW_US, incident_of, resolved
from tests.refusal_words import TEXTS
from tests.unit.test_ops_dashboard_plots import history

FLEET = small_fleet(12)
DEVICE_OF = {"latency_ms": 1, "online": 1, "in_errors": 1, "attendance_ratio": 2, "present": 2}


def alert(school: int, metric: str = "online", priority: int = 1) -> Alert:
    series = series_named(3 * (school - 1) + DEVICE_OF[metric], metric)
    pupils = FLEET.schools[school - 1].pupils
    identity, figures = f"{series:016x}", (0.0, 0.5, None, None)
    return Alert(identity, metric, series, school, priority, NOW_US, NOW_US, *figures, pupils)


def members(*alerts: Alert, left: int | None = None) -> list[Membership]:
    return [Membership("0" * 16, one, NOW_US, left) for one in alerts]


def test_the_most_urgent_come_first_then_the_largest_and_what_is_over_last() -> None:
    found = members(alert(1), alert(3), alert(2, priority=2), alert(4, priority=2))
    found += members(alert(12), left=NOW_US)
    assert [m.alert.school_id for m in sorted(found, key=worst_first)] == [3, 1, 4, 2, 12]


def test_each_school_is_drawn_before_any_is_drawn_twice() -> None:
    found = members(alert(1), alert(1, "latency_ms"), alert(2), alert(2, "attendance_ratio"))
    drawn = worst_drawn(found, FLEET, CATALOGUE)
    assert [(one.school_id, one.rule) for one in drawn] == [
        (1, "online"), (2, "online"), (1, "latency_ms"), (2, "attendance_ratio"),
    ]  # fmt: skip


def test_no_more_are_drawn_than_are_seen_at_once_and_none_twice() -> None:
    again = replace(alert(1), alert_id="f" * 16)
    drawn = worst_drawn(members(*map(alert, range(1, 13)), again), FLEET, CATALOGUE)
    assert len(drawn) == MOST_CHARTS
    assert worst_drawn(members(alert(1), again), FLEET, CATALOGUE) == [alert(1)]


def test_what_may_not_be_told_and_what_is_no_schools_is_not_drawn() -> None:
    center = replace(alert(1), school_id=SYSTEM_SCHOOL_ID, series=system_series(0))
    assert worst_drawn(members(center, alert(1, "present")), FLEET, CATALOGUE) == []
    # Of ten pupils no share may be told.
    tiny = dataclasses.replace(FLEET.schools[0], pupils=10)
    fleet = type(FLEET)("79", FLEET.clusters, FLEET.wards, (tiny, *FLEET.schools[1:]), FLEET.devices)
    assert worst_drawn(members(alert(1, "attendance_ratio")), fleet, CATALOGUE) == []


def test_the_time_that_is_drawn_begins_before_the_incident_and_is_a_day_at_most() -> None:
    incident = incident_of(1, Cause(CauseKind.CITY))
    opened_us = incident.opened_at_us
    first, last = member_span(incident, opened_us + 10 * MINUTE_US + 1)
    assert opened_us - first >= LEAST_LEAD_US
    assert (first % MINUTE_US, last % MINUTE_US) == (0, 0)
    assert 0 <= last - (opened_us + 10 * MINUTE_US + 1) < MINUTE_US
    first, last = member_span(incident, opened_us + 3 * DAY_US)
    assert first <= opened_us - MOST_LEAD_US
    assert last - first == DAY_US
    over = resolved(incident)
    assert over.quiet_at_us is not None
    assert member_span(over, opened_us + 3 * DAY_US)[1] - over.quiet_at_us - AFTER_US < MINUTE_US


def test_a_metric_stands_on_the_axis_of_its_schools_page_and_any_other_on_one_of_its_own() -> None:
    school = FLEET.schools[0]

    def drawn(name: str) -> tuple[str, str, list[float]]:
        metric, values = CATALOGUE.named(name), history([20.0, 40.0])
        told = ToldSeries(of_series(values, int(values.series[0])), None)
        chart = member_chart(metric, school, told, "raw", "A rule", CATALOGUE, TEXTS, Language.EN)
        return chart.title, chart.unit, chart.traces[0].value.tolist()

    assert drawn("latency_ms") == ("Latency", "ms", [20.0, 40.0])
    assert drawn("in_errors") == ("A rule", "", [20.0, 40.0])
