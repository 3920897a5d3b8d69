"""A sheet: what is known of a place, a system or the data, as tables that page and CSV share (pure)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from config.spreadsheet import inert_text
from contract.naming.plain import plain_name
from contract.texts import Language, Texts, write_number
from ops_dashboard.view.leadership.tables import TableForm, csv_text

MOST_ROWS: Final = 50
"""Rows of a main table that a page shows unless it is asked for all: some screens of a laptop."""


class SheetCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cell, as it is shown and as it is sorted."""

    text: str
    value: float | None = None
    """What it is sorted by and what a CSV file has, in the unit of its column; None for its text."""
    decimals: int = 0
    """Of `value`."""
    href: str = ""
    note: str = ""
    """A second line."""
    at_us: int | None = None
    """Event time of what it says, µs since 1970; the page tells its age."""
    priority: int | None = None
    is_bad: bool = False
    """Whether it is past its target."""


class SheetColumn(msgspec.Struct, frozen=True):
    """One column."""

    name: str
    title: str
    is_number: bool = False


class SheetRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row."""

    cells: list[SheetCell]
    state: str = ""
    """Of its school as it was, one of `contract.live`; empty for what is no school."""
    school: int | None = None
    """Position of its school in the fleet, so that the push tells its state."""


class SheetTable(msgspec.Struct, frozen=True):
    """One table."""

    name: str
    title: str
    about: str
    """What its figures are and how old; may be empty."""
    columns: list[SheetColumn]
    rows: list[SheetRow]
    nothing: str
    """Sentence that stands there instead of no rows."""
    is_main: bool = False
    """Whether its rows are chosen and sorted by the address."""
    count: int = 0
    """Rows that the choice leaves, shown or not."""


class Sheet(msgspec.Struct, frozen=True):
    """Everything of a page."""

    title: str
    about: str
    way: list[SheetCell]
    """From the city to what it is about."""
    at_us: int
    """Log time at which it was made, µs since 1970."""
    schools: list[int]
    """Positions in the fleet of the schools whose states its head counts; empty for none."""
    tables: list[SheetTable]
    verdict: SheetCell | None = None
    """How it is, in a sentence; of one school."""


class SheetChoice(NamedTuple):
    """Which rows of the main table are wanted, and in which order."""

    text: str = ""
    """Words that a row must have, without diacritics."""
    state: str = ""
    """State of its school."""
    sort: str = ""
    """Name of a column, `-` before it for the greatest first; empty for the order as made."""
    everything: bool = False


def chosen(sheet: Sheet, choice: SheetChoice) -> Sheet:
    """Return a sheet with the rows of its main table that are asked for."""
    tables = [_chosen(table, choice) if table.is_main else table for table in sheet.tables]
    return msgspec.structs.replace(sheet, tables=tables)


def _chosen(table: SheetTable, choice: SheetChoice) -> SheetTable:
    words = plain_name(choice.text).split()
    rows = [row for row in table.rows if _has(row, words) and choice.state in ("", row.state)]
    names = [column.name for column in table.columns]
    name = choice.sort.removeprefix("-")
    if name in names:
        place = names.index(name)
        known = [row for row in rows if _key(row.cells[place]) is not None]
        rest = [row for row in rows if _key(row.cells[place]) is None]
        known.sort(key=lambda row: _key(row.cells[place]) or (0.0, ""), reverse=choice.sort != name)
        rows = [*known, *rest]
    shown = rows if choice.everything else rows[:MOST_ROWS]
    return msgspec.structs.replace(table, rows=shown, count=len(rows))


def _has(row: SheetRow, words: Sequence[str]) -> bool:
    if not words:
        return True
    said = plain_name(" ".join(f"{cell.text} {cell.note}" for cell in row.cells))
    return all(word in said for word in words)


def _key(cell: SheetCell) -> tuple[float, str] | None:
    """Return what a cell is sorted by; None for one that is not known."""
    if cell.value is not None:
        return cell.value, ""
    return None if cell.text in ("", UNKNOWN) else (0.0, plain_name(cell.text))


UNKNOWN: Final = "–"


def sheet_csv(table: SheetTable, form: TableForm) -> str:
    """Return a table as the text of a CSV file, its rows as they are."""
    comma = "," if form is TableForm.EXCEL else "."

    def plain(cell: SheetCell) -> str:
        if cell.value is None:
            return inert_text("" if cell.text == UNKNOWN else cell.text)
        return f"{cell.value:.{cell.decimals}f}".replace(".", comma)

    rows = [[plain(cell) for cell in row.cells] for row in table.rows]
    return csv_text([column.title for column in table.columns], rows, form)


class Scribe:
    """Writes cells and tables in one language."""

    def __init__(self, texts: Texts, language: Language) -> None:
        self.texts, self.language = texts, language

    def say(self, key: str, **values: object) -> str:
        """Return a text."""
        return self.texts.say(key, self.language, **values)

    def number(self, value: float | None, decimals: int = 0, note: str = "") -> SheetCell:
        """Return the cell of a number, or of an unknown one."""
        if value is None:
            return SheetCell(UNKNOWN, note=note)
        return SheetCell(write_number(value, self.language, decimals), value, decimals, note=note)

    def share(self, part: float, whole: float, decimals: int = 1) -> SheetCell:
        """Return the cell of a share in percent, with both numbers below."""
        if not whole:
            return SheetCell(UNKNOWN)
        value = 100.0 * part / whole
        note = f"{write_number(part, self.language)}/{write_number(whole, self.language)}"
        return SheetCell(f"{write_number(value, self.language, decimals)} %", value, decimals, note=note)

    def table(
        self,
        name: str,
        columns: Sequence[str],
        rows: list[SheetRow],
        *,
        numbers: Sequence[str] = (),
        is_main: bool = False,
        about: str = "",
        title: str = "",
    ) -> SheetTable:
        """Return a table whose words are the texts `sheet.…`; `numbers` are the columns at the right edge."""
        heads = [SheetColumn(c, self.say(f"sheet.head_{c}"), c in numbers) for c in columns]
        return SheetTable(
            name,
            title or self.say(f"sheet.table_{name}"),
            about,
            heads,
            rows,
            self.say(f"sheet.none_{name}"),
            is_main,
            len(rows),
        )
