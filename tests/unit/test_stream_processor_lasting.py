"""Through the fold an alert stays as long as its fault: what was lately is not learnt of what is doubted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.detector import Detector, detector_named
from contract.alert import Transition
from contract.entry import Entry, ReadingsEntry
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold
from stream_processor.fold.layout import lay_out
from stream_processor.fold.rulebook import compile_rules
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
)

STEP_US = 600 * SECOND_US
HOUR = 6
DAY = 24 * HOUR
BEGINS = 8 * DAY
"""A Tuesday at nine."""


def told(extra: NDArray[np.float64], detector: Detector) -> list[Transition]:
    """Return what is told of a line whose round trips take so many milliseconds more from `BEGINS` on."""
    alone = packaged("rules.toml").replace("less_shared = true\n", "")
    rules = compile_rules(parse_rules(alone, CATALOGUE), CATALOGUE)
    fold = Fold(lay_out(small_fleet(1), CATALOGUE, 0, 1), rules, CATALOGUE, CALENDAR, detector)
    noise = np.random.default_rng(2).normal(20.0, 2.0, BEGINS + len(extra))
    noise[BEGINS:] += extra
    latency = series_named(1, "latency_ms")
    log: list[Entry] = []
    for nth, value in enumerate(noise):
        at_us = MONDAY_9H_US + nth * STEP_US
        log.append(ReadingsEntry(at_us, columns([(at_us, latency, float(value))])))
    return [t for t in fold_log(fold, [log]).transitions if t.rule == "latency_unusual"]


@pytest.mark.parametrize("rises_h", [0, 3, 7])
def test_a_line_that_wears_out_is_told_as_by_its_level_alone_and_until_it_is_well(rises_h: int) -> None:
    worn = np.concatenate(
        [np.linspace(0.0, 40.0, rises_h * HOUR + 1)[1:], np.full(DAY, 40.0), np.zeros(DAY // 2)]
    )
    opened, resolved = told(worn, detector_named("ew"))
    by_level = told(worn, Baseline())
    assert [t.kind for t in by_level] == [opened.kind, resolved.kind]
    assert [opened.at_us, resolved.at_us] == [t.at_us for t in by_level]
    assert resolved.at_us >= MONDAY_9H_US + (BEGINS + rises_h * HOUR + DAY) * STEP_US
