"""What an entry of the record says, in a reader's language: its words are a machine's and stay so (pure)."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from contract.access.audit import AuditEntry
from contract.fleet import Fleet
from contract.special_days.special_day import DayPlace, DayVerdict, PlaceKind
from contract.texts import Language, Texts
from ops_dashboard.special_days.routes import place_name

TOPICS: Final[Mapping[str, str]] = {
    "sign-": "record.topic_sign_in",
    "/account": "record.topic_account",
    "user": "record.topic_users",
    "screen": "record.topic_screens",
    "token": "record.topic_tokens",
    "/alerts": "record.topic_alerts",
    "/incidents": "record.topic_incidents",
    "silence": "record.topic_silences",
    "oncall": "record.topic_oncall",
    "calendar": "record.topic_calendar",
    "device": "record.topic_devices",
    "fleet": "record.topic_fleet",
    "file change": "record.topic_files",
    ".csv": "record.topic_tables",
    ".pdf": "record.topic_reports",
}
"""What can be looked for: part of an action, and the key of its word."""
RESULTS: Final[Mapping[str, str]] = {
    "done": "record.result_done",
    "wrong": "record.result_wrong",
    "slowed": "record.result_slowed",
    "link_used": "record.result_link_used",
    "unmapped": "record.result_unmapped",
    "not_your_role": "record.result_not_your_role",
    "beyond_area": "record.result_beyond_area",
    "second_factor_first": "record.result_second_factor_first",
    "refused": "record.result_refused",
    "409": "record.result_409",
    "422": "record.result_422",
    "503": "record.result_503",
}
_FILES: Final = (".csv", ".pdf", ".ics")
_GRADES: Final = {
    "command line": "record.grade_command_line",
    "stranger": "record.grade_stranger",
    "file": "record.grade_file",
}
_ACTORS: Final = {"a file on the machine": "record.actor_file", "stranger": "record.actor_stranger"}
_COMMAND_LINE: Final = " (command line)"
FIELDS: Final = ("role", "area", "disabled", "scope", "days", "sessions", "overlap", "valid", "version")
"""What a detail says as `name=value`."""
_NAMES: Final = "|".join(FIELDS)
_FIELD: Final = re.compile(rf"({_NAMES})=(.*?)(?= (?:{_NAMES})=|$)")
_OF_ALERT: Final = re.compile(r"as (?P<who>.+?)(?:, because (?P<because>\w+))?")
_OF_INCIDENT: Final = re.compile(r"(?P<kind>\w+) as (?P<who>.+)")
_OF_DAYS: Final = re.compile(r"(?P<verdict>accepted|rejected|withdrawn)(?P<days>(?: \S+/\S+/\S+)+)")
_DAY: Final = re.compile(r"(\w+)/(\w+)(?::([^/]+))?/([\d-]{10})\.\.([\d-]{10})")
_OF_FILE: Final = re.compile(r"before=(?P<before>\S+) after=(?P<after>\S+) (?P<rest>.*)", re.DOTALL)
_KEPT: Final = re.compile(r"the one before stays in force: (?P<why>.*)", re.DOTALL)
_TAKEN: Final = re.compile(
    r"(?P<whose>of .+?|the packaged one|none)"
    r"(?:: (?P<again>the one in force again)|, in force (?P<when>at once|with each service's next start)"
    r"; (?P<what>.*))"
)
_WHEN: Final = {"at once": "record.at_once", "with each service's next start": "record.at_next_start"}
_PART: Final = re.compile(r"(changed|added|removed) (.+)")
_MORE: Final = re.compile(r"and (\d+) more")
_LINES: Final = re.compile(r"(\d+) lines")
_HASH_SHOWN: Final = 12
"""Hex digits of a hash that are shown: enough to find it by."""


def deed_key(action: str) -> str:
    """Return the key of an action's words: `POST /users/link` is `record.post_users_link`."""
    return "record." + re.sub(r"[^a-z0-9]+", "_", action.lower()).strip("_")


class AuditWords:
    """Words of entries in one language; what nobody foresaw is told as it was written."""

    def __init__(self, texts: Texts, language: Language, fleet: Fleet) -> None:
        self._texts, self._language, self._fleet = texts, language, fleet

    def actor(self, entry: AuditEntry) -> str:
        """Return who it was."""
        key = _ACTORS.get(entry.actor)
        return entry.actor.removesuffix(_COMMAND_LINE) if key is None else self._say(key)

    def grade(self, entry: AuditEntry) -> str:
        """Return as what they came: a role, what a program may do, or another way in."""
        keys = (_GRADES.get(entry.grade, ""), f"role.{entry.grade}", f"scope.{entry.grade}")
        return self._first(keys, entry.grade)

    def deed(self, entry: AuditEntry) -> str:
        """Return what was done."""
        key = deed_key(entry.action)
        if key in self._texts.keys:
            return self._say(key)
        method, _, path = entry.action.partition(" ")
        if not path.startswith("/"):
            return entry.action
        if path.endswith(_FILES):
            return self._say("record.file", path=path)
        return self._say("record.look" if method in ("GET", "WEBSOCKET") else "record.send", path=path)

    def result(self, result: str) -> str:
        """Return what came of it."""
        key = RESULTS.get(result)
        return self._say("record.result_other", code=result) if key is None else self._say(key)

    def detail(self, entry: AuditEntry) -> str:
        """Return what else matters."""
        ways: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], AuditEntry], str]], ...] = (
            (_OF_FILE, self._of_file),
            (_OF_DAYS, self._of_days),
            (_OF_INCIDENT, self._of_incident),
            (_OF_ALERT, self._of_alert),
        )
        for pattern, way in ways:
            found = pattern.fullmatch(entry.detail)
            if found is not None:
                return way(found, entry)
        fields = [self._field(*one.groups()) for one in _FIELD.finditer(entry.detail)]
        return " · ".join(filter(None, fields)) if fields else entry.detail

    def _field(self, name: str, value: str) -> str:
        if not value:
            return ""
        known = {
            "role": lambda: self._first((f"role.{value}",), value),
            "scope": lambda: self._first((f"scope.{value}",), value),
            "area": lambda: self._say("people.area_city") if value == "city" else value,
        }
        return self._say(f"record.field_{name}", value=known[name]() if name in known else value)

    def _of_alert(self, found: re.Match[str], entry: AuditEntry) -> str:
        because = found["because"]
        said = self._first((f"because.{because}",), because) if because else ""
        return " · ".join(filter(None, (self._for(found["who"], entry), said)))

    def _of_incident(self, found: re.Match[str], entry: AuditEntry) -> str:
        said = self._first((f"incident.do_{found['kind']}",), found["kind"]).removesuffix("…")
        return " · ".join(filter(None, (said, self._for(found["who"], entry))))

    def _for(self, who: str, entry: AuditEntry) -> str:
        """Return for whom a program acted; of a person it is who they are."""
        return "" if who == entry.actor else self._say("record.for", name=who)

    def _of_days(self, found: re.Match[str], entry: AuditEntry) -> str:
        verdict = found["verdict"]
        key = "record.withdrawn" if verdict == DayVerdict.WITHDRAWN else f"calendar.{verdict}"
        days = [self._day(*one.groups("")) for one in _DAY.finditer(found["days"])]
        return f"{self._say(key)}: {'; '.join(days)}"

    def _day(self, kind: str, place: str, code: str, first: str, last: str) -> str:
        if place == PlaceKind.CITY:
            where = self._say("calendar.city")
        elif place == PlaceKind.LEVEL:
            where = self._first((f"level.{code}",), code)
        else:
            where = place_name(DayPlace(PlaceKind(place), code), self._fleet)
        span = " – ".join(dict.fromkeys(f"{date.fromisoformat(day):%d/%m/%Y}" for day in (first, last)))
        return f"{self._first((f'day_kind.{kind}',), kind)}, {where}, {span}"

    def _of_file(self, found: re.Match[str], entry: AuditEntry) -> str:
        kept, taken = _KEPT.fullmatch(found["rest"]), _TAKEN.fullmatch(found["rest"])
        said = [found["rest"]]
        if kept is not None:
            said = [self._say("record.file_kept", why=kept["why"])]
        elif taken is not None:
            said = [self._whose(taken["whose"]), *self._taken(taken)]
        before, after = (found[name][:_HASH_SHOWN] for name in ("before", "after"))
        return " · ".join([*filter(None, said), self._say("record.file_hashes", before=before, after=after)])

    def _whose(self, whose: str) -> str:
        if whose.startswith("of "):
            return self._say("record.file_of", owner=whose.removeprefix("of "))
        return self._say("record.file_none" if whose == "none" else "record.file_packaged")

    def _taken(self, found: re.Match[str]) -> list[str]:
        if found["again"]:
            return [self._say("record.file_again")]
        if found["what"] == "what it was before is not here to compare":
            parts = [self._say("record.file_unknown")]
        else:
            parts = [self._change(part) for part in found["what"].split(", ")]
        return [self._say(_WHEN[found["when"]]), ", ".join(parts)]

    def _change(self, part: str) -> str:
        change, more, lines = _PART.fullmatch(part), _MORE.fullmatch(part), _LINES.fullmatch(part)
        if change is not None:
            return self._say(f"record.part_{change[1]}", name=change[2])
        if more is not None:
            return self._say("record.part_more", n=more[1])
        return part if lines is None else self._say("record.part_lines", n=lines[1])

    def _first(self, keys: tuple[str, ...], otherwise: str) -> str:
        """Return the words of the first key that there is."""
        return next((self._say(key) for key in keys if key in self._texts.keys), otherwise)

    def _say(self, key: str, **values: str) -> str:
        return self._texts.say(key, self._language, **values)
