"""The brief as a table, a figure a row, with the digits of the page.

Two ways of writing it: `,` between fields and a decimal point, as programs read; `;` and a decimal comma
behind a byte order mark, as Excel reads in Vietnamese.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from config.spreadsheet import inert_text
from contract.figures.definitions import FigureUnit
from contract.figures.sums import GroupKind
from contract.texts import Language, Texts
from ops_dashboard.view.leadership.brief import Aim, Brief, BriefFigure, FigureCard
from ops_dashboard.view.leadership.compared import benchmark_name, group_name
from ops_dashboard.view.leadership.numbers import written
from ops_dashboard.view.leadership.wording import UNITS_BESIDE

MARK: Final = "\ufeff"
"""Byte order mark: by it Excel knows UTF-8."""
HEAD: Final = (
    "leadership.row_figure",
    "leadership.row_group",
    "leadership.row_value",
    "leadership.row_unit",
    "leadership.row_before",
    "leadership.row_target",
    "leadership.row_benchmark",
    "leadership.row_known",
    "leadership.row_expected",
)


class TableForm(StrEnum):
    """For whom a table is written."""

    PLAIN = "plain"
    """RFC 4180 with a decimal point."""
    EXCEL = "excel"
    """As Excel reads it where the list separator is `;` and the decimal sign `,`."""


def brief_table(brief: Brief, texts: Texts, language: Language, form: TableForm) -> str:
    """Return a brief as the text of a CSV file."""
    comma = "," if form is TableForm.EXCEL else "."
    rows = _Rows(brief, texts, language, comma).all()
    return csv_text([texts.say(key, language) for key in HEAD], rows, form)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[str]], form: TableForm) -> str:
    """Return a table as the text of a CSV file; its cells are written already."""
    out = io.StringIO()
    if form is TableForm.EXCEL:
        out.write(MARK)
    writer = csv.writer(out, delimiter=";" if form is TableForm.EXCEL else ",", lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


class _Rows:
    def __init__(self, brief: Brief, texts: Texts, language: Language, comma: str) -> None:
        self._brief, self._texts, self._language, self._comma = brief, texts, language, comma

    def all(self) -> Iterator[list[str]]:
        for one in self._brief.headlines:
            name = f"{self._say('measure.lost')} ({self._say(f'leadership.{one.span}')})"
            unit = FigureUnit.PUPIL_MINUTES
            plan = self._say("leadership.benchmark_plan")
            yield self._row(name, "", one.lost, unit, "", one.before, one.allowed, plan)
        for card in self._brief.cards:
            yield from self._card(card)
        yield from self._comparison()
        for standing in self._brief.standings:
            title = self._say(f"measure.{standing.name}")
            for aim in standing.aims[1:]:
                if aim.value is not None:
                    whose, unit = self._whose(aim), standing.unit
                    name = standing.name
                    yield self._row(
                        f"{title}: {whose}", "", standing.figure, unit, name, None, aim.value, whose
                    )

    def _comparison(self) -> Iterator[list[str]]:
        one = self._brief.comparison
        title, whose = self._say(f"measure.{one.figure}"), self._whose(one.aim)
        for group in one.groups:
            name = inert_text(group_name(group, one.kind, self._texts, self._language))
            yield self._row(
                title, name, group.figure, one.unit, one.figure, group.before, one.aim.value, whose
            )

    def _whose(self, aim: Aim) -> str:
        return inert_text(benchmark_name(aim, self._texts, self._language))

    def _card(self, card: FigureCard) -> Iterator[list[str]]:
        title = self._say(f"measure.{card.name}")
        plan = self._say("leadership.benchmark_plan")
        yield self._row(title, "", card.figure, card.unit, card.name, None, card.target, plan)
        for name, figure in card.beside.items():
            unit = UNITS_BESIDE.get(name, FigureUnit.SHARE)
            yield self._row(f"{title}: {self._say(f'measure.{name}')}", "", figure, unit, name, None, None)
        one = self._brief.comparison
        if (one.kind, one.scope, one.figure) == (GroupKind.CLUSTER, "", card.name):
            return  # they are what is compared
        for group in card.groups:
            yield self._row(
                title, inert_text(group.name), group.figure, card.unit, card.name, group.before, None
            )

    def _row(
        self,
        title: str,
        group: str,
        figure: BriefFigure,
        unit: FigureUnit,
        name: str,
        before: float | None,
        target: float | None,
        whose: str = "",
    ) -> list[str]:
        values = [
            "" if v is None else written(v, unit, name).plain(self._comma)
            for v in (figure.value, before, target)
        ]
        counts = [f"{n:.0f}" for n in (figure.known, figure.expected)]
        word = self._say(written(0.0, unit, name).unit)
        return [title, group, values[0], word, values[1], values[2], whose if values[2] else "", *counts]

    def _say(self, key: str) -> str:
        return self._texts.say(key, self._language)
