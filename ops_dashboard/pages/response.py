"""How fast incidents are answered, and how much each contact gets (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dash import html

from alerting.incidents.response import GroupBy
from contract.texts import Language, Texts, write_number
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.parts.filters import csv_links

SPANS: Final = ("detect", "notify", "acknowledge", "resolve")
LOAD_COLUMNS: Final = ("to", "messages", "last_hour", "last_10_min", "most_10_min", "flood")
STANDING: Final = ("standing", "standing_without_action", "without_action")
DAYS: Final = (7, 30, 365)
MOST_ON_SHELF: Final = 50
"""Standing incidents that are listed: chosen, what somebody looks through once a day."""


def response_page(texts: Texts, language: Language, report: Mapping[str, Any]) -> html.Div:
    """Return the page of a report of `ops_dashboard.api.response`."""
    words = _Words(texts, language, report)
    return desk_page(texts, language, "/response", "response", [words.times(), words.load()])


class _Words:
    def __init__(self, texts: Texts, language: Language, report: Mapping[str, Any]) -> None:
        self._texts = texts
        self._language = language
        self._report = report

    def times(self) -> html.Section:
        """Return the times, by the group that is chosen, and those of exercises."""
        report = self._report
        parts = [
            html.H2(self._say("title"), className="panel-title"),
            html.P(self._say("why"), className="soft"),
            self._choices("by", [(by.value, self._say(f"by_{by.value}")) for by in GroupBy]),
            self._choices("days", [(str(n), self._say("days", n=str(n))) for n in DAYS]),
            csv_links(
                self._texts,
                self._language,
                f"/api/response.csv?by={report['by']}&days={report['days']}",
                self._say("table_times"),
            ),
            self._table("times", report["groups"]) if report["groups"] else html.P(self._say("none")),
        ]
        if report["exercises"]:
            parts.append(self._table("exercises", report["exercises"]))
        return html.Section(parts, className="panel")

    def load(self) -> html.Section:
        """Return what each contact got, and what nobody does anything about."""
        report = self._report
        span_s = report["days"] * 86_400
        rows = [
            [
                one["to"],
                *(self._number(one[name]) for name in LOAD_COLUMNS[1:-1]),
                self._share(one["flood_s"] / span_s),
            ]
            for one in report["load"]
        ]
        counts = [html.Li(self._say(name, n=self._number(report[name]))) for name in STANDING]
        return html.Section(
            [
                html.H2(self._say("load"), className="panel-title"),
                html.P(self._say("load_why"), className="soft"),
                self._rows("load", LOAD_COLUMNS, rows) if rows else html.P(self._say("load_none")),
                html.Ul(counts),
                *self._shelf(),
            ],
            className="panel",
        )

    def _shelf(self) -> list[html.Ul]:
        """Return what has been open for over a day, each with its page; none where there is nothing."""
        lines = [
            html.Li([html.A(one["name"], href=f"/incidents/{one['incident_id']}"), f" · {_about(one)}"])
            for one in self._report["shelf"][:MOST_ON_SHELF]
        ]
        return [html.Ul(lines, id="shelf")] if lines else []

    def _table(self, caption: str, groups: Sequence[Mapping[str, Any]]) -> html.Table:
        head = ("group", "incidents", *SPANS, "precision")
        rows = []
        for one in groups:
            right, judged = one["right"], one["judged"]
            precision = f"{self._share(right / judged)} ({right}/{judged})" if judged else "–"
            spans = [self._span(one[name]) for name in SPANS]
            whole = "by_all" if self._report["by"] == GroupBy.ALL else "group_none"
            group = one["group"] or self._say(whole)
            rows.append([group, self._number(one["incidents"]), *spans, precision])
        return self._rows(caption, head, rows)

    def _rows(self, caption: str, head: Iterable[str], rows: Sequence[Sequence[str]]) -> html.Table:
        names = [self._say(f"head_{name}") for name in head]
        heads = [html.Th(n, scope="col", className="number" if i else "") for i, n in enumerate(names)]
        body = [
            html.Tr(
                [
                    html.Td(cell, className="number" if place else "", **attributes(data_name=name))
                    for place, (cell, name) in enumerate(zip(row, names, strict=True))
                ]
            )
            for row in rows
        ]
        return html.Table(
            [
                html.Caption(self._say(f"table_{caption}")),
                html.Thead(html.Tr(heads)),
                html.Tbody(body),
            ],
            className="table table-figures",
        )

    def _choices(self, name: str, choices: Sequence[tuple[str, str]]) -> html.Nav:
        report = {key: str(self._report[key]) for key in ("by", "days")}
        links = []
        for value, word in choices:
            asked = report | {name: value}
            current = {"aria_current": "true"} if report[name] == value else {}
            href = f"?by={asked['by']}&days={asked['days']}"
            links.append(html.A(word, href=href, className="button", **attributes(**current)))
        return html.Nav(links, className="choices", **attributes(aria_label=self._say(f"choose_{name}")))

    def _span(self, spread: Mapping[str, Any] | None) -> str:
        """Return a median with its nine-in-ten, in a unit that a person reads; a dash without any."""
        if spread is None:
            return "–"
        return f"{self._time(spread['median_s'])} · {self._time(spread['p90_s'])}"

    def _time(self, seconds: float) -> str:
        for unit, size in (("hours", 3600), ("minutes", 60)):
            if seconds >= 2 * size:
                return self._texts.say(f"unit.{unit}", self._language, n=self._number(round(seconds / size)))
        return self._texts.say("unit.seconds", self._language, n=self._number(round(seconds)))

    def _share(self, share: float) -> str:
        return f"{write_number(100 * share, self._language, 1)} %"

    def _number(self, n: float) -> str:
        return write_number(n, self._language)

    def _say(self, key: str, **values: str) -> str:
        return self._texts.say(f"response.{key}", self._language, **values)


def _about(one: Mapping[str, Any]) -> str:
    """Return what a standing incident is, since when, who has it and what is to be done."""
    return ". ".join(filter(None, (one["what"], one["since"], one["who"], one["todo"])))
