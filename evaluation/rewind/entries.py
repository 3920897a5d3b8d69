"""Stored readings as entries of a log, with the ticks that it must have had (pure).

The tables do not say in which order readings arrived, so each is taken to have arrived when it was
measured, and ticks are made anew. Where the log did not tick (the center stood still, or the past was
simulated and appended at once) there are none but at quarter hours: so no silence is heard there, for
the fold counts silence anew after a gap, as the live one does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from contract.alert import TransitionKind
from contract.calendar import MINUTE_US
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.reading import Readings
from stream_processor.fold.feed import FEED_DOWN, LOG_GAP

SECOND_US: Final = 1_000_000
TICK_US: Final = 10 * SECOND_US
"""Between two ticks where the log was live: the cadence of the fastest metrics, so that a series has one
reading between two; each second would cost four times as much, and a silence that opens up to ten
seconds later is the same silence."""
QUARTER_US: Final = 15 * MINUTE_US
PIECE: Final = 200_000
"""Readings that are folded together: bounds the memory of a step, and means nothing (law 2)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is stored of a stretch of time."""

    readings: Readings
    """In order of time."""
    tick_us: NDArray[np.int64]
    """Ticks, rising, shape (k,)."""
    to_us: int
    """End of the stretch, not included."""


@dataclass(frozen=True, slots=True)
class Quarters:
    """Columns of n quarter hours, in order of time, each of shape (n,)."""

    start_us: NDArray[np.int64]
    series: NDArray[np.int32]
    n: NDArray[np.int64]
    """Readings in each."""
    mean: NDArray[np.float64]
    range: NDArray[np.float64]
    """Greatest value less the least."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """When the log ran, as far as the tables know."""

    minute_us: NDArray[np.int64]
    """Starts of the minutes that a tick began, rising, shape (n,)."""
    deaf: tuple[tuple[int, int], ...] = ()
    """Stretches in which the center stood still or its feed was down, µs since 1970."""


def deaf_stretches(told: Sequence[tuple[str, TransitionKind, int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the stretches in which nobody could be heard.

    Args:
        told: rule, kind, opening and log time of what was told of the center itself. A gap is over when
            it is told; a feed that was down, when that resolves.
    """
    over = {LOG_GAP: TransitionKind.OPENED, FEED_DOWN: TransitionKind.RESOLVED}
    return tuple(
        (opened_us, detected_us) for rule, kind, opened_us, detected_us in told if over.get(rule) is kind
    )


def quarter_readings(quarters: Quarters, before_us: int) -> Readings:
    """Return quarter hours as readings of their middle: their means, until `before_us` what to learn from.

    Means vary less than the readings that a baseline is to judge; one that learnt from them would call
    seven times as much unusual. So the quarters to learn from are told in turn above and below their
    mean, by the mean absolute deviation of one reading.

    Source:
        Deviation from the range of n normal values: L. H. C. Tippett, Biometrika 17, 364-387, 1925
        (the d2 of control charts), by the normal scores of G. Blom, 1958; mean absolute deviation
        sqrt(2 / pi) sigma.
    """
    d2 = 2.0 * ndtri((quarters.n - 0.375) / (quarters.n + 0.25))
    deviation = np.zeros(len(quarters.n))
    np.divide(np.sqrt(2 / np.pi) * quarters.range, d2, out=deviation, where=quarters.n > 1)
    sign = np.where(quarters.start_us // QUARTER_US % 2 == 0, 1.0, -1.0)
    learns = quarters.start_us < before_us
    value = quarters.mean + np.where(learns, sign * deviation, 0.0)
    return Readings(quarters.start_us + QUARTER_US // 2, quarters.series, value)


def tick_times(from_us: int, to_us: int, live: Liveness, tick_us: int = TICK_US) -> NDArray[np.int64]:
    """Return the ticks from `from_us` until before `to_us`, shape (n,): steady ones, else quarter hours.

    A minute ticked steadily if a tick began it, the one before and the one after; at the edges of a
    gap nobody knows how much of a minute was heard.
    """
    every = np.arange(-(-from_us // tick_us) * tick_us, to_us, tick_us, dtype=np.int64)
    began = live.minute_us
    steady = began[np.isin(began - MINUTE_US, began) & np.isin(began + MINUTE_US, began)]
    ticks: NDArray[np.bool_] = np.isin(every // MINUTE_US * MINUTE_US, steady) | (every % QUARTER_US == 0)
    for since_us, until_us in live.deaf:
        ticks &= (every <= since_us) | (every >= until_us)
    return every[ticks]


def entries_of(stretch: Stretch) -> list[Entry]:
    """Return the stretch as entries: the readings of each second together, and its ticks.

    A reading comes before the tick of its own moment.
    """
    time_us = stretch.readings.time_us
    tick = np.searchsorted(stretch.tick_us, time_us, side="left")
    key = np.stack([tick, time_us // SECOND_US])
    cut = np.flatnonzero((np.diff(key) != 0).any(axis=0)) + 1
    starts = [0, *cut.tolist()] if len(time_us) else []
    stops = [*cut.tolist(), len(time_us)]
    entries: list[Entry] = []
    ticked = 0
    for start, stop in zip(starts, stops, strict=False):
        entries += [TickEntry(int(at)) for at in stretch.tick_us[ticked : tick[start]]]
        ticked = int(tick[start])
        entries.append(ReadingsEntry(int(time_us[stop - 1]), _slice(stretch.readings, start, stop)))
    return entries + [TickEntry(int(at)) for at in stretch.tick_us[ticked:]]


def pieces(entries: Sequence[Entry], most: int = PIECE) -> Iterator[list[Entry]]:
    """Yield the entries some at a time, with at most so many readings unless one entry alone has more."""
    piece: list[Entry] = []
    held = 0
    for entry in entries:
        count = len(entry.readings) if isinstance(entry, ReadingsEntry) else 0
        if piece and held + count > most:
            yield piece
            piece, held = [], 0
        piece.append(entry)
        held += count
    if piece:
        yield piece


def spans(from_us: int, to_us: int, width_us: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of the stretches between two moments, cut at multiples of a width."""
    begin_us = from_us
    while begin_us < to_us:
        end_us = min(to_us, (begin_us // width_us + 1) * width_us)
        yield begin_us, end_us
        begin_us = end_us


def _slice(readings: Readings, start: int, stop: int) -> Readings:
    return Readings(readings.time_us[start:stop], readings.series[start:stop], readings.value[start:stop])
