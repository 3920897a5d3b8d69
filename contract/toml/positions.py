"""Where each value of a TOML text stands, which the TOML reader does not tell (pure)."""

import re
import tomllib
from typing import Final

Path = tuple[str | int, ...]
"""The way to a value: names of keys and tables, and places in lists from 0."""

_GAP: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
"""Blanks, line ends and comments."""
_KEY: Final = re.compile(r"""\s*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\w-]+)\s*""")
_TEXT: Final = re.compile(
    r'"{3}(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'{3}(?:[^']|'(?!''))*'{3,5}"
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\]}#\n]*")
"""A number, a date, true or false."""


def value_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, of each key, table and element of a list.

    Args:
        text: what `tomllib` reads without an error; of anything else the answer means nothing.
    """
    return _Walk(text.replace("\r\n", "\n")).found


class _Walk:
    """One way through the text, from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counts: dict[Path, int] = {}
        """How many tables each `[[list]]` has so far."""
        self.found: dict[Path, int] = {}
        table: Path = ()
        self._skip()
        while self._at < len(text):
            if text[self._at] == "[":
                table = self._head()
            else:
                self._pair(table)
            self._skip()

    def _go(self, pattern: re.Pattern[str]) -> str:
        """Return what stands here and go behind it."""
        match = pattern.match(self._text, self._at)
        assert match is not None, f"no TOML at character {self._at}"
        self._line += match[0].count("\n")
        self._at = match.end()
        return match[0]

    def _skip(self) -> None:
        self._go(_GAP)

    def _sees(self, letter: str) -> bool:
        """Go behind a letter if it is the next one, and say whether it was."""
        is_next = self._text.startswith(letter, self._at)
        self._at += len(letter) * is_next
        return is_next

    def _names(self) -> list[str]:
        """Return the names of a key, those that dots divide too."""
        names = []
        while True:
            written = self._go(_KEY).strip()
            # A quoted key is a string as any other.
            names.append(tomllib.loads(f"x = {written}")["x"] if written[0] in "\"'" else written)
            if not self._sees("."):
                return names

    def _note(self, path: Path) -> None:
        self.found.setdefault(path, self._line)

    def _head(self) -> Path:
        self._at += 1
        is_list = self._sees("[")
        path: Path = ()
        *above, last = self._names()
        for name in above:
            path = self._newest((*path, name))
            self._note(path)
        path = (*path, last)
        self._note(path)
        if is_list:
            self._counts[path] = self._counts.get(path, 0) + 1
        path = self._newest(path)
        self._note(path)
        self._at += 1 + is_list
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: Path) -> None:
        path = table
        for name in self._names():
            path = (*path, name)
            self._note(path)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        if self._sees("["):
            self._list(path)
        elif self._sees("{"):
            self._skip()
            while not self._sees("}"):
                self._pair(path)
                self._skip()
                self._sees(",")
                self._skip()
        else:
            self._go(_TEXT if self._text[self._at] in "\"'" else _PLAIN)

    def _list(self, path: Path) -> None:
        place = 0
        self._skip()
        while not self._sees("]"):
            self._note((*path, place))
            self._value((*path, place))
            place += 1
            self._skip()
            self._sees(",")
            self._skip()
