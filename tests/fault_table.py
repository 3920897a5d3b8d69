"""What every fault did: the fixture `record`, the table at the end of the run, `--faults-json FILE`.

`python -m tests.fault_table FILE …` prints the table of docs/reliability.md from such files.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

HEADINGS = ("row", "fault or input", "attempted", "acknowledged", "stored", "lost", "twice", "recovery", "")


@dataclass(frozen=True)
class Account:
    """What became of the numbered readings of one fault."""

    attempted: int
    acknowledged: int
    stored: int
    """Attempted readings that have a row."""
    lost: int = 0
    """Acknowledged readings without a row."""
    doubled: int = 0
    """Rows beyond the first of a reading."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    row: str
    """Row of the list of faults, such as `12`."""
    what: str
    account: Account | None
    recovery_s: tuple[float, ...]
    """One for each repetition; empty where nothing has to recover."""
    note: str

    def cells(self) -> tuple[str, ...]:
        """Return the line as a reader sees it."""
        found = self.account
        counts: tuple[str, ...] = ("–",) * 5
        if found is not None:
            numbers = (found.attempted, found.acknowledged, found.stored, found.lost, found.doubled)
            counts = tuple(f"{n:,}" for n in numbers)
        return (self.row, self.what, *counts, shown_s(self.recovery_s), self.note)


Record = Callable[..., None]
"""`record(row, what, account=None, recovery_s=None or seconds or many seconds, note="")`."""

LINES = pytest.StashKey[list[Line]]()
HANDED_OVER = "faults"
"""Under which a worker of pytest-xdist hands its lines to the process that prints the table."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-json", type=Path, help="write what the fault tests recorded to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


@pytest.fixture
def record(pytestconfig: pytest.Config) -> Record:
    """Writes one line into the table of faults."""

    def write(
        row: str | int,
        what: str,
        account: Account | None = None,
        recovery_s: float | Sequence[float] | None = None,
        note: str = "",
    ) -> None:
        took = () if recovery_s is None else recovery_s
        seconds = (took,) if isinstance(took, int | float) else tuple(took)
        pytestconfig.stash[LINES].append(Line(str(row), what, account, seconds, note))

    return write


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[HANDED_OVER] = [asdict(line) for line in session.config.stash[LINES]]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output: dict[str, Any] = getattr(node, "workeroutput", {})  # a worker that died has none
    node.config.stash[LINES] += map(line_of, output.get(HANDED_OVER, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    recorded = config.stash[LINES]
    lines = in_order(recorded)
    if config.option.faults_json is not None:
        text = json.dumps([asdict(line) for line in lines], indent=1, ensure_ascii=False)
        config.option.faults_json.write_text(text + "\n", encoding="utf-8")
    if lines:
        terminalreporter.section("faults")
        for text in as_columns(lines):
            terminalreporter.write_line(text)


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Return the lines by row number, those of one row in the order of their recording."""
    return sorted(lines, key=lambda line: int(re.sub(r"\D.*", "", line.row) or 1000))


def as_columns(lines: Sequence[Line]) -> list[str]:
    """Return the table for a terminal, its headings first."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = {0, 1, 7, 8}
    padded = [
        [
            cell.ljust(w) if i in left else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return ["  ".join(row).rstrip() for row in padded]


def as_markdown(lines: Sequence[Line]) -> str:
    """Return the table for a document."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in in_order(lines))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def shown_s(seconds: Sequence[float]) -> str:
    """Return one time as it is, many as p50, p95 and their number.

    Percentiles are of the nearest rank: a time that was really measured.
    """
    if not seconds:
        return "–"
    if len(seconds) == 1:
        return f"{seconds[0]:.1f} s"
    half, most = percentile(seconds, 50), percentile(seconds, 95)
    return f"p50 {half:.1f} s, p95 {most:.1f} s ({len(seconds)}×)"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile by nearest rank, `share` in percent."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file that `--faults-json` wrote."""
    return [line_of(one) for one in json.loads(path.read_text(encoding="utf-8"))]


def line_of(kept: dict[str, Any]) -> Line:
    """Return a line from its fields, as `asdict` and JSON leave them."""
    account = Account(**kept["account"]) if kept["account"] else None
    return Line(kept["row"], kept["what"], account, tuple(kept["recovery_s"]), kept["note"])


if __name__ == "__main__":
    print(as_markdown([line for name in sys.argv[1:] for line in read_lines(Path(name))]))
