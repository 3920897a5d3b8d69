"""What engineers said, as windows of an evaluation."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contract.errors import ConfigurationError
from eduops.cli import app
from evaluation.detectors.series_file import iso_of
from evaluation.feedback.label_file import AlertLabel, LabelKind, write_labels
from evaluation.feedback.windows import holds_labels, read_judged

MINUTE_US = 60_000_000
NAME = "S1.gw-1.latency_ms"


def judged(kind: LabelKind, from_min: int, to_min: int | None, metric: str = "latency_ms") -> AlertLabel:
    to_us = None if to_min is None else to_min * MINUTE_US
    return AlertLabel("latency_high", "S1", "gw-1", metric, from_min * MINUTE_US, to_us, kind)


LABELS = [
    judged(LabelKind.PROBLEM, 10, 20),
    judged(LabelKind.PROBLEM, 15, 25),
    judged(LabelKind.NOT_A_PROBLEM, 40, 50),
    judged(LabelKind.PROBLEM, 60, 70, "loss_ratio"),
    judged(LabelKind.PROBLEM, 90, None),
]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A hundred minutes of readings."""
    rows = [f"{iso_of(minute * MINUTE_US)},{minute % 7}" for minute in range(100)]
    path = tmp_path / f"{NAME}.csv"
    path.write_text("\n".join(["time,value", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(write_labels(LABELS), encoding="utf-8")
    return path


def test_problems_of_the_series_are_its_windows(series: Path, labels: Path) -> None:
    assert read_judged(series, labels).windows.tolist() == [[10, 25], [90, 99]]
    assert read_judged(series, labels, of="S1.gw-1.loss_ratio").windows.tolist() == [[60, 70]]


def test_a_series_of_which_nothing_was_said_is_refused(series: Path, labels: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no label of 'S2'.*S1\.gw-1\.latency_ms, S1\.gw-1\.loss"):
        read_judged(series, labels, of="S2")


def test_a_file_of_labels_is_known_by_its_heading(series: Path, labels: Path, tmp_path: Path) -> None:
    assert holds_labels(labels)
    assert not holds_labels(series)
    assert not holds_labels(tmp_path / "none.csv")


def test_evaluate_series_takes_the_file_as_labels(series: Path, labels: Path) -> None:
    words = ["evaluate", "series", str(series), "--labels", str(labels)]
    assert "2 labelled" in CliRunner().invoke(app, words, catch_exceptions=False).output
