"""The brief: every figure that leadership sees, each with its coverage, its age and the same span before."""

from collections.abc import Mapping
from datetime import date

import msgspec

from contract.figures.definitions import FigureUnit
from contract.figures.plan import PlanStep
from contract.figures.spans import SpanKind
from contract.incident import Incident


class BriefFigure(msgspec.Struct, frozen=True):
    """A figure as it is shown."""

    value: float | None
    """In the figure's unit; None where it is unknown."""
    known: float
    expected: float
    """`known` of `expected` is its coverage, in school-minutes, schools or school-days."""


class Headline(msgspec.Struct, frozen=True):
    """Pupil-minutes lost over a span that ends now, beside the same span before."""

    span: str
    first: date
    lost: BriefFigure
    before: float | None
    """Of the same span before; None where too little of it is known."""
    allowed: float | None
    """What the target of availability allows; None without a target."""
    each: float | None
    """Minutes a pupil."""
    days_known: int
    """School days of the span of which anything is known."""
    days: int
    """School days of the span."""


class GroupFigure(msgspec.Struct, frozen=True):
    """A figure of one group beside others."""

    member: str
    """Code of the cluster or ward, level or provider."""
    name: str
    figure: BriefFigure
    before: float | None
    pupils: int
    weeks: list[float | None] = []
    """As those of a card, of groups that are compared; empty where they are too many to be drawn."""


class FigureCard(msgspec.Struct, frozen=True):
    """One figure with its target, its weeks and its groups."""

    name: str
    """A `FigureName`, or one of `RESPONSE_TARGETS` for times of incidents."""
    unit: FigureUnit
    figure: BriefFigure
    target: float | None
    is_better_high: bool
    is_missed: bool
    weeks: list[float | None]
    """The last 12, oldest first; the last is the running one."""
    groups: list[GroupFigure]
    """Clusters of the city, worst first; those without a value last."""
    beside: dict[str, BriefFigure]
    """Figures that are shown beside it, by name."""
    through_us: int
    """Up to when it knows, µs since 1970."""


class WayStep(msgspec.Struct, frozen=True):
    """A step of the way from the city to the groups that are compared."""

    name: str
    scope: str


class Aim(msgspec.Struct, frozen=True):
    """What a figure should be by one benchmark."""

    benchmark: str
    """Key of a benchmark of targets.toml, or `contract.figures.plan.PLAN`."""
    name_vi: str
    """Of a benchmark; empty for the plan."""
    name_en: str
    value: float | None
    """In the figure's unit; None where nobody said a number."""
    source: str
    """Whose number it is; empty without one."""
    following: PlanStep | None
    """The step of it that comes next."""


class Standing(msgspec.Struct, frozen=True):
    """A figure beside what the plan and every benchmark want of it."""

    name: str
    """A `FigureName`."""
    unit: FigureUnit
    figure: BriefFigure
    is_better_high: bool
    is_missed: bool
    """Whether it is short of the plan."""
    aims: list[Aim]
    """The plan first, then the benchmarks as targets.toml has them."""


class Comparison(msgspec.Struct, frozen=True):
    """Groups side by side by one figure, worst first."""

    kind: str
    scope: str
    figure: str
    """A `FigureName`."""
    unit: FigureUnit
    is_better_high: bool
    way: list[WayStep]
    whole: BriefFigure
    """Of the city, or the cluster that the groups are in."""
    aim: Aim
    """What it should be by the benchmark that was chosen."""
    groups: list[GroupFigure]


class Question(msgspec.Struct, frozen=True):
    """A cluster that changed much, and what is behind it."""

    member: str
    name: str
    before: float
    """Minutes lost a pupil."""
    now: float
    isp: str
    """The provider whose schools lost most of it; empty where nothing was lost."""
    isp_share: float
    """Its share of what was lost, 0 to 1."""
    down_schools: int
    incident_id: str
    """The greatest incident there in the span; empty without any."""


class Brief(msgspec.Struct, frozen=True):
    """All that leadership sees of a span up to a day."""

    span: str
    """A `SpanKind`."""
    day: date
    first: date
    through_us: int
    """Up to when the figures know, µs since 1970; 0 where there are none yet."""
    coverage_min: float
    """Share of what was expected, 0 to 1, below which a figure is unknown."""
    sums: Mapping[str, float]
    """Sums of the day that its sentence speaks of, by their names in `FigureSums`."""
    attendance: BriefFigure
    """Of the day's last session that has begun."""
    part: str
    """That session, a `DayPart`; empty before the first."""
    missing_registers: int
    open_incidents: int
    headlines: list[Headline]
    cards: list[FigureCard]
    comparison: Comparison
    standings: list[Standing]
    questions: list[Question]
    incidents: list[Incident]
    """Those of the span, the most urgent first, then by what was lost; at most 20."""
    is_school_day: bool
    since: date | None
    """The first day of which anything is known; None while there is none."""
    first_us: int
    """When the first figures of the day, or of the next one with lessons, are there; 0 where it has some."""
    compared_from: Mapping[SpanKind, date]
    """From when on spans have one before to be compared with; without those that have it."""
