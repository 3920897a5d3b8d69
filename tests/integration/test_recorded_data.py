"""The default detector on recorded data: whoever is better at one budget by more than the error is named."""

from pathlib import Path

import pytest

from evaluation.detectors.halves import judge_halves, recordings, render_halves

FOLDER = Path(__file__).parents[3] / "shared/data"
PEERS = ("peer-ew-z", "peer-ew-z-day", "peer-ew-z-hours", "peer-difference", "peer-record-range")
"""The cheapest of one line; `eduops evaluate recorded` has the others."""

LOST = {("nab", "peer-record-range")}
"""Who is better all the same, and where: docs/detection.md says by how much."""


@pytest.mark.skipif(
    not FOLDER.exists(), reason="the recorded data are not beside the project (../shared/data)"
)
def test_the_default_detector_loses_to_no_other_one_line_peer_by_more_than_the_error() -> None:
    rows = judge_halves(recordings(FOLDER, seed=1), ("ew", *PEERS))
    lost = [row for row in rows if row.ahead[1] < 0.0 and (row.recording, row.detector) not in LOST]
    # A window of NAB is a tenth of its series, and no detector finds its first readings.
    lost += [row for row in rows if row.readings_ahead[1] < 0.0 and row.recording != "nab"]
    assert not lost, render_halves(rows, as_json=False)
    assert {row.recording for row in rows} == {"nab", "flows", "lines", "registers"}
