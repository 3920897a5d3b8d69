"""Laws 2 and 6 for every registered detector in the fold, on days long enough for each to speak."""

import numpy as np
import pytest

from anomaly.detector import DETECTORS
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import SnapshotVersionError
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.snapshot import decode, encode
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    any_cutting,
    assert_same,
    assert_same_state,
    columns,
    fold_log,
    series_named,
    small_fleet,
    small_fold,
)

every = pytest.mark.parametrize("name", list(DETECTORS))
STEP_US = 1800 * SECOND_US


def fold_with(name: str) -> Fold:
    """Return a fold over the small fleet with a registered detector as it is."""
    layout, rulebook = lay_out(small_fleet(), CATALOGUE, 0, 1), small_fold().rulebook
    return Fold(layout, rulebook, CATALOGUE, CALENDAR, DETECTORS[name].detector)


def ten_days() -> list[Entry]:
    """Return half-hourly readings of two metrics of four schools, a collapse near the end, and ticks."""
    rng = np.random.default_rng(8)
    log: list[Entry] = []
    for i in range(10 * 48):
        at_us = MONDAY_9H_US + i * STEP_US
        factor = 0.05 if i > 9 * 48 else 1.0
        rows = [
            (at_us, series_named(school, metric), float(level * factor * rng.normal(1, 0.05)))
            for school in range(1, 5)
            for metric, level in (("down_bps", 5e7), ("latency_ms", 12.0))
        ]
        log += [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us + SECOND_US)]
    return log


@every
def test_any_cutting_of_the_log_gives_the_same(name: str) -> None:
    fold, log = fold_with(name), ten_days()
    cuts = np.random.default_rng(1).random(len(log)) < 0.1
    whole = fold_log(fold, [log])
    assert_same(whole, fold_log(fold, any_cutting(log, cuts)))
    assert np.isfinite(whole.rows.score).mean() > 0.5
    assert any(t.rule == "traffic_unusual" for t in whole.transitions)


@every
def test_a_restart_from_a_snapshot_changes_nothing(name: str) -> None:
    fold, log = fold_with(name), ten_days()
    half = fold_log(fold, [log[:700]]).state
    restarted = decode(fold, encode(fold, half))
    assert_same_state(half, restarted)
    assert_same(fold_log(fold, [log[700:]], half), fold_log(fold, [log[700:]], restarted))


@every
def test_a_state_is_at_most_a_kilobyte_a_series(name: str) -> None:
    fold = fold_with(name)
    assert fold.initial_state().nbytes <= 1024 * len(fold.layout)


def test_a_snapshot_of_another_detector_is_refused_by_name() -> None:
    snapshot = encode(fold_with("ew"), fold_with("ew").initial_state())
    with pytest.raises(SnapshotVersionError, match="of detector 'ew'; configured is 'records'"):
        decode(fold_with("records"), snapshot)
