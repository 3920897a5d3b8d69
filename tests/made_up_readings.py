"""Readings that are drawn, and what is read back of them as rows that compare exactly."""

import numpy as np

from contract.reading import Readings
from storage.wall import SeriesHistory

SERIES = [257, 258, 513]


def made_up(n: int, from_us: int, to_us: int, seed: int = 1) -> Readings:
    rng = np.random.default_rng(seed)
    # Sums of eighths are exact, so results compare without tolerance.
    return Readings(
        np.sort(rng.integers(from_us, to_us, n)),
        rng.choice(np.array(SERIES, np.int32), n),
        rng.integers(0, 8000, n) / 8,
    )


def as_rows(history: SeriesHistory) -> list[tuple[float, ...]]:
    columns = (history.time_us, history.series, history.n, history.sum, history.min, history.max)
    return list(zip(*(column.tolist() for column in columns), strict=True))
