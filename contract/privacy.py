"""What may be shown of a single school (pure).

With k = 10 pupils: counts of absent, late and present pupils of one school could fall below k and
complete one another, so only the ratio is shown, and never its extremes.
Source: Law 91/2025/QH15; small-count rule of the operations center (k = 10, ratios within 5 to 95 %).
"""

from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from contract.alert import Alert, AlertEvent
from contract.catalogue import Catalogue
from contract.live import AlertChanged
from contract.series import MAX_METRIC_ID

SUPPRESSED: Final = frozenset({"present", "late", "absent"})
"""Metrics that are published for areas only."""
CAPPED: Final = frozenset({"attendance_ratio"})
LEAST: Final = 0.05
MOST: Final = 0.95
"""Shown ratios stay within these: one pupil more or fewer must not be seen."""


def is_published(metric_name: str) -> bool:
    """Return whether one school's values of a metric may leave the server."""
    return metric_name not in SUPPRESSED


def cap_values(metric_name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values as they may be shown, shape (n,)."""
    return np.clip(values, LEAST, MOST) if metric_name in CAPPED else values


def cap_alert(alert: Alert, catalogue: Catalogue) -> Alert:
    """Return the alert with the values of its metric as they may be shown.

    Where values are cut the score is left out too: with the range it would give them back.
    """
    name = _metric_name(alert, catalogue)
    return replace(
        alert,
        score=None if name in SUPPRESSED | CAPPED else alert.score,
        value=_cap(name, alert.value),
        expected_low=_cap(name, alert.expected_low),
        expected_high=_cap(name, alert.expected_high),
    )


def cap_event(event: AlertEvent, alert: Alert, catalogue: Catalogue) -> AlertEvent:
    """Return one line of an alert's history with its value as it may be shown."""
    return replace(event, value=_cap(_metric_name(alert, catalogue), event.value))


def cap_change(changed: AlertChanged, catalogue: Catalogue) -> AlertChanged:
    """Return a change of an alert as it may be pushed."""
    return AlertChanged(
        cap_alert(changed.alert, catalogue), cap_event(changed.event, changed.alert, catalogue)
    )


def _metric_name(alert: Alert, catalogue: Catalogue) -> str:
    metric = catalogue.by_id.get(alert.series & MAX_METRIC_ID)
    return "" if metric is None else metric.name


def _cap(name: str, value: float | None) -> float | None:
    if value is None or name in SUPPRESSED:
        return None
    return min(MOST, max(LEAST, value)) if name in CAPPED else value
