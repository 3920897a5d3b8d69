"""Failpoints act at the asked visit of their point, and nowhere else."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from contract.errors import ConfigurationError
from eduops.failpoint import PATTERN, parse_failpoint

ROOT = Path(__file__).parents[2]


def test_kill_ends_the_process_at_the_third_visit() -> None:
    script = (
        "from eduops.failpoint import parse_failpoint\n"
        "reach = parse_failpoint('folded:kill:3')\n"
        "for point in ('folded', 'announced', 'committed') * 3:\n"
        "    print(point, flush=True)\n"
        "    reach(point)\n"
    )
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split().count("folded") == 3
    assert done.stdout.split()[-1] == "folded"


def test_stall_never_returns_and_other_points_pass() -> None:
    reach = parse_failpoint("appended:stall:2")
    reach("appended")
    reach("received")
    stalled = threading.Thread(target=reach, args=("appended",), daemon=True)
    stalled.start()
    stalled.join(0.2)
    assert stalled.is_alive()
    reach("appended")  # only the asked visit stalls


@pytest.mark.parametrize("text", [None, ""])
def test_none_passes_by(text: str | None) -> None:
    parse_failpoint(text)("folded")


@pytest.mark.parametrize("text", ["folded", "folded:burn", "nowhere:kill", "folded:kill:x", "folded:kill:0"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    assert re.fullmatch(PATTERN, text) is None
    with pytest.raises(ConfigurationError, match="failpoint"):
        parse_failpoint(text)
