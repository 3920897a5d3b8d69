"""The desk's lists as tables for CSV files: incidents, alerts, refusals, times of response (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from alerting.messages.story import Office
from contract.alert import Alert, is_chronic
from contract.fleet import Fleet
from contract.incident import Incident, IncidentState, Membership
from contract.naming.plain import plain_name
from contract.rejected import detail_words
from contract.texts import Language
from ops_dashboard.view.desk.sheet import UNKNOWN, Scribe, SheetCell, SheetRow, SheetTable
from ops_dashboard.view.incidents import IncidentWords, incident_words
from ops_dashboard.view.lines import Trend, trend_of
from storage.wall import QuarantineRow

ALERT_COLUMNS: Final = (
    *("id", "priority", "alert", "school", "code", "ward", "cluster", "isp", "value", "since", "until"),
)
SPANS: Final = ("detect", "notify", "acknowledge", "resolve")
GROUPS: Final = ("open", "acknowledged", "silenced", "chronic", "resolved")
"""Parts of the list of incidents in their order; each has texts in texts.toml."""


class ListChoice(NamedTuple):
    """Which lines of a list are wanted, as its page's address says; empty for all."""

    state: str = ""
    priority: str = ""
    rule: str = ""
    cluster: str = ""
    """Its name."""
    isp: str = ""
    text: str = ""
    sort: str = ""
    """Column of the list of incidents that it is sorted by, with `-` for falling; empty for as it comes."""


def group_of(incident: Incident, silenced: frozenset[str]) -> str:
    """Return the part of the list in which an incident stands."""
    if incident.ended_at_us is not None:
        return "resolved"
    if incident.incident_id in silenced:
        return "silenced"
    if is_chronic(incident.rule):
        return "chronic"
    return "acknowledged" if incident.state is IncidentState.ACKNOWLEDGED else "open"


def incident_list(
    incidents: Iterable[Incident],
    silenced: frozenset[str],
    choice: ListChoice,
    office: Office,
    now_us: int,
    scribe: Scribe,
) -> SheetTable:
    """Return incidents as their list shows them: part by part, the most urgent first or as it is sorted."""
    lines = [
        _Line(
            one,
            incident_words(one, office, scribe.language, now_us),
            group_of(one, silenced),
        )
        for one in incidents
        if not one.merged_into
    ]
    rows = []
    for one, words, group in _in_order([line for line in lines if line.fits(choice)], choice.sort):
        texts = [one.incident_id, f"P{one.priority}", words.name, words.what]
        counts = [scribe.number(one.schools), scribe.number(one.most_schools)]
        ended = _moment(one.ended_at_us, office.zone)
        state = scribe.say(f"incident.group_{group}")
        trend = trend_of(one, now_us)
        tells = one.ended_at_us is None and trend is not Trend.STEADY
        going = scribe.say(f"wall.{trend.value}") if tells else ""
        opened = _moment(one.opened_at_us, office.zone)
        rest = [going, words.pupils, opened, ended, state, words.who, words.todo]
        rows.append(SheetRow([*map(SheetCell, texts), *counts, *map(SheetCell, rest)]))
    columns = (
        "id",
        "priority",
        "incident",
        "what",
        "reach",
        "most",
        "trend",
        "pupils",
        "since",
        "until",
        "state",
        "who",
        "todo",
    )
    return scribe.table("incidents", columns, rows)


class _Line(NamedTuple):
    incident: Incident
    words: IncidentWords
    group: str

    def fits(self, choice: ListChoice) -> bool:
        """Return whether it is wanted."""
        told = (self.group, str(self.incident.priority), self.words.cluster, self.words.isp)
        wanted = (choice.state, choice.priority, choice.cluster, choice.isp)
        return all(want in ("", one) for want, one in zip(wanted, told, strict=True))


_SORTS: Final[Mapping[str, Callable[[_Line], Any]]] = {
    "priority": lambda line: line.incident.priority,
    "name": lambda line: plain_name(line.words.name),
    "reach": lambda line: _now_or_most(line.incident, line.incident.schools, line.incident.most_schools),
    "pupils": lambda line: _now_or_most(line.incident, line.incident.pupils, line.incident.most_pupils),
    "since": lambda line: line.incident.opened_at_us,
    "who": lambda line: plain_name(line.words.who),
    "todo": lambda line: plain_name(line.words.todo),
}
"""What each column sorts by, as in `incidents.js`."""


def _now_or_most(incident: Incident, now: int, most: int) -> int:
    return now if incident.ended_at_us is None else most


def _in_order(lines: Iterable[_Line], sort: str) -> list[_Line]:
    """Return lines part by part; within one by a column, or by urgency and what is over by its end."""

    def usual(line: _Line) -> tuple[int, int, int, str]:
        one = line.incident
        urgency = (one.priority, -one.last_opened_at_us) if one.ended_at_us is None else (0, -one.ended_at_us)
        return (GROUPS.index(line.group), *urgency, one.incident_id)

    found = sorted(lines, key=usual)
    by = _SORTS.get(sort.removeprefix("-"))
    if by is not None:
        found.sort(key=by, reverse=sort.startswith("-"))
        found.sort(key=lambda line: GROUPS.index(line.group))
    return found


def alert_list(
    alerts: Iterable[Alert],
    silenced_us: Mapping[str, int],
    choice: ListChoice,
    office: Office,
    fleet: Fleet,
    scribe: Scribe,
) -> SheetTable:
    """Return alerts, as they may be shown, as their list shows them, the most urgent first.

    Resolved ones are asked for. Of those that nobody is told of it is said until when, `silenced_us` by id.
    """
    rows = []
    for one in sorted(alerts, key=lambda a: (a.priority, -a.opened_at_us, a.alert_id)):
        cells = _alert(one, office, fleet, scribe)
        cluster = cells[6].text
        state = "open" if one.acknowledged_at_us is None else "acknowledged"
        state = state if one.resolved_at_us is None else "resolved"
        until_us = silenced_us.get(one.alert_id)
        told = plain_name(" ".join(cell.text for cell in cells))
        states = {state} if until_us is None else {state, "silenced"}
        is_wanted = choice.state in states if choice.state else state != "resolved"
        is_wanted = is_wanted and choice.priority in ("", str(one.priority))
        is_there = choice.cluster in ("", cluster) and choice.isp in ("", cells[7].text)
        has_words = all(word in told for word in plain_name(choice.text).split())
        if is_wanted and is_there and has_words and choice.rule in ("", one.rule):
            said = SheetCell(scribe.say(f"alerts.state_{state}"))
            until = "" if until_us is None else _moment(until_us, office.zone)
            rows.append(SheetRow([*cells, said, SheetCell(one.acknowledged_by or ""), SheetCell(until)]))
    columns = (*ALERT_COLUMNS, "state", "who", "silenced_until")
    return scribe.table("alerts", columns, rows)


def member_list(members: Iterable[Membership], office: Office, fleet: Fleet, scribe: Scribe) -> SheetTable:
    """Return the alerts of an incident, as they may be shown, open ones first."""
    rows = [
        SheetRow([*_alert(m.alert, office, fleet, scribe), SheetCell(m.alert.acknowledged_by or "")])
        for m in members
    ]
    columns = (*ALERT_COLUMNS, "who")
    return scribe.table("members", columns, rows)


def refusal_list(refusals: Iterable[QuarantineRow], zone: ZoneInfo, scribe: Scribe) -> SheetTable:
    """Return refusals, as they may be shown, the latest first."""
    rows = []
    for row in refusals:
        one = row.rejected
        why = scribe.say(f"reason.{one.reason.value}")
        detail = detail_words(one.detail, scribe.texts, scribe.language)
        texts = [_moment(one.at_us, zone), one.reason.value, why, one.topic, detail, one.excerpt]
        rows.append(SheetRow([*map(SheetCell, texts), scribe.number(one.payload_bytes)]))
    columns = ("at", "reason", "todo", "topic", "detail", "excerpt", "bytes")
    return scribe.table("refusals", columns, rows)


def response_list(groups: Sequence[Mapping[str, Any]], scribe: Scribe) -> SheetTable:
    """Return how fast incidents are answered, by group: medians and nine in ten, seconds."""
    rows = []
    for one in groups:
        cells = [
            SheetCell(one["group"] or scribe.say("response.group_none")),
            scribe.number(one["incidents"]),
        ]
        for name in SPANS:
            spread = one[name]
            cells += [scribe.number(None if spread is None else spread[s], 0) for s in ("median_s", "p90_s")]
        cells += [scribe.number(one["right"]), scribe.number(one["judged"])]
        rows.append(SheetRow(cells))
    spans = [f"{name}_{part}" for name in SPANS for part in ("median", "p90")]
    return scribe.table("response", ("group", "incidents", *spans, "right", "judged"), rows)


def _alert(alert: Alert, office: Office, fleet: Fleet, scribe: Scribe) -> list[SheetCell]:
    rule = office.rules.get(alert.rule)
    title = alert.rule
    if rule is not None:
        title = rule.title_vi if scribe.language is Language.VI else rule.title_en
    school = fleet.school_of(alert.school_id)
    place = [scribe.say("wall.center"), "", "", "", ""]
    if school is not None:
        ward = fleet.ward_by_code[school.ward_code]
        cluster = fleet.cluster_by_code[ward.cluster_code].name
        place = [school.name, school.code, ward.short_name, cluster, school.isp]
    value = SheetCell(UNKNOWN) if alert.value is None else SheetCell(str(alert.value), alert.value, 3)
    head = [alert.alert_id, f"P{alert.priority}", title, *place]
    moments = [_moment(alert.opened_at_us, office.zone), _moment(alert.resolved_at_us, office.zone)]
    return [*map(SheetCell, head), value, *map(SheetCell, moments)]


def _moment(at_us: int | None, zone: ZoneInfo) -> str:
    """Return a local moment as spreadsheet programs read it; empty for none."""
    if at_us is None:
        return ""
    return datetime.fromtimestamp(at_us // 1_000_000, zone).strftime("%Y-%m-%d %H:%M:%S")
