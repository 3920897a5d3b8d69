"""A folder of series with labels of their own: what is read, what is refused, and F1 of readings."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from evaluation.detectors.halves import RecordedCorpus, judge_halves
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.labelled_folder import (
    FileForm,
    check_halves,
    described,
    read_folder,
    read_series,
    too_short,
)
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
        "sep=;\nX;timestamps;is_anomaly;value\n;2026/9/1 0:00;no;1,0\n;2026-9-1 2:00;yes;-\n"
        ";202609010100;T;2,00\n",
        ",value,label\n2026-09-01 07:00+07:00,1,0\n2026-09-01 02:00 UTC,?,1\n"
        "2026-09-01 01:00:00.000,2e0,1.00\n",
        "2026-09-01,1,0\n1788228000000000,,1\n1788224400000000000,2,1\n",
        "1.788220800000000000e+09,1e0,0.0e+00\n1.7882280e9,nan,1e+00\n1.7882244e+09,2.0e+00,1e+00\n",
        gzip.compress(b"Time,Data,Label\r2026-09-01,1,0\r2026-09-01T02,N/A,1\r2026-09-01T01,2,1\r", mtime=0),
        "Date\tX\tAnomaly\n2026-09-01\t1\t0\n2026-09-01T02:00\t\t1\n2026-09-01T01:00\t2\t1\n".encode(
            "utf-16"
        ),
    ],
    ids=[
        "quoted and unordered",
        "seconds",
        "milliseconds",
        "tabs and words",
        "decimal commas",
        "index of pandas and zones",
        "no heading",
        "saved by numpy",
        "packed, other ends of lines",
        "utf-16",
    ],
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
    found = read_folder(tmp_path, FileForm(label="odd", column="b"))
    assert [series.name for series in found] == ["a", "b/one"]
    assert [series.value.tolist() for series in found] == [[2.0], [2.0]]
    assert [series.windows.tolist() for series in found] == [[[0, 0]], [[0, 0]]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a.csv is empty"),
        ("time,value,label\n", "holds a heading and no reading"),
        ("2026-09-01,1,0,2\n2026-09-02,1,0,2\n", "begins with a reading; give it a heading"),
        (
            "time,value\n2026-09-01,1\n",
            "no column of labels, or say by --label which it is; there are: time, value",
        ),
        (
            "time,label\n2026-09-01,1\n",
            "no column of values, or say by --column which it is; there are: time, label",
        ),
        (
            "datetime;a;b;anomaly\n2026-09-01;1;2;0\n",
            "several columns that may be the values; say by --column which it is; there are: datetime, a, b,",
        ),
        ("label,value\n1,1\n", "no column of moments beside these; if rows follow each other, say how far"),
        ("timestamp,value,label\n1,1,0\n", "line 2: '1' is no moment.*if it counts rows, say by --every how"),
        ("time,value,label\n2026-09-01,1,0\n2026-09-02,1,2\n", "a.csv, line 3: '2' is no label: 1 is"),
        ("time,value,label\n2026-09-01,1,\n", "line 2: '' is no label"),
        ("time,value,label\n2026-09-01,much,0\n", "line 2: 'much' is no number"),
        ("time,value,label\n2026-09-01,inf,0\n", "line 2: 'inf' is no number that can be judged"),
        ("time,value,label\n2026-09-01,-1e200,0\n", "line 2: '-1e200' is no number that can be judged"),
        ("time,value,label\n\n01/09/2026,1,0\n", "line 3: '01/09/2026' is no moment that is certain: write"),
        ("time,value,label\n2026-09-01,1\n", "line 2: the row '2026-09-01,1' has 2 of 3 cells"),
        ('time,value,label\n2026-09-01,"1,0\n', "line 2: a quotation mark is opened and not closed"),
        (
            'time,value,label\n2026-09-01,"1,0\n' + "2026-09-02,1,0\n" * 99,
            "line 2: a quotation mark is opened",
        ),
        (
            "time;value;label\n2026-09-01;1.234,5;0\n",
            "line 2: '1.234,5' is no number; write 1234.5, with nothing",
        ),
        ("time,value,label\n2026-09-01,1_000,0\n", "line 2: '1_000' is no number"),
        ("time,value,label\n2026-02-30,1,0\n", "line 2: '2026-02-30' is no moment: give ISO 8601"),
        ("time,value,label\n" + "2026-09-01,1,0\n" * 2, "its 2 readings are of 1 moments; if several"),
        (b"PK\x03\x04", "is a workbook of Excel or LibreOffice, no CSV"),
        (b"<!DOCTYPE html>", "is a web page"),
        (b"PAR1\x15\x04", "is a Parquet file, no CSV"),
        (gzip.compress(b"time,value,label\n" * 99, mtime=0)[:-20], "cannot be read: Compressed file ended"),
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
        read_folder(tmp_path, FileForm(label="truth"))


COLLECTIONS = {
    "001_UCR_Anomaly_x_2_4_5.txt": (" 1.0e+00\n 2.0\n 3.0\n 4.0\n 5.0\n", [[3, 4]]),
    "204_UCR_Anomaly_in_one_line_2_4_4.txt": ("  1.0  2.0  3.0  4.0  5.0\n", [[3, 3]]),
    "YahooA1/real_1.csv": (
        "timestamp,value,is_anomaly\n1,1,0\n2,2,1\n3,3,0\n4,4,0\n5,5,1\n",
        [[1, 1], [4, 4]],
    ),
    "tsb-uad.out": ("1,0\n2,0\n3,1\n4,0\n5,0\n", [[2, 2]]),
    "001_tsb-ad_tr_2_1st_3.csv": ("Data,Label\n1,0\n2,0\n3,1.0\n4,0\n5,0\n", [[2, 2]]),
}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_public_collections_without_moments_are_read_as_they_come(tmp_path: Path, name: str) -> None:
    text, windows = COLLECTIONS[name]
    (series,) = read_folder(written(tmp_path, text, name), FileForm(every_us=HOUR_US))
    assert series.name == name.rpartition(".")[0]
    assert series.value.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.diff(series.time_us).tolist() == [HOUR_US] * 4
    assert series.windows.tolist() == windows


def test_one_of_several_values_beside_one_label_is_chosen(tmp_path: Path) -> None:
    rows = "".join(f"2020-03-09 10:14:{s};9;{s - 9},5;{s // 13}.0;0\n" for s in range(10, 15))
    written(tmp_path, "datetime;Pressure;Temperature;anomaly;changepoint\n" + rows, "valve1/0.csv")
    (series,) = read_folder(tmp_path, FileForm(column="Temperature"))
    assert (series.name, series.windows.tolist()) == ("valve1/0", [[3, 4]])
    assert series.value.tolist() == [1.5, 2.5, 3.5, 4.5, 5.5]


def test_a_column_tells_the_series_of_one_file_apart(tmp_path: Path) -> None:
    rows = "".join(f"{1788220800 + 60 * k},{k},{int(k == 2)},{key}\n" for k in range(3) for key in ("b", "a"))
    text = "timestamp,value,label,KPI ID\n" + rows
    with pytest.raises(ConfigurationError, match=r"6 readings are of 3 moments; if several .* labelled --by"):
        read_folder(written(tmp_path, text))
    found = read_folder(tmp_path / "a.csv", FileForm(by="KPI ID"))
    assert [(one.name, one.value.tolist(), one.windows.tolist()) for one in found] == [
        ("a:a", [0.0, 1.0, 2.0], [[2, 2]]),
        ("a:b", [0.0, 1.0, 2.0], [[2, 2]]),
    ]


def test_notes_beside_the_series_are_no_series(tmp_path: Path) -> None:
    written(tmp_path, "time,value,label\n2026-09-01,1,0\n", "a.csv.gz")
    written(tmp_path, "How these were recorded.\n", "README.txt")
    assert [one.name for one in read_folder(tmp_path)] == ["a"]


LABEL_FILES = {
    "pairs.json": '[["2026-09-01T01:00", "2026-09-01T02:00"]]',
    "marked.json": '\ufeff{"windows": ["2026-09-01 01:00", 1788228000]}',
    "pairs.csv": "from;to\n2026-09-01 08:00+07;2026/9/1 2:30\n",
    "moments.csv": "when\n2026-09-01 01:00\n2026-09-01 02:00\n",
}


@pytest.mark.parametrize("name", LABEL_FILES)
def test_labels_of_a_file_of_their_own(tmp_path: Path, name: str) -> None:
    rows = "".join(f"2026-09-01T{hour:02}:00,5,0\n" for hour in range(5))
    written(tmp_path, "time,value,is_anomaly\n" + rows, "line.csv")
    written(tmp_path, LABEL_FILES[name], name)
    series = read_series(tmp_path / "line.csv", tmp_path / name)
    assert sorted({k for first, last in series.windows for k in range(first, last + 1)}) == [1, 2]
    assert read_series(tmp_path / "line.csv").windows.tolist() == []


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ('[["2026-09-01T02:00", "2026-09-01T01:00"]]', "a label ends at 2026-09-01T01:00:00Z, before it"),
        ('[["2026-09-02", "2026-09-03"]]', "none of its 1 labels holds a reading of .*from 2026-09-01T00"),
        ('{"a": 1}', "holds no list of"),
        ('[["soon", "later"]]', "a label is not a pair of moments: 'soon' is no moment"),
        ("[[1]]", "a label is not a pair of moments"),
        ("[", "cannot be read"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(tmp_path: Path, labels: str, sentence: str) -> None:
    written(tmp_path, "time,value\n2026-09-01,5\n", "line.csv")
    written(tmp_path, labels, "labels.json")
    with pytest.raises(ConfigurationError, match=sentence):
        read_series(tmp_path / "line.csv", tmp_path / "labels.json")


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


def test_series_that_are_over_before_a_second_alarm_may_come_are_told() -> None:
    assert too_short([hourly("a", []), hourly("b", [])], 24 * HOUR_US) == ""
    told = too_short([hourly("a", [], 20), hourly("b", [], 20)], 24 * HOUR_US)
    assert told.startswith("half of the series last 19 h at most, and for 24 h after an alarm")


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
        one = RecordedCorpus("made", [series(seed, late) for seed in range(4)], 0.6, 24 * HOUR_US)
        found = judge_halves([one], ("ew",), within=2)[0]
        assert (found.recall, found.windows) == (1.0, 2)
        return found.soon, found.readings_f1

    assert soon(late=2)[0] == 1.0
    assert soon(late=3)[0] == 0.0
    assert soon(late=2)[1] > 0.9 > 0.5 > soon(late=3)[1]
