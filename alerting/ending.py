"""What is wanted for a while and may be ended early: silences, and swaps of duty."""

from typing import Protocol, TypeVar

from msgspec.structs import replace


class Lasting(Protocol):
    """Something with an end that somebody may bring forward."""

    @property
    def created_at_us(self) -> int:
        """When it was made, µs since 1970."""

    @property
    def end_us(self) -> int:
        """When it is over, µs since 1970."""


Kind = TypeVar("Kind", bound=Lasting)


def ended(one: Kind | None, at_us: int, actor: str) -> Kind | None:
    """Return a thing that ends at a moment; None if there is none, or none yet, or it was over by then."""
    if one is None or not one.created_at_us <= at_us < one.end_us:
        return None
    return replace(one, ended_at_us=at_us, ended_by=actor)  # type: ignore[type-var]
