"""Who may call, and what a page may load: hosts, origins and security headers."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from contract.access.address import is_known_host

ASSET_CACHE: Final = "no-cache"
"""Own scripts are asked for again at each load (an ETag answers), so a new build never meets old ones."""
BODY_MAX_BYTES: Final = 65_536
"""Largest request body; a Dash callback of these pages has some hundred bytes."""
CLOSE_POLICY: Final = 1008
"""Close code: the host or origin of a websocket is against the rules. Source: RFC 6455 section 7.4.1."""
STRICT_S: Final = 31_536_000
"""A year, as ASVS 5, 3.4.1 asks for."""
_READING: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that change nothing. Source: RFC 9110 section 9.2.1."""


def same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a browser's request comes from a page of this host.

    A request with neither Origin nor Sec-Fetch-Site comes from a program, not from a page, and carries
    nobody's sign-in.
    Source: OWASP CSRF prevention cheat sheet, verifying origin; W3C Fetch Metadata; RFC 6455 section 10.2.
    """
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def is_drawn_in(headers: Mapping[str, str]) -> bool:
    """Return whether a page of another site draws an address of ours in, as a picture or a script.

    Following a link from there is a navigation, which may be. Reading an address may do something as well:
    each look at `/pair` lets a wall wait.
    Source: W3C Fetch Metadata Request Headers, a resource isolation policy.
    """
    is_of_others = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return is_of_others and headers.get("sec-fetch-mode") != "navigate"


def security_headers(script_hashes: Sequence[str], *, by_tls_alone: bool = False) -> dict[str, str]:
    """Return the headers of every answer.

    Args:
        script_hashes: CSP sources of Dash's inline scripts.
        by_tls_alone: whether browsers shall never again come in clear (RFC 6797): not on this machine, where
            others listen under the same name.

    Source: W3C Content Security Policy level 3; OWASP HTTP headers cheat sheet.
    """
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *script_hashes]),
        # AG Grid and Plotly write their own style elements.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    strict = {"Strict-Transport-Security": f"max-age={STRICT_S}"} if by_tls_alone else {}
    return {
        **strict,
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


class Guard:
    """ASGI middleware: refuses strange hosts, other sites and oversized bodies; answers HEAD like GET."""

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Sequence[str],
        strange_host: ASGIApp,
        foreign_origin: ASGIApp,
        too_large: ASGIApp,
        larger: Mapping[str, int],
    ) -> None:
        """Stand before an application; `larger` has the bytes by the paths that take a larger body."""
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._strange_host = strange_host
        self._foreign_origin = foreign_origin
        self._too_large = too_large
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        chosen = self._choose(scope)
        if scope["type"] == "websocket" and chosen is not self._app:
            chosen = WebSocketClose(CLOSE_POLICY)  # before it is accepted: the server answers 403
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out

        async def send_asset(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Cache-Control"] = ASSET_CACHE
            await send(message)

        await chosen(scope, receive, send_asset if scope["path"].startswith("/assets/") else send)

    def _choose(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        if not is_known_host(headers.get("host"), self._allowed_hosts):
            return self._strange_host
        if scope["type"] == "http" and scope["method"] in _READING:
            return self._foreign_origin if is_drawn_in(headers) else self._app
        if not same_origin(headers):
            return self._foreign_origin
        length = headers.get("content-length", "0")
        most = self._larger.get(scope["path"], BODY_MAX_BYTES)
        # A body without a stated length could be of any size.
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > most:
            return self._too_large
        return self._app
