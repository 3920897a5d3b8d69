"""Who may come in, what people are told, and how incidents fared: canned for pages of people and answers."""

from pathlib import Path
from typing import Final

from alerting.incidents.groups import Groups
from alerting.messages.story import Office, Story
from alerting.messages.wording import MessageForm, write_notice
from config.files import Configuration, shipped_texts
from config.inbox import InboxMessage, keep_message
from contract.access.area import CITY, parse_area
from contract.access.permission import Role, TokenScope
from contract.access.user import DAY_S, User
from contract.incident import Incident, IncidentTimes
from contract.texts import Language
from eduops.stories.scene import Scene
from eduops.stories.situations import MINH, NHUNG
from ops_dashboard.people.people_reader import PeopleReader
from storage.people.credentials import AccessCredential, CredentialKind
from storage.times import Responses, StandingIncident

DAY_US: Final = DAY_S * 1_000_000
ADDRESS: Final = "https://eduops.example"
_USERS: Final = (
    ("Trần Thị Lan", Role.ADMINISTRATOR, "city", 0.1),
    (NHUNG, Role.ENGINEER, "city", 0.0),
    (MINH, Role.ENGINEER, "isp:FPT", 1.3),
    ("Lê Hoàng Phương Anh", Role.OPERATOR, "cluster:06", 0.4),
    ("Phạm Quốc Bảo", Role.LEADER, "city", 2.0),
    ("Võ Thị Thanh Tuyền", Role.SCHOOL, "city", None),
)
_BROWSER_ADDRESS: Final = "10.20.0.14"


class CannedPeople(PeopleReader):
    """Six users, two walls and two programs."""

    def __init__(self, real_us: int) -> None:
        """Take what time it is by the machine's clock, µs since 1970."""
        self._real_us = real_us

    async def users(self) -> list[User]:
        """Return the users."""
        return [self._user(*row) for row in _USERS]

    async def user(self, name: str) -> User | None:
        """Return a user by name."""
        return next((user for user in await self.users() if user.name == name), None)

    async def credentials(self, kind: CredentialKind, name: str | None = None) -> list[AccessCredential]:
        """Return what lets somebody in."""
        made = {
            CredentialKind.SESSION: [(user, "", "", 0.2) for user, *_ in _USERS[:3]],
            CredentialKind.SCREEN: [
                ("Phòng trực, màn 1", Role.SCREEN.value, "city", 84.0),
                ("Sảnh tầng 1 Sở Giáo dục và Đào tạo", Role.SCREEN.value, "cluster:06", 12.0),
            ],
            CredentialKind.TOKEN: [
                ("grafana", TokenScope.READ.value, "city", 41.0),
                ("helpdesk.thuduc", TokenScope.ALERTS_IN.value, "cluster:06", 3.0),
            ],
        }.get(kind, [])
        return [self._credential(kind, n, *one) for n, one in enumerate(made) if name in (None, one[0])]

    def _user(self, name: str, role: Role, area: str, signed_in: float | None) -> User:
        came_us = None if signed_in is None else self._ago(signed_in)
        return User(
            name, role, CITY if area == "city" else parse_area(area), self._ago(200), signed_in is not None,
            signed_in_at_us=came_us,
        )  # fmt: skip

    def _credential(
        self, kind: CredentialKind, nth: int, name: str, grade: str, area: str, days: float
    ) -> AccessCredential:
        return AccessCredential(
            f"{nth:08d}", kind, name, grade, area, self._ago(days), _USERS[0][0], _BROWSER_ADDRESS,
            "Firefox 140, Linux", self._ago(0.01), self._ago(days - 300),
        )  # fmt: skip

    def _ago(self, days: float) -> int:
        return self._real_us - round(days * DAY_US)


def keep_messages(folder: Path, scene: Scene, made: Configuration) -> None:
    """Write what the scene's people were told into an inbox, in the words of the product."""
    office = Office(
        Groups(scene.fleet), made.catalogue, {rule.name: rule for rule in made.rules}, shipped_texts(),
        made.calendar.timezone, ADDRESS,
    )  # fmt: skip
    for record in scene.told:
        notice = record.notice
        incident = scene.known[notice.incident_id]
        alerts = [m.alert for m in scene.memberships.values() if m.incident_id == notice.incident_id]
        text = write_notice(notice, (), [Story(incident, alerts)], office, MessageForm.CHAT, Language.VI)
        message = InboxMessage(
            notice.notice_id,
            notice.to,
            notice.at_us,
            notice.priority,
            text.title,
            text.body,
            notice.incident_id,
        )
        keep_message(folder, message)


def responses_of(scene: Scene, began_us: int) -> Responses:
    """Return how a scene's incidents fared, when its people were told, and what stands since before."""
    moments: dict[str, list[int]] = {}
    first: dict[str, int] = {}
    for record in scene.told:
        moments.setdefault(record.notice.to, []).append(record.notice.at_us)
        first.setdefault(record.notice.incident_id, record.notice.at_us)
    times = [_times(one, first.get(one.incident_id)) for one in scene.known.values()]
    standing = [one for one in scene.open_incidents if one.began_at_us < began_us]
    return Responses(
        times, moments, [StandingIncident(one, one.acknowledged_at_us is not None) for one in standing]
    )


def _times(one: Incident, told_us: int | None) -> IncidentTimes:
    return IncidentTimes(
        one.incident_id, one.cause, one.rule, one.worst_priority, one.because, one.exercise,
        one.acknowledged_by or one.assignee or "", one.opened_at_us, one.began_at_us, told_us,
        one.acknowledged_at_us, one.quiet_at_us or one.ended_at_us, one.acknowledged_at_us is not None,
    )  # fmt: skip
