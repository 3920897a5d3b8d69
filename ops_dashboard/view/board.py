"""What the wall shows, from summaries, alerts, incidents and silences (pure: every time is passed in)."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from alerting.incidents.groups import Groups
from alerting.silences.matching import in_maintenance, muted
from contract.alert import Alert, chronic_devices, is_chronic
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID
from contract.clock import LogClock
from contract.figures.targets import Targets
from contract.fleet import Fleet
from contract.incident import Incident
from contract.live import (
    STATE_ALERTED,
    STATE_CHRONIC,
    STATE_MAINTENANCE,
    STATE_NORMAL,
    STATE_UNKNOWN,
    AlertChanged,
    Kpi,
    Summary,
)
from contract.routing.silence import Silence
from ops_dashboard.view.areas import CitySums, WallArea, wards_of
from ops_dashboard.view.kpis import Tiles, add_kpis, make_affected, make_tiles
from ops_dashboard.view.lines import incidents_within, is_silenced, wall_incidents, wall_line
from ops_dashboard.view.past import Past
from ops_dashboard.view.snapshot import Open, Snapshot

TOP_LINES = 5
"""Alarms on the wall: three to five. Source: EEMUA 191, what one operator can keep in mind."""
_ALERTED = np.frombuffer(STATE_ALERTED.encode(), np.uint8)
_CHRONIC = ord(STATE_CHRONIC)
_CALM = np.frombuffer((STATE_NORMAL + STATE_UNKNOWN + STATE_CHRONIC).encode(), np.uint8)
_UNKNOWN = ord(STATE_UNKNOWN)
_NORMAL = ord(STATE_NORMAL)
_MAINTENANCE = ord(STATE_MAINTENANCE)


class Board:
    """The newest summary of each partition, all open alerts and incidents, all silences that are not over."""

    def __init__(
        self,
        fleet: Fleet,
        partitions: int,
        clock: LogClock,
        calendar: SchoolCalendar,
        *,
        build_id: str = "",
        coverage_min: float = 0.8,
        stale_s: float = 15.0,
        targets: Targets | None = None,
    ) -> None:
        self._fleet = fleet
        self._targets = targets or {}
        self.past = Past()
        """What the figures of the city were; whoever reads the tables puts it here."""
        self.untold: frozenset[str] = frozenset()
        """Metrics whose sums over the city may not be told: of a stored minute, whoever reads it says so."""
        self.groups = Groups(fleet)
        self._partitions = partitions
        self._clock = clock
        self._calendar = calendar
        self._build_id = build_id
        self._coverage_min = coverage_min
        self._stale_s = stale_s
        of_school = fleet.partition_of_schools(partitions)
        self._members = [np.flatnonzero(of_school == p) for p in range(partitions)]
        self._summaries: dict[int, Summary] = {}
        self._open: dict[str, Alert] = {}
        self._incidents: dict[str, Incident] = {}
        self._silences: dict[str, Silence] = {}
        self._calmed_us = np.zeros(len(fleet.schools), np.int64)
        self._sums: tuple[tuple[object, ...], CitySums] | None = None
        self.alerts_version = 0

    def fits(self, summary: Summary) -> bool:
        """Return whether a summary is one of this fleet and partition count."""
        return 0 <= summary.partition < self._partitions and len(summary.states) == len(
            self._members[summary.partition]
        )

    def accept_summary(self, summary: Summary) -> bool:
        """Keep a partition's summary; False if it does not fit, or says less than the one we have.

        An owner that was paused may come back and speak of a position that its successor has passed.
        """
        if not self.fits(summary):
            return False
        known = self._summaries.get(summary.partition)
        if known is not None and self._is_outdated(summary, known):
            return False
        self._summaries[summary.partition] = summary
        return True

    def replace_summaries(self, summaries: Iterable[Summary]) -> None:
        """Take the summaries of another moment, ones that fit, in place of all that there are."""
        self._summaries = {summary.partition: summary for summary in summaries}

    def _is_outdated(self, summary: Summary, known: Summary) -> bool:
        """Whether the partition has gone on; a log that began anew counts from 1, but its time goes on."""
        later_s = (self._clock.real_us(summary.at_us) - self._clock.real_us(known.at_us)) / 1e6
        return (summary.seq, summary.at_us) < (known.seq, known.at_us) and later_s <= self._stale_s

    def apply(self, changed: AlertChanged, now_us: int) -> None:
        """Fold one change of an alert; `now_us` is the log time of its arrival."""
        alert = changed.alert
        if alert.resolved_at_us is None:
            self._open[alert.alert_id] = alert
            return
        self._open.pop(alert.alert_id, None)
        position = self._fleet.school_position.get(alert.school_id)
        if position is not None:
            self._calmed_us[position] = now_us

    def apply_incident(self, incident: Incident) -> None:
        """Keep an incident as it stands now, until it is over."""
        if incident.ended_at_us is None:
            self._incidents[incident.incident_id] = incident
        else:
            self._incidents.pop(incident.incident_id, None)

    def apply_silence(self, silence: Silence) -> None:
        """Keep a silence as it stands now; time alone ends it."""
        self._silences[silence.silence_id] = silence

    def replace_open(
        self, alerts: Iterable[Alert], incidents: Iterable[Incident], silences: Iterable[Silence] = ()
    ) -> bool:
        """Take what is open as read from the tables; return whether anything differed."""
        known = self._open, self._incidents, self._silences
        self._open = {a.alert_id: a for a in alerts}
        self._incidents = {i.incident_id: i for i in incidents}
        self._silences = {s.silence_id: s for s in silences}
        self.alerts_version += (self._open, self._incidents) != known[:2]
        return known != (self._open, self._incidents, self._silences)

    @property
    def open_alerts(self) -> Mapping[str, Alert]:
        """All open alerts, by id."""
        return self._open

    @property
    def summaries(self) -> list[Summary]:
        """The newest of each partition that said anything."""
        return list(self._summaries.values())

    @property
    def incidents(self) -> Mapping[str, Incident]:
        """All that are shown, by id."""
        return self._incidents

    @property
    def silences(self) -> Mapping[str, Silence]:
        """All that are not over, by id; some may be."""
        return self._silences

    def states(self, real_us: int) -> str:
        """Return one character a school: the summary's state, worst open alert on top.

        A priority in a summary older than the school's last resolved alert is no longer believed,
        so that a resolve is on the wall before the next tick.
        """
        codes = np.full(len(self._fleet.schools), _UNKNOWN, np.uint8)
        for partition, members in enumerate(self._members):
            summary = self._summaries.get(partition)
            if summary is None or not self._is_fresh(summary, real_us):
                continue
            own = np.frombuffer(summary.states.encode("ascii"), np.uint8).copy()
            old = np.isin(own, [*_ALERTED, _CHRONIC]) & (self._calmed_us[members] >= summary.at_us)
            own[old] = _NORMAL
            codes[members] = own
        self._put_alerts(codes)
        at_us = self._clock.log_us(real_us)
        codes[list(in_maintenance(self._silences.values(), self._fleet, self._calendar, at_us))] = (
            _MAINTENANCE
        )
        return codes.tobytes().decode("ascii")

    def _put_alerts(self, codes: NDArray[np.uint8]) -> None:
        for alert in self._open.values():
            position = self._fleet.school_position.get(alert.school_id)
            if position is None:
                continue
            mark = _ALERTED[alert.priority - 1]
            if is_chronic(alert.rule):
                mark = _CHRONIC if codes[position] in _CALM else codes[position]
            codes[position] = mark if codes[position] in _CALM else min(codes[position], mark)

    def muted(self, at_us: int) -> frozenset[str]:
        """Return the ids of the open alerts that are muted at a log time."""
        found = muted(self._silences.values(), self._open.values(), self._fleet, self._calendar, at_us)
        return frozenset(alert.alert_id for alert in found)

    def silenced_incidents(self, quiet: frozenset[str]) -> frozenset[str]:
        """Return the ids of the incidents all of whose open alerts are among the muted ones."""
        incidents, alerts = self._incidents.values(), self._open.values()
        return frozenset(
            i.incident_id for i in incidents if i.alerts and is_silenced(i, alerts, quiet, self._fleet)
        )

    def open_summary(self, live_partitions: int, at_us: int, area: WallArea | None = None) -> Open:
        """Return the open alerts of the city or of an area in numbers at a log time, and its first lines."""
        alerts, incidents = list(self._open.values()), list(self._incidents.values())
        if area is not None:
            own = self._fleet.ids_of_wards(wards_of(area, self._fleet)) | {SYSTEM_SCHOOL_ID}
            alerts = [a for a in alerts if a.school_id in own]
            incidents = incidents_within(incidents, alerts, own, self._fleet)
        alarms = _as_alarms(a for a in alerts if not is_chronic(a.rule))
        quiet = self.muted(at_us)
        waiting = [a for a in alarms if a.acknowledged_at_us is None]
        silenced = self.silenced_incidents(quiet) if quiet else frozenset()
        # Whoever is told of nothing need not take it: it stands after all that somebody should.
        shown = sorted(wall_incidents(incidents, self._fleet), key=lambda i: i.incident_id in silenced)
        return Open(
            by_priority=[sum(a.priority == p for a in alarms) for p in (1, 2, 3)],
            unacknowledged=len(waiting),
            sounding=sum(a.priority == 1 and a.alert_id not in quiet for a in waiting),
            muted=sum(alert.alert_id in quiet for alert in alarms),
            lines=[wall_line(i, self._fleet, i.incident_id in silenced, at_us) for i in shown[:TOP_LINES]],
            line_count=len(shown),
            lines_by_priority=[sum(i.priority == p for i in shown) for p in (1, 2, 3)],
            untaken=sum(i.unacknowledged > 0 and i.incident_id not in silenced for i in shown),
            chronic=chronic_devices(alerts),
            live_partitions=live_partitions,
            partitions=self._partitions,
        )

    def snapshot(self, real_us: int, sequence: int, area: WallArea | None = None) -> Snapshot:
        """Return everything at a real time in µs since 1970, of the whole city or of an area."""
        ages = [self._partition_age_s(p, real_us) for p in range(self._partitions)]
        known = [age for age in ages if age is not None]
        fresh = [age for age in known if age <= self._stale_s]
        sums = self.sums(real_us)
        tiles, (shares, withheld) = self._tiles(sums, real_us, area), sums.attendance(self._coverage_min)
        at_us, states = self._clock.log_us(real_us), self.states(real_us)
        return Snapshot(
            sequence=sequence,
            build=self._build_id,
            area="" if area is None else area.code,
            topology=self._fleet.version,
            alerts_version=self.alerts_version,
            at_us=at_us,
            age_s=min(known, default=None),
            partition_age_s=ages,
            canary=self._canary(),
            states=states,
            connected=tiles.connected,
            attendance=tiles.attendance,
            elearning=tiles.elearning,
            affected=make_affected(states, self._fleet.pupils, self._within(area), self._targets),
            session=self._calendar.session_name(tiles.attendance.latest_us),
            attendance_by_cluster=shares,
            attendance_withheld=withheld,
            open=self.open_summary(len(fresh), at_us, area),
            down=tiles.down_bps,
            up=tiles.up_bps,
        )

    def metric_sums(self, real_us: int) -> dict[str, Kpi]:
        """Return each metric over all partitions; a silent partition still expects, and reports nothing."""
        return add_kpis(self._kpis(real_us))

    def sums(self, real_us: int) -> CitySums:
        """Return the sums by ward; added up once for all that look at the same summaries."""
        parts = [(s, self._is_fresh(s, real_us)) for s in self._summaries.values()]
        of = tuple((s.partition, s.seq, s.at_us, is_fresh) for s, is_fresh in parts)
        if self._sums is None or self._sums[0] != of:
            self._sums = of, CitySums(self._fleet, ((s.wards, is_fresh) for s, is_fresh in parts))
        return self._sums[1]

    def _tiles(self, sums: CitySums, real_us: int, area: WallArea | None) -> Tiles:
        """Return the figures; of the past of an area nothing is kept."""

        def latest_us(metric: str) -> int:
            return sums.latest_us(metric, area)

        if area is None:
            sums_of_city = self.metric_sums(real_us)
            return make_tiles(
                sums_of_city, self._coverage_min, self._targets, self.past, latest_us, self.untold
            )
        untold = frozenset(m for m in ("present", "active_users") if not sums.tells(m, area))
        return make_tiles(sums.kpis(area), self._coverage_min, self._targets, Past(), latest_us, untold)

    def _within(self, area: WallArea | None) -> NDArray[np.bool_]:
        if area is None:
            return np.ones(len(self._fleet.schools), np.bool_)
        return np.isin(self._fleet.ward_index, wards_of(area, self._fleet))

    def _canary(self) -> dict[int, tuple[int, float]]:
        return {
            partition: (summary.canary.time_us, summary.canary.value)
            for partition, summary in sorted(self._summaries.items())
            if summary.canary is not None
        }

    def _kpis(self, real_us: int) -> list[Mapping[str, Kpi]]:
        """Return each partition's sums; a silent partition still expects, and reports nothing."""
        parts: list[Mapping[str, Kpi]] = []
        for summary in self._summaries.values():
            if self._is_fresh(summary, real_us):
                parts.append(summary.kpis)
                continue
            parts.append(
                {n: Kpi(expected=k.expected, reporting=0, total=0.0) for n, k in summary.kpis.items()}
            )
        return parts

    def _is_fresh(self, summary: Summary, real_us: int) -> bool:
        return self._age_s(summary, real_us) <= self._stale_s

    def _partition_age_s(self, partition: int, real_us: int) -> float | None:
        summary = self._summaries.get(partition)
        return None if summary is None else round(self._age_s(summary, real_us), 1)

    def _age_s(self, summary: Summary, real_us: int) -> float:
        return max(0.0, (real_us - self._clock.real_us(summary.at_us)) / 1e6)


def _as_alarms(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts as people count them: of those about the center itself one a rule."""
    schools: list[Alert] = []
    system: dict[str, Alert] = {}
    for alert in alerts:
        if alert.school_id != SYSTEM_SCHOOL_ID:
            schools.append(alert)
        elif alert.rule not in system or alert.acknowledged_at_us is None:
            system[alert.rule] = alert
    return [*schools, *system.values()]
