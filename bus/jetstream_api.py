"""Requests to JetStream, asked again until they are answered, with refusals as values of one type."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from nats import errors

from bus.connection import NatsConnection
from contract.errors import InfrastructureError

API: Final = "$JS.API"
ANSWER_S: Final = 2.0
"""An answer later than this was lost with a server; asking again is harmless, as appends carry an id."""
RETRY_S: Final = 0.1
"""Between two attempts while JetStream starts or has no leader."""

UNAVAILABLE: Final = frozenset(
    {10004, 10005, 10007, 10008, 10009, 10039, 10076, 10118, 10119, 10158, 10167, 10194, 10195}
)
"""Errors that pass: JetStream not enabled (yet); in a cluster no leader or quorum at this moment, too
few nodes up for the replicas, a stream or consumer offline with its nodes; the same message still on
its way through the cluster from an earlier try; too many requests at once.

Source: nats-server, server/errors.json.
"""
FULL: Final = frozenset({10002, 10023, 10028, 10047, 10077})
"""Errors of a store without room: resource, storage and memory limits, store failed.

Source: nats-server, server/errors.json.
"""
NO_STREAM: Final = 10059
NO_MESSAGE: Final = 10037
GONE: Final = frozenset({NO_MESSAGE, 10043, 10057})
"""What is to be deleted is not there any more: no message, no such sequence, deletion failed."""
NAME_IN_USE: Final = 10058
NO_CLUSTER: Final = 10074
"""More than one replica was asked of a server that stands alone."""


class RefusedError(InfrastructureError):
    """JetStream answered no."""

    def __init__(self, subject: str, code: int, description: str) -> None:
        super().__init__(f"JetStream refused {subject}: {description} ({code})")
        self.code = code
        """Number of the error in server/errors.json."""
        self.description = description


class JetStreamApi:
    """Asks JetStream over one connection."""

    def __init__(self, connection: NatsConnection, patience_s: float) -> None:
        self.connection = connection
        self.patience_s = patience_s
        """How long a request is repeated before it fails, seconds."""

    async def ask(
        self, verb: str, body: Mapping[str, Any] | None = None, *, patience_s: float | None = None
    ) -> dict[str, Any]:
        """Return the answer to an API request such as `STREAM.INFO.<name>`.

        Args:
            verb: The subject below `$JS.API`.
            body: What is asked, None for nothing.
            patience_s: How long to repeat it, seconds; the connection's without.

        Raises:
            RefusedError: JetStream refuses.
            InfrastructureError: it did not answer within the patience.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        return await self.request(f"{API}.{verb}", payload, patience_s=patience_s)

    async def request(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str] | None = None,
        stream: str | None = None,
        patience_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the answer to a message; the same bytes are sent again until one comes.

        Args:
            subject: Where to send it.
            payload: What to send.
            headers: None for none.
            stream: The stream that should answer; where nobody does, it is asked whether it exists.
            patience_s: How long to repeat it, seconds; the connection's without.

        Raises:
            RefusedError: JetStream refuses, or the stream does not exist.
            InfrastructureError: it did not answer within the patience, or the message is too big.
        """
        loop = asyncio.get_running_loop()
        patience_s = self.patience_s if patience_s is None else patience_s
        deadline = loop.time() + patience_s
        reason = "no connection"
        while (left_s := deadline - loop.time()) > 0:
            if not await self.connection.wait_connected(left_s):
                break
            try:
                return await self._once(subject, payload, headers, min(ANSWER_S, left_s))
            except errors.MaxPayloadError:
                limit = self.connection.client.max_payload
                raise InfrastructureError(
                    f"{subject}: {len(payload)} bytes are more than the server's max_payload {limit}"
                ) from None
            except RefusedError as error:
                if error.code not in UNAVAILABLE:
                    raise
                reason = error.description
            except errors.NoRespondersError:
                reason = "nobody answers there"
                if stream is not None:
                    await self._assert_exists(stream)
            except (errors.Error, OSError) as error:
                reason = str(error) or repr(error)
            await asyncio.sleep(min(RETRY_S, max(0.0, deadline - loop.time())))
        raise InfrastructureError(
            f"JetStream at {self.connection.url} did not answer {subject} within {patience_s:g} s ({reason})"
        )

    async def _assert_exists(self, stream: str) -> None:
        """Raise if the stream does not exist; whatever else is wrong with it may pass.

        Raises:
            RefusedError: it does not exist.
        """
        try:
            await self._once(f"{API}.STREAM.INFO.{stream}", b"", None, ANSWER_S)
        except RefusedError as error:
            if error.code == NO_STREAM:
                raise
        except (errors.Error, OSError):
            return

    async def _once(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None, timeout_s: float
    ) -> dict[str, Any]:
        reply = await self.connection.client.request(
            subject, payload, timeout=timeout_s, headers=None if headers is None else dict(headers)
        )
        answer: dict[str, Any] = json.loads(reply.data)
        if "error" in answer:
            error = answer["error"]
            raise RefusedError(subject, error.get("err_code", error["code"]), error.get("description", ""))
        return answer
