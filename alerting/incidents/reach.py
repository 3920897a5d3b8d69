"""How many schools an incident reached over time."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from contract.incident import SchoolSpan

MOST_STEPS: Final = 240
"""Steps that are told of an incident: chosen, as many as a chart on a page has room for."""


class ReachStep(NamedTuple):
    """That from a moment on so many schools had an open alert."""

    at_us: int
    schools: int


def reach_over_time(spans: Iterable[SchoolSpan], now_us: int) -> list[ReachStep]:
    """Return how many schools had an open alert, by time; each school counts once.

    Of more than `MOST_STEPS` steps, those within a part of the time are one: with the most of it, so that no
    peak is lost.

    Args:
        spans: of all alerts, in any order.
        now_us: log time; alerts that are open go on at least until then.
    """
    steps: list[ReachStep] = []
    changes: list[tuple[int, int]] = []
    for from_us, until_us in _of_schools(spans):
        changes.append((from_us, 1))
        if until_us is not None and until_us <= now_us:
            changes.append((until_us, -1))
    count = 0
    for at_us, change in sorted(changes):
        count += change
        if steps and steps[-1].at_us == at_us:
            steps.pop()
        steps.append(ReachStep(at_us, count))
    return steps if len(steps) <= MOST_STEPS else _fewer(steps, now_us)


def _of_schools(spans: Iterable[SchoolSpan]) -> Iterable[tuple[int, int | None]]:
    """Yield the stretches of each school, those that meet as one."""
    of_school: dict[int, list[SchoolSpan]] = {}
    for span in spans:
        of_school.setdefault(span.school_id, []).append(span)
    for own in of_school.values():
        own.sort(key=lambda span: span.from_us)
        from_us, until_us = own[0].from_us, own[0].until_us
        for span in own[1:]:
            if until_us is not None and span.from_us > until_us:
                yield from_us, until_us
                from_us, until_us = span.from_us, span.until_us
            elif until_us is not None:
                until_us = None if span.until_us is None else max(until_us, span.until_us)
        yield from_us, until_us


def _fewer(steps: list[ReachStep], now_us: int) -> list[ReachStep]:
    first_us = steps[0].at_us
    width_us = (max(now_us, steps[-1].at_us) - first_us) // (MOST_STEPS - 1) + 1
    found: dict[int, ReachStep] = {}
    for step in steps[:-1]:
        part = (step.at_us - first_us) // width_us
        most = found.get(part, step)
        found[part] = ReachStep(most.at_us, max(most.schools, step.schools))
    return [*found.values(), steps[-1]]
