"""Errors as people get them: a code, and a sentence they can act on."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.errors import EduopsError, InfrastructureError
from contract.texts import Language, Texts
from ops_dashboard.language import choose_language

_logger: Final = logging.getLogger(__name__)
NOT_KEPT: Final = {"Cache-Control": "no-store"}
"""Header of answers that no cache may keep. Source: RFC 9111 section 5.2.2.5."""


def as_file(name: str) -> dict[str, str]:
    """Return the headers of an answer that a browser saves under a name, and no cache keeps."""
    return {**NOT_KEPT, "Content-Disposition": f'attachment; filename="{name}"'}


class Refusal(EduopsError):  # noqa: N818  # it is an answer, not a failure of the program
    """A request that cannot be met; `code` is stable and has a text `error.<code>`."""

    def __init__(self, status: int, code: str, **values: object) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.values = values


class AlertmanagerRefusal(Refusal):
    """One of Alertmanager's API: its clients read a sentence by itself."""


def refusal_answer(texts: Texts, request: Request, refusal: Refusal) -> JSONResponse:
    """Return `{"code", "sentence"}` in the language of the request; Alertmanager's get the sentence."""
    language = choose_language(request.query_params, request.cookies)
    sentence = texts.say(f"error.{refusal.code}", language, **refusal.values)
    is_plain = isinstance(refusal, AlertmanagerRefusal)
    said = sentence if is_plain else {"code": refusal.code, "sentence": sentence}
    return JSONResponse(said, status_code=refusal.status, headers=NOT_KEPT)


def refuse_with(texts: Texts, status: int, code: str) -> ASGIApp:
    """Return an ASGI application that answers every request with one refusal."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        answer = refusal_answer(texts, Request(scope, receive), Refusal(status, code))
        await answer(scope, receive, send)

    return refuse


@dataclass(frozen=True)
class _ErrorAnswers:
    """What a request gets that ends in an error, by the error's kind."""

    texts: Texts
    document: Callable[[Request, Language], str]
    refused_page: Callable[[Request, Refusal], Response]

    async def on_refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        if is_for_a_person(request):
            return self.refused_page(request, error)
        return refusal_answer(self.texts, request, error)

    async def on_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            if is_for_a_person(request):
                page = self.document(request, choose_language(request.query_params, request.cookies))
                return HTMLResponse(page, 404, NOT_KEPT)
            return refusal_answer(self.texts, request, Refusal(404, "not_found"))
        refusal = Refusal(error.status_code, "bad_request", detail=str(error.detail))
        answer = refusal_answer(self.texts, request, refusal)
        if error.status_code == 405:
            answer.headers["Allow"] = _allowed(error)
        return answer

    async def on_invalid(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        refusal = Refusal(422, "bad_request", detail=_places(error.errors()))
        return refusal_answer(self.texts, request, refusal)

    async def on_infrastructure(self, request: Request, error: Exception) -> Response:
        _logger.warning(
            "event=database_unavailable method=%s path=%s: %s", request.method, _told_path(request), error
        )
        return refusal_answer(self.texts, request, Refusal(503, "database_unavailable"))

    async def on_bug(self, request: Request, error: Exception) -> Response:
        _logger.error(
            "event=request_failed method=%s path=%s", request.method, _told_path(request), exc_info=error
        )
        return refusal_answer(self.texts, request, Refusal(500, "internal"))


def install_refusals(
    app: FastAPI,
    texts: Texts,
    document: Callable[[Request, Language], str],
    refused_page: Callable[[Request, Refusal], Response],
) -> None:
    """Make every error of `app` a code and a sentence; none shows the inside of the program.

    Args:
        app: gets the handlers.
        texts: all sentences.
        document: makes the page that a person gets who asks for an address without anything.
        refused_page: makes the page that a person gets whose request is refused.
    """
    answers = _ErrorAnswers(texts, document, refused_page)
    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        Refusal: answers.on_refusal,
        HTTPException: answers.on_http,
        RequestValidationError: answers.on_invalid,
        InfrastructureError: answers.on_infrastructure,
        Exception: answers.on_bug,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _told_path(request: Request) -> str:
    """Return a path for the log: the secret of a link is no business of it."""
    path = request.url.path
    return "/enter/…" if path.startswith("/enter/") else path


def is_for_a_person(request: Request) -> bool:
    """Return whether a browser asks that shows the answer to somebody."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _allowed(error: HTTPException) -> str:
    """Return the methods of an address; whoever may GET may ask for the HEAD, and files say nothing."""
    allowed = set((error.headers or {}).get("Allow", "GET").split(", "))
    return ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))


def _places(errors: Any) -> str:
    """Return which fields are wrong, without repeating what was sent but for the names of fields."""
    told = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in errors)
    return told.encode("utf-8", "backslashreplace").decode()  # a name may hold half a character


def json_answer(value: object, status: int = 200) -> Response:
    """Return any value of the contract as JSON; it is of this moment, so nobody keeps it."""
    return Response(msgspec.json.encode(value), status, NOT_KEPT, media_type="application/json")
