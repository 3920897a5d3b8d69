"""Tables as spreadsheet programs write and read them: encodings, separators, headers, inert cells.

Vietnamese Excel separates by `;`, or by TAB in "Unicode text" (UTF-16), may name the separator in a first
line `sep=;`, and older programs write windows-1258. Whatever is not read is refused by naming the very
thing, at its line. Source: RFC 4180; OWASP, "CSV injection" for the inert cells.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from contract.errors import ConfigurationError

SEPARATORS: Final = (",", ";", "\t")
MAX_CELL: Final = 1000
"""Characters of a cell; a longer one is two cells with the quotation mark between them forgotten."""
MAX_BYTES: Final = 64 << 20
"""Largest file that is read; the nation's fleet has 6 MB."""
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First letters of what a spreadsheet program would compute."""
INERT: Final = "'"
"""Put before such a cell on the way out and taken away on the way in; a spreadsheet shows it as text."""
_INNER: Final = re.compile(r"(?<=[,;\t\r\n])(?=['=+@-])")
"""Where a cell begins for a program whose list separator is another than the file's: Vietnamese Excel parts a
line at `;`, also within a cell."""
_INNER_INERT: Final = re.compile(r"(?<=[,;\t\r\n])'(?=['=+@-])")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NO_TEXT: Final = (
    (b"PK\x03\x04", "a workbook of Excel or LibreOffice"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an older Excel"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"<", "a web page or XML"),
)
"""How files begin that bear the name of a CSV file, and what they are."""
_UNSEEN: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]"
)
"""Control, bidirectional and zero-width characters: a name with one is not what it looks like."""
_OLD_VIETNAMESE: Final = "cp1258"


class BadRow(NamedTuple):
    """One row that cannot be used."""

    line: int
    """Line in the file, 1 for the first."""
    message: str
    """A sentence that names the value and what it should be."""


class BadValueError(Exception):
    """A value of the row in hand; its text becomes the row's message."""


class Row(NamedTuple):
    """One row of a table."""

    line: int
    """Line in the file on which it begins."""
    cells: Mapping[str, str]
    """By column, with single blanks and none around, in Unicode's composed form (NFC); empty where the row is
    short."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows; both may be there."""

    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]
    notes: tuple[str, ...]
    """What had to be guessed, a sentence each."""
    found: frozenset[str] = frozenset()
    """The columns that its header names."""


def decode_table(content: bytes, most_bytes: int = MAX_BYTES) -> tuple[str, str]:
    """Return the text of a file and a sentence on its encoding, empty for UTF-8.

    Args:
        content: the file.
        most_bytes: of a file that is read.

    Raises:
        ConfigurationError: it is too large, or no text.
    """
    if len(content) > most_bytes:
        raise ConfigurationError(f"the file has {len(content):,} bytes; at most {most_bytes:,} are read")
    for start, what in _NO_TEXT:
        if content.startswith(start):
            raise ConfigurationError(f"the file is {what}, no CSV: open it and save it as CSV UTF-8")
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            try:
                text = content[len(bom) :].decode(encoding)
            except UnicodeDecodeError as error:
                where = error.start + len(bom)
                raise ConfigurationError(
                    f"the file says that it is {encoding.upper()}, but its byte {where} is not"
                ) from None
            return text, "" if encoding == "utf-8" else "The file is in UTF-16."
    if content[:2000].count(0) > len(content[:2000]) // 4:
        little = content[1:2] == b"\0"
        return content.decode("utf-16-le" if little else "utf-16-be", "replace"), "The file is in UTF-16."
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = f"byte {error.start} in line {line} is not UTF-8"
    try:
        text = content.decode(_OLD_VIETNAMESE)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{place}; save the file as CSV UTF-8") from None
    return text, f"The file was read as windows-1258, for {place}; look at the names below."


def read_table(
    text: str,
    columns: Sequence[str],
    names: Mapping[str, str],
    needed: Iterable[str] | None = None,
    together: Sequence[str] = (),
) -> Table:
    """Return the rows of a table whose first line names its columns.

    Args:
        text: the file.
        columns: the columns that are read.
        names: other names of columns, in lower case with single blanks.
        needed: columns that must be there; all of them if None.
        together: columns of which all are there, or none.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first, separator = _separator(lines, columns, names)
    if first >= len(lines):
        return Table((), (BadRow(1, "The file is empty."),), ())
    records, bad = _records(lines, first, separator)
    if not records:
        return Table((), bad or (BadRow(first + 1, "The file has no header line."),), ())
    _, header = records[0]
    found = [_column(cell, columns, names) for cell in header]
    wanted = [*(columns if needed is None else needed), *(together if set(together) & set(found) else ())]
    missing = [c for c in wanted if c not in found]
    if missing:
        shown = {",": "commas", ";": "semicolons", "\t": "tabs"}.get(separator, ascii(separator))
        said = f"The header lacks the columns {', '.join(missing)} (columns are separated by {shown} here)."
        return Table((), (BadRow(records[0][0], said),), ())
    if twice := sorted({c for c in found if c and found.count(c) > 1}):
        return Table((), (BadRow(records[0][0], f"The header names {', '.join(twice)} twice."),), ())
    place = {c: found.index(c) for c in columns if c in found}
    rows = []
    for line, cells in records[1:]:
        if any(cell.strip() for cell in cells):
            rows.append(Row(line, {c: _cell(cells, place.get(c)) for c in columns}))
    ignored = [cell.strip() for cell, c in zip(header, found, strict=True) if not c and cell.strip()]
    notes = (f"Columns that are not read: {', '.join(ignored[:10])}.",) if ignored else ()
    return Table(tuple(rows), bad, notes, frozenset(place))


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV text; no cell of it is a formula to a spreadsheet program."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def inert(cell: object) -> object:
    """Return a cell that no spreadsheet program computes, in whole or in part; numbers stay numbers."""
    return inert_text(cell) if isinstance(cell, str) else cell


def inert_text(text: str) -> str:
    """Return a text that no spreadsheet program computes, wherever it parts a line."""
    begun = INERT + text if text.startswith((*FORMULA_STARTS, INERT)) else text
    return _INNER.sub(INERT, begun)


def as_written(cell: str) -> str:
    """Return a cell as it was before `inert`."""
    is_inert = cell.startswith(INERT) and cell[1:].startswith((*FORMULA_STARTS, INERT))
    return _INNER_INERT.sub("", cell[1:] if is_inert else cell)


def words_of(text: str) -> str:
    """Return a word for comparison: composed (NFC), without case, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().replace("_", " ").split())


def _separator(lines: Sequence[str], columns: Sequence[str], names: Mapping[str, str]) -> tuple[int, str]:
    """Return the index of the header line, and what separates its columns."""
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if first == len(lines):
        return first, ","
    named = lines[first].strip().strip('"').lower()
    if named.startswith("sep=") and len(named) == 5:
        return first + 1, named[4]
    if lines[first].strip("\t ").lower() == "sep=":
        return first + 1, "\t"

    def known(separator: str) -> int:
        cells = lines[first].split(separator)
        return sum(_column(cell.strip().strip('"'), columns, names) != "" for cell in cells)

    return first, max(SEPARATORS, key=known)


def _records(
    lines: Sequence[str], first: int, separator: str
) -> tuple[list[tuple[int, list[str]]], tuple[BadRow, ...]]:
    """Return the records with the line on which each begins, and those that are none.

    A record is one line: a quotation mark that is open at the end of its line was forgotten.
    """
    records: list[tuple[int, list[str]]] = []
    bad: list[BadRow] = []
    for number, line in enumerate(lines[first:], first + 1):
        problem = _problem(line)
        if problem:
            bad.append(BadRow(number, problem))
            continue
        if not line.strip():
            continue
        try:
            cells = next(csv.reader([line], delimiter=separator, strict=True))
        except csv.Error:  # also of a cell that is too long for the csv module
            longest = max(map(len, line.split(separator)))
            unclosed = "A quotation mark is opened and not closed in this line."
            bad.append(BadRow(number, _too_long(longest) if longest > MAX_CELL else unclosed))
            continue
        longest = max(map(len, cells))
        if longest > MAX_CELL:
            bad.append(BadRow(number, _too_long(longest)))
            continue
        records.append((number, cells))
    return records, tuple(bad)


def _too_long(characters: int) -> str:
    return f"A cell has {characters:,} characters; at most {MAX_CELL:,} are read."


def _problem(line: str) -> str:
    found = _UNSEEN.search(line)
    return f"An invisible character (U+{ord(found[0]):04X}) stands in this line." if found else ""


def _column(cell: str, columns: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the column that a header cell names, empty if none."""
    words = words_of(cell)
    plain = words.replace(" ", "_")
    return plain if plain in columns else names.get(words, "")


def _cell(cells: Sequence[str], place: int | None) -> str:
    if place is None or place >= len(cells):
        return ""
    return as_written(" ".join(unicodedata.normalize("NFC", cells[place]).split()))
