"""One HTTP request to an address that was looked at first, and what the answer means.

The name is resolved once, its address is checked, and that address is the one that is dialled: a name
that means another machine a moment later (DNS rebinding) gains nothing. No redirect is followed and no
proxy of the environment is asked.
Source: OWASP, server-side request forgery prevention cheat sheet; RFC 9110 sections 10.2.3 and 15.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import IPPROTO_TCP, SOCK_STREAM, gaierror
from typing import Final, NamedTuple

import httpx

from contract.routing.delivery import AttemptOutcome
from notifier.senders.outlet import TAKEN, AddressError, ChannelAnswer

ANSWER_S: Final = 10.0
"""A receiver that takes longer hangs: the whole of a request, its name's look-up too."""
ANSWER_BYTES: Final = 65_536
"""So much of an answer is read; an error has some hundred bytes."""
PASSING: Final = frozenset({408, 425, 429})
"""What may be taken later though the request is to blame, besides all from 500 on. Source: RFC 9110 section
15.5, RFC 8470, RFC 6585."""
MOST_RETRY_AFTER_S: Final = 3_600.0
"""Nobody is waited for longer."""
_EMBEDDED: Final = ip_network("64:ff9b::/96")
"""IPv6 addresses that mean an IPv4 one behind a translator. Source: RFC 6052."""
_METADATA: Final = frozenset({IPv6Address("fd00:ec2::254")})
"""Where clouds tell a machine its secrets, beside the link-local 169.254.169.254."""


class WebAnswer(NamedTuple):
    """The answer to a request."""

    status: int
    retry_after_s: float | None
    body: bytes
    """At most `ANSWER_BYTES`."""


class WebError(AddressError):
    """There was no answer; `is_final` where there will never be one."""

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final


async def post(
    url: str, headers: Mapping[str, str], body: bytes, *, loopback: bool, timeout_s: float = ANSWER_S
) -> WebAnswer:
    """Post one request.

    Args:
        url: its user and password go as Basic authorization (RFC 7617).
        headers: beside those of HTTP itself.
        body: of the request.
        loopback: whether this machine itself may be meant.
        timeout_s: for all of it.

    Raises:
        WebError: there was no answer, or the address is none that may be asked; does not show it.
    """
    try:
        address = httpx.URL(url)
        async with asyncio.timeout(timeout_s):
            return await _post(address, headers, body, loopback)
    except TimeoutError:
        raise WebError(f"no answer within {timeout_s:g} s") from None
    except httpx.RemoteProtocolError:
        raise WebError("the answer is not HTTP") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise WebError("the address is none of the web", is_final=True) from None
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise WebError(f"no answer: {_reason(error)}") from None


def judge(answer: WebAnswer) -> ChannelAnswer:
    """Return what an answer means by its status alone."""
    if 200 <= answer.status < 300:
        return TAKEN
    words = f"it answered {answer.status}"
    if answer.status in PASSING or answer.status >= 500:
        return ChannelAnswer(AttemptOutcome.FAILED, words, answer.retry_after_s)
    return ChannelAnswer(AttemptOutcome.REFUSED, words)


def judge_error(error: WebError) -> ChannelAnswer:
    """Return what it means that there was no answer."""
    return ChannelAnswer(AttemptOutcome.REFUSED if error.is_final else AttemptOutcome.FAILED, str(error))


def is_allowed(address: IPv4Address | IPv6Address, *, loopback: bool) -> bool:
    """Return whether an address may be dialled: no link-local one, and this machine only if `loopback`."""
    meant = _meant(address)
    if meant.is_loopback:
        return loopback
    return not (meant.is_link_local or meant.is_unspecified or meant.is_multicast or meant.is_reserved) and (
        meant not in _METADATA
    )


def parse_retry_after(text: str | None, now_s: float) -> float | None:
    """Return a Retry-After header in seconds from `now_s`, Unix time; None without one that can be read."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), MOST_RETRY_AFTER_S)
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait_s), MOST_RETRY_AFTER_S)


async def _post(address: httpx.URL, headers: Mapping[str, str], body: bytes, loopback: bool) -> WebAnswer:
    if address.scheme not in ("http", "https") or not address.host:
        raise httpx.UnsupportedProtocol("not http")
    dialled = await _resolve(address, loopback)
    # The name stays in the header and in the handshake, by which the certificate is checked.
    asked = {"User-Agent": "eduops", "Host": address.netloc.decode(), **headers}
    extensions = {"sni_hostname": address.host}
    limits = httpx.Limits(max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(verify=_trust(address), trust_env=False, timeout=None, limits=limits) as client,
        client.stream(
            "POST",
            address.copy_with(host=str(dialled)),
            headers=asked,
            content=body,
            extensions=extensions,
            follow_redirects=False,
        ) as answer,
    ):
        read = bytearray()
        async for part in answer.aiter_raw():
            read += part
            if len(read) >= ANSWER_BYTES:
                break
        retry_after_s = parse_retry_after(answer.headers.get("retry-after"), time.time())
        return WebAnswer(answer.status_code, retry_after_s, bytes(read[:ANSWER_BYTES]))


async def _resolve(address: httpx.URL, loopback: bool) -> IPv4Address | IPv6Address:
    port = address.port or (443 if address.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
    except (gaierror, UnicodeError):
        raise WebError("its name cannot be resolved") from None
    addresses = [ip_address(str(to[0]).partition("%")[0]) for *_, to in found]
    allowed = [one for one in addresses if is_allowed(one, loopback=loopback)]
    if not allowed:
        raise WebError("its name means an address that is not asked (loopback or link-local)", is_final=True)
    return allowed[0]


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _EMBEDDED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _reason(error: Exception) -> str:
    """Return why, without the address: of what httpx says only the kind is sure not to have it."""
    cause = error.__cause__ or error.__context__
    return type(error).__name__ if cause is None else f"{type(error).__name__}, {type(cause).__name__}"


def _trust(address: httpx.URL) -> ssl.SSLContext:
    """Return the system's store, read anew because it may have changed; reading it takes tens of ms."""
    if address.scheme == "https":
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies as well, and trusts nobody
