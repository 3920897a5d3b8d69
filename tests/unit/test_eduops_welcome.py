"""The last words of `eduops up` are seen: the wall, how to get in, how to stop; and nothing buries them."""

import logging
import re
from pathlib import Path

import pytest

from eduops.data_folder import DataFolder
from eduops.log_lines import JsonLines, TextLines
from eduops.machine.people import Entrance
from eduops.machine.system import SERVICE_CHATTER
from eduops.machine.welcome import welcome

LINK = "http://localhost:8050/enter/SECRET?next=/"


def test_a_newcomer_reads_how_to_get_in_and_how_to_stop(tmp_path: Path) -> None:
    lines = welcome(Entrance(LINK, "admin"), DataFolder(tmp_path)).splitlines()
    assert [line for line in lines if line.endswith(LINK)], (
        "a line's end, so that a terminal makes a link of it"
    )
    for words in ("Màn hình · The wall", "user link admin", "status", "Ctrl-C", "mật khẩu", "password"):
        assert any(words in line for line in lines), words
    assert (lines[0], *{*lines[1], *lines[-1]}) == ("", "═"), "it stands apart from log lines"


def test_whoever_has_a_password_is_given_no_link(tmp_path: Path) -> None:
    said = welcome(Entrance("http://localhost:8050/", ""), DataFolder(tmp_path))
    assert "user link" not in said
    assert "Sign in by name and password" in said


@pytest.mark.parametrize("formatter", [TextLines("ingest"), JsonLines("ingest")])
@pytest.mark.parametrize(("level", "is_shown"), [("DEBUG", 0), ("INFO", 0), ("WARNING", 1), ("CRITICAL", 1)])
def test_progress_goes_to_the_log_files_alone(
    formatter: logging.Formatter, level: str, is_shown: bool
) -> None:
    number = logging.getLevelNamesMapping()[level]
    record = logging.LogRecord("ingest", number, "x.py", 1, "event=progress messages=%d", (1,), None)
    assert bool(re.search(SERVICE_CHATTER, formatter.format(record))) is not bool(is_shown)


def test_a_traceback_is_shown() -> None:
    assert not re.search(SERVICE_CHATTER, '  File "x.py", line 1, in INFO')
