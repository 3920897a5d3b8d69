"""The language of a request: `?lang=` first, then the cookie, then Vietnamese."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from contract.texts import Language, Texts, parse_language, parse_texts

COOKIE: Final = "eduops_language"
COOKIE_MAX_AGE_S: Final = 31_536_000
"""One year."""


def choose_language(query: Mapping[str, str], cookies: Mapping[str, str]) -> Language:
    """Return the language that the address asks for, else the remembered one, else Vietnamese."""
    return parse_language(query.get("lang")) or parse_language(cookies.get(COOKIE)) or Language.VI


def shipped_texts() -> Texts:
    """Return the catalogue of texts that comes with the program, `config/texts.toml`."""
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))
