"""The command line within the process of the test: dozens of verbs in the time of one start."""

import logging
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from eduops.cli import main


class Said(NamedTuple):
    """How a verb ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        """The lines of stderr without the program's name."""
        return [line.removeprefix("eduops: ") for line in self.err.strip().splitlines()]


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command line with these words and return what it said."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def one(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["eduops", *words])
        code: int | str | None = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return Said(int(code or 0), said.out, said.err)

    yield one
    root.handlers[:] = handlers
    root.setLevel(level)
