"""Stories of who is told: `story.toml` sets the stage, `log.csv` happens, `notices.csv` is said.

A row of `log.csv` is something at so many seconds after the start. `down` and `up` are of schools: of
`school=3`, or of `isp=FPT` or `ward=0` or both, the `first` so many of them, `apart_ms` from one to the next.
All else is a deed of `who` upon the incident of the school that is named, or what a notifier says. Schools
are those of `tests.incident_log`: eight wards of 15, or of `schools_a_ward`, whose providers come in turn.
"""

import csv
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alerting.incidents.groups import Groups
from contract.incident import Exercise, IncidentDeed
from contract.routing.notice import HeldReason, NoticeAnswer
from contract.routing.routes_file import parse_routes
from contract.routing.silence import (
    Recurrence,
    Silence,
    SilenceEnded,
    SilenceKind,
    SilenceMatcher,
    SilenceSet,
)
from contract.routing.swap import Swap, SwapEnded, SwapSet
from tests.incident_log import GROUPS, SECOND_US, Desk, LogEntry, city, did, opened, resolved, schools_of

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/story.toml"))
ROUTES = (Path(__file__).parent / "routes.toml").read_text(encoding="utf-8")
FIELDS = ("at_s", "to", "reason", "schools", "incidents")


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("restarts", [False, True], ids=["at once", "restarted on the way"])
def test_story(folder: Path, restarts: bool) -> None:
    config = tomllib.loads((folder / "story.toml").read_text(encoding="utf-8"))
    own = folder / "routes.toml"
    routes = own.read_text(encoding="utf-8") if own.exists() else ROUTES
    story = _Story(config, routes, restarts=restarts)
    for row in _rows(folder / "log.csv"):
        story.happen(row)
    story.pass_time(config["seconds"])
    assert story.told() == _rows(folder / "notices.csv"), config["story"]


class _Story:
    def __init__(self, config: dict[str, Any], routes: str, *, restarts: bool) -> None:
        start: datetime = config["start"]
        self._start_us = int(start.timestamp()) * SECOND_US
        groups = GROUPS
        if "schools_a_ward" in config:
            groups = Groups(city(config["schools_a_ward"]))
        self._desk = Desk(parse_routes(routes), groups)
        self._restarts = restarts
        self._open: dict[tuple[int, str], LogEntry] = {}
        self._schools: dict[str, int] = {}
        self._exercises: set[str] = set()

    def happen(self, row: dict[str, str]) -> None:
        at_us = self._start_us + round(float(row["at_s"]) * SECOND_US)
        rule, priority = row["rule"] or "wan_down", int(row["priority"] or 1)
        if row["what"] in ("down", "up"):
            for n, school in enumerate(self._named(row)):
                self._change(
                    school, rule, priority, at_us + n * int(row["apart_ms"] or 0) * 1000, row["what"]
                )
            return
        self.pass_time(at_us)
        if row["what"] in ("silence", "unsilence"):
            self._silence(row, at_us)
            return
        if row["what"] in ("swap", "unswap"):
            self._swap(row, at_us)
            return
        if row["what"] == "exercise":
            until_us = at_us + int(row["more"].removeprefix("lasts_s=")) * SECOND_US
            schools = tuple(self._named(row))
            self._take(LogEntry(at_us, Exercise("e1", row["who"], "", schools, at_us, until_us, at_us)))
            return
        (school,) = self._named(row)
        incident_id = self._incident_of(school, rule)
        if row["what"] in ("unreachable", "withheld"):
            said = [n for n in self._desk.notices if (n.to, n.incident_id) == (row["who"], incident_id)][-1]
            why = HeldReason(row["what"])
            answer = NoticeAnswer(said.notice_id, incident_id, said.to, said.route, why)
            self._take(LogEntry(at_us, answer))
            return
        more: dict[str, Any] = dict(pair.split("=") for pair in row["more"].split())
        self._take(did(IncidentDeed(row["what"]), incident_id, at_us, row["who"], **more))

    def _silence(self, row: dict[str, str], at_us: int) -> None:
        """Set the silence that `more` describes, its times in seconds after the start, or end it."""
        said = dict(pair.split("=") for pair in row["more"].split())
        silence_id = f"00000000-0000-4000-8000-{int(said.pop('id', '1')):012}"
        if row["what"] == "unsilence":
            self._take(LogEntry(at_us, SilenceEnded(silence_id, row["who"], at_us)))
            return
        recurrence = None
        if "rrule" in said:
            rrule = said.pop("rrule").replace(":", "=")
            lasts_us = int(said.pop("lasts_s")) * SECOND_US
            recurrence = Recurrence(rrule, lasts_us, "Asia/Ho_Chi_Minh")
        from_us, until_us = (self._start_us + int(said.pop(key)) * SECOND_US for key in ("from_s", "until_s"))
        matchers = tuple(SilenceMatcher(name, value) for name, value in said.items())
        silence = Silence(
            silence_id,
            SilenceKind.SILENCE,
            matchers,
            from_us,
            until_us,
            row["who"],
            "known work",
            at_us,
            recurrence,
        )
        self._take(LogEntry(at_us, SilenceSet(silence)))

    def _swap(self, row: dict[str, str], at_us: int) -> None:
        """Let `person` have the duty of `rota`, from now until `until_s` after the start, or end that."""
        if row["what"] == "unswap":
            self._take(LogEntry(at_us, SwapEnded("w1", row["who"], at_us)))
            return
        said = dict(pair.split("=") for pair in row["more"].split())
        until_us = self._start_us + int(said["until_s"]) * SECOND_US
        swap = Swap("w1", said["rota"], said["person"], at_us, until_us, row["who"], "is ill", at_us)
        self._take(LogEntry(at_us, SwapSet(swap)))

    def pass_time(self, until: int) -> None:
        """Let the time come, with a tick whenever something waits for it; seconds, or µs since 1970."""
        until_us = until if until > self._start_us else self._start_us + until * SECOND_US
        while (due_us := self._desk.due_us) is not None and due_us <= until_us:
            self._take(LogEntry(due_us))

    def told(self) -> list[dict[str, str]]:
        found = []
        for notice in self._desk.notices:
            row = (
                f"{(notice.at_us - self._start_us) / SECOND_US:.9g}",
                notice.to,
                notice.reason.value + (" (exercise)" if notice.notice_id in self._exercises else ""),
                str(self._schools[notice.notice_id]),
                str(len(notice.incidents) or 1),
            )
            found.append(dict(zip(FIELDS, row, strict=True)))
        return found

    def _change(self, school: int, rule: str, priority: int, at_us: int, what: str) -> None:
        self.pass_time(at_us)
        if what == "down":
            entry = self._open[school, rule] = opened(school, at_us, rule, priority)
        else:
            entry = resolved(self._open.pop((school, rule)), at_us)
        self._take(entry)

    def _take(self, entry: LogEntry) -> None:
        before = len(self._desk.notices)
        self._desk.take([entry])
        for notice in self._desk.notices[before:]:
            named = notice.incidents or (notice.incident_id,)
            incidents = [self._desk.incidents[i] for i in named]
            self._schools[notice.notice_id] = sum(incident.schools for incident in incidents)
            if any(incident.exercise for incident in incidents):
                self._exercises.add(notice.notice_id)
        if self._restarts:
            self._desk.restart()

    def _named(self, row: dict[str, str]) -> list[int]:
        """Return the ids of the schools that a row names."""
        named = dict(pair.split("=") for pair in row["schools"].split())
        if "school" in named:
            return [int(named["school"])]
        ward = named.get("ward")
        found = schools_of(named.get("isp"), None if ward is None else int(ward), self._desk.groups.fleet)
        return found[int(named.get("from", 0)) :][: int(named.get("first", len(found)))]

    def _incident_of(self, school: int, rule: str) -> str:
        alerts = [a for a in self._desk.alerts.values() if (a.school_id, a.rule) == (school, rule)]
        return self._desk.members[alerts[-1].alert_id].incident_id


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
