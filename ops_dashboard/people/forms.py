"""What a page of plain HTML sends, and how its cookies are set."""

from typing import Final
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from ops_dashboard.access.door import SESSION_COOKIE, cookie_name
from ops_dashboard.api.answers import NOT_KEPT, Refusal

MOST_FIELDS: Final = 20
BROWSER_COOKIE: Final = "eduops_browser"
PAIRING_COOKIE: Final = "eduops_pairing"
AWAY_COOKIE: Final = "eduops_away"
BROWSER_S: Final = 180 * 86_400


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, each once.

    Raises:
        Refusal: it is none.
    """
    try:
        text = (await request.body()).decode()
        found = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refusal(422, "bad_request", detail="form") from None
    if any("\x00" in value for values in found.values() for value in values):  # PostgreSQL keeps none
        raise Refusal(422, "bad_request", detail="form")
    return {name: values[0] for name, values in found.items()}


def own_path(wanted: str) -> str:
    """Return an address of ours to go on to: a path, never another host."""
    is_path = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if is_path and "\\" not in wanted and wanted.isprintable() else "/"


def go_on(path: str) -> RedirectResponse:
    """Return the answer to a form that did what it should."""
    return RedirectResponse(path, 303, NOT_KEPT)


def set_session(answer: Response, secret: str, *, secure: bool) -> None:
    """Give a browser its session; it lasts there until the browser ends, and here by its limits."""
    name = cookie_name(SESSION_COOKIE, secure=secure)
    answer.set_cookie(name, secret, max_age=400 * 86_400, secure=secure, httponly=True, samesite="lax")


def end_session(answer: Response, *, secure: bool) -> None:
    """Take a browser's session away."""
    name = cookie_name(SESSION_COOKIE, secure=secure)
    answer.delete_cookie(name, secure=secure, httponly=True, samesite="lax")


def set_browser(answer: Response, secret: str, *, secure: bool) -> None:
    """Let a browser be known again."""
    name = cookie_name(BROWSER_COOKIE, secure=secure)
    answer.set_cookie(name, secret, max_age=BROWSER_S, secure=secure, httponly=True, samesite="lax")


def set_pairing(answer: Response, secret: str, *, secure: bool) -> None:
    """Let a wall be known while it waits."""
    name = cookie_name(PAIRING_COOKIE, secure=secure)
    answer.set_cookie(name, secret, max_age=3600, secure=secure, httponly=True, samesite="lax")


def set_away(answer: Response, secret: str, lasts_s: int, *, secure: bool) -> None:
    """Let a browser be known when it comes back from the city's sign-in; 0 s: it is back."""
    name = cookie_name(AWAY_COOKIE, secure=secure)
    answer.set_cookie(name, secret, max_age=lasts_s, secure=secure, httponly=True, samesite="lax")


def browser_of(request: Request, *, secure: bool) -> str:
    """Return by what a browser is known; empty where it is not."""
    return request.cookies.get(cookie_name(BROWSER_COOKIE, secure=secure), "")
