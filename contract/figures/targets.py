"""What the figures should be, from `targets.toml` (pure)."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from contract.toml.text import TomlText


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
        ConfigurationError: the text is not TOML, or a target is wrong or given twice; names its figure
            and line.
    """
    read = TomlText(FILE, text)
    found: Targets = {}
    for nth, target in enumerate(read.read_at((), _File).target):
        told = f"target of {target.figure.value!r}"
        for field, why in _complaints(target, found):
            raise read.refused(("target", nth, field), f"{told} {why}")
        found[target.figure] = target
    return found


def _complaints(target: Target, before: Targets) -> Iterator[tuple[str, str]]:
    """Yield the fields that are wrong, and why."""
    least, most, urgent = target.at_least, target.at_most, target.urgent
    if target.figure in before:
        yield "figure", "is given twice; write one"
    if (least is None) == (most is None):
        yield "at_most", "needs one of at_least and at_most"
    elif least is not None and not 0.0 <= urgent <= least:
        yield "urgent", f"has urgent = {urgent}; it must be from 0 to at_least = {least}"
    elif most is not None and not 0.0 <= most <= urgent:
        yield "urgent", f"has urgent = {urgent}; it must be at least at_most = {most}"
    for field in ("reason_vi", "reason_en"):
        if not getattr(target, field).strip():
            yield field, f"needs its reason in both languages; `{field}` is empty"
