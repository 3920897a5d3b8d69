"""The default detector on recorded data: whoever is better at one budget by more than the error is named."""

from pathlib import Path

import pytest

from evaluation.detectors.halves import judge_halves, recordings, render_halves

FOLDER = Path(__file__).parents[3] / "shared/data"
PEERS = ("peer-ew-z", "peer-ew-z-day", "peer-ew-z-hours", "peer-difference", "peer-record-range")
"""The cheapest of one line; `eduops evaluate recorded` has the others."""

BETTER = {("nab", "peer-record-range")}
"""By alarms; docs/detection.md says by how much."""
BETTER_BY_READINGS = {("nab", "peer-ew-z")}
"""By F1 of readings: a window of NAB is a tenth of its series, and no detector finds its first readings."""


@pytest.mark.skipif(
    not FOLDER.exists(), reason="the recorded data are not beside the project (../shared/data)"
)
def test_only_named_one_line_peers_are_better_than_the_default_detector_by_more_than_the_error() -> None:
    rows = judge_halves(recordings(FOLDER, seed=1), ("ew", *PEERS))
    told = render_halves(rows, as_json=False)
    assert {(row.recording, row.detector) for row in rows if row.ahead[1] < 0.0} == BETTER, told
    by_readings = {(row.recording, row.detector) for row in rows if row.readings_ahead[1] < 0.0}
    assert by_readings == BETTER_BY_READINGS, told
    assert {row.recording for row in rows} == {"nab", "flows", "lines", "registers"}
