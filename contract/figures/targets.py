"""The city's targets: what each figure shall reach, and the steps of its plan, from `config/targets.toml`."""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from contract.errors import ConfigurationError
from contract.figures.definitions import DEFINITIONS, Figure, FigureName

RESPONSE_TARGETS: Final = ("detect", "notify", "acknowledge", "resolve")
"""Times of incidents that have a target as well; see `alerting.incidents.response`."""


class TargetStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be reached by a day."""

    by: date
    value: float


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a figure shall reach."""

    value: float
    """In the figure's unit: at least, where more is better, else at most."""
    source: str
    """Whose target it is."""
    step: list[TargetStep] = []
    """The way to it, by date: the last one reached so far is the target of the day."""

    def on(self, day: date) -> float:
        """Return what shall be reached by a day."""
        passed = [step.value for step in sorted(self.step, key=lambda s: s.by) if step.by <= day]
        return passed[-1] if passed else self.value


class _TargetsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    figure: dict[str, Target]
    response_s: dict[str, float]


class Targets(msgspec.Struct, frozen=True):
    """All targets."""

    figures: Mapping[FigureName, Target]
    response_s: Mapping[str, float]
    """Longest median of each of `RESPONSE_TARGETS`, seconds."""


def parse_targets(text: str) -> Targets:
    """Return the targets written in TOML `text`.

    Raises:
        ConfigurationError: the text is not TOML, or names a figure that there is not.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _TargetsFile)
        figures = {FigureName(name): target for name, target in file.figure.items()}
    except ValueError as error:
        raise ConfigurationError(f"targets.toml: {error}") from error
    for name in file.response_s:
        if name not in RESPONSE_TARGETS:
            known = ", ".join(RESPONSE_TARGETS)
            raise ConfigurationError(f"targets.toml: response_s has {name!r}; it may have {known}")
    return Targets(figures, file.response_s)


def misses(name: FigureName, figure: Figure, target: Target | None, day: date) -> bool:
    """Return whether a figure is known and short of its target on a day."""
    if figure.value is None or target is None:
        return False
    aim = target.on(day)
    return figure.value < aim if DEFINITIONS[name].is_better_high else figure.value > aim
