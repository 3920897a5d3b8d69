"""What a contact is told: of a person who signs in, what their account may see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import AsyncConnection

from alerting.incidents.area_view import AreaView
from alerting.incidents.groups import Groups
from alerting.messages.story import Office, Story
from contract.access.area import CITY, Area
from contract.routing.notice import Notice
from storage.incidents import load_incident, memberships_of
from storage.people.users import find_contact_user

MOST_ALERTS: Final = 200
"""Alerts of an incident that its message looks at, where all of it is told."""
EVERY_ALERT: Final = 1_000_000
"""Where a part is told, all are looked at: it is counted anew."""


@dataclass(frozen=True, slots=True)
class ToldStories:
    """What a message is made of."""

    stories: Sequence[Story]
    """Of a report, and where its incidents are not kept any more, none."""
    office: Office
    priority: int
    """Of the most urgent, 1 to 3."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A contact is told nothing, and why: the next step is told instead."""

    words: str


async def told_of(
    conn: AsyncConnection[Any], notice: Notice, user: str, office: Office
) -> ToldStories | Withheld:
    """Return what a contact is told of a notice's incidents; reports are of the whole city.

    Args:
        conn: to the database.
        notice: whose message it is.
        user: name under which the contact signs in; empty for one that has no account, who is told all.
        office: what every message needs.
    """
    area = CITY
    if user:
        account = await find_contact_user(conn, user)
        if account is None:
            return Withheld(f"nobody signs in as {user}: routes.toml names that account for this person")
        if account.disabled:
            return Withheld(f"the account {user} is disabled")
        area = account.area
    if notice.reason.is_of_report:
        if area.is_city:
            return ToldStories((), office, notice.priority)
        return Withheld(f"the account {user} may not see the figures of the whole city")
    kept = [
        one for key in notice.incidents or (notice.incident_id,) if (one := await _story(conn, key, area))
    ]
    if area.is_city or not kept:
        return ToldStories(kept, office, notice.priority)
    view = AreaView(office.groups.fleet, area)
    seen = [Story(*part) for one in kept if (part := view.told(one.incident, one.alerts)) is not None]
    if not seen:
        return Withheld(f"nothing of it lies in the area of the account {user}")
    priority = min(story.incident.worst_priority for story in seen)
    return ToldStories(seen, replace(office, groups=Groups(view.fleet)), priority)


async def _story(conn: AsyncConnection[Any], incident_id: str, area: Area) -> Story | None:
    incident = await load_incident(conn, incident_id)
    if incident is None:
        return None
    most = MOST_ALERTS if area.is_city else EVERY_ALERT
    members = await memberships_of(conn, incident.incident_id, most)
    return Story(incident, [member.alert for member in members])
