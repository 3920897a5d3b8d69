"""What the figures should be, from `targets.toml` (pure)."""

import tomllib
from enum import StrEnum
from typing import Final

import msgspec

from contract.errors import ConfigurationError


class Figure(StrEnum):
    """The figures that have a target; each has texts `kpi.…` in texts.toml."""

    CONNECTED = "connected"
    """Share of schools that are known to be online, 0 to 1."""
    ATTENDANCE = "attendance"
    """Pupils present over enrolled, 0 to 1."""
    ELEARNING = "elearning"
    """Learners active now."""
    AFFECTED = "affected"
    """Pupils of schools with an open alert of priority 1 or 2, as a share of all pupils, 0 to 1."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one figure should be; past it the figure is of priority 2, past `urgent` of priority 1."""

    figure: Figure
    reason_vi: str
    """Why just so, for whoever looks at the figure."""
    reason_en: str
    urgent: float
    at_least: float | None = None
    """One of the two is given."""
    at_most: float | None = None
    of_usual: bool = False
    """The bounds are shares of the least that is usual at this hour of this day of the week."""

    def priority(self, value: float, usual_least: float | None = None) -> int | None:
        """Return 1 or 2 where a value is past its target, None where it is not or nothing is usual yet."""
        if self.of_usual:
            if not usual_least:
                return None
            value /= usual_least
        if self.at_least is not None:
            return 1 if value < self.urgent else 2 if value < self.at_least else None
        assert self.at_most is not None
        return 1 if value > self.urgent else 2 if value > self.at_most else None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: list[Target]
    # The city's plan and benchmarks stand in the same file: `contract.figures.plan`.
    plan: dict[str, object] = {}
    response_s: dict[str, object] = {}
    benchmark: dict[str, object] = {}


Targets = dict[Figure, Target]
FILE: Final = "targets.toml"


def parse_targets(text: str) -> Targets:
    """Return the targets written in TOML `text`; a figure may have none.

    Raises:
        ConfigurationError: the text is not TOML, or a target is wrong or given twice; names its figure.
    """
    try:
        targets = msgspec.convert(tomllib.loads(text), _File).target
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{FILE}: {error}") from error
    found: Targets = {}
    for target in targets:
        if (why := _complaint(target)) is not None or target.figure in found:
            raise ConfigurationError(f"{FILE}: target of {target.figure.value!r} {why or 'is given twice'}")
        found[target.figure] = target
    return found


def _complaint(target: Target) -> str | None:
    if (target.at_least is None) == (target.at_most is None):
        return "needs one of at_least and at_most"
    if target.at_least is not None and not 0.0 <= target.urgent <= target.at_least:
        return f"has urgent = {target.urgent}; it must be from 0 to at_least = {target.at_least}"
    if target.at_most is not None and not 0.0 <= target.at_most <= target.urgent:
        return f"has urgent = {target.urgent}; it must be at least at_most = {target.at_most}"
    if not target.reason_vi.strip() or not target.reason_en.strip():
        return "needs its reason in both languages"
    return None
