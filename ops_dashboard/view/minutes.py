"""An earlier minute as the board knew it: summaries made of what is stored (pure).

A minute is shown as it stood at its beginning. Its figures are those of the last tick before, which is what
the stored minute before it holds. What single schools may not show of a sum is not stored, so that pupils are
told as figures of the past are (`ops_dashboard.view.past`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from alerting.incidents.replay import DeskThen
from contract.alert import Alert, is_chronic
from contract.calendar import MINUTE_US
from contract.catalogue import Catalogue
from contract.fleet import STREAMS_OF, DeviceKind, Fleet
from contract.live import STATE_ALERTED, STATE_CHRONIC, STATE_NORMAL, STATE_UNKNOWN, Kpi, Summary
from contract.routing.silence import Silence
from contract.series import METRIC_BITS, series_of
from ops_dashboard.view.past import Past, PastSums, told_sums

NO_SERIES: Final = -1
FIGURES: Final = ("connected", "attendance", "elearning", "down_bps", "up_bps")


class MinuteThen(NamedTuple):
    """All that is known of a minute."""

    desk: DeskThen
    silences: Sequence[Silence]
    sums: Mapping[int, Mapping[str, Kpi]]
    """By partition that told any, of its last tick, and metric."""
    heard: frozenset[int] | None
    """Series that were heard; None where nobody knows any more."""
    past: Past

    @property
    def at_us(self) -> int:
        """Its beginning, log time."""
        return self.desk.at_us


class SchoolLayout:
    """Where the schools of a fleet are, and by which series each is heard."""

    def __init__(self, fleet: Fleet, catalogue: Catalogue, partitions: int) -> None:
        of_school = fleet.partition_of_schools(partitions)
        self.members = [np.flatnonzero(of_school == p) for p in range(partitions)]
        self.heartbeat = _heartbeats(fleet, catalogue)
        """Series by school, shape (schools,); `NO_SERIES` where it has none."""
        self._positions = fleet.school_position

    def letters(self, alerts: Iterable[Alert], heard: frozenset[int] | None) -> NDArray[np.uint8]:
        """Return each school's state as the fold says it (`contract.live`), shape (schools,)."""
        known = np.isin(self.heartbeat, sorted(heard or ()))
        found = np.where(known, ord(STATE_NORMAL), ord(STATE_UNKNOWN)).astype(np.uint8)
        worst = np.full(len(found), 9, np.uint8)
        for alert in alerts:
            position = self._positions.get(alert.school_id)
            if position is not None and is_chronic(alert.rule):
                found[position] = ord(STATE_CHRONIC)
            elif position is not None:
                worst[position] = min(worst[position], alert.priority)
        return np.where(worst < 9, ord(STATE_ALERTED[0]) + worst - 1, found).astype(np.uint8)


def _heartbeats(fleet: Fleet, catalogue: Catalogue) -> NDArray[np.int64]:
    """Return each school's first series of a gateway's heartbeat, else its first of any."""
    found = np.full(len(fleet.schools), NO_SERIES, np.int64)
    beats = [metric for metric in catalogue.metrics if metric.heartbeat]
    for device in sorted(fleet.devices, key=lambda one: one.kind is DeviceKind.GATEWAY):
        position = fleet.school_position.get(device.school_id)
        own = [m for m in beats if m.stream in STREAMS_OF[device.kind]]
        if position is not None and own:
            found[position] = series_of(device.id, own[0].id)
    return found


def stale_us(layout: SchoolLayout, catalogue: Catalogue) -> int:
    """Return for how long a heartbeat counts, µs: the longest of any that is used."""
    used = {int(series) & ((1 << METRIC_BITS) - 1) for series in layout.heartbeat if series != NO_SERIES}
    return max((round(catalogue.by_id[metric].stale_s * 1e6) for metric in used), default=MINUTE_US)


def summaries_then(minute: MinuteThen, layout: SchoolLayout) -> tuple[list[Summary], frozenset[str]]:
    """Return what the partitions said, and the metrics whose sums may not be told.

    The city's sums stand in one of the summaries: what may be told of pupils is so of all schools at once. Of
    a partition that said nothing the schools are expected, as many as of the others.
    """
    city: dict[str, PastSums] = {}
    heard = sum(len(layout.members[p]) for p in minute.sums)
    share = sum(map(len, layout.members)) / heard if heard else 0.0
    for kpis in minute.sums.values():
        for name, kpi in kpis.items():
            before = city.get(name, PastSums(0.0, 0.0, 0.0))
            city[name] = PastSums(
                before.expected + kpi.expected * share,
                before.reporting + kpi.reporting,
                before.total + kpi.total,
            )
    told, untold = told_sums(city)
    letters = layout.letters(minute.desk.alerts, minute.heard)
    found = []
    for n, partition in enumerate(sorted(minute.sums)):
        states = letters[layout.members[partition]].tobytes().decode("ascii")
        kpis = {name: Kpi(round(s.expected), round(s.reporting), s.total) for name, s in told.items()}
        found.append(Summary(partition, minute.at_us, 1, states, kpis if n == 0 else {}))
    return found, untold


def silence_then(silence: Silence, at_us: int) -> Silence | None:
    """Return a silence as it was known at a moment; None of one that was not made yet, or was over."""
    if silence.ended_at_us is not None and silence.ended_at_us > at_us:
        silence = replace(silence, ended_at_us=None, ended_by=None, replaced_by=None)
    return silence if silence.created_at_us <= at_us < silence.end_us else None


def unkept_figures(minute: MinuteThen, *, of_city: bool) -> list[str]:
    """Return the figures of which nothing is stored: of a part of the city none is."""
    return [] if of_city and minute.sums else list(FIGURES)
