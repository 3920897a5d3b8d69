"""A folder of series with labels of their own: what is read, what is refused, and F1 of readings."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.halves import RecordedCorpus, judge_halves
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.labelled_folder import check_halves, described, read_folder
from evaluation.detectors.prompt import f1_of_readings, reading_counts

HOUR_US = 3_600_000_000


def written(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    """Write a file into a folder and return the folder."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(
    "text",
    [
        'TimeStamp,Value,Label\n"2026-09-01T00:00Z","1","0"\n2026-09-01T02:00Z,,1\n2026-09-01 01:00,2,1\n',
        "timestamp,is_anomaly,count\n1788220800,0,1\n1788228000,1,null\n1788224400,1,2.0\n",
        "value;label;time\n1;0.0;1788220800000\n\n;1.0;1788228000000\n;;\n2;1.0;1788224400000\n",
        "\ufeffDate\tX\tAnomaly\r\n2026-09-01\t1\tfalse\r\n2026-09-01T02:00+00:00\tNaN\tTRUE\r\n20260901T0100\t2\ttrue\r\n",
        "Date\tX\tAnomaly\n2026-09-01\t1\t0\n2026-09-01T02:00\t\t1\n2026-09-01T01:00\t2\t1\n".encode(
            "utf-16"
        ),
    ],
    ids=["quoted and unordered", "seconds", "milliseconds", "tabs and words", "utf-16"],
)
def test_a_series_is_read_however_it_was_written(tmp_path: Path, text: str | bytes) -> None:
    (series,) = read_folder(written(tmp_path, text))
    first = int(np.datetime64("2026-09-01T00:00", "us").astype(np.int64))
    assert (series.time_us - first).tolist() == [0, HOUR_US, 2 * HOUR_US]
    np.testing.assert_array_equal(series.value, [1.0, 2.0, np.nan])
    assert series.windows.tolist() == [[1, 2]]


def test_labelled_readings_that_follow_each_other_are_one_window(tmp_path: Path) -> None:
    rows = "".join(f"2026-09-01T{h:02}:00,5,{label}\n" for h, label in enumerate("1100111001"))
    (series,) = read_folder(written(tmp_path, "time,value,label\n" + rows))
    assert series.windows.tolist() == [[0, 1], [4, 6], [9, 9]]


def test_files_are_series_by_name_in_all_folders_and_columns_are_named(tmp_path: Path) -> None:
    text = "when,a,b,odd,label\n2026-09-01,1,2,1,0\n"
    for name in ("b/one.csv", "a.CSV", "b/note.json"):
        written(tmp_path, text, name)
    found = read_folder(tmp_path, label="odd", column="b")
    assert [series.name for series in found] == ["a", "b/one"]
    assert [series.value.tolist() for series in found] == [[2.0], [2.0]]
    assert [series.windows.tolist() for series in found] == [[[0, 0]], [[0, 0]]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a.csv is empty"),
        ("time,value,label\n", "holds a heading and no reading"),
        ("2026-09-01,1,0\n2026-09-02,1,0\n", "begins with a reading; give it a heading"),
        (
            "time,value\n2026-09-01,1\n",
            "no column of labels, or say by --label which it is; there are: time, value",
        ),
        (
            "time,label\n2026-09-01,1\n",
            "no column of values, or say by --column which it is; there are: time, label",
        ),
        ("label,value\n1,1\n", "no column of moments beside these; there are: label, value"),
        ("time,value,label\n2026-09-01,1,0\n2026-09-02,1,2\n", "a.csv, line 3: '2' is no label: 1 is"),
        ("time,value,label\n2026-09-01,1,\n", "line 2: '' is no label"),
        ("time,value,label\n2026-09-01,much,0\n", "line 2: 'much' is no number"),
        ("time,value,label\n2026-09-01,inf,0\n", "line 2: 'inf' is no number that can be judged"),
        ("time,value,label\n\n01/09/2026,1,0\n", "line 3: '01/09/2026' is no moment: give ISO 8601"),
        ("time,value,label\n2026-09-01,1\n", "line 2: the row '2026-09-01,1' has 2 of 3 cells"),
        ('time,value,label\n2026-09-01,"1,0\n', "line 2: unexpected end of data"),
        ("time,value,label\n" + "2026-09-01,1,0\n" * 2, "its 2 readings are of 1 moments; if several"),
        (b"PK\x03\x04", "is a workbook of Excel or LibreOffice, no CSV"),
        (b"<!DOCTYPE html>", "is a web page"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        read_folder(written(tmp_path, text))


def test_a_column_that_is_not_there_and_a_folder_without_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no CSV file"):
        read_folder(tmp_path)
    written(tmp_path, "time,value,label\n2026-09-01,1,0\n")
    with pytest.raises(ConfigurationError, match="no column 'truth'; there are: time, value, label"):
        read_folder(tmp_path, label="truth")


def hourly(name: str, windows: list[list[int]], readings: int = 100) -> Labelled:
    time_us = np.arange(readings, dtype=np.int64) * HOUR_US
    return Labelled(name, time_us, np.ones(readings), np.array(windows, np.intp).reshape(-1, 2))


def test_halves_need_series_and_labels_that_count() -> None:
    early, late = hourly("a", [[3, 9]]), hourly("b", [[50, 52], [60, 60]])
    with pytest.raises(ConfigurationError, match="holds one series"):
        check_halves(Path("x"), [late], 9.0)
    with pytest.raises(ConfigurationError, match="of its files 1, 3, 5 and so on, by name, none has"):
        check_halves(Path("x"), [early, late], 9.0)
    with pytest.raises(ConfigurationError, match="of its files 2, 4, 6 "):
        check_halves(Path("x"), [late, early], 9.0)
    with pytest.raises(ConfigurationError, match=r"may not alarm once; give a larger --budget \(3.39 are"):
        check_halves(Path("x"), [late, late], 1.0)
    check_halves(Path("x"), [late, late], 2.0)
    told = (
        "2 series, 200 readings; thresholds of 1 with 1 labelled windows (1.7 a series and week),"
        " figures of 1 with 2"
    )
    assert described([early, late]) == told


def scored(at: dict[int, float]) -> NDArray[np.float64]:
    score = np.zeros(100)
    score[list(at)] = list(at.values())
    return score


def test_a_window_counts_whole_if_it_is_found_soon_and_not_at_all_if_late() -> None:
    corpus = [hourly("a", [[50, 59]]), hourly("b", [[30, 33], [50, 69], [80, 81]])]
    chosen = scored({53: 5.0, 20: 4.0})  # 4.5 is best: found within 3, and nothing outside
    judged = scored({33: 5.0, 54: 9.0, 82: 6.0, 83: 6.0, 84: np.nan, 5: 9.0})
    counts = reading_counts(corpus, [chosen, judged], 3)
    # The second window is found a reading too late, the third never; two outside, one in probation.
    assert [column.tolist() for column in counts] == [[4], [22], [2]]
    assert f1_of_readings(counts, np.array([[0], [0]])).tolist() == pytest.approx(
        [2 * 4 / (2 * 4 + 22 + 2)] * 2
    )
    assert reading_counts(corpus, [chosen, judged], 4).true.tolist() == [24]
    # A short window ends before `within` does, and what comes after it is false.
    assert reading_counts(corpus, [chosen, scored({83: 6.0})], 9).true.tolist() == [0]
    nothing = reading_counts([hourly("a", []), corpus[1]], [chosen, judged], 3)
    assert [column.tolist() for column in nothing] == [[0], [26], [0]]


def test_at_the_budget_an_alarm_comes_soon_or_late() -> None:
    def series(seed: int, late: int) -> Labelled:
        value = np.random.default_rng(seed).normal(100.0, 1.0, 600)
        value[400 + late : 420] += 60.0
        return hourly(str(seed), [[400, 420]], 600)._replace(value=value)

    def soon(late: int) -> tuple[float, float]:
        one = RecordedCorpus("made", [series(seed, late) for seed in range(4)], 0.3, 24 * HOUR_US)
        found = judge_halves([one], ("ew",), within=2)[0]
        assert (found.recall, found.windows) == (1.0, 2)
        return found.soon, found.readings_f1

    assert soon(late=2)[0] == 1.0
    assert soon(late=3)[0] == 0.0
    assert soon(late=2)[1] > 0.9 > 0.5 > soon(late=3)[1]
