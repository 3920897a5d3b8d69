"""Stories in virtual time: `config.toml` sets the stage, `input.csv` arrives, `expected.csv` opens and ends.

A row of `input.csv` arrives `at_s` seconds after the start, at one school or at all (`*`), measured
`age_s` earlier; with `every_s` and `until_s` it comes again and again. Nothing else happens but ticks.
Within `gap_s` the log stands still, within `deaf_s` ingest has lost its broker; school 0 is the center.
"""

import csv
import tomllib
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.calendar import parse_calendar
from contract.entry import Entry, ReadingsEntry, TickEntry, Trouble
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.step import step
from tests.fold_world import CATALOGUE, SECOND_US, columns, packaged, series_named, small_fleet

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/config.toml"))
Story = dict[str, Any]


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("restarts", [False, True], ids=["at once", "restarted on the way"])
def test_story(folder: Path, restarts: bool) -> None:
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    expected = _rows(folder / "expected.csv")
    assert _tell(config, _rows(folder / "input.csv"), restarts=restarts) == expected, config["story"]


def _tell(config: Story, rows: list[dict[str, str]], *, restarts: bool) -> list[dict[str, str]]:
    start: datetime = config["start"]
    start_us = int(start.timestamp()) * SECOND_US
    fold = _fold(config)
    log = _log(config, rows, start_us)
    state, told = fold.initial_state(), []
    for cut in range(0, len(log), 97):
        if restarts:
            state = decode(fold, encode(fold, state))
        state, output = step(fold, state, log[cut : cut + 97])
        told += [
            {
                "at_s": str((t.detected_at_us - start_us) // SECOND_US),
                "school": str(t.school_id),
                "rule": t.rule,
                "kind": t.kind.value,
                "priority": str(t.priority),
            }
            for t in output.transitions
        ]
    return told


def _fold(config: Story) -> Fold:
    fleet = small_fleet(config["schools"])
    day = config["start"].date().isoformat()
    closures = "".join(
        f'\n[[closure.{fleet.school_by_id[i].code}]]\nfirst = {day}\nlast = {day}\nname = "flood"\n'
        for i in config.get("closed", [])
    )
    calendar = parse_calendar(packaged("calendar.toml") + closures)
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    return build_fold(fleet, CATALOGUE, calendar, rules, 0, 1)


def _log(config: Story, rows: list[dict[str, str]], start_us: int) -> list[Entry]:
    arriving: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for row in rows:
        schools = range(1, config["schools"] + 1) if row["school"] == "*" else [int(row["school"])]
        first, age_s = int(row["at_s"]), int(row["age_s"])
        for at_s in range(first, int(row["until_s"] or first) + 1, int(row["every_s"] or 1)):
            measured_us = start_us + (at_s - age_s) * SECOND_US
            arriving[at_s] += [
                (measured_us, series_named(school, row["metric"]), float(row["value"])) for school in schools
            ]
    gap_from, gap_to = config.get("gap_s", [-1, -1])
    deaf_from, deaf_to = config.get("deaf_s", [-1, -2])
    troubled = {
        at_s: (Trouble(name),) for name, times in config.get("troubles", {}).items() for at_s in times
    }
    ticks = range(0, config["seconds"] + 1, config.get("tick_every_s", 1))
    log: list[Entry] = []
    for at_s in sorted({*ticks, *arriving}):
        if gap_from < at_s < gap_to:
            continue
        if at_s in arriving:
            log.append(ReadingsEntry(start_us + at_s * SECOND_US, columns(arriving[at_s])))
        if at_s in ticks:
            hears = not deaf_from <= at_s <= deaf_to
            log.append(TickEntry(start_us + at_s * SECOND_US, hears, troubled.get(at_s, ())))
    return log


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_story_cut_otherwise_ends_the_same() -> None:
    folder = Path(__file__).parent / "wan_down_and_back"
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    fold = _fold(config)
    log = _log(config, _rows(folder / "input.csv"), int(config["start"].timestamp()) * SECOND_US)
    whole, _ = step(fold, fold.initial_state(), log)
    state = fold.initial_state()
    for entry in log:
        state, _ = step(fold, state, [entry])
    np.testing.assert_array_equal(whole.mark_us, state.mark_us)
