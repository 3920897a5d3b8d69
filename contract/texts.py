"""The one catalogue of texts: every sentence a person meets, in Vietnamese and English.

The words live in `config/texts.toml` (`[key] vi = "" en = ""`); this module reads its text and
writes numbers and times as each language does.
"""

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from contract.errors import ConfigurationError


class Language(StrEnum):
    """Languages of the pages; the first is the default."""

    VI = "vi"
    EN = "en"


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vi: str
    en: str


class _Format(msgspec.Struct, frozen=True):
    decimal: str
    group: str
    date: str
    clock: str


_FORMATS: Final[Mapping[Language, _Format]] = {
    Language.VI: _Format(decimal=",", group=".", date="%d/%m/%Y", clock="%H:%M:%S"),
    Language.EN: _Format(decimal=".", group=",", date="%d %b %Y", clock="%H:%M:%S"),
}
"""Separators and patterns of the locales vi-VN and en-GB. Source: Unicode CLDR 47, numbers and dates."""

_SPANS: Final[tuple[tuple[str, int], ...]] = (
    ("unit.days", 86_400),
    ("unit.hours", 3600),
    ("unit.minutes", 60),
    ("unit.seconds", 1),
)
"""Units of a span in seconds, the longest first; one is taken of which there are two."""
NO_TIME_S: Final = 315_360_000
"""A clock that is off by ten years shows no time at all: milliseconds, or it was never set; chosen."""


class Texts:
    """Texts by key and language."""

    def __init__(self, texts: Mapping[str, _Text]) -> None:
        self._texts = texts

    @property
    def keys(self) -> frozenset[str]:
        """All keys, such as `wall.title`."""
        return frozenset(self._texts)

    def say(self, key: str, language: Language, **values: object) -> str:
        """Return the text of a key with `{name}` places filled.

        Raises:
            ConfigurationError: no text has that key.
        """
        text = self._texts.get(key)
        if text is None:
            raise ConfigurationError(f"texts.toml has no text {key!r}")
        sentence: str = getattr(text, language.value)
        return sentence.format(**values) if values else sentence

    def all_of(self, language: Language) -> dict[str, str]:
        """Return every text of one language by key, places unfilled, as a page's script needs them."""
        return {key: getattr(text, language.value) for key, text in self._texts.items()}


def parse_language(word: str | None) -> Language | None:
    """Return the language that `vi` or `en` names, or None for any other word."""
    return Language(word) if word in (Language.VI.value, Language.EN.value) else None


def write_number(value: float, language: Language, decimals: int = 0) -> str:
    """Return a number as the language writes it: 1760 is `1.760` in Vietnamese, `1,760` in English."""
    form = _FORMATS[language]
    plain = f"{value:,.{decimals}f}"
    return plain.translate({ord(","): form.group, ord("."): form.decimal})


def write_clock_off(off_s: float, say: Callable[..., str], language: Language) -> str:
    """Return by how much a device's clock is wrong: `7 h behind`, `4 min ahead`, or that it shows no time.

    Args:
        off_s: seconds against arrival, below 0 behind.
        say: returns the text of a key in the reader's language, its places filled.
        language: of the reader.
    """
    if abs(off_s) >= NO_TIME_S:
        return say("clock.none")
    key, unit_s = next(one for one in _SPANS if abs(off_s) >= 2 * one[1] or one[1] == 1)
    span = say(key, n=write_number(abs(off_s) / unit_s, language))
    return say("clock.behind" if off_s < 0 else "clock.ahead", span=span)


def write_date(at_us: int, language: Language, zone: ZoneInfo) -> str:
    """Return the local day of a time in µs since 1970, such as `23/11/2026`."""
    return datetime.fromtimestamp(at_us / 1e6, zone).strftime(_FORMATS[language].date)


def write_clock(at_us: int, language: Language, zone: ZoneInfo) -> str:
    """Return the local time of day of a time in µs since 1970, such as `19:32:05`."""
    return datetime.fromtimestamp(at_us / 1e6, zone).strftime(_FORMATS[language].clock)


def parse_texts(text: str) -> Texts:
    """Return the catalogue written in TOML `text`: tables of tables that end in `vi` and `en`.

    Raises:
        ConfigurationError: the text is not TOML, or a key lacks a language or has an empty sentence.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"texts.toml is not TOML: {error}") from error
    found: dict[str, _Text] = {}
    _collect(tables, "", found)
    return Texts(found)


def _collect(tables: Mapping[str, object], prefix: str, found: dict[str, _Text]) -> None:
    for name, table in tables.items():
        key = f"{prefix}{name}"
        if not isinstance(table, dict):
            raise ConfigurationError(f"texts.toml, {key!r}: expected a table with vi and en")
        if any(isinstance(inner, dict) for inner in table.values()):
            _collect(table, f"{key}.", found)
            continue
        try:
            entry = msgspec.convert(table, _Text)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"texts.toml, {key!r}: {error}") from error
        if not (entry.vi.strip() and entry.en.strip()):
            raise ConfigurationError(f"texts.toml, {key!r}: vi and en must both say something")
        found[key] = entry
