"""The clock of the log, as arithmetic: real time, shifted and stretched for demonstrations.

Shells read the machine's clock and pass it in; nothing here does. With factor 1 and equal
origins, log time is real time.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from contract.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class LogClock:
    """Maps real time to log time: `origin_us + (real_us - real_origin_us) * factor`."""

    origin_us: int = 0
    """Log time at the real origin, µs since 1970."""
    real_origin_us: int = 0
    """Real time at the origin, µs since 1970."""
    factor: float = 1.0
    """Log seconds per real second, 0.1 to 3600."""

    def log_us(self, real_us: int) -> int:
        """Return the log time at a real time, both in µs since 1970."""
        return self.origin_us + round((real_us - self.real_origin_us) * self.factor)

    def real_us(self, log_us: int) -> int:
        """Return the real time at which the log reads `log_us`."""
        return self.real_origin_us + round((log_us - self.origin_us) / self.factor)


def parse_at(text: str | None, timezone: str, option: str = "--at") -> datetime | None:
    """Return the moment that an option means; without an offset it is local time of the schools.

    Raises:
        ConfigurationError: it is no ISO 8601 date and time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} is {text!r}; write it like 2026-11-24T08:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


def at_us(text: str | None, timezone: str, now_us: int, option: str = "--at") -> int:
    """Return the moment that an option means (`parse_at`), µs since 1970; `now_us` where it is left out."""
    moment = parse_at(text, timezone, option)
    return now_us if moment is None else round(moment.timestamp() * 1e6)
