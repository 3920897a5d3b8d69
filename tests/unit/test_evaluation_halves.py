"""Faults planted into series without labels, and figures on the half that no threshold was chosen on."""

import json
from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigurationError
from evaluation.attendance.recorded import lower
from evaluation.detectors.halves import RecordedCorpus, judge_halves, render_halves
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.planted import LONGEST, flows, lines, plant, registers_of

STEP_US = 900_000_000


def series(seed: int, faults: int = 6) -> Labelled:
    rng = np.random.default_rng(seed)
    value = rng.normal(100.0, 1.0, 28 * 96)
    return plant(str(seed), np.arange(len(value), dtype=np.int64) * STEP_US, value, faults, rng)


def test_planted_faults_are_labelled_and_nothing_else_is_touched() -> None:
    clean = np.random.default_rng(1).normal(100.0, 1.0, 28 * 96)
    found = plant("a", np.arange(len(clean)), clean, 6, np.random.default_rng(2))
    inside = np.zeros(len(clean), np.bool_)
    for first, last in found.windows:
        inside[first : last + 1] = True
        assert last - first < LONGEST
    assert len(found.windows) == 6
    np.testing.assert_array_equal(found.value[~inside], clean[~inside])
    assert (np.abs(found.value - clean)[found.windows[:, 1]] > 3.0).all()
    assert found.windows[0, 0] > 0.15 * len(clean)


def test_a_detector_is_judged_on_the_half_that_its_threshold_does_not_know() -> None:
    corpus = [series(seed) for seed in range(8)]
    made = RecordedCorpus("made", corpus, 1.5, 6 * 4 * STEP_US)
    rows = judge_halves([made], ("ew", "peer-record-range"))
    ours, peer = rows
    assert min(ours.recall, ours.precision) > 0.85
    assert ours.ahead == (0.0, 0.0)
    assert peer.f1 < ours.f1
    assert peer.ahead[0] > 0.0
    assert "peer-record-range" in render_halves(rows, as_json=False)
    assert json.loads(render_halves(rows, as_json=True))[0]["detector"] == "ew"
    blind = [s._replace(value=np.full(len(s.value), 5.0)) if k % 2 else s for k, s in enumerate(corpus)]
    blinded = RecordedCorpus("blind", blind, 1.5, 0)
    assert judge_halves([blinded], ("ew",))[0].recall == 0.0
    assert judge_halves([made, blinded], ("ew", "peer-record-range"))[:2] == rows


def test_registers_come_less_what_the_city_shares() -> None:
    rng = np.random.default_rng(3)
    ratio = 0.93 + rng.normal(0.0, 0.005, (40, 12))
    ratio[20] -= 0.3
    day = np.datetime64("2014-01-06") + np.arange(40)
    found = registers_of(lower(day, np.zeros(12, np.intp), ratio, 1), 4)
    assert [s.name for s in found] == ["school 0", "school 4", "school 8"]
    assert all(np.abs(s.value[20] - np.median(s.value)) < 0.05 for s in found)


def test_without_data_it_says_so(tmp_path: Path) -> None:
    for read in (flows, lines):
        with pytest.raises(ConfigurationError, match="holds no"):
            read(tmp_path, 1)
