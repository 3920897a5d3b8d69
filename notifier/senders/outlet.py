"""What every channel has in common."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from alerting.messages.webhook import WebhookBody
from alerting.messages.wording import MessageForm, NoticeText
from contract.errors import EduopsError
from contract.routing.delivery import AttemptOutcome
from contract.routing.report import ReportFile


class AddressError(EduopsError):
    """An address cannot be meant; the message does not show it."""


class ChannelAnswer(NamedTuple):
    """What a channel made of a letter."""

    outcome: AttemptOutcome
    words: str
    """What it said, for people; no part of its address."""
    retry_after_s: float | None = None
    """When it wants to be asked again, seconds from now; None where it did not say."""


TAKEN = ChannelAnswer(AttemptOutcome.SENT, "")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to one contact through one channel."""

    key: str
    """Idempotency key: the same on every attempt."""
    to: str
    """The contact."""
    text: NoticeText
    body: WebhookBody
    """The same for programs."""
    incident_id: str = ""
    """Empty where it is about none, or several."""
    priority: int = 0
    """0 of one that only tries the channel out."""
    at_us: int = 0
    """Log time at which it was decided, µs since 1970."""
    files: tuple[ReportFile, ...] = ()
    """What goes with it where the channel is mail; elsewhere the text must do."""


class Outlet(Protocol):
    """One address."""

    @property
    def form(self) -> MessageForm:
        """How much room it has."""

    async def send(self, letter: Letter) -> ChannelAnswer:
        """Hand a letter over; returns within a bound of its own, and raises nothing for what goes wrong."""
