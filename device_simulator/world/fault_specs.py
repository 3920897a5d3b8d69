"""What breaks in a scenario, how often, when, for how long and how badly."""

from dataclasses import dataclass
from typing import Final

from device_simulator.world.faults import FaultKind

RATE_DAYS: Final = 15_000
"""School-days (500 schools, 30 days) that `FaultSpec.number` is for."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """How faults of one kind are drawn."""

    kind: FaultKind
    number: float
    """Faults in `RATE_DAYS` school-days; at least one is drawn."""
    begins_h: tuple[float, float]
    """Local hours between which it begins."""
    lasts_h: tuple[float, float]
    strength: tuple[float, float] = (1.0, 1.0)
    variant: str = ""
    where: str = "school"
    """school, new (it joined within `NEW_DAYS`), part (one provider in some clusters), cluster or city."""
    school_days_only: bool = True
    label: str = ""
    """Variant of the label, where it is not the fault's."""


_REGISTER_H: Final = (7.25, 7.25)
"""Registers of a morning are sent from 7:10 or 7:25: before it nobody can know who is missing."""

SPECS: Final = (
    FaultSpec(FaultKind.EXAM_SURGE, 2, (8, 14), (1.5, 3), (2.0, 5.0), where="city"),
    FaultSpec(FaultKind.LMS_OUTAGE, 1, (7.5, 14), (1, 3), (0.3, 0.9), where="city"),
    FaultSpec(FaultKind.ISP_OUTAGE, 6, (6, 18), (1, 5), where="part", school_days_only=False),
    FaultSpec(FaultKind.LMS_OUTAGE, 3, (7.5, 14), (1, 3), (0.3, 0.9), where="cluster"),
    FaultSpec(FaultKind.LINK_CUT, 25, (7.5, 16), (0.5, 4)),
    FaultSpec(FaultKind.LINK_CUT, 15, (0, 24), (0.5, 6), school_days_only=False),
    FaultSpec(FaultKind.SLOW_DEGRADATION, 30, (7, 10), (3, 7), (0.5, 1.0)),
    FaultSpec(FaultKind.SILENT_DEVICE, 12, (0, 20), (1, 8), variant="gateway", school_days_only=False),
    FaultSpec(FaultKind.SILENT_DEVICE, 10, (0, 20), (1, 8), variant="elearning", school_days_only=False),
    FaultSpec(FaultKind.SILENT_DEVICE, 8, _REGISTER_H, (9.5, 10), variant="attendance"),
    FaultSpec(FaultKind.STUCK_SENSOR, 20, (7.5, 11), (3, 6)),
    FaultSpec(FaultKind.ATTENDANCE_DROP, 15, _REGISTER_H, (4, 9.5), (0.25, 0.5), variant="real"),
    FaultSpec(FaultKind.ATTENDANCE_DROP, 15, _REGISTER_H, (4, 9.5), (0.7, 0.95), variant="reader"),
    FaultSpec(FaultKind.CLOCK_SKEW, 8, (0, 14), (4, 10), (600, 7200), variant="ahead"),
    FaultSpec(FaultKind.CLOCK_SKEW, 8, (0, 14), (4, 10), (-7200, -600), variant="behind"),
)
"""Rates, lengths and strengths: chosen, so that each kind has enough events in a month of 500 schools
to be measured, and far more often than a city has them. Wide faults first: they need the most room."""


MILD: Final = "mild"
FAINT: Final = "faint"
MILD_SPECS: Final = (
    FaultSpec(FaultKind.LMS_OUTAGE, 3, (7.5, 14), (1, 3), (0.03, 0.09), where="cluster", label=MILD),
    FaultSpec(FaultKind.SLOW_DEGRADATION, 20, (7, 10), (3, 7), (0.15, 0.4), label=MILD),
    FaultSpec(FaultKind.ATTENDANCE_DROP, 15, _REGISTER_H, (4, 9.5), (0.12, 0.22), variant="real", label=MILD),
    FaultSpec(FaultKind.ATTENDANCE_DROP, 5, _REGISTER_H, (4, 9.5), (0.4, 0.6), variant="copied"),
    FaultSpec(
        FaultKind.ATTENDANCE_DROP, 15, _REGISTER_H, (4, 9.5), (0.05, 0.09), variant="reader", label=FAINT
    ),
)
"""Faults that stay within every fixed threshold of rules.toml as it is shipped: only a detector that
knows what is usual can see them; a copied register, and a reader that misses a few of those who are
there, only one that compares a school's series. They are what tells one detector from another."""


NEW: Final = "new"
NEW_READER: Final = "new-reader"
NEW_DAYS: Final = 5
"""Days within which a school that joined is new: its faults begin in them; chosen."""
NEW_SPECS: Final = (
    FaultSpec(FaultKind.LINK_CUT, 1, (7.5, 16), (0.5, 4), where=NEW, label=NEW),
    FaultSpec(FaultKind.SLOW_DEGRADATION, 1, (7, 10), (3, 7), (0.5, 1.0), where=NEW, label=NEW),
    FaultSpec(FaultKind.SILENT_DEVICE, 1, (7, 14), (1, 8), variant="gateway", where=NEW, label=NEW),
    FaultSpec(
        FaultKind.ATTENDANCE_DROP, 1, _REGISTER_H, (4, 9.5), (0.25, 0.5), variant="real", where=NEW, label=NEW
    ),
    FaultSpec(
        FaultKind.ATTENDANCE_DROP, 1, _REGISTER_H, (4, 9.5), (0.7, 0.95), variant="reader", where=NEW,
        label=NEW_READER,
    ),
)  # fmt: skip
"""Faults of schools that have no past of their own, where schools join."""
