"""What a document says before its scripts: the page's words and charts, and nothing that scripts look for."""

from dash import dcc, html

from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.prerender import prerender


def test_words_and_attributes_are_those_of_the_page() -> None:
    page = html.Main(
        [
            html.H2("Mạng & <lớp học>", className="panel-title", id="title"),
            html.P(["96,8 ", html.Strong("%"), None, 3], title='nói "đủ"', hidden=True),
            html.Td("1", colSpan=2, style={"textAlign": "right", "--share": "0.5"}),
            html.A("Trường", href="/kpi?by=ward&in=C1", disable_n_clicks=True),
            html.A("Đến tiêu đề", href="#title"),
            html.Button(["Tệp", html.Br()], n_clicks=0, disabled=True),
        ],
        **attributes(data_page="leadership", data_until="5", aria_labelledby="title"),
    )
    assert prerender(page) == (
        '<main data-until="5">'
        '<h2 id="early-title" class="panel-title">Mạng &amp; &lt;lớp học&gt;</h2>'
        '<p hidden title="nói &quot;đủ&quot;">96,8 <strong>%</strong>3</p>'
        '<td colspan="2" style="text-align: right; --share: 0.5">1</td>'
        '<a href="/kpi?by=ward&amp;in=C1">Trường</a>'
        '<a href="#early-title">Đến tiêu đề</a>'
        "<button disabled>Tệp<br></button>"
        "</main>"
    )


def test_a_chart_is_drawn_and_what_needs_a_script_is_left_out() -> None:
    chart = html.Div("", className="mark", **attributes(data_svg="<svg><path d='M0 0'/></svg>"))
    assert prerender([chart, dcc.Graph()]) == "<div class=\"mark\"><svg><path d='M0 0'/></svg></div>"
