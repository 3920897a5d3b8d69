"""A chain of hashes over the lines of a table: whoever changes, takes out or adds a line breaks it.

Each line ends with its seal, SHA-256 (FIPS 180-4) of the seal before and of the line without its own. The
last line says how many there are. The last seal stands for all: who has it from another hand knows the table.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

END: Final = "end"
"""First word of the last line."""
MARK: Final = ","
"""Before the seal."""


class Broken(NamedTuple):
    """Where a chain does not hold."""

    line: int
    """From 1."""
    why: str


def sealed(lines: Iterable[str]) -> list[str]:
    """Return lines without line ends, each with its seal, and a last one that counts them."""
    found: list[str] = []
    seal = ""
    for line in lines:
        seal = _seal(seal, line)
        found.append(f"{line}{MARK}{seal}")
    last = f"{END}{MARK}{len(found)}"
    return [*found, f"{last}{MARK}{_seal(seal, last)}"]


def unsealed(lines: Sequence[str]) -> list[str] | Broken:
    """Return the lines without seals and without the last one, or where the chain breaks."""
    found: list[str] = []
    seal = ""
    for number, line in enumerate(lines, 1):
        text, _, said = line.rpartition(MARK)
        seal = _seal(seal, text)
        if said != seal:
            return Broken(number, "its seal is another one: it was changed, or a line before it is missing")
        if text.startswith(f"{END}{MARK}") and number == len(lines):
            return found if text == f"{END}{MARK}{len(found)}" else Broken(number, "it counts other lines")
        found.append(text)
    return Broken(len(lines) + 1, "the last line, which counts them all, is missing")


def last_seal(lines: Sequence[str]) -> str:
    """Return the seal that stands for all lines."""
    return lines[-1].rpartition(MARK)[2]


def _seal(before: str, line: str) -> str:
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()
