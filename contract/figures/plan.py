"""What each of leadership's figures shall reach, from `targets.toml`: the plan, and benchmarks (pure)."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from contract.figures.definitions import DEFINITIONS, FigureName, FigureValue
from contract.figures.targets import FILE
from contract.toml.text import TomlText

RESPONSE_TIMES: Final = ("detect", "notify", "acknowledge", "resolve")
"""Times of incidents that have a target as well; see `alerting.incidents.response`."""


PLAN: Final = "plan"
"""Key of the city's plan among the benchmarks."""
_KEY: Final = re.compile("[a-z][a-z0-9_]{0,19}")
"""Of a benchmark, as it stands in addresses."""


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

    def following(self, day: date) -> PlanStep | None:
        """Return the next step after a day; None after the last."""
        return min((step for step in self.step if step.by > day), key=lambda s: s.by, default=None)


class Benchmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody else says that figures should be: the nation, the United Nations."""

    name_vi: str
    name_en: str
    figure: dict[FigureName, PlanTarget] = {}
    """Those for which there is a number; of the others nobody said one that we know."""


class _PlanFile(msgspec.Struct, frozen=True):
    plan: dict[FigureName, PlanTarget] = {}
    response_s: dict[str, float] = {}
    benchmark: dict[str, Benchmark] = {}


class CityPlan(msgspec.Struct, frozen=True):
    """All targets of the plan, and the benchmarks that may be chosen in its place."""

    figures: Mapping[FigureName, PlanTarget]
    response_s: Mapping[str, float]
    """Longest median of each of `RESPONSE_TIMES`, seconds."""
    benchmarks: Mapping[str, Benchmark] = {}
    """By key, in the order of the file; never `PLAN`."""

    def targets(self, benchmark: str) -> Mapping[FigureName, PlanTarget]:
        """Return the targets of the plan, for `PLAN`, or of a benchmark by its key."""
        return self.figures if benchmark == PLAN else self.benchmarks[benchmark].figure

    def knows(self, benchmark: str) -> bool:
        """Return whether there is such a benchmark; the plan itself is one."""
        return benchmark == PLAN or benchmark in self.benchmarks


def parse_plan(text: str) -> CityPlan:
    """Return the plan and the benchmarks written in TOML `text`; a figure may have no target.

    Raises:
        ConfigurationError: the text is not TOML, or names a figure that there is not; names the line.
    """
    read = TomlText(FILE, text)
    file: _PlanFile = read.read_at((), _PlanFile)
    for name in file.response_s:
        if name not in RESPONSE_TIMES:
            why = f"response_s has {name!r}; it may have {', '.join(RESPONSE_TIMES)}"
            raise read.refused(("response_s", name), why)
    for key in file.benchmark:
        if key == PLAN or not _KEY.fullmatch(key):
            why = f"a key has up to 20 of a-z, 0-9 and _, and is not {PLAN!r}"
            raise read.refused(("benchmark", key), f"a benchmark is called {key!r}; {why}")
    return CityPlan(file.plan, file.response_s, file.benchmark)


def misses(name: FigureName, figure: FigureValue, target: PlanTarget | None, day: date) -> bool:
    """Return whether a figure is known and short of its target on a day."""
    if figure.value is None or target is None:
        return False
    aim = target.on(day)
    return figure.value < aim if DEFINITIONS[name].is_better_high else figure.value > aim
