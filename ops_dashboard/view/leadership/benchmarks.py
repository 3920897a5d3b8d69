"""What figures should be by the city's plan and by others: one of them for a comparison, all side by side."""

from collections.abc import Callable, Iterator
from datetime import date

from contract.figures.definitions import DEFINITIONS, FigureName, FigureValue
from contract.figures.plan import PLAN, CityPlan, misses
from contract.figures.sums import FigureSums
from ops_dashboard.view.leadership.brief import Aim, BriefFigure, Standing


def aim_of(plan: CityPlan, benchmark: str, name: FigureName, whole: FigureSums, day: date) -> Aim:
    """Return what a figure should be by a benchmark; of minutes lost, what its availability leaves.

    Args:
        plan: the city's, with the benchmarks beside it.
        benchmark: key of one of them, or `PLAN`.
        name: the figure.
        whole: sums of all that are compared.
        day: of the step of the plan.
    """
    is_lost = name in (FigureName.LOST, FigureName.LOST_EACH)
    target = plan.targets(benchmark).get(FigureName.AVAILABILITY if is_lost else name)
    names = ("", "")
    if benchmark != PLAN:
        names = plan.benchmarks[benchmark].name_vi, plan.benchmarks[benchmark].name_en
    if target is None:
        return Aim(benchmark, *names, None, "", None)
    value: float | None = target.on(day)
    following = None if is_lost else target.following(day)
    if is_lost:
        minutes = (1 - target.on(day)) * whole.pupil_min
        value = minutes if name is FigureName.LOST else minutes / whole.pupils if whole.pupils else None
    return Aim(benchmark, *names, value, target.source, following)


def standings(plan: CityPlan, value_of: Callable[[FigureName], FigureValue], day: date) -> list[Standing]:
    """Return each figure for which anybody wants something, beside what the plan and each benchmark want."""
    keys = [PLAN, *plan.benchmarks]

    def wanted() -> Iterator[FigureName]:
        for name in FigureName:
            if any(name in plan.targets(key) for key in keys):
                yield name

    found = []
    for name in wanted():
        figure, definition = value_of(name), DEFINITIONS[name]
        aims = [aim_of(plan, key, name, FigureSums(), day) for key in keys]
        is_missed = misses(name, figure, plan.figures.get(name), day)
        shown = BriefFigure(figure.value, figure.known, figure.expected)
        found.append(Standing(name.value, definition.unit, shown, definition.is_better_high, is_missed, aims))
    return found
