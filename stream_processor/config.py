"""What the processor is told at its start."""

from dataclasses import dataclass, field

from contract.clock import LogClock
from contract.entry import check_partitions


@dataclass(frozen=True)
class ProcessorConfig:
    """How the processor runs."""

    partitions: int
    """Telemetry logs, 1 to `contract.entry.MAX_PARTITIONS`."""
    dsn: str
    """Connection string of PostgreSQL."""
    clock: LogClock = field(default_factory=LogClock)
    detector: str = "ew"
    """Name in `anomaly.detector.DETECTORS`."""
    snapshot_every_s: float = 15.0
    """Least real seconds between two snapshots of a partition's state, about what a restart replays;
    large states take longer ones, see `partition.snapshot_pause_s`."""
    drop_every_s: float = 20.0
    """Real seconds between two clearings of what a log no longer needs to keep."""
    maintain_every_s: float = 60.0
    worker_id: str = "processor"
    """Name of this process among the owners; stable over restarts, so that it goes on with its own logs."""
    beat_s: float = 1.0
    """Real seconds between two looks at the leases, each a few small statements."""
    lease_s: float = 5.0
    """Length of a lease, real seconds, several beats: the pause of a process that others wait out before
    they take its logs. With a beat and a load it keeps the recovery of a killed process below 10 s."""
    batch_entries: int = 256
    """Most entries folded in one step."""
    batch_readings: int = 50_000
    """Readings after which a step is cut, whatever its entries."""

    def __post_init__(self) -> None:
        check_partitions(self.partitions)
