"""What a provider's lines did in a month, school by school, so that each row can be computed again.

All of it follows from the rollups by quarter hour, the school calendar, the contract and announced
maintenance; docs/figures.md says what each column means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.figures.lines import QUARTER_MIN, QuarterGrid, impaired_quarters, online_quarters
from contract.figures.school_day import SESSION_PARTS, SchoolDay
from contract.fleet import School


class EvidenceRow(NamedTuple):
    """One school's line over the days of a month on which it was the provider's."""

    school: str
    """Code."""
    name: str
    ward: str
    """Code."""
    days: int
    """School days that are counted."""
    contracted_mbps: float
    """Download rate by contract on the last of these days."""
    median_mbps: float | None
    """Of the mean traffic of each quarter hour in session; None without any."""
    p5_mbps: float | None
    """Of twenty such quarter hours one was below."""
    peak_mbps: float
    """Greatest traffic in session."""
    scheduled_min: float
    """Minutes in session, without announced maintenance."""
    maintenance_min: float
    """Minutes in session under announced maintenance."""
    known_min: float
    """Scheduled minutes in which it is known whether the school was online."""
    outage_min: float
    """Scheduled minutes offline."""
    below_contract_min: float
    """Measured minutes in session in which the line lost packets although it carried less than contracted."""


@dataclass
class _Line:
    school: School
    days: int = 0
    minutes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))
    """Scheduled, under maintenance, known, offline, below the contract."""
    peak_bps: float = 0.0
    means_bps: list[NDArray[np.float64]] = field(default_factory=list)


class EvidenceMonth:
    """Takes day after day of a provider's schools."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def take(
        self,
        day: SchoolDay,
        schools: Sequence[School],
        maintenance: NDArray[np.bool_],
        online: tuple[QuarterGrid, NDArray[np.bool_]],
        down: QuarterGrid,
        loss: QuarterGrid,
    ) -> None:
        """Add a day.

        Args:
            day: the timetable of the schools.
            schools: of the provider on that day.
            maintenance: quarter hours under announced maintenance, shape (schools, 96).
            online: rollups of `online`, and which schools were offline before the day.
            down: rollups of traffic towards the schools.
            loss: rollups of lost packets.
        """
        whole = np.sum([day.in_session[part] for part in SESSION_PARTS], axis=0)
        due = np.where(maintenance, 0.0, whole)
        up, lost = (minutes * due / QUARTER_MIN for minutes in online_quarters(*online))
        _, bad = impaired_quarters(down, loss, np.array([s.contracted_down_bps for s in schools]))
        counted = [due, whole - due, up + lost, lost, bad * due / QUARTER_MIN]
        minutes = np.stack([table.sum(axis=1) for table in counted], axis=1)
        measured = (due > 0) & (down.n > 0)
        for i, school in enumerate(schools):
            if not whole[i].any():
                continue
            line = self._lines.setdefault(school.code, _Line(school))
            line.school = school
            line.days += 1
            line.minutes = line.minutes + minutes[i]
            line.means_bps.append(down.mean[i, measured[i]])
            line.peak_bps = max(line.peak_bps, float(down.max[i, measured[i]].max(initial=0.0)))

    def rows(self) -> list[EvidenceRow]:
        """Return a row a school, by code."""
        return [_row(line) for _, line in sorted(self._lines.items())]


def _row(line: _Line) -> EvidenceRow:
    school, means = line.school, np.concatenate(line.means_bps)
    median, p5 = np.quantile(means, (0.5, 0.05)) / 1e6 if len(means) else (None, None)
    scheduled, idle, known, lost, bad = (round(float(m), 1) for m in line.minutes)
    return EvidenceRow(
        school.code,
        school.name,
        school.ward_code,
        line.days,
        round(school.contracted_down_bps / 1e6, 3),
        None if median is None else round(float(median), 3),
        None if p5 is None else round(float(p5), 3),
        round(line.peak_bps / 1e6, 3),
        scheduled,
        idle,
        known,
        lost,
        bad,
    )
