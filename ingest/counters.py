"""What the gateway has done since it started, as one line for the service log."""

from collections import Counter
from dataclasses import dataclass, field

from contract.rejected import Reason
from ingest.accept import Accepted


@dataclass(slots=True)
class Counters:
    """Running totals; received = accepted + rejected, and appended follows received."""

    messages: int = 0
    """MQTT messages received, redeliveries included."""
    received: int = 0
    """Readings received; a message refused whole counts as one."""
    rejected: Counter[Reason] = field(default_factory=Counter)
    appended: int = 0
    """Readings and refusals that are durable in their logs."""
    acknowledged: int = 0
    """Messages acknowledged to the broker."""

    @property
    def unacknowledged(self) -> int:
        """Messages received and not acknowledged yet."""
        return self.messages - self.acknowledged

    def count(self, messages: int, accepted: Accepted) -> None:
        """Add one accepted batch."""
        self.messages += messages
        self.received += accepted.received
        self.rejected.update(r.reason for r in accepted.rejected)

    def line(self) -> str:
        """Return all totals as `key=value` words."""
        words = {
            "messages": self.messages,
            "received": self.received,
            "rejected": self.rejected.total(),
            "appended": self.appended,
            "acknowledged": self.acknowledged,
            "unacknowledged": self.unacknowledged,
        }
        words |= {f"rejected_{reason.value}": self.rejected[reason] for reason in sorted(self.rejected)}
        return " ".join(f"{key}={value}" for key, value in words.items())
