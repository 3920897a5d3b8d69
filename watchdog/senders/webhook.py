"""A web address as a way out."""

from typing import Final

from contract.errors import InfrastructureError
from watchdog.senders.http import http_status
from watchdog.senders.sender import SendError

WEBHOOK_TIMEOUT_S: Final = 10.0
"""A receiver that takes longer hangs; the next attempt carries the same key."""


class Webhook:
    """POSTs a notice to an address; any answer of 2xx means that it was taken, redirects are not followed."""

    name = "webhook"

    def __init__(self, url: str, timeout_s: float = WEBHOOK_TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s

    async def send(self, body: bytes, key: str) -> None:
        """See `Sender`. The key is the header `Idempotency-Key`.

        Source: draft-ietf-httpapi-idempotency-key-header.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            status = await http_status("POST", self._url, headers, body, self._timeout_s)
        except InfrastructureError as error:
            raise SendError(str(error)) from error
        if not 200 <= status < 300:
            raise SendError(f"it answered {status}")
