"""The language of a request: `?lang=` first, then the cookie, then Vietnamese."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response

from contract.texts import Language, parse_language

COOKIE: Final = "eduops_language"
COOKIE_MAX_AGE_S: Final = 31_536_000
"""One year."""


def choose_language(query: Mapping[str, str], cookies: Mapping[str, str]) -> Language:
    """Return the language that the address asks for, else the remembered one, else Vietnamese."""
    return parse_language(query.get("lang")) or parse_language(cookies.get(COOKIE)) or Language.VI


def remember_language(request: Request, answer: Response) -> None:
    """Keep the language that a request asks for by `?lang=` in its browser."""
    if "lang" in request.query_params:
        language = choose_language(request.query_params, request.cookies)
        answer.set_cookie(COOKIE, language.value, COOKIE_MAX_AGE_S, samesite="lax", httponly=True)
