"""What a refused time looks like, so that the refusal names the device's mistake."""

from typing import Final

from ingest.decoders.senml import RELATIVE_BELOW_S

_YEAR_S: Final = 366 * 86_400.0
_UNITS: Final = (("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9))
_BEFORE_SENSORS_S: Final = 1e9
"""September 2001: no device of ours measured before; a clock that was never set says 1970 or 2000."""


def looks_like(claimed_s: float, arrived_s: float) -> str | None:
    """Return what a time that was refused probably is, and what it should be; None where nobody can tell.

    Args:
        claimed_s: base time and time of the record added, as sent.
        arrived_s: arrival, seconds since 1970.
    """
    for unit, factor in _UNITS:
        if abs(claimed_s / factor - arrived_s) <= _YEAR_S:
            return f"this looks like {unit} since 1970 and should be seconds"
    if 0 < claimed_s < RELATIVE_BELOW_S:
        return (
            "this looks like the device's uptime: a time below 2^28 is added to the arrival "
            "(RFC 8428 section 4.5.3); send seconds since 1970, or no time at all"
        )
    if RELATIVE_BELOW_S <= claimed_s < _BEFORE_SENSORS_S:
        return "this looks like an uptime in milliseconds or a clock never set; send seconds since 1970"
    return None
