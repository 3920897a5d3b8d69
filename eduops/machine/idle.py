"""What a start says of the time since the log's last entry: a folder that lay idle, a clock set back."""

from typing import Final

from contract.entry import telemetry_log
from eduops.connections import database_url
from eduops.settings import Settings
from storage.database import connect
from storage.wall import ledger

AHEAD_S: Final = 10.0
"""NTP steps less than this between two starts; the doctor's bound for a running system too."""
IDLE_S: Final = 3600.0
"""A restart, an update or a move takes less, and needs no word."""


async def since_last_entry(settings: Settings, real_us: int) -> str | None:
    """Return what a person should know of the time since the last committed entry; None for nothing."""
    async with await connect(database_url(settings)) as connection:
        positions = await ledger(connection)
    names = [telemetry_log(p) for p in range(settings.partitions)]
    times_us = [positions[n].log_time_us for n in names if n in positions and positions[n].seq > 0]
    if not times_us:
        return None
    return describe_gap(
        (settings.clock.log_us(real_us) - max(times_us)) / 1e6, settings.clock_factor, settings.max_age_h
    )


def describe_gap(gap_s: float, factor: float, max_age_h: float) -> str | None:
    """Return the sentence for a gap.

    Args:
        gap_s: Log time from the last committed entry to now, s; below 0 where the log is ahead.
        factor: Log seconds per real second.
        max_age_h: Age above which ingest refuses readings, hours.
    """
    if gap_s < -AHEAD_S * max(1.0, factor):
        return (
            f"the log's last entry is {_length(-gap_s)} ahead of this machine's clock: was it set back? "
            "Log time stands still until the clock has caught up; set the clock right (NTP)"
        )
    if gap_s > IDLE_S * max(1.0, factor):
        return (
            f"nothing was recorded for {_length(gap_s)}: the charts have a gap there and one alert about the "
            "center tells it, no school is called silent for it; what devices kept meanwhile is stored up to "
            f"{max_age_h:g} h old and quarantined beyond"
        )
    return None


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n]
    return " ".join(parts[:2]) or f"{seconds:.0f} s"
