"""Points on a service's way that a fault test may break at: one call each, nothing else."""

from collections.abc import Callable

Reach = Callable[[str], None]
"""Called with the name of each point as it is reached; it may raise, kill the process or never return."""


def pass_by(_point: str) -> None:
    """Reach a point and go on."""
