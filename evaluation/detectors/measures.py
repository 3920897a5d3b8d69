"""What a person on shift would say of a detector: found, how late, how often for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.detectors.labelled import Labelled


@dataclass(frozen=True, slots=True)
class Measures:
    """Alarms against labels, over a corpus."""

    events: int
    """Labelled windows."""
    alarms: int
    event_recall: float
    """Windows with an alarm over windows; NaN without windows."""
    precision: float
    """Alarms in a window over alarms; NaN without alarms or without windows."""
    alarms_per_found_event: float
    """Alarms in windows over windows with an alarm; NaN if none is found. 1 is what an engineer wants."""
    median_delay_intervals: float
    """From a window's first reading to its first alarm, in the series' intervals; NaN if none is found."""
    false_alarms_a_week: float
    """Alarms outside windows for each week of one series; without labels, all alarms."""


def measure(corpus: Sequence[Labelled], alarms: Sequence[NDArray[np.intp]]) -> Measures:
    """Return what `alarms`, indices of readings, shape (a,) a series, are worth.

    A label often begins before anything can be seen, so delays compare detectors with each other
    and not with nothing.
    """
    delays: list[float] = []
    events = total = inside = 0
    for series, alarm in zip(corpus, alarms, strict=True):
        events, total = events + len(series.windows), total + len(alarm)
        for left, right in series.windows:
            within = alarm[(alarm >= left) & (alarm <= right)]
            inside += len(within)
            if len(within):
                delay_us = series.time_us[within[0]] - series.time_us[left]
                delays.append(float(delay_us) / max(series.interval_us, 1.0))
    weeks = sum(series.weeks for series in corpus)
    return Measures(
        events=events,
        alarms=total,
        event_recall=len(delays) / events if events else float("nan"),
        precision=inside / total if total and events else float("nan"),
        alarms_per_found_event=inside / len(delays) if delays else float("nan"),
        median_delay_intervals=float(np.median(delays)) if delays else float("nan"),
        false_alarms_a_week=(total - inside) / weeks if weeks else float("nan"),
    )
