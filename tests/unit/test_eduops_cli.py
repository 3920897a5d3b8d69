"""The command line fails in one sentence, without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "eduops", *words]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("status",), "no eduops runs on"),
        (("quarantine",), "no eduops runs on"),
        (("dashboard", "--port", "70000"), "'port' (EDUOPS_PORT) is 70000"),
        (("ingest", "--config", "none.toml"), "none.toml does not exist"),
    ],
)
def test_a_failure_is_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    done = _run(*words, "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("eduops: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_faults_lists_every_kind() -> None:
    assert "isp-outage" in _run("faults").stdout
