"""What engineers said of alerts as a file of labels."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.alert import Because
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.series import series_of
from eduops.verbs.feedback.labels import labels_of
from evaluation.feedback.label_file import COLUMNS, AlertLabel, LabelKind, read_labels, write_labels
from storage.feedback import JudgedAlert

MOMENTS_US = st.integers(0, 4_000_000_000_000_000)
WORDS = st.text("abcdefgh-_,\"'79", min_size=1, max_size=12)
HEADING = ",".join(COLUMNS)


@st.composite
def some_label(draw: st.DrawFn) -> AlertLabel:
    from_us = draw(MOMENTS_US)
    to_us = draw(st.one_of(st.none(), st.integers(from_us, 4_000_000_000_000_000)))
    kind = draw(st.sampled_from(LabelKind))
    because = draw(st.sampled_from(Because)).value if kind is LabelKind.NOT_A_PROBLEM else ""
    rule, school, device, metric = (draw(WORDS) for _ in range(4))
    return AlertLabel(rule, school, device, metric, from_us, to_us, kind, because)


@given(st.lists(some_label(), max_size=5))
def test_labels_come_back(tmp_path_factory: pytest.TempPathFactory, labels: list[AlertLabel]) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_text(write_labels(labels), encoding="utf-8")
    assert list(read_labels(path)) == labels


def test_names_are_written_only_if_asked(tmp_path: Path) -> None:
    said = AlertLabel("wan_down", "S1", "gw-1", "online", 0, None, LabelKind.PROBLEM, actor="Trần Văn An")
    assert "Trần" not in write_labels([said])
    path = tmp_path / "labels.csv"
    path.write_text(write_labels([said], with_names=True), encoding="utf-8")
    assert read_labels(path) == (said,)


def test_a_name_that_looks_like_a_formula_is_inert_and_comes_back(tmp_path: Path) -> None:
    said = AlertLabel(
        "wan_down", "S1", "gw-1", "online", 0, None, LabelKind.PROBLEM, actor="=1+cmd|' /C calc'!A0"
    )
    path = tmp_path / "labels.csv"
    path.write_text(write_labels([said], with_names=True), encoding="utf-8")
    assert ",'=1+cmd" in path.read_text(encoding="utf-8")
    assert read_labels(path) == (said,)


def test_a_spreadsheet_may_have_moved_columns_and_added_some(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "\ufeffmine,verdict,because,rule,school,device,metric,to,from\r\n"
        "x,not_a_problem,planned_work,wan_down,S1,gw-1,online,,2026-11-23T09:00:00+07:00\r\n",
        encoding="utf-8",
    )
    (label,) = read_labels(path)
    assert (label.kind, label.because, label.to_us) == ("not_a_problem", "planned_work", None)
    assert label.from_us == 1_795_399_200_000_000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rule,school\n", "lacks the columns device, metric"),
        (f"{HEADING}\nr,s,d,m,2026-11-23,,maybe,\n", "line 2: 'maybe'"),
        (f"{HEADING}\nr,s,d,m,2026-11-23,,problem,\nr,s,d,m,today,,problem,\n", "line 3: .*today"),
        (f"{HEADING}\nr,s,d,m,2026-11-23,2026-11-22,problem,\n", "line 2: it ends at 2026-11-22"),
        (f"{HEADING}\nr,,d,m,2026-11-23,,problem,\n", "must all be named"),
        (f"{HEADING}\nr,s,d\n", "line 2"),
    ],
)
def test_a_bad_file_is_refused_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=place):
        read_labels(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")


def test_labels_name_what_topics_name(city: Fleet, catalogue: Catalogue) -> None:
    device, metric = city.devices[0], catalogue.named("online")
    series, school = series_of(device.id, metric.id), city.school_by_id[device.school_id]
    judged = [
        JudgedAlert("wan_down", school.id, series, 5, 9, None, "Lan"),
        JudgedAlert("wan_down", school.id, series, 15, None, "planned_work", "Minh"),
        JudgedAlert("log_gap", 0, series, 5, 9, None, "Lan"),
        JudgedAlert("wan_down", 999_999, series, 5, 9, None, "Lan"),
    ]
    named = ("wan_down", school.code, device.code, "online")
    assert list(labels_of(judged, city, catalogue)) == [
        AlertLabel(*named, 5, 9, LabelKind.PROBLEM, "", "Lan"),
        AlertLabel(*named, 15, None, LabelKind.NOT_A_PROBLEM, "planned_work", "Minh"),
    ]
