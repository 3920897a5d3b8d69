"""The city's plan: what each of leadership's figures shall reach, and by when, from `targets.toml` (pure)."""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from contract.errors import ConfigurationError
from contract.figures.definitions import DEFINITIONS, FigureName, FigureValue

RESPONSE_TIMES: Final = ("detect", "notify", "acknowledge", "resolve")
"""Times of incidents that have a target as well; see `alerting.incidents.response`."""


class PlanStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be reached by a day."""

    by: date
    value: float


class PlanTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a figure shall reach."""

    value: float
    """In the figure's unit: at least, where more is better, else at most."""
    source: str
    """Whose target it is."""
    step: list[PlanStep] = []
    """The way to it, by date: the last one reached so far is the target of the day."""

    def on(self, day: date) -> float:
        """Return what shall be reached by a day."""
        passed = [step.value for step in sorted(self.step, key=lambda s: s.by) if step.by <= day]
        return passed[-1] if passed else self.value


class _PlanFile(msgspec.Struct, frozen=True):
    plan: dict[str, PlanTarget] = {}
    response_s: dict[str, float] = {}


class CityPlan(msgspec.Struct, frozen=True):
    """All targets of the plan."""

    figures: Mapping[FigureName, PlanTarget]
    response_s: Mapping[str, float]
    """Longest median of each of `RESPONSE_TIMES`, seconds."""


def parse_plan(text: str) -> CityPlan:
    """Return the plan written in TOML `text`; a figure may have no target.

    Raises:
        ConfigurationError: the text is not TOML, or names a figure that there is not.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _PlanFile)
        figures = {FigureName(name): target for name, target in file.plan.items()}
    except ValueError as error:
        raise ConfigurationError(f"targets.toml: {error}") from error
    for name in file.response_s:
        if name not in RESPONSE_TIMES:
            known = ", ".join(RESPONSE_TIMES)
            raise ConfigurationError(f"targets.toml: response_s has {name!r}; it may have {known}")
    return CityPlan(figures, file.response_s)


def misses(name: FigureName, figure: FigureValue, target: PlanTarget | None, day: date) -> bool:
    """Return whether a figure is known and short of its target on a day."""
    if figure.value is None or target is None:
        return False
    aim = target.on(day)
    return figure.value < aim if DEFINITIONS[name].is_better_high else figure.value > aim
