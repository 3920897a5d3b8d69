"""How messy a city is: calm as a demonstration, real as recorded data are, or a bad month."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How far everyday life departs from the timetable."""

    CALM = "calm"
    """Little noise and no day unlike the others: what demonstrations show."""
    REAL = "real"
    """As messy as recorded data: `eduops evaluate city` prints both side by side."""
    STORM = "storm"
    """A bad month: twice the bad days, lines and losses."""


@dataclass(frozen=True, slots=True)
class MessTerms:
    """Sizes of what departs from the timetable. Fitted ones name the data, the others are chosen."""

    # Registers: New York's daily attendance, school year 2013-14 (NYC DOE), unless chosen.
    absence: float = 0.092
    """Median school's usual share of absent pupils."""
    absence_between: float = 0.58
    """Spread of the logarithm of that share between schools."""
    absence_day: float = 0.023
    """Scale of a school's own day (Student's t, 3 degrees of freedom) in the fourth root of absence: there
    New York's tail is the same to both sides and at every usual absence. This scale gives the recorded robust
    deviation, and with it 3 degrees come nearer to the recorded shares of days beyond two to eight deviations
    than 2, 4 or 5 (decision 69). Storm: chosen, 1.6 times it."""
    absence_run: float = 0.10
    """Spread of what lasts for days in one school: an infection, a class away."""
    absence_ward: float = 0.08
    """Spread of the day that a ward shares: weather, transport; chosen."""
    absence_city: float = 0.10
    """Spread of the day that the whole city shares, but for bad days."""
    weekday: tuple[float, ...] = (0.04, -0.03, -0.06, -0.05, 0.06, 0.06, 0.0)
    """By weekday from Monday, in the logarithm of absence; Saturday as Friday."""
    bad_day: float = 0.045
    """Share of days on which the whole city stays away: eves, storms, conference days."""
    bad_day_times: tuple[float, float] = (1.7, 6.0)
    """Absence of such a day in times of the usual."""
    season: tuple[tuple[int, int, float], ...] = (
        (10, 1, 0.0), (11, 20, 0.0), (12, 15, 0.17), (1, 15, 0.19), (2, 15, 0.13), (3, 15, 0.14),
        (4, 15, 0.04), (5, 15, 0.21),
    )  # fmt: skip
    """Month, day, logarithm of the times by which the median school is more absent than in autumn: by month,
    means of 2013-14 and 2014-15. None from October to 20 November: what is usual is of these weeks."""
    eve_times: tuple[float, ...] = (1.26, 1.28, 1.33, 1.35, 1.36, 1.84, 1.92, 1.97, 2.06)
    """Absence of the last day before a recess in times of the weeks around it: of each recess from March 2013
    to June 2015; one is drawn."""
    return_times: tuple[float, ...] = (0.97, 1.03, 1.04, 1.04, 1.09, 1.14, 1.16, 1.22)
    """The same of the first day after one, but for a single day between two recesses."""
    first_days: tuple[float, ...] = (1.65, 1.38, 1.23, 1.19, 1.22)
    """Absence of the first days of a school year in times of autumn's: September 2013, the one recorded."""
    last_days: tuple[float, ...] = (1.98, 1.83, 1.59, 1.47, 1.28)
    """The same of the last days, the last one first, in times of May: medians of three years."""
    absence_year: float = 0.10
    """Spread of the logarithm by which a school's usual absence changes from one school year to the next."""
    unsent: float = 0.02
    """Median school's share of registers that are never submitted."""
    unsent_between: float = 1.3
    """Spread of the logarithm of that share between schools."""
    late: float = 0.15
    """Share of registers that begin late; chosen."""
    late_s: float = 900.0
    """By so much in the mean; chosen."""
    corrected: float = 0.03
    """Share of registers that first count too many as absent and are corrected half way; chosen."""
    overstated: float = 0.2
    """At most by so much; chosen."""

    # Traffic: Abilene, 60 largest flows of one week.
    traffic_day: float = 0.125
    """Spread of the logarithm of a school's day."""
    traffic_ward_day: float = 0.07
    traffic_city_day: float = 0.05
    traffic_slow: float = 0.19
    """Spread of what changes within half an hour."""
    traffic_quick: float = 0.045
    """Scale of what changes from reading to reading (Student's t with 2 degrees of freedom)."""
    traffic_season: float = 0.10
    """Spread of what changes over weeks outside of autumn, as a logarithm; chosen, no data have weeks."""
    traffic_year: float = 0.25
    """Spread of the logarithm by which a school's traffic changes from a school year to the next; chosen."""
    bells_min: tuple[int, ...] = (0, -5, 5, 10)
    """Minutes by which schools ring otherwise than their level's timetable; chosen."""

    # Lines: round trips of two homes in Chicago, one every five minutes for two months (netrics).
    spike: float = 0.0014
    """Share of readings of a round trip that are at least `spike_times` as long as usual."""
    spike_times: float = 2.0
    spike_tail: float = 1.3
    """Pareto's exponent: p99.9 is 3.7 times the median, the greatest of 18,000 is 19 to 46 times it."""
    spike_most: float = 60.0
    round_trip: float = 0.12
    """Spread of the logarithm from reading to reading."""
    lost: float = 0.013
    """Share of packs that never arrive (netrics, South Shore)."""
    delayed: float = 0.005
    """Share of packs that arrive after the following one; chosen."""
    twice: float = 0.005
    """Share of packs that arrive twice; chosen."""
    slow_evening: float = 0.2
    """Share of evenings on which a provider is slow; chosen."""
    slow_times: tuple[float, float] = (1.3, 3.0)
    """Round trips of such an evening in times of the usual; chosen."""
    chronic: float = 0.05
    """Share of lines that are always bad, flap, or whose gateway often says nothing; chosen."""
    flap: float = 0.04
    """Share of a flapping line's five minutes in which it is cut; chosen."""
    quiet_hour: float = 0.08
    """Share of hours in which an unreliable gateway says nothing; chosen."""
    clock_s: float = 2.0
    """Spread of clocks; chosen, as of devices that ask for the time once a day."""
    drift_s_a_day: float = 1.0
    """Spread of what clocks lose or gain a day, of one device in twenty: a quartz of 12 ppm; chosen."""


MESS: Final[Mapping[Severity, MessTerms]] = {
    Severity.REAL: MessTerms(),
    Severity.STORM: replace(
        MessTerms(),
        absence_day=0.037,
        absence_ward=0.16,
        bad_day=0.09,
        unsent=0.04,
        late=0.3,
        traffic_day=0.19,
        traffic_slow=0.28,
        spike=0.0028,
        lost=0.05,
        delayed=0.02,
        twice=0.02,
        slow_evening=0.4,
        chronic=0.1,
    ),
}
"""By severity; a calm city has none."""
