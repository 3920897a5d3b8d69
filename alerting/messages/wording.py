"""A notice as a channel says it: the templates of texts.toml, filled, and short enough."""

import re
from collections.abc import Sequence
from datetime import datetime, time
from enum import StrEnum
from typing import Final

import msgspec

from alerting.messages.names import cluster_name
from alerting.messages.story import Office, Story, StoryWords
from contract.alert import Priority
from contract.routing.notice import Notice, NoticeReason
from contract.routing.report import MadeReport, ScheduledReport
from contract.texts import Language, write_date, write_number

SMS_CHARACTERS: Final = 300
"""Five parts of a long SMS with Vietnamese letters, 67 characters each. Source: 3GPP TS 23.040, 9.2.3.24."""
DIGEST_LINES: Final = 20
"""Incidents that a digest lists: chosen, a screen of a phone and a half; the page has them all."""
_LEAST_WORDS: Final = 60
"""Characters beside the link of an SMS: chosen, enough for what and where."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


class MessageForm(StrEnum):
    """How much room a channel has; each has its templates in texts.toml."""

    SMS = "sms"
    """One paragraph of at most `SMS_CHARACTERS`."""
    CHAT = "chat"
    """A few lines."""
    MAIL = "mail"
    """A letter with a subject."""


class NoticeText(msgspec.Struct, frozen=True):
    """What is sent."""

    title: str
    """A line; empty where the channel has no place for one."""
    body: str

    @property
    def whole(self) -> str:
        """Title and body, for channels that have one text."""
        return f"{self.title}\n{self.body}" if self.title else self.body


def write_notice(
    notice: Notice,
    older: Sequence[Notice],
    stories: Sequence[Story],
    office: Office,
    form: MessageForm,
    language: Language,
) -> NoticeText:
    """Return what is said of a notice.

    Args:
        notice: whose message it is.
        older: notices about the same incident that could not be sent in time, and are said with it.
        stories: its incident as it stands now; of a digest all, the most urgent first. At least one.
        office: what every message needs.
        form: the room that the channel has.
        language: of the message.
    """
    words = StoryWords(office, language, notice.at_us)
    if notice.reason is NoticeReason.DIGEST:
        lines = "\n".join(_digest_lines(stories, words))
        places = _digest_places(stories, words) | {"list": lines, "flood": _flood(notice, words)}
        if form is MessageForm.SMS:
            return NoticeText("", _short(words.say("message.sms_digest"), places))
        return NoticeText(
            _filled(words.say("message.title_digest"), places),
            _filled(words.say("message.chat_digest"), places),
        )
    (story,) = stories
    # What is over is said to be over, whatever was to be said before.
    reason = NoticeReason.RESOLVED if story.is_over else notice.reason
    places = words.places(story) | {
        "lead": words.say(f"notice_reason.{reason.value}"),
        "late": words.say("message.late") if older else "",
        "route": notice.route,
        "step": str(notice.step) if notice.step else "",
    }
    if form is MessageForm.SMS:
        return NoticeText("", _short(words.say("message.sms"), places))
    title = _filled(words.say("message.title"), places)
    return NoticeText(title, _filled(words.say(f"message.{form.value}"), places))


def write_test(office: Office, contact: str, form: MessageForm, language: Language) -> NoticeText:
    """Return the message by which an operator tries a channel out."""
    places = {"contact": contact, "link": f"{office.public_url}/"}
    texts = office.texts
    body = _filled(texts.say("message.test", language), places)
    if form is MessageForm.SMS:
        return NoticeText("", _short(body, {}))
    return NoticeText(texts.say("message.test_title", language), body)


def report_text(made: MadeReport, office: Office, form: MessageForm) -> NoticeText:
    """Return the words of a report: its day in a sentence, and where it can be seen."""
    return _of_report(made, made.title, made.sentence, office, form)


def report_lost_text(
    report: ScheduledReport, answers: Sequence[str], office: Office, form: MessageForm, language: Language
) -> NoticeText:
    """Return the message that somebody did not get a report.

    Args:
        report: which one.
        answers: who did not get it and what their channels said, a line each.
        office: what every message needs.
        form: the room that the channel has.
        language: of the message.
    """
    noon = datetime.combine(report.last, time(12), office.zone)
    day = write_date(round(noon.timestamp() * 1e6), language, office.zone)
    title = office.texts.say("message.report_lost_title", language, name=report.name, day=day)
    body = "\n".join((office.texts.say("message.report_lost", language), *answers))
    return _of_report(report, title, body, office, form)


def _of_report(
    report: ScheduledReport | MadeReport, title: str, body: str, office: Office, form: MessageForm
) -> NoticeText:
    link = f"{office.public_url}/kpi?span={report.span.value}&day={report.last.isoformat()}"
    if form is MessageForm.SMS:
        places = {"title": title, "body": body, "link": link}
        return NoticeText("", _short("{title}\n{body}\n{link}", places))
    return NoticeText(title, f"{body}\n{link}")


def _digest_places(stories: Sequence[Story], words: StoryWords) -> dict[str, str]:
    going_on = [story.incident for story in stories if not story.is_over]
    numbers = {p: sum(i.worst_priority == p for i in going_on) for p in Priority}
    language = words.language
    counts = [f"{write_number(n, language)} P{int(p)}" for p, n in numbers.items() if n]
    over = len(stories) - len(going_on)
    if over:
        counts.append(words.say("message.over", n=write_number(over, language)))
    return {
        "lead": words.say("notice_reason.digest"),
        "n": write_number(len(stories), language),
        "counts": ", ".join(counts),
        "link": f"{words.office.public_url}/incidents",
    }


def _flood(notice: Notice, words: StoryWords) -> str:
    """Return that the governor made a digest; of what can wait nothing, which comes so every morning."""
    return "" if notice.priority == Priority.P3 else words.say("message.flood")


def _digest_lines(stories: Sequence[Story], words: StoryWords) -> list[str]:
    """Return the incidents by cluster, the one with the most urgent first."""
    groups: dict[str, list[Story]] = {}
    for story in stories[:DIGEST_LINES]:
        name = cluster_name(story.incident, words.office.groups.fleet) or words.say("message.beyond")
        groups.setdefault(name, []).append(story)
    lines: list[str] = []
    for name, members in groups.items():
        lines.append(f"{name} ({len(members)})")
        for story in members:
            end = f" · {words.span(story)}"
            lines.append(f"- {words.mark(story.incident)} {words.name(story)} · {words.what(story)}{end}")
    left = len(stories) - DIGEST_LINES
    return [*lines, words.say("wall.more", n=write_number(left, words.language))] if left > 0 else lines


def _filled(template: str, places: dict[str, str]) -> str:
    """Return a template with its places filled; a line that names what there is nothing of is left out."""
    lines = [
        _PLACE.sub(lambda found: places[found[1]], line)
        for line in template.split("\n")
        if all(places[name] for name in _PLACE.findall(line))
    ]
    return "\n".join(lines).strip("\n")


def _short(template: str, places: dict[str, str]) -> str:
    """Return a template as one paragraph of at most `SMS_CHARACTERS`, in whole words.

    Its first line and its last, the link, stay. Of the others the later ones are left out first; if that
    is not enough, the first loses its last words. A link that leaves no room for them is left out.
    """
    first, *others, last = [_filled(line, places) for line in template.split("\n")]
    if len(last) > SMS_CHARACTERS - _LEAST_WORDS:
        last = ""
    while True:
        text = " ".join(filter(None, (first, *others, last)))
        if len(text) <= SMS_CHARACTERS:
            return text
        if others:
            others.pop()
        else:
            first = _cut(first, SMS_CHARACTERS - len(last) - 1)


def _cut(text: str, most: int) -> str:
    """Return the first words of a text, at most so many characters with the sign that some are left out."""
    kept = text[: most - 1].rpartition(" ")[0] or text[: most - 1]
    return f"{kept.rstrip(' ·,.:;')}…"
