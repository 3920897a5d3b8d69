"""Parts of a history, and two of them as one (pure)."""

from dataclasses import fields

import numpy as np

from storage.wall import SeriesHistory


def of_series(history: SeriesHistory, series: int) -> SeriesHistory:
    """Return the part of a history that belongs to one series."""
    own = np.flatnonzero(history.series == series)
    return SeriesHistory(
        history.time_us[own],
        history.series[own],
        history.n[own],
        history.sum[own],
        history.min[own],
        history.max[own],
        history.score[own],
    )


def joined(before: SeriesHistory, after: SeriesHistory) -> SeriesHistory:
    """Return two stretches of a history as one."""
    parts = ((getattr(before, one.name), getattr(after, one.name)) for one in fields(SeriesHistory))
    return SeriesHistory(*map(np.concatenate, parts))
