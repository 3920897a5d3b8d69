"""What the gateway has done since it started: on its meter, and as one line for the service log."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from contract.rejected import Reason
from contract.service.metrics import Meter
from ingest.acceptance.accept import Accepted

_logger: Final = logging.getLogger(__name__)

STAGE_CPU: Final = "eduops_stage_cpu_seconds_total"


@dataclass(slots=True)
class Counters:
    """Running totals; received = accepted + rejected, and appended follows received."""

    meter: Meter = field(default_factory=Meter)
    """Gets every total as well, for whoever watches this process."""
    messages: int = 0
    """MQTT messages received, redeliveries included."""
    received: int = 0
    """Readings received; a message refused whole counts as one."""
    rejected: Counter[Reason] = field(default_factory=Counter)
    appended: int = 0
    """Readings and refusals that are durable in their logs."""
    acknowledged: int = 0
    """Messages acknowledged to the broker."""
    _noted: dict[tuple[str, ...], float] = field(default_factory=dict)
    """Last value seen of each total that others keep."""

    @property
    def unacknowledged(self) -> int:
        """Messages received and not acknowledged yet."""
        return self.messages - self.acknowledged

    def count(self, messages: int, accepted: Accepted) -> None:
        """Add one accepted batch."""
        self.messages += messages
        self.received += accepted.received
        self.rejected.update(r.reason for r in accepted.rejected)
        self.meter.add("eduops_ingest_messages_total", messages)
        self.meter.observe("eduops_ingest_batch_messages", messages)
        refused = len(accepted.rejected)
        self.meter.add("eduops_ingest_readings_total", accepted.received - refused, "accepted")
        self.meter.add("eduops_ingest_readings_total", refused, "rejected")

    def count_acknowledged(self, messages: int) -> None:
        """Add messages that the broker was told to forget."""
        self.acknowledged += messages
        self.meter.add("eduops_ingest_acknowledged_total", messages)

    def note_total(self, name: str, total: float, *labels: str) -> None:
        """Bring a counter to a total that is kept elsewhere and only rises."""
        key = (name, *labels)
        self.meter.add(name, max(0.0, total - self._noted.get(key, 0.0)), *labels)
        self._noted[key] = total

    def report(self) -> None:
        """Log all totals."""
        reasons = ",".join(f"{reason.value}:{self.rejected[reason]}" for reason in sorted(self.rejected))
        _logger.info(
            "event=ingest_progress messages=%d received=%d rejected=%d appended=%d acknowledged=%d "
            "unacknowledged=%d reasons=%s",
            self.messages,
            self.received,
            self.rejected.total(),
            self.appended,
            self.acknowledged,
            self.unacknowledged,
            reasons or "none",
        )
