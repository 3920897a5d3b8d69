"""What the fold of notices remembers: how far each escalation is, who heard what, and what each gets."""

import heapq
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from contract.incident import Incident
from contract.routing.notice import NoticeReason

WINDOW_US: Final = 600 * 1_000_000
"""RecipientLoad is counted over ten minutes, µs. Source: ISA-18.2, alarms per operator and ten minutes."""


class Course(msgspec.Struct, frozen=True):
    """How far the escalation of a route is with an incident."""

    route: str
    place: int
    """Steps told since the escalation began."""
    due_us: int
    """When the next one is due by the waits of the escalation, log time."""
    at_us: int | None
    """When it may be told: within the route's hours, and after a silence; None if there is no such hour."""
    reason: NoticeReason
    """What began the escalation."""
    awaited: tuple[str, ...] = ()
    """Recipients of the last step told of whom it is not known that no channel of theirs works."""
    outside: tuple[str, ...] = ()
    """Persons whom steps named and who were not told, for the incident is none of their area."""


class Awareness(msgspec.Struct, frozen=True):
    """What a contact knows of an incident: that it is there, so that its end is owed."""

    to: str
    contact: str
    route: str
    step: int
    at_us: int
    priority: int
    """The worst that the incident had had by then."""
    schools: int
    """The most that it had had by then."""
    exercise: str = ""
    """The exercise that it was told as; else empty."""
    due_us: int | None = None
    """When something else is to be said: that it is worse, or over; None for nothing."""
    told: int = 1
    """Notices of it that were not withheld; of 0 no end is owed."""


class Pursuit(msgspec.Struct):
    """An incident in the hands of the fold: until it is over and everybody who heard of it knows that."""

    incident: Incident
    """As it stands; one that is kept is newer in its own table."""
    courses: dict[str, Course] = {}
    """By route."""
    heard: dict[str, Awareness] = {}
    """By recipient."""
    held: str = ""
    """The silence that keeps it from being told, as last written down; else empty."""

    @property
    def is_over(self) -> bool:
        """Whether the incident resolved or was merged."""
        return self.incident.ended_at_us is not None

    @property
    def due_us(self) -> int | None:
        """Log time at which something is to be decided; None while nothing waits."""
        due = [course.at_us for course in self.courses.values() if course.at_us is not None]
        due += [heard.due_us for heard in self.heard.values() if heard.due_us is not None]
        return min(due, default=None)


class Postponed(msgspec.Struct, frozen=True):
    """What a contact gets in its next digest."""

    reason: NoticeReason
    contact: str
    route: str
    step: int


class RecipientLoad(msgspec.Struct):
    """What one contact gets."""

    recent_us: tuple[int, ...] = ()
    """When it was told within the last `WINDOW_US`, log time, in order."""
    postponed: dict[str, Postponed] = {}
    """By incident."""
    due_us: int | None = None
    """When the digest of what is postponed is due, log time."""

    def recent(self, at_us: int) -> tuple[int, ...]:
        """Return when it was told within the window that ends at a moment."""
        return tuple(us for us in self.recent_us if us > at_us - WINDOW_US)


class NoticesKey(NamedTuple):
    """What a part of the state is about."""

    kind: str
    """`incident`, or `recipient`; the first is decided first of what is due at one moment."""
    name: str


class Notices:
    """All of it. What changes is named in `changed` until `saved`."""

    def __init__(self) -> None:
        self.pursuits: dict[str, Pursuit] = {}
        """By incident."""
        self.loads: dict[str, RecipientLoad] = {}
        """By recipient."""
        self.changed: set[NoticesKey] = set()
        self._due: list[tuple[int, NoticesKey]] = []

    @property
    def due_us(self) -> int | None:
        """Log time at which the next decision is due; None while nothing waits."""
        while self._due and not self._holds(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def pop_due(self) -> tuple[int, NoticesKey]:
        """Take the next decision that is due, with its log time; there must be one."""
        if self.due_us is None:
            raise LookupError("nothing is due")
        return heapq.heappop(self._due)

    def note(self, key: NoticesKey) -> None:
        """Remember that a part changed."""
        self.changed.add(key)
        self._push(key)

    def saved(self) -> dict[str, bytes | None]:
        """Return the parts that changed since the last call, by key; None for one that is gone."""
        parts = {f"{key.kind}:{key.name}": self._encoded(key) for key in sorted(self.changed)}
        self.changed.clear()
        return parts

    def _encoded(self, key: NoticesKey) -> bytes | None:
        part = self._part(key)
        return None if part is None else msgspec.msgpack.encode(part)

    def _part(self, key: NoticesKey) -> Pursuit | RecipientLoad | None:
        return self.pursuits.get(key.name) if key.kind == "incident" else self.loads.get(key.name)

    def _holds(self, at_us: int, key: NoticesKey) -> bool:
        part = self._part(key)
        return part is not None and part.due_us == at_us

    def _push(self, key: NoticesKey) -> None:
        part = self._part(key)
        if part is not None and part.due_us is not None:
            heapq.heappush(self._due, (part.due_us, key))


def restore_notices(parts: Mapping[str, bytes], incidents: Iterable[Incident]) -> Notices:
    """Return the state that was saved.

    Args:
        parts: as `Notices.saved` gave them, the last of each key.
        incidents: all that are kept, as they stand.
    """
    state = Notices()
    newest = {incident.incident_id: incident for incident in incidents}
    for word, part in parts.items():
        key = NoticesKey(*word.split(":", 1))
        if key.kind == "incident":
            pursuit = msgspec.msgpack.decode(part, type=Pursuit)
            pursuit.incident = newest.get(key.name, pursuit.incident)
            state.pursuits[key.name] = pursuit
        else:
            state.loads[key.name] = msgspec.msgpack.decode(part, type=RecipientLoad)
        state.note(key)
    state.changed.clear()
    return state
