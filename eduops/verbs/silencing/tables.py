"""What `eduops silence` prints."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerting.silences.announced import Imported, ImportOutcome
from alerting.silences.calendar_file import AnnouncedWork
from alerting.silences.known_names import UnknownName, warnings
from alerting.silences.matching import matches, muted
from alerting.silences.preview import SilencePreview
from alerting.silences.recurrence import state_of
from config.files import shipped_texts
from contract.access.user import written_out
from contract.calendar import SchoolCalendar
from contract.routing.silence import Silence, SilenceSet, SilenceState
from contract.texts import Language
from eduops.verbs.silencing.options import sentence
from eduops.verbs.silencing.running import SilencesNow

_OUTCOMES = {
    ImportOutcome.NEW: "new",
    ImportOutcome.MOVED: "moved; the former silence makes way",
    ImportOutcome.UNCHANGED: "as before",
    ImportOutcome.ENDED_BY_HAND: "as before, and somebody ended it: it stays ended",
    ImportOutcome.CANCELLED: "cancelled; its silence ends now",
    ImportOutcome.NOTHING_TO_CANCEL: "cancelled, and there is no silence of it",
    ImportOutcome.OVER: "is past",
    ImportOutcome.REFUSED: "refused",
}


def render_silences(now: SilencesNow, calendar: SchoolCalendar, at_us: int, *, as_json: bool) -> str:
    """Return the silences, each with how many open alerts it mutes."""
    found = [(silence, *_state(silence, now, calendar, at_us)) for silence in now.silences]
    if as_json:
        rows: list[dict[str, Any]] = [
            msgspec.to_builtins(silence) | {"state": state, "mutes_now": count}
            for silence, state, count in found
        ]
        return json.dumps(rows, ensure_ascii=False, indent=1)
    everything = len(muted(now.silences, now.alerts, now.fleet, calendar, at_us))
    lines = [f"{everything:,} of {len(now.alerts):,} open alerts are muted"]
    for silence, state, count in found:
        lines += [
            f"{silence.silence_id}  {state:<7}  {silence.kind.value}, mutes {count:,}",
            f"    {', '.join(map(str, silence.matchers))}",
            f"    {_hours(silence, calendar.timezone)}",
            f"    {silence.owner}: {silence.reason}",
        ]
    return "\n".join(map(written_out, lines))


def render_added(silence: Silence, unknown: Iterable[UnknownName], *, as_json: bool) -> str:
    """Return the id of a silence that was made, and what is odd about it."""
    warned = list(warnings(unknown, shipped_texts(), Language.EN))
    if as_json:
        return json.dumps({"silence_id": silence.silence_id, "warnings": warned}, ensure_ascii=False)
    return "\n".join([silence.silence_id, *warned])


def render_preview(
    seen: SilencePreview, unknown: Iterable[UnknownName], zone: ZoneInfo, *, as_json: bool
) -> str:
    """Return what a silence would do."""
    warned = list(warnings(unknown, shipped_texts(), Language.EN))
    if as_json:
        return json.dumps(msgspec.to_builtins(seen) | {"warnings": warned}, ensure_ascii=False, indent=1)
    urgent = ", ".join(f"{count:,} P{priority}" for priority, count in seen.by_priority.items())
    lines = [
        *warned,
        f"mutes {seen.mutes_now:,} open alerts now",
        f"would have muted {seen.would_have_muted:,} in the last week ({urgent}),"
        f" of {seen.matched:,} that it matches at any hour",
    ]
    lines += [
        f"    {_moment(e.opened_at_us, zone)}  P{e.priority}  {e.rule}  {e.school or '–'}"
        for e in seen.examples
    ]
    return "\n".join(lines)


def render_import(
    works: Sequence[AnnouncedWork], found: Sequence[Imported], troubles: Iterable[str], zone: ZoneInfo
) -> str:
    """Return what became of each event of a calendar file."""
    lines = []
    for work, one in zip(works, found, strict=True):
        why = "" if one.complaint is None else f": {sentence(one.complaint)}"
        made = f" {one.word.silence.silence_id}" if isinstance(one.word, SilenceSet) else ""
        lines.append(f"{work.uid}  {_moment(work.from_us, zone)}  {_OUTCOMES[one.outcome]}{made}{why}")
    lines += [f"{trouble}: not read" for trouble in troubles]
    return "\n".join(map(written_out, lines)) or "the file has no events"


def _state(silence: Silence, now: SilencesNow, calendar: SchoolCalendar, at_us: int) -> tuple[str, int]:
    state = state_of(silence, calendar, at_us)
    is_active = state is SilenceState.ACTIVE
    return state.value, sum(matches(silence, a, now.fleet) for a in now.alerts) if is_active else 0


def _hours(silence: Silence, zone: ZoneInfo) -> str:
    words = f"{_moment(silence.from_us, zone)} – {_moment(silence.end_us, zone)}"
    rule = silence.recurrence
    if rule is not None:
        words += f", {rule.rrule}, {rule.duration_us / 3_600_000_000:g} h each"
        words += ", school days only" * rule.only_school_days + ", not in exam weeks" * rule.not_in_exam
    if silence.ended_by is not None:
        words += f", {'changed' if silence.replaced_by else 'ended'} by {silence.ended_by}"
    return words


def _moment(at_us: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_us / 1e6, zone).strftime("%a %Y-%m-%d %H:%M")
