"""Who may call, and what a page may load: origin checks and security headers."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASSET_CACHE: Final = "no-cache"
"""Own scripts are asked for again at each load (an ETag answers), so a new build never meets old ones."""
BODY_MAX_BYTES: Final = 65_536
"""Largest request body; a Dash callback of these pages has some hundred bytes."""


def same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a browser's request comes from a page of this host.

    A request without Origin comes from a program, not from a page, and carries nobody's sign-in.
    Source: OWASP CSRF prevention cheat sheet, verifying origin; RFC 6455 section 10.2.
    """
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def security_headers(script_hashes: Sequence[str]) -> dict[str, str]:
    """Return the headers of every answer; `script_hashes` are CSP sources of Dash's inline scripts.

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
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


class Guard:
    """ASGI middleware: adds the headers, refuses cross-site writes and oversized bodies."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], refuse: ASGIApp, too_large: ASGIApp) -> None:
        self._app = app
        self._headers = headers
        self._refuse = refuse
        self._too_large = too_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if path.startswith("/assets/"):
                    headers["Cache-Control"] = ASSET_CACHE
            await send(message)

        await self._choose(scope)(scope, receive, send_guarded)

    def _choose(self, scope: Scope) -> ASGIApp:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return self._app
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not same_origin(headers):
            return self._refuse
        length = headers.get("content-length", "")
        # A body without a stated length could be of any size.
        if not length.isdigit() or int(length) > BODY_MAX_BYTES:
            return self._too_large
        return self._app
