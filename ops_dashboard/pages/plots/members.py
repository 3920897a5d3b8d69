"""The worst members of an incident, a small chart each, all over one stretch of time (pure)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dash import html

from contract.fleet import Fleet
from contract.rule import Rule
from contract.texts import Language, Texts, write_number
from ops_dashboard.charts.member_charts import MemberChart, MemberCharts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.plots.writer import PlotWriter
from ops_dashboard.view.addresses import area_address

MOST_TIMES: Final = 3
"""Times below a small chart."""


def member_charts(
    texts: Texts,
    language: Language,
    charts: MemberCharts,
    schools: int,
    rules: Sequence[Rule],
    fleet: Fleet,
    zone: ZoneInfo,
) -> html.Div:
    """Return the charts of an incident's worst members.

    Args:
        texts: all words.
        language: of the reader.
        charts: what is drawn.
        schools: how many the incident meets now, or met at worst once it is over.
        rules: what alerts are called.
        fleet: the part of the city that is seen.
        zone: of the center.
    """
    writer = PlotWriter(texts, language, charts.window, zone)
    if not charts.charts:
        return html.Div(html.P(writer.say("incident.worst_none"), className="soft"), className="worst")
    titles = {r.name: r.title_vi if language is Language.VI else r.title_en for r in rules}
    shown = len({one.school.id for one in charts.charts})
    said = []
    if schools > shown:
        n, of = write_number(shown, language), write_number(schools, language)
        said = [html.P(writer.say("incident.worst_note", n=n, of=of), className="soft")]
    items = [_item(writer, one, titles.get(one.alert.rule, one.alert.rule), fleet) for one in charts.charts]
    legend = writer.legend([(one.chart, one.drawn) for one in charts.charts])
    return html.Div([*said, legend, html.Ol(items, className="worst-charts")], className="worst")


def _item(writer: PlotWriter, one: MemberChart, title: str, fleet: Fleet) -> html.Li:
    alert, drawn = one.alert, one.drawn
    last = drawn.readings[0].last if drawn.readings else None
    now = f"{writer.value(one.chart, last, drawn.decimals)} {one.chart.unit}".strip()
    ward = fleet.ward_by_code[one.school.ward_code]
    key = f"worst-{alert.alert_id}"
    return html.Li(
        [
            html.P(
                [
                    html.A(
                        one.school.name, href=f"/school/{quote(one.school.code)}", **attributes(data_key=key)
                    ),
                    html.Span(
                        [" · ", html.A(ward.short_name, href=area_address(ward.code))], className="soft"
                    ),
                ],
                className="worst-school",
            ),
            html.P(
                [
                    html.A(
                        writer.say("incident.worst_since", title=title, at=writer.clock(alert.opened_at_us)),
                        href=f"/alerts?alert={alert.alert_id}",
                    ),
                    html.B(now),
                ],
                className="worst-what",
            ),
            html.Div(
                [
                    writer.axis(drawn),
                    writer.picture(one.chart, drawn, [alert]),
                    html.Div(""),
                    writer.times(MOST_TIMES),
                ],
                className="worst-plot",
            ),
        ],
        className="worst-chart",
    )
