"""What one area is told, and the pages that listen: a board, and what changed since it was last told."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from contract.access.area import Area
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.targets import Targets
from contract.fleet import Fleet
from contract.incident import Incident
from contract.live import AlertChanged, NoticeTried, Summary
from contract.privacy import shown_change
from contract.routing.silence import Silence
from ops_dashboard.config import DashboardConfig
from ops_dashboard.live.client import Client
from ops_dashboard.view.areas import WallArea
from ops_dashboard.view.board import Board
from ops_dashboard.view.narrowing import Narrowing
from ops_dashboard.view.snapshot import Snapshot

CHANGES_MAX: Final = 200
"""More changes at once than this are not sent one by one: the pages read the table anew instead."""
_json: Final = msgspec.json.Encoder()


class Hello(msgspec.Struct, frozen=True, tag_field="kind", tag="hello"):
    """The first message to a browser."""

    build: str
    topology: str
    province: str
    """Token of the fleet's province in topics: all that a watchdog must know to publish its canaries."""
    partitions: int


class Changes(msgspec.Struct, frozen=True, tag_field="kind", tag="changes"):
    """Alerts that changed within the last moment, in order."""

    changes: Sequence[AlertChanged]


class IncidentsMoved(msgspec.Struct, frozen=True, tag_field="kind", tag="incidents"):
    """Incidents that changed within the last moment; pages that show any ask for the rest."""

    ids: Sequence[str]
    """Empty for more than `CHANGES_MAX`: it may be any."""


class SilencesMoved(msgspec.Struct, frozen=True, tag_field="kind", tag="silences"):
    """Silences that were made or ended within the last moment; pages that show them ask for all."""


class DutyMoved(msgspec.Struct, frozen=True, tag_field="kind", tag="duty"):
    """Duty was swapped, or a swap ended; pages that show who is on duty ask anew."""


class Feed:
    """The board of an area; of the whole city where nothing is narrowed."""

    def __init__(self, board: Board, hello: Hello, catalogue: Catalogue, narrowing: Narrowing | None) -> None:
        self.board = board
        self.narrowing = narrowing
        self.clients: set[Client] = set()
        self.hello = _json.encode(hello)
        self.latest: bytes = b""
        """The last snapshot as it went out; empty before the first."""
        self._catalogue = catalogue
        self._incidents: dict[str, Incident] = {}
        """Open ones as they are in the city; of a narrowed feed those that are seen from it."""
        self._changes: list[AlertChanged] = []
        self._moved: set[str] = set()

    def accept_summary(self, summary: Summary) -> bool:
        """Keep a partition's summary, one that fits the city; False if it says less than the one we have."""
        return self.board.accept_summary(self.narrowing.summary(summary) if self.narrowing else summary)

    def apply(self, changed: AlertChanged, now_us: int) -> None:
        """Fold one change of an alert; `now_us` is the log time of its arrival."""
        if self.narrowing is not None and not self.narrowing.has(changed.alert.school_id):
            return
        self.board.apply(changed, now_us)
        self._changes.append(changed)
        if self.narrowing is not None:
            for incident in list(self._incidents.values()):
                self._see(incident)

    def apply_incident(self, incident: Incident) -> None:
        """Keep an incident as it stands now."""
        self._incidents[incident.incident_id] = incident
        if self._see(incident):
            self._moved.add(incident.incident_id)
        if incident.ended_at_us is not None:
            del self._incidents[incident.incident_id]

    def apply_silence(self, silence: Silence) -> None:
        """Keep a silence as it stands now."""
        self.board.apply_silence(silence)

    def replace_open(
        self, alerts: Iterable[Alert], incidents: Iterable[Incident], silences: Iterable[Silence]
    ) -> bool:
        """Take what is open as read from the tables; return whether anything differed."""
        self._incidents = {i.incident_id: i for i in incidents}
        if self.narrowing is None:
            return self.board.replace_open(alerts, self._incidents.values(), silences)
        own = self.narrowing.alerts(alerts)
        seen = [self.narrowing.incident(i, own) for i in self._incidents.values()]
        return self.board.replace_open(own, [i for i in seen if i is not None], silences)

    def tells(self, tried: NoticeTried) -> bool:
        """Return whether what became of a notice is told here."""
        if self.narrowing is None:
            return True
        incident = self._incidents.get(tried.incident_id)
        return incident is not None and self.narrowing.covers(incident)

    def flush(self) -> list[bytes]:
        """Return what changed since the last time, as it is told."""
        told: list[bytes] = []
        changes, self._changes = self._changes, []
        if len(changes) > CHANGES_MAX:
            self.board.alerts_version += 1
        elif changes:
            told.append(_json.encode(Changes([shown_change(one, self._catalogue) for one in changes])))
        moved, self._moved = self._moved, set()
        if moved:
            told.append(_json.encode(IncidentsMoved(sorted(moved) if len(moved) <= CHANGES_MAX else ())))
        return told

    def replace_summaries(self, summaries: Iterable[Summary]) -> None:
        """Take the summaries of another moment, ones that fit the city, in place of all that there are."""
        own = self.narrowing
        self.board.replace_summaries(summaries if own is None else map(own.summary, summaries))

    def snapshot(self, city: Board, real_us: int, sequence: int, part: WallArea | None) -> Snapshot:
        """Return everything at a real time, of all that is seen here or of a part.

        The figures of a whole cluster or ward are those that the city's board tells of it: it alone knows
        what may stand beside those of all others.
        """
        found = self.board.snapshot(real_us, sequence, part)
        whole = None if self.narrowing is None else self.narrowing.whole_part(part)
        if whole is None:
            return found
        told = city.snapshot(real_us, sequence, whole)
        by_cluster, withheld = found.attendance_by_cluster, found.attendance_withheld
        if not whole.is_ward and len(by_cluster) == 1:
            by_cluster, withheld = [told.attendance.value], [0] * told.attendance.withheld
        return msgspec.structs.replace(
            found,
            connected=told.connected,
            attendance=told.attendance,
            elearning=told.elearning,
            down=told.down,
            up=told.up,
            session=told.session,
            attendance_by_cluster=by_cluster,
            attendance_withheld=withheld,
        )

    def _see(self, incident: Incident) -> bool:
        """Show an incident as it is seen from here; return whether it is or was."""
        if self.narrowing is None:
            self.board.apply_incident(incident)
            return True
        was = incident.incident_id in self.board.incidents
        seen = self.narrowing.incident(incident, self.board.open_alerts.values())
        gone = msgspec.structs.replace(incident, ended_at_us=incident.counted_at_us)
        self.board.apply_incident(gone if seen is None else seen)
        return was or seen is not None


def make_feed(
    config: DashboardConfig,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    targets: Targets,
    area: Area,
) -> Feed:
    """Return the feed of an area, with nothing on its board yet."""
    narrowing = None if area.is_city else Narrowing(fleet, area, config.partitions)
    own = fleet if narrowing is None else narrowing.fleet
    board = Board(
        own,
        config.partitions,
        config.clock,
        calendar,
        build_id=config.build_id,
        coverage_min=config.coverage_min,
        stale_s=config.summary_stale_s,
        targets=targets,
    )
    hello = Hello(config.build_id, own.version, own.province, config.partitions)
    return Feed(board, hello, catalogue, narrowing)
