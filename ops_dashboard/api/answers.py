"""Errors as people get them: a code, and a sentence they can act on."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.errors import EduopsError, InfrastructureError
from contract.texts import Texts
from ops_dashboard.language import choose_language

_logger: Final = logging.getLogger(__name__)


class Refusal(EduopsError):  # noqa: N818  # it is an answer, not a failure of the program
    """A request that cannot be met; `code` is stable and has a text `error.<code>`."""

    def __init__(self, status: int, code: str, **values: object) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.values = values


def refusal_answer(texts: Texts, request: Request, refusal: Refusal) -> JSONResponse:
    """Return `{"code", "sentence"}` in the language of the request."""
    language = choose_language(request.query_params, request.cookies)
    sentence = texts.say(f"error.{refusal.code}", language, **refusal.values)
    return JSONResponse({"code": refusal.code, "sentence": sentence}, status_code=refusal.status)


def refuse_with(texts: Texts, status: int, code: str) -> ASGIApp:
    """Return an ASGI application that answers every request with one refusal."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        answer = refusal_answer(texts, Request(scope, receive), Refusal(status, code))
        await answer(scope, receive, send)

    return refuse


def install_refusals(app: FastAPI, texts: Texts) -> None:
    """Make every error of `app` a code and a sentence; none shows the inside of the program."""

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return refusal_answer(texts, request, error)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return refusal_answer(texts, request, Refusal(404, "not_found"))
        detail = str(error.detail)
        return refusal_answer(texts, request, Refusal(error.status_code, "bad_request", detail=detail))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refusal_answer(texts, request, Refusal(422, "bad_request", detail=_places(error.errors())))

    async def on_infrastructure(request: Request, error: Exception) -> Response:
        _logger.warning(
            "event=database_unavailable method=%s path=%s: %s", request.method, request.url.path, error
        )
        return refusal_answer(texts, request, Refusal(503, "database_unavailable"))

    async def on_bug(request: Request, error: Exception) -> Response:
        _logger.error(
            "event=request_failed method=%s path=%s", request.method, request.url.path, exc_info=error
        )
        return refusal_answer(texts, request, Refusal(500, "internal"))

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        Refusal: on_refusal,
        HTTPException: on_http,
        RequestValidationError: on_invalid,
        InfrastructureError: on_infrastructure,
        Exception: on_bug,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _places(errors: Any) -> str:
    """Return which fields are wrong, without repeating what was sent."""
    return "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in errors)


def json_answer(value: object, status: int = 200, **headers: str) -> Response:
    """Return any value of the contract as JSON."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
