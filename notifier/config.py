"""What the notifier is told at its start."""

from dataclasses import dataclass, field
from pathlib import Path

from contract.clock import LogClock
from contract.errors import ConfigurationError
from contract.service.backoff import Backoff
from notifier.ways import PAUSE


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    """Settings of the notifier, checked on creation."""

    dsn: str
    """PostgreSQL connection string."""
    public_url: str
    """Where people find the wall, without a slash at its end, such as `https://wall.example`."""
    inbox: Path
    """Folder of the center's own inbox."""
    private: Path
    """Folder of what channels must keep: tokens that work once."""
    own_config: Path | None = None
    """Folder that may have the operator's routes.toml."""
    workers: int = 4
    """Messages on their way at once, 1 to 64."""
    loopback: bool = False
    """Whether a webhook may be on this machine."""
    pause: Backoff = PAUSE
    """Between two attempts at an address that does not answer."""
    clock: LogClock = field(default_factory=LogClock)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 1 <= self.workers <= 64:
            raise ConfigurationError(f"notify_workers is {self.workers}; it must be 1 to 64")
