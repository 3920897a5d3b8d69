"""Which alerts of an incident are drawn, over which time, and what of each (pure)."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from contract.alert import Alert
from contract.catalogue import Catalogue, Metric
from contract.fleet import Fleet, School
from contract.incident import Incident, Membership
from contract.privacy import is_published
from contract.texts import Language, Texts
from ops_dashboard.charts.plots import Chart, Plot, Window
from ops_dashboard.charts.school_charts import PLANS, ToldSeries, fill_plan, told_trace
from ops_dashboard.charts.usual import DAY_US

MOST_CHARTS: Final = 8
"""Chosen: two rows of four, or four of two, are seen at once."""
MINUTE_US: Final = 60_000_000
LEAST_LEAD_US: Final = 60 * MINUTE_US
MOST_LEAD_US: Final = 360 * MINUTE_US
"""So long before an incident its charts begin at least and at most, else a third of what it lasted: how it
was before is half of what a chart tells."""
AFTER_US: Final = 60 * MINUTE_US
"""So long the charts of an incident that is over go on."""
_SCALES: Final = {"/": ("%", 0.01), "bit/s": ("Mbit/s", 1e6), "ms": ("ms", 1.0), "s": ("s", 1.0)}
"""Unit of a chart, and metric units in one of it, of metrics that no chart of a school has."""


class MemberChart(NamedTuple):
    """One alert of an incident over time."""

    alert: Alert
    school: School
    chart: Chart
    drawn: Plot


class MemberCharts(NamedTuple):
    """The worst alerts of an incident, all over one stretch of time."""

    window: Window
    charts: list[MemberChart]


def worst_drawn(members: Iterable[Membership], fleet: Fleet, catalogue: Catalogue) -> list[Alert]:
    """Return the alerts that are drawn: the first of each school, then their second ones, each series once.

    What may not be told of a school, and what is about the center itself, is not drawn.

    Args:
        members: of the incident, the worst first.
        fleet: the part of the city that is seen.
        catalogue: all metrics.
    """
    seen, of_school = set[int](), Counter[int]()
    found: list[tuple[int, int, Alert]] = []
    for place, member in enumerate(members):
        alert = member.alert
        school, metric = fleet.school_of(alert.school_id), catalogue.of_series(alert.series)
        is_told = school is not None and metric is not None and is_published(metric, school.pupils)
        if is_told and alert.series not in seen:
            seen.add(alert.series)
            found.append((of_school[alert.school_id], place, alert))
            of_school[alert.school_id] += 1
    return [alert for _, _, alert in sorted(found, key=lambda one: one[:2])[:MOST_CHARTS]]


def member_span(incident: Incident, now_us: int) -> tuple[int, int]:
    """Return which time is drawn, a day at most: from before the incident until now, or until it was over.

    Both are whole minutes, the end rounded up, so that all who look within a minute look at the same.
    """
    over_us = incident.quiet_at_us or incident.ended_at_us
    until_us = now_us if over_us is None else min(now_us, over_us + AFTER_US)
    lead_us = (until_us - incident.opened_at_us) // 3
    lead_us = min(MOST_LEAD_US, max(LEAST_LEAD_US, lead_us))
    from_us = (incident.opened_at_us - lead_us) // MINUTE_US * MINUTE_US
    return from_us, min(-(-until_us // MINUTE_US) * MINUTE_US, from_us + DAY_US)


def member_chart(
    metric: Metric,
    school: School,
    told: ToldSeries,
    bucket: str,
    title: str,
    catalogue: Catalogue,
    texts: Texts,
    language: Language,
) -> Chart:
    """Return the chart of one metric of a school, on the axis that the school's own page has for it.

    Args:
        metric: what is drawn.
        school: whose it is.
        told: what is told of it.
        bucket: of its history, as `Archive.series` names it.
        title: of the chart where no chart of a school has the metric.
        catalogue: all metrics.
        texts: all words.
        language: of the reader.
    """
    plan = next((p for p in PLANS if metric.name in dict(p.metrics)), None)
    if plan is not None:
        return fill_plan(plan, school, catalogue, {metric.name: told}, bucket, texts, language)
    unit, scale = _SCALES.get(metric.unit, ("", 1.0))
    return Chart(title, unit, [told_trace(title, metric, school.pupils, told, scale, bucket != "raw")])
