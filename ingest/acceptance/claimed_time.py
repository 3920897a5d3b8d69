"""What a refused time looks like, so that the refusal names the device's mistake."""

from typing import Final

from contract.rejected import RefusalDetail
from ingest.decoders.senml import RELATIVE_BELOW_S

_YEAR_S: Final = 366 * 86_400.0
_UNITS: Final = (
    (RefusalDetail.MILLISECONDS, 1e3),
    (RefusalDetail.MICROSECONDS, 1e6),
    (RefusalDetail.NANOSECONDS, 1e9),
)
_BEFORE_SENSORS_S: Final = 1e9
"""September 2001: no device of ours measured before; a clock that was never set says 1970 or 2000."""


def looks_like(claimed_s: float, arrived_s: float) -> RefusalDetail | None:
    """Return what a time that was refused probably is; None where nobody can tell.

    Args:
        claimed_s: base time and time of the record added, as sent.
        arrived_s: arrival, seconds since 1970.
    """
    for unit, factor in _UNITS:
        if abs(claimed_s / factor - arrived_s) <= _YEAR_S:
            return unit
    if 0 < claimed_s < RELATIVE_BELOW_S:
        return RefusalDetail.UPTIME
    if RELATIVE_BELOW_S <= claimed_s < _BEFORE_SENSORS_S:
        return RefusalDetail.CLOCK_NEVER_SET
    return None
