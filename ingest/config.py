"""What ingest is told at its start."""

import hmac
from dataclasses import dataclass
from typing import Final

from bus.broker_trust import BrokerTrust
from bus.mqtt_client import Address
from contract.clock import LogClock
from contract.entry import check_partitions, telemetry_log
from contract.errors import ConfigurationError
from contract.topic import MAX_BATCH_MESSAGES, PAYLOAD_LIMITS
from ingest.acceptance.validation import AcceptanceLimits
from ingest.slices import Slicing

KEY_DIGITS: Final = 24
"""96 bits, more than any guess; 16 letters of the name and these stay far below what brokers take."""


def keyed_client_id(name: str, password: str | None) -> str:
    """Return a client id that only who knows the password of the services can tell.

    Whoever connects with the id of a session takes it over, or ends it with all that it keeps. A
    keyed hash, so that each start and each machine finds the same (RFC 2104).
    """
    if password is None:
        return name
    return f"{name}-{hmac.new(password.encode(), name.encode(), 'sha256').hexdigest()[:KEY_DIGITS]}"


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Settings of the ingest service."""

    mqtt_host: str
    mqtt_port: int
    mqtt_others: tuple[Address, ...] = ()
    """Further nodes of the broker."""
    slicing: Slicing = Slicing.MAPPED
    """How the broker divides the schools, where `slice_count` is above 1."""
    strays: bool = False
    """Hear also what is published outside `edu/v1`, so that it is refused with a reason; where one ingest
    hears everything, and as a user of the broker who may not hear our own services."""
    mqtt_user: str | None = None
    mqtt_password: str | None = None
    mqtt_trust: BrokerTrust | None = None
    """Whose certificate counts as the broker's; None speaks in clear."""
    client_id: str = "eduops-ingest"
    """The broker keeps unacknowledged messages under this name; one gateway at a time may use it.

    `keyed_client_id` makes it one that no device can guess."""
    former_client_id: str | None = None
    """A name whose sessions, if the broker has any, are drained and ended; None for none."""
    partitions: int = 4
    """Telemetry logs; as many as the processor reads."""
    slice_index: int = 0
    """Which of the ingests this one is, from 0."""
    slice_count: int = 1
    """Ingests that share the schools; divides `partitions`, so that each has whole ones."""
    clock: LogClock = LogClock()  # noqa: RUF009 - frozen, so it may be shared
    max_age_h: float = 48.0
    """Readings older than this are quarantined, above 0."""
    max_future_s: float = 300.0
    """Readings further ahead of the log clock than this are quarantined, at least 0."""
    max_payload_bytes: int = 1 << 20
    """Larger messages are quarantined unread; within `PAYLOAD_LIMITS`."""
    batch_ms: float = 50.0
    """How long a batch may wait for more messages; part of the latency of every reading, 0 to 1,000."""
    max_batch_messages: int = 500
    """Messages in a batch, 1 to `MAX_BATCH_MESSAGES`."""

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, float, float, float], ...] = (
            ("slice_count", self.slice_count, 1, self.partitions),
            ("slice_index", self.slice_index, 0, self.slice_count - 1),
            ("max_age_h", self.max_age_h, 1 / 3600, 24 * 366 * 40),
            ("max_future_s", self.max_future_s, 0, 86_400),
            ("max_payload_bytes", self.max_payload_bytes, *PAYLOAD_LIMITS),
            ("batch_ms", self.batch_ms, 0, 1000),
            ("max_batch_messages", self.max_batch_messages, 1, MAX_BATCH_MESSAGES),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise ConfigurationError(
                    f"ingest.{name} is {value:.15g}; it must be within {low:.15g} to {high:.15g}"
                )
        check_partitions(self.partitions, self.slice_count)

    @property
    def own_logs(self) -> list[str]:
        """Telemetry logs of this ingest's slice: the ones that it ticks."""
        return [telemetry_log(p) for p in range(self.slice_index, self.partitions, self.slice_count)]

    @property
    def limits(self) -> AcceptanceLimits:
        """The bounds as the pure part takes them."""
        return AcceptanceLimits(
            max_payload_bytes=self.max_payload_bytes,
            max_future_us=round(self.max_future_s * 1e6),
            max_age_us=round(self.max_age_h * 3600e6),
        )
