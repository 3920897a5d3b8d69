"""The NAB score: its ends, its directions, and what cross-validation may see."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.firing import Logic, candidate_thresholds
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.nab import (
    PROFILES,
    cross_validated,
    normalised,
    optimised,
    places_of,
    probation,
    raw_scores,
    score_table,
    tally,
)
from evaluation.detectors.nab_corpus import read_corpus, read_profiles
from tests.examples import examples

MINUTE_US = 60_000_000
STANDARD = PROFILES[0]
EVERY = [Logic(only_onset=False)]


def series(n: int = 400, windows: list[list[int]] | None = None) -> Labelled:
    """Return n readings, a minute apart, with windows of readings."""
    found = np.array([[200, 239]] if windows is None else windows, np.intp).reshape(-1, 2)
    return Labelled("made", np.arange(n) * MINUTE_US, np.zeros(n), found)


def score(made: Labelled, *alarm: int) -> float:
    """Return the standard score of alarms at these readings."""
    found = tally(places_of(made), np.array(alarm, np.intp))
    return normalised(found.raw(STANDARD), len(made.windows), STANDARD)


def test_never_firing_is_0_and_each_window_at_its_left_edge_is_100() -> None:
    made = series(windows=[[100, 139], [300, 310]])
    assert score(made) == pytest.approx(0.0)
    assert score(made, 100, 300) == pytest.approx(100.0)


def test_earlier_is_better_and_only_the_earliest_counts() -> None:
    rewards = [score(series(), at) for at in range(200, 240)]
    assert all(a > b for a, b in itertools.pairwise(rewards))
    assert rewards[-1] > 50.0, "even the last moment spares the penalty of a miss"
    assert score(series(), 205, 210, 239) == score(series(), 205)


def test_false_alarms_cost_less_close_behind_a_window_and_all_of_their_weight_far_away() -> None:
    before, close, far = score(series(), 150), score(series(), 242), score(series(), 399)
    assert before == pytest.approx(-100 * STANDARD.fp / 2)
    assert far == pytest.approx(before)
    assert far < close < 0


def test_probation_counts_for_nothing() -> None:
    assert probation(400) == 60
    assert probation(20_000) == 750
    assert score(series(), 0, 59) == 0.0
    assert score(series(), 60) < 0.0


def test_a_profile_weighs_what_it_is_called_after() -> None:
    found = tally(places_of(series(windows=[[100, 120], [200, 220]])), np.array([100, 380]))
    standard, low_fp, low_fn = (found.raw(profile) for profile in PROFILES)
    assert standard == pytest.approx(1.0 - 1.0 - 0.11)
    assert low_fp == pytest.approx(1.0 - 1.0 - 0.22)
    assert low_fn == pytest.approx(1.0 - 2.0 - 0.11)


@examples(50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_sweeping_all_thresholds_at_once_equals_scoring_each(seed: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    made = series(windows=[[70, 90], [150, 150], [300, 399]])
    values = np.round(random.random(400), digits)
    values[random.random(400) < 0.1] = np.nan
    places, thresholds = places_of(made), candidate_thresholds([values], 50)
    swept = raw_scores(places, values, thresholds, PROFILES)
    for c, threshold in enumerate(thresholds):
        one_by_one = tally(places, np.flatnonzero(values >= threshold))
        assert swept[c] == pytest.approx([one_by_one.raw(profile) for profile in PROFILES])


def test_cross_validation_chooses_on_other_files_only() -> None:
    first, second = np.zeros(400), np.zeros(400)
    first[200], second[200], second[380] = 3.0, 2.0, 2.5
    made, thresholds = series(), np.array([3.0, 2.5, 2.0])
    table = score_table([made, made], [first, second], thresholds, EVERY)
    best = optimised(table, np.array([1, 1]))[0]
    assert thresholds[best.threshold] == 2.0
    assert best.score == pytest.approx(100 - 100 * STANDARD.fp / 4)
    # The first file is scored at 2.0, the best of the second; the second at 2.5, the middle of what is
    # best for the first, where it has a false alarm and no more.
    assert cross_validated(table, np.array([1, 1]), folds=2)[0] == pytest.approx(50.0 - 100 * STANDARD.fp / 4)


@examples(20)
@given(st.integers(0, 2**32 - 1))
def test_cross_validated_is_never_above_the_optimum(seed: int) -> None:
    random = np.random.default_rng(seed)
    corpus = [series()] * 6
    scores: list[NDArray[np.float64]] = [random.random(400) for _ in corpus]
    table = score_table(corpus, scores, candidate_thresholds(scores, 60), [*EVERY, Logic()])
    for choice, held_out in zip(
        optimised(table, np.ones(6, np.intp)),
        cross_validated(table, np.ones(6, np.intp), folds=3),
        strict=True,
    ):
        assert held_out <= choice.score + 1e-9


def test_a_detector_that_only_harms_is_best_kept_silent() -> None:
    harm = np.zeros(400)
    harm[300:] = 1.0
    table = score_table([series()], [harm], candidate_thresholds([harm]), EVERY)
    assert [choice.score for choice in optimised(table, np.array([1]))] == pytest.approx([0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("windows", "profiles", "sentence"),
    [
        ("[1]", "", "names no series"),
        ("{}", "", "names no series"),
        ('{"y.csv": []}', "", r"y\.csv cannot be read"),
        ('{"x.csv": "soon"}', "", r"x\.csv: a label is not a pair of moments"),
        ('{"x.csv": [["2026-09-01"]]}', "", "a label is not a pair of moments"),
        ('{"x.csv": [["2026-09-01", "2026-09-02"]]}', "", "no reading at a label's limit, 2026-09-02T00"),
        ('{"x.csv": []}', "[1]", "holds no profiles by name"),
        ('{"x.csv": []}', '{"standard": {}}', "profile 'standard' lacks its cost matrix"),
    ],
)
def test_what_is_no_corpus_is_said(tmp_path: Path, windows: str, profiles: str, sentence: str) -> None:
    for name, text in (
        ("labels/combined_windows.json", windows),
        ("data/x.csv", "time,value\n2026-09-01,1\n"),
        *((("profiles.json", profiles),) if profiles else ()),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    read = read_profiles if profiles else read_corpus
    with pytest.raises(ConfigurationError, match=sentence):
        read(tmp_path)
