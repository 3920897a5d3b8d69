"""What one transaction of a log's owner holds: results, counters and the position, together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from contract.alert import OutsideCourse, Transition
from contract.incident import Exercise
from contract.live import AlertChanged, IncidentChanged
from contract.reading import Corrections, Scored
from contract.rejected import Rejected
from contract.routing.notice import Notice
from contract.routing.silence import Silence
from contract.routing.swap import Swap


class Counts(NamedTuple):
    """Readings of a stretch of a log; received = stored + duplicate + corrected + quarantined."""

    received: int = 0
    """As counted by whoever appended them."""
    stored: int = 0
    """Rows that were added."""
    duplicate: int = 0
    quarantined: int = 0
    corrected: int = 0
    """Another value for a (series, time) that is stored: its row says it now."""

    @property
    def accounted(self) -> int:
        """Readings of which it is known what became of them."""
        return self.stored + self.duplicate + self.corrected + self.quarantined

    def plus(self, other: "Counts") -> "Counts":
        """Return the sums of both."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class KpiMinute(NamedTuple):
    """One metric of one partition over one minute of log time, as it stood at the minute's end."""

    minute_us: int
    """Start of the minute, µs since 1970."""
    partition: int
    metric_id: int
    expected: int
    reporting: int
    total: float


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction. `after` is compared and `through` is set: two owners cannot both commit."""

    log: str
    """Name of the log, such as `telemetry-0`."""
    after: int
    """Position before: the seq of the last entry already committed, 0 for none."""
    through: int
    """Position after: the seq of the last entry in here."""
    log_time_us: int
    """Log time of the last entry in here."""
    counts: Counts = field(default_factory=Counts)
    rows: Scored = field(default_factory=Scored.empty)
    transitions: tuple[Transition, ...] = ()
    kpis: tuple[KpiMinute, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    """Only in the quarantine log."""
    alerts: tuple[AlertChanged, ...] = ()
    """Only in the alerts log."""
    snapshot: bytes | None = None
    """The owner's state at `through`, if this commit carries one."""
    corrections: Corrections = field(default_factory=Corrections.empty)
    """Applied in order, after the rows were added."""
    incidents: tuple[IncidentChanged, ...] = ()
    """Only in the alerts log."""
    exercises: tuple[Exercise, ...] = ()
    """Only in the alerts log: those that are new."""
    notices: tuple[Notice, ...] = ()
    """Only in the alerts log: what is to be sent."""
    notice_states: Mapping[str, bytes | None] = field(default_factory=dict)
    """Only in the alerts log: parts of the state of the fold of notices, by key; None for what is gone."""
    silences: tuple[Silence, ...] = ()
    """Those that changed, in order, as they stand after it; only in the alerts log."""
    swaps: tuple[Swap, ...] = ()
    """Those that changed, in order, as they stand after it; only in the alerts log."""
    outside: tuple[OutsideCourse, ...] = ()
    """Only in the alerts log: those that changed, in order."""


class Position(NamedTuple):
    """Where a log's owner stands."""

    seq: int
    """The last committed entry, 0 for none."""
    log_time_us: int
    snapshot_seq: int
    """The entry after which the snapshot was taken, 0 for none; at most `seq`."""
    snapshot: bytes | None
    counts: Counts
