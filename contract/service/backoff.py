"""How long to wait before the next attempt (pure)."""

from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 64
"""Any first wait has reached any longest one by then, and a float still holds it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from failure to failure up to a longest one.

    Source: truncated exponential backoff; M. Brooker, "Exponential Backoff and Jitter", AWS 2015.
    """

    first_s: float
    """Wait after the first failure, seconds, above 0."""
    longest_s: float
    """No wait is longer, seconds."""

    def wait_s(self, failures: int, share: float = 1.0) -> float:
        """Return the wait after so many failures in a row, seconds.

        Args:
            failures: At least 1; after a success counting begins anew.
            share: Of the full wait, 0 to 1; who draws it at random does not come back with all others.
        """
        full_s = self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return float(min(full_s, self.longest_s)) * share
