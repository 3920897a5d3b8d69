"""The day, the week or the term for leadership: what is wrong, is it getting better, where to ask (pure)."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from dash import html

from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.compared import benchmark_name
from ops_dashboard.view.leadership.maker import COMPARED, INNER, OUTER
from ops_dashboard.view.leadership.worded import (
    WordedBar,
    WordedBrief,
    WordedCard,
    WordedHeadline,
    WordedIncident,
    WordedQuestion,
    WordedStanding,
)

REFRESH_US: Final = 16 * 60 * 1_000_000
"""The page loads anew when figures of another quarter hour are there."""
INCIDENT_HEADS: Final = ("cause", "what", "since", "until", "schools", "pupils", "lost", "owner")


def leadership_page(
    texts: Texts, language: Language, brief: Brief, words: WordedBrief, asked: dict[str, str]
) -> html.Div:
    """Return the page of a brief; `asked` is its query, so that links keep it."""
    page = _Page(texts, language, brief, words, asked)
    parts = [
        page.sentence(),
        page.headlines(),
        page.questions(),
        page.figures(),
        page.compare(),
        page.standings(),
        page.incidents(),
    ]
    return desk_page(
        texts,
        language,
        "/kpi",
        "leadership",
        [*parts, page.method()],
        layout="desk desk-one leadership",
        data_until=str(brief.through_us + REFRESH_US),
    )


def _mark(svg: str, name: str) -> html.Div:
    """Return the place of a chart; the script puts its shapes in, the words beside it say the same."""
    return html.Div("", className=f"mark mark-{name}", **attributes(data_svg=svg, aria_hidden="true"))


class _Page:
    def __init__(
        self, texts: Texts, language: Language, brief: Brief, words: WordedBrief, asked: dict[str, str]
    ) -> None:
        self._texts, self._language = texts, language
        self._brief, self._words, self._asked = brief, words, asked

    def sentence(self) -> html.Section:
        words = self._words
        spans = [(kind.value, self._say(f"leadership.{kind.value}")) for kind in SpanKind]
        marks = [html.Li(mark) for mark in words.marks]
        return html.Section(
            [
                html.Div(
                    [
                        html.H2(words.title, className="panel-title"),
                        self._choices("span", spans, self._brief.span, "leadership.choose_span"),
                    ],
                    className="lead-head",
                ),
                html.Ul(marks, className="lead-marks") if marks else None,
                html.P(words.sentence, className="lead-sentence"),
                html.P(words.history, className="lead-history") if words.history else None,
                html.P([words.until, self._downloads()], className="soft lead-foot"),
            ],
            className="panel lead-day",
        )

    def headlines(self) -> html.Section:
        return self._panel(
            "leadership.lost_title",
            "leadership.lost_why",
            [html.Div([_headline(one) for one in self._words.headlines], className="lead-three")],
            "lead-lost",
        )

    def questions(self) -> html.Section:
        body: list[Any] = [self._question(one) for one in self._words.questions]
        if not body:
            body = [html.P(self._say("leadership.no_questions"), className="soft")]
        if self._words.unknown:
            body.append(html.P(self._words.unknown, className="soft lead-unknown"))
        return self._panel("leadership.questions_title", "leadership.questions_why", body, "lead-ask")

    def figures(self) -> html.Section:
        cards = html.Div([_card(card) for card in self._words.cards], className="lead-cards")
        return self._panel("leadership.figures_title", "leadership.figures_why", [cards], "lead-figures")

    def compare(self) -> html.Section:
        words, comparison = self._words.comparison, self._brief.comparison
        kinds = INNER if comparison.scope else OUTER
        choices = [(kind.value, self._say(f"leadership.compare_{kind.value}")) for kind in kinds]
        figures = [(name.value, self._say(f"measure.{name}")) for name in COMPARED]
        aims = self._brief.standings[0].aims if self._brief.standings else [comparison.aim]
        benchmarks = [(aim.benchmark, benchmark_name(aim, self._texts, self._language)) for aim in aims]
        bars = [self._bar(one, leads=comparison.kind == GroupKind.CLUSTER) for one in words.bars]
        return self._panel(
            "leadership.compare_title",
            "",
            [
                self._way(),
                self._choices("by", choices, comparison.kind, "leadership.choose_groups"),
                html.Div(
                    [
                        self._folded("figure", figures, comparison.figure, "leadership.choose_figure"),
                        self._folded(
                            "benchmark", benchmarks, comparison.aim.benchmark, "leadership.choose_benchmark"
                        ),
                    ],
                    className="lead-folds",
                ),
                html.P(words.whole, className="lead-whole"),
                html.P(words.bars_are, className="soft"),
                html.Ol(bars, className="lead-bars"),
            ],
            "lead-compare",
        )

    def standings(self) -> html.Section | None:
        """Return the plan and its benchmarks, or nothing where nobody wants anything."""
        if not self._words.standings:
            return None
        names = [self._say("leadership.head_figure"), self._say("leadership.head_now")]
        names += [*self._words.benchmarks, self._say("leadership.head_step")]
        rows = [self._standing(one, names) for one in self._words.standings]
        heads = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
        table = html.Table([heads, html.Tbody(rows)], className="table lead-table")
        sources = [f"{one.title}. {source}" for one in self._words.standings for source in one.sources]
        told = html.Details(
            [
                html.Summary(self._say("leadership.sources")),
                html.Ul([html.Li(source) for source in sources]),
            ],
            className="lead-sources soft",
        )
        return self._panel("leadership.standings_title", "", [table, told], "lead-standings")

    def _standing(self, one: WordedStanding, names: Sequence[str]) -> html.Tr:
        now = html.Span(one.value, className="lead-worse" if one.is_missed else "")
        cells: list[Any] = [html.Strong(one.title), now, *one.aims, one.coming]
        missing = self._say("leadership.no_number")
        return html.Tr(
            [
                html.Td(c, **attributes(data_name=name, data_known="no" if c == missing else "yes"))
                for c, name in zip(cells, names, strict=True)
            ]
        )

    def incidents(self) -> html.Section:
        heads = [html.Th(self._say(f"leadership.head_{name}"), scope="col") for name in INCIDENT_HEADS]
        rows = [self._incident(one) for one in self._words.incidents]
        table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="table lead-table")
        nothing = html.P(self._say("leadership.no_incidents"), className="soft")
        return self._panel("leadership.incidents_title", "", [table if rows else nothing], "lead-incidents")

    def method(self) -> html.Section:
        lines = [html.Li(line) for line in self._words.method]
        return self._panel("leadership.method_title", "", [html.Ul(lines)], "lead-method soft")

    def _panel(self, title: str, why: str, body: Sequence[Any], name: str) -> html.Section:
        head: list[Any] = [html.H2(self._say(title), className="panel-title")]
        if why:
            head.append(html.Span(self._say(why), className="soft"))
        kept = {"id": "compare"} if name == "lead-compare" else {}
        head_row = html.Div(head, className="lead-head")
        return html.Section([head_row, *body], className=f"panel {name}", **attributes(**kept))

    def _downloads(self) -> html.Span:
        query = {**self._asked, "lang": self._language.value}
        places: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("leadership.download_pdf", "/api/leadership.pdf", {}),
            ("leadership.download_csv", "/api/leadership.csv", {}),
            ("leadership.download_excel", "/api/leadership.csv", {"form": "excel"}),
        )
        links: list[Any] = [f" · {self._say('leadership.download')}: "]
        for key, address, more in places:
            links += [html.A(self._say(key), href=f"{address}?{urlencode(query | more)}"), " "]
        return html.Span(links, className="lead-downloads")

    def _choices(self, name: str, choices: Sequence[tuple[str, str]], here: str, label: str) -> html.Nav:
        links = []
        for value, word in choices:
            current = {"aria_current": "true"} if value == here else {}
            href = f"/kpi?{urlencode(self._asked | {name: value})}{'' if name == 'span' else '#compare'}"
            links.append(html.A(word, href=href, className="button", **attributes(**current)))
        return html.Nav(links, className="choices", **attributes(aria_label=self._say(label)))

    def _folded(self, name: str, choices: Sequence[tuple[str, str]], here: str, label: str) -> html.Details:
        """Return choices behind the one that stands: on a phone they would be a page of their own."""
        chosen = next((word for value, word in choices if value == here), here)
        return html.Details(
            [
                html.Summary([f"{self._say(label)}: ", html.Strong(chosen)]),
                self._choices(name, choices, here, label),
            ],
            className="lead-fold",
        )

    def _way(self) -> html.Nav:
        steps: list[Any] = []
        rest = {name: value for name, value in self._asked.items() if name not in ("in", "by")}
        way = self._brief.comparison.way
        for place in way:
            name = place.name or self._say("leadership.city")
            if place is way[-1]:
                steps.append(html.Span(name, **attributes(aria_current="true")))
            else:
                steps += [html.A(name, href=f"/kpi?{urlencode(rest)}"), " › "]
        return html.Nav(steps, className="lead-way", **attributes(aria_label=self._say("leadership.way")))

    def _bar(self, one: WordedBar, *, leads: bool) -> html.Li:
        name: Any = one.name
        if leads:
            asked = self._asked | {"in": one.member, "by": GroupKind.WARD.value}
            name = html.A(one.name, href=f"/kpi?{urlencode(asked)}")
        value = html.Span(
            one.note or one.value, className="lead-bar-note soft" if one.note else "lead-bar-value"
        )
        middle = (
            [] if one.note else [_mark(one.svg, "bar"), *([_mark(one.weeks, "weeks")] if one.weeks else [])]
        )
        return html.Li(
            [html.Span(name, className="lead-bar-name"), *middle, value],
            className="lead-bar-bad" if one.is_bad else "",
        )

    def _question(self, one: WordedQuestion) -> html.Div:
        said: list[Any] = [
            html.Div(
                [
                    html.Strong(one.name),
                    html.Span(one.change, className="lead-worse" if one.is_worse else ""),
                ],
                className="lead-head",
            ),
            html.P(one.why),
            html.P(one.ask, className="lead-asked"),
        ]
        if one.incident_id:
            link = html.A(self._say("leadership.see_incident"), href=f"/incidents/{one.incident_id}")
            said.append(html.P(link))
        return html.Div(said, className="lead-question")

    def _incident(self, one: WordedIncident) -> html.Tr:
        name = html.A(one.name, href=f"/incidents/{one.incident_id}")
        cells: list[Any] = [
            name,
            one.what,
            one.since,
            one.until,
            one.schools,
            one.pupils,
            one.lost,
            one.owner,
        ]
        labels = [self._say(f"leadership.head_{name}") for name in INCIDENT_HEADS]
        return html.Tr(
            [html.Td(c, **attributes(data_name=label)) for c, label in zip(cells, labels, strict=True)]
        )

    def _say(self, key: str) -> str:
        return self._texts.say(key, self._language)


def _headline(one: WordedHeadline) -> html.Div:
    return html.Div(
        [
            html.H3(one.title, className="soft"),
            html.P(
                [html.Span(one.value, className="lead-value"), " ", html.Span(one.unit)],
                className="lead-bad" if one.is_bad else "",
            ),
            _mark(one.svg, "meter"),
            html.P(one.before),
            html.P(" · ".join(filter(None, (one.allowed, one.note))), className="soft"),
        ],
        className="lead-headline",
    )


def _card(card: WordedCard) -> html.Div:
    ends = html.Div([html.Span(card.worst), html.Span(card.best)], className="lead-ends soft")
    return html.Div(
        [
            html.Div([html.H3(card.title), html.Span(card.about, className="soft")], className="lead-head"),
            html.P(
                [html.Span(card.value, className="lead-value"), " ", html.Span(card.unit)],
                className="lead-bad" if card.is_missed else "",
            ),
            html.P(card.target, className="soft"),
            html.Ul([html.Li(line) for line in card.beside], className="lead-beside soft"),
            _mark(card.spark, "spark"),
            html.P(card.weeks_from, className="soft"),
            html.P(card.groups, className="soft lead-groups"),
            _mark(card.strip, "strip"),
            ends,
            html.P([card.coverage, " · ", card.age], className="soft lead-coverage"),
        ],
        className="lead-card",
    )
