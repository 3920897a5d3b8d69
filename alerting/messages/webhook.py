"""A notice as the receiver of an Alertmanager webhook reads it: version "4" of its body.

Source: prometheus/alertmanager, docs/configuration.md, `webhook_config`, and notify/webhook.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from alerting.messages.names import cluster_name, school_of
from alerting.messages.story import Office, Story, StoryWords
from alerting.messages.wording import NoticeText
from contract.routing.notice import Notice
from contract.texts import Language

VERSION: Final = "4"
_NEVER: Final = "0001-01-01T00:00:00Z"
"""`endsAt` of what goes on: Go's zero time."""


class WebhookAlert(msgspec.Struct, frozen=True, rename="camel"):
    """One incident."""

    status: str
    """firing or resolved."""
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str
    generator_url: str = msgspec.field(name="generatorURL")
    fingerprint: str
    """The incident's id."""


class WebhookBody(msgspec.Struct, frozen=True, rename="camel"):
    """What is posted."""

    version: str
    group_key: str
    truncated_alerts: int
    status: str
    """resolved if all of them are."""
    receiver: str
    group_labels: dict[str, str]
    common_labels: dict[str, str]
    common_annotations: dict[str, str]
    external_url: str = msgspec.field(name="externalURL")
    alerts: tuple[WebhookAlert, ...]


def webhook_body(
    notice: Notice, stories: Sequence[Story], office: Office, text: NoticeText, language: Language
) -> WebhookBody:
    """Return the body for a notice.

    Args:
        notice: whose message it is.
        stories: its incidents, as `write_notice` takes them.
        office: what every message needs.
        text: what is said of the notice as a whole.
        language: of the annotations.
    """
    alerts = tuple(_alert(notice, story, office, language) for story in stories)
    return _body(notice.to, notice.incident_id, alerts, text, office)


def webhook_words(contact: str, text: NoticeText, office: Office, kind: str) -> WebhookBody:
    """Return the body of a message about no incident: nothing fires, and it is over already.

    Args:
        contact: who gets it.
        text: all that it says.
        office: what every message needs.
        kind: what it is, such as `trial`.
    """
    labels = {"alertname": f"eduops_{kind}"}
    said = _said(text)
    alert = WebhookAlert("resolved", labels, said, _NEVER, _NEVER, f"{office.public_url}/", "")
    return _body(contact, kind, (alert,), text, office)


def _body(
    receiver: str, group: str, alerts: tuple[WebhookAlert, ...], text: NoticeText, office: Office
) -> WebhookBody:
    first = alerts[0].labels.items()
    common = {name: value for name, value in first if all(a.labels.get(name) == value for a in alerts)}
    return WebhookBody(
        version=VERSION,
        group_key=f'{{}}:{{incident="{group}"}}',
        truncated_alerts=0,
        status="firing" if any(alert.status == "firing" for alert in alerts) else "resolved",
        receiver=receiver,
        group_labels={"incident": group},
        common_labels=common,
        common_annotations=_said(text),
        external_url=office.public_url,
        alerts=alerts,
    )


def _alert(notice: Notice, story: Story, office: Office, language: Language) -> WebhookAlert:
    incident, fleet = story.incident, office.groups.fleet
    school = school_of(incident, fleet)
    ward = fleet.ward_by_code.get(incident.cause.ward_code if school is None else school.ward_code)
    labels = {
        "alertname": incident.rule,
        "incident": incident.incident_id,
        "priority": str(incident.worst_priority),
        "cause": incident.cause.kind.value,
        "isp": incident.cause.isp if school is None else school.isp,
        "cluster": cluster_name(incident, fleet),
        "ward": "" if ward is None else ward.name,
        "school": "" if school is None else school.code,
    }
    places = StoryWords(office, language, notice.at_us).places(story)
    annotations = {
        "summary": f"{places['name']} · {places['what']}",
        "description": places["why"],
        "advice": places["advice"],
        "provider": places["provider"],
        "reason": notice.reason.value,
    }
    return WebhookAlert(
        status="resolved" if story.is_over else "firing",
        labels={name: value for name, value in labels.items() if value},
        annotations={name: value for name, value in annotations.items() if value},
        starts_at=_rfc3339(incident.opened_at_us),
        ends_at=_rfc3339(story.ended_us) if story.is_over else _NEVER,
        generator_url=places["link"],
        fingerprint=incident.incident_id,
    )


def _said(text: NoticeText) -> dict[str, str]:
    said = {"summary": text.title, "description": text.body}
    return {name: value for name, value in said.items() if value}


def _rfc3339(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
