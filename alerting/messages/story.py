"""What the center knows of an incident when somebody is told of it, and the places that messages fill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from alerting.explanation.evidence import Known, explain, shared_cause
from alerting.explanation.sentences import next_step, sentences
from alerting.explanation.verdict import Verdict, line_fault
from alerting.incidents.groups import Groups
from alerting.messages.names import incident_name, incident_what, school_of
from contract.alert import Alert
from contract.catalogue import Catalogue
from contract.fleet import PUPILS_UNKNOWN
from contract.incident import CauseKind, Incident, IncidentState
from contract.naming.plain import plain_name
from contract.privacy import K, shown_alert
from contract.routing.provider_card import ProviderCard, ProviderCards
from contract.rule import Rule
from contract.texts import Language, Texts, write_clock, write_date, write_number

_ALONE: Final = (CauseKind.SCHOOL, CauseKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Story:
    """An incident as it stands, and its alerts."""

    incident: Incident
    alerts: Sequence[Alert]
    """Open ones, else those it had; not all of many."""

    @property
    def is_over(self) -> bool:
        """Whether it is resolved."""
        return self.incident.state is IncidentState.RESOLVED

    @property
    def ended_us(self) -> int:
        """Log time since which it is quiet; of one that goes on 0."""
        incident = self.incident
        return (incident.quiet_at_us or incident.ended_at_us or 0) if self.is_over else 0


@dataclass(frozen=True, slots=True)
class Office:
    """What every message needs beside its incident."""

    groups: Groups
    catalogue: Catalogue
    rules: Mapping[str, Rule]
    """Rules in force, by name."""
    texts: Texts
    zone: ZoneInfo
    public_url: str
    """Where the wall is found, without a slash at its end."""
    providers: ProviderCards = field(default_factory=dict)
    """Whom to call at each provider."""


class StoryWords:
    """Says the parts of a message in one language."""

    def __init__(self, office: Office, language: Language, now_us: int) -> None:
        """Take what all parts need; `now_us` is the log time at which the notice was decided."""
        self.office = office
        self.language = language
        self._now_us = now_us

    def places(self, story: Story) -> dict[str, str]:
        """Return what the templates may name; empty where there is nothing to say."""
        incident = story.incident
        why, advice = self._why(story)
        card = (None if story.is_over else provider_card(story, self.office)) or ProviderCard("")
        return {
            "mark": self.mark(incident),
            "name": self.name(story),
            "what": self.what(story),
            "span": self.span(story),
            "when": ", ".join(filter(None, (self.span(story), self._pupils(story)))),
            "reach": ", ".join(filter(None, (self._schools(story), self._pupils(story)))),
            "why": why,
            "advice": advice,
            "provider": ", ".join(filter(None, (card.name, card.phone))),
            "contact": card.contact,
            "contract": card.contract,
            "who": self._who(story),
            "link": f"{self.office.public_url}/incidents/{incident.incident_id}",
        }

    def mark(self, incident: Incident) -> str:
        """Return the priority, and before it that an exercise is one."""
        mark = f"P{incident.worst_priority}"
        return f"{self.say('message.exercise')} {mark}" if incident.exercise else mark

    def name(self, story: Story) -> str:
        """Return who or what has it."""
        return incident_name(story.incident, self.office.groups.fleet, self.office.texts, self.language)

    def what(self, story: Story) -> str:
        """Return what it has."""
        office = self.office
        return incident_what(story.incident, office.groups.fleet, office.rules, office.texts, self.language)

    def span(self, story: Story) -> str:
        """Return since when, or from when to when."""
        opened_us = story.incident.opened_at_us
        if not story.is_over:
            return self.say("message.since", at=self.moment(opened_us))
        minutes = max(1, round((story.ended_us - opened_us) / 60e6))
        number, unit = (minutes, "minutes") if minutes < 120 else (round(minutes / 60), "hours")
        return self.say(
            "message.lasted",
            opened=self.moment(opened_us),
            ended=self.moment(story.ended_us),
            length=self.say(f"unit.{unit}", n=write_number(number, self.language)),
        )

    def say(self, key: str, **values: object) -> str:
        """Return a text."""
        return self.office.texts.say(key, self.language, **values)

    def _schools(self, story: Story) -> str:
        n = story.incident.most_schools if story.is_over else story.incident.schools
        return self.say("message.schools", n=write_number(n, self.language)) if n > 1 else ""

    def _pupils(self, story: Story) -> str:
        """Return how many pupils; nothing where nobody knows, no number below k."""
        incident = story.incident
        n = incident.most_pupils if story.is_over else incident.pupils
        schools = incident.most_schools if story.is_over else incident.schools
        if n <= schools * PUPILS_UNKNOWN:
            return ""
        if n < K:
            return self.say("message.few_pupils", k=K)
        return self.say("message.pupils", n=write_number(n, self.language))

    def _why(self, story: Story) -> tuple[str, str]:
        """Return why the center thinks so, and the next step; nothing of what is over."""
        incident = story.incident
        alert = _named_after(story)
        if alert is None or story.is_over:
            return "", ""
        office = self.office
        shown = [
            shown_alert(one, office.catalogue) for one in story.alerts if one.school_id == alert.school_id
        ]
        known = Known(office.groups, office.catalogue, office.rules, of_school=shown, incident=incident)
        found = explain(shown_alert(alert, office.catalogue), known)
        rule = office.rules.get(alert.rule)
        said = {s.kind: s.text for s in sentences(found, rule, office.texts, self.language, office.zone)}
        if incident.cause.kind not in _ALONE:
            return said.get("cause", ""), said.get("advice", "")
        # Whether devices are heard was not looked up, so that only what alerts say is a verdict.
        verdict = "" if found.verdict in (None, Verdict.UNKNOWN) else said["verdict"]
        return f"{verdict} {said['found']}".strip(), said.get("advice", "")

    def todo(self, incident: Incident) -> str:
        """Return the next step by cause and rule alone, for where its alerts are not looked up."""
        office, rule = self.office, self.office.rules.get(incident.rule)
        cause, line = shared_cause(incident, office.groups), line_fault(rule, office.catalogue)
        return next_step(cause, line, rule, office.texts, self.language)

    def _who(self, story: Story) -> str:
        incident = story.incident
        if story.is_over:
            return ""
        if incident.state is IncidentState.ACKNOWLEDGED and incident.acknowledged_by:
            return self.say("message.taken", name=incident.acknowledged_by)
        if incident.assignee:
            return self.say("message.assigned", name=incident.assignee)
        return self.say("message.nobody")

    def moment(self, at_us: int) -> str:
        """Return the time of day, with its date unless that is the day of the message."""
        zone, language = self.office.zone, self.language
        clock, day = write_clock(at_us, language, zone)[:5], write_date(at_us, language, zone)
        return clock if day == write_date(self._now_us, language, zone) else f"{clock} {day}"


def provider_card(story: Story, office: Office) -> ProviderCard | None:
    """Return whom to call, where the cause is a provider or the line of a school alone.

    Of a school's own provider at least the name; that of a cause is the incident's name already.
    """
    isp, school = story.incident.cause.isp, school_of(story.incident, office.groups.fleet)
    if school is not None:
        rules = (office.rules.get(alert.rule) for alert in story.alerts)
        isp = school.isp if any(line_fault(rule, office.catalogue) for rule in rules) else ""
    own = None if school is None or not isp else ProviderCard(isp)
    return office.providers.get(plain_name(isp), own)


def _named_after(story: Story) -> Alert | None:
    """Return the alert that an incident is best explained by: an open one of its rule, the most urgent."""

    def rank(alert: Alert) -> tuple[bool, bool, int, int, str]:
        is_over, is_other = alert.resolved_at_us is not None, alert.rule != story.incident.rule
        return is_other, is_over, alert.priority, alert.opened_at_us, alert.alert_id

    return min(story.alerts, key=rank, default=None)
