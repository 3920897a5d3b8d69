"""Incidents of a ward or more as CAP 1.2, and the Atom feed of them (pure).

A message is a function of the incident's row: its identifier has the second at which the row last changed,
so that one identifier never means two things. What is over is an update that refers to the first message and
says that all is clear. Nothing is told but what messages to contacts tell: no number of pupils below k, no
measured value, no word of whoever works on it, and of alerts from outside nothing but their name.

Source: OASIS Common Alerting Protocol 1.2, 2010-07-01, section 3.2; RFC 4287 for the feed.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from alerting.incidents.groups import place_of
from alerting.messages.names import incident_name, incident_what
from alerting.messages.story import Office, Story, StoryWords
from contract.alert import Priority
from contract.fleet import Fleet
from contract.incident import SECOND_US, CauseKind, Incident, IncidentState
from contract.texts import Language, Texts

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM: Final = "http://www.w3.org/2005/Atom"
CAP_TYPE: Final = "application/cap+xml"
KEPT_US: Final = 86_400_000_000
"""How long what is over stays in the feed, and after which a message is to be asked for anew, µs: chosen."""
_OWN: Final = (CauseKind.SYSTEM, CauseKind.FLEET, CauseKind.SCHOOL)
"""About the center and its own line, or about one school: none of them is the public's."""
_LANGUAGES: Final = {Language.VI: "vi-VN", Language.EN: "en-US"}
_URGENCY: Final = {Priority.P1: "Immediate", Priority.P2: "Expected", Priority.P3: "Future"}
_SEVERITY: Final = {Priority.P1: "Severe", Priority.P2: "Moderate", Priority.P3: "Minor"}
register_namespace("cap", CAP)
register_namespace("atom", ATOM)


def is_told(incident: Incident, at_us: int) -> bool:
    """Return whether an incident is in the feed at a log time: of a ward or more, and not over for a day.

    One that somebody dismissed is no problem, and what has no school of ours is for others to tell.
    """
    is_past = incident.ended_at_us is not None and incident.ended_at_us < at_us - KEPT_US
    is_ours = incident.most_schools > 0 and incident.cause.kind not in _OWN
    return is_ours and not is_past and not incident.because and incident.state is not IncidentState.MERGED


def changed_us(incident: Incident) -> int:
    """Return the log time at which an incident last changed, to the second."""
    return max(incident.counted_at_us, incident.ended_at_us or 0) // SECOND_US * SECOND_US


def write_cap(incident: Incident, office: Office, real_us: Callable[[int], int]) -> bytes:
    """Return the message about an incident as it stands, with a block in each language.

    Args:
        incident: one that `is_told`.
        office: what every message needs.
        real_us: gives the real time of a log time, both in µs since 1970.
    """
    fleet, sender = office.groups.fleet, _sender(office)
    at_us, began_us = changed_us(incident), incident.began_at_us

    def written(log_us: int) -> str:
        return _cap_time(real_us(log_us), office.zone)

    alert = Element(f"{{{CAP}}}alert")
    _put(alert, "identifier", _identifier(incident, at_us))
    _put(alert, "sender", sender)
    _put(alert, "sent", written(at_us))
    _put(alert, "status", "Exercise" if incident.exercise else "Actual")
    _put(alert, "msgType", "Alert" if at_us == began_us else "Update")
    _put(alert, "scope", "Restricted")
    _put(alert, "restriction", _both("cap.restriction", office.texts))
    if at_us != began_us:
        _put(alert, "references", f"{sender},{_identifier(incident, began_us)},{written(began_us)}")
    _put(alert, "incidents", incident.incident_id)
    for language, tag in _LANGUAGES.items():
        info = SubElement(alert, f"{{{CAP}}}info")
        _put(info, "language", tag)
        _put_info(info, incident, StoryWords(office, language, at_us), written)
        area = SubElement(info, f"{{{CAP}}}area")
        _put(area, "areaDesc", place_of(incident.cause, fleet) or office.texts.say("cap.city", language))
        for name, code in (("ward", incident.cause.ward_code), ("cluster", incident.cause.cluster_code)):
            if code:
                geocode = SubElement(area, f"{{{CAP}}}geocode")
                _put(geocode, "valueName", name)
                _put(geocode, "value", code)
    return bytes(tostring(alert, encoding="utf-8", xml_declaration=True))


def _put_info(info: Element, incident: Incident, words: StoryWords, written: Callable[[int], str]) -> None:
    story = Story(incident, ())
    priority = Priority(incident.worst_priority)
    places = words.places(story)
    _put(info, "category", "Infra")
    _put(info, "event", places["what"])
    _put(info, "responseType", "AllClear" if story.is_over else "Monitor")
    _put(info, "urgency", "Past" if story.is_over else _URGENCY[priority])
    _put(info, "severity", _SEVERITY[priority])
    _put(info, "certainty", "Observed")
    _put(info, "onset", written(incident.opened_at_us))
    _put(info, "expires", written(changed_us(incident) + KEPT_US))
    _put(info, "senderName", words.say("app.name"))
    _put(info, "headline", _headline(incident, words.office, words.language))
    _put(info, "description", ". ".join(filter(None, (places["span"], places["reach"]))) + ".")
    _put(info, "web", places["link"])


def write_feed(
    incidents: Iterable[Incident], office: Office, language: Language, real_us: Callable[[int], int]
) -> bytes:
    """Return the Atom feed of some incidents, the last changed first.

    Args:
        incidents: those that are told.
        office: what every message needs.
        language: of the titles; the messages have both.
        real_us: gives the real time of a log time, both in µs since 1970.
    """
    told = sorted(incidents, key=lambda i: (-changed_us(i), i.incident_id))
    feed = Element(f"{{{ATOM}}}feed")
    address = f"{office.public_url}/api/cap.atom"
    _put(feed, "id", address, ATOM)
    _put(feed, "title", office.texts.say("cap.feed", language), ATOM)
    newest_us = max(map(changed_us, told), default=0)
    _put(feed, "updated", _cap_time(real_us(newest_us) if told else 0, UTC), ATOM)
    author = SubElement(feed, f"{{{ATOM}}}author")
    _put(author, "name", office.texts.say("app.name", language), ATOM)
    SubElement(feed, f"{{{ATOM}}}link", {"rel": "self", "href": address})
    for incident in told:
        entry = SubElement(feed, f"{{{ATOM}}}entry")
        of_one = f"{office.public_url}/api/cap/{incident.incident_id}"
        _put(entry, "id", of_one, ATOM)
        _put(entry, "title", _headline(incident, office, language), ATOM)
        _put(entry, "updated", _cap_time(real_us(changed_us(incident)), UTC), ATOM)
        SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "type": CAP_TYPE, "href": of_one})
    return bytes(tostring(feed, encoding="utf-8", xml_declaration=True))


def _headline(incident: Incident, office: Office, language: Language) -> str:
    fleet: Fleet = office.groups.fleet
    name = incident_name(incident, fleet, office.texts, language)
    what = incident_what(incident, fleet, office.rules, office.texts, language)
    mark = f"{office.texts.say('message.exercise', language)} " if incident.exercise else ""
    return f"{mark}{name} · {what}"


def _identifier(incident: Incident, at_us: int) -> str:
    return f"{incident.incident_id}.{at_us // SECOND_US}"


def _sender(office: Office) -> str:
    return f"eduops-{office.groups.fleet.province}"


def _both(key: str, texts: Texts) -> str:
    return " / ".join(texts.say(key, language) for language in _LANGUAGES)


def _cap_time(real_us: int, zone: tzinfo) -> str:
    """Return a time with seconds and an offset, never with Z. Source: CAP 1.2, section 3.3.2."""
    at = datetime.fromtimestamp(real_us // SECOND_US, zone)
    return at.isoformat(timespec="seconds")


def _put(parent: Element, name: str, text: str, namespace: str = CAP) -> None:
    SubElement(parent, f"{{{namespace}}}{name}").text = text
