"""`eduops evaluate`: the command line on a small corpus made here, and a published figure on NAB itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from contract.errors import ConfigurationError
from eduops.cli import app
from evaluation.detectors.firing import Logic, candidate_thresholds
from evaluation.detectors.nab import optimised, score_table
from evaluation.detectors.nab_corpus import read_corpus, read_profiles
from evaluation.detectors.peers import PEERS, windowed_gaussian

ROOT = Path(__file__).parents[2]
NAB = ROOT.parent / "shared/data/nab"


def evaluate(*words: str | Path) -> str:
    """Return what `eduops evaluate` prints."""
    done = CliRunner().invoke(app, ["evaluate", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def found(*words: str | Path) -> Any:
    """Return the JSON that `eduops evaluate` prints."""
    return json.loads(evaluate(*words, "--json"))


def write_csv(path: Path, value: np.ndarray[Any, np.dtype[np.float64]]) -> list[str]:
    """Write hourly values and return their moments."""
    moments = [str(np.datetime64("2026-09-01T00:00:00") + np.timedelta64(k, "h")) for k in range(len(value))]
    rows = [f"{moment},{x:.6g}" for moment, x in zip(moments, value, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["time,value", *rows]) + "\n", encoding="utf-8")
    return [moment.replace("T", " ") for moment in moments]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six series of four weeks in NAB's layout: five with one unmistakable fault, one without."""
    windows: dict[str, list[list[str]]] = {}
    for n in range(6):
        value = np.random.default_rng(n).normal(100, 2, 672)
        fault = 400 + 20 * n
        value[fault : fault + 3] += 60 * (n > 0)
        moments = write_csv(tmp_path / "data" / "made" / f"{n}.csv", value)
        windows[f"made/{n}.csv"] = [[moments[fault - 2], moments[fault + 20]]] if n else []
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows), encoding="utf-8")
    return tmp_path


def test_nab_scores_every_detector_under_the_same_terms(corpus: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    result = found("nab", corpus, "--detector", "all", "--folds", "3", "--budget", "0.3", "--plot", pages)
    assert (result["series"], result["readings"], result["events"]) == (6, 6 * 672, 5)
    assert {v["detector"] for v in result["detectors"]} >= {"ew", *PEERS}
    by_name = {v["detector"]: v for v in result["detectors"]}
    for name in ("ew", "peer-ew-z", "peer-record-range"):
        standard = by_name[name]["nab"]["standard"]
        assert 80 < standard["cross_validated"] <= standard["score"] <= 100
        assert by_name[name]["at_budget"]["event_recall"] == 1.0
        assert by_name[name]["at_budget"]["alarms"] <= 0.3 * 4 * 6
        assert by_name[name]["readings_per_s"] > 0
    assert len(list(pages.glob("made_*-ew.html"))) == 6
    assert "plotly.min.js" in next(pages.glob("*.html")).read_text(encoding="utf-8")


def test_nab_table_has_a_line_for_each_detector(corpus: Path) -> None:
    done = evaluate("nab", corpus, "--detector", "own", "--detector", "peer-ew-z", "--refractory", "6h,24h")
    assert "low_FN_rate" in done
    assert sum(line.startswith("peer-ew-z ") for line in done.splitlines()) == 2


@pytest.mark.parametrize("form", ["json", "csv"])
def test_series_finds_a_labelled_fault(tmp_path: Path, form: str) -> None:
    value = np.random.default_rng(1).normal(100, 2, 672)
    value[500:503] += 60
    moments = write_csv(tmp_path / "line.csv", value)
    labels = tmp_path / f"labels.{form}"
    first, last = moments[498], moments[510]
    labels.write_text(json.dumps([[first, last]]) if form == "json" else f"from,to\n{first},{last}\n")
    result = found("series", tmp_path / "line.csv", "--labels", labels, "--budget", "0.3")["detectors"][0]
    assert result["detector"] == "ew"
    assert result["alarms_at_budget"] == {"line": [moments[500].replace(" ", "T") + "Z"]}
    assert result["at_budget"]["event_recall"] == result["at_budget"]["precision"] == 1.0
    assert result["at_budget"]["median_delay_intervals"] == 2.0


def test_a_folder_of_labelled_series_is_judged_half_and_half(tmp_path: Path) -> None:
    for n in range(4):
        value = np.random.default_rng(n).normal(100, 2, 672)
        value[500:510] += 60
        is_labelled = np.zeros(672, np.int_)
        is_labelled[500:510] = 1
        moments = write_csv(tmp_path / f"{n}.csv", value)
        rows = [f'"{m}","{x:.6g}",{k}' for m, x, k in zip(moments, value, is_labelled, strict=True)]
        (tmp_path / f"{n}.csv").write_text("\n".join(["TimeStamp,Value,Label", *rows]), encoding="utf-8")
    words = ("labelled", tmp_path, "--budget", "0.3", "--detector", "ew", "--detector", "peer-ew-z")
    ours, peer = found(*words)
    assert (ours["detector"], ours["windows"], ours["recall"], ours["precision"]) == ("ew", 2, 1.0, 1.0)
    assert (ours["soon"], ours["readings_f1"], ours["ahead"]) == (1.0, 1.0, [0.0, 0.0])
    assert peer["detector"] == "peer-ew-z"
    table = evaluate(*words)
    assert table.splitlines()[0].split()[:3] == ["recording", "detector", "windows"]
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [
        [tmp_path.name, "ew"],
        [tmp_path.name, "peer-ew-z"],
    ]


def test_series_without_labels_tells_its_alarms(tmp_path: Path) -> None:
    value = np.random.default_rng(1).normal(100, 2, 672)
    value[500:503] += 60
    write_csv(tmp_path / "line.csv", value)
    done = evaluate("series", tmp_path / "line.csv", "--budget", "0.3")
    assert "ew: 2026-09-21T20:00:00Z" in done


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nab", "{}/tests"), "is no NAB corpus"),
        (("series", "{}/README.md"), "has no column of values"),
        (("series", "{}/config/areas.csv", "--column", "none"), "has no column 'none'"),
        (("series", "none.csv"), "none.csv cannot be read"),
        (("series", "none.csv", "--detector", "none"), "no detector is called 'none'"),
        (("series", "none.csv", "--refractory", "soon"), "soon"),
        (("labelled", "{}/docs"), "holds no CSV file"),
        (("labelled", "{}/config"), "has no column of labels"),
        (("labelled", "{}/config", "--detector", "none"), "no detector is called 'none'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        evaluate(*(word.format(ROOT) for word in words))


@pytest.mark.skipif(not NAB.is_dir(), reason="the NAB corpus is not beside the project (../shared/data)")
def test_windowed_gaussian_has_its_published_scores() -> None:
    """39.6, 20.9 and 47.4 stand in NAB 1.1's table; its result files give the digits."""
    corpus, profiles = read_corpus(NAB), read_profiles(NAB)
    windows = np.array([len(one.windows) for one in corpus])
    assert (len(corpus), windows.sum()) == (58, 116)
    scores = [windowed_gaussian(one.time_us, one.value)[0] for one in corpus]
    table = score_table(
        corpus, scores, candidate_thresholds(scores, 20_000), [Logic(only_onset=False)], profiles
    )
    found = {choice.profile: choice.score for choice in optimised(table, windows, profiles)}
    assert found["standard"] == pytest.approx(39.6495, abs=1e-3)
    assert found["reward_low_FP_rate"] == pytest.approx(20.8680, abs=1e-3)
    assert found["reward_low_FN_rate"] == pytest.approx(47.4100, abs=1e-3)
