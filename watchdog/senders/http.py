"""One HTTP request, and the status of its answer."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from contract.errors import InfrastructureError

_HEADERS: Final = {"User-Agent": "eduops"}
_LAST_PORT: Final = 65_535


async def http_status(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout_s: float,
    trusted: ssl.SSLContext | None = None,
) -> int:
    """Send one request and return the status of the answer.

    Only the address itself is asked: no proxy of the environment, no redirect. Its user and password go
    as Basic authorization (RFC 7617). The whole of it may take `timeout_s`; the head of the answer may
    have 100 kB (the library's limit), its body is not read. Trusted is who `trusted` says, else the system's
    store.

    Raises:
        InfrastructureError: no connection, no trust in it, no answer in time, or none that is HTTP; the
            message does not show the address.
    """
    try:
        address = httpx.URL(url)
        if (address.port or 0) > _LAST_PORT:
            raise httpx.InvalidURL("the port is beyond all ports")
        limits = httpx.Limits(max_keepalive_connections=0)
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(
                verify=trusted or _trust(address), trust_env=False, timeout=None, limits=limits
            ) as client,
            client.stream(method, address, headers={**_HEADERS, **headers}, content=body) as answer,
        ):
            return answer.status_code
    except TimeoutError:
        raise InfrastructureError(f"no answer within {timeout_s:g} s") from None
    except httpx.RemoteProtocolError as error:
        raise InfrastructureError(f"the answer is not HTTP: {error}") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise InfrastructureError("the address is none of the web") from None
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise InfrastructureError(f"no answer: {error or type(error).__name__}") from error


def _trust(address: httpx.URL) -> ssl.SSLContext:
    """Return the system's store, read anew because it may have changed; reading it takes tens of ms."""
    if address.scheme == "https":
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies as well, and trusts nobody
