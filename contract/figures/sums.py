"""What the store of figures keeps: sums over the schools of a group in a part of a day.

All figures are made of these sums (`contract.figures.definitions`), so that page, report, table and API agree
to the digit, and a span of days is the sum of its rows. docs/figures.md says what each figure means.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple


class DayPart(StrEnum):
    """Of which part of a day a row speaks."""

    MORNING = "morning"
    """The first session of a school day."""
    AFTERNOON = "afternoon"
    """The second one."""
    DAY = "day"
    """The whole day: what is not told by session, such as learning in the evening."""


class GroupKind(StrEnum):
    """What the schools of a group share."""

    CITY = "city"
    CLUSTER = "cluster"
    WARD = "ward"
    LEVEL = "level"
    ISP = "isp"


class FigureSums(NamedTuple):
    """Sums over schools and days; those of sessions are 0 in rows of whole days, and the other way round."""

    schools: float = 0.0
    """Schools that were open. Of several rows the most of any."""
    pupils: float = 0.0
    """Pupils of these schools. Of several rows the most of any."""
    session_schools: float = 0.0
    """Session: schools that were open; of several rows their sum."""
    open_schools: float = 0.0
    """Day: schools that had a session; of several rows their sum."""
    all_schools: float = 0.0
    """Day: schools, open or not; of several rows their sum. None while the day is not over."""
    scheduled_min: float = 0.0
    """Session: school-minutes by the calendar, without approved maintenance."""
    up_min: float = 0.0
    """Session: school-minutes of these in which the school was known to be online."""
    lost_min: float = 0.0
    """Session: school-minutes of these in which it was known to be offline."""
    maintenance_min: float = 0.0
    """Session: school-minutes under an approved maintenance."""
    pupil_min: float = 0.0
    """Session: scheduled minutes, each school's times its pupils."""
    lost_pupil_min: float = 0.0
    """Session: lost minutes, each school's times its pupils."""
    down_schools: float = 0.0
    """Day: schools that lost at least a minute in session."""
    down_pupils: float = 0.0
    """Day: pupils of these schools."""
    unknown_schools: float = 0.0
    """Day: others of which less than half of the scheduled minutes are known."""
    observed_min: float = 0.0
    """Session: school-minutes in which traffic and loss were measured."""
    impaired_min: float = 0.0
    """Session: those of them in which the line lost packets although it carried less than is contracted."""
    submitted: float = 0.0
    """Session: schools whose register came."""
    told_schools: float = 0.0
    """Session: those of them that the next two sums are of, without schools of which they would tell."""
    enrolled: float = 0.0
    """Session: pupils who could attend."""
    present: float = 0.0
    """Session: pupils who did."""
    measured: float = 0.0
    """Day: schools whose traffic was measured in session."""
    adequate: float = 0.0
    """Day: those whose line is adequate (UN/ITU)."""
    good: float = 0.0
    """Day: those whose line is good (DfE)."""
    excellent: float = 0.0
    """Day: those whose line is excellent (FCC)."""
    proven: float = 0.0
    """Day: those that were seen to carry what is adequate."""
    contracted_bps: float = 0.0
    """Day: contracted rate of measured schools, bit/s."""
    peak_bps: float = 0.0
    """Day: greatest traffic of these schools in session, each school's own, bit/s."""
    learning: float = 0.0
    """Day: schools whose platform told how many were active."""
    learning_pupils: float = 0.0
    """Day: pupils of the schools that the next four sums are of, without those of which they would tell."""
    active_min: float = 0.0
    """Day: minutes of active learners."""
    day_users: float = 0.0
    """Day: learners who were active on it (DAU)."""
    week_users: float = 0.0
    """Day: learners who were active in the 7 days that end with it (WAU)."""
    month_users: float = 0.0
    """Day: learners who were active in the 28 days that end with it (MAU)."""
    answering: float = 0.0
    """Day: schools whose platform told how requests went, in session."""
    success: float = 0.0
    """Day: sum of these schools' mean success ratio."""
    response_ms: float = 0.0
    """Day: sum of these schools' mean response time (p95), ms."""
    synced: float = 0.0
    """Day: those of them that never were behind their window of synchronisation."""


COLUMNS: Final = FigureSums._fields
_GREATEST: Final = frozenset({"schools", "pupils"})


class FigureRow(NamedTuple):
    """One group in one part of one day."""

    day: date
    part: DayPart
    kind: GroupKind
    scope: str
    """Code of the cluster that the group is compared within; empty for the whole city."""
    member: str
    """Code of the cluster or ward, value of the level, or name of the provider; empty for the city."""
    through_us: int
    """Up to when the sums know, µs since 1970: the end of a quarter hour, at most the day's."""
    sums: FigureSums
    profile: tuple[float, ...] = ()
    """Pupil-minutes lost by quarter hour of the day, of the city's whole day alone."""


def add_sums(parts: Iterable[FigureSums]) -> FigureSums:
    """Return the sums over several rows of one group; of schools and pupils the most of any row."""
    columns = list(zip(*parts, strict=True))
    if not columns:
        return FigureSums()
    pairs = zip(COLUMNS, columns, strict=True)
    return FigureSums(*(max(c) if name in _GREATEST else sum(c) for name, c in pairs))
