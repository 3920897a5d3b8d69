"""Logs of any shape over the small world, for laws."""

from collections.abc import Sequence
from functools import lru_cache
from math import lcm

from hypothesis import strategies as st

from contract.canary import CANARY_METRIC, canary_series, canary_value
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry, Trouble
from contract.series import MAX_METRIC_ID, METRIC_BITS, series_of
from tests.fold_world import CATALOGUE, MONDAY_9H_US, SECOND_US, columns, series_named

_METRICS = {
    "online": (0.0, 1.0),
    "latency_ms": (20.0, 125.0, 400.0),
    "down_bps": (50e6, 51e6, 0.0),
    "attendance_ratio": (0.95, 0.4),
    "in_errors": (0.0, 30.0, 400.0, 4_294_967_000.0),
}


_WORDS_BY_METRIC = {CATALOGUE.named(name).id: words for name, words in _METRICS.items()}
_STEPS_S = st.sampled_from([0, 1, 1, 5, 20, 50, 700])
_IS_TICK = st.booleans()
_HEARS = st.sampled_from([True, True, False])
_TROUBLES = st.sampled_from([(), (), (Trouble.SESSION_LOST,), tuple(Trouble)])
_CORRECTS = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 3)), max_size=3)
"""Which of the readings so far, and by which other word."""


@lru_cache
def _rows(schools: int) -> st.SearchStrategy[list[tuple[float, int, float]]]:
    """Return the strategy of an entry's rows: age in seconds, series, value; made once, drawn often."""
    widest = lcm(*map(len, _METRICS.values()))
    known = st.sampled_from(
        [
            (series_named(school, name), value)
            for name, values in _METRICS.items()
            for school in range(1, schools + 1)
            for value in values * (widest // len(values))  # every metric is as likely
        ]
    )
    stray = st.just((series_of(999, 1), 1.0))
    own = canary_series(0, CATALOGUE.named(CANARY_METRIC).id)
    canary = st.sampled_from([(own, canary_value(1)), (own, canary_value(2))])
    age_s = st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 60.0])
    reading = st.one_of(known, known, known, stray, canary)
    rows = st.lists(st.tuples(age_s, reading).map(lambda row: (row[0], *row[1])), max_size=8)
    flaps = st.tuples(st.integers(1, schools), st.integers(1, 8)).map(lambda drawn: _flaps(*drawn))
    return st.one_of(rows, rows, rows, flaps)


def _flaps(school: int, changes: int) -> list[tuple[float, int, float]]:
    """Return a status that turns every quarter of a second."""
    return [((changes - i) / 4, series_named(school, "online"), float(i % 2)) for i in range(changes)]


_OFF_S = st.sampled_from([0, 0, 20, 60, 240, 900, -150, -25_200])
"""How far a clock is ahead, seconds."""
_IS_SET = st.integers(0, 9).map(lambda n: n == 0)
_IS_REFUSED = st.integers(0, 2).map(lambda n: n == 0)


@lru_cache
def _clocks(schools: int) -> st.SearchStrategy[list[int]]:
    return st.lists(_OFF_S, min_size=schools, max_size=schools)


@st.composite
def logs(draw: st.DrawFn, schools: int = 4, longest: int = 40) -> list[Entry]:
    """Draw a log: ticks a second to a gap apart, some deaf; readings early, late, twice or corrected,
    canaries, strays. Each school's clock is right, ahead or behind, for as long as nobody sets it, and
    readings may be refused for it.
    """
    now_us = MONDAY_9H_US
    log: list[Entry] = []
    said: list[tuple[int, int, float]] = []
    clocks = draw(st.one_of(st.just([0] * schools), _clocks(schools)))
    for _ in range(draw(st.integers(0, longest))):
        now_us += draw(_STEPS_S) * SECOND_US
        if draw(_IS_TICK):
            log.append(TickEntry(now_us, draw(_HEARS), draw(_TROUBLES)))
        else:
            if any(clocks) and draw(_IS_SET):
                clocks = draw(_clocks(schools))
            rows = [
                (now_us + round((_off_s(clocks, s) - age) * SECOND_US), s, v)
                for age, s, v in draw(_rows(schools))
            ]
            if any(clocks) and draw(_IS_REFUSED):
                log.append(MistimedEntry(now_us, columns(rows)))
                continue
            said += rows
            if said:
                rows += [_other_word(said[which % len(said)], word) for which, word in draw(_CORRECTS)]
            log.append(ReadingsEntry(now_us, columns(rows)))
    return log


def _off_s(clocks: Sequence[int], series: int) -> int:
    """Return how far the clock behind a series is ahead; canaries and strays go by the log's."""
    school = ((series >> METRIC_BITS) - 1) // 3
    return clocks[school] if 0 <= school < len(clocks) else 0


def _other_word(row: tuple[int, int, float], word: int) -> tuple[int, int, float]:
    """Return what is said again of the same series and time."""
    time_us, series, value = row
    words = _WORDS_BY_METRIC.get(series & MAX_METRIC_ID, (value + 1.0, value + 2.0))
    return time_us, series, words[word % len(words)]
