"""The door behind the guard: finds out who asks, and lets through what they may."""

import base64
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from contract.access.decision import OPEN, NotAllowed, may
from contract.access.permission import Permission
from contract.errors import InfrastructureError
from contract.texts import Texts
from ops_dashboard.access.asking import asked_by
from ops_dashboard.access.permissions import SOCKET, GuardedRoute
from ops_dashboard.access.record import open_entry
from ops_dashboard.access.recorder import Recorder, is_deed
from ops_dashboard.access.register import Bearer, Register
from ops_dashboard.access.turns import Turns
from ops_dashboard.api.answers import Refusal, is_for_a_person, refusal_answer
from storage.people.credentials import CredentialKind

SESSION_COOKIE: Final = "eduops_session"
CLOSE_ENDED: Final = 4401
"""Close code: the session ended. Of our own range (RFC 6455 section 7.4.2), after HTTP's 401."""
_STATUS: Final = {
    NotAllowed.SIGN_IN: 401,
    NotAllowed.ROLE: 403,
    NotAllowed.AREA: 403,
    NotAllowed.CODE: 403,
}
_WITHOUT_CODE: Final = (Permission.ENTER, Permission.LOAD_PAGE, Permission.OWN_SESSIONS)
"""What people may who are yet to set a second factor up."""


def cookie_name(name: str, *, secure: bool) -> str:
    """Return a cookie's name: where all goes by TLS no other host can have set it.

    Source: RFC 6265bis, section 4.1.3.2.
    """
    return f"__Host-{name}" if secure else name


class Door:
    """ASGI middleware: every request passes one decision; what has no route is told to nobody unknown."""

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[GuardedRoute],
        register: Register,
        recorder: Recorder,
        texts: Texts,
        refused_page: Callable[[Request, Refusal], Response],
        *,
        secure: bool,
    ) -> None:
        self._app = app
        self._routes = routes
        self._register = register
        self._recorder = recorder
        self._texts = texts
        self._refused_page = refused_page
        self._secure = secure
        self._cookie = cookie_name(SESSION_COOKIE, secure=secure)
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as somebody's, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        route = self._route(scope)
        what = (
            Permission.LOAD_PAGE if route is None else route.permission
        )  # None: an address without anything
        try:
            # What everybody may have is had while the tables do not answer as well.
            bearer = None if what in OPEN else await self._bearer(Headers(scope=scope))
        except InfrastructureError:
            await self._refuse(scope, receive, send, Refusal(503, "database_unavailable"))
            return
        denied = may(None if bearer is None else bearer.principal, what)
        if denied is None and bearer is not None and self._secure and bearer.principal.lacks_code:
            denied = None if what in _WITHOUT_CODE else NotAllowed.CODE
        refusal = None if denied is None else Refusal(_STATUS[denied], denied.value)
        with asked_by(bearer):
            if bearer is None or scope["type"] == "websocket":
                await self._for_one(scope, receive, send, refusal, route, bearer)
                return
            async with self._turns.of(bearer.principal.name):
                await self._for_one(scope, receive, send, refusal, route, bearer)

    async def _for_one(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        refusal: Refusal | None,
        route: GuardedRoute | None,
        bearer: Bearer | None,
    ) -> None:
        if route is None or not (is_deed(route) or (bearer is not None and refusal is not None)):
            await self._answer(scope, receive, send, refusal)
        else:
            await self._on_record(scope, receive, send, refusal, route, bearer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal | None) -> None:
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await self._refuse(scope, receive, send, refusal)

    async def _on_record(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        refusal: Refusal | None,
        route: GuardedRoute,
        bearer: Bearer | None,
    ) -> None:
        """Answer a request, and put on record what came of it before the answer is complete.

        So whoever has an answer finds the deed on record, and one after the other in the order they did them.
        """
        status, is_kept = 500, False

        async def keep() -> None:
            nonlocal is_kept
            if is_kept:
                return
            is_kept = True
            address = scope["client"][0] if scope.get("client") else ""
            await self._recorder.add(route, scope["path"], bearer, address, status, entry)

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await keep()
            await send(message)

        with open_entry() as entry:
            if refusal is not None:
                status, entry.result = refusal.status, refusal.code
            try:
                await self._answer(scope, receive, note, refusal)
            finally:
                await keep()

    def _route(self, scope: Scope) -> GuardedRoute | None:
        """Return the route that a request asks for, None where there is none."""
        method = SOCKET if scope["type"] == "websocket" else scope["method"]
        for route in self._routes:
            if route.method == method and route.pattern.match(scope["path"]):
                return route
        return None

    async def _bearer(self, headers: Headers) -> Bearer | None:
        secret, kinds = self._secret(headers)
        found = await self._register.find(secret) if secret else None
        return found if found is not None and found.kind in kinds else None

    def _secret(self, headers: Headers) -> tuple[str, tuple[CredentialKind, ...]]:
        """Return the secret that a request bears, and for what such a one may be."""
        scheme, _, word = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return word.strip(), (CredentialKind.TOKEN,)
        if (
            scheme.lower() == "basic"
        ):  # whoever can send a name and a password only: the token is the password
            return _password(word), (CredentialKind.TOKEN,)
        return _cookie(headers, self._cookie), (CredentialKind.SESSION, CredentialKind.SCREEN)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose(CLOSE_ENDED)(scope, receive, send)  # before it is accepted: a 403
            return
        request = Request(scope, receive)
        answer: Response
        if refusal.status == 401 and is_for_a_person(request):
            asked = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
            to = "/sign-in" if asked == "/" else f"/sign-in?next={asked}"
            answer = RedirectResponse(to, 303, {"Cache-Control": "no-store"})
        elif refusal.code == NotAllowed.CODE and is_for_a_person(request):
            answer = RedirectResponse("/account", 303, {"Cache-Control": "no-store"})
        elif refusal.status == 403 and is_for_a_person(request):
            answer = self._refused_page(request, refusal)
        else:
            answer = refusal_answer(self._texts, request, refusal)
            if refusal.status == 401:
                answer.headers["WWW-Authenticate"] = 'Bearer realm="eduops"'
        await answer(scope, receive, send)


def _password(word: str) -> str:
    try:
        return base64.b64decode(word, validate=True).decode().partition(":")[2]
    except ValueError:  # no base64, no ASCII even, or no text
        return ""


def _cookie(headers: Headers, name: str) -> str:
    # As browsers write them: one of another program on this host that RFC 6265 forbids ends nobody's session.
    return cookie_parser(headers.get("cookie", "")).get(name, "")
