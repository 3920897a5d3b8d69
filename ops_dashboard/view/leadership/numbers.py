"""How each figure is written: one rounding for page, paper and table, so that they agree to the digit."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from contract.figures.definitions import FigureUnit
from contract.texts import Language, write_number

MILLION: Final = 1_000_000
_FINE: Final = frozenset({"availability", "success"})
"""Shares so near to 1 that their hundredths of a percent count."""


class Written(NamedTuple):
    """A value as it is shown."""

    number: float
    """Rounded, in the unit that is shown."""
    decimals: int
    unit: str
    """Key of the unit's word; see texts `leadership.unit_…`."""

    def words(self, language: Language) -> str:
        """Return the number as the language writes it, without its unit."""
        return write_number(self.number, language, self.decimals)

    def plain(self, comma: str) -> str:
        """Return the number for a table: no groups of digits, `comma` before its decimals."""
        return f"{self.number:.{self.decimals}f}".replace(".", comma)


_UNITS: Final[Mapping[FigureUnit, tuple[float, int, str]]] = {
    FigureUnit.SHARE: (100.0, 1, "leadership.unit_percent"),
    FigureUnit.PUPIL_MINUTES: (1.0, 0, "leadership.unit_pupil_minutes"),
    FigureUnit.MINUTES: (1.0, 1, "leadership.unit_minutes"),
    FigureUnit.MILLISECONDS: (1.0, 0, "leadership.unit_ms"),
}


def written(value: float, unit: FigureUnit, name: str = "") -> Written:
    """Return how a value is written; `name` is that of its figure."""
    factor, decimals, word = _UNITS[unit]
    if unit is FigureUnit.SHARE and name in _FINE:
        decimals = 2
    return Written(round(value * factor, decimals), decimals, word)


def written_large(value: float) -> Written:
    """Return how pupil-minutes are written in a headline: millions where they are as many."""
    if value >= MILLION:
        return Written(round(value / MILLION, 2), 2, "leadership.unit_million")
    return written(value, FigureUnit.PUPIL_MINUTES)
