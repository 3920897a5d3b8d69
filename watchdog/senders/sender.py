"""What every way out has in common."""

from typing import Final, Protocol

from contract.errors import InfrastructureError
from contract.service.backoff import Backoff

RETRY: Final = Backoff(first_s=1.0, longest_s=60.0)
"""A receiver that is back hears us within a minute; half an hour of its absence costs some 35 attempts."""


class SendError(InfrastructureError):
    """A notice could not be handed over; it is tried again."""


class Sender(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """Name in the log and in the file of what waits, such as `webhook`."""

    async def send(self, body: bytes, key: str) -> None:
        """Hand a notice over.

        Args:
            body: the notice as JSON.
            key: its idempotency key; a receiver that has seen it need not act again.

        Raises:
            SendError: it was not taken.
        """
