"""The brief as a table, a figure a row, with the digits of the page.

Two ways of writing it: `,` between fields and a decimal point, as programs read; `;` and a decimal comma
behind a byte order mark, as Excel reads in Vietnamese.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from contract.figures.definitions import FigureUnit
from contract.texts import Language, Texts
from ops_dashboard.view.leadership.brief import Brief, BriefFigure, FigureCard
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
    "leadership.row_known",
    "leadership.row_expected",
)
_DANGEROUS: Final = tuple("=+-@\t\r")
"""A text that begins so is a formula to a spreadsheet program. Source: OWASP, CSV Injection."""


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


def safe(text: str) -> str:
    """Return a text that no spreadsheet program computes."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


class _Rows:
    def __init__(self, brief: Brief, texts: Texts, language: Language, comma: str) -> None:
        self._brief, self._texts, self._language, self._comma = brief, texts, language, comma

    def all(self) -> Iterator[list[str]]:
        for one in self._brief.headlines:
            name = f"{self._say('measure.lost')} ({self._say(f'leadership.{one.span}')})"
            unit = FigureUnit.PUPIL_MINUTES
            yield self._row(name, "", one.lost, unit, "", one.before, one.allowed)
        for card in self._brief.cards:
            yield from self._card(card)
        for group in self._brief.comparison.groups:
            name = self._say("measure.lost_each")
            yield self._row(name, safe(group.name), group.figure, FigureUnit.MINUTES, "", group.before, None)

    def _card(self, card: FigureCard) -> Iterator[list[str]]:
        title = self._say(f"measure.{card.name}")
        yield self._row(title, "", card.figure, card.unit, card.name, None, card.target)
        for name, figure in card.beside.items():
            unit = UNITS_BESIDE.get(name, FigureUnit.SHARE)
            yield self._row(f"{title}: {self._say(f'measure.{name}')}", "", figure, unit, name, None, None)
        for group in card.groups:
            yield self._row(title, safe(group.name), group.figure, card.unit, card.name, group.before, None)

    def _row(
        self,
        title: str,
        group: str,
        figure: BriefFigure,
        unit: FigureUnit,
        name: str,
        before: float | None,
        target: float | None,
    ) -> list[str]:
        values = [
            "" if v is None else written(v, unit, name).plain(self._comma)
            for v in (figure.value, before, target)
        ]
        counts = [f"{n:.0f}" for n in (figure.known, figure.expected)]
        word = self._say(written(0.0, unit, name).unit)
        return [title, group, values[0], word, values[1], values[2], *counts]

    def _say(self, key: str) -> str:
        return self._texts.say(key, self._language)
