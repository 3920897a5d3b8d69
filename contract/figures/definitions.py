"""The figures, each a quotient of two sums with its coverage; docs/figures.md tells the same to people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from contract.figures.sums import FigureSums

WEEK_DAYS: Final = 7


class FigureName(StrEnum):
    """A figure; each has texts `figure.<name>` and a line in docs/figures.md."""

    LOST = "lost"
    LOST_EACH = "lost_each"
    AVAILABILITY = "availability"
    CONTRACT_KEPT = "contract_kept"
    USE = "use"
    ADEQUATE = "adequate"
    GOOD = "good"
    EXCELLENT = "excellent"
    PROVEN = "proven"
    ATTENDANCE = "attendance"
    SUBMITTED = "submitted"
    STICKINESS = "stickiness"
    WEEKLY_REACH = "weekly_reach"
    DOSE = "dose"
    SUCCESS = "success"
    RESPONSE = "response"
    SYNCED = "synced"


class FigureUnit(StrEnum):
    """What a figure counts."""

    SHARE = "share"
    """0 to 1, written in percent."""
    PUPIL_MINUTES = "pupil_minutes"
    MINUTES = "minutes"
    MILLISECONDS = "milliseconds"


class FigureValue(NamedTuple):
    """A figure of a group over a span, with what it rests on."""

    value: float | None
    """In the figure's unit; None where nothing is to be divided by, or its coverage is too low."""
    known: float
    """What it rests on: school-minutes, schools or school-days."""
    expected: float
    """What it would rest on if everything reported; 0 where nothing was expected."""

    @property
    def coverage(self) -> float | None:
        """Share of what was expected, 0 to 1; None where nothing was."""
        return self.known / self.expected if self.expected > 0 else None


@dataclass(frozen=True, slots=True)
class FigureDefinition:
    """How a figure follows from sums."""

    unit: FigureUnit
    is_better_high: bool
    quotient: Callable[[FigureSums], tuple[float, float]]
    """Returns what is divided by what."""
    coverage: Callable[[FigureSums], tuple[float, float]]
    """Returns what is known of what was expected."""


def _minutes(s: FigureSums) -> tuple[float, float]:
    return s.up_min + s.lost_min, s.scheduled_min


def _lines(s: FigureSums) -> tuple[float, float]:
    return s.measured, s.open_schools


def _learning(s: FigureSums) -> tuple[float, float]:
    return s.learning if s.learning_pupils else 0.0, s.all_schools


def _systems(s: FigureSums) -> tuple[float, float]:
    return s.answering, s.open_schools


_SHARE, _MIN = FigureUnit.SHARE, FigureUnit.MINUTES
DEFINITIONS: Final[Mapping[FigureName, FigureDefinition]] = {
    FigureName.LOST: FigureDefinition(
        FigureUnit.PUPIL_MINUTES, False, lambda s: (s.lost_pupil_min, 1.0), _minutes
    ),
    FigureName.LOST_EACH: FigureDefinition(_MIN, False, lambda s: (s.lost_pupil_min, s.pupils), _minutes),
    FigureName.AVAILABILITY: FigureDefinition(
        _SHARE, True, lambda s: (s.up_min, s.up_min + s.lost_min), _minutes
    ),
    FigureName.CONTRACT_KEPT: FigureDefinition(
        _SHARE,
        True,
        lambda s: (s.observed_min - s.impaired_min, s.observed_min),
        lambda s: (s.observed_min, s.scheduled_min),
    ),
    FigureName.USE: FigureDefinition(_SHARE, False, lambda s: (s.peak_bps, s.contracted_bps), _lines),
    FigureName.ADEQUATE: FigureDefinition(_SHARE, True, lambda s: (s.adequate, s.measured), _lines),
    FigureName.GOOD: FigureDefinition(_SHARE, True, lambda s: (s.good, s.measured), _lines),
    FigureName.EXCELLENT: FigureDefinition(_SHARE, True, lambda s: (s.excellent, s.measured), _lines),
    FigureName.PROVEN: FigureDefinition(_SHARE, True, lambda s: (s.proven, s.measured), _lines),
    FigureName.ATTENDANCE: FigureDefinition(
        _SHARE, True, lambda s: (s.present, s.enrolled), lambda s: (s.told_schools, s.session_schools)
    ),
    FigureName.SUBMITTED: FigureDefinition(
        _SHARE, True, lambda s: (s.submitted, s.session_schools), lambda s: (1.0, 1.0)
    ),
    FigureName.STICKINESS: FigureDefinition(_SHARE, True, lambda s: (s.day_users, s.month_users), _learning),
    FigureName.WEEKLY_REACH: FigureDefinition(
        _SHARE, True, lambda s: (s.week_users, s.learning_pupils), _learning
    ),
    FigureName.DOSE: FigureDefinition(
        _MIN, True, lambda s: (WEEK_DAYS * s.active_min, s.week_users), _learning
    ),
    FigureName.SUCCESS: FigureDefinition(_SHARE, True, lambda s: (s.success, s.answering), _systems),
    FigureName.RESPONSE: FigureDefinition(
        FigureUnit.MILLISECONDS, False, lambda s: (s.response_ms, s.answering), _systems
    ),
    FigureName.SYNCED: FigureDefinition(_SHARE, True, lambda s: (s.synced, s.answering), _systems),
}


def figure_of(name: FigureName, sums: FigureSums, coverage_min: float) -> FigureValue:
    """Return a figure; one whose coverage is below `coverage_min`, 0 to 1, has no value."""
    definition = DEFINITIONS[name]
    known, expected = definition.coverage(sums)
    above, below = definition.quotient(sums)
    is_known = below > 0 and expected > 0 and known >= coverage_min * expected
    return FigureValue(above / below if is_known else None, known, expected)
